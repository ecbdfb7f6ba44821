// Every feature of the worker and the API, for stacks whose functions connect to their database in an unusual way.

import { createHmac, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Json } from '../../types/database.ts';
import { waitFor } from '../support/stack.ts';
import { failing, type Node, node, type Run, type TestApp, value } from './support.ts';

export interface FeatureContext {
  b: TestApp;
  /** URL of functions/api. */
  api: string;
  /** URL of the fake shop. */
  shop: string;
}

export const FEATURES: Record<string, (context: FeatureContext) => Promise<void>> = {
  'runs with every kind of wait, started, watched and decided through the API': mixedRun,
  'webhooks and API keys': webhooksAndKeys,
  'queries, including JSONata': queries,
  schedules,
  'events of clients, steps and runs': events,
  'work queues': workQueues,
  'compensation, redrive and reruns': undoneAndDrivenOn,
  'secrets and components': secretsAndComponents,
  'children that signal and query their parent': children,
  'limits, priorities, pauses, cancellation and time-outs': control,
};

async function callApi({ b, api }: FeatureContext, method: string, path: string, body?: unknown) {
  const session = await b.developer.auth.getSession();
  const response = await fetch(`${api}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${session.data.session?.access_token}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
  return response;
}

async function insert({ b }: FeatureContext, table: string, row: object): Promise<string> {
  const { data, error } = await b.developer.from(table).insert(row).select('id').single();
  if (error) throw new Error(`${table}: ${error.message}`);
  return data.id as string;
}

async function idOf({ b }: FeatureContext, workflow: string): Promise<string> {
  const { data, error } = await b.developer
    .from('workflows')
    .select('id')
    .eq('kebab_name', workflow)
    .single<{ id: string }>();
  if (error) throw error;
  return data.id;
}

/** Awaits the end of the first run of a workflow that the test did not start itself. */
async function runOf(context: FeatureContext, workflow: string) {
  const workflowId = await idOf(context, workflow);
  const run = await waitFor(`a run of ${workflow}`, async () => {
    const { data } = await context.b.developer
      .from('runs')
      .select('*')
      .eq('workflow_id', workflowId);
    return (data as Run[] | null)?.[0];
  });
  return await context.b.ended(run.id, 30_000);
}

const undoneBy = (of: Node, type: string, config: Json): Node => ({
  ...of,
  data: { ...(of.data as Record<string, Json>), compensate: { type, config } },
});

async function mixedRun(context: FeatureContext): Promise<void> {
  const { b } = context;
  const child = await b.publish([value('z', 'input.n * 2')]);
  const name = await b.publish(
    [
      value('a', 'input.n'),
      node('pause', 'delay', { ms: 50 }),
      node('each', 'for_each', {
        items: [1, 2, 3, 4],
        concurrency: 2,
        step: { type: 'transform', config: { expression: 'item * 10' } },
      }),
      value('flaky', '$error("no")', {
        retry: { max_attempts: 2, backoff: 'fixed', delay_ms: 20, retry_on: ['expression_failed'] },
        on_error: 'continue',
      }),
      node('call', 'child_workflow', { workflow: child, input: { n: '{{ steps.a.output }}' } }),
      node('hear', 'wait_for_signal', { signal_name: 'go' }),
      node('ask', 'wait_for_approval', { title: 'Go on?' }),
      node('form', 'user_task', { title: 'How many?' }),
      value('z', 'steps.call.output.z + $sum(steps.each.output) + steps.form.output.n'),
    ],
    [
      ...['pause', 'each', 'flaky', 'call', 'hear'].flatMap((id) => [`a > ${id}`, `${id} > ask`]),
      'ask > form : approved',
      'form > z',
    ],
  );
  const started = await callApi(context, 'POST', `/workflows/${name}/runs`, { input: { n: 21 } });
  const { id } = (await started.json()) as { id: string };
  const stream = await callApi(context, 'GET', `/runs/${id}/events`);
  await callApi(context, 'POST', `/runs/${id}/signals/go`, { payload: {} });
  const { id: task } = await b.stepIs(id, 'ask', 'waiting', 30_000);
  await callApi(context, 'POST', `/approvals/${task}`, { approved: true });
  const { id: form } = await b.stepIs(id, 'form', 'waiting', 30_000);
  await callApi(context, 'POST', `/tasks/${form}/complete`, { output: { n: 100 } });
  const { run } = await b.ended(id, 30_000);
  expect(run).toMatchObject({ status: 'completed', output: { z: 242 } });
  const read = await (await callApi(context, 'GET', `/runs/${id}`)).json();
  expect(read).toMatchObject({ run: { status: 'completed' } });
  // The stream ends with the run.
  expect(await stream.text()).toContain('run.completed');
}

async function webhooksAndKeys(context: FeatureContext): Promise<void> {
  const { b, api } = context;
  const workflow = await b.publish([value('echo', 'input.body.n')]);
  const made = await b.developer.rpc('create_webhook', { workflow, name: 'shop' });
  const { path, secret } = made.data as { path: string; secret: string };
  const [id, body, at] = [randomUUID(), '{"n":7}', String(Math.floor(Date.now() / 1000))];
  const signature = createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64'))
    .update(`${id}.${at}.${body}`)
    .digest('base64');
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': `v1,${signature}`,
  };
  const call = () => fetch(`${api}${path}`, { method: 'POST', body, headers });
  expect([(await call()).status, (await call()).status]).toEqual([202, 200]);
  expect((await runOf(context, workflow)).run.output).toEqual({ echo: 7 });

  const key = await b.admin.rpc('create_api_key', { name: `k-${id}` });
  const started = await fetch(`${api}/v1/workflows/${workflow}/runs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(key.data as { key: string }).key}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ input: { body: { n: 8 } } }),
  });
  expect(started.status).toBe(201);
  const { id: runId } = (await started.json()) as { id: string };
  expect((await b.ended(runId)).run.output).toEqual({ echo: 8 });
}

async function queries(context: FeatureContext): Promise<void> {
  const { b } = context;
  const name = await b.publish([value('lines', '[{"n": 2}, {"n": 3}]')]);
  const workflow_id = await idOf(context, name);
  const declare = (query_name: string, expression: string) =>
    insert(context, 'workflow_queries', { workflow_id, query_name, expression });
  await declare('total', '$sum(steps.lines.output.n)');
  await declare('second', 'steps.lines.output.1.n');
  const { id } = await b.start(name);
  await b.ended(id);
  const ask = async (query: string) =>
    (
      (await (await callApi(context, 'GET', `/runs/${id}/queries/${query}`)).json()) as {
        answer: unknown;
      }
    ).answer;
  expect([await ask('total'), await ask('second')]).toEqual([5, 3]);
  expect(await ask('status')).toMatchObject({ status: 'completed' });
}

async function schedules(context: FeatureContext): Promise<void> {
  const name = await context.b.publish([value('n', 'input.n')]);
  const schedule = {
    workflow_id: await idOf(context, name),
    cron_expression: '0 0 1 1 *',
    start_immediately: true,
    input: { n: 4 },
  };
  const id = await insert(context, 'workflow_schedules', schedule);
  const { run } = await runOf(context, name);
  expect(run).toMatchObject({ trigger_type: 'schedule', output: { n: 4 } });
  await waitFor('the next time of the schedule', async () => {
    const { data } = await context.b.developer.from('workflow_schedules').select().eq('id', id);
    return data?.[0]?.next_run_at !== null;
  });
}

async function events(context: FeatureContext): Promise<void> {
  const { b } = context;
  const event_name = `test.${randomUUID()}`;
  const [first, second, last] = await Promise.all([
    b.publish([node('tell', 'emit_event', { name: `${event_name}.more`, payload: { n: 2 } })]),
    b.publish([value('n', 'input.event.payload.n')]),
    b.publish([value('of', 'input.event.payload.output.n')]),
  ]);
  const listen = async (workflow: string, more: object) =>
    await insert(context, 'workflow_triggers', {
      trigger_type: 'event',
      workflow_id: await idOf(context, workflow),
      ...more,
    });
  await listen(first, { event_name });
  await listen(second, { event_name: `${event_name}.more` });
  await listen(last, {
    event_name: 'run.completed',
    source_workflow_id: await idOf(context, second),
  });
  await callApi(context, 'POST', '/events', { name: event_name, payload: { n: 1 } });
  expect((await runOf(context, second)).run.output).toEqual({ n: 2 });
  expect((await runOf(context, last)).run.output).toEqual({ of: 2 });
}

async function workQueues(context: FeatureContext): Promise<void> {
  const { b } = context;
  const consumer = await b.publish([node('pop', 'work_queue_pop', { queue: 'items' })]);
  const queue = await insert(context, 'work_queues', {
    workflow_id: await idOf(context, consumer),
    queue_name: 'items',
    ordering: 'priority',
  });
  const producer = await b.publish([
    node('push', 'work_queue_push', { queue: `${consumer}/items`, item: 'one', priority: 3 }),
  ]);
  // One consumer waits for an item, the other gets one at once.
  const waits = await b.start(consumer);
  await b.stepIs(waits.id, 'pop', 'waiting');
  await b.ended((await b.start(producer)).id);
  expect((await b.ended(waits.id)).run.output).toEqual({ pop: 'one' });
  await b.ended((await b.start(producer)).id);
  expect((await b.ended((await b.start(consumer)).id)).run.output).toEqual({ pop: 'one' });
  await waitFor('both items are processed', async () => {
    const { data } = await b.developer
      .from('work_queue_items')
      .select('status')
      .eq('work_queue_id', queue);
    return data?.filter(({ status }) => status === 'done').length === 2;
  });
}

async function undoneAndDrivenOn(context: FeatureContext): Promise<void> {
  const { b, shop } = context;
  const undone = await b.run(
    [undoneBy(value('made'), 'http_request', { url: `${shop}/slow?ms=1` }), failing('bad')],
    ['made > bad'],
  );
  expect(undone.run.status).toBe('failed');
  expect(undone.all.find(({ item_index }) => item_index < 0)?.status).toBe('completed');

  const url = `${shop}/flaky/${randomUUID()}?fail=1`;
  const dead = await b.run([value('a'), node('ask', 'http_request', { url })], ['a > ask']);
  expect(dead.run.status).toBe('failed');
  const redriven = await b.developer.rpc('redrive', { run_ids: [dead.run.id] });
  const [again] = redriven.data as Run[];
  expect((await b.ended(again?.id ?? '')).statuses).toEqual({ a: 'completed', ask: 'completed' });
  const rerun = await callApi(context, 'POST', `/runs/${again?.id}/rerun`, { from_step: 'ask' });
  const { id } = (await rerun.json()) as Run;
  expect((await b.ended(id)).run.status).toBe('completed');
}

async function secretsAndComponents(context: FeatureContext): Promise<void> {
  const { b, shop } = context;
  const secret = `pooled_${randomUUID().slice(0, 8)}`;
  await b.db.query('select vault.create_secret($1, $2)', [
    'open-sesame',
    `stepbase/app/acme/${secret}`,
  ]);
  const component = `c-${randomUUID().slice(0, 12)}`;
  await insert(context, 'components', {
    name: component,
    implementation_type: 'service_task',
    endpoint: `${shop}/echo`,
  });
  const { run } = await b.run(
    [
      node('ask', 'http_request', {
        url: `${shop}/echo`,
        headers: { 'x-key': `{{ secrets.${secret} }}` },
      }),
      node('serve', 'service_task', { component, input: { n: 5 } }),
      value('z', '[steps.ask.output.body.headers.`x-key`, steps.serve.output.body.input.n]'),
    ],
    ['ask > z', 'serve > z'],
  );
  expect(run).toMatchObject({ status: 'completed', output: { z: ['***', 5] } });
}

async function children(context: FeatureContext): Promise<void> {
  const { b } = context;
  const child = await b.publish(
    [
      node('tell', 'send_signal', { signal_name: 'news', payload: { n: 6 } }),
      node('ask', 'query_run', { query_name: 'status' }),
      value('z', 'steps.ask.output.status'),
    ],
    ['tell > ask', 'ask > z'],
  );
  const held = await b.publish([node('w', 'wait_for_signal', { signal_name: 'never' })]);
  const parent = await b.publish(
    [
      node('call', 'child_workflow', { workflow: child }),
      node('left', 'child_workflow', { workflow: held, wait: false, input: {} }),
      node('hear', 'wait_for_signal', { signal_name: 'news' }),
      value('z', '[steps.call.output.z, steps.hear.output.n]'),
    ],
    ['call > z', 'hear > z', 'left > z'],
  );
  await insert(context, 'workflow_children', {
    parent_workflow_id: await idOf(context, parent),
    child_workflow_id: await idOf(context, child),
    child_workflow_name: child,
    can_signal_parent: true,
    can_query_parent: true,
  });
  const { run } = await b.ended((await b.start(parent)).id, 30_000);
  expect(run).toMatchObject({ status: 'completed', output: { z: ['running', 6] } });
  // A child that its parent did not await is cancelled with the parent.
  expect((await runOf(context, held)).run.status).toBe('cancelled');
}

async function control(context: FeatureContext): Promise<void> {
  const { b, shop } = context;
  const queue = await insert(context, 'task_queues', {
    name: `q-${randomUUID()}`,
    max_concurrent_activities: 1,
    max_concurrent_workflows: 2,
  });
  const limited = await b.publish([
    node('x', 'http_request', { url: `${shop}/slow?ms=20` }),
    node('y', 'http_request', { url: `${shop}/slow?ms=20` }),
  ]);
  await b.developer
    .from('workflows')
    .update({ task_queue_id: queue, max_concurrent_executions: 1 })
    .eq('kebab_name', limited);
  const runs = await Promise.all(
    [0, 10, -10].map((priority) => b.start(limited, {}, { priority })),
  );
  for (const { id } of runs) expect((await b.ended(id, 30_000)).run.status).toBe('completed');

  const slow = await b.publish(
    [
      node('ask', 'http_request', { url: `${shop}/slow?ms=20000` }),
      node('late', 'wait_for_signal', { signal_name: 'never', timeout_ms: 50 }),
      value('then'),
    ],
    ['late > then : timeout'],
  );
  const { id } = await b.start(slow);
  await b.stepIs(id, 'then', 'completed');
  await callApi(context, 'POST', `/runs/${id}/pause`, {});
  await callApi(context, 'POST', `/runs/${id}/resume`, {});
  await callApi(context, 'POST', `/runs/${id}/cancel`, { reason: 'enough' });
  expect((await b.ended(id)).run.status).toBe('cancelled');

  await b.developer
    .from('workflows')
    .update({ execution_timeout_seconds: 1 })
    .eq('kebab_name', slow);
  expect((await b.ended((await b.start(slow)).id, 30_000)).run.status).toBe('timed_out');
}
