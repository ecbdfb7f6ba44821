// The statistics by time: what maintenance collects of ended runs, also beside open transactions, and what is read.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freshDatabase, pool } from '../support/stack.ts';

type Query = Pick<pg.ClientBase, 'query'>;

let db: pg.Pool;
let workflow: string;
let version: string;

beforeAll(async () => {
  db = pool((await freshDatabase({ seed: true })).url);
});
beforeEach(async () => {
  // A workflow of the seed with one step that is called first; each test counts runs of its own copy.
  const { rows } = await db.query<{ id: string; version: string }>(
    `with made as (
       insert into stepbase.workflows (app_code, name, kebab_name) values ('acme', $1, $1) returning id
     )
     insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
     select 'acme', m.id, 1, '{"nodes": [{"id": "first", "type": "transform", "data": {"config": {"expression": "1"}}}], "edges": []}'
     from made m returning workflow_id as id, id as version`,
    [`counted-${randomUUID().slice(0, 8)}`],
  );
  workflow = rows[0]?.id ?? '';
  version = rows[0]?.version ?? '';
});

/** Adds runs that end now after so many milliseconds, each with one attempt of the step. */
async function ended(by: Query, durations: number[], status = 'completed'): Promise<void> {
  await by.query(
    `with made as (
       insert into stepbase.runs (app_code, workflow_id, workflow_version_id, status, error, started_at, completed_at)
       select 'acme', $1, $2, $4, case $4 when 'failed' then '{"code": "x"}'::jsonb end,
         n.at - d.ms * interval '1 ms', n.at
       from unnest($3::int[]) d (ms) cross join (select stepbase_engine.now() as at) n
       returning *
     )
     insert into stepbase.step_runs (
       run_id, app_code, workflow_version_id, step_id, step_type, status, error, output, context_version, started_at,
       completed_at
     )
     select m.id, m.app_code, m.workflow_version_id, 'first', 'transform', m.status, m.error,
       case m.status when 'completed' then '1'::jsonb end, case m.status when 'completed' then 1 end, m.started_at,
       m.completed_at
     from made m`,
    [workflow, version, durations, status],
  );
}

/** Calls what maintenance calls, with the time to catch up in one call. */
const collect = () => db.query("select stepbase_engine.collect_statistics('1 minute')");
const advance = (by: string) =>
  db.query('select stepbase_engine.advance_clock($1::interval)', [by]);

async function read(groupBy = 'workflow'): Promise<Record<string, unknown>[]> {
  const client = await db.connect();
  try {
    await client.query('begin');
    await client.query(
      `select set_config('request.headers', '{"x-stepbase-app": "acme"}', true),
         set_config('request.jwt.claims', '{"role": "service_role"}', true)`,
    );
    const { rows } = await client.query<{ value: { items: Record<string, unknown>[] } }>(
      `select stepbase.read_statistics(
         $1, to_jsonb(stepbase_engine.now() - interval '60 days') #>> '{}',
         to_jsonb(stepbase_engine.now() + interval '1 minute') #>> '{}', $2
       )
         as value`,
      [groupBy, workflow],
    );
    return rows[0]?.value.items ?? [];
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const total = async () => (await read())[0]?.total ?? 0;

test('counts runs and steps with their durations, within a minute and once', async () => {
  await ended(db, [...Array(90).fill(100), ...Array(10).fill(5000)]);
  await ended(db, [200], 'failed');
  await collect();
  await collect();
  const [runs] = await read();
  expect(runs).toMatchObject({
    workflow_id: workflow,
    total: 101,
    completed: 100,
    failed: 1,
    cancelled: 0,
    success_rate: 0.9901,
    avg_duration_ms: 586,
  });
  // A percentile is at most 10 % off.
  expect(Math.abs(Number(runs?.p50_duration_ms) - 100)).toBeLessThanOrEqual(10);
  expect(Math.abs(Number(runs?.p95_duration_ms) - 5000)).toBeLessThanOrEqual(500);
  expect(await read('step')).toMatchObject([
    { workflow_id: workflow, step_id: 'first', total: 101, failed: 1 },
  ]);
  expect(await read('step_type')).toMatchObject([{ step_type: 'transform', total: 101 }]);
  for (const group of ['application', 'project']) {
    expect(await read(group)).toMatchObject([{ total: 101 }]);
  }
  expect(await read('component')).toEqual([]);
});

test('passes over the time without runs, however long it is', async () => {
  const other = await freshDatabase({ seed: true });
  const old = pool(other.url);
  await old.query(
    `update stepbase.runs set
       started_at = stepbase_engine.now() - interval '80 days', completed_at = stepbase_engine.now() - interval '80 days'
     where completed_at is not null`,
  );
  // Without any time, a call collects one span: the oldest runs, and then the present.
  const progress = async () => {
    const { rows } = await old.query<{ runs: number; hours: number }>(
      `select (c ->> 'runs')::int as runs,
         extract(epoch from stepbase_engine.now() - (c ->> 'settled_at')::timestamptz)::int / 3600 as hours
       from stepbase_engine.collect_statistics('0 seconds') c`,
    );
    return rows[0];
  };
  expect((await progress())?.runs).toBeGreaterThan(0);
  expect((await progress())?.hours).toBeLessThan(2);
});

test('counts a run whose transaction was open while later ones were collected', async () => {
  const long = await db.connect();
  try {
    await long.query('begin');
    await ended(long, [100]);
    for (let minutes = 0; minutes < 30; minutes += 10) {
      await advance('10 minutes');
      await ended(db, [100]);
      await collect();
    }
    expect(await total()).toBe(3);
    await long.query('commit');
  } finally {
    long.release();
  }
  await collect();
  expect(await total()).toBe(4);
});

test('counts the current minute beside a transaction that is open for hours', async () => {
  const long = await db.connect();
  try {
    await long.query('begin');
    await long.query('select pg_current_xact_id()');
    // From here, an hour ends exactly at the beginning of the current minute.
    await db.query(
      `update stepbase_engine.statistics_progress
       set settled_at = date_trunc('minute', stepbase_engine.now()) - interval '2 hours'`,
    );
    await db.query('delete from stepbase_engine.statistics_marks');
    await ended(db, [100]);
    await db.query('select stepbase_engine.collect_statistics()');
    expect(await total()).toBe(1);
  } finally {
    await long.query('rollback');
    long.release();
  }
});

test('keeps the numbers when the runs are deleted and minutes become hours, and deletes old ones', async () => {
  await ended(db, [100, 100]);
  await advance('1 minute');
  await ended(db, [100]);
  await collect();
  await advance('3 hours');
  await collect();
  await db.query('delete from stepbase.runs where workflow_id = $1', [workflow]);
  await collect();
  expect(await total()).toBe(3);
  for (let hours = 0; hours < 26; hours += 2) {
    await advance('2 hours');
    await collect();
  }
  const minutes = await db.query(
    `select 1 from stepbase_engine.statistics_buckets
     where workflow_id = $1 and bucket_at <> date_trunc('hour', bucket_at)`,
    [workflow],
  );
  expect(minutes.rowCount).toBe(0);
  expect(await total()).toBe(3);
  await db.query("select stepbase_engine.collect_statistics('4 seconds', '1 hour')");
  expect(await total()).toBe(0);
});
