// Conditional and waiting requests: If-Match saves only over the draft that was read, and Prefer: wait delays an answer
// until the run has ended.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/stack.ts';
import {
  type Api,
  asPerson,
  call,
  createTenant,
  publishWorkflow,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('conditions');
});
afterAll(() => api?.stop());

const definition = (expression: string) => ({
  nodes: [{ id: 'one', type: 'transform', data: { config: { expression } } }],
  edges: [],
});
const headersOf = (etag?: string) => (etag === undefined ? {} : { 'if-match': etag });
const save = (name: string, expression: string, etag?: string) =>
  call(`${api.url}/v1/workflows/${name}/draft`, {
    token: tenant.token,
    body: { definition: definition(expression) },
    headers: headersOf(etag),
  });
const publish = (name: string, etag?: string) =>
  call(`${api.url}/v1/workflows/${name}/publish`, {
    token: tenant.token,
    body: {},
    headers: headersOf(etag),
  });

describe('a draft', () => {
  it('is saved only over the state that its ETag names', async () => {
    const name = `draft-${randomUUID()}`;
    const first = await save(name, '1');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    const read = await call(`${api.url}/v1/workflows/${name}/draft`, { token: tenant.token });
    expect(read.headers.get('etag')).toBe(etag);
    const second = await save(name, '2', etag);
    expect(second.status).toBe(200);
    const late = await save(name, '3', etag);
    expect([late.status, late.body.code, late.body.etag]).toEqual([
      412,
      'precondition_failed',
      second.headers.get('etag'),
    ]);
    const early = await publish(name, etag);
    expect([early.status, early.body.code]).toEqual([412, 'precondition_failed']);
    expect((await publish(name, second.headers.get('etag') ?? '')).status).toBe(200);
  });

  it('must exist for If-Match', async () => {
    const name = `draft-${randomUUID()}`;
    expect((await save(name, '1', '*')).status).toBe(412);
    await save(name, '1');
    expect((await save(name, '2', '*')).status).toBe(200);
  });

  it('must not exist for If-None-Match', async () => {
    const name = `draft-${randomUUID()}`;
    const saveIf = async (expression: string, headers: Record<string, string>) => {
      const { status, body } = await call(`${api.url}/v1/workflows/${name}/draft`, {
        token: tenant.token,
        body: { definition: definition(expression) },
        headers,
      });
      return [status, body.code];
    };
    const none = { 'if-none-match': '*' };
    expect(await saveIf('1', none)).toEqual([200, undefined]);
    expect(await saveIf('2', none)).toEqual([412, 'precondition_failed']);
    expect((await publish(name)).status).toBe(200);
    expect(await saveIf('3', none)).toEqual([200, undefined]);
    expect(await saveIf('4', { 'if-none-match': '"other"' })).toEqual([400, 'invalid_request']);
    expect(await saveIf('4', { ...none, 'if-match': '*' })).toEqual([400, 'invalid_request']);
  });

  it('is created by one of two that found none', async () => {
    const name = `draft-${randomUUID()}`;
    await save(name, '1');
    await publish(name);
    const both = await Promise.all(
      ['2', '3'].map((expression) =>
        call(`${api.url}/v1/workflows/${name}/draft`, {
          token: tenant.token,
          body: { definition: definition(expression) },
          headers: { 'if-none-match': '*' },
        }),
      ),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it('is saved by one of two that read the same state', async () => {
    const name = `draft-${randomUUID()}`;
    const etag = (await save(name, '1')).headers.get('etag') ?? '';
    const both = await Promise.all([save(name, '2', etag), save(name, '3', etag)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  });
});

describe('Prefer: wait', () => {
  const start = async (workflow: string, wait: string) =>
    await call(`${api.url}/v1/workflows/${workflow}/runs`, {
      token: tenant.token,
      body: { input: { n: 2 } },
      headers: { prefer: wait },
      timeoutMs: 60_000,
    });

  it('answers with the run when it has ended', async () => {
    const name = `quick-${randomUUID()}`;
    await save(name, 'input.n * 2');
    await publish(name);
    const run = await start(name, 'respond-async, wait=30');
    expect([run.status, run.body.status, run.body.output]).toEqual([201, 'completed', { one: 4 }]);
    expect(run.headers.get('preference-applied')).toBe('wait=30');
    const read = await call(`${api.url}/v1/runs/${run.body.id}`, {
      token: tenant.token,
      headers: { prefer: 'wait=100000' },
    });
    expect(read.headers.get('preference-applied')).toBe('wait=60');
  });

  it('answers with the open run when the time is over, and at once when it ends', async () => {
    const workflow = await publishWorkflow(tenant.admin);
    const open = await start(workflow, 'wait=1');
    expect(open.status).toBe(201);
    expect(open.body.completed_at).toBeNull();
    const waiting = call(`${api.url}/v1/runs/${open.body.id}`, {
      token: tenant.token,
      headers: { prefer: 'wait=50' },
      timeoutMs: 60_000,
    });
    await waitFor('the run waits', async () => {
      const rows = await asPerson(
        tenant.admin,
        "select 1 from stepbase.step_runs where run_id = $1 and status = 'waiting'",
        [open.body.id],
      );
      return rows.length > 0;
    });
    await asPerson(tenant.admin, 'select stepbase.cancel_run($1)', [open.body.id]);
    const { body } = await waiting;
    expect((body.run as { status: string }).status).toBe('cancelled');
  });

  it('has no effect without a number of seconds', async () => {
    const workflow = await publishWorkflow(tenant.admin);
    const run = await start(workflow, 'wait=soon, return=minimal');
    expect(run.headers.get('preference-applied')).toBeNull();
  });
});
