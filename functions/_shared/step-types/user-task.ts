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
  config: z.object({ ...taskFields, form: z.unknown().optional() }),
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
