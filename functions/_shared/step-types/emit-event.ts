// emit_event: emits an event that may start other workflows.

import { z } from 'zod';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

/** Reserved for the engine: names that start with run., queue.age_high, budget.threshold_reached and task.created. */
const name = z
  .string()
  .regex(
    /^(?!run\.|queue\.age_high$|budget\.threshold_reached$|task\.created$)[A-Za-z][A-Za-z0-9_.-]{0,99}$/,
    'must start with a letter, not with run., have at most 100 letters, digits, _ . -, and not be queue.age_high, budget.threshold_reached or task.created',
  );

export const emitEventType = defineStepType({
  name: 'emit_event',
  label: 'Emit event',
  description: 'Emits an event that may start other workflows.',
  icon: 'zap',
  color: '#d97706',
  category: 'action',
  config: z.strictObject({ name, payload: z.unknown().optional() }),
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
  hasRetryableErrors: false,
  allowedInForEach: true,
  allowedInCompensation: true,
});
