// sql_function: calls a function of the project's database that an operator has allowed.

import { z } from 'zod';
import { defineStepType } from './define.ts';

export const sqlFunctionType = defineStepType({
  name: 'sql_function',
  label: 'SQL function',
  description: 'Calls a function of the database.',
  icon: 'database',
  color: '#0f766e',
  category: 'action',
  config: z.strictObject({
    /** Schema and name. */
    function: z
      .string()
      .regex(/^[^.]{1,130}\.[^.]{1,130}$/, 'must be a schema and a name, such as public.refund'),
    /** By name; each value is converted to the type of the argument. */
    arguments: z.record(z.string(), z.unknown()).default({}),
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  /** The server cancels a call that takes longer. */
  defaultTimeoutMs: 10_000,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: true,
  mayUseSecrets: false,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
