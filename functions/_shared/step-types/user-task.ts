// user_task: asks a person to fill in a form.

import { z } from 'zod';
import { taskFields } from './config.ts';
import { defineStepType } from './define.ts';

export const userTaskType = defineStepType({
  name: 'user_task',
  label: 'User task',
  description: 'Waits until a person has filled in a form.',
  icon: 'clipboard-list',
  color: '#d97706',
  category: 'human',
  config: z.strictObject({
    ...taskFields,
    form: z.unknown().optional(),
    /** A component whose widget shows the task. */
    component: z.string().min(1).optional(),
  }),
  rawKeys: {},
  urlKeys: [],
  handles: ['timeout'],
  defaultTimeoutMs: null,
  deadlineKeys: ['deadline_ms'],
  waitKind: 'task',
  isComponent: true,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: false,
  allowedInCompensation: true,
});
