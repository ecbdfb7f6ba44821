// wait_for_signal: waits until send_signal brings the named signal.

import { z } from 'zod';
import { deadlineMs, eventName } from './config.ts';
import { defineStepType } from './define.ts';

export const waitForSignalType = defineStepType({
  name: 'wait_for_signal',
  label: 'Wait for signal',
  description: 'Waits until a signal arrives.',
  icon: 'radio',
  color: '#0d9488',
  category: 'control',
  config: z.strictObject({ signal_name: eventName, timeout_ms: deadlineMs }),
  rawKeys: {},
  urlKeys: [],
  handles: ['timeout'],
  defaultTimeoutMs: null,
  deadlineKeys: ['timeout_ms'],
  waitKind: 'signal',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: false,
  allowedInCompensation: false,
});
