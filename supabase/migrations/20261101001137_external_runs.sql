-- External runs: a step signals or queries another run, namely its parent or any run of its application.

create function stepbase_engine.external_run(p_run_id uuid, p_target text, p_permission text)
returns stepbase.runs
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_target_id uuid;
  v_target stepbase.runs;
begin
  select r.* into strict v_run from stepbase.runs r where r.id = p_run_id;
  if p_target = 'parent' then
    v_target_id := v_run.parent_run_id;
  elsif p_target ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_target_id := p_target::uuid;
  end if;
  select r.* into v_target from stepbase.runs r
  where r.id = v_target_id and r.app_code = v_run.app_code;
  -- The parent needs the permission of workflow_children also when it is named by its id.
  if v_target.id = v_run.parent_run_id and not exists (
    select 1 from stepbase.workflow_children l
    where l.parent_workflow_id = v_target.workflow_id and l.child_workflow_id = v_run.workflow_id
      and case p_permission when 'signal' then l.can_signal_parent else l.can_query_parent end
  ) then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('This child must not %1$s its parent: set can_%1$s_parent in workflow_children', p_permission)
    );
  end if;
  if v_target.id is null then
    perform stepbase_private.raise_error(
      'not_found', format('Run %s does not exist in this application', p_target)
    );
  end if;
  return v_target;
end;
$$;

comment on function stepbase_engine.external_run(uuid, text, text) is
  'The run that a step of another run addresses: parent, or the id of a run of the application. The parent '
  'needs the permission (signal or query) in workflow_children. Errors: SB403, SB404.';

create function stepbase_engine.signal_from_step(
  p_run_id uuid, p_key text, p_target text, p_signal_name text, p_payload jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_target stepbase.runs := stepbase_engine.external_run(p_run_id, p_target, 'signal');
begin
  perform stepbase_engine.accept_signal(v_target, p_signal_name, p_payload, null, p_key);
  return jsonb_build_object('run_id', v_target.id);
end;
$$;

comment on function stepbase_engine.signal_from_step(uuid, text, text, text, jsonb) is
  'Sends a signal for a step and returns {run_id}. p_key is the same for all attempts of the step, so the '
  'signal is sent once. Errors: SB403, SB404 and those of stepbase_engine.accept_signal.';

create function stepbase_engine.query_from_step(p_run_id uuid, p_target text, p_query_name text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return stepbase_engine.answer_query(stepbase_engine.external_run(p_run_id, p_target, 'query'), p_query_name);
end;
$$;

comment on function stepbase_engine.query_from_step(uuid, text, text) is
  'Queries another run for a step: {answer}, or {expression, state, return_type} if the caller must evaluate '
  'JSONata. Errors: SB403, SB404, SB409.';
