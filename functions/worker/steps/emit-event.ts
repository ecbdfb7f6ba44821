// emit_event: the transaction that completes the step also publishes the event, so that it is published exactly once.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({
  name: z
    .string()
    .regex(
      /^[A-Za-z][\w.-]{0,99}$/,
      'starts with a letter, has letters, digits, _ . - (at most 100)',
    )
    .refine((name) => !name.startsWith('run.'), 'events that begin with run. are the engine`s own'),
  payload: z.unknown().optional(),
});

export const emitEvent: StepHandler<z.infer<typeof schema>> = {
  type: 'emit_event',
  schema: schema as z.ZodType<z.infer<typeof schema>>,
  run(config): Promise<StepResult> {
    const event = { name: config.name, payload: config.payload ?? null };
    return Promise.resolve({ kind: 'completed', output: event, emit: [event] });
  },
};
