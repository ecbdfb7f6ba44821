-- enqueue_run: a pending run gets its token at once, or waits in the backlog until admit lets it in: if the run is
-- under a limit, if other runs of its app wait already, or if its app has enough tokens in the queue.

create function stepbase_engine.max_queued_per_app()
returns int
language sql
immutable
set search_path = ''
as 'select 200';

comment on function stepbase_engine.max_queued_per_app() is
  'How many rounds ahead of the front of the queue the starts of an app may be; further runs wait in the backlog. Large '
  'enough to keep workers busy, small enough for priorities of waiting runs to matter.';

create function stepbase_engine.queue_capacity(p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  select greatest(
    stepbase_engine.max_queued_per_app()
    - coalesce(stepbase_engine.last_round(p_app_code) - stepbase_engine.front_round() + 1, 0),
    0
  );
$$;

comment on function stepbase_engine.queue_capacity(text) is
  'Returns how many more runs of an app may enter the queue now.';

create function stepbase_engine.check_waiting_runs(p_app_code text, p_more int default 1)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_max_waiting int;
begin
  select a.max_waiting_runs into v_max_waiting
  from stepbase.applications a where a.app_code = p_app_code;
  if v_max_waiting is not null and v_max_waiting < p_more + (
    select count(*)
    from (
      (select 1 from stepbase_engine.run_backlog b where b.app_code = p_app_code limit v_max_waiting)
      union all
      (select 1 from stepbase_engine.flow_backlog f where f.app_code = p_app_code limit v_max_waiting)
      union all
      (
        select 1 from stepbase.runs r
        where r.app_code = p_app_code and r.held_by is not null and r.status = 'pending'
        limit v_max_waiting
      )
    ) w
  ) then
    perform stepbase_private.raise_error(
      'limit_reached',
      format('The application already has %s runs waiting to start, its maximum (max_waiting_runs)', v_max_waiting),
      jsonb_build_object('max_waiting_runs', v_max_waiting)
    );
  end if;
end;
$$;

comment on function stepbase_engine.check_waiting_runs(text, int) is
  'Raises SB429 limit_reached if p_more further runs would exceed max_waiting_runs of the application. Runs in the backlogs '
  'and held runs count.';

create function stepbase_engine.enqueue_run(
  p_run stepbase.runs, p_may_refuse boolean default false, p_passed text default null
)
returns boolean
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_workflow_limit uuid;
  v_queue_limit uuid;
  v_ancestor_slots uuid[];
  v_token uuid;
  v_has_flow_controls boolean;
  v_group_is_empty boolean;
begin
  -- limits_of, inlined: calling it costs more than the look-ups.
  select
    case when w.max_concurrent_executions is not null then w.id end,
    case when q.max_concurrent_workflows is not null then q.id end,
    w.has_flow_controls
  into v_workflow_limit, v_queue_limit, v_has_flow_controls
  from stepbase.workflows w
  left join stepbase.task_queues q on q.id = coalesce(
    w.task_queue_id,
    (select d.id from stepbase.task_queues d where d.app_code = w.app_code and d.name = 'default')
  )
  where w.id = p_run.workflow_id;
  if v_has_flow_controls and stepbase_engine.hold_in_flow(p_run, p_passed, p_may_refuse) then
    return true;
  end if;
  -- A child shares the slot of its parent. With a slot of its own, parents that wait for children could hold
  -- all slots and wait forever.
  if p_run.parent_run_id is not null
    and (v_workflow_limit is not null or v_queue_limit is not null)
  then
    v_ancestor_slots := array(select stepbase_engine.slots_of_ancestors(p_run.parent_run_id));
    if v_workflow_limit = any(v_ancestor_slots) then
      v_workflow_limit := null;
    end if;
    if v_queue_limit = any(v_ancestor_slots) then
      v_queue_limit := null;
    end if;
  end if;

  v_group_is_empty := not exists (
    select 1 from stepbase_engine.run_backlog b
    where b.app_code = p_run.app_code
      and b.workflow_limit = coalesce(v_workflow_limit, c_none)
      and b.queue_limit = coalesce(v_queue_limit, c_none)
      and b.arrival >= (select s.last_value from stepbase_engine.backlog_start s)
      and b.workflow_limit < 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  );
  if v_workflow_limit is null and v_queue_limit is null and v_group_is_empty then
    v_token := stepbase_engine.create_first_token(p_run, stepbase_engine.max_queued_per_app());
    if v_token is not null then
      if p_run.priority > 0 then
        perform stepbase_engine.prioritize_job(v_token, p_run.app_code, p_run.priority);
      end if;
      return p_run.is_limited;
    end if;
  end if;

  if p_may_refuse then
    perform stepbase_engine.check_waiting_runs(p_run.app_code);
  end if;

  insert into stepbase_engine.run_backlog (run_id, app_code, workflow_limit, queue_limit, priority)
  values (
    p_run.id, p_run.app_code, coalesce(v_workflow_limit, c_none), coalesce(v_queue_limit, c_none),
    p_run.priority
  )
  on conflict (run_id) do nothing;
  if v_workflow_limit is not null or v_queue_limit is not null then
    update stepbase.runs r set is_limited = true where r.id = p_run.id and not r.is_limited;
  end if;
  -- Only for the first of a group: workers know of the others, and notifying is costly (see create_tokens).
  if v_group_is_empty then
    perform pg_notify('stepbase', 'admit');
  end if;
  return p_run.is_limited or v_workflow_limit is not null or v_queue_limit is not null;
end;
$$;

comment on function stepbase_engine.enqueue_run(stepbase.runs, boolean, text) is
  'Gives a pending run its token, or puts it into the backlog if it is under a limit, other runs of its app wait, or its '
  'app has enough in the queue. A flow control that the run has not passed (p_passed: the last kind that it passed) holds '
  'it before that. Returns whether the run is under a limit. With p_may_refuse it raises SB429 when max_waiting_runs of the '
  'application wait. Call it in the transaction that makes the run pending.';
