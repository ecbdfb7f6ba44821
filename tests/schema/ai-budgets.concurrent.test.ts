// Two calls of a model that end at the same time both count, and one of them emits the event of the budget.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { freshDatabase, pool, waitFor } from '../support/stack.ts';

test('concurrent calls are counted without a loss, emit one event, and the next call is refused', async () => {
  const db = pool((await freshDatabase()).url);
  const app = `budget-${randomUUID().slice(0, 8)}`;
  await db.query(
    `with made as (
       insert into stepbase.organizations (slug, name) values ($1, 'Budget') returning id
     )
     insert into stepbase.applications (app_code, organization_id, name)
     select $1, m.id, 'Budget' from made m`,
    [app],
  );
  await db.query(
    `insert into stepbase.ai_budgets (app_code, period, max_cost, alert_percent)
     values ($1, 'day', 3, 50), ($1, 'month', 9, null)`,
    [app],
  );
  const { rows } = await db.query<{ id: string }>(
    `with made as (
       insert into stepbase.workflows (app_code, name, kebab_name) values ($1, 'w', 'w') returning id
     ), version as (
       insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
       select $1, m.id, 1, '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}], "edges": []}'
       from made m returning id, workflow_id
     )
     insert into stepbase.runs (app_code, workflow_id, workflow_version_id)
     select $1, v.workflow_id, v.id from version v returning id`,
    [app],
  );
  const run = rows[0]?.id;
  const call = 'select stepbase_engine.count_use($1, 1, 0)';
  // Two US dollars.
  const use = {
    ...{ provider: 'openai', model: 'm', price: { input: 2, output: 0 } },
    ...{ input: 1_000_000, output: 0, total: 1_000_000 },
  };
  const counted = 'select stepbase_engine.count_tokens($1, $2)';
  const [one, other] = [await db.connect(), await db.connect()];
  try {
    // Both are allowed, because neither cost is known yet.
    await one.query(call, [run]);
    await other.query(call, [run]);
    await one.query('begin');
    await one.query(counted, [run, use]);
    const { rows: pids } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
    const second = other.query(counted, [run, use]);
    await waitFor('the second call waits for the first', async () => {
      const { rows: blocked } = await db.query(
        'select where cardinality(pg_blocking_pids($1)) > 0',
        [pids[0]?.pid],
      );
      return blocked.length > 0;
    });
    await one.query('commit');
    await second;
  } finally {
    one.release();
    other.release();
  }
  const usage = await db.query(
    'select llm_calls::int, llm_cost::float8 from stepbase_engine.app_usage where app_code = $1',
    [app],
  );
  expect(usage.rows).toEqual([{ llm_calls: 2, llm_cost: 4 }]);
  const events = await db.query<{ payload: { payload: object } }>(
    `select payload from stepbase.outbox
     where app_code = $1 and payload ->> 'name' = 'budget.threshold_reached'`,
    [app],
  );
  expect(events.rows.map(({ payload }) => payload.payload)).toMatchObject([
    { period: 'day', max_cost: 3, spent: 2 },
  ]);
  await expect(db.query(call, [run])).rejects.toMatchObject({ code: 'SB430' });
});
