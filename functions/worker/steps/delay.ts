// delay: waits for a duration or until a date; a timer of the engine completes it.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

const longestMs = 366 * 24 * 3_600_000;

/** The dates of JavaScript and PostgreSQL reach further, but have different limits and notations there. */
const earliest = Date.parse('0001-01-01T00:00:00Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

function isOutOfReach(text: string): boolean {
  const at = Date.parse(text);
  return at < earliest || at > latest;
}

const schema = z
  .object({
    ms: z.number().int().min(0).max(longestMs).optional(),
    until: z
      .string()
      .refine((text) => !Number.isNaN(Date.parse(text)), 'is not a date')
      .refine((text) => !isOutOfReach(text), 'must be in the years 1 to 9999')
      .optional(),
  })
  .refine((config) => (config.ms === undefined) !== (config.until === undefined), {
    message: 'give either ms or until',
    path: ['ms'],
  });

export const delay: StepHandler<z.infer<typeof schema>> = {
  type: 'delay',
  schema,
  run(config): Promise<StepResult> {
    // The engine's clock measures the duration, not the clock of this machine.
    return Promise.resolve(
      config.until === undefined
        ? { kind: 'waiting', reason: 'delay', timeoutMs: config.ms ?? 0 }
        : { kind: 'waiting', reason: 'delay', wakeAt: new Date(config.until) },
    );
  },
};
