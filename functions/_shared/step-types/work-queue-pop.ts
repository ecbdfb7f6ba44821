// work_queue_pop: takes the next item that another run has left.

import { z } from 'zod';
import { deadlineMs } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const workQueuePopType = defineStepType({
  name: 'work_queue_pop',
  label: 'Pop from work queue',
  description: 'Takes the next item out of a work queue.',
  icon: 'inbox',
  color: '#0d9488',
  category: 'data',
  config: z.strictObject({
    /** Of its own workflow, or `workflow/queue`. */
    queue: z.string().min(1),
    /** Without an item: wait for one (the default), or leave by the handle `empty`. */
    wait: z.boolean().optional(),
    timeout_ms: deadlineMs,
  }),
  rawKeys: {},
  urlKeys: [],
  handles: ['item', 'empty', 'timeout'],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: ['timeout_ms'],
  waitKind: 'queue',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: true,
  allowedInCompensation: true,
});
