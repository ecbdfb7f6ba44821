// Mistakes in a workflow that do not compile. `npm run check` compiles this file: an expected error that is none fails it.

import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { createStepbase } from '../../sdk/src/index.ts';
import {
  DefinitionError,
  defineWorkflow,
  type Expression,
  expr,
  jsonSchema,
  type Schema,
  shape,
  type WorkflowsOf,
} from '../../sdk/src/workflow/index.ts';
import { type Expressible, jsonSchemaOf } from '../../sdk/src/workflow/schemas.ts';

const Order = z.object({
  id: z.string(),
  total: z.number(),
  customer: z.object({ email: z.email() }),
});
const input = z.object({ order_id: z.string(), note: z.string().optional() });

/** Compiled by TypeScript only: most of these throw when they run. */
const onlyCompiled = (_types: () => void) => {};

describe('references', () => {
  it('have the type of the input and of upstream outputs', () => {
    defineWorkflow('typed', { input }, (w) => {
      expectTypeOf(w.input.order_id).toExtend<Expression<string>>();
      const fetch = w.httpRequest(
        'fetch',
        { url: `https://shop.example/${w.input.order_id}` },
        { output: Order },
      );
      expectTypeOf(fetch.output.status).toExtend<Expression<number>>();
      expectTypeOf(fetch.output.body.total).toExtend<Expression<number>>();
      const ask = w.waitForApproval('ask', { title: 'Pay?' });
      expectTypeOf(ask.output.approved).toExtend<Expression<boolean>>();
      const sum = w.transform('sum', { expression: expr<{ sum: number }>`{"sum": 1}` });
      expectTypeOf(sum.output.sum).toExtend<Expression<number>>();
      const triage = w.llmCall('triage', {
        model: 'm',
        prompt: 'p',
        response_schema: z.object({ urgent: z.boolean() }),
      });
      expectTypeOf(triage.output.object.urgent).toExtend<Expression<boolean>>();
      const form = w.userTask('form', {
        title: 't',
        form: jsonSchema({
          type: 'object',
          required: ['street'],
          properties: { street: { type: 'string' } },
        }),
      });
      expectTypeOf(form.output.street).toExtend<Expression<string>>();
      const paid = w.waitForSignal(
        'paid',
        { signal_name: 'paid' },
        { output: shape<{ amount: number }>() },
      );
      expectTypeOf(paid.output.amount).toExtend<Expression<number>>();
      w.forEach('each', {
        items: [fetch.output.body.id, 'other'],
        step: ({ item, step }) => {
          expectTypeOf(item).toExtend<Expression<string>>();
          return step.httpRequest({ url: item });
        },
      });
    });
  });

  it('to a name that does not exist do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', { input }, (w) => {
        // @ts-expect-error: the input has no order
        w.transform('a', { expression: w.input.order });
        const fetch = w.httpRequest('fetch', { url: 'u' }, { output: Order });
        // @ts-expect-error: the body has no totals
        w.transform('b', { expression: expr`${fetch.output.body.totals} > 1` });
        // @ts-expect-error: an HTTP step has no text
        w.transform('c', { expression: fetch.output.text });
        const bare = w.httpRequest('bare', { url: 'u' });
        // @ts-expect-error: nothing declares the body
        w.transform('d', { expression: bare.output.body.total });
        const ask = w.waitForApproval('ask', { title: `Pay ${fetch.output.body.total}?` });
        // @ts-expect-error: misspelt
        w.sendEmail('e', { to: 't', subject: 's', text: ask.output.coment });
      }),
    ));

  it('of another type than the config do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', { input }, (w) => {
        // @ts-expect-error: the note may be missing
        w.httpRequest('a', { url: w.input.note });
        // @ts-expect-error: ms must be a number
        w.delay('b', { ms: w.input.order_id });
        w.forEach('c', {
          // @ts-expect-error: items must be a list
          items: w.input.order_id,
          step: ({ step }) => step.emitEvent({ name: 'n' }),
        });
      }),
    ));
});

describe('configs', () => {
  it('with unknown, missing or wrong keys do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', {}, (w) => {
        // @ts-expect-error: unknown key
        w.httpRequest('a', { url: 'u', timeout: 1 });
        // @ts-expect-error: no url
        w.httpRequest('b', { method: 'GET' });
        // @ts-expect-error: wrong type
        w.delay('c', { ms: 'soon' });
        // @ts-expect-error: one of ms and until
        w.delay('d', { ms: 1, until: '2030-01-01' });
        // @ts-expect-error: text or html
        w.sendEmail('e', { to: 't', subject: 's' });
        // @ts-expect-error: not one of the values
        w.childWorkflow('f', { workflow: 'w', parent_close_policy: 'stop' });
        // @ts-expect-error: a retry policy has max_attempts
        w.httpRequest('g', { url: 'u' }, { retry: { delay_ms: 1 } });
        // @ts-expect-error: unknown option
        w.httpRequest('h', { url: 'u' }, { onerror: 'continue' });
      }),
    ));

  it('of steps that cannot stand in a for_each or a compensation do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', {}, (w) => {
        // @ts-expect-error: no condition for each item
        w.forEach('a', { items: [1], step: ({ step }) => step.condition({ expression: 'true' }) });
        // @ts-expect-error: a delay reverses nothing
        w.httpRequest('b', { url: 'u' }, { compensate: ({ step }) => step.delay({ ms: 1 }) });
        w.forEach('c', {
          items: [{ id: 1 }],
          // @ts-expect-error: items have no name
          step: ({ item, step }) => step.httpRequest({ url: `u/${item.name}` }),
        });
        w.httpRequest(
          'd',
          { url: 'u' },
          {
            output: Order,
            // @ts-expect-error: the body has no key
            compensate: ({ output, step }) => step.httpRequest({ url: `u/${output.body.key}` }),
          },
        );
      }),
    ));
});

describe('branches', () => {
  it('that a step does not have, or that are missing, do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', {}, (w) => {
        const size = w.condition('size', { expression: expr<'large' | 'small'>`input.size` });
        // @ts-expect-error: the value is never medium
        size.on('medium');
        // @ts-expect-error: small is missing
        size.match({ large: () => null });
        const big = w.condition('big', { expression: expr<boolean>`input.total > 1` });
        // @ts-expect-error: false is missing
        big.match({ true: () => null });
        const ask = w.waitForApproval('ask', { title: 't' });
        // @ts-expect-error: misspelt
        ask.on('aproved');
        // @ts-expect-error: rejected is missing
        ask.match({ approved: () => null, timeout: null });
        // @ts-expect-error: an approval has no default
        ask.match({ default: null });
        const call = w.httpRequest('call', { url: 'u' });
        // @ts-expect-error: an HTTP step has no approval
        call.on('approved');
      }),
    ));

  it('return what their functions return', () => {
    defineWorkflow('branches', {}, (w) => {
      const size = w.condition('size', { expression: expr<'large' | 'small'>`input.size` });
      const { large, small } = size.match({
        large: (after) => w.userTask('review', { title: 'Review' }, { after }),
        small: null,
      });
      expectTypeOf(large.id).toEqualTypeOf<'review'>();
      expectTypeOf(small).toEqualTypeOf<undefined>();
      size.match({ large: null, default: null });
    });
  });
});

describe('child workflows', () => {
  const invoice = defineWorkflow(
    'send-invoice',
    { input: z.object({ order: z.string() }) },
    () => {},
  );

  it('take the input of the workflow that they start', () => {
    const parent = defineWorkflow('parent', { input }, (w) => {
      w.childWorkflow('invoice', { workflow: invoice, input: { order: w.input.order_id } });
    });
    expect(parent.definition.nodes[0]).toMatchObject({
      data: { config: { workflow: 'send-invoice', input: { order: '{{ input.order_id }}' } } },
    });
  });

  it('with another input do not compile', () =>
    onlyCompiled(() =>
      defineWorkflow('x', { input }, (w) => {
        // @ts-expect-error: no order
        w.childWorkflow('a', { workflow: invoice, input: {} });
        // @ts-expect-error: an order is a text
        w.childWorkflow('b', { workflow: invoice, input: { order: 1 } });
      }),
    ));
});

describe('the client', () => {
  it('takes the names and inputs of workflows from their code', () =>
    onlyCompiled(() => {
      const order = defineWorkflow('order', { input }, () => {});
      const open = defineWorkflow('open', {}, () => {});
      const stepbase = createStepbase<WorkflowsOf<typeof order | typeof open>>({
        url: 'u',
        apiKey: 'k',
      });
      stepbase.start('order', { order_id: 'A-1' });
      stepbase.start('open');
      // @ts-expect-error: an order_id is a text
      stepbase.start('order', { order_id: 1 });
      // @ts-expect-error: no such workflow
      stepbase.start('orders', { order_id: 'A-1' });
    }));

  it('takes the output of a child from the end steps that it returns', () => {
    const child = defineWorkflow('child', { input }, (w) =>
      w.transform('sum', { expression: expr<number>`1` }),
    );
    defineWorkflow('parent', { input }, (w) => {
      const given = { order_id: w.input.order_id };
      const run = w.childWorkflow('run', { workflow: child, input: given });
      expectTypeOf(run.output.sum).toExtend<Expression<number>>();
      const each = w.forEach('each', {
        items: ['A-1'],
        step: ({ item, step }) =>
          step.childWorkflow({ workflow: child, input: { order_id: item } }),
      });
      expectTypeOf(each.output).toExtend<Expression<{ sum: number }[]>>();
      const started = w.childWorkflow(
        'started',
        { workflow: child, input: given, wait: false },
        { output: shape<{ run_id: string }>() },
      );
      expectTypeOf(started.output.run_id).toExtend<Expression<string>>();
    });
    onlyCompiled(() =>
      defineWorkflow('x', { input }, (w) => {
        const run = w.childWorkflow('run', {
          workflow: child,
          input: { order_id: w.input.order_id },
        });
        // @ts-expect-error: the child has no such step
        w.transform('a', { expression: run.output.total });
        const started = w.childWorkflow('b', {
          workflow: child,
          input: { order_id: 'A-1' },
          wait: false,
        });
        // @ts-expect-error: a child that is not waited for has no output
        w.transform('c', { expression: started.output.sum });
      }),
    );
  });

  it('takes the outputs of runs from the end steps that a workflow returns', () => {
    const one = defineWorkflow('one', { input }, (w) => {
      const fetch = w.httpRequest('fetch', { url: 'u' }, { output: Order });
      return w.transform('sum', { expression: expr<number>`${fetch.output.body.total} + 1` });
    });
    const branches = defineWorkflow('branches', {}, (w) => {
      const ask = w.waitForApproval('ask', { title: 'Ship?' });
      const { approved, rejected } = ask.match({
        approved: (after) => w.httpRequest('ship', { url: 'u' }, { after, output: Order }),
        rejected: (after) => w.sendEmail('refuse', { to: 't', subject: 's', text: 't' }, { after }),
      });
      const late = w.node({
        id: 'other',
        type: 'transform',
        data: { config: { expression: '1' } },
      });
      w.connect(ask.on('timeout'), late, { id: 'own' });
      return [approved, rejected, late];
    });
    const none = defineWorkflow('none', {}, (w) => {
      w.delay('wait', { ms: 1 });
    });
    type Outputs = {
      [Name in keyof Types]: Types[Name]['output'];
    };
    const stated = defineWorkflow('stated', { output: z.object({ send: Order }) }, (w) =>
      w.serviceTask('send', { component: 'shop' }),
    );
    const typed = defineWorkflow('typed', { output: shape<{ wait: number }>() }, (w) => {
      w.delay('wait', { ms: 1 });
    });
    expect(stated.output_schema).toMatchObject({ type: 'object', required: ['send'] });
    expect(typed).not.toHaveProperty('output_schema');
    type Types = WorkflowsOf<
      typeof one | typeof branches | typeof none | typeof stated | typeof typed
    >;
    expectTypeOf<Outputs['stated']['send']['total']>().toEqualTypeOf<number>();
    expectTypeOf<Outputs['typed']>().toEqualTypeOf<{ wait: number }>();
    expectTypeOf<Outputs['one']>().toEqualTypeOf<{ sum: number }>();
    expectTypeOf<
      NonNullable<Outputs['branches']['ship']>['body']['total']
    >().toEqualTypeOf<number>();
    expectTypeOf<NonNullable<Outputs['branches']['refuse']>>().toEqualTypeOf<{
      message_id: string;
    }>();
    expectTypeOf<Outputs['branches']['other']>().toEqualTypeOf<unknown>();
    expectTypeOf<Outputs['none']>().toEqualTypeOf<unknown>();
    onlyCompiled(async () => {
      const stepbase = createStepbase<Types>({ url: 'u', apiKey: 'k' });
      const output = await (await stepbase.start('branches')).result();
      // @ts-expect-error: a rejected run has no shipment
      output.ship.body;
      // @ts-expect-error: no such step
      output.shipped;
    });
  });
});

describe('schemas that JSON Schema cannot express', () => {
  it('do not compile', () => {
    const define = <S extends Schema<unknown>>(schema: S & Expressible<S>) =>
      expect(() => jsonSchemaOf(schema)).toThrow(DefinitionError);
    // @ts-expect-error: a Date is not JSON
    define(z.object({ at: z.date() }));
    // @ts-expect-error: a bigint is not JSON
    define(z.object({ list: z.array(z.object({ n: z.bigint().optional() })) }));
    // @ts-expect-error: a Map is not JSON
    define(z.object({ m: z.map(z.string(), z.string()) }));
    // @ts-expect-error: the engine does not transform
    define(z.object({ n: z.string().transform(Number) }));
    // Types do not show these.
    define(z.object({ n: z.string().refine((n) => n > 'a') }));
    define(z.object({ n: z.string().trim() }));
    define(z.object({ n: z.string().catch('a') }));
  });

  it('can be written as JSON Schema', () => {
    const schema = {
      type: 'object',
      properties: { at: { type: 'string', format: 'date-time' } },
    } as const;
    const workflow = defineWorkflow('x', { input: jsonSchema(schema) }, (w) => {
      expectTypeOf(w.input.at).toExtend<Expression<string | undefined>>();
    });
    expect(workflow.input_schema).toEqual(schema);
  });
});
