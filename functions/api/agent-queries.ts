// The turns of an agent. The statement runs as the caller.
import type { Query } from '../_shared/db/pool.ts';
import type { Json, One } from './queries.ts';

/** At most 50, which is the limit of an agent. */
export async function readTurns(
  query: Query,
  { runId, stepId, itemIndex }: { runId: string; stepId: string; itemIndex: number },
): Promise<Json[]> {
  const rows = await query<One>(
    `select to_jsonb(t) || jsonb_build_object('calls', coalesce(c.calls, '[]')) as value
     from stepbase.agent_turns t
     cross join lateral (
       select jsonb_agg(
         to_jsonb(c) || jsonb_build_object(
           'step_run_id', s.id, 'approval_step_run_id', a.id, 'child_run_id', r.id
         ) order by c.position
       ) as calls
       from stepbase.agent_tool_calls c
       left join lateral (
         select s.id from stepbase.step_runs s
         where s.run_id = c.run_id and s.step_id = c.step_id and s.item_index = c.tool_item_index
         order by s.attempt desc limit 1
       ) s on true
       left join lateral (
         select a.id from stepbase.step_runs a
         where a.run_id = c.run_id and a.step_id = c.step_id and a.item_index = c.approval_item_index
         limit 1
       ) a on true
       left join lateral (
         select r.id from stepbase.runs r
         where r.parent_run_id = c.run_id and r.parent_step_run_id = s.id
         order by r.created_at desc limit 1
       ) r on c.step_type = 'child_workflow'
       where c.run_id = t.run_id and c.app_code = t.app_code and c.step_id = t.step_id
         and c.item_index = t.item_index and c.turn = t.turn
     ) c
     where t.run_id = $1 and t.step_id = $2 and t.item_index = $3
     order by t.turn`,
    [runId, stepId, itemIndex],
  );
  return rows.map(({ value }) => value);
}
