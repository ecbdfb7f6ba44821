// user_task: asks a person to fill in a form; the submitted values are the output.

import { z } from 'zod';
import { taskFields, toTask } from './task.ts';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({ ...taskFields, form: z.unknown().optional() });

export const userTask: StepHandler<z.infer<typeof schema>> = {
  type: 'user_task',
  schema: schema as z.ZodType<z.infer<typeof schema>>,
  run(config, { component }): Promise<StepResult> {
    const waiting = toTask(config);
    if (waiting.kind === 'waiting' && waiting.task && component?.ui_widget_id) {
      const { ui_widget_id: id, ui_definitions: definitions } = component;
      waiting.task.widget = { id, definitions };
    }
    return Promise.resolve(waiting);
  },
};
