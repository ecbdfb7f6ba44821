-- The RPC that explains why a run does not continue. See rpc_runs for the pattern; *_explain_runs.sql has the reasons.

-- Security definer: clients have no access to the queue, the backlog and the leases. The answer contains only those of
-- the run and, as numbers, those of its application.
create function stepbase_private.explain_run(p_run_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return stepbase_engine.explain_run(
    (stepbase_private.require_run(p_run_id, stepbase_private.require_permission('run:read'))).id
  );
end;
$$;

comment on function stepbase_private.explain_run(uuid) is 'Implements stepbase.explain_run.';
grant execute on function stepbase_private.explain_run(uuid) to authenticated;

create function stepbase.explain_run(run_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.explain_run(explain_run.run_id);
$$;

comment on function stepbase.explain_run(uuid) is
  'Explains what a run waits for: {run: {id, status, workflow, version, deadline_at, code, sentence, since, until, …}, steps: '
  '[{step, step_run_id, type, item?, attempt, status, code, sentence, since, until, …}], open_steps, explained_at}. steps has up '
  'to 100 open steps. Requires run:read. Errors: SB401, SB403, SB404.';
grant execute on function stepbase.explain_run(uuid) to authenticated;
