// query_run: asks another run one of its queries, by default the parent.

import { z } from 'zod';
import { eventName } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const queryRunType = defineStepType({
  name: 'query_run',
  label: 'Query run',
  description: 'Asks its parent, or another run, one of its queries.',
  icon: 'help-circle',
  color: '#0d9488',
  category: 'data',
  config: z.strictObject({
    query_name: eventName,
    /** `parent`, or the id of a run of the same app. */
    run: z.string().min(1).default('parent'),
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
