// An incident switch stops an application under load: steps in flight finish, runs of another application go on, and
// after the release everything completes, with each call made once.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpServer, serveHttp } from '../../scripts/fakes/http.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { signedIn, waitFor } from '../support/stack.ts';
import { node, type Run, type TestApp, testApp, value } from './support.ts';

let stack: Stack;
let server: HttpServer;
let b: TestApp;
/** How often each address was called, and the requests that wait for their answer. */
const calls = new Map<string, number>();
const held = new Set<() => void>();
let holds = false;

beforeAll(async () => {
  server = await serveHttp(({ path }) => {
    calls.set(path, (calls.get(path) ?? 0) + 1);
    if (!holds) return { body: {} };
    return new Promise((resolve) => {
      const answer = () => resolve({ body: {} });
      held.add(answer);
    });
  });
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: { STEPBASE_ALLOW_PRIVATE_NETWORK: 'true' },
  });
  b = await testApp(stack.info);
  const id = await stop('drain');
  seeded = (await status(id)).open_runs;
  await release(id);
});
afterAll(async () => {
  await stack?.stop();
  await server?.stop();
});

function answerAll(): void {
  holds = false;
  for (const answer of held) answer();
  held.clear();
}

/** A call whose address names the run and the step. */
const call = (id: string) =>
  node(id, 'http_request', { url: `${server.url}/{{ input.n }}/${id}`, method: 'POST' });

type Switch = { id: string; mode: string };
async function stop(mode: 'drain' | 'pause'): Promise<string> {
  const { data, error } = await b.developer
    .rpc('set_incident_switch', { scope: 'application', mode, reason: 'test' })
    .single<Switch>();
  expect(error).toBeNull();
  return data?.id ?? '';
}

interface Status {
  open_runs: number;
  waiting_runs: number;
  steps_in_flight: number;
}
async function status(id: string): Promise<Status> {
  const { data, error } = await b.developer.rpc('incident_status', { switch_id: id });
  expect(error).toBeNull();
  return data as unknown as Status;
}
const becomes = (id: string, what: string, is: (status: Status) => boolean) =>
  waitFor(what, async () => {
    const now = await status(id);
    return is(now) && now;
  });

async function release(id: string): Promise<void> {
  const { error } = await b.developer.rpc('release_incident_switch', { switch_id: id });
  expect(error).toBeNull();
}

/** The open runs of the seed, which wait for people. */
let seeded = 0;

async function startAll(workflow: string, from: number, count: number): Promise<string[]> {
  const runs: Run[] = [];
  for (let n = from; n < from + count; n += 1) runs.push(await b.start(workflow, { n }));
  return runs.map(({ id }) => id);
}

/** A run of another application completes. */
async function expectNeighbour(): Promise<void> {
  const globex = await signedIn('developer@globex', stack.info);
  const name = `t-${randomUUID()}`;
  const saved = await globex
    .rpc('save_workflow', {
      kebab_name: name,
      definition: { nodes: [value('a')], edges: [] },
    })
    .single<{ id: string }>();
  await globex.rpc('publish_workflow', { workflow_version_id: saved.data?.id ?? '' });
  const started = await globex.rpc('start_run', { workflow: name, input: {} }).single<Run>();
  await waitFor('the run of the other application completes', async () => {
    const { data } = await globex
      .from('runs')
      .select('status')
      .eq('id', started.data?.id ?? '')
      .single();
    return data?.status === 'completed';
  });
}

test('pause holds starts, next steps, items and retries; after the release all complete once', async () => {
  const chain = await b.publish(
    [call('one'), call('two'), value('end')],
    ['one > two', 'two > end'],
  );
  const list = await b.publish([
    node('each', 'for_each', {
      items: '{{ [1, 2, 3] }}',
      concurrency: 1,
      step: {
        type: 'http_request',
        config: { url: `${server.url}/list/{{ item }}`, method: 'POST' },
      },
    }),
  ]);
  const waiting = await b.publish(
    [node('wait', 'delay', { ms: 1_000 }), call('late')],
    ['wait > late'],
  );
  holds = true;
  const open = [...(await startAll(chain, 0, 8)), (await b.start(list)).id];
  open.push((await b.start(waiting, { n: 'delayed' })).id);
  await waitFor('the first steps are in flight', async () => held.size === 9);
  await b.stepIs(open.at(-1) ?? '', 'wait', 'waiting');

  const id = await stop('pause');
  const later = await startAll(chain, 8, 5);
  expect(await status(id)).toMatchObject({ steps_in_flight: 9, open_runs: seeded + 10 });
  answerAll();
  const drained = await becomes(id, 'no step is in flight', (s) => s.steps_in_flight === 0);
  expect(drained).toMatchObject({ open_runs: seeded + 10, waiting_runs: 5 });
  await b.stepIs(open.at(-1) ?? '', 'late', 'ready');
  await expectNeighbour();
  // The maintenance must not let them go on.
  await b.db.query('select stepbase_engine.sweep(), stepbase_engine.reconcile_admission()');
  await b.db.query("notify stepbase, 'steps'");
  await expectNeighbour();
  expect(await status(id)).toMatchObject({
    steps_in_flight: 0,
    open_runs: seeded + 10,
    waiting_runs: 5,
  });
  expect(
    [...calls.keys()].filter((path) => /two|late|list\/[23]|\/(8|9|1\d)\//.test(path)),
  ).toEqual([]);

  await release(id);
  for (const run of [...open, ...later]) {
    expect((await b.ended(run)).run.status).toBe('completed');
  }
  expect([...calls.entries()].filter(([, count]) => count !== 1)).toEqual([]);
  expect(calls.size).toBe(13 * 2 + 3 + 1);
  const { rows } = await b.db.query<{ n: number }>(
    `select (input ->> 'n')::int as n from stepbase.runs where id = any($1) order by started_at, id`,
    [later],
  );
  expect(rows.map(({ n }) => n)).toEqual([8, 9, 10, 11, 12]);
  await waitFor('the switch is done', async () => {
    const { data } = await b.developer.from('incident_switches').select().eq('id', id).single();
    return data?.resumed_at !== null;
  });
});

test('drain lets open runs and their children go on to the end, and holds new runs', async () => {
  calls.clear();
  const child = await b.publish([call('inner')]);
  const parent = await b.publish(
    [
      call('first'),
      node('child', 'child_workflow', { workflow: child, input: { n: '{{ input.n }}' } }),
    ],
    ['first > child'],
  );
  holds = true;
  const [open = ''] = await startAll(parent, 100, 1);
  await waitFor('the first step is in flight', async () => held.size === 1);
  const id = await stop('drain');
  const [later = ''] = await startAll(parent, 101, 1);
  answerAll();
  expect((await b.ended(open)).run.status).toBe('completed');
  expect(await becomes(id, 'it has drained', (s) => s.open_runs === seeded)).toMatchObject({
    waiting_runs: 1,
    steps_in_flight: 0,
  });
  const { data } = await b.developer.from('runs').select('status').eq('id', later).single();
  expect(data?.status).toBe('pending');
  // A run that is cancelled while it is held ends at once.
  const [gone = ''] = await startAll(parent, 102, 1);
  await b.developer.rpc('cancel_run', { run_id: gone });
  expect((await b.ended(gone)).run.status).toBe('cancelled');

  await release(id);
  expect((await b.ended(later)).run.status).toBe('completed');
  expect(Object.fromEntries(calls)).toEqual({
    '/100/first': 1,
    '/100/inner': 1,
    '/101/first': 1,
    '/101/inner': 1,
  });
});
