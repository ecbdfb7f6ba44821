-- Why a run could not be started, in the form that schedules, triggers and steps keep.

create function stepbase_engine.describe_error(p_state text, p_message text, p_detail text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  -- What goes by itself (deadlocks, resources, a server that stops) is no verdict: it is tried again.
  if p_state ~ '^(40|53|57|58|XX)' then
    raise exception using errcode = p_state, message = p_message, detail = p_detail;
  end if;
  return jsonb_build_object('code', 'not_started')
    || case when p_state like 'SB%' then p_detail::jsonb else '{}' end
    || jsonb_build_object('message', p_message, 'at', stepbase_engine.now());
end;
$$;

comment on function stepbase_engine.describe_error(text, text, text) is
  'An exception (SQLSTATE, message, detail) as {code, message, at, …} to be shown; raises it again when it is transient.';
