-- Starts that no client requests: by a schedule, an event, a webhook or a step with a child workflow.
-- A refused start is stored as an error where an operator reads it, and blocks no other start.

create function stepbase_engine.describe_error(p_state text, p_message text, p_detail text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  -- Transient faults (deadlocks, missing resources, a shutdown) say nothing about the start: the caller retries.
  if stepbase_private.is_temporary_error(p_state) then
    raise exception using errcode = p_state, message = p_message, detail = p_detail;
  end if;
  return jsonb_build_object('code', 'not_started')
    || case when p_state like 'SB%' then p_detail::jsonb else '{}' end
    || jsonb_build_object('message', p_message, 'at', stepbase_engine.now());
end;
$$;

comment on function stepbase_engine.describe_error(text, text, text) is
  'An exception (SQLSTATE, message, detail) as {code, message, at, …}, in the form that schedules, triggers '
  'and steps store. Raises temporary errors again.';

create function stepbase_engine.start_triggered(
  p_app_code text,
  p_workflow_id uuid,
  p_input jsonb,
  p_trigger_type text,
  p_idempotency_key text,
  p_created_by uuid,
  p_metadata jsonb
)
returns stepbase.runs
language plpgsql
set search_path = ''
as $$
declare
  v_workflow stepbase.workflows;
  v_version_id uuid;
begin
  select w.* into strict v_workflow
  from stepbase.workflows w where w.id = p_workflow_id and w.app_code = p_app_code;
  perform stepbase_engine.require_runnable(v_workflow);
  if exists (select 1 from stepbase.applications a where a.app_code = p_app_code and a.deleted_at is not null) then
    perform stepbase_private.raise_error('conflict', 'The application is deactivated');
  end if;
  v_version_id := v_workflow.published_version_id;
  if v_workflow.canary_id is not null then
    v_version_id := stepbase_engine.version_to_start(v_workflow.canary_id, v_version_id, p_input, p_idempotency_key);
  end if;
  return stepbase_engine.start_run(
    p_app_code => p_app_code,
    p_workflow_version_id => v_version_id,
    p_input => p_input,
    p_trigger_type => p_trigger_type,
    p_idempotency_key => p_idempotency_key,
    p_created_by => p_created_by,
    p_metadata => p_metadata
  );
end;
$$;

comment on function stepbase_engine.start_triggered(text, uuid, jsonb, text, text, uuid, jsonb) is
  'Starts the published version of a workflow for a schedule, an event or a webhook and returns the run; a '
  'repeated idempotency key returns the first one. Errors: SB404 deleted workflow, SB409 not published or the application is deactivated, SB422 '
  'the input does not match the input schema.';
