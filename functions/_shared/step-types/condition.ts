// condition: chooses the edges to follow. Its value names the handle.

import { z } from 'zod';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const conditionType = defineStepType({
  name: 'condition',
  label: 'Condition',
  description: 'Chooses the edges to follow with a JSONata expression.',
  icon: 'git-branch',
  color: '#d97706',
  category: 'control',
  config: z.strictObject({ expression: z.string().min(1) }),
  rawKeys: { expression: 'jsonata' },
  urlKeys: [],
  handles: 'any',
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: true,
  isBrief: true,
  hasRetryableErrors: false,
  allowedInForEach: false,
  allowedInCompensation: false,
});
