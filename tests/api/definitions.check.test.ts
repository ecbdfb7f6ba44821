// Definitions over HTTP: validate without saving, save a draft, publish. One answer lists all faults, those that the
// database finds and those that the checker finds.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedUser } from '../support/stack.ts';
import { type Answer, type Api, call, signToken, sql, startApi } from './support.ts';

let api: Api;
let token: string;

beforeAll(async () => {
  api = await startApi();
  token = await signToken(seedUser('developer@acme'));
});
afterAll(() => api?.stop());

const post = (path: string, body: unknown, as = token): Promise<Answer> =>
  call(`${api.url}/v1/workflows/${path}`, { token: as, body });

const step = (id: string, expression: string) => ({
  id,
  type: 'transform',
  data: { config: { expression } },
});

/** Each fault as 'node pointer code'. */
const listed = (faults: unknown) =>
  (faults as { node: string | null; pointer: string; code: string }[])
    .map(({ node, pointer, code }) => `${node} ${pointer} ${code}`)
    .sort();

const input_schema = {
  type: 'object',
  properties: { total: { type: 'number' } },
  additionalProperties: false,
};

const FAULTY = {
  nodes: [
    step('a', 'input.totl'),
    step('b', 'steps.a.output +'),
    step('c', 'steps.gone.output'),
    { id: 'd', type: 'delay', data: { config: { until: '2027-02-30' } } },
    { id: 'e', type: 'transform', data: { config: {} } },
  ],
  edges: [{ id: 'e1', source: 'a', target: 'b' }],
};
const FAULTS = [
  'a /nodes/0/data/config/expression unknown_property',
  'b /nodes/1/data/config/expression expression_syntax',
  'c /nodes/2/data/config/expression unknown_reference',
  'd /nodes/3/data/config/until invalid_config',
];

describe('validate', () => {
  it('lists all faults of a definition and saves nothing', async () => {
    const workflow = `t-${randomUUID()}`;
    const { status, body } = await post('validate', { definition: FAULTY, workflow, input_schema });
    expect(status).toBe(200);
    expect(body.valid).toBe(false);
    const found = listed(body.faults);
    expect(found).toEqual(expect.arrayContaining(FAULTS));
    // The missing key of e is a problem that SQL finds.
    expect(found.filter((fault) => !FAULTS.includes(fault))).toEqual([
      expect.stringMatching(/^e \/nodes\/4\S* invalid_config$/),
    ]);
    const saved = await sql('select 1 from stepbase.workflows where kebab_name = $1', [workflow]);
    expect(saved).toEqual([]);
  });

  it('accepts a definition without faults, and names likely mistakes as warnings', async () => {
    const valid = { nodes: [step('a', '{"v": input.total}')], edges: [] };
    expect((await post('validate', { definition: valid, input_schema })).body).toEqual({
      valid: true,
      faults: [],
    });
    const { body } = await post('validate', {
      definition: { nodes: [step('a', 'input.totl')], edges: [] },
      input_schema: { ...input_schema, additionalProperties: true },
    });
    expect(body).toMatchObject({
      valid: true,
      faults: [{ code: 'undeclared_property', hint: 'did you mean total?', severity: 'warning' }],
    });
  });

  it('answers with faults for a value that is no definition', async () => {
    for (const definition of [null, 1, [], {}, { nodes: [1], edges: [null] }]) {
      const { status, body } = await post('validate', { definition });
      expect(status).toBe(200);
      expect(body.valid).toBe(false);
    }
  });

  it('refuses other bodies, and callers without a role in an application', async () => {
    expect((await post('validate', { definitoin: {} })).status).toBe(400);
    const anonymous = await call(`${api.url}/v1/workflows/validate`, { body: {} });
    expect(anonymous.status).toBe(401);
    const nowhere = await signToken({ id: randomUUID(), app_code: 'acme' });
    expect((await post('validate', { definition: FAULTY }, nowhere)).status).toBe(403);
  });
});

describe('save and publish', () => {
  it('saves a draft with faults and lists them, but does not publish it', async () => {
    const workflow = `t-${randomUUID()}`;
    const definition = { ...FAULTY, nodes: FAULTY.nodes.slice(0, 4) };
    const output_schema = { type: 'object', required: ['a'] };
    const schemas = { input_schema, output_schema };
    const saved = await post(`${workflow}/draft`, { definition, ...schemas });
    expect(saved.status).toBe(200);
    expect(saved.body.version).toMatchObject({ status: 'draft', version: 1, ...schemas });
    expect(listed(saved.body.faults)).toEqual(FAULTS);

    const refused = await post(`${workflow}/publish`, {});
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'invalid_definition', status: 422 });
    expect(listed(refused.body.errors)).toEqual(FAULTS);

    const mended = { nodes: [step('a', 'input.total')], edges: [] };
    expect((await post(`${workflow}/draft`, { definition: mended })).body).toMatchObject({
      faults: [],
      version: { version: 1, ...schemas },
    });
    const without = await post(`${workflow}/draft`, { definition: mended, output_schema: null });
    expect(without.body.version).toMatchObject({ input_schema, output_schema: null });
    const published = await post(`${workflow}/publish`, {});
    expect(published.status).toBe(200);
    expect(published.body).toMatchObject({
      faults: [],
      version: { status: 'published', version: 1 },
    });
    expect((await post(`${workflow}/publish`, {})).status).toBe(404);
    expect((await post(`${workflow}/publish`, { version: 1 })).status).toBe(200);
  });

  it('refuses a draft that is not a graph, and lists all of its faults', async () => {
    const { status, body } = await post(`t-${randomUUID()}/draft`, {
      definition: {
        nodes: [step('a', '1 +')],
        edges: [{ id: 'e1', source: 'a', target: 'nowhere' }],
      },
    });
    expect(status).toBe(422);
    expect(body.code).toBe('invalid_definition');
    expect(listed(body.errors).map((fault) => fault.split(' ').at(-1))).toEqual(
      expect.arrayContaining(['dangling_edge', 'expression_syntax']),
    );
  });

  it('needs the permissions of the RPCs, in the application of the caller', async () => {
    const workflow = `t-${randomUUID()}`;
    const definition = { nodes: [step('a', '1')], edges: [] };
    const viewer = await signToken(seedUser('viewer@acme'));
    expect((await post(`${workflow}/draft`, { definition }, viewer)).status).toBe(403);
    expect((await post(`${workflow}/draft`, { definition })).status).toBe(200);
    expect((await post(`${workflow}/publish`, {}, viewer)).status).toBe(403);
    const stranger = await signToken(seedUser('admin@globex'));
    expect((await post(`${workflow}/publish`, {}, stranger)).status).toBe(404);
  });
});
