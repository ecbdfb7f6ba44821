// for_each: runs one step for every item of a list.

import { z } from 'zod';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

const MAX_ITEMS = 10_000;

export const forEachType = defineStepType({
  name: 'for_each',
  label: 'For each',
  description: 'Runs one step for every item of a list.',
  icon: 'repeat',
  color: '#64748b',
  category: 'control',
  config: z.strictObject({
    items: z.array(z.unknown()).max(MAX_ITEMS, `has more than ${MAX_ITEMS} items`),
    /** The step of every item. It has a scope of its own (item, index). */
    step: z.strictObject({
      type: z.string(),
      config: z.record(z.string(), z.unknown()),
      // They apply to all items and stand beside config; the database refuses them here with that reason.
      retry: z.unknown().optional(),
      timeout_ms: z.unknown().optional(),
      on_error: z.unknown().optional(),
    }),
    concurrency: z.int().min(1).max(1_000).default(10),
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: 'items',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: false,
  allowedInCompensation: false,
});
