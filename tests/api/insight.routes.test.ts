// Routes that show what an application does: counts and groups of runs, workflows with their results, how full queues
// are, items of a for_each, comments on tasks, events, calls of webhooks and their replay.
import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../support/stack.ts';
import {
  type Answer,
  type Api,
  call,
  createMember,
  createTenant,
  signToken,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;
let viewer: string;

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('insight');
  viewer = await signToken(await createMember(tenant.app_code, 'viewer'));
});
afterAll(() => api?.stop());

const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  call(`${api.url}/v1/${path}`, {
    method,
    token: tenant.token,
    headers,
    ...(body === undefined ? {} : { body }),
  });
const asViewer = (method: string, path: string, body?: unknown) =>
  call(`${api.url}/v1/${path}`, { method, token: viewer, ...(body === undefined ? {} : { body }) });
const items = ({ body }: Answer) => body.items as Record<string, unknown>[];
const node = (id: string, type: string, config: unknown) => ({ id, type, data: { config } });

async function publish(...nodes: unknown[]): Promise<string> {
  const name = `w-${randomUUID().slice(0, 8)}`;
  await send('POST', `workflows/${name}/draft`, { definition: { nodes, edges: [] } });
  const { status, body } = await send('POST', `workflows/${name}/publish`, {});
  expect(status, JSON.stringify(body)).toBe(200);
  return name;
}

async function start(workflow: string, status: string, input: object = {}): Promise<string> {
  const { body } = await send('POST', `workflows/${workflow}/runs`, { input });
  await waitFor(`the run is ${status}`, async () => {
    const { body: read } = await send('GET', `runs/${String(body.id)}`);
    return (read.run as { status: string }).status === status;
  });
  return String(body.id);
}

it('runs are counted and grouped, and a workflow has its results', async () => {
  const broken = await publish(node('total', 'transform', { expression: '$error("no")' }));
  const failed = [await start(broken, 'failed'), await start(broken, 'failed')];
  const counted = await send('POST', 'runs/count', { filter: { workflow: broken } });
  expect(counted.body).toMatchObject({ by_status: { failed: 2 }, is_complete: true, capped: [] });

  const groups = await asViewer('GET', 'dead-letters/groups');
  expect(items(groups)).toHaveLength(1);
  expect(items(groups)[0]).toMatchObject({
    workflow: broken,
    version: 1,
    total: 2,
    redriven: 0,
    sample: { run_id: expect.toSatisfy((id: string) => failed.includes(id)) },
  });
  const late = await send('GET', 'dead-letters/groups?since=2099-01-01T00:00:00Z');
  expect([late.status, late.body.code]).toEqual([400, 'invalid_request']);

  const found = await send('POST', 'workflows/search', {
    filter: { text: broken },
    sort: '-failed_runs',
  });
  expect(found.body.total).toBe(1);
  expect(items(found)[0]).toMatchObject({
    kebab_name: broken,
    failed_runs: 2,
    success_rate: 0,
    published_version: 1,
  });
  expect((await asViewer('GET', 'overview')).body).toMatchObject({ stuck_runs: [] });
  const series = await send('GET', 'statistics/series?step_minutes=120');
  expect(series.body.points as unknown[]).toHaveLength(13);
});

it('a full queue shows its load and the runs that wait, and its limit is that of the queue', async () => {
  const name = `q-${randomUUID().slice(0, 6)}`;
  const queue = await send('POST', 'task-queues', { name, max_concurrent_workflows: 1 });
  const workflow = await publish(node('wait', 'wait_for_signal', { signal_name: 'go' }));
  await send('PATCH', `workflows/${workflow}`, { task_queue_id: queue.body.id });
  await start(workflow, 'running');
  const later = await send('POST', `workflows/${workflow}/runs`, { priority: 1 });
  const sooner = await send('POST', `workflows/${workflow}/runs`, { priority: 9 });
  const load = items(await asViewer('GET', 'task-queues/load')).find((row) => row.name === name);
  expect(load).toMatchObject({ max_runs: 1, busy_runs: 1, waiting_runs: 2, switch: null });
  const path = `task-queues/${String(queue.body.id)}/waiting-runs`;
  expect(items(await asViewer('GET', path)).map(({ place, run_id }) => [place, run_id])).toEqual([
    [1, sooner.body.id],
    [2, later.body.id],
  ]);
  expect((await send('GET', `task-queues/${randomUUID()}/waiting-runs`)).status).toBe(404);
});

it('items of a for_each are counted and listed in pages', async () => {
  const workflow = await publish(
    node('each', 'for_each', {
      items: '{{ input.numbers }}',
      step: { type: 'transform', config: { expression: 'item' } },
    }),
  );
  const run = await start(workflow, 'completed', { numbers: [1, 2, 3, 4, 5] });
  const counts = await asViewer('GET', `runs/${run}/steps/each/items/counts?buckets=2`);
  expect(counts.body).toMatchObject({ total: 5, bucket_size: 3, counts: { completed: 5 } });
  const first = await send('GET', `runs/${run}/steps/each/items?limit=3`);
  expect(items(first).map(({ item_index }) => item_index)).toEqual([1, 2, 3]);
  const rest = await send('GET', `runs/${run}/steps/each/items?cursor=${first.body.next_cursor}`);
  expect(items(rest).map(({ item_index }) => item_index)).toEqual([4, 5]);
  expect(rest.body.next_cursor).toBeNull();
});

it('a task is counted and commented on once', async () => {
  const workflow = await publish(node('ask', 'wait_for_approval', { title: 'Go?' }));
  const run = await start(workflow, 'running');
  const task = await waitFor(
    'the task waits',
    async () => items(await send('GET', `tasks?run_id=${run}`))[0],
  );
  const path = `tasks/${String(task.id)}/comments`;
  const key = { 'idempotency-key': randomUUID() };
  const made = await send('POST', path, { body: 'Looks fine' }, key);
  expect([made.status, made.body.user_id]).toEqual([201, tenant.admin.id]);
  expect((await send('POST', path, { body: 'Looks fine' }, key)).body).toEqual(made.body);
  expect(items(await asViewer('GET', path)).map(({ body }) => body)).toEqual(['Looks fine']);
  expect((await send('GET', 'tasks/counts')).body).toMatchObject({ unassigned: 1, all: 1 });
  const refused = await asViewer('POST', path, { body: 'No' });
  expect([refused.status, refused.body.code]).toEqual([403, 'permission_denied']);
});

it('events, calls of a webhook and their replay are listed', async () => {
  const workflow = await publish(node('one', 'transform', { expression: 'input' }));
  await send('POST', 'events', { name: 'order.made', payload: { n: 1 } });
  expect(items(await asViewer('GET', 'events?name=order.made'))).toMatchObject([
    { name: 'order.made', payload: { n: 1 }, runs: [] },
  ]);
  expect(items(await asViewer('GET', 'database-triggers'))).toEqual([]);

  const hook = await send('POST', 'webhooks', { workflow });
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1000));
  const secret = Buffer.from(String(hook.body.secret).replace('whsec_', ''), 'base64');
  const signed = createHmac('sha256', secret).update(`${id}.${timestamp}.{"n":1}`).digest('base64');
  const called = await call(`${api.url}${String(hook.body.path)}`, {
    method: 'POST',
    body: { n: 1 },
    headers: {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signed}`,
    },
  });
  expect(called.status, JSON.stringify(called.body)).toBeLessThan(300);
  const path = `webhooks/${String(hook.body.id)}/calls`;
  const [first] = items(await asViewer('GET', path));
  expect(first).toMatchObject({ verdict: 'started', replay_of: null });
  const replay = `webhook-calls/${String(first?.id)}/replay`;
  expect((await asViewer('POST', replay, {})).status).toBe(403);
  const again = await send('POST', replay, {});
  expect(again.body).toMatchObject({ verdict: 'started', replay_of: first?.id });
  expect(again.body.run_id).not.toBe(first?.run_id);
  expect(items(await send('GET', `${path}?verdict=started`))).toHaveLength(2);
});

it('a definition is tested without being published', async () => {
  const workflow = await publish(node('one', 'transform', { expression: '1' }));
  const definition = { nodes: [node('two', 'transform', { expression: '2' })], edges: [] };
  const made = await send('POST', `workflows/${workflow}/test`, { definition });
  expect([made.status, made.body.tags]).toEqual([201, ['test']]);
  const broken = { definition: { nodes: [{ id: 'x', type: 'nothing' }], edges: [] } };
  const refused = await send('POST', `workflows/${workflow}/test`, broken);
  expect(refused.body.code).toBe('invalid_definition');
  const bare = await asViewer('POST', `workflows/${workflow}/test`, { definition });
  expect(bare.status).toBe(403);
});
