-- wait: handlers ask to wait for time, a person, a signal, a work queue, items, a callback, the tools of an agent or
-- another run. The token
-- ends, and the engine creates a new one when the wait is over.

create function stepbase_engine.wait(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_fences int[],
  p_inputs jsonb[],
  p_waits jsonb[]
)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_parents uuid[];
  v_items jsonb[];
  v_concurrency int[];
  v_child_steps uuid[];
  v_children jsonb[];
  v_queues uuid[];
  v_agents uuid[];
  v_unassignable uuid[];
  v_unassignable_runs uuid[];
  v_unassignable_errors jsonb[];
  v_jobs uuid[];
  v_has_tasks boolean;
  v_mailed uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  -- Lock order: runs (2), then jobs (5, in end_tokens), then work queues (6, in wait_for_items).
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  with request as (
    select r.*, s.job_id
    from unnest(p_step_run_ids, p_fences, p_inputs, p_waits)
      with ordinality as r (id, fence, input, wait, ord)
    join stepbase.step_runs s on s.id = r.id
  ),
  -- waiting: adds which of the assignee and the role of a task is unknown in the app.
  waiting as (
    update stepbase.step_runs s
    set
      status = 'waiting',
      job_id = null,
      input = r.input,
      wait_kind = r.wait ->> 'kind',
      wake_at = coalesce(
        (r.wait ->> 'wake_at')::timestamptz,
        case when stepbase_engine.has_alarms(r.wait -> 'task') then
          stepbase_engine.next_task_alarm(
            r.wait -> 'task', s.started_at, stepbase_engine.task_time(v_now, r.wait -> 'timeout_ms'), false, v_now
          )
        else v_now
          + least((r.wait ->> 'timeout_ms')::numeric, (r.wait ->> 'heartbeat_timeout_ms')::numeric)
          * interval '1 millisecond' end
      ),
      deadline_at = case when r.wait ->> 'kind' in ('task', 'signal', 'queue', 'child', 'callback', 'tools')
        then v_now + (r.wait ->> 'timeout_ms')::numeric * interval '1 millisecond' end,
      signal_name = r.wait ->> 'signal_name',
      work_queue_id = (r.wait ->> 'work_queue_id')::uuid,
      task = r.wait -> 'task',
      assigned_to = (
        select m.user_id from stepbase.app_members m
        where m.app_code = s.app_code and m.user_id::text = lower(r.wait #>> '{task,assigned_to}')
      ),
      -- An array of ids is for several persons.
      assigned_users = case when jsonb_typeof(r.wait #> '{task,assigned_to}') = 'array' then (
        select array_agg(m.user_id order by m.user_id)
        from stepbase.app_members m
        where m.app_code = s.app_code and lower(r.wait #>> '{task,assigned_to}')::jsonb ? m.user_id::text
      ) end,
      assigned_at = case when r.wait #>> '{task,assigned_to}' is not null then v_now end,
      -- role is a name or an array of names; the operator finds a name in either.
      assigned_roles = case when r.wait #> '{task,role}' is not null then (
        select array_agg(a.name order by a.ordinal, a.name)
        from stepbase.app_roles a
        where a.app_code = s.app_code and r.wait #> '{task,role}' ? a.name
      ) end,
      updated_at = v_now
    from request r
    where s.id = r.id and s.status = 'running' and s.fence = r.fence
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.wait_kind, s.wake_at,
      s.work_queue_id, r.job_id, s.task, r.wait, r.ord,
      case
        when s.assigned_at is not null and s.assigned_to is null and coalesce(cardinality(s.assigned_users), 0) < (
          select count(distinct lower(n.id #>> '{}')) from jsonb_path_query(r.wait #> '{task,assigned_to}', 'lax $[*]') n (id)
        ) then 'assignee'
        when r.wait #> '{task,role}' is not null and coalesce(cardinality(s.assigned_roles), 0) < (
          select count(distinct n.name) from jsonb_path_query(r.wait #> '{task,role}', 'lax $[*]') n (name)
        ) then 'role'
        when s.task ? 'escalate' then stepbase_engine.unknown_in_escalation(s.app_code, s.task -> 'escalate')
      end as unknown
  )
  select
    array_agg(w.id order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg(w.wait -> 'items' order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg((w.wait ->> 'concurrency')::int order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg(w.id order by w.ord) filter (where w.wait_kind = 'child'),
    array_agg(w.wait -> 'child' order by w.ord) filter (where w.wait_kind = 'child'),
    array_agg(distinct w.work_queue_id) filter (where w.wait_kind = 'queue'),
    array_agg(w.id order by w.ord) filter (where w.wait_kind = 'tools'),
    array_agg(w.id order by w.ord) filter (where w.unknown is not null),
    array_agg(w.run_id order by w.ord) filter (where w.unknown is not null),
    array_agg(
      jsonb_build_object(
        'code', 'unknown_' || replace(w.unknown, 'escalation ', ''),
        'message', case w.unknown
          when 'role' then format('role names a role that the application does not have: %s', w.task -> 'role')
          when 'assignee' then format('The application has no member with the id %s', w.task -> 'assigned_to')
          else format('escalate names a user or a role that the application does not have: %s', w.task -> 'escalate') end,
        'retryable', false
      ) order by w.ord
    ) filter (where w.unknown is not null),
    array_agg(distinct w.job_id),
    bool_or(w.wait_kind = 'task' and w.unknown is null),
    array_agg(w.id order by w.ord) filter (where w.unknown is null and w.task -> 'notify' = 'true'),
    array_agg(
      stepbase_engine.step_event(
        case when w.wait_kind = 'task' and w.unknown is null then 'task.created' else 'step.waiting' end,
        w.run_id, w.app_code, w.step_id, w.item_index, w.attempt, 'waiting',
        p_payload => jsonb_strip_nulls(jsonb_build_object(
          'wait_kind', w.wait_kind, 'wake_at', w.wake_at, 'title', w.task -> 'title'
        ))
      ) order by w.ord
    )
  into
    v_parents, v_items, v_concurrency, v_child_steps, v_children, v_queues, v_agents, v_unassignable,
    v_unassignable_runs, v_unassignable_errors, v_jobs, v_has_tasks, v_mailed, v_events
  from waiting w;
  if v_events is null then
    return;
  end if;

  perform stepbase_engine.append_events(v_events);
  perform stepbase_engine.end_tokens(v_jobs);
  if v_has_tasks then
    perform stepbase_engine.announce_tasks(v_events);
  end if;
  if v_mailed is not null then
    perform stepbase_engine.mail_task(s, 'created') from stepbase.step_runs s where s.id = any(v_mailed);
  end if;
  if v_parents is not null then
    perform stepbase_engine.expand_items(v_parents, v_items, v_concurrency);
  end if;
  if v_child_steps is not null then
    perform stepbase_engine.start_children(v_child_steps, v_children);
  end if;
  if v_queues is not null then
    perform stepbase_engine.wait_for_items(v_queues);
  end if;
  if v_agents is not null then
    perform stepbase_engine.continue_agents(v_agents);
  end if;
  -- A task with an unknown assignee must not be open to everyone.
  if v_unassignable is not null then
    perform stepbase_engine.fail(
      v_unassignable_runs, v_unassignable, array_fill(null::int, array[cardinality(v_unassignable)]),
      array_fill(null::jsonb, array[cardinality(v_unassignable)]), v_unassignable_errors
    );
  end if;
  perform stepbase_engine.deliver_signals(p_run_ids);
  perform pg_notify('stepbase', 'due');
end;
$$;

comment on function stepbase_engine.wait(uuid[], uuid[], int[], jsonb[], jsonb[]) is
  'Sets step runs to waiting, by position: run, step run, fence, resolved config and {kind, wake_at?, timeout_ms?, …}, '
  'with kind task (task: {title, description?, form?, assigned_to?, role?, …}; assigned_to: an id or an array of ids; '
  'role: a name or an array of names), delay, signal (signal_name), queue (work_queue_id), items (items, concurrency), '
  'callback (heartbeat_timeout_ms?), tools (those of the stored turn of an agent) or child (child: {workflow, input, wait, parent_close_policy}). A task with an '
  'unknown assignee or role fails with unknown_assignee or unknown_role. A stale fence changes nothing.';
