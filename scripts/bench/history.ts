// Fills a database with the history of months: finished runs of ten steps with thirty events each, written
// set-based. Triggers and foreign keys are off meanwhile; the rows satisfy them.

import { withClient } from '../stack/postgres/connection.ts';
import type { BenchDatabase } from './environment.ts';
import { STEPS } from './sizes.ts';

const EVENTS_PER_RUN = 30;

/** Writes all events into the newest partition, which also receives the measured events. */
export async function fillHistory(
  database: BenchDatabase,
  workflow: string,
  runs: number,
): Promise<void> {
  await withClient(database.adminUrl, async (client) => {
    await client.query('set session_replication_role = replica');
    await client.query(
      `insert into stepbase.runs (
         app_code, workflow_id, workflow_version_id, status, input, output, steps_total,
         steps_completed, event_seq, context_version, created_at, started_at, completed_at
       )
       select v.app_code, v.workflow_id, v.id, 'completed', '{}', '{"s10": 1}', $3, $3, $4, $3, t.at,
         t.at, t.at + interval '1 s'
       from stepbase.workflows w
       join stepbase.workflow_versions v on v.id = w.published_version_id
       cross join generate_series(1, $2::int) n
       cross join lateral (
         select now() - (now() - date_trunc('month', now())) * (1 - n::float8 / ($2::int + 1)) as at
       ) t
       where w.kebab_name = $1`,
      [workflow, runs, STEPS, EVENTS_PER_RUN],
    );
    await client.query(
      `insert into stepbase.step_runs (
         run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, fence, input,
         output, context_version, started_at, completed_at, created_at
       )
       select r.id, r.app_code, r.workflow_version_id, 's' || n, 'transform', 'completed', 1, 1,
         '{"expression": "1"}', '1', n, r.started_at, r.completed_at, r.created_at
       from stepbase.runs r cross join generate_series(1, $1::int) n`,
      [STEPS],
    );
    await client.query(
      `insert into stepbase.run_events (
         run_id, seq, app_code, event_type, step_id, item_index, attempt, created_at
       )
       select r.id, n, r.app_code,
         case n when 1 then 'run.created' when 2 then 'run.started' when $1 then 'run.completed'
           else case n % 2 when 0 then 'step.completed' else 'step.started' end end,
         case when n between 3 and $1 - 1 then 's' || (n / 3) end, 0, 1, r.created_at
       from stepbase.runs r cross join generate_series(1, $1::int) n`,
      [EVENTS_PER_RUN],
    );
    // As autovacuum would have by then.
    await client.query('vacuum analyze');
    const { rows } = await client.query<{ steps: number; events: number }>(
      `select (select count(*)::int from stepbase.step_runs) as steps,
         (select count(*)::int from stepbase.run_events) as events`,
    );
    const [count] = rows;
    if (count?.steps !== runs * STEPS || count.events !== runs * EVENTS_PER_RUN) {
      throw new Error(`filled in ${JSON.stringify(count)}`);
    }
  });
}
