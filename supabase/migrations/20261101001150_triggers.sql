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

create function stepbase_engine.relay_events(p_outbox_ids bigint[], p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_message stepbase.outbox;
  v_event jsonb;
  v_trigger stepbase.workflow_triggers;
  v_published int := 0;
  v_started int := 0;
  v_place int;
begin
  for v_message in
    select o.* from stepbase.outbox o
    where o.id = any(p_outbox_ids) and o.event_type = 'event.emitted'
    order by o.id
  loop
    v_event := stepbase_engine.event_of_message(v_message);
    v_place := 0;
    for v_trigger in
      select t.* from stepbase.workflow_triggers t
      where t.app_code = v_message.app_code
        and t.event_name = v_event ->> 'name'
        and (
          t.source_workflow_id is not distinct from (v_message.payload ->> 'source_workflow_id')::uuid
          -- The end of a run, or a task, of every other workflow.
          or (t.source_workflow_id is null and t.workflow_id <> (v_message.payload ->> 'source_workflow_id')::uuid)
        )
        and t.is_enabled
        and (
          t.filter is null
          or v_event -> 'payload' @> t.filter
          -- The digits of a large number may have passed a step, as a string.
          or (
            t.filter::text ~ '[0-9.]{16}'
            and stepbase_private.with_digits(v_event -> 'payload') @> stepbase_private.with_digits(t.filter)
          )
        )
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

comment on function stepbase_engine.relay_events(bigint[], int) is
  'Starts the workflows that subscribe to the events among these messages, until p_limit runs have started, and marks '
  'the events as published; returns their number. The caller has locked the messages.';
