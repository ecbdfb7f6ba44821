// Fairness: the single run of one app is at the front however many runs of another wait. Within an app the
// order is by priority. A run over the app's max_waiting_runs is refused.

import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, pool, waitFor } from '../../support/stack.ts';
import { expectLegalHistory, type Run, type TestApp, testApp, value } from '../support.ts';

const WAITING = 2_000;

const BIG = 'many-runs';
const SMALL = 'one-run';

let b: TestApp;
/** A database without a worker: jobs stay in the queue until the test takes them. */
let quiet: pg.Pool;

beforeAll(async () => {
  b = await testApp();
  const database = await freshDatabase({ seed: true });
  quiet = pool(database.url);
  for (const [app, name] of [
    ['acme', BIG],
    ['globex', SMALL],
  ]) {
    await quiet.query(
      `with workflow as (
         insert into stepbase.workflows (app_code, kebab_name, name) values ($1, $2, $2)
         returning id, app_code
       )
       insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
       select app_code, id, 1, $3 from workflow`,
      [app, name, JSON.stringify({ nodes: [value('a')], edges: [] })],
    );
  }
  await quiet.query(
    `update stepbase.workflow_versions v set status = 'published', published_at = now()
     from stepbase.workflows w where w.id = v.workflow_id and w.kebab_name in ('${BIG}', '${SMALL}')`,
  );
  await quiet.query(
    `update stepbase.workflows w set status = 'published', published_version_id = v.id
     from stepbase.workflow_versions v
     where w.id = v.workflow_id and w.kebab_name in ('${BIG}', '${SMALL}')`,
  );
});

/** Runs the callback in a transaction that is rolled back. */
async function apart(work: (db: pg.PoolClient) => Promise<void>): Promise<void> {
  const db = await quiet.connect();
  try {
    await db.query('begin');
    await work(db);
  } finally {
    await db.query('rollback');
    db.release();
  }
}

async function start(
  db: pg.PoolClient,
  workflow: string,
  runs = 1,
  priority = 0,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select (stepbase_engine.start_run(w.app_code, w.published_version_id, '{}', p_priority => $3)).id
     from stepbase.workflows w, generate_series(1, $2)
     where w.kebab_name = $1`,
    [workflow, runs, priority],
  );
  return rows.map(({ id }) => id);
}

/** Takes the tokens that a worker would take next, and returns their runs. */
async function take(db: pg.PoolClient, tokens: number): Promise<string[]> {
  const { rows } = await db.query<{ run_id: string }>(
    `with next as (
       select id, data ->> 'run_id' as run_id, priority, created_on from stepbase_queue.job
       where name = 'steps' and state < 'active'
       order by priority desc, created_on limit $1
     ),
     taken as (
       update stepbase_queue.job j set state = 'active' from next n where j.name = 'steps' and j.id = n.id
     )
     select run_id from next order by priority desc, created_on`,
    [tokens],
  );
  return rows.map(({ run_id }) => run_id);
}

const count = async (db: pg.PoolClient, what: string) =>
  Number((await db.query<{ n: string }>(`select count(*) as n from ${what}`)).rows[0]?.n);
const admit = async (db: pg.PoolClient) =>
  (
    await db.query<{ admitted: number; more_wait: boolean }>(
      'select * from stepbase_engine.admit()',
    )
  ).rows[0];

describe('apps', () => {
  test('a single run is at the front of the queue, however many runs of another app wait', async () => {
    await apart(async (db) => {
      const many = await start(db, BIG, WAITING);
      expect(await count(db, "stepbase_queue.job where name = 'steps' and state < 'active'")).toBe(
        200,
      );
      const [one] = await start(db, SMALL);
      expect(await take(db, 2)).toEqual(expect.arrayContaining([many[0], one]));

      // The same while a worker executes runs of the other app.
      for (let batch = 0; batch < 3; batch += 1) {
        await take(db, 100);
        expect(await admit(db)).toEqual({ admitted: expect.any(Number), more_wait: true });
      }
      const [later] = await start(db, SMALL);
      expect(await take(db, 2)).toContain(later);
      expect(
        await count(db, "stepbase_queue.job where name = 'steps' and state < 'active'"),
      ).toBeLessThan(202);
    });
  });

  test('two apps with a backlog take turns, and every run is taken once', async () => {
    await apart(async (db) => {
      const first = new Set(await start(db, BIG, 600));
      const second = new Set(await start(db, SMALL, 450));
      const taken: string[] = [];
      for (let batch = 0; batch < 40; batch += 1) {
        const next = await take(db, 50);
        if (next.length === 0) break;
        taken.push(...next);
        await admit(db);
      }
      expect(new Set(taken).size).toBe(1_050);
      expect(taken).toHaveLength(1_050);
      for (let i = 0; i < 800; i += 50) {
        const part = taken.slice(i, i + 50);
        expect(part.filter((id) => first.has(id)).length).toBeGreaterThan(20);
        expect(part.filter((id) => second.has(id)).length).toBeGreaterThan(20);
      }
      expect(await count(db, 'stepbase_engine.run_backlog')).toBe(0);
    });
  });

  test('waiting runs cost nothing: admission reads only the runs that it admits', async () => {
    await apart(async (db) => {
      await start(db, BIG, WAITING);
      await take(db, 100);
      await db.query('select * from stepbase_engine.select_backlog_runs(200)');
      const { rows } = await db.query<{ 'QUERY PLAN': string }>(
        'explain (analyze, buffers, costs off, timing off) select * from stepbase_engine.select_backlog_runs(200)',
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(Number(/shared hit=(\d+)/.exec(plan)?.[1])).toBeLessThan(600);
    });
  });

  test('more runs than fit into the queue all complete', async () => {
    const big = await b.publish([value('a')]);
    const { rows } = await b.db.query<{ id: string }>(
      `select (stepbase_engine.start_run(w.app_code, w.published_version_id, '{}')).id
       from stepbase.workflows w, generate_series(1, 700) where w.kebab_name = $1`,
      [big],
    );
    const ids = rows.map(({ id }) => id);
    await waitFor(
      'all of them',
      async () => {
        const { rows: open } = await b.db.query(
          'select 1 from stepbase.runs where id = any($1) and completed_at is null limit 1',
          [ids],
        );
        return open.length === 0;
      },
      60_000,
    );
    await expectLegalHistory(b.db, ...ids);
  });
});

describe('priority', () => {
  test('an urgent run takes the turn of the first less urgent run', async () => {
    await apart(async (db) => {
      const normal = await start(db, BIG, 50);
      const [urgent] = await start(db, BIG, 1, 50);
      const [more] = await start(db, BIG, 1, 100);
      const [other] = await start(db, SMALL);
      const taken = await take(db, 60);
      expect(taken.slice(0, 2)).toEqual(expect.arrayContaining([more, other]));
      expect(taken.filter((id) => id !== other)).toEqual([more, urgent, ...normal]);
    });
  });

  test('the backlog is admitted by priority and then by age', async () => {
    await apart(async (db) => {
      await start(db, BIG, 250);
      const urgent = await start(db, BIG, 20, 5);
      const rest = await start(db, BIG, 10, -5);
      await take(db, 30);
      await admit(db);
      const taken = await take(db, 30);
      expect(taken.filter((id) => urgent.includes(id)).length).toBeGreaterThanOrEqual(10);
      const all: string[] = [...taken];
      for (let batch = 0; batch < 20; batch += 1) {
        await admit(db);
        all.push(...(await take(db, 30)));
      }
      expect(all.slice(-10)).toEqual(rest);
    });
  });
});

test('an application can limit its waiting runs; a repeated idempotency key still finds its run', async () => {
  await apart(async (db) => {
    await db.query("update stepbase.applications set max_waiting_runs = 5 where app_code = 'acme'");
    await start(db, BIG, 204);
    const again = async (key: string) =>
      await db.query<Run>(
        `select r.* from stepbase.workflows w
         cross join lateral stepbase_engine.start_run('acme', w.published_version_id, '{}', 'manual', $2) r
         where w.kebab_name = $1`,
        [BIG, key],
      );
    const kept = await again('kept');
    await db.query('savepoint before');
    await expect(again('one-more')).rejects.toMatchObject({
      code: 'SB429',
      detail: expect.stringContaining('limit_reached'),
    });
    await db.query('rollback to before');
    expect((await again('kept')).rows[0]?.id).toBe(kept.rows[0]?.id);
  });
});
