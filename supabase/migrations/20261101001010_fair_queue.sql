-- The fair queue: a pending run gets its token at once, unless its application has a backlog, has enough
-- jobs in the queue, or the run is under a limit. Those runs wait in stepbase_engine.run_backlog until
-- stepbase_engine.admit lets them in (*_admission.sql).

create function stepbase_engine.max_queued_per_app()
returns int
language sql
immutable
set search_path = ''
as 'select 200';

comment on function stepbase_engine.max_queued_per_app() is
'How many turns an app''s runs to start may be ahead of the front of the queue. It keeps workers busy, and short '
'enough for an urgent run to matter.';

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
'How many more tokens of runs to start the queue has room for, of one app.';

create function stepbase_engine.limits_of(p_workflow_id uuid)
returns table (workflow_limit uuid, queue_limit uuid)
language sql
stable
set search_path = ''
as $$
  select
    case when w.max_concurrent_executions is not null then w.id end,
    (
      select q.id from stepbase.task_queues q
      where q.max_concurrent_workflows is not null and q.id = coalesce(
        w.task_queue_id,
        (
          select d.id from stepbase.task_queues d
          where d.app_code = w.app_code and d.name = 'default'
        )
      )
    )
  from stepbase.workflows w
  where w.id = p_workflow_id;
$$;

comment on function stepbase_engine.limits_of(uuid) is
'What limits how many runs of a workflow are under way at once: the workflow itself and its task queue (null: not).';

create function stepbase_engine.slots_of_ancestors(p_parent_run_id uuid)
returns setof uuid
language sql
stable
set search_path = ''
as $$
  with recursive line as (
    select r.id, r.parent_run_id from stepbase.runs r where r.id = p_parent_run_id
    union all
    select r.id, r.parent_run_id
    from line l
    join stepbase.runs r on r.id = l.parent_run_id
  )
  select p.limit_id from line l join stepbase_engine.run_slots p on p.run_id = l.id;
$$;

comment on function stepbase_engine.slots_of_ancestors(uuid) is
'The limits that a run or one of its ancestors takes up a place of.';

create function stepbase_engine.enqueue_run(p_run stepbase.runs, p_may_refuse boolean default false)
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
  v_held uuid[];
  v_token uuid;
  v_most int;
  v_is_first boolean;
begin
  -- stepbase_engine.limits_of, without the price of calling it for each run.
  select
    case when w.max_concurrent_executions is not null then w.id end,
    case when q.max_concurrent_workflows is not null then q.id end
  into v_workflow_limit, v_queue_limit
  from stepbase.workflows w
  left join stepbase.task_queues q on q.id = coalesce(
    w.task_queue_id,
    (select d.id from stepbase.task_queues d where d.app_code = w.app_code and d.name = 'default')
  )
  where w.id = p_run.workflow_id;
  -- A child has its place within its parent's: parents that wait for children that wait for places
  -- that parents take up would never end.
  if p_run.parent_run_id is not null
    and (v_workflow_limit is not null or v_queue_limit is not null)
  then
    v_held := array(select stepbase_engine.slots_of_ancestors(p_run.parent_run_id));
    if v_workflow_limit = any(v_held) then
      v_workflow_limit := null;
    end if;
    if v_queue_limit = any(v_held) then
      v_queue_limit := null;
    end if;
  end if;

  v_is_first := not exists (
    select 1 from stepbase_engine.run_backlog w
    where w.app_code = p_run.app_code
      and w.workflow_limit = coalesce(v_workflow_limit, c_none)
      and w.queue_limit = coalesce(v_queue_limit, c_none)
  );
  if v_workflow_limit is null and v_queue_limit is null and v_is_first then
    v_token := stepbase_engine.create_first_token(p_run, stepbase_engine.max_queued_per_app());
    if v_token is not null then
      if p_run.priority > 0 then
        perform stepbase_engine.prioritize_job(v_token, p_run.app_code, p_run.priority);
      end if;
      return p_run.is_limited;
    end if;
  end if;

  if p_may_refuse then
    select a.max_waiting_runs into v_most
    from stepbase.applications a where a.app_code = p_run.app_code;
    if v_most is not null and v_most = (
      select count(*)
      from (
        select 1 from stepbase_engine.run_backlog w where w.app_code = p_run.app_code limit v_most
      ) w
    ) then
      perform stepbase_private.raise_error(
        'limit_reached', format('%s runs wait to start already', v_most),
        jsonb_build_object('max_waiting_runs', v_most)
      );
    end if;
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
  -- Workers know of a line that others stand in; see stepbase_engine.create_tokens on notifying.
  if v_is_first then
    perform pg_notify('stepbase', 'admit');
  end if;
  return p_run.is_limited or v_workflow_limit is not null or v_queue_limit is not null;
end;
$$;

comment on function stepbase_engine.enqueue_run(stepbase.runs, boolean) is
'Gives a pending run its token, in the transaction that makes it pending, or a place in the waiting room when it is '
'under a limit, others of its app wait already or its app has enough in the queue; returns whether it is under a limit. p_may_refuse: SB429 when as many '
'wait as the application allows.';

create function stepbase_engine.remove_from_backlog(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- In this order: should one of them be admitted right now, this waits for it and then sees its place.
  delete from stepbase_engine.run_backlog w where w.run_id = any(p_run_ids);
  perform stepbase_engine.release_slots(p_run_ids);
end;
$$;

comment on function stepbase_engine.remove_from_backlog(uuid[]) is
'Takes runs out of the waiting room, and their places from them. The caller has locked the runs.';

create function stepbase_engine.release_slots(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  delete from stepbase_engine.run_slots p where p.run_id = any(p_run_ids);
  -- Whether a run of the app waits for a place: those that wait for room only come first in the index.
  if found and exists (
    select 1
    from stepbase.runs r
    cross join lateral (
      select 1 from stepbase_engine.run_backlog w
      where w.app_code = r.app_code
        and (w.workflow_limit, w.queue_limit) > (c_none, c_none)
      limit 1
    ) w
    where r.id = any(p_run_ids)
  ) then
    perform pg_notify('stepbase', 'admit');
  end if;
end;
$$;

comment on function stepbase_engine.release_slots(uuid[]) is
'Frees the places that runs take up under limits, and has waiting runs admitted.';
