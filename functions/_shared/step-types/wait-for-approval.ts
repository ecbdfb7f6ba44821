// wait_for_approval: asks a person yes or no.

import { z } from 'zod';
import { taskFields } from './config.ts';
import { defineStepType } from './define.ts';

export const waitForApprovalType = defineStepType({
  name: 'wait_for_approval',
  label: 'Wait for approval',
  description: 'Waits until a person approves or rejects.',
  icon: 'user-check',
  color: '#d97706',
  category: 'human',
  config: z.strictObject(taskFields),
  rawKeys: {},
  urlKeys: [],
  handles: ['approved', 'rejected', 'timeout'],
  defaultTimeoutMs: null,
  deadlineKeys: ['deadline_ms'],
  waitKind: 'task',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: false,
  allowedInCompensation: true,
});
