-- Triggers: events and ends of runs start the workflows that listen. Both are rows of the outbox; the
-- relay starts what listens in the transaction that marks the row, so each starts each of them once.

-- Events that wait are found by app, without reading past whatever else waits in the outbox.
create index idx_outbox_events on stepbase.outbox (app_code, id)
where published_at is null and event_type = 'event.emitted';

create function stepbase_engine.event_depth(p_run_id uuid)
returns int
language sql
stable
set search_path = ''
as $$
  -- A child carries on the chain of whoever started it.
  with recursive line as (
    select r.parent_run_id, r.metadata -> 'event_depth' as depth
    from stepbase.runs r where r.id = p_run_id
    union all
    select r.parent_run_id, r.metadata -> 'event_depth'
    from line l
    join stepbase.runs r on r.id = l.parent_run_id
  )
  select coalesce(max(l.depth::int) filter (where jsonb_typeof(l.depth) = 'number'), 0) from line l;
$$;

comment on function stepbase_engine.event_depth(uuid) is
  'How many events in a row led to a run: the metadata of the run or of those it is a child of says so.';

create function stepbase_engine.emit_from_steps(p_events stepbase_engine.event[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    e.app_code, 'event', stepbase_engine.new_id(), 'event.emitted',
    jsonb_build_object(
      'name', m.emitted ->> 'name', 'payload', m.emitted -> 'payload', 'run_id', e.run_id,
      'step_id', e.step_id, 'depth', stepbase_engine.event_depth(e.run_id) + 1, 'at', stepbase_engine.now()
    )
  from unnest(p_events) as e
  cross join lateral jsonb_array_elements(e.payload -> 'emit') as m (emitted)
  where e.event_type = 'step.completed';
  perform pg_notify('stepbase', 'outbox');
end;
$$;

comment on function stepbase_engine.emit_from_steps(stepbase_engine.event[]) is
  'Sends the events that completed steps emit (payload.emit: [{name, payload}]) in the transaction that completes them.';

create function stepbase_engine.start_by_event(
  p_trigger stepbase.workflow_triggers, p_event jsonb, p_depth int, p_key text
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
    -- Workflows that start each other for ever are a mistake of their makers, not of the engine's.
    if p_depth > 16 then
      perform stepbase_private.raise_error(
        'limit_reached',
        format('event %s is the 17th in a row of events that started runs', p_event ->> 'name'),
        jsonb_build_object('run_id', p_event -> 'run_id')
      );
    end if;
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

comment on function stepbase_engine.start_by_event(stepbase.workflow_triggers, jsonb, int, text) is
  'Starts what a trigger starts for an event; what went wrong is kept on the trigger and holds up no other.';

create function stepbase_engine.record_trigger_result(p_trigger_id uuid, p_error jsonb)
returns void
language sql
set search_path = ''
as $$
  -- To the minute, so that a busy trigger is no hot row, and never waiting for another relay.
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
  'Notes on a trigger that it started a run (null), or why it did not.';

create function stepbase_engine.next_events(p_limit int)
returns bigint[]
language sql
stable
set search_path = ''
-- As stepbase_engine.select_backlog_runs.
set jit = off
as $$
  -- A loose index scan over the apps that have any, then the oldest of each, apps in turn: who emits
  -- ten thousand events delays nobody else's.
  with recursive app as (
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
  share as (
    select a.app_code, greatest(p_limit / count(*) over (), 1) as quota from app a
  ),
  event as (
    select e.id, row_number() over (partition by s.app_code order by e.id) as turn
    from share s
    cross join lateral (
      select o.id from stepbase.outbox o
      where o.published_at is null and o.event_type = 'event.emitted' and o.app_code = s.app_code
      order by o.id
      limit s.quota
    ) e
  )
  select array_agg(e.id order by e.turn, e.id)
  from (select e.* from event e order by e.turn, e.id limit p_limit) e;
$$;

comment on function stepbase_engine.next_events(int) is
  'The events in the outbox whose turn it is: the oldest of each app, apps in turn; null when there is none.';

create function stepbase_engine.event_of_message(p_message stepbase.outbox)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- Of the end of a run the message says only which: the rest is with the run.
  select p_message.payload - 'depth' - 'source_workflow_id'
    || jsonb_build_object('id', p_message.aggregate_id)
    || coalesce(
      (
        select jsonb_build_object(
          'payload', jsonb_build_object(
            'workflow', w.kebab_name, 'status', r.status, 'input', r.input, 'output', r.output,
            'error', r.error
          )
        )
        from stepbase.runs r
        join stepbase.workflows w on w.id = r.workflow_id
        where r.id = (p_message.payload ->> 'run_id')::uuid
          and p_message.payload ? 'source_workflow_id'
      ),
      '{}'
    );
$$;

comment on function stepbase_engine.event_of_message(stepbase.outbox) is
  'The event that a message of the outbox is, as the runs it starts see it: {id, name, payload, at, run_id?, step_id?}.';

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
  v_taken int := 0;
  v_started int := 0;
begin
  -- The relay asks often, and most of the time nothing waits.
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
      perform stepbase_engine.start_by_event(
        v_trigger, v_event, (v_message.payload ->> 'depth')::int,
        format('event:%s:%s', v_message.aggregate_id, v_trigger.id)
      );
      v_started := v_started + 1;
    end loop;
    update stepbase.outbox o set published_at = stepbase_engine.now() where o.id = v_message.id;
    v_taken := v_taken + 1;
    -- Short transactions: what is left is taken by the next call, or by others meanwhile.
    exit when v_started >= p_limit;
  end loop;
  return v_taken;
end;
$$;

comment on function stepbase_engine.relay_events(int) is
  'Starts what listens to the events that wait in the outbox; returns how many events it took.';

create function stepbase_engine.emit_run_events(p_run_ids uuid[])
returns void
language sql
set search_path = ''
as $$
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    r.app_code, 'event', r.id, 'event.emitted',
    jsonb_build_object(
      'name', 'run.' || r.status, 'source_workflow_id', r.workflow_id, 'run_id', r.id,
      'depth', stepbase_engine.event_depth(r.id) + 1, 'at', r.completed_at
    )
  from stepbase.runs r
  where r.id = any(p_run_ids)
    and r.completed_at is not null
    and exists (
      select 1 from stepbase.workflow_triggers t
      where t.source_workflow_id = r.workflow_id and t.app_code = r.app_code
        and t.is_enabled and t.event_name = 'run.' || r.status
    )
  order by r.completed_at;
$$;

comment on function stepbase_engine.emit_run_events(uuid[]) is
  'Makes events of the ends of these runs that a trigger listens to: run.completed, run.failed, run.cancelled, '
  'run.timed_out.';
