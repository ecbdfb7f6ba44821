// The results of the mix: each run of each kind against the check of its kind.

import type pg from 'pg';
import type { Ended, Kind, Site } from './kind.ts';
import type { Problem } from './problem.ts';

export interface RunOf extends Ended {
  workflow_id: string;
}

/** All runs of the workflows of the mix, including children, reruns, and runs that events and schedules started. */
export async function runsOf(db: pg.Pool, sites: ReadonlyMap<Kind, Site>): Promise<RunOf[]> {
  const { rows } = await db.query<RunOf>(
    `select r.id, r.workflow_id, r.status, r.output, r.origin_run_id, r.parent_run_id,
       coalesce(r.input -> 'n', r.input -> 'event' -> 'payload' -> 'n') as n,
       coalesce(
         (
           select jsonb_object_agg(
             case when s.item_index < 0 then 'undo:' || s.step_id else s.step_id end, s.status
             order by s.attempt
           )
           from stepbase.step_runs s where s.run_id = r.id and s.item_index between -1 and 0
         ),
         '{}'
       ) as steps
     from stepbase.runs r where r.workflow_id = any($1::uuid[]) order by r.id`,
    [[...sites.values()].map(({ workflowId }) => workflowId)],
  );
  return rows;
}

export async function wrongResults(
  db: pg.Pool,
  made: readonly { kind: Kind; site: Site; n: number }[],
  runs: readonly RunOf[],
  sites: ReadonlyMap<Kind, Site>,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const say = (runId: string, text: string) => problems.push({ kind: 'lost', runId, text });
  const of = Map.groupBy(runs, (run) => run.workflow_id);
  for (const { kind, site, n } of made) {
    const found = of.get(site.workflowId)?.some((run) => run.n === n);
    if (!found) say(`${kind.name} ${n}`, 'the run does not exist');
  }
  for (const [kind, { workflowId }] of sites) {
    for (const run of of.get(workflowId) ?? []) {
      if (!kind.right(run)) say(run.id, `${kind.name} ended as ${JSON.stringify(run)}`);
    }
    if (kind.together === undefined) continue;
    const { rows } = await db.query<{ id: string }>(kind.together, [workflowId]);
    for (const { id } of rows) say(id, `${kind.name}: breaks a rule across its runs`);
  }
  return problems;
}
