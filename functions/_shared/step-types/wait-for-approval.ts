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
  config: z.strictObject({
    ...taskFields,
    /** How many persons must approve. */
    approvals_required: z.int().min(1).max(20).nullish(),
    /** `first`: one rejection decides; `unreachable`: only when too few approvers are left. */
    reject_on: z.enum(['first', 'unreachable']).nullish(),
    /** The person who started the run cannot decide. */
    exclude_requester: z.boolean().nullish(),
  }),
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
