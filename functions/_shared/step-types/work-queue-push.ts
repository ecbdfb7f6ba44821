// work_queue_push: leaves an item for another run.

import { z } from 'zod';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const workQueuePushType = defineStepType({
  name: 'work_queue_push',
  label: 'Push to work queue',
  description: 'Puts an item into a work queue.',
  icon: 'inbox',
  color: '#0d9488',
  category: 'data',
  config: z.strictObject({
    /** Of its own workflow, or `workflow/queue`. */
    queue: z.string().min(1),
    item: z.unknown().optional(),
    priority: z.int().min(-1_000_000).max(1_000_000).optional(),
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
