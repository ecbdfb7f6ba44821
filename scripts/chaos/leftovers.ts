// What may be left of runs that have ended: nothing. Part of it goes with the end itself, the rest a
// moment later by the relay, so it is asked for when everything is quiet.

import type pg from 'pg';
import type { Defect, Problem } from './problem.ts';

interface Left {
  run_id: string;
  text: string;
}

/** Goes in the transaction that ends a run. */
const WITH_THE_END = `
  select w.run_id, 'it waits to be let in' as text
  from stepbase_engine.run_backlog w where w.run_id = any($1::uuid[])
  union all
  select p.run_id, 'it has a place under a limit'
  from stepbase_engine.run_slots p where p.run_id = any($1::uuid[])
  union all
  select w.run_id, 'a step waits for a place'
  from stepbase_engine.step_backlog w where w.run_id = any($1::uuid[])
  union all
  select s.run_id, s.step_id || ' has a place under a limit'
  from stepbase_engine.step_slots p join stepbase.step_runs s on s.id = p.step_run_id
  where s.run_id = any($1::uuid[])`;

/** Nobody's any more, whosever it was. */
const WHEN_QUIET: Record<string, Defect> = {
  [`select coalesce(j.data ->> 'run_id', 'no run') as run_id, 'job ' || j.id || ' is in the queue' as text
    from stepbase_queue.job j where j.name = 'steps'`]: 'orphan_job',
  [`select w.run_id, 'a run waits to be let in' as text from stepbase_engine.run_backlog w
    union all
    select w.run_id, 'a step waits for a place' from stepbase_engine.step_backlog w
    union all
    select p.run_id, 'a place under a limit is taken' from stepbase_engine.run_slots p
    union all
    select p.step_run_id, 'a step has a place under a limit' from stepbase_engine.step_slots p`]:
    'orphan_job',
  [`select o.aggregate_id as run_id, o.event_type || ' was never handed over' as text
    from stepbase.outbox o where o.published_at is null`]: 'lost',
  [`select r.id as run_id, 'an item is still taken by it' as text
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
