// Routes that operate schedules, incident switches and many runs: run now, next times, outcomes, backfills; set, status,
// release; preview, start, progress, stop.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../support/stack.ts';
import {
  type Answer,
  type Api,
  call,
  createMember,
  createTenant,
  publishWorkflow,
  signToken,
  sql,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;
let workflow: string;
let scheduleId: string;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('operate');
  workflow = await publishWorkflow(tenant.admin);
  const [row] = await sql<{ id: string }>(
    'select id from stepbase.workflows where app_code = $1 and kebab_name = $2',
    [tenant.app_code, workflow],
  );
  const made = await send('POST', 'schedules', {
    workflow_id: row?.id,
    cron_expression: '0 7 * * *',
    timezone: 'Europe/Berlin',
    input: { n: 1 },
    overlap_policy: 'skip',
    catchup_window_seconds: 3600,
    jitter_seconds: 30,
  });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  scheduleId = String(made.body.id);
});
afterAll(() => api?.stop());

const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  call(`${api.url}/v1/${path}`, {
    method,
    token: tenant.token,
    headers,
    ...(body === undefined ? {} : { body }),
  });
const items = ({ body }: Answer) => body.items as Record<string, unknown>[];
const problem = ({ status, body }: Answer) => [status, body.code];

it('a schedule has its next times, and the worker computes them', async () => {
  const times = await waitFor('the worker computes the times', async () => {
    const { body } = await send('GET', `schedules/${scheduleId}/next-times?count=3`);
    const found = body.times as string[];
    return found.length === 3 ? found : false;
  });
  expect(times.toSorted()).toEqual(times);
  expect(problem(await send('GET', `schedules/${scheduleId}/next-times?count=11`))[0]).toBe(400);
  expect(problem(await send('GET', `schedules/${randomUUID()}/next-times`))[0]).toBe(404);
});

it('a repeated request with the same key runs the schedule once, and its outcome is listed', async () => {
  const key = { 'idempotency-key': randomUUID() };
  const once = await send('POST', `schedules/${scheduleId}/run`, {}, key);
  expect(once.body).toMatchObject({ outcome: 'started', cause: 'run_now' });
  expect((await send('POST', `schedules/${scheduleId}/run`, {}, key)).body).toEqual(once.body);
  const { body } = await send('GET', `runs/${String(once.body.run_id)}`);
  expect(body.run).toMatchObject({
    trigger_type: 'schedule',
    created_by: tenant.admin.id,
    metadata: { schedule_id: scheduleId },
  });
  const listed = await send('GET', `schedule-runs?schedule_id=${scheduleId}&outcome=started`);
  expect(items(listed).map(({ id }) => id)).toEqual([once.body.id]);
});

it('a backfill shows its progress and ends when it is cancelled', async () => {
  const range = { from_time: '2026-01-01T00:00:00Z', to_time: '2026-01-31T00:00:00Z' };
  const made = await send('POST', `schedules/${scheduleId}/backfills`, {
    ...range,
    overlap_policy: 'allow',
  });
  expect(made.status).toBe(201);
  const path = `schedule-backfills/${String(made.body.id)}`;
  const done = await waitFor('the backfill has ended', async () => {
    const { body } = await send('GET', path);
    return body.completed_at === null ? false : body;
  });
  expect(done).toMatchObject({ status: 'completed', times_total: 30, runs_started: 30 });
  expect(problem(await send('POST', `${path}/cancel`, {}))).toEqual([409, 'conflict']);
  const listed = await send('GET', `schedule-backfills?schedule_id=${scheduleId}`);
  expect(items(listed)).toHaveLength(1);
  const future = { ...range, to_time: '2099-01-01T00:00:00Z' };
  const refused = await send('POST', `schedules/${scheduleId}/backfills`, future);
  expect(problem(refused)).toEqual([400, 'invalid_request']);
});

it('operations signal and cancel the runs that their previews counted', async () => {
  const start_at = '2100-01-01T00:00:00Z';
  const target = await publishWorkflow(tenant.admin);
  const start = () => send('POST', `workflows/${target}/runs`, { input: { n: 1 }, start_at });
  const runs = [await start(), await start()].map(({ body }) => String(body.id));
  const ended = async (path: string) =>
    await waitFor('the operation has ended', async () => {
      const { body } = await send('GET', path);
      return body.ended_at === null ? false : body;
    });

  const signal = { action: 'signal', filter: { workflow: target } };
  const { preview } = (await send('POST', 'run-operations/preview', signal)).body;
  const nameless = await send('POST', 'run-operations', { ...signal, preview });
  expect(problem(nameless)).toEqual([400, 'invalid_request']);
  const sent = await send('POST', 'run-operations', {
    ...signal,
    preview,
    signal: { name: 'go', payload: { by: 'hand' } },
  });
  expect(await ended(`run-operations/${String(sent.body.id)}`)).toMatchObject({ done: 2 });
  const signalled = await send('POST', 'runs/search', { filter: { operation: sent.body.id } });
  expect(items(signalled).map(({ id }) => id)).toEqual([...runs].reverse());

  const selection = { action: 'cancel', filter: { workflow: target } };
  const previewed = await send('POST', 'run-operations/preview', selection);
  expect(previewed.body).toMatchObject({ count: 2, is_complete: true, by_status: { pending: 2 } });
  expect(previewed.body.sample).toEqual(runs);

  const given = { ...selection, preview: previewed.body.preview, reason: 'a test' };
  const viewer = await signToken(await createMember(tenant.app_code, 'viewer'));
  const refused = await call(`${api.url}/v1/run-operations`, {
    method: 'POST',
    token: viewer,
    body: given,
  });
  expect(problem(refused)).toEqual([403, 'permission_denied']);
  const other = await send('POST', 'run-operations', { ...given, action: 'pause' });
  expect(problem(other)).toEqual([400, 'invalid_request']);

  const made = await send('POST', 'run-operations', given);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const path = `run-operations/${String(made.body.id)}`;
  expect(await ended(path)).toMatchObject({
    status: 'completed',
    total: 2,
    done: 2,
    failed: 0,
    skipped: 0,
  });
  expect(items(await send('GET', `${path}/failures`))).toEqual([]);
  expect(items(await send('GET', 'run-operations?action=cancel'))).toHaveLength(1);
  expect((await send('POST', `${path}/stop`, {})).body).toMatchObject({ status: 'completed' });
  const run = await send('GET', `runs/${runs[0]}`);
  expect(run.body.run).toMatchObject({ status: 'cancelled', error: { message: 'a test' } });
});

it('an incident switch of a workflow is set, read and released', async () => {
  const target = await publishWorkflow(tenant.admin);
  const body = { scope: 'workflow', target, reason: 'The carrier fails' };
  const made = await send('POST', 'incident-switches', body);
  expect(made.body).toMatchObject({ mode: 'drain', reason: body.reason, released_at: null });
  const path = `incident-switches/${String(made.body.id)}`;
  const run = await send('POST', `workflows/${target}/runs`, { input: { n: 1 } });
  expect((await send('GET', `${path}/status`)).body).toMatchObject({
    is_on: true,
    waiting_runs: 1,
  });
  const viewer = await createMember(tenant.app_code, 'viewer');
  const refused = await call(`${api.url}/v1/${path}/release`, {
    method: 'POST',
    token: await signToken(viewer),
    body: {},
  });
  expect(problem(refused)).toEqual([403, 'permission_denied']);
  const released = await send('POST', `${path}/release`, {});
  expect(released.body).toMatchObject({ released_by: tenant.admin.id });
  await waitFor('the held run starts', async () => {
    const { body: read } = await send('GET', `runs/${String(run.body.id)}`);
    return (read.run as { status: string }).status === 'running';
  });
  expect(items(await send('GET', 'incident-switches'))).toHaveLength(1);
  const all = { scope: 'installation', reason: 'x' };
  expect(problem(await send('POST', 'incident-switches', all))).toEqual([403, 'permission_denied']);
});
