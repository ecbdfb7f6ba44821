// Concurrency limits on the runs of a workflow or a task queue. The other runs wait, ordered by priority and
// then by age, and take the slot of any run that ends, in any way.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/stack.ts';
import { codeOf, node, type Run, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
const server = createServer();
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  b = await testApp();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Waits for its signal; fails if the payload tells it to. */
const held = [
  node('hold', 'wait_for_signal', { signal_name: 'go' }),
  value('end', 'steps.hold.output.fails ? $error("as told") : "done"'),
];
const publishHeld = () => b.publish(held, ['hold > end']);

async function limit(workflow: string, runs: number | null): Promise<void> {
  const { error } = await b.developer
    .from('workflows')
    .update({ max_concurrent_executions: runs })
    .eq('kebab_name', workflow);
  if (error) throw new Error(error.message);
}

async function limited(runs: number): Promise<string> {
  const workflow = await publishHeld();
  await limit(workflow, runs);
  return workflow;
}

const underWay = (run: Run) => b.stepIs(run.id, 'hold', 'waiting');
const go = (run: Run, payload = {}) =>
  b.developer.rpc('send_signal', { run_id: run.id, signal_name: 'go', payload });
const cancel = (run: Run) => b.developer.rpc('cancel_run', { run_id: run.id });

async function statusOf(...runs: Run[]): Promise<string[]> {
  return await Promise.all(
    runs.map(async ({ id }) => {
      const { data } = await b.developer.from('runs').select('status').eq('id', id).single();
      return data?.status ?? 'gone';
    }),
  );
}

/** Admits every run that may start, and expects these to stay in the backlog. */
async function stillWait(...runs: Run[]): Promise<void> {
  await b.db.query('select stepbase_engine.admit()');
  const ids = runs.map(({ id }) => id);
  const { rows } = await b.db.query<{ run_id: string }>(
    'select run_id from stepbase_engine.run_backlog where run_id = any($1)',
    [ids],
  );
  expect(rows.map(({ run_id }) => run_id).toSorted()).toEqual(ids.toSorted());
  expect(await statusOf(...runs)).toEqual(runs.map(() => 'pending'));
}

async function nothingLeft(...runs: Run[]): Promise<void> {
  const ids = runs.map(({ id }) => id);
  const { rows } = await b.db.query(
    `select run_id from stepbase_engine.run_backlog where run_id = any($1)
     union all select run_id from stepbase_engine.run_slots where run_id = any($1)`,
    [ids],
  );
  expect(rows).toEqual([]);
}

describe.concurrent('a workflow', () => {
  test('admits the next run, by priority and then by age, in whichever way a run ends', async () => {
    const workflow = await limited(2);
    const first = await b.start(workflow);
    const second = await b.start(workflow);
    await Promise.all([underWay(first), underWay(second)]);
    const old = await b.start(workflow);
    const low = await b.start(workflow, {}, { priority: -10 });
    const young = await b.start(workflow);
    const urgent = await b.start(workflow, {}, { priority: 10 });
    await stillWait(old, low, young, urgent);

    await go(first);
    await underWay(urgent);
    expect((await b.ended(first.id)).run.status).toBe('completed');
    await go(second, { fails: true });
    await underWay(old);
    expect((await b.ended(second.id)).run.status).toBe('failed');
    await cancel(urgent);
    await underWay(young);
    await stillWait(low);
    await b.db.query('update stepbase.runs set deadline_at = stepbase_engine.now() where id = $1', [
      old.id,
    ]);
    await b.db.query("notify stepbase, 'due'");
    await underWay(low);
    expect((await b.ended(old.id)).run.status).toBe('timed_out');
    await Promise.all([go(low), go(young)]);
    for (const run of [low, young]) expect((await b.ended(run.id)).run.status).toBe('completed');
    await b.ended(urgent.id);
    await nothingLeft(first, second, old, low, young, urgent);
  });

  test('admits more runs when its limit is raised, and all when it is removed', async () => {
    const workflow = await limited(1);
    const runs = [];
    for (let i = 0; i < 5; i += 1) runs.push(await b.start(workflow));
    const [one, two, three, four, five] = runs as [Run, Run, Run, Run, Run];
    await underWay(one);
    await limit(workflow, 3);
    await Promise.all([underWay(two), underWay(three)]);
    await stillWait(four, five);
    await limit(workflow, 1);
    await go(one);
    await b.ended(one.id);
    await stillWait(four, five);
    await limit(workflow, null);
    await Promise.all([underWay(four), underWay(five)]);
    await Promise.all(runs.map((run) => go(run)));
    for (const run of runs) await b.ended(run.id);
    await nothingLeft(...runs);
  });

  test('counts runs that were in flight before the limit was set', async () => {
    const workflow = await publishHeld();
    const before = await Promise.all([b.start(workflow), b.start(workflow)]);
    await Promise.all(before.map(underWay));
    await limit(workflow, 2);
    const next = await b.start(workflow);
    await stillWait(next);
    await go(before[0]);
    await underWay(next);
    await Promise.all([go(before[1]), go(next)]);
    for (const run of [...before, next]) await b.ended(run.id);
  });

  test('counts, after reconciliation, a run that was starting while the limit was set', async () => {
    const workflow = await publishHeld();
    const db = await b.db.connect();
    try {
      await db.query('begin');
      const { rows } = await db.query<Run>(
        `select r.* from stepbase.workflows w
         cross join lateral stepbase_engine.start_run('acme', w.published_version_id, '{}') r
         where w.kebab_name = $1`,
        [workflow],
      );
      const [first] = rows as [Run];
      await limit(workflow, 1);
      await db.query('commit');
      await underWay(first);
      await db.query('select stepbase_engine.reconcile_admission()');
      const next = await b.start(workflow);
      await stillWait(next);
      await go(first);
      await underWay(next);
      await go(next);
      for (const { id } of [first, next]) await b.ended(id);
      await nothingLeft(first, next);
    } finally {
      db.release();
    }
  });

  test('a run that is enqueued while a slot is being freed is admitted soon', async () => {
    const workflow = await limited(1);
    const first = await b.start(workflow);
    await underWay(first);
    const db = await b.db.connect();
    try {
      await db.query('begin');
      await db.query("select stepbase_engine.end_runs(array[$1::uuid], 'cancelled', '{}')", [
        first.id,
      ]);
      // The transaction that frees the slot saw no waiting run, and the new run sees no free slot.
      const second = await b.start(workflow);
      await stillWait(second);
      await db.query('commit');
      await underWay(second);
      await go(second);
      for (const { id } of [first, second]) await b.ended(id);
      await nothingLeft(first, second);
    } finally {
      db.release();
    }
  });

  test('a run that is cancelled while it waits never starts and delays no other run', async () => {
    const workflow = await limited(1);
    const first = await b.start(workflow);
    await underWay(first);
    const gone = await b.start(workflow);
    const next = await b.start(workflow);
    expect(codeOf(await cancel(gone))).toBe('none');
    expect((await b.ended(gone.id)).all).toEqual([]);
    await go(first);
    await underWay(next);
    await go(next);
    await b.ended(next.id);
    await nothingLeft(first, gone, next);
  });

  test('a paused run keeps its slot; one that is paused while it waits is enqueued again', async () => {
    const workflow = await limited(1);
    const first = await b.start(workflow);
    await underWay(first);
    const waiting = await b.start(workflow);
    await b.developer.rpc('pause_run', { run_id: first.id });
    await b.developer.rpc('pause_run', { run_id: waiting.id });
    const later = await b.start(workflow);
    await stillWait(later);
    expect(await statusOf(first, waiting)).toEqual(['paused', 'paused']);
    await b.developer.rpc('resume_run', { run_id: first.id });
    await go(first);
    await underWay(later);
    expect(await statusOf(waiting)).toEqual(['paused']);
    await b.developer.rpc('resume_run', { run_id: waiting.id });
    await go(later);
    await underWay(waiting);
    await go(waiting);
    for (const run of [first, later, waiting]) await b.ended(run.id);
    await nothingLeft(first, waiting, later);
  });

  test('a run in compensation keeps its slot until it has ended', async () => {
    let undone = () => {};
    const asked = new Promise<void>((resolve) => {
      server.once('request', (_, response) => {
        undone = () => void response.end('{}');
        resolve();
      });
    });
    const { port } = server.address() as AddressInfo;
    const config = { url: `http://127.0.0.1:${port}` };
    const made = { expression: '1' };
    const workflow = await b.publish(
      [
        {
          id: 'made',
          type: 'transform',
          data: { config: made, compensate: { type: 'http_request', config } },
        },
        ...held,
      ],
      ['made > hold', 'hold > end'],
    );
    await limit(workflow, 1);
    const first = await b.start(workflow);
    await underWay(first);
    const next = await b.start(workflow);
    await go(first, { fails: true });
    await asked;
    await stillWait(next);
    undone();
    await underWay(next);
    expect((await b.ended(first.id)).run.status).toBe('failed');
    await go(next);
    await b.ended(next.id);
    await nothingLeft(first, next);
  });

  test('of ninety runs of a workflow that allows three, at most three are in flight', async () => {
    const workflow = await b.publish(
      [value('a'), node('d', 'delay', { ms: 5 }), value('z')],
      ['a > d', 'd > z'],
    );
    await limit(workflow, 3);
    const runs = await Promise.all(Array.from({ length: 90 }, () => b.start(workflow)));
    for (const { id } of runs) expect((await b.ended(id, 60_000)).run.status).toBe('completed');
    const { rows } = await b.db.query<{ most: number }>(
      `select max(under_way)::int as most from (
         select sum(delta) over (order by at, delta) as under_way from (
           select started_at as at, 1 as delta from stepbase.runs where id = any($1)
           union all select completed_at, -1 from stepbase.runs where id = any($1)
         ) change
       ) moment`,
      [runs.map(({ id }) => id)],
    );
    expect(rows[0]?.most).toBeLessThanOrEqual(3);
    await nothingLeft(...runs);
  });
});

describe.concurrent('a task queue', () => {
  async function queue(limits: Record<string, number | null>): Promise<string> {
    const { data, error } = await b.developer
      .from('task_queues')
      .insert({ name: `q-${randomUUID()}`, ...limits })
      .select('id')
      .single();
    if (error) throw new Error(error.message);
    return data.id;
  }
  async function assign(workflow: string, id: string): Promise<void> {
    const { error } = await b.developer
      .from('workflows')
      .update({ task_queue_id: id })
      .eq('kebab_name', workflow);
    if (error) throw new Error(error.message);
  }

  test('is shared by its workflows; the oldest of all runs is first', async () => {
    const id = await queue({ max_concurrent_workflows: 2 });
    const [one, two] = await Promise.all([publishHeld(), publishHeld()]);
    await Promise.all([assign(one, id), assign(two, id)]);
    const first = await b.start(one);
    const second = await b.start(two);
    await Promise.all([underWay(first), underWay(second)]);
    const third = await b.start(two);
    const fourth = await b.start(one);
    await stillWait(third, fourth);
    await go(first);
    await underWay(third);
    await stillWait(fourth);
    await b.developer.from('task_queues').update({ max_concurrent_workflows: 3 }).eq('id', id);
    await underWay(fourth);
    for (const run of [second, third, fourth]) await go(run);
    for (const run of [first, second, third, fourth]) await b.ended(run.id);
    await nothingLeft(first, second, third, fourth);
  });

  test('a child that outlives its parent takes a slot of its own after reconciliation', async () => {
    const id = await queue({ max_concurrent_workflows: 1 });
    const child = await publishHeld();
    const call = { workflow: child, wait: false, parent_close_policy: 'abandon' };
    const parent = await b.publish([node('child', 'child_workflow', call)]);
    await Promise.all([assign(child, id), assign(parent, id)]);
    const { run } = await b.ended((await b.start(parent)).id);
    const { data } = await b.developer
      .from('runs')
      .select('*')
      .eq('parent_run_id', run.id)
      .single<Run>();
    const left = data as Run;
    await underWay(left);
    await b.db.query('select stepbase_engine.reconcile_admission()');
    const next = await b.start(child);
    await stillWait(next);
    await go(left);
    await underWay(next);
    await go(next);
    for (const { id: ended } of [left, next]) await b.ended(ended);
    await nothingLeft(left, next);
  });

  test('a child shares the slot of its parent', async () => {
    const id = await queue({ max_concurrent_workflows: 1 });
    const child = await publishHeld();
    const parent = await b.publish([node('child', 'child_workflow', { workflow: child })]);
    await Promise.all([assign(child, id), assign(parent, id)]);
    const run = await b.start(parent);
    const other = await b.start(child);
    await b.stepIs(run.id, 'child', 'waiting');
    const childRun = await waitFor('the child', async () => {
      const { data } = await b.developer.from('runs').select('*').eq('parent_run_id', run.id);
      return (data as Run[] | null)?.[0];
    });
    await underWay(childRun);
    await stillWait(other);
    await go(childRun);
    expect((await b.ended(run.id)).run.status).toBe('completed');
    await underWay(other);
    await go(other);
    await b.ended(other.id);
    await nothingLeft(run, other, childRun);
  });

  test('a child that waited before the limit was set also shares the slot of its parent', async () => {
    const id = await queue({});
    const child = await limited(1);
    const parent = await b.publish([node('child', 'child_workflow', { workflow: child })]);
    await Promise.all([assign(child, id), assign(parent, id)]);
    const before = await b.start(child);
    await underWay(before);
    const run = await b.start(parent);
    await b.stepIs(run.id, 'child', 'waiting');
    const childRun = await waitFor('the child', async () => {
      const { data } = await b.developer.from('runs').select('*').eq('parent_run_id', run.id);
      return (data as Run[] | null)?.[0];
    });
    await b.developer.from('task_queues').update({ max_concurrent_workflows: 1 }).eq('id', id);
    expect(await statusOf(childRun)).toEqual(['pending']);
    await go(before);
    // Its parent has the only slot of the queue, and waits for the child.
    await underWay(childRun);
    const other = await b.start(child);
    await stillWait(other);
    await go(childRun);
    expect((await b.ended(run.id)).run.status).toBe('completed');
    await underWay(other);
    await go(other);
    for (const { id: ended } of [before, other]) await b.ended(ended);
    await nothingLeft(before, run, childRun, other);
  });
});
