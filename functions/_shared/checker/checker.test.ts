// The checker of definitions: one kind of fault per test.

import { deepEqual, equal } from 'node:assert/strict';
import { type CheckContext, checkDefinition } from './index.ts';

interface Spec {
  type: string;
  config?: unknown;
  data?: object;
}

function definition(nodes: Record<string, Spec>, edges: [string, string, string?][] = []) {
  return {
    nodes: Object.entries(nodes).map(([id, { type, config = {}, data = {} }]) => ({
      id,
      type,
      data: { config, ...data },
    })),
    edges: edges.map(([source, target, sourceHandle], at) => ({
      id: `e${at}`,
      source,
      target,
      ...(sourceHandle === undefined ? {} : { sourceHandle }),
    })),
  };
}

const transform = (expression: string): Spec => ({ type: 'transform', config: { expression } });
const code = (source: string): Spec => ({ type: 'inline_code', config: { code: source } });

async function found(
  nodes: Record<string, Spec>,
  edges?: [string, string, string?][],
  context?: CheckContext,
): Promise<string[]> {
  const faults = await checkDefinition(definition(nodes, edges), context);
  return faults.map(({ node, pointer, code: kind }) => `${node} ${pointer} ${kind}`);
}

const expression = '/nodes/0/data/config/expression';

Deno.test('a definition without faults has none', async () => {
  deepEqual(
    await found(
      {
        a: transform('{"v": input.n}'),
        b: { type: 'http_request', config: { url: 'https://x.example/{{ steps.a.output.v }}' } },
        c: code(
          "({ input, steps }) => { let n = 0; for (const id of ['a', 'b']) n += steps[id].output.v; return n + input.list.map((x) => x.y).length }",
        ),
      },
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      {
        inputSchema: {
          type: 'object',
          properties: { n: { type: 'number' }, list: { type: 'array' } },
          additionalProperties: false,
        },
      },
    ),
    [],
  );
});

Deno.test('what is no definition has no faults here, because the database refuses it', async () => {
  for (const value of [null, 1, 'x', {}, { nodes: 1, edges: {} }, { nodes: [null, { id: 1 }] }]) {
    deepEqual(await checkDefinition(value), []);
  }
});

Deno.test('every expression, template and code that cannot be parsed is reported with its place', async () => {
  deepEqual(
    await found({
      a: transform('input.a +'),
      b: {
        type: 'http_request',
        config: {
          url: 'https://x.example/{{ ( }}',
          headers: { 'x/y~z': '{{ "open }}', ok: '{{ 1 }}' },
          body: [{ z: '{{ input. }}' }],
        },
      },
      c: code('({ input }) => { return'),
      d: code('return 1'),
      e: {
        type: 'for_each',
        config: { items: '{{ ]', step: { type: 'transform', config: { expression: '}' } } },
      },
      f: {
        ...transform('1'),
        data: { compensate: { type: 'transform', config: { expression: '*+' } } },
      },
    }),
    [
      `a ${expression} expression_syntax`,
      'b /nodes/1/data/config/url expression_syntax',
      'b /nodes/1/data/config/headers/x~1y~0z expression_syntax',
      'b /nodes/1/data/config/body/0/z expression_syntax',
      'c /nodes/2/data/config/code code_syntax',
      'd /nodes/3/data/config/code code_syntax',
      'e /nodes/4/data/config/items expression_syntax',
      'e /nodes/4/data/config/step/config/expression expression_syntax',
      'f /nodes/5/data/compensate/config/expression expression_syntax',
    ],
  );
});

Deno.test('code is compiled, but it does not run', async () => {
  deepEqual(await found({ a: code('(() => { for (;;) {} })()') }), []);
});

Deno.test('numbers in code that a double cannot hold are faults', async () => {
  const wrong = ['9007199254740993', '0xffffffffffffffff', '1e309', '-12345678901234567890'];
  const right = [
    '9007199254740992',
    '9007199254740993n',
    '"9007199254740993"',
    '0.1',
    '1_000',
    '// 1e309\n1',
  ];
  for (const number of wrong) {
    deepEqual(
      await found({ a: code(number) }),
      ['a /nodes/0/data/config/code unsafe_number'],
      number,
    );
  }
  for (const number of right) deepEqual(await found({ a: code(`String(${number})`) }), [], number);
});

const order = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    customer: { $ref: '#/$defs/customer' },
    lines: { type: 'array', items: { $ref: '#/$defs/line' } },
    either: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/line' }] },
  },
  additionalProperties: false,
  $defs: {
    customer: { type: 'object', properties: { email: { type: 'string' } } },
    line: {
      type: ['object', 'null'],
      properties: { price: { type: 'number' } },
      additionalProperties: false,
    },
  },
};

Deno.test('a property of the input that its schema excludes is reported', async () => {
  const of = async (spec: Spec) =>
    (await checkDefinition(definition({ a: spec }), { inputSchema: order })).map(
      ({ code: kind, hint }) => [kind, hint],
    );
  deepEqual(await of(transform('input.idd')), [['unknown_property', 'did you mean id?']]);
  deepEqual(await of(transform('input.lines.prise')), [
    ['unknown_property', 'did you mean price?'],
  ]);
  deepEqual(await of(transform('input.lines[price > 1].total')), [['unknown_property', undefined]]);
  deepEqual(await of(transform('input.id.x')), [['unknown_property', undefined]]);
  deepEqual(await of(transform('input.either.cost')), [['unknown_property', undefined]]);
  deepEqual(await of(code('({ input }) => input.custmer.email')), [
    ['unknown_property', 'did you mean customer?'],
  ]);
  deepEqual(await of(code("(scope) => scope.input?.['idd']")), [
    ['unknown_property', 'did you mean id?'],
  ]);
  // The schema of customer is open: this is only likely to be a mistake.
  deepEqual(await of(transform('input.customer.emial')), [
    ['undeclared_property', 'did you mean email?'],
  ]);
});

Deno.test('a property that may exist, or that belongs to another value, is not reported', async () => {
  for (const source of [
    'input.id',
    'input.lines[0].price',
    'input.customer.phone',
    'input.either.price',
    'input.lines.{"x": input.idd, "y": steps.gone}',
    '$map(input.lines, function($l) { $l.x })',
    'input.*.x',
    '$lookup(input, "x")',
  ]) {
    deepEqual(await found({ a: transform(source) }, [], { inputSchema: order }), [], source);
  }
  for (const source of [
    '({ input }) => input.lines.map((line) => line.x).length',
    '({ input }) => input.id.trim()',
    '({ input }) => input.hasOwnProperty("x") && input.toString()',
    '({ input }) => { const name = "x"; return input[name].y }',
    '({ input }) => { input = {}; return input.x }',
    '({ input }) => { input.x = 1; return input.x }',
    '({ input }) => [{}].map((input) => input.x)',
    '({ input }) => "input.x" + `input.x` /* input.x */',
    '({ data: input }) => input.x',
  ]) {
    const kinds = await found({ a: code(source) }, [], { inputSchema: order });
    deepEqual(
      kinds.filter((fault) => !fault.endsWith('unknown_name')),
      [],
      source,
    );
  }
});

Deno.test('names that the scope does not have are reported', async () => {
  const faults = await checkDefinition(definition({ a: transform('inptu.x & output.y & item.z') }));
  deepEqual(
    faults.map(({ code: kind, hint }) => [kind, hint]),
    [
      ['unknown_name', 'did you mean input?'],
      ['unknown_name', undefined],
      ['unknown_name', undefined],
    ],
  );
  const items = { type: 'transform', config: { expression: 'item.a & index' } };
  deepEqual(await found({ a: { type: 'for_each', config: { items: [1], step: items } } }), []);
});

Deno.test('steps that are read must exist and be upstream', async () => {
  deepEqual(
    await found(
      {
        a: transform('steps.b.output & steps.gone.output'),
        b: transform('steps.a.output'),
        c: code('({ steps }) => steps.d.output + steps.a.output'),
        d: {
          ...transform('steps.d.output'),
          data: { compensate: { type: 'transform', config: { expression: 'steps.d.output' } } },
        },
      },
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
    ),
    [
      `a ${expression} reference_not_upstream`,
      `a ${expression} unknown_reference`,
      'c /nodes/2/data/config/code reference_not_upstream',
      'd /nodes/3/data/config/expression reference_not_upstream',
    ],
  );
});

Deno.test('outputs that a step type or a component determines are checked', async () => {
  const read = (spec: Spec, path: string, context?: CheckContext) =>
    found({ a: spec, b: transform(`steps.a.${path}`) }, [['a', 'b']], context);
  const fault = ['b /nodes/1/data/config/expression unknown_property'];
  const http = { type: 'http_request', config: { url: 'https://x.example' } };
  deepEqual(await read(http, 'output.body.any'), []);
  deepEqual(await read(http, 'output.data'), fault);
  deepEqual(await read(http, 'body'), fault);
  deepEqual(await read(http, 'output.error.message'), []);
  deepEqual(await read(transform('{"v": {"w": 1}}'), 'output.v.w'), []);
  deepEqual(await read(transform('{"v": {"w": 1}}'), 'output.v.x'), fault);
  deepEqual(await read(transform('input.x ? {"v": 1} : {"w": 1}'), 'output.z'), fault);
  deepEqual(await read(transform('input.list{kind: $}'), 'output.z'), []);
  deepEqual(await read(transform('input'), 'output.z'), []);
  const llm = { type: 'llm_call', config: { model: 'm', prompt: 'x' } };
  deepEqual(await read(llm, 'output.text'), []);
  deepEqual(await read(llm, 'output.object.x'), fault);
  const form = { type: 'object', properties: { ok: true }, additionalProperties: false };
  deepEqual(await read({ type: 'user_task', config: { title: 't', form } }, 'output.no'), fault);
  const signal = { type: 'wait_for_signal', config: { signal_name: 'paid' } };
  deepEqual(await read(signal, 'output.no', { signals: { paid: form } }), fault);
  deepEqual(await read(signal, 'output.no'), []);
  const service = { type: 'service_task', config: { component: 'c' } };
  deepEqual(await read(service, 'output.no', { components: { c: form } }), fault);
  const agent = { type: 'ai_agent_task', config: { component: 'c' } };
  deepEqual(await read(agent, 'output.no', { components: { c: form } }), fault);
  deepEqual(await read(agent, 'output.usage.total_tokens', { components: { c: form } }), []);
});

Deno.test('a deprecated prompt is a warning, wherever a step names it', async () => {
  const ask = (config: object): Spec => ({ type: 'llm_call', config: { model: 'm', ...config } });
  const faults = await checkDefinition(
    definition({
      a: ask({ prompt_name: 'old', system_prompt_name: 'acme/old@1.0.0' }),
      b: ask({ prompt_name: 'new' }),
    }),
    { deprecatedPrompts: ['old', 'acme/old@1.0.0'] },
  );
  deepEqual(
    faults.map(({ pointer, code, severity }) => [pointer, code, severity]),
    [
      ['/nodes/0/data/config/prompt_name', 'deprecated_prompt', 'warning'],
      ['/nodes/0/data/config/system_prompt_name', 'deprecated_prompt', 'warning'],
    ],
  );
});

Deno.test('the literals of a condition and the handles of its edges must match', async () => {
  const condition = (source: string): Spec => ({
    type: 'condition',
    config: { expression: source },
  });
  const of = async (source: string, ...handles: (string | undefined)[]) => {
    const names = handles.map((_, at) => `t${at}`);
    const faults = await checkDefinition(
      definition(
        {
          c: condition(source),
          ...Object.fromEntries(names.map((name) => [name, transform('1')])),
        },
        handles.map((handle, at) =>
          handle === undefined ? ['c', `t${at}`] : ['c', `t${at}`, handle],
        ),
      ),
    );
    return faults.map((fault) => `${fault.code} ${fault.pointer} ${fault.hint ?? ''}`.trim());
  };
  const size = 'input.n > 3 ? "big" : "small"';
  deepEqual(await of(size, 'big', 'small'), []);
  deepEqual(await of(size, 'big', 'smal'), [
    'edge_never_taken /edges/1/sourceHandle did you mean small?',
    `value_takes_no_edge ${expression} did you mean smal?`,
  ]);
  deepEqual(await of(size, 'big', 'default'), []);
  deepEqual(await of(size, 'big', undefined), []);
  deepEqual(await of(size, 'big', 'small', 'error', 'timeout'), []);
  deepEqual(await of('input.n > 3', 'true'), []);
  deepEqual(await of('input.n > 3', 'yes', 'false'), ['edge_never_taken /edges/0/sourceHandle']);
  deepEqual(await of('input.n ? 1 : 2', '1', '2'), []);
  deepEqual(await of('input.n ? 1 : 0', 'true', 'false'), []);
  deepEqual(await of('input.n > 3 ? "big"', 'big', 'false'), []);
  deepEqual(await of('input.kind', 'anything'), []);
  deepEqual(await of('input.n > 3 ? input.kind : "small"', 'anything'), []);
});

Deno.test('literal values that only TypeScript can check are checked', async () => {
  deepEqual(
    await found({
      a: { type: 'delay', config: { until: '2027-02-30' } },
      b: { type: 'delay', config: { until: '{{ input.when }}' } },
      c: { type: 'delay', config: { until: '2027-02-28T10:00:00Z' } },
      d: { type: 'http_request', config: { url: 'ftp://x.example' } },
    }),
    ['a /nodes/0/data/config/until invalid_config', 'd /nodes/3/data/config/url invalid_config'],
  );
});

Deno.test('the input of a child is checked against its schema', async () => {
  const children = {
    child: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string' } },
      additionalProperties: false,
    },
  };
  const of = (input: unknown) =>
    found({ a: { type: 'child_workflow', config: { workflow: 'child', input } } }, [], {
      children,
    });
  const at = '/nodes/0/data/config/input';
  deepEqual(await of({ id: '1' }), []);
  deepEqual(await of({ id: '{{ input.id }}' }), []);
  deepEqual(await of('{{ input }}'), []);
  deepEqual(await of({ id: 1 }), [`a ${at}/id invalid_child_input`]);
  deepEqual(await of({}), [`a ${at}/id invalid_child_input`]);
  deepEqual(await of({ idd: '{{ input.id }}' }), [
    `a ${at}/id invalid_child_input`,
    `a ${at}/idd invalid_child_input`,
  ]);
});

Deno.test('secrets are reported where they cannot be used', async () => {
  deepEqual(
    await found({
      a: transform('secrets.key'),
      b: { type: 'http_request', config: { url: 'https://x.example/{{ $keys(secrets) }}' } },
    }),
    [`a ${expression} secret_not_allowed`, 'b /nodes/1/data/config/url secret_not_literal'],
  );
});

Deno.test('the number of faults is limited', async () => {
  const nodes = Object.fromEntries(
    Array.from({ length: 1_200 }, (_, at) => [`n${at}`, transform('input.(')]),
  );
  equal((await checkDefinition(definition(nodes))).length, 1_000);
});
