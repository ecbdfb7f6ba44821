// As on a hosted project: no resident worker. A check every few seconds calls a worker only if work is pending. That
// one call also processes the runs that events and ends of runs start.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { codeOf, node, type Run, type TestApp, testApp, value } from './support.ts';

let stack: Stack;
let b: TestApp;
beforeAll(async () => {
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: { STEPBASE_WORKER_MODE: 'invocation', STEPBASE_DB_DIRECT: 'false' },
  });
  b = await testApp(stack.info);
  // pg_net sends a request later, outside the transaction.
  await b.db.query(`
    create schema net;
    create table net.requests (id bigint generated always as identity, url text, headers jsonb);
    create function net.http_post(
      url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
      timeout_milliseconds int default 5000
    ) returns bigint language sql as $$
      insert into net.requests (url, headers) values ($1, $4) returning id
    $$`);
  await b.db.query('select vault.create_secret($1, $2), vault.create_secret($3, $4)', [
    stack.info.api_url,
    'stepbase_url',
    stack.info.secret_key,
    'stepbase_secret_key',
  ]);
});
afterAll(() => stack?.stop());

interface Answer {
  steps: number;
  more: boolean;
}

/** Makes the call of pg_cron and the request of pg_net; undefined if no work is pending. */
async function look(): Promise<Answer | undefined> {
  // The calls of starts: here they are lost.
  await b.db.query('delete from net.requests');
  const { rows } = await b.db.query<{ called: boolean }>(
    'select stepbase_engine.wake_worker() as called',
  );
  const requests = await b.db.query<{ url: string; headers: Record<string, string> }>(
    'delete from net.requests returning url, headers',
  );
  expect(requests.rows).toHaveLength(rows[0]?.called ? 1 : 0);
  const [request] = requests.rows;
  if (!request) return undefined;
  const { url, headers } = request;
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: '{}',
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** Repeats until no work is pending, and returns the number of calls. */
async function settle(): Promise<number> {
  for (let calls = 0; calls < 10; calls += 1) {
    if ((await look()) === undefined) return calls;
  }
  throw new Error('work is still pending after the last call');
}

async function idOf(workflow: string): Promise<string> {
  const { rows } = await b.db.query<{ id: string }>(
    'select id from stepbase.workflows where kebab_name = $1',
    [workflow],
  );
  return rows[0]?.id ?? '';
}

test('one call processes a schedule, the event of its run, and the end of the run that the event starts', async () => {
  await settle();
  expect(await look()).toBeUndefined();

  const nightly = await b.publish([
    node('tell', 'emit_event', { name: 'night.over', payload: { n: 1 } }),
  ]);
  const [listener, follower] = await Promise.all([
    b.publish([value('a')]),
    b.publish([value('b')]),
  ]);
  const triggers = await b.developer.from('workflow_triggers').insert([
    { trigger_type: 'event', event_name: 'night.over', workflow_id: await idOf(listener) },
    {
      trigger_type: 'event',
      event_name: 'run.completed',
      source_workflow_id: await idOf(listener),
      workflow_id: await idOf(follower),
    },
  ]);
  expect(triggers.error).toBeNull();
  const schedule = await b.developer
    .from('workflow_schedules')
    .insert({ workflow_id: await idOf(nightly), cron_expression: '0 3 * * *' })
    .select()
    .single<{ id: string }>();
  expect(schedule.error).toBeNull();

  // The schedule has no next time yet: a worker is called to compute it; then no work is pending until that time.
  expect(await look()).toEqual({ steps: 0, more: false, spent: null });
  expect(await look()).toBeUndefined();
  await b.db.query("select stepbase_engine.advance_clock('1 day')");
  expect(await look()).toEqual({ steps: 3, more: false, spent: null });
  expect(await look()).toBeUndefined();

  const { data, error } = await b.developer
    .from('runs')
    .select()
    .in('workflow_id', await Promise.all([nightly, listener, follower].map(idOf)))
    .order('created_at')
    .overrideTypes<Run[], { merge: false }>();
  expect(error).toBeNull();
  expect(data?.map(({ trigger_type, status }) => [trigger_type, status])).toEqual([
    ['schedule', 'completed'],
    ['event', 'completed'],
    ['event', 'completed'],
  ]);
});

test('a due delay and a run that a client starts call a worker', async () => {
  const run = await b.start(await b.publish([node('wait', 'delay', { ms: 600_000 })]));
  expect(await look()).toEqual({ steps: 0, more: false, spent: null });
  expect(await look()).toBeUndefined();
  await b.db.query("select stepbase_engine.advance_clock('11 minutes')");
  expect(await settle()).toBe(1);
  expect((await b.ended(run.id)).run.status).toBe('completed');
});

test('a run that is paused before its start never calls a worker', async () => {
  const run = await b.start(await b.publish([value('a')]));
  expect(codeOf(await b.developer.rpc('pause_run', { run_id: run.id }))).toBe('none');
  await settle();
  await b.db.query("select stepbase_engine.advance_clock('2 hours')");
  await settle();
  expect(codeOf(await b.developer.rpc('resume_run', { run_id: run.id }))).toBe('none');
  await settle();
  expect((await b.ended(run.id)).run.status).toBe('completed');
});
