// transform: the value of one JSONata expression.

import { z } from 'zod';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const transformType = defineStepType({
  name: 'transform',
  label: 'Transform',
  description: 'Computes a value with a JSONata expression.',
  icon: 'shuffle',
  color: '#0d9488',
  category: 'data',
  config: z.strictObject({ expression: z.string().min(1) }),
  rawKeys: { expression: 'jsonata' },
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: true,
  isBrief: true,
  hasRetryableErrors: false,
  allowedInForEach: true,
  allowedInCompensation: true,
});
