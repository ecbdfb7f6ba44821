// A run over HTTP from its start to its end; a repeated idempotency key starts no second run.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedUser, waitFor } from '../support/stack.ts';
import { type Api, call, publishWorkflow, signToken, sql, startApi } from './support.ts';

let api: Api;
let workflow: string;
let token: string;

interface Step {
  id: string;
  step_id: string;
  status: string;
}

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(seedUser('admin@acme'));
  token = await signToken(seedUser('admin@acme'));
});
afterAll(() => api?.stop());

async function start(n = 4): Promise<string> {
  const { status, body } = await call(`${api.url}/v1/workflows/${workflow}/runs`, {
    token,
    body: { input: { n } },
  });
  expect(status).toBe(201);
  return String(body.id);
}

async function read(id: string): Promise<{ run: Record<string, unknown>; steps: Step[] }> {
  const { status, body } = await call(`${api.url}/v1/runs/${id}`, { token });
  expect(status).toBe(200);
  return body as { run: Record<string, unknown>; steps: Step[] };
}

const waitingTask = (id: string) =>
  waitFor('the approval is waiting', async () => {
    return (await read(id)).steps.find((step) => step.status === 'waiting')?.id;
  });

const ended = (id: string, status: string) =>
  waitFor(`the run is ${status}`, async () => {
    const { run } = await read(id);
    return run.status === status ? run : undefined;
  });

const act = (path: string, body: unknown = {}, as = token) =>
  call(`${api.url}/v1/${path}`, { token: as, body });

describe('a run over HTTP', () => {
  it('is started, waits for the approval, and completes with its output', async () => {
    const id = await start(4);
    const task = await waitingTask(id);
    const stranger = await signToken(seedUser('admin@globex'));
    expect((await act(`approvals/${task}`, { approved: true }, stranger)).status).toBe(404);
    expect((await act(`tasks/${task}/complete`)).status).toBe(404);
    expect((await act(`approvals/${task}`, { approved: 'yes' })).status).toBe(400);

    const decided = await act(`approvals/${task}`, { approved: true, comment: 'fine' });
    expect(decided.status).toBe(200);
    expect(decided.body).toMatchObject({ status: 'completed', handle: 'approved' });
    const again = await act(`approvals/${task}`, { approved: false });
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);

    const run = await ended(id, 'completed');
    expect(run.output).toEqual({ add: 9 });
  });

  it('is the same run for the same idempotency key, in header or body', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const key = randomUUID();
    const body = { input: { n: 1 } };
    const first = await call(url, { token, body, headers: { 'idempotency-key': key } });
    const second = await call(url, { token, body: { ...body, idempotency_key: key } });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.id).toBe(first.body.id);
    // Relative to the request, so that it works behind any gateway.
    const location = new URL(first.headers.get('location') ?? '', url);
    expect(location.href).toBe(`${api.url}/v1/runs/${first.body.id}`);
  });

  it('is refused if the idempotency key belongs to a run with another input', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const idempotency_key = randomUUID();
    const first = await call(url, { token, body: { input: { n: 1 }, idempotency_key } });
    const second = await call(url, { token, body: { input: { n: 2 }, idempotency_key } });
    expect([second.status, second.body.code, second.body.run_id]).toEqual([
      409,
      'conflict',
      first.body.id,
    ]);
  });

  it('cannot have an idempotency key that is reserved for the engine', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const idempotency_key = `schedule:${randomUUID()}:2030-01-01T00:00:00.000000Z`;
    const inBody = await call(url, { token, body: { input: { n: 1 }, idempotency_key } });
    const inHeader = await call(url, {
      token,
      body: { input: { n: 1 } },
      headers: { 'idempotency-key': idempotency_key },
    });
    for (const answer of [inBody, inHeader]) {
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
    }
  });

  it('has the tags, the metadata and the start_at of its start', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const options = { tags: ['vip', 'eu'], metadata: { order: 777 } };
    const body = { input: { n: 1 }, ...options, start_at: '2999-01-01T00:00:00Z' };
    const started = await call(url, { token, body });
    expect(started.status).toBe(201);
    expect(started.body).toMatchObject({ ...options, status: 'pending', held_by: 'start_at' });
    const cancelled = await act(`runs/${started.body.id}/cancel`);
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    for (const wrong of [
      { tags: ['\u0007'] },
      { start_at: 'tomorrow' },
      { metadata: { event_depth: 0 } },
    ]) {
      expect((await call(url, { token, body: { ...body, ...wrong } })).status).toBe(400);
    }
  });

  it('is one of many that one request starts', async () => {
    const url = `${api.url}/v1/workflows/${workflow}/runs/batch`;
    const key = randomUUID();
    const input = { n: 1 };
    const items = [{ input, idempotency_key: key }, { input }, { priority: 101 }];
    expect((await call(url, { token, body: { items } })).status).toBe(400);
    const body = {
      items: [...items.slice(0, 2), { input: { n: 2 }, idempotency_key: key }],
    };
    const headers = { 'idempotency-key': randomUUID() };
    const first = await call(url, { token, body, headers });
    expect(first.status).toBe(200);
    expect(first.body.items).toMatchObject([
      { index: 0, status: 'started' },
      { index: 1, status: 'started' },
      { index: 2, status: 'refused', run_id: null, error: { code: 'conflict' } },
    ]);
    expect((await call(url, { token, body, headers })).body).toEqual(first.body);
    const again = await call(url, { token, body: { items: items.slice(0, 1) } });
    const [started] = first.body.items as Record<string, unknown>[];
    expect(again.body).toEqual({ items: [{ ...started, status: 'existing' }] });
    await ended(String(started?.run_id), 'running');
    const stranger = await signToken(seedUser('admin@globex'));
    expect((await call(url, { token: stranger, body })).status).toBe(404);
  });

  it('is found by a value of its input and by its tag', async () => {
    const searchable = { searchable_inputs: ['n'] };
    const changed = await call(`${api.url}/v1/workflows/${workflow}`, {
      method: 'PATCH',
      token,
      body: searchable,
    });
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(searchable)]);
    const tag = randomUUID();
    const url = `${api.url}/v1/workflows/${workflow}/runs`;
    const { body: run } = await call(url, { token, body: { input: { n: 4711 }, tags: [tag] } });
    const search = (filter: unknown, as = token) => act('runs/search', { filter }, as);
    for (const filter of [{ input: { n: 4711 }, workflow, version: 1 }, { tag: [tag] }]) {
      const found = await search(filter);
      expect(found.status).toBe(200);
      expect(found.body).toMatchObject({ items: [{ id: run.id, workflow }], next_cursor: null });
    }
    const stranger = await signToken(seedUser('admin@globex'));
    expect((await search({ tag }, stranger)).body).toEqual({ items: [], next_cursor: null });
    expect((await search({ input: { other: 1 } })).status).toBe(400);
    expect((await search({ workflow: 'nowhere' })).status).toBe(404);
    const page = await act('runs/search', { filter: { workflow }, limit: 1 });
    const next = await act('runs/search', {
      filter: { workflow },
      limit: 1,
      cursor: page.body.next_cursor,
    });
    expect(next.body.items).not.toEqual(page.body.items);
  });

  it('is cancelled once; a second cancel has no effect', async () => {
    const id = await start();
    await waitingTask(id);
    const cancelled = await act(`runs/${id}/cancel`, { reason: 'not needed' });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    expect((await act(`runs/${id}/cancel`)).body.status).toBe('cancelled');
    const paused = await act(`runs/${id}/pause`);
    expect([paused.status, paused.body.code]).toEqual([409, 'conflict']);
    const signal = await act(`runs/${id}/signals/go`);
    expect([signal.status, signal.body.code]).toEqual([409, 'conflict']);
  });

  it('ends at once if it is cancelled with force', async () => {
    const id = await start();
    await waitingTask(id);
    expect((await act(`runs/${id}/cancel`, { force: 'yes' })).status).toBe(400);
    const cancelled = await act(`runs/${id}/cancel`, { force: true });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
  });

  it('is paused, resumed, and rerun from a step', async () => {
    const id = await start(1);
    const task = await waitingTask(id);
    expect((await act(`runs/${id}/pause`)).body.status).toBe('paused');
    expect((await act(`runs/${id}/resume`)).body.status).toBe('running');
    expect((await act(`runs/${id}/signals/hello`, { payload: { a: 1 } })).status).toBe(202);
    expect((await act(`runs/${id}/rerun`)).status).toBe(409);
    await act(`approvals/${task}`, { approved: true });
    await ended(id, 'completed');
    const second = await act(`runs/${id}/rerun`, { from_step: 'add' });
    expect([second.status, second.body.origin_run_id]).toEqual([201, id]);
    expect((await ended(String(second.body.id), 'completed')).output).toEqual({ add: 3 });
  });

  it('is rerun with another input and an edited output, after a preview, and compared', async () => {
    const id = await start(1);
    await act(`approvals/${await waitingTask(id)}`, { approved: false });
    await waitFor('the run has ended', async () => (await read(id)).run.completed_at);
    const edits = { input: { n: 6 }, outputs: { ask: { approved: true } } };
    const plan = await act(`runs/${id}/rerun/preview`, edits);
    expect([plan.status, plan.body.edits_input]).toEqual([200, true]);
    expect(plan.body.steps).toContainEqual(
      expect.objectContaining({ step_id: 'ask', action: 'edited' }),
    );
    const second = await act(`runs/${id}/rerun`, { ...edits, reason: 'approved by phone' });
    expect([second.status, second.body.edits]).toEqual([
      201,
      { input: true, outputs: ['ask'], reason: 'approved by phone' },
    ]);
    expect((await ended(String(second.body.id), 'completed')).output).toEqual({ add: 3 });
    const url = `${api.url}/v1/runs/${id}/compare/${second.body.id}`;
    const compared = await call(url, { token });
    expect(compared.body).toMatchObject({
      same_version: true,
      input: { differences: [{ path: '/n', a: 1, b: 6 }] },
      first_difference: 'ask',
    });
    const stranger = await signToken(seedUser('admin@globex'));
    expect((await call(url, { token: stranger })).status).toBe(404);
    expect((await act(`runs/${id}/rerun/preview`, {}, stranger)).status).toBe(404);
    const unknown = await act(`runs/${id}/rerun`, { outputs: { nowhere: 1 } });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found']);
  });

  it('is not found by another app, and an invalid id is refused', async () => {
    const id = await start();
    const stranger = await signToken(seedUser('admin@globex'));
    for (const path of [`runs/${id}/cancel`, `runs/${id}/pause`, `runs/${id}/rerun`]) {
      expect((await act(path, {}, stranger)).status, path).toBe(404);
    }
    const seen = await call(`${api.url}/v1/runs/${id}`, { token: stranger });
    expect([seen.status, seen.body.code]).toEqual([404, 'not_found']);
    const odd = await call(`${api.url}/v1/runs/42`, { token });
    expect([odd.status, odd.body.code]).toEqual([400, 'invalid_request']);
    await act(`runs/${id}/cancel`);
  });

  it('has tasks that a person claims, releases and delegates', async () => {
    const id = await start();
    const task = await waitingTask(id);
    const developer = await signToken(seedUser('developer@acme'));
    const claimed = await act(`tasks/${task}/claim`);
    expect(claimed.body).toMatchObject({ id: task, claimed_by: seedUser('admin@acme').id });
    expect((await act(`tasks/${task}/claim`, {}, developer)).status).toBe(409);
    expect((await act(`approvals/${task}`, { approved: true }, developer)).status).toBe(409);
    const { body } = await call(`${api.url}/v1/tasks?mine=true&run_id=${id}`, { token });
    expect(body.items).toMatchObject([{ id: task }]);
    expect((await act(`tasks/${task}/release`, {}, developer)).status).toBe(403);
    expect((await act(`tasks/${task}/release`)).body.claimed_by).toBeNull();
    const to = { user_id: seedUser('viewer@acme').id, note: 'please' };
    expect((await act(`tasks/${task}/delegate`, { ...to, user_id: 'x' })).status).toBe(400);
    const delegated = await act(`tasks/${task}/delegate`, to, developer);
    expect(delegated.body).toMatchObject({ id: task, assigned_to: to.user_id });
    expect((await act(`approvals/${task}`, { approved: true }, developer)).status).toBe(403);
  });

  it('continues by the link of a mail, which works once and needs no caller', async () => {
    const id = await start();
    const task = await waitingTask(id);
    const [made] = await sql<{ links: { approve: string } }>(
      "select stepbase_engine.task_mail_data($1, $2) -> 'links' as links",
      [task, seedUser('developer@acme').id],
    );
    const link = { token: made?.links.approve };
    const use = (path: string, body: unknown) => call(`${api.url}/task-links/${path}`, { body });
    expect((await call(`${api.url}/task-links/read?token=${link.token}`)).status).toBe(405);
    const read = await use('read', link);
    expect(read.body).toMatchObject({ decision: 'approve', person: 'Dev Acme' });
    expect((await use('read', link)).status).toBe(200);
    const answers = await Promise.all([1, 2].map(() => use('decide', { ...link, comment: 'ok' })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    const unknown = await use('decide', { token: 'sbd_unknown' });
    const used = answers.find(({ status }) => status === 401);
    expect([unknown.status, unknown.body.detail]).toEqual([401, used?.body.detail]);
    expect((await use('decide', {})).status).toBe(400);
    await ended(id, 'completed');
  });
});
