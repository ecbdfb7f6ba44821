// send_signal: sends a signal to another run, by default to the parent.

import { z } from 'zod';
import { eventName } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const sendSignalType = defineStepType({
  name: 'send_signal',
  label: 'Send signal',
  description: 'Sends a signal to its parent, or to another run.',
  icon: 'radio',
  color: '#0d9488',
  category: 'action',
  config: z.strictObject({
    signal_name: eventName,
    /** `parent`, or the id of a run of the same app. */
    run: z.string().min(1).default('parent'),
    payload: z.unknown().optional(),
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
