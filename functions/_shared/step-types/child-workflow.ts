// child_workflow: starts a run of another workflow of the same app.

import { z } from 'zod';
import { deadlineMs } from './config.ts';
import { defineStepType } from './define.ts';

export const childWorkflowType = defineStepType({
  name: 'child_workflow',
  label: 'Child workflow',
  description: 'Starts another workflow.',
  icon: 'workflow',
  color: '#7c3aed',
  category: 'control',
  config: z.strictObject({
    workflow: z.string().min(1),
    input: z.record(z.string(), z.unknown()).default({}),
    wait: z.boolean().default(true),
    parent_close_policy: z.enum(['terminate', 'abandon', 'request_cancel']).optional(),
    timeout_ms: deadlineMs,
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: null,
  deadlineKeys: ['timeout_ms'],
  waitKind: 'child',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: true,
  allowedInCompensation: false,
});
