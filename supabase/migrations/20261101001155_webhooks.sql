-- Webhooks: a signed call from outside starts a run, once for each call id. The HTTP API verifies the signature.

create function stepbase_engine.start_webhook(
  p_trigger_id uuid, p_call_id text, p_input jsonb, p_traceparent text default null, p_replay_of uuid default null,
  p_replayed_by uuid default null
)
returns table (run_id uuid, status text, is_new boolean, problem jsonb)
language plpgsql
set search_path = ''
as $$
declare
  v_trigger stepbase.workflow_triggers;
  v_key text := format('webhook:%s:%s', p_trigger_id, p_call_id);
  v_detail text;
  v_run stepbase.runs;
begin
  select t.* into v_trigger from stepbase.workflow_triggers t
  where t.id = p_trigger_id and t.trigger_type = 'webhook';
  if not found then
    perform stepbase_private.raise_error('not_found', 'The webhook does not exist');
  end if;
  select r.id, r.status into run_id, status from stepbase.runs r
  where r.app_code = v_trigger.app_code and r.idempotency_key = v_key;
  is_new := run_id is null;
  if is_new then
    begin
      if not v_trigger.is_enabled then
        perform stepbase_private.raise_error('conflict', 'The webhook is disabled');
      end if;
      v_run := stepbase_engine.start_triggered(
        v_trigger.app_code, v_trigger.workflow_id, v_trigger.input || p_input, 'webhook', v_key,
        v_trigger.created_by,
        jsonb_build_object('trigger_id', v_trigger.id, 'webhook_id', p_call_id)
          || case when p_traceparent is null then '{}' else jsonb_build_object('traceparent', p_traceparent) end
      );
      run_id := v_run.id;
      status := v_run.status;
    exception when others then
      get stacked diagnostics v_detail = pg_exception_detail;
      problem := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
    end;
    perform stepbase_engine.record_trigger_result(v_trigger.id, problem);
  end if;
  perform stepbase_engine.record_webhook_call(
    v_trigger.id, case when problem is not null then 'refused' when is_new then 'started' else 'duplicate' end,
    p_call_id, run_id, p_input, problem, p_replay_of, p_replayed_by
  );
  return next;
end;
$$;

comment on function stepbase_engine.start_webhook(uuid, text, jsonb, text, uuid, uuid) is
  'Starts the run of a verified webhook call, which continues the trace of p_traceparent; a repeated call id returns the '
  'first run (is_new false). If the start is refused, problem is the error ({code, message, …}), which is also stored on '
  'the trigger. The call is written to webhook_calls, with p_replay_of and p_replayed_by of a replay. SB404 unknown webhook. '
  'Called by the HTTP API.';
