-- Events for webhook subscriptions: each matching subscription gets a delivery, in the transaction of the event or, for
-- the end of a run, in that of the relay.

create function stepbase_engine.webhook_event(p_event_type text, p_data jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('type', p_event_type, 'timestamp', stepbase_engine.now(), 'data', p_data);
$$;

comment on function stepbase_engine.webhook_event(text, jsonb) is
  'The body of a delivery as Standard Webhooks recommends: {type, timestamp, data}.';

create function stepbase_engine.webhook_run_data(p_run stepbase.runs)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_bytes constant int := 16384;
  v_output_is_long constant boolean := octet_length(p_run.output::text) > c_bytes;
  v_error constant jsonb := case
    when octet_length(p_run.error::text) > c_bytes
      then jsonb_build_object('code', p_run.error -> 'code', 'message', left(p_run.error ->> 'message', 1000))
    else p_run.error
  end;
begin
  return jsonb_build_object(
      'run_id', p_run.id, 'workflow_id', p_run.workflow_id, 'status', p_run.status,
      'workflow', (select w.kebab_name from stepbase.workflows w where w.id = p_run.workflow_id)
    )
    || case
      when v_output_is_long then '{"output_omitted": true}'
      when p_run.output is not null then jsonb_build_object('output', p_run.output)
      else '{}'
    end
    || case when v_error is not null then jsonb_build_object('error', v_error) else '{}' end;
end;
$$;

comment on function stepbase_engine.webhook_run_data(stepbase.runs) is
  'What an event tells about its run: {run_id, workflow_id, workflow, status, output?, error?}. Above 16 KB the output is '
  'left out, and output_omitted is true; an error that is as long keeps code and message.';

create function stepbase_engine.announce_to_webhooks(p_run_ids uuid[], p_event_types text[], p_data jsonb[])
returns int
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_max_pending constant int := 10000;
  v_subscriptions uuid[];
  v_count int;
begin
  with event as (
    select r.run, e.data, coalesce(e.event_type, 'run.' || (r.run).status) as event_type
    from unnest(p_run_ids, p_event_types, p_data) with ordinality as e (run_id, event_type, data, ord)
    -- Lateral: look-ups by id.
    cross join lateral (select o as run from stepbase.runs o where o.id = e.run_id limit 1) r
    order by e.ord
  ),
  made as (
    insert into stepbase.webhook_deliveries (app_code, subscription_id, event_type, run_id, payload)
    select
      s.app_code, s.id, e.event_type, (e.run).id,
      stepbase_engine.webhook_event(e.event_type, stepbase_engine.webhook_run_data(e.run) || e.data)
    from event e
    join stepbase.webhook_subscriptions s on s.app_code = (e.run).app_code
      and s.is_enabled
      and e.event_type = any(s.event_types)
      and (s.workflow_id is null or s.workflow_id = (e.run).workflow_id)
    on conflict do nothing
    returning subscription_id
  )
  select array_agg(distinct m.subscription_id), count(*) into v_subscriptions, v_count from made m;
  if v_count > 0 then
    update stepbase.webhook_subscriptions s
    set is_enabled = false, disabled_reason = format('%s deliveries were waiting', c_max_pending)
    where s.id = any(v_subscriptions)
      and c_max_pending < (
        select count(*)
        from (
          select 1 from stepbase.webhook_deliveries d
          where d.subscription_id = s.id and d.status = 'pending'
          limit c_max_pending + 1
        ) n
      );
    perform pg_notify('stepbase', 'due');
  end if;
  return v_count;
end;
$$;

comment on function stepbase_engine.announce_to_webhooks(uuid[], text[], jsonb[]) is
  'Writes the deliveries of events to the subscriptions that match and returns their number. By position: the run, the '
  'event type (null: the status of the ended run) and data to add. A repeated end of a run is not delivered again. '
  'Disables a subscription with more than 10000 pending deliveries.';

create function stepbase_engine.task_data(p_step stepbase.step_runs)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'task_id', p_step.id, 'step_id', p_step.step_id, 'step_type', p_step.step_type, 'item_index', p_step.item_index,
    'title', left(p_step.task ->> 'title', 1000), 'assigned_to', p_step.assigned_to,
    'assigned_roles', p_step.assigned_roles, 'deadline_at', p_step.deadline_at
  ));
$$;

comment on function stepbase_engine.task_data(stepbase.step_runs) is
  'What task.created tells about a task: {task_id, step_id, step_type, item_index?, title, assigned_to?, assigned_roles?, deadline_at?}.';

create function stepbase_engine.announce_tasks_to_webhooks(p_tasks stepbase.step_runs[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[];
  v_data jsonb[];
begin
  select array_agg(t.run_id), array_agg(stepbase_engine.task_data(t))
  into v_runs, v_data
  from unnest(p_tasks) t
  where exists (
    select 1 from stepbase.webhook_subscriptions w
    where w.app_code = t.app_code and w.is_enabled and 'task.created' = any(w.event_types)
  );
  if v_runs is not null then
    perform stepbase_engine.announce_to_webhooks(
      v_runs, array_fill('task.created'::text, array[cardinality(v_runs)]), v_data
    );
  end if;
end;
$$;

comment on function stepbase_engine.announce_tasks_to_webhooks(stepbase.step_runs[]) is
  'Writes the deliveries of task.created of these tasks, with their id, step and title.';

create function stepbase_engine.announce_ends_to_webhooks(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- A run that compensates is announced to its children, but has not ended.
  v_ended constant uuid[] := array(
    select r.id from stepbase.runs r where r.id = any(p_run_ids) and r.completed_at is not null
    order by r.completed_at
  );
begin
  if v_ended <> '{}' then
    perform stepbase_engine.announce_to_webhooks(
      v_ended, array_fill(null::text, array[cardinality(v_ended)]), array_fill('{}'::jsonb, array[cardinality(v_ended)])
    );
  end if;
end;
$$;

comment on function stepbase_engine.announce_ends_to_webhooks(uuid[]) is 'Announces the runs among these that have ended.';
