-- The RPC that reruns a run. See rpc_runs for the pattern.

create function stepbase_private.rerun(p_run_id uuid, p_from_step text)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_origin stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
  v_run stepbase.runs;
  v_waits_for text[];
begin
  if v_origin.completed_at is null then
    perform stepbase_private.raise_error('conflict', 'The run has not ended; cancel it or wait before a rerun');
  end if;
  if p_from_step is not null and stepbase_engine.is_compensated(v_origin.id) then
    perform stepbase_private.raise_error(
      'conflict', 'The run was compensated; rerun it without from_step'
    );
  end if;
  if p_from_step is not null and not exists (
    select 1 from stepbase.step_runs s
    where s.run_id = v_origin.id and s.step_id = p_from_step and s.status <> 'skipped'
  ) then
    perform stepbase_private.raise_error(
      'not_found', format('The run never reached step %s', p_from_step),
      jsonb_build_object('step_id', p_from_step)
    );
  end if;
  perform stepbase_engine.require_runnable(w) from stepbase.workflows w where w.id = v_origin.workflow_id;
  v_waits_for := stepbase_engine.open_dependencies(v_origin.id, p_from_step);
  if v_waits_for is not null then
    perform stepbase_private.raise_error(
      'conflict',
      format(
        'The run never reached step %s, which waits for %s', p_from_step,
        array_to_string(v_waits_for, ', ')
      ),
      jsonb_build_object('step_id', p_from_step, 'waits_for', v_waits_for)
    );
  end if;
  v_run := stepbase_engine.start_run(
    v_origin.app_code, v_origin.workflow_version_id, v_origin.input, 'manual', null,
    v_origin.priority, stepbase_private.user_id(), null, null, v_origin.id, p_from_step,
    v_origin.metadata, null, v_origin.tags
  );
  if p_from_step is not null then
    perform stepbase_engine.copy_results(v_run.id, v_origin.id, p_from_step);
  end if;
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.rerun(uuid, text) is 'Implements stepbase.rerun.';
grant execute on function stepbase_private.rerun(uuid, text) to authenticated;

create function stepbase.rerun(run_id uuid, from_step text default null)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.rerun(rerun.run_id, rerun.from_step);
$$;

comment on function stepbase.rerun(uuid, text) is
  'Starts a new run with the version and input of a run that has ended, and links it to that run; requires run:execute. '
  'from_step: results of steps that do not depend on this step are copied, with their context. Errors: SB401, SB403, SB404 '
  'unknown run or a step it never reached, SB409 not ended, compensated (rerun without from_step), the workflow cannot be '
  'started, or the step waits for others (waits_for).';
grant execute on function stepbase.rerun(uuid, text) to authenticated;
