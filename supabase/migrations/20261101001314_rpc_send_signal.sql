-- The RPC that sends a signal to a run. See rpc_runs for the pattern.

create function stepbase_private.send_signal(p_run_id uuid, p_signal_name text, p_payload jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_engine.accept_signal(
    stepbase_private.require_run(p_run_id, stepbase_private.require_permission('run:execute')),
    p_signal_name, p_payload, stepbase_private.user_id()
  );
  perform stepbase_engine.request_worker();
end;
$$;

comment on function stepbase_private.send_signal(uuid, text, jsonb) is 'Implements stepbase.send_signal.';
grant execute on function stepbase_private.send_signal(uuid, text, jsonb) to authenticated;

create function stepbase.send_signal(run_id uuid, signal_name text, payload jsonb default '{}')
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.send_signal(
    send_signal.run_id, send_signal.signal_name, coalesce(send_signal.payload, '{}')
  );
$$;

comment on function stepbase.send_signal(uuid, text, jsonb) is
  'Sends a signal to a run that has not ended; the first step that waits for it, now or later, consumes it. The signal of '
  'a work queue (<queue>_push) adds its payload to the queue. Requires run:execute. Errors: SB400 invalid name, SB401, '
  'SB403, SB404 unknown run, or signal of another workflow''s queue, SB409 the run has ended, SB422 payload does not '
  'match, SB425 schema too complex, SB429 the work queue is full, or max_pending_signals signals of the run wait.';
grant execute on function stepbase.send_signal(uuid, text, jsonb) to authenticated;
