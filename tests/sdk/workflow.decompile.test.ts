// How decompiled code reads: references instead of templates, outcomes instead of handles, and nothing that is automatic.

import { stripTypeScriptTypes } from 'node:module';
import { expect, it } from 'vitest';
import * as WORKFLOW from '../../sdk/src/workflow/index.ts';

const { decompile } = WORKFLOW;

const codeOf = (nodes: object[], edges: object[] = [], more: object = {}): string => {
  const workflow = { kebab_name: 'order', definition: { nodes, edges }, ...more };
  return decompile(workflow as unknown as WORKFLOW.StoredWorkflow);
};

it('writes references, outcomes, lists and compensations as code', () => {
  const nodes = [
    {
      id: 'fetch',
      type: 'http_request',
      position: { x: 0, y: 0 },
      data: { config: { url: 'https://shop.example/{{ input.id }}' } },
    },
    {
      id: 'large',
      type: 'condition',
      position: { x: 300, y: 0 },
      data: { config: { expression: 'steps.fetch.output.body.total > 100' } },
    },
    {
      id: 'ship',
      type: 'http_request',
      position: { x: 600, y: 40 },
      data: {
        config: { method: 'POST', url: 'u', body: { order: '{{ steps.fetch.output.body }}' } },
        join: 'any',
        compensate: {
          type: 'http_request',
          config: { method: 'DELETE', url: 'u/{{ steps.ship.output.body.id }}' },
          timeout_ms: 5,
        },
      },
    },
    {
      id: 'label',
      type: 'for_each',
      position: { x: 900, y: 0 },
      data: {
        config: {
          items: '{{ steps.fetch.output.body.lines }}',
          step: { type: 'http_request', config: { url: 'l/{{ item.sku }}' } },
        },
      },
    },
  ];
  const edges = [
    { id: 'fetch>large', source: 'fetch', target: 'large' },
    { id: 'large:true>ship', source: 'large', target: 'ship', sourceHandle: 'true' },
    { id: 'ship>label', source: 'ship', target: 'label' },
    { id: 'e9', source: 'fetch', target: 'ship', sourceHandle: 'error', animated: true },
  ];
  const input_schema = { type: 'object', properties: { id: { type: 'string' } } };
  expect(codeOf(nodes, edges, { input_schema })).toBe(
    `import { defineWorkflow, expr, jsonSchema, shape } from 'stepbase/workflow';

export default defineWorkflow('order', {
  input: jsonSchema({ type: 'object', properties: { id: { type: 'string' } } }),
}, (w) => {
  const fetch = w.httpRequest('fetch', { url: \`https://shop.example/\${w.input.id}\` }, {
    output: shape<{ total: unknown; lines: unknown }>(),
  });
  const large = w.condition('large', {
    expression: expr<boolean>\`\${fetch.output.body.total} > 100\`,
  });
  const ship = w.httpRequest(
    'ship',
    { method: 'POST', url: 'u', body: { order: fetch.output.body } },
    {
      after: large.on('true'),
      join: 'any',
      compensate: ({ output, step }) => step.httpRequest(
        { method: 'DELETE', url: \`u/\${output.body.id}\` },
        { timeout_ms: 5 },
      ),
      output: shape<{ id: unknown }>(),
      canvas: { position: { x: 600, y: 40 } },
    },
  );
  const label = w.forEach(
    'label',
    {
      items: expr<{ sku: unknown }[]>\`\${fetch.output.body.lines}\`,
      step: ({ item, step }) => step.httpRequest({ url: \`l/\${item.sku}\` }),
    },
    { after: ship },
  );
  w.connect(fetch.on('error'), ship, { id: 'e9', animated: true });
  return [label];
});
`,
  );
});

it('writes what the typed methods do not express as JSON', () => {
  const nodes = [{ id: 'draft', type: 'delay', data: { config: { hours: 1 } } }];
  expect(codeOf(nodes)).toContain(
    "const draft = w.node({ id: 'draft', type: 'delay', data: { config: { hours: 1 } } });",
  );
});

const wait = (id: unknown, more: object = {}) => ({
  id,
  type: 'delay',
  data: { config: { ms: 1 }, ...more },
});

it.each<[string, unknown[], unknown[], object]>([
  ['not_an_object', [null], [], {}],
  ['not_an_object', [wait('a')], ['a>b'], {}],
  ['invalid_id', [wait('a = 1; globalThis.ran = true; const b')], [], {}],
  ['invalid_id', [wait('a\u2028b')], [], {}],
  ['invalid_id', [wait('__proto__')], [], {}],
  ['invalid_id', [wait(undefined)], [], {}],
  ['duplicate_node', [wait('a'), wait('a')], [], {}],
  ['dangling_edge', [wait('a')], [{ id: 'e', source: 'a', target: 'b' }], {}],
  ['dangling_edge', [wait('a')], [{ id: 'e', target: 'a' }], {}],
  ['invalid_request', [], [], { kebab_name: "x'" }],
])('refuses what no code compiles to: %s', (code, nodes, edges, more) => {
  expect(() => codeOf(nodes as object[], edges as object[], more)).toThrow(
    expect.objectContaining({ name: 'DefinitionError', code }),
  );
});

it('refuses a definition without lists', () => {
  expect(() => decompile({ kebab_name: 'x', definition: {} as never })).toThrow('lists of nodes');
});

it('writes texts that look like code as texts, and inherited names as JSON', () => {
  const code = ['$', '{globalThis.ran = true}'].join('');
  const hostile = `'"\`${code}\\\u2028*/</script>\n{{ \`${code}\` }}`;
  const nodes = [
    { ...wait('start', { constructor: 1 }), [hostile]: hostile },
    { ...wait('odd'), type: 'constructor' },
    {
      id: 'choose',
      type: 'condition',
      data: { label: hostile, config: { expression: `input.\`${hostile}\`` }, 'x-note': hostile },
    },
    {
      id: 'call',
      type: 'http_request',
      data: {
        config: { url: hostile, body: JSON.parse(`{"__proto__": ${JSON.stringify(hostile)}}`) },
      },
    },
  ];
  const edges = [
    { id: hostile, source: 'odd', target: 'choose', sourceHandle: hostile },
    { id: 'e', source: 'choose', target: 'call', sourceHandle: hostile },
  ];
  const definition = { 'x-canvas': { [hostile]: hostile }, nodes, edges };
  const input_schema = { type: 'object', properties: { [hostile]: { type: 'string' } } };
  const source = codeOf([], [], { definition, input_schema, name: hostile, description: hostile });
  const program = stripTypeScriptTypes(source)
    .replace(/^import \{.*\} from .*;$/m, '')
    .replace('export default', 'return');
  const compiled = new Function(...Object.keys(WORKFLOW), program)(...Object.values(WORKFLOW));
  expect(JSON.stringify(compiled.definition)).toBe(JSON.stringify(definition));
  expect(compiled).toMatchObject({ name: hostile, description: hostile, input_schema });
  expect(globalThis).not.toHaveProperty('ran');
});
