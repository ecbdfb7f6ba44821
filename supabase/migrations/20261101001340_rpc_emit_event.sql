-- RPCs of events: emitting one, and listing those of the last day with what they started. See rpc_runs for the pattern.

create function stepbase_engine.check_pending_events(p_app_code text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_limit int;
begin
  select q.max_pending_events into v_limit from stepbase.app_quotas q where q.app_code = p_app_code;
  if v_limit = (
    select count(*)
    from (
      -- The conditions are those of idx_outbox_pending.
      select 1 from stepbase.outbox o
      where o.app_code = p_app_code and o.published_at is null and o.quarantined_at is null
        and o.event_type not in ('run.changed', 'run.cancel') and o.event_type = 'event.emitted'
      limit v_limit
    ) e
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('The application has %s events that no worker has relayed, its quota; retry later', v_limit),
      jsonb_build_object('quota', 'max_pending_events', 'limit', v_limit)
    );
  end if;
end;
$$;

comment on function stepbase_engine.check_pending_events(text) is
  'Raises SB429 limit_reached if an application has max_pending_events events that the relay has not handled.';

-- Security definer: clients cannot write the outbox.
create function stepbase_private.emit_event(p_name text, p_payload jsonb, p_idempotency_key text)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('run:execute');
  v_id uuid := stepbase_engine.new_id();
begin
  if coalesce(p_name, '') !~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$' or p_name like 'run.%'
    or p_name in ('queue.age_high', 'budget.threshold_reached', 'task.created') then
    perform stepbase_private.raise_error(
      'invalid_request',
      'name must start with a letter, have at most 100 letters, digits, _ . or -, not begin with run. and not be '
      'queue.age_high, budget.threshold_reached or task.created'
    );
  end if;
  if p_idempotency_key is not null then
    if length(p_idempotency_key) not between 1 and 255 then
      perform stepbase_private.raise_error('invalid_request', 'idempotency_key must have 1 to 255 characters');
    end if;
    -- The id of the event derives from the key, and an event starts each workflow once.
    v_id := md5(jsonb_build_array(v_app_code, p_idempotency_key)::text)::uuid;
    -- The event of a repeated key must be the one that the caller means, or the caller would take it for emitted.
    perform pg_advisory_xact_lock(hashtextextended(v_id::text, 0));
    if exists (
      select from stepbase.outbox o
      where o.aggregate_id = v_id and o.event_type = 'event.emitted'
        and (o.payload ->> 'name' <> p_name or o.payload -> 'payload' <> p_payload)
    ) then
      perform stepbase_private.raise_error(
        'conflict', format('The idempotency key was used for an event with another name or payload: %s', v_id),
        jsonb_build_object('event_id', v_id)
      );
    end if;
  end if;
  perform stepbase_engine.check_pending_events(v_app_code);
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  values (
    v_app_code, 'event', v_id, 'event.emitted',
    jsonb_build_object(
      'name', p_name, 'payload', p_payload, 'depth', 1, 'at', stepbase_engine.now()
    )
  );
  perform pg_notify('stepbase', 'outbox');
  perform stepbase_engine.request_worker();
  return v_id;
end;
$$;

comment on function stepbase_private.emit_event(text, jsonb, text) is 'Implements stepbase.emit_event.';
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
  'Emits an event of the caller''s application and returns its id. Each workflow with an enabled trigger for the event '
  'starts, with {event: {id, name, payload, at}} in its input. A repeated idempotency_key starts no further runs. Requires '
  'run:execute. Errors: SB400 invalid name or key, SB401, SB403, SB409 the key was used for another name or payload '
  '(event_id in the details; checked for a day), SB429 max_pending_events events wait.';
grant execute on function stepbase.emit_event(text, jsonb, text) to authenticated;

-- Security definer: clients cannot read the outbox.
create function stepbase_private.list_events(p_name text, p_cursor text, p_page_size int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:read');
  v_messages stepbase.outbox[];
begin
  perform stepbase_private.require_permission('run:read');
  if coalesce(p_page_size, 0) not between 1 and 200 then
    perform stepbase_private.raise_error('invalid_request', 'page_size must be between 1 and 200');
  elsif p_cursor !~ '^[0-9]{1,18}$' then
    perform stepbase_private.raise_error('invalid_request', 'cursor is not a next_cursor of list_events', '{"path": "cursor"}');
  end if;
  v_messages := array(
    select o from stepbase.outbox o
    where o.app_code = v_app_code and o.event_type = 'event.emitted'
      and (p_cursor is null or o.id < p_cursor::bigint)
      and (p_name is null or o.payload ->> 'name' = p_name)
    order by o.id desc
    limit p_page_size + 1
  );
  return jsonb_build_object(
    'items', (
      select coalesce(jsonb_agg(
        stepbase_engine.event_of_message(m.o) || jsonb_build_object(
          'status', case when (m.o).published_at is not null then 'handled'
            when (m.o).quarantined_at is not null then 'failed' else 'pending' end,
          'error', (m.o).error,
          'runs', (
            select coalesce(jsonb_agg(
              jsonb_build_object('run_id', r.id, 'status', r.status, 'workflow', w.kebab_name, 'trigger_id', t.id)
              order by r.created_at, r.id
            ), '[]')
            from stepbase.workflow_triggers t
            join stepbase.runs r
              on r.app_code = v_app_code and r.idempotency_key = format('event:%s:%s', (m.o).aggregate_id, t.id)
            join stepbase.workflows w on w.id = r.workflow_id
            where t.app_code = v_app_code and t.trigger_type = 'event'
          )
        ) order by (m.o).id desc
      ), '[]')
      from (select o from unnest(v_messages) o limit p_page_size) m
    ),
    'next_cursor', case when cardinality(v_messages) > p_page_size then v_messages[p_page_size].id::text end
  );
end;
$$;

comment on function stepbase_private.list_events(text, text, int) is 'Implements stepbase.list_events.';
grant execute on function stepbase_private.list_events(text, text, int) to authenticated;

create function stepbase.list_events(name text default null, "cursor" text default null, page_size int default 50)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.list_events(list_events.name, list_events."cursor", list_events.page_size);
$$;

comment on function stepbase.list_events(text, text, int) is
  'The events of the last day, newest first, as {items, next_cursor}: {id, name, payload, at, run_id?, step_id?, status, '
  'error, runs: [{run_id, status, workflow, trigger_id}]}. status: pending (no worker has relayed it), handled or failed. '
  'runs: what it started, by triggers that still exist. name: only these events. page_size: 1 to 200. Requires '
  'schedule:read and run:read. Errors: SB400 invalid cursor or page_size, SB401, SB403.';
grant execute on function stepbase.list_events(text, text, int) to authenticated;
