// Rows that must not exist for runs that have ended. Some are deleted in the transaction that ends a run, the
// others a moment later by the relay; those are only checked once the engine is idle.

import type pg from 'pg';
import type { Defect, Problem } from './problem.ts';

interface Left {
  run_id: string;
  text: string;
}

/** Deleted in the transaction that ends a run. */
const WITH_THE_END = `
  select w.run_id, 'the run is still in the backlog' as text
  from stepbase_engine.run_backlog w where w.run_id = any($1::uuid[])
  union all
  select p.run_id, 'the run still has a concurrency slot'
  from stepbase_engine.run_slots p where p.run_id = any($1::uuid[])
  union all
  select w.run_id, 'a step is still in the backlog'
  from stepbase_engine.step_backlog w where w.run_id = any($1::uuid[])
  union all
  select s.run_id, s.step_id || ' still has a concurrency slot'
  from stepbase_engine.step_slots p join stepbase.step_runs s on s.id = p.step_run_id
  where s.run_id = any($1::uuid[])`;

/** Must be empty for all runs once the engine is idle. */
const WHEN_QUIET: Record<string, Defect> = {
  [`select coalesce(j.data ->> 'run_id', 'no run') as run_id, 'job ' || j.id || ' is in the queue' as text
    from stepbase_queue.job j where j.name = 'steps'`]: 'orphan_job',
  [`select w.run_id, 'a run is in the backlog' as text from stepbase_engine.run_backlog w
    union all
    select w.run_id, 'a step is still in the backlog' from stepbase_engine.step_backlog w
    union all
    select p.run_id, 'a run has a concurrency slot' from stepbase_engine.run_slots p
    union all
    select p.step_run_id, 'a step has a concurrency slot' from stepbase_engine.step_slots p`]:
    'orphan_job',
  [`select o.aggregate_id as run_id, o.event_type || ' was never published' as text
    from stepbase.outbox o where o.published_at is null`]: 'lost',
  [`select r.id as run_id, 'a work queue item is still taken by it' as text
    from stepbase.work_queue_items i join stepbase.runs r on r.id = i.taken_by_run_id
    where i.status = 'taken' and r.completed_at is not null`]: 'lost',
};

export async function leftOf(db: pg.Pool, runIds: readonly string[]): Promise<Problem[]> {
  const { rows } = await db.query<Left>(WITH_THE_END, [runIds]);
  return rows.map(({ run_id, text }) => ({ kind: 'orphan_job', runId: run_id, text }));
}

export async function auditQuiet(db: pg.Pool): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [query, kind] of Object.entries(WHEN_QUIET)) {
    const { rows } = await db.query<Left>(query);
    problems.push(...rows.map(({ run_id, text }) => ({ kind, runId: run_id, text })));
  }
  return problems;
}
