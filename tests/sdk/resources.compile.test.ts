// defineComponent and defineSchedule: the rows that they describe, and the mistakes that do not compile. `npm run check`
// compiles this file: an expected error that is none fails it.

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineComponent,
  defineSchedule,
  defineWorkflow,
  jsonSchema,
} from '../../sdk/src/workflow/index.ts';

/** Compiled by TypeScript only. */
const onlyCompiled = (_types: () => void) => {};

describe('a component', () => {
  it('has the columns of its row, and its schemas as JSON Schema', () => {
    const lookup = defineComponent('crm-lookup', {
      implementation_type: 'service_task',
      endpoint: 'https://crm.example',
      input: z.object({ email: z.string() }),
      output: jsonSchema({ type: 'object' }),
      tags: ['crm'],
    });
    expect(lookup).toEqual({
      name: 'crm-lookup',
      version: '1.0.0',
      implementation_type: 'service_task',
      endpoint: 'https://crm.example',
      tags: ['crm'],
      input_schema: {
        type: 'object',
        properties: { email: { type: 'string' } },
        required: ['email'],
      },
      output_schema: { type: 'object' },
    });
    expect(() => defineComponent('Crm Lookup', { implementation_type: 'user_task' })).toThrow(
      expect.objectContaining({ name: 'DefinitionError', code: 'invalid_request' }),
    );
    onlyCompiled(() => {
      const name: 'crm-lookup' = lookup.name;
      // @ts-expect-error a service needs an endpoint
      defineComponent(name, { implementation_type: 'service_task' });
      // @ts-expect-error no step type of components
      defineComponent('x', { implementation_type: 'http_request' });
      // @ts-expect-error no such column
      defineComponent('x', { implementation_type: 'user_task', speed: 1 });
      // @ts-expect-error JSON Schema cannot express a Date
      defineComponent('x', { implementation_type: 'user_task', input: z.date() });
    });
  });
});

describe('a schedule', () => {
  const report = defineWorkflow('report', { input: z.object({ kind: z.string() }) }, (w) => {
    w.delay('wait', { ms: 1 });
  });

  it('has the name of its workflow and an input of its type', () => {
    expect(
      defineSchedule(report, { cron_expression: '0 7 * * *', input: { kind: 'sales' } }),
    ).toEqual({
      workflow: 'report',
      name: '',
      cron_expression: '0 7 * * *',
      input: { kind: 'sales' },
    });
    expect(defineSchedule('other', { name: 'daily', cron_expression: '0 7 * * *' })).toEqual({
      workflow: 'other',
      name: 'daily',
      cron_expression: '0 7 * * *',
    });
    onlyCompiled(() => {
      // @ts-expect-error the input is missing
      defineSchedule(report, { cron_expression: '0 7 * * *' });
      // @ts-expect-error the input has another type
      defineSchedule(report, { cron_expression: '0 7 * * *', input: { kind: 1 } });
      // @ts-expect-error no such policy
      defineSchedule('other', { cron_expression: '0 7 * * *', overlap_policy: 'wait' });
      // @ts-expect-error a schedule needs an expression
      defineSchedule('other', { name: 'daily' });
    });
  });
});
