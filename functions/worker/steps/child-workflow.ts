// child_workflow: the engine starts a run of another workflow of the same app; the step waits for it, unless
// `wait` is false.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({
  workflow: z.string().min(1),
  input: z.record(z.string(), z.unknown()).default({}),
  wait: z.boolean().default(true),
  parent_close_policy: z.enum(['terminate', 'abandon', 'request_cancel']).optional(),
  timeout_ms: z.number().int().positive().nullish(),
});

export const childWorkflow: StepHandler<z.infer<typeof schema>> = {
  type: 'child_workflow',
  schema,
  run: ({ timeout_ms, ...child }): Promise<StepResult> =>
    Promise.resolve({
      kind: 'waiting',
      reason: 'child',
      child,
      ...(timeout_ms ? { timeoutMs: timeout_ms } : {}),
    }),
};
