// user_task: asks a person to fill in a form; the submitted values are the output.

import { userTaskType } from '../../_shared/step-types/user-task.ts';
import { toTask } from './task.ts';
import type { StepHandler, StepResult } from './types.ts';

export const userTask: StepHandler<typeof userTaskType> = {
  stepType: userTaskType,
  run(config, { component }): Promise<StepResult> {
    const waiting = toTask(config);
    if (waiting.kind === 'waiting' && waiting.task && component?.ui_widget_id) {
      const { ui_widget_id: id, ui_definitions: definitions } = component;
      waiting.task.widget = { id, definitions };
    }
    return Promise.resolve(waiting);
  },
};
