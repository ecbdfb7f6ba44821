// The limit: the rate of one connection that only writes the rows of completed steps, a hundred steps per
// statement, each of another run. Same tables, triggers and foreign keys as the engine; without queue, worker and
// decisions. The rows are the fewest that keep the history: the step, its one event, the counters of the run, the next
// step, one message for each run and statement, and one for the application when runs end.

import type pg from 'pg';
import { withClient } from '../stack/postgres/connection.ts';
import type { BenchDatabase } from './environment.ts';
import { STEPS } from './sizes.ts';

const BATCH = 100;

/** Inserts runs whose first step is running, as after a worker's claim. */
const PREPARE = `
  with version as (
    select v.* from stepbase.workflow_versions v
    join stepbase.workflows w on w.published_version_id = v.id
    where w.kebab_name = $1
  ),
  run as (
    insert into stepbase.runs (
      app_code, workflow_id, workflow_version_id, status, steps_total, open_steps, event_seq, started_at
    )
    select v.app_code, v.workflow_id, v.id, 'running', $3::int, 1, 1, now()
    from version v, generate_series(1, $2::int)
    returning id, app_code, workflow_version_id
  ),
  step as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, fence, started_at
    )
    select r.id, r.app_code, r.workflow_version_id, 's1', 'transform', 'running', gen_random_uuid(),
      1, now()
    from run r
  )
  select array_agg(r.id order by r.id) as ids from run r`;

/** Completes the running step of each run ($1) and starts the next one ($3, null after the last). */
const ADVANCE = `
  with done as (
    update stepbase.step_runs s
    set status = 'completed', input = '{"expression": "1"}', output = '1', completed_at = now(),
      context_version = r.context_version + 1, updated_at = now()
    from unnest($1::uuid[]) as b (run_id)
    join stepbase.runs r on r.id = b.run_id
    where s.run_id = b.run_id and s.step_id = $2 and s.item_index = 0 and s.attempt = 1
      and s.status = 'running'
    returning s.run_id, s.app_code, s.workflow_version_id, s.step_type, s.job_id
  ),
  next as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, job_id, fence,
      started_at
    )
    select d.run_id, d.app_code, d.workflow_version_id, $3, d.step_type, 'running', 1, d.job_id, 1,
      now()
    from done d
    where $3::text is not null
  ),
  run as (
    update stepbase.runs r
    set steps_completed = r.steps_completed + 1, context_version = r.context_version + 1,
      event_seq = r.event_seq + case when $3 is null then 2 else 1 end, current_step = coalesce($3, r.current_step),
      open_steps = case when $3 is null then 0 else r.open_steps end,
      status = case when $3 is null then 'completed' else r.status end,
      completed_at = case when $3 is null then now() end,
      output = case when $3 is null then jsonb_build_object($2::text, 1) end,
      updated_at = now()
    from done d
    where r.id = d.run_id
    returning r.id, r.app_code, r.workflow_id, r.status, r.event_seq, r.steps_completed, r.steps_total
  ),
  event as (
    insert into stepbase.run_events (
      run_id, seq, app_code, event_type, step_id, item_index, attempt, payload
    )
    -- The event of the completion also says when the step started.
    select r.id, r.event_seq - ($3::text is null)::int, r.app_code, 'step.completed', $2, 0, 1,
      jsonb_build_object('started_at', now(), 'from', 'running')
    from run r
    union all
    select r.id, r.event_seq, r.app_code, 'run.completed', null, null, null, '{}'
    from run r
    where $3::text is null
  ),
  message as (
    select 'stepbase:run:' || r.id as topic,
      jsonb_build_object(
        'run_id', r.id, 'seq_from', r.event_seq - ($3::text is null)::int, 'seq', r.event_seq,
        'status', r.status, 'steps_completed', r.steps_completed, 'steps_total', r.steps_total,
        'steps', jsonb_build_array(
          jsonb_build_object('step_id', $2, 'item_index', 0, 'attempt', 1, 'status', 'completed')
        ) || case when $3 is null then '[]' else jsonb_build_array(
          jsonb_build_object('step_id', $3, 'item_index', 0, 'attempt', 1, 'status', 'running')
        ) end,
        'at', now()
      ) as payload
    from run r
    union all
    select 'stepbase:app:' || r.app_code || ':runs',
      jsonb_build_object(
        'runs', jsonb_agg(jsonb_build_object('run_id', r.id, 'seq', r.event_seq, 'status', r.status)),
        'at', now()
      )
    from run r
    where $3::text is null
    group by r.app_code
  )
  insert into realtime.messages (id, topic, extension, payload, event, private)
  select uuidv7(), m.topic, 'broadcast', m.payload, 'run', true from message m`;

/** Milliseconds for all steps of `runs` runs of the ten-step workflow. */
export async function measureLimit(
  database: BenchDatabase,
  workflow: string,
  runs: number,
): Promise<number> {
  return await withClient(database.url, async (client) => {
    await advanceAll(client, workflow, Math.min(runs, 2 * BATCH));
    return await advanceAll(client, workflow, runs);
  });
}

async function advanceAll(client: pg.Client, workflow: string, runs: number): Promise<number> {
  const { rows } = await client.query<{ ids: string[] }>(PREPARE, [workflow, runs, STEPS]);
  const ids = rows[0]?.ids ?? [];
  // As autovacuum would have done: without statistics the planner assumes empty tables.
  await client.query('analyze stepbase.runs, stepbase.step_runs');
  await client.query("set plan_cache_mode = 'force_generic_plan'");
  const begin = performance.now();
  for (let step = 1; step <= STEPS; step += 1) {
    const next = step < STEPS ? `s${step + 1}` : null;
    for (let from = 0; from < runs; from += BATCH) {
      await client.query({
        name: 'advance',
        text: ADVANCE,
        values: [ids.slice(from, from + BATCH), `s${step}`, next],
      });
    }
  }
  const ms = performance.now() - begin;
  const check = await client.query<{ completed: number; steps: number; events: number }>(
    `select count(*)::int as completed, coalesce(sum(steps_completed), 0)::int as steps,
       (select count(*)::int from stepbase.run_events where run_id = any($1)) as events
     from stepbase.runs where id = any($1) and status = 'completed'`,
    [ids],
  );
  const [count] = check.rows;
  if (count?.completed !== runs || count.steps !== runs * STEPS) {
    throw new Error(`the limit completed ${JSON.stringify(count)}`);
  }
  if (count.events !== runs * (STEPS + 1)) {
    throw new Error(`the limit wrote ${count.events} events`);
  }
  return ms;
}
