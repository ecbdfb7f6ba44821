-- Events: completed steps, new tasks and ended runs write events to the outbox. *_triggers.sql starts the workflows
-- that subscribe to them.

create function stepbase_engine.event_depth(p_run_id uuid)
returns int
language sql
stable
set search_path = ''
as $$
  -- A child run belongs to the chain of its ancestors.
  with recursive ancestor as (
    select r.parent_run_id, r.metadata -> 'event_depth' as depth
    from stepbase.runs r where r.id = p_run_id
    union all
    select r.parent_run_id, r.metadata -> 'event_depth'
    from ancestor a
    join stepbase.runs r on r.id = a.parent_run_id
  )
  select coalesce(max(a.depth::int) filter (where jsonb_typeof(a.depth) = 'number'), 0)
  from ancestor a;
$$;

comment on function stepbase_engine.event_depth(uuid) is
  'The number of events in a row that led to a run, from its metadata or that of its ancestors; 0 for a run '
  'that no event started.';

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
  'Writes the events that completed steps emit (payload.emit: [{name, payload}]) to the outbox, in the '
  'transaction that completes the steps.';

create function stepbase_engine.emit_task_events(p_tasks stepbase.step_runs[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    t.app_code, 'event', stepbase_engine.new_id(), 'event.emitted',
    jsonb_build_object(
      'name', 'task.created', 'source_workflow_id', r.workflow_id, 'run_id', t.run_id, 'step_id', t.step_id,
      'depth', stepbase_engine.event_depth(t.run_id) + 1, 'at', stepbase_engine.now(),
      'payload', jsonb_build_object('workflow', w.kebab_name) || stepbase_engine.task_data(t)
    )
  from unnest(p_tasks) t
  join stepbase.runs r on r.id = t.run_id
  join stepbase.workflows w on w.id = r.workflow_id
  where exists (
    select 1 from stepbase.workflow_triggers o
    where (o.source_workflow_id = r.workflow_id or (o.source_workflow_id is null and o.workflow_id <> r.workflow_id))
      and o.app_code = t.app_code
      and o.is_enabled and o.event_name = 'task.created'
  );
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
end;
$$;

comment on function stepbase_engine.emit_task_events(stepbase.step_runs[]) is
  'Writes the event task.created of these tasks to the outbox, if a trigger subscribes to it.';

create function stepbase_engine.announce_tasks(p_events stepbase_engine.event[])
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_tasks stepbase.step_runs[];
begin
  select array_agg(t order by e.ord)
  into v_tasks
  from unnest(p_events) with ordinality as e (
    run_id, app_code, event_type, step_id, item_index, attempt, status,
    open_delta, done_delta, context_delta, actor_id, payload, ord
  )
  -- Lateral: a look-up by the key of the step.
  cross join lateral (
    select o.* from stepbase.step_runs o
    where o.run_id = e.run_id and o.step_id = e.step_id and o.item_index = e.item_index and o.attempt = e.attempt
    limit 1
  ) t
  where e.event_type = 'task.created';
  perform stepbase_engine.announce_tasks_to_webhooks(v_tasks);
  perform stepbase_engine.emit_task_events(v_tasks);
end;
$$;

comment on function stepbase_engine.announce_tasks(stepbase_engine.event[]) is
  'Announces those of these events that are task.created to webhooks and triggers, in the transaction that creates the tasks.';

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
      where (t.source_workflow_id = r.workflow_id or (t.source_workflow_id is null and t.workflow_id <> r.workflow_id))
        and t.app_code = r.app_code
        and t.is_enabled and t.event_name = 'run.' || r.status
    )
  order by r.completed_at;
$$;

comment on function stepbase_engine.emit_run_events(uuid[]) is
  'Writes the events run.completed, run.failed, run.cancelled and run.timed_out of these ended runs to the '
  'outbox, if a trigger subscribes to them.';

create function stepbase_engine.event_of_message(p_message stepbase.outbox)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- The message of an ended run holds its id only; the payload is read from the run.
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
          and p_message.payload ? 'source_workflow_id' and not p_message.payload ? 'payload'
      ),
      '{}'
    );
$$;

comment on function stepbase_engine.event_of_message(stepbase.outbox) is
  'The event in a message of the outbox, in the form in which started runs receive it: {id, name, payload, '
  'at, run_id?, step_id?}.';
