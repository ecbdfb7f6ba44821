// delay: waits for a duration or until a date.

import { z } from 'zod';
import { parseIsoDate } from '../text/iso-date.ts';
import { exactlyOne, onlyAtRunTime, waitMs } from './config.ts';
import { defineStepType } from './define.ts';

const date = onlyAtRunTime(
  z.string().min(1),
  (text) => parseIsoDate(text) !== undefined,
  'is not an ISO 8601 date that exists, in the years 1 to 9999',
);

export const delayType = defineStepType({
  name: 'delay',
  label: 'Delay',
  description: 'Waits for a time.',
  icon: 'timer',
  color: '#64748b',
  category: 'control',
  config: exactlyOne(
    z.strictObject({ ms: waitMs.optional(), until: date.optional() }),
    'ms',
    'until',
  ),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: null,
  deadlineKeys: ['ms', 'until'],
  waitKind: 'delay',
  isComponent: false,
  isActivity: false,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: false,
  allowedInForEach: false,
  allowedInCompensation: false,
});
