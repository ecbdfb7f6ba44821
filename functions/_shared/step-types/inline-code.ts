// inline_code: a JavaScript function of ({input, steps, context, run, item, index}) in a sandbox.

import { z } from 'zod';
import { textUpTo } from './config.ts';
import { defineStepType } from './define.ts';

export const inlineCodeType = defineStepType({
  name: 'inline_code',
  label: 'Inline code',
  description: 'Runs a JavaScript function in a sandbox.',
  icon: 'code',
  color: '#0d9488',
  category: 'data',
  config: z.strictObject({ code: textUpTo(65_536) }),
  rawKeys: { code: 'javascript' },
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: 1_000,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: true,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
