-- Emitting an event: what a client says happened, for everything that listens.

create function stepbase_private.emit_event(p_name text, p_payload jsonb, p_idempotency_key text)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: clients cannot write to the outbox.
declare
  v_app_code constant text := stepbase_private.require_permission('run:execute');
  v_id uuid := stepbase_engine.new_id();
begin
  if coalesce(p_name, '') !~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$' or p_name like 'run.%' then
    perform stepbase_private.raise_error(
      'invalid_request',
      'the name of an event starts with a letter, has letters, digits, _ . - and does not begin with run.'
    );
  end if;
  if p_idempotency_key is not null then
    if length(p_idempotency_key) not between 1 and 255 then
      perform stepbase_private.raise_error('invalid_request', 'an idempotency key has 1 to 255 characters');
    end if;
    -- The same key is the same event, and an event starts each run once.
    v_id := md5(jsonb_build_array(v_app_code, p_idempotency_key)::text)::uuid;
  end if;
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  values (
    v_app_code, 'event', v_id, 'event.emitted',
    jsonb_build_object(
      'name', p_name, 'payload', p_payload, 'depth', 1, 'at', stepbase_engine.now()
    )
  );
  perform pg_notify('stepbase', 'outbox');
  return v_id;
end;
$$;

comment on function stepbase_private.emit_event(text, jsonb, text) is 'Behind stepbase.emit_event.';
grant execute on function stepbase_private.emit_event(text, jsonb, text) to authenticated;

create function stepbase.emit_event(name text, payload jsonb default '{}', idempotency_key text default null)
returns uuid
language sql
set search_path = ''
as $$
  select stepbase_private.emit_event(
    emit_event.name, coalesce(emit_event.payload, 'null'), emit_event.idempotency_key
  );
$$;

comment on function stepbase.emit_event(text, jsonb, text) is
  'Emits an event of the caller''s app and returns its id: every workflow with an enabled trigger for it starts, with '
  '{event: {id, name, payload, at}} in its input. A repeated idempotency_key starts nothing anew. Needs run:execute. '
  'Errors: SB400 bad name or key, SB401, SB403.';
grant execute on function stepbase.emit_event(text, jsonb, text) to authenticated;
