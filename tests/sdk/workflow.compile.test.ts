// What defineWorkflow compiles to: the definitions of the guides, edges, ids, positions and texts; and what it refuses.

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  defineWorkflow,
  expr,
  jsonSchema,
  shape,
  template,
  type Workflow,
  type WorkflowBuilder,
} from '../../sdk/src/workflow/index.ts';
import { examples } from '../tooling/docs-examples.ts';

const exampleOf = (name: string) => examples.find((example) => example.name === name)?.definition;

const edgesOf = ({ definition }: Workflow) =>
  definition.edges.map(({ source, sourceHandle, target }) =>
    [source, sourceHandle, target].filter((part) => part !== undefined).join(' '),
  );

const data = ({ definition }: Workflow, at = 0) => definition.nodes[at]?.data;

describe('a workflow in TypeScript', () => {
  it('compiles to the definition of the guide', () => {
    const workflow = defineWorkflow(
      'order-shipping',
      { input: z.object({ order_id: z.string() }), layout: false },
      (w) => {
        const fetch = w.httpRequest(
          'fetch',
          { url: `https://shop.example/orders/${w.input.order_id}` },
          {
            label: 'Fetch the order',
            retry: { max_attempts: 3, backoff: 'exponential', delay_ms: 500 },
            timeout_ms: 10000,
            output: shape<{ total: number }>(),
          },
        );
        const large = w.condition('large', {
          expression: expr<boolean>`${fetch.output.body.total} > 100`,
        });
        const ask = w.waitForApproval('ask', {
          title: `Ship order ${w.input.order_id}?`,
          role: 'developer',
        });
        const ship = w.httpRequest(
          'ship',
          {
            method: 'POST',
            url: 'https://shop.example/shipments',
            headers: { authorization: `Bearer ${w.secret('shop_key')}` },
            body: { order: fetch.output.body },
          },
          { join: 'any' },
        );
        w.connect(fetch, large, { id: 'e1' });
        w.connect(large.on('true'), ask, { id: 'e2' });
        w.connect(large.on('false'), ship, { id: 'e3' });
        w.connect(ask.on('approved'), ship, { id: 'e4' });
      },
    );
    expect(workflow.definition).toEqual(exampleOf('guides/write-a-workflow: fetch'));
  });

  it('expresses compensations, lists and forms', () => {
    const input = shape<{ trip: string; companies: { id: number }[]; owner_id: string }>();
    const workflow = defineWorkflow('parts', { input }, (w) => {
      w.httpRequest(
        'book',
        { method: 'POST', url: 'https://travel.example/bookings', body: { trip: w.input.trip } },
        {
          output: shape<{ id: string }>(),
          compensate: ({ output, step }) =>
            step.httpRequest(
              { method: 'DELETE', url: `https://travel.example/bookings/${output.body.id}` },
              { retry: { max_attempts: 5 }, timeout_ms: 10000 },
            ),
        },
      );
      w.forEach(
        'enrich',
        {
          items: w.input.companies,
          concurrency: 5,
          step: ({ item, step }) =>
            step.httpRequest({ url: `https://data.example/companies/${item.id}` }),
        },
        { retry: { max_attempts: 3 } },
      );
      w.userTask('address', {
        title: 'Correct the address',
        assigned_to: w.input.owner_id,
        form: z.looseObject({ street: z.string(), city: z.string().optional() }),
      });
    });
    expect(data(workflow)).toEqual(exampleOf('guides/compensation: book')?.nodes[0]?.data);
    expect(data(workflow, 1)).toEqual(exampleOf('guides/loop-over-items: enrich')?.nodes[0]?.data);
    const form = exampleOf('guides/approvals-and-tasks: address')?.nodes[0]?.data;
    expect(data(workflow, 2)).toMatchObject(form as object);
  });

  it('has the edges that its references show, without those that others imply', () => {
    const workflow = defineWorkflow('edges', {}, (w) => {
      const a = w.transform('a', { expression: '1' });
      const b = w.transform('b', { expression: expr`${a.output} + 1` });
      const c = w.transform('c', { expression: '3' });
      w.transform('d', { expression: expr`${a.output} + ${b.output} + ${c.output}` });
      w.transform('e', { expression: expr`${a.output}` }, { after: c });
      w.inlineCode('f', { code: '({ steps }) => steps.d.output' });
    });
    expect(edgesOf(workflow)).toEqual(['a b', 'b d', 'c d', 'c e', 'd f']);
    expect(workflow.definition.edges[0]).toEqual({ id: 'a>b', source: 'a', target: 'b' });
  });

  it('has a branch behind each outcome of a match', () => {
    const workflow = defineWorkflow('match', {}, (w) => {
      const ask = w.waitForApproval('ask', { title: 'Pay?' });
      const { approved, rejected } = ask.match({
        approved: (after) => w.transform('pay', { expression: '1' }, { after }),
        rejected: (after) => w.transform('refuse', { expression: '2' }, { after }),
        timeout: null,
      });
      w.transform('end', { expression: '3' }, { after: [approved, rejected], join: 'any' });
    });
    expect(edgesOf(workflow)).toEqual([
      'ask approved pay',
      'ask rejected refuse',
      'pay end',
      'refuse end',
    ]);
    expect(workflow.definition.nodes.map(({ position }) => position)).toEqual([
      { x: 0, y: 0 },
      { x: 300, y: 0 },
      { x: 300, y: 160 },
      { x: 600, y: 0 },
    ]);
  });

  it('writes expressions as the engine reads them', () => {
    const workflow = defineWorkflow('texts', {}, (w) => {
      const step = w.serviceTask(
        'my-step',
        { component: 'c' },
        { output: shape<{ 'a b': { and: 1 } }>() },
      );
      const sum = expr<number>`${1} + ${step.output['a b'].and}`;
      w.emitEvent('event', {
        name: 'e',
        payload: [
          sum,
          expr`${sum} * 2`,
          expr`$match("\d\`", /\d/)`,
          expr`${{ a: ['b', sum], c: undefined }}`,
          template('{{a}}'),
          undefined,
        ],
      });
    });
    const sum = '1 + steps.`my-step`.output.`a b`.`and`';
    expect(data(workflow, 1)).toEqual({
      config: {
        name: 'e',
        payload: [
          `{{ ${sum} }}`,
          `{{ (${sum}) * 2 }}`,
          '{{ $match("\\d`", /\\d/) }}',
          `{{ {"a": ["b", (${sum})]} }}`,
          '{{a}}',
          null,
        ],
      },
    });
  });

  it('a schema of JSON Schema is stored as it is', () => {
    const schema = { type: 'object', minProperties: 1 };
    expect(defineWorkflow('x', { input: jsonSchema(schema) }, () => {}).input_schema).toEqual(
      schema,
    );
  });
});

describe('a workflow that cannot be compiled', () => {
  it.each<[string, string, Parameters<typeof defineWorkflow>[2]]>([
    ['duplicate_node', 'two steps have the id a', (w) => [1, 2].map((ms) => w.delay('a', { ms }))],
    ['invalid_id', 'the id 1 must start with a letter', (w) => w.delay('1', { ms: 1 })],
    [
      'duplicate_edge',
      'step b: two edges have the id a>b',
      (w) => {
        const a = w.delay('a', { ms: 1 });
        w.delay('b', { ms: 1 }, { after: [a, a] });
      },
    ],
    [
      'expression_syntax',
      'step b: a template cannot stand in an expression',
      (w) => {
        w.transform('a', { expression: '1' });
        w.emitEvent(
          'b',
          { name: 'b' },
          { compensate: ({ step }) => step.transform({ expression: expr`${template('x')}` }) },
        );
      },
    ],
    [
      'invalid_config',
      'step a: 10 is not JSON',
      (w) => w.emitEvent('a', { name: 'a', payload: 10n as never }),
    ],
    [
      'unknown_key',
      'step a: timeout is not a known option',
      (w) => w.delay('a', { ms: 1 }, { timeout: 1 } as never),
    ],
    [
      'invalid_config',
      'step a: the step of a for_each must return a step',
      (w) => w.forEach('a', { items: [], step: (() => 1) as never }),
    ],
    [
      'dangling_edge',
      'step a: after and connect take steps',
      (w) => w.delay('a', { ms: 1 }, { after: 'b' as never }),
    ],
  ])('%s: %s', (code, message, build) => {
    const define = () => defineWorkflow('broken', {}, build);
    expect(define).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('follows a step that a range reads, and not a member with its name', () => {
    const workflow = defineWorkflow('range', {}, (w) => {
      const count = w.transform('count', { expression: expr<number>`3` }, { after: [] });
      w.transform('pages', { expression: expr`[1..${count.output}]` });
      w.transform('other', { expression: 'input.steps.count.output' });
    });
    expect(edgesOf(workflow)).toEqual(['count pages']);
  });

  it.each<[string, (w: WorkflowBuilder<unknown>) => unknown]>([
    [
      'returns [a], but its runs end with [a, b]',
      (w) => [w.delay('a', { ms: 1 }), w.delay('b', { ms: 1 })][0],
    ],
    [
      'returns [a, b], but its runs end with [b]',
      (w) => {
        const a = w.delay('a', { ms: 1 });
        return [a, w.delay('b', { ms: 1 }, { after: a })];
      },
    ],
    [
      'return the list [b]: a run that takes another branch has no output of b',
      (w) => {
        const a = w.condition('a', { expression: 'input.n' });
        return w.delay('b', { ms: 1 }, { after: a.on('true') });
      },
    ],
    ['returns [a], but', (w) => w.condition('a', { expression: 'input.n' }).on('true')],
    ['returns nothing, its end step, or a list', () => ({ a: 1 })],
  ])('does not return other steps than its ends: %s', (message, build) => {
    expect(() => defineWorkflow('broken', {}, build)).toThrow(message);
  });

  it('may return its end steps, which changes nothing in the definition', () => {
    const build = (w: WorkflowBuilder<unknown>) => {
      const a = w.condition('a', { expression: 'input.n' });
      return [w.delay('b', { ms: 1 }, { after: a.on('true') })];
    };
    const silent = (w: WorkflowBuilder<unknown>) => void build(w);
    expect(defineWorkflow('one', {}, build)).toEqual(defineWorkflow('one', {}, silent));
  });

  it('is not async', () => {
    const build = async () => {};
    expect(() => defineWorkflow('later', {}, build)).toThrow('must not be async');
  });

  it('needs a name in kebab-case', () => {
    expect(() => defineWorkflow('Order Shipping', {}, () => {})).toThrow('must be in kebab-case');
  });
});
