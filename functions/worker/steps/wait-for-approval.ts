// wait_for_approval: asks a person to approve or reject. The decision or the deadline completes the step; the engine
// writes {approved, comment, decided_by} and chooses the handle 'approved', 'rejected' or 'timeout'.

import { z } from 'zod';
import { taskFields, toTask } from './task.ts';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object(taskFields);

export const waitForApproval: StepHandler<z.infer<typeof schema>> = {
  type: 'wait_for_approval',
  schema: schema as z.ZodType<z.infer<typeof schema>>,
  run(config): Promise<StepResult> {
    return Promise.resolve(toTask(config));
  },
};
