-- RPCs that pause and resume runs. See rpc_runs for the pattern.

create function stepbase_private.pause_run(p_run_id uuid)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run constant stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
begin
  perform stepbase_engine.pause_run(v_run, stepbase_private.user_id());
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.pause_run(uuid) is 'Implements stepbase.pause_run.';
grant execute on function stepbase_private.pause_run(uuid) to authenticated;

create function stepbase.pause_run(run_id uuid)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.pause_run(pause_run.run_id);
$$;

comment on function stepbase.pause_run(uuid) is
  'Pauses a run: steps in flight finish and no new step starts; requires run:execute. Repeated calls have no further '
  'effect. Errors: SB401, SB403, SB404, SB409 the run has ended or is compensating.';
grant execute on function stepbase.pause_run(uuid) to authenticated;

create function stepbase_private.resume_run(p_run_id uuid)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run constant stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
begin
  perform stepbase_engine.resume_run(v_run, stepbase_private.user_id());
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.resume_run(uuid) is 'Implements stepbase.resume_run.';
grant execute on function stepbase_private.resume_run(uuid) to authenticated;

create function stepbase.resume_run(run_id uuid)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.resume_run(resume_run.run_id);
$$;

comment on function stepbase.resume_run(uuid) is
  'Resumes a paused run; timers that became due during the pause fire now; requires run:execute. Errors: SB401, SB403, '
  'SB404, SB409 the run has ended.';
grant execute on function stepbase.resume_run(uuid) to authenticated;
