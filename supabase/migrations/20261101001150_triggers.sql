-- Triggers: the relay starts the workflows that subscribe to an event, in the transaction that marks the event's
-- message as published, so each event starts each workflow once.

create function stepbase_engine.record_trigger_result(p_trigger_id uuid, p_error jsonb)
returns void
language sql
set search_path = ''
as $$
  -- At most once a minute and without waiting for locks, so that a busy trigger does not slow down the relay.
  update stepbase.workflow_triggers t
  set
    last_fired_at = case when p_error is null then stepbase_engine.now() else t.last_fired_at end,
    last_error = p_error
  where t.id = (
    select n.id from stepbase.workflow_triggers n
    where n.id = p_trigger_id
      and (
        p_error is not null
        or n.last_error is not null
        or n.last_fired_at is null
        or n.last_fired_at < stepbase_engine.now() - interval '1 minute'
      )
    for no key update skip locked
  );
$$;

comment on function stepbase_engine.record_trigger_result(uuid, jsonb) is
  'Stores on a trigger that it started a run (p_error null) or why it did not.';

create function stepbase_engine.start_by_event(
  p_trigger stepbase.workflow_triggers, p_event jsonb, p_depth int, p_key text, p_place int
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_error jsonb;
  v_detail text;
begin
  begin
    -- Stops workflows that start each other without end.
    if p_depth > 16 then
      perform stepbase_private.raise_error(
        'limit_reached',
        format('Event %s has depth 17: at most 16 events in a row may start runs', p_event ->> 'name'),
        jsonb_build_object('run_id', p_event -> 'run_id')
      );
    end if;
    perform stepbase_private.raise_error(
      'limit_reached',
      format('Event %s starts more runs than the quota of %s', p_event ->> 'name', q.max_runs_per_event),
      jsonb_build_object('quota', 'max_runs_per_event', 'limit', q.max_runs_per_event)
    )
    from stepbase.app_quotas q
    where q.app_code = p_trigger.app_code and p_place > q.max_runs_per_event;
    perform stepbase_engine.start_triggered(
      p_trigger.app_code, p_trigger.workflow_id,
      p_trigger.input || jsonb_build_object('event', p_event), 'event', p_key,
      p_trigger.created_by,
      jsonb_build_object(
        'trigger_id', p_trigger.id, 'event_id', p_event -> 'id', 'event_depth', p_depth
      )
    );
  exception when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    v_error := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
  end;
  perform stepbase_engine.record_trigger_result(p_trigger.id, v_error);
end;
$$;

comment on function stepbase_engine.start_by_event(stepbase.workflow_triggers, jsonb, int, text, int) is
  'Starts the workflow of a trigger for an event. p_place: its place among the triggers of the event, from 1. An error is stored on the trigger and does not affect other '
  'triggers.';

create function stepbase_engine.next_events(p_limit int)
returns bigint[]
language sql
stable
set search_path = ''
-- JIT would cost more than the query: the planner overestimates the rows of the recursion.
set jit = off
as $$
  with recursive
  -- The apps with pending events, by a loose index scan.
  app as (
    (
      select o.app_code from stepbase.outbox o
      where o.published_at is null and o.event_type = 'event.emitted'
      order by o.app_code
      limit 1
    )
    union all
    select n.app_code
    from app a
    cross join lateral (
      select o.app_code from stepbase.outbox o
      where o.published_at is null and o.event_type = 'event.emitted' and o.app_code > a.app_code
      order by o.app_code
      limit 1
    ) n
  ),
  -- The number of events that are read of each app.
  share as (
    select a.app_code, greatest(p_limit / count(*) over (), 1) as quota from app a
  ),
  -- The oldest events of each app. The n-th ones of all apps come before any (n+1)-th one, so that an app
  -- with many events does not delay the others.
  event as (
    select e.id, row_number() over (partition by s.app_code order by e.id) as round
    from share s
    cross join lateral (
      select o.id from stepbase.outbox o
      where o.published_at is null and o.event_type = 'event.emitted' and o.app_code = s.app_code
      order by o.id
      limit s.quota
    ) e
  )
  select array_agg(e.id order by e.round, e.id)
  from (select e.* from event e order by e.round, e.id limit p_limit) e;
$$;

comment on function stepbase_engine.next_events(int) is
  'The ids of the outbox messages of the next events, at most p_limit: the oldest ones of each app, taken in '
  'turn. Null if there is none.';

create function stepbase_engine.relay_events(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_ids bigint[];
  v_message stepbase.outbox;
  v_event jsonb;
  v_trigger stepbase.workflow_triggers;
  v_published int := 0;
  v_started int := 0;
  v_place int;
begin
  -- Usually there is no event; this check is cheaper than next_events.
  if not exists (
    select 1 from stepbase.outbox o where o.published_at is null and o.event_type = 'event.emitted'
  ) then
    return 0;
  end if;
  v_ids := stepbase_engine.next_events(p_limit);
  for v_message in
    select o.* from stepbase.outbox o
    where o.id = any(v_ids) and o.published_at is null
    order by array_position(v_ids, o.id)
    for update skip locked
  loop
    v_event := stepbase_engine.event_of_message(v_message);
    v_place := 0;
    for v_trigger in
      select t.* from stepbase.workflow_triggers t
      where t.app_code = v_message.app_code
        and t.event_name = v_event ->> 'name'
        and t.source_workflow_id is not distinct from
          (v_message.payload ->> 'source_workflow_id')::uuid
        and t.is_enabled
        and (t.filter is null or v_event -> 'payload' @> t.filter)
      order by t.id
    loop
      v_place := v_place + 1;
      perform stepbase_engine.start_by_event(
        v_trigger, v_event, (v_message.payload ->> 'depth')::int,
        format('event:%s:%s', v_message.aggregate_id, v_trigger.id), v_place
      );
      v_started := v_started + 1;
    end loop;
    update stepbase.outbox o set published_at = stepbase_engine.now() where o.id = v_message.id;
    v_published := v_published + 1;
    -- Keeps the transaction short; the next call takes the remaining events.
    exit when v_started >= p_limit;
  end loop;
  return v_published;
end;
$$;

comment on function stepbase_engine.relay_events(int) is
  'Starts the workflows that subscribe to pending events and marks the events as published; returns the '
  'number of events.';
