-- Log lines of a component that has accepted a call with 202. They belong to the attempt of the call, as those of a
-- worker.

create function stepbase_engine.log_callback(p_token text, p_entries jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_found record;
begin
  select f.callback, f.step into v_found from stepbase_engine.find_callback(p_token) f;
  if (v_found.step).completed_at is not null then
    perform stepbase_engine.refuse_late_callback(v_found.step);
  end if;
  return jsonb_build_object(
    'written', stepbase_engine.append_step_logs((v_found.step).id, (v_found.step).attempt, p_entries)
  );
end;
$$;

comment on function stepbase_engine.log_callback(text, jsonb) is
  'Writes log lines [{level, message, data?, at?}] of the attempt that called a component, and returns {written}. Errors: '
  'SB400 invalid lines, SB401 unknown or expired token, SB409 the attempt has ended (reason attempt_superseded, run_ended '
  'or step_ended), or its worker was lost before it wrote that the step waits (lease_lost). Called by the HTTP API.';
