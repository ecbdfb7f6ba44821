-- Limits on concurrent runs that change: the new limit counts the runs that are in flight already.

create function stepbase_engine.open_runs_of_workflows(p_workflow_ids uuid[])
returns setof stepbase.runs
language sql
stable
set search_path = ''
as $$
  select r.*
  from stepbase.workflows w
  join stepbase.runs r
    on r.app_code = w.app_code and r.workflow_id = w.id and r.status in ('pending', 'running', 'paused')
    -- A run that was paused before it started is not in the backlog and holds no slot.
    and (r.status <> 'paused' or r.started_at is not null)
    -- Neither does a held run.
    and r.held_by is null
  where w.id = any(p_workflow_ids);
$$;

comment on function stepbase_engine.open_runs_of_workflows(uuid[]) is
  'Returns the open runs of workflows that wait for a concurrency slot, or would hold one under a new limit.';

create function stepbase_engine.apply_run_limits(p_workflow_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_runs uuid[];
begin
  -- Lock order: admission (1): no run is admitted under the old limits meanwhile.
  perform 1 from stepbase_engine.admission a for update;
  -- Then runs (2) and the backlog (3), in the order of end_runs.
  perform 1 from stepbase.runs r
  where r.id in (select u.id from stepbase_engine.open_runs_of_workflows(p_workflow_ids) u) and r.completed_at is null
  order by r.id for no key update;
  -- Runs may have started under the old limits while we waited for locks. Skip those that are locked now:
  -- waiting could deadlock. reconcile_admission counts them.
  select array_agg(l.id) into v_runs
  from (
    select r.id from stepbase.runs r
    where r.id in (select u.id from stepbase_engine.open_runs_of_workflows(p_workflow_ids) u) and r.completed_at is null
      -- It requests its slots after the release of the incident switch, and waits in its group until then.
      and not exists (
        select 1 from stepbase_engine.run_backlog b
        where b.run_id = r.id and b.workflow_limit = stepbase_engine.suspended_group()
      )
    for no key update skip locked
  ) l;

  -- chain: each run with its open ancestors.
  with recursive chain as (
    select r.id, r.id as ancestor_id, r.parent_run_id from stepbase.runs r where r.id = any(v_runs)
    union all
    select c.id, a.id, a.parent_run_id
    from chain c
    join stepbase.runs a on a.id = c.parent_run_id and a.completed_at is null
  ),
  -- applicable: the limits on each run of a chain.
  applicable as (
    select c.id, c.ancestor_id, i.limit_id
    from chain c
    join stepbase.runs r on r.id = c.ancestor_id
    cross join lateral stepbase_engine.limits_of(r.workflow_id) o
    cross join lateral (values (o.workflow_limit), (o.queue_limit)) as i (limit_id)
    where i.limit_id is not null
  ),
  -- own: without the limits that an ancestor is under, whose slot the run shares.
  own as (
    select p.id, p.limit_id
    from applicable p
    where p.ancestor_id = p.id
      and not exists (
        select 1 from applicable a
        where a.id = p.id and a.limit_id = p.limit_id and a.ancestor_id <> p.id
      )
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select o.id from own o) and not r.is_limited
  ),
  -- moved: waiting runs change to the group of their limits; the other runs get their slots.
  moved as (
    update stepbase_engine.run_backlog b
    set
      workflow_limit = coalesce(n.workflow_limit, c_none),
      queue_limit = coalesce(n.queue_limit, c_none)
    from stepbase.runs r
    cross join lateral (
      select
        (select o.limit_id from own o where o.id = r.id and o.limit_id = l.workflow_limit)
          as workflow_limit,
        (select o.limit_id from own o where o.id = r.id and o.limit_id = l.queue_limit)
          as queue_limit
      from stepbase_engine.limits_of(r.workflow_id) l
    ) n
    where r.id = b.run_id and r.id = any(v_runs)
    returning b.run_id
  )
  insert into stepbase_engine.run_slots (run_id, limit_id)
  select o.id, o.limit_id
  from own o
  where not exists (select 1 from moved m where m.run_id = o.id)
    -- A run that waits for a flow control gets its slots afterwards. With one now it would wait for itself.
    and not exists (select 1 from stepbase_engine.flow_backlog f where f.run_id = o.id)
  on conflict do nothing;
  perform pg_notify('stepbase', 'admit');
end;
$$;

comment on function stepbase_engine.apply_run_limits(uuid[]) is
  'Applies changed limits to the open runs of workflows: waiting runs move to the group of their limits, started runs get '
  'concurrency slots, and children share the slot of their parent. Locks admission, then the runs.';

create function stepbase_engine.apply_workflow_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: members who may change a workflow have no access to the engine's tables.
begin
  if new.max_concurrent_executions is not null and old.max_concurrent_executions is not null
    and new.task_queue_id is not distinct from old.task_queue_id
  then
    -- Another number: the runs have their groups and slots already.
    perform pg_notify('stepbase', 'admit');
  else
    perform stepbase_engine.apply_run_limits(array[new.id]);
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_workflow_limit() is
  'Trigger: applies a changed limit on the runs of a workflow. Another number of an existing limit changes no run.';

create trigger workflows_apply_run_limit
after update of max_concurrent_executions, task_queue_id on stepbase.workflows
for each row when (
  new.max_concurrent_executions is distinct from old.max_concurrent_executions
  or new.task_queue_id is distinct from old.task_queue_id
)
execute function stepbase_engine.apply_workflow_limit();

create function stepbase_engine.apply_queue_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: as above.
begin
  if new.max_concurrent_workflows is not null and old.max_concurrent_workflows is not null then
    perform pg_notify('stepbase', 'admit');
  else
    perform stepbase_engine.apply_run_limits(array(
      select w.id from stepbase.workflows w
      where w.app_code = new.app_code
        and (w.task_queue_id = new.id or (w.task_queue_id is null and new.name = 'default'))
    ));
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_queue_limit() is
  'Trigger: applies a changed limit on the runs of a task queue. Another number of an existing limit changes no run.';

create trigger task_queues_apply_run_limit
after update of max_concurrent_workflows on stepbase.task_queues
for each row when (new.max_concurrent_workflows is distinct from old.max_concurrent_workflows)
execute function stepbase_engine.apply_queue_limit();
