// user_task: asks a person to fill in a form. What they send is the step's output.

import { z } from 'zod';
import { taskFields, toTask } from './task.ts';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({ ...taskFields, form: z.unknown().optional() });

export const userTask: StepHandler<z.infer<typeof schema>> = {
  type: 'user_task',
  schema: schema as z.ZodType<z.infer<typeof schema>>,
  run(config): Promise<StepResult> {
    return Promise.resolve(toTask(config));
  },
};
