-- Database triggers, after the transaction of the change: the relay starts the runs, in the transaction that marks
-- their message as published, so each changed row starts one run.

create function stepbase_engine.start_by_change(
  p_trigger stepbase_private.database_triggers, p_message stepbase.outbox, p_input jsonb, p_place int
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_event constant text := p_message.payload ->> 'event';
  v_depth constant int := (p_message.payload ->> 'depth')::int;
  v_workflow_id uuid;
  v_detail text;
  v_error jsonb;
begin
  -- Stops a workflow that changes the table that starts it.
  if v_depth > 16 then
    perform stepbase_private.raise_error(
      'limit_reached', format('The change has depth %s: at most 16 events in a row may start runs', v_depth)
    );
  end if;
  select w.id into v_workflow_id
  from stepbase.workflows w
  where w.app_code = p_message.app_code and w.kebab_name = p_trigger.workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist', p_trigger.workflow),
      jsonb_build_object('workflow', p_trigger.workflow)
    );
  end if;
  perform stepbase_engine.start_triggered(
    p_message.app_code, v_workflow_id, p_input, 'database', format('database:%s:%s', p_message.id, p_place), null,
    jsonb_build_object('database_trigger', p_trigger.name, 'event', v_event, 'event_depth', v_depth)
  );
exception when others then
  get stacked diagnostics v_detail = pg_exception_detail;
  v_error := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
  perform stepbase_engine.refuse_changes(p_trigger, p_message.app_code, v_event, 1, v_error, p_input);
end;
$$;

comment on function stepbase_engine.start_by_change(stepbase_private.database_triggers, stepbase.outbox, jsonb, int) is
  'Starts the run of one changed row. An error is stored in stepbase.refused_starts and does not affect other changes.';

create function stepbase_engine.relay_changes(p_outbox_ids bigint[], p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_message stepbase.outbox;
  v_trigger stepbase_private.database_triggers;
  v_published int := 0;
  v_started int := 0;
begin
  for v_message in
    select o.* from stepbase.outbox o
    where o.id = any(p_outbox_ids) and o.event_type = 'rows.changed'
    order by o.id
  loop
    select t.* into v_trigger from stepbase_private.database_triggers t where t.id = v_message.aggregate_id;
    -- A trigger that was dropped starts nothing any more.
    if found then
      perform stepbase_engine.start_by_change(v_trigger, v_message, i.input, i.place::int)
      from jsonb_array_elements(v_message.payload -> 'inputs') with ordinality as i (input, place);
      v_started := v_started + jsonb_array_length(v_message.payload -> 'inputs');
    end if;
    update stepbase.outbox o set published_at = stepbase_engine.now() where o.id = v_message.id;
    v_published := v_published + 1;
    -- Keeps the transaction short; the next call takes the remaining changes.
    exit when v_started >= p_limit;
  end loop;
  return v_published;
end;
$$;

comment on function stepbase_engine.relay_changes(bigint[], int) is
  'Starts the runs that changes of tables requested in these messages, until p_limit runs have started, and marks the '
  'messages as published; returns their number. The caller has locked the messages.';
