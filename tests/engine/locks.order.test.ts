// Lock order: a transaction that changes many runs locks them in the order of their ids, so that workers do not
// deadlock. No worker runs in this file: the tests call the functions of the worker.

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { waitFor } from '../support/stack.ts';
import { node, type Run, type TestApp, testApp, value } from './support.ts';
import { type Claimed, handOut, take } from './tokens.ts';

let environment: ChaosEnvironment;
let b: TestApp;

beforeAll(async () => {
  environment = await createChaosEnvironment({ workers: 0, leaseSeconds: 30 });
  b = await testApp(environment.info);
});
afterAll(async () => {
  await environment?.stop();
});

async function complete({ run_id, step_run_id, fence }: Claimed): Promise<void> {
  await b.db.query(
    "select stepbase_engine.complete(array[$1::uuid], array[$2::uuid], array[$3::int], array['{}'::jsonb], array['1'::jsonb], array[null], array[null::jsonb], array[null], array[null], array[null::uuid])",
    [run_id, step_run_id, fence],
  );
}

async function wait(works: Claimed[], wish: unknown): Promise<void> {
  await b.db.query(
    'select stepbase_engine.wait($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[])',
    [
      works.map((w) => w.run_id),
      works.map((w) => w.step_run_id),
      works.map((w) => w.fence),
      works.map(() => '{}'),
      works.map(() => JSON.stringify(wish)),
    ],
  );
}

async function connections<T>(work: (one: pg.PoolClient, two: pg.PoolClient) => Promise<T>) {
  const [one, two] = await Promise.all([b.db.connect(), b.db.connect()]);
  try {
    return await work(one, two);
  } finally {
    one.release();
    two.release();
  }
}

/** Resolves when the statement waits for a lock. Returns its promise in an array, so that it is not awaited too. */
async function blocked<T>(
  client: pg.PoolClient,
  statement: () => Promise<T>,
): Promise<Promise<T>[]> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const running = statement();
  await waitFor('the statement waits for a lock', async () => {
    const waits = await b.db.query('select where cardinality(pg_blocking_pids($1)) > 0', [
      rows[0]?.pid,
    ]);
    return waits.rowCount === 1;
  });
  return [running];
}

const RELAY = "select stepbase_engine.relay_app('acme', $1)";

test('two relays for children of the same parents do not deadlock', async () => {
  const calls = Array.from({ length: 40 }, (_, i) => `c${i}`);
  const child = await b.publish([value('z')]);
  const parent = await b.publish(
    calls.map((id) => node(id, 'child_workflow', { workflow: child })),
  );
  const parents = await Promise.all([b.start(parent), b.start(parent)]);
  const half = calls.length / 2;
  const held = await take(
    b.db,
    parents.map(({ id }) => id),
  );
  // By id: half of the children of one parent, half of those of the other, and the rest of both.
  for (const from of [0, half]) {
    for (const { id } of parents) {
      const works = held.filter((work) => work.run_id === id).slice(from, from + half);
      await wait(works, { kind: 'child', child: { workflow: child } });
    }
  }
  const { rows: children } = await b.db.query<Run>(
    'select * from stepbase.runs where parent_run_id = any($1) order by id',
    [parents.map(({ id }) => id)],
  );
  expect(children).toHaveLength(2 * calls.length);

  // Each relay gets half of the children of both parents, in opposite orders.
  const part = (n: number) => children.slice(n * half, (n + 1) * half);
  const works = new Map(
    (
      await take(
        b.db,
        children.map(({ id }) => id),
      )
    ).map((w) => [w.run_id, w]),
  );
  for (const run of [part(0), part(3), part(1), part(2)].flat()) {
    const work = works.get(run.id);
    if (work) await complete(work);
  }
  await connections((one, two) =>
    Promise.all([one.query(RELAY, [calls.length]), two.query(RELAY, [calls.length])]),
  );
  const { rows } = await b.db.query<{ status: string }>(
    'select status from stepbase.runs where id = any($1)',
    [parents.map(({ id }) => id)],
  );
  expect(rows).toEqual([{ status: 'completed' }, { status: 'completed' }]);
});

test('two workers that confirm the same messages do not deadlock', async () => {
  const { rows } = await b.db.query<{ id: string }>(
    `insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
     select 'acme', 'run', gen_random_uuid(), 'run.changed' from generate_series(1, 2) returning id`,
  );
  const [first, last] = rows.map(({ id }) => id);
  // The version of the first message is now behind the last one in the table.
  await b.db.query('update stepbase.outbox set attempts = attempts where id = $1', [first]);
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select from stepbase.outbox where id = $1 for no key update', [first]);
    await two.query('set enable_indexscan = off; set enable_bitmapscan = off');
    const [confirmed] = await blocked(two, () =>
      two.query('select stepbase_engine.confirm_published($1::bigint[])', [[last, first]]),
    );
    await one.query("set local lock_timeout = '5s'");
    await one.query('select from stepbase.outbox where id = $1 for no key update', [last]);
    await one.query('commit');
    await confirmed;
    await two.query('reset enable_indexscan; reset enable_bitmapscan');
  });
});

test('due timers do not wait for an overdue run that another transaction has locked', async () => {
  const name = await b.publish([node('w', 'delay', { ms: 60_000 })]);
  const [overdue, due] = await Promise.all([b.start(name), b.start(name)]);
  const wish = { kind: 'delay', timeout_ms: 60_000 };
  await wait(await take(b.db, [overdue.id]), { ...wish, timeout_ms: 600_000 });
  await wait(await take(b.db, [due.id]), wish);
  await b.db.query(
    "update stepbase.runs set deadline_at = stepbase_engine.now() + interval '90 seconds' where id = $1",
    [overdue.id],
  );
  await b.advance('2 minutes');
  const statuses = async () => {
    const { rows } = await b.db.query<{ status: string }>(
      'select status from stepbase.runs where id = any($1) order by id = $2',
      [[overdue.id, due.id], due.id],
    );
    return rows.map(({ status }) => status);
  };
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select from stepbase.runs where id = $1 for no key update', [overdue.id]);
    await two.query("set statement_timeout = '5s'");
    try {
      await two.query('select stepbase_engine.wake()');
      expect(await statuses()).toEqual(['running', 'completed']);
    } finally {
      await one.query('rollback');
      await two.query('reset statement_timeout');
    }
    await two.query('select stepbase_engine.wake()');
  });
  expect(await statuses()).toEqual(['timed_out', 'completed']);
});

test('a change of a limit waits for no run', async () => {
  const name = await b.publish([value('z')]);
  const limit = (runs: number | null) =>
    `update stepbase.workflows set max_concurrent_executions = ${runs} where kebab_name = '${name}'`;
  await b.db.query(limit(1));
  const { id } = await b.start(name);
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select from stepbase.runs where id = $1 for no key update', [id]);
    await two.query("set lock_timeout = '5s'");
    await two.query(limit(2));
    await two.query(limit(null));
    await two.query('select stepbase_engine.admit()');
    await two.query('reset lock_timeout');
    const changes = await two.query('select from stepbase_engine.limit_changes');
    expect(changes.rows).toEqual([]);
    await one.query('rollback');
  });
  // The run leaves the backlog: further starts would wait behind it.
  await b.db.query('select stepbase_engine.admit()');
});

test('a changed limit counts a run that was locked when reconciliation finds it', async () => {
  const name = await b.publish([value('z')]);
  const ids = [(await b.start(name)).id, (await b.start(name)).id];
  const counted = async () => {
    const { rows } = await b.db.query<{ run_id: string }>(
      'select run_id from stepbase_engine.run_slots where run_id = any($1) order by run_id',
      [ids],
    );
    return rows.map(({ run_id }) => run_id);
  };
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select from stepbase.runs where id = $1 for no key update', [ids[0]]);
    const limit =
      'update stepbase.workflows set max_concurrent_executions = 1 where kebab_name = $1';
    await two.query(limit, [name]);
    await two.query('select stepbase_engine.admit()');
    expect(await counted()).toEqual([ids[1]]);
    await one.query('rollback');
  });
  await take(b.db, ids);
  await b.db.query('select stepbase_engine.reconcile_admission()');
  expect(await counted()).toEqual(ids);
});

test.each([
  ['renews leases', "select stepbase_engine.renew_leases(array['%1', '%2']::uuid[], array[0, 0])"],
  ['returns silent tokens', "select stepbase_engine.expire_leases(interval '-1 second')"],
])('a worker that %s does not wait for tokens that another transaction ends', async (_, call) => {
  const name = await b.publish([value('z')]);
  const { id: firstId } = await b.start(name);
  const { id: secondId } = await b.start(name);
  const held = await handOut(b.db, [firstId, secondId]);
  const jobOf = (runId: string) => held.find((token) => token.run_id === runId)?.job_id ?? '';
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select stepbase_engine.end_tokens(array[$1::uuid])', [jobOf(secondId)]);
    await two.query("set statement_timeout = '5s'");
    try {
      await two.query(call.replace('%1', jobOf(firstId)).replace('%2', jobOf(secondId)));
      const { rows } = await b.db.query<{ heard_of: boolean }>(
        "select state = 'retry' or heartbeat_on is not null as heard_of from stepbase_queue.job where id = $1",
        [jobOf(firstId)],
      );
      expect(rows).toEqual([{ heard_of: true }]);
    } finally {
      await one.query('rollback');
      await two.query('reset statement_timeout');
    }
  });
});

test('a sweep skips locked runs, and repairs them when they are not locked', async () => {
  const { id } = await b.start(await b.publish([value('a')]));
  const [claimed] = await take(b.db, [id]);
  await b.db.query("delete from stepbase_queue.job where data ->> 'run_id' = $1", [id]);
  const swept = async (db: Pick<pg.Pool, 'query'>) =>
    (await db.query<{ swept: number }>('select stepbase_engine.sweep() as swept')).rows[0]?.swept;
  await connections(async (one, two) => {
    await one.query('begin');
    await one.query('select from stepbase.runs where id = $1 for no key update', [id]);
    await two.query("set statement_timeout = '5s'");
    try {
      expect(await swept(two)).toBe(0);
    } finally {
      await one.query('rollback');
      await two.query('reset statement_timeout');
    }
  });
  expect(await swept(b.db)).toBe(1);
  const again = await take(b.db, [id]);
  expect(again).toMatchObject([{ step_run_id: claimed?.step_run_id, fence: 2 }]);
  for (const work of again) await complete(work);
  await b.ended(id);
});

describe('deleting a work queue', () => {
  const pops = [node('pop', 'work_queue_pop', { queue: 'items' })];

  async function queued(): Promise<{ runId: string; queueId: string }> {
    const name = await b.publish(pops);
    const { rows } = await b.db.query<{ id: string }>(
      `insert into stepbase.work_queues (app_code, workflow_id, queue_name)
       select w.app_code, w.id, 'items' from stepbase.workflows w where w.kebab_name = $1
       returning id`,
      [name],
    );
    return { runId: (await b.start(name)).id, queueId: rows[0]?.id ?? '' };
  }
  const begin = async ({ runId, queueId }: { runId: string; queueId: string }) =>
    await wait(await take(b.db, [runId]), { kind: 'queue', work_queue_id: queueId });
  const remove = 'delete from stepbase.work_queues where id = $1';

  async function fails(runId: string): Promise<void> {
    await b.db.query(RELAY, [100]);
    expect((await b.ended(runId)).run).toMatchObject({
      status: 'failed',
      error: { code: 'not_found' },
    });
  }

  test('does not deadlock with a transaction that locks a run and then the queue', async () => {
    const { runId, queueId } = await queued();
    await begin({ runId, queueId });
    await connections(async (one, two) => {
      await one.query('begin');
      await one.query('select from stepbase.runs where id = $1 for no key update', [runId]);
      await two.query("set statement_timeout = '5s'");
      try {
        await two.query(remove, [queueId]);
      } finally {
        await one.query('rollback');
        await two.query('reset statement_timeout');
      }
    });
    await fails(runId);
  });

  test('does not block a step that found the queue empty before', async () => {
    const { runId, queueId } = await queued();
    await b.db.query(remove, [queueId]);
    await begin({ runId, queueId });
    await fails(runId);
  });
});

test('a failure of the relay is counted for its message, not for the next one that is free', async () => {
  const { rows } = await b.db.query<{ id: string }>(
    `insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
     select 'globex', 'work_queue', gen_random_uuid(), 'queue.changed' from generate_series(1, 2) returning id`,
  );
  await connections(async (failed, next) => {
    await failed.query('begin');
    await failed.query('select from stepbase.outbox where id = $1 for update', [rows[0]?.id]);
    const [counted] = await blocked(next, () =>
      next.query("select stepbase_engine.record_relay_failure('globex', 'x')"),
    );
    await failed.query('rollback');
    await counted;
  });
  const { rows: after } = await b.db.query(
    'delete from stepbase.outbox where id = any($1) returning id, attempts',
    [rows.map(({ id }) => id)],
  );
  expect(new Map(after.map(({ id, attempts }) => [id, attempts]))).toEqual(
    new Map([
      [rows[0]?.id, 1],
      [rows[1]?.id, 0],
    ]),
  );
});

test('a change of partitions gives up before a writer that it waits for is cancelled', async () => {
  // Rows of the month before, which the seed has in the first days of a month, would be one more change.
  await b.db.query('select stepbase_engine.ensure_partitions()');
  const { rows: dropped } = await b.db.query<{ statement: string }>(
    `select format('drop table stepbase_engine.audit_log%s',
       to_char(stepbase_engine.now() at time zone 'UTC' + interval '2 months', '_YYYY_MM')) as statement`,
  );
  await b.db.query(dropped[0]?.statement ?? '');
  const maintain = async (client: pg.PoolClient) =>
    (await client.query('select stepbase_engine.maintain() as done')).rows[0]?.done;
  await connections(async (writer, maintenance) => {
    await writer.query('begin');
    await writer.query("select from stepbase.applications where app_code = 'acme' for key share");
    expect(await maintain(maintenance)).toMatchObject({
      partitions_error: expect.stringContaining('lock timeout'),
      pruned: { runs: expect.any(Number) },
    });
    await writer.query(
      `insert into stepbase.projects (app_code, name) values ('acme', 'written during maintenance')`,
    );
    await writer.query('commit');
    expect(await maintain(maintenance)).toEqual({ partitions_made: 1, partitions_dropped: 0 });
  });
});
