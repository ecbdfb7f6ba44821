// delay: waits for a duration or until a date.

import { z } from 'zod';
import { exactlyOne, onlyAtRunTime, waitMs } from './config.ts';
import { defineStepType } from './define.ts';

/** JavaScript's dates and PostgreSQL's reach further, but not equally far, and they are written differently there. */
const EARLIEST = Date.parse('0001-01-01T00:00:00Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

const isDate = (text: string) => !Number.isNaN(Date.parse(text));
const isStorable = (text: string) =>
  !isDate(text) || (Date.parse(text) >= EARLIEST && Date.parse(text) <= LATEST);

const date = onlyAtRunTime(
  onlyAtRunTime(z.string().min(1), isDate, 'is not a date'),
  isStorable,
  'must be in the years 1 to 9999',
);

export const delayType = defineStepType({
  name: 'delay',
  label: 'Delay',
  description: 'Waits for a time.',
  icon: 'timer',
  color: '#64748b',
  category: 'control',
  config: exactlyOne(z.object({ ms: waitMs.optional(), until: date.optional() }), 'ms', 'until'),
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
