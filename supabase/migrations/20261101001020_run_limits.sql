-- Limits on concurrent runs, where they begin and end: a run gives its place back in the statement
-- that ends it, whichever that is, and a limit that changes counts what is under way already.

create function stepbase_engine.release_run_slots()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform stepbase_engine.release_slots(array[new.id]);
  return null;
end;
$$;

comment on function stepbase_engine.release_run_slots() is 'Trigger: a run that has ended frees the places it took up under limits.';

-- Runs without a limit pay for the comparison only.
create trigger runs_leave_limits
after update of status on stepbase.runs
for each row when (new.is_limited and new.completed_at is not null)
execute function stepbase_engine.release_run_slots();

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
    -- Paused before it started, it is in no line and takes up nothing.
    and (r.status <> 'paused' or r.started_at is not null)
  where w.id = any(p_workflow_ids);
$$;

comment on function stepbase_engine.open_runs_of_workflows(uuid[]) is
'The runs of workflows that wait for a place under their limits, or would take one up.';

create function stepbase_engine.apply_run_limits(p_workflow_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_runs uuid[];
begin
  -- Nobody is admitted meanwhile by the limits of before.
  perform 1 from stepbase_engine.admission a for update;
  -- Runs before their places in line, as whoever ends a run does.
  perform 1 from stepbase.runs r
  where r.id in (select u.id from stepbase_engine.open_runs_of_workflows(p_workflow_ids) u) and r.completed_at is null
  order by r.id for no key update;
  -- While that waited for locks, others may have started by the limits of before. Who holds one of those may wait
  -- for one of the first: it is left to stepbase_engine.reconcile_admission.
  select array_agg(l.id) into v_runs
  from (
    select r.id from stepbase.runs r
    where r.id in (select u.id from stepbase_engine.open_runs_of_workflows(p_workflow_ids) u) and r.completed_at is null
    for no key update skip locked
  ) l;

  -- A child has its place within its parent's, also when both were there before the limit.
  with recursive line as (
    select r.id, r.id as ancestor_id, r.parent_run_id from stepbase.runs r where r.id = any(v_runs)
    union all
    select l.id, a.id, a.parent_run_id
    from line l
    join stepbase.runs a on a.id = l.parent_run_id and a.completed_at is null
  ),
  wanted as (
    select l.id, l.ancestor_id, i.limit_id
    from line l
    join stepbase.runs r on r.id = l.ancestor_id
    cross join lateral stepbase_engine.limits_of(r.workflow_id) o
    cross join lateral (values (o.workflow_limit), (o.queue_limit)) as i (limit_id)
    where i.limit_id is not null
  ),
  own as (
    select w.id, w.limit_id
    from wanted w
    where w.ancestor_id = w.id
      and not exists (
        select 1 from wanted a
        where a.id = w.id and a.limit_id = w.limit_id and a.ancestor_id <> w.id
      )
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select o.id from own o) and not r.is_limited
  ),
  moved as (
    update stepbase_engine.run_backlog w
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
    where r.id = w.run_id and r.id = any(v_runs)
    returning w.run_id
  )
  insert into stepbase_engine.run_slots (run_id, limit_id)
  select o.id, o.limit_id
  from own o
  where not exists (select 1 from moved m where m.run_id = o.id)
  on conflict do nothing;
  perform pg_notify('stepbase', 'admit');
end;
$$;

comment on function stepbase_engine.apply_run_limits(uuid[]) is
'After the limits of workflows changed: those who wait are in the right line, and runs under way count, children within '
'their parents.';

create function stepbase_engine.apply_workflow_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: whoever may change the workflow may not touch the engine's tables.
begin
  perform stepbase_engine.apply_run_limits(array[new.id]);
  return null;
end;
$$;

comment on function stepbase_engine.apply_workflow_limit() is 'Trigger: the limit on runs of a workflow changed.';

create trigger workflows_follow_limit
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
  perform stepbase_engine.apply_run_limits(array(
    select w.id from stepbase.workflows w
    where w.app_code = new.app_code
      and (w.task_queue_id = new.id or (w.task_queue_id is null and new.name = 'default'))
  ));
  return null;
end;
$$;

comment on function stepbase_engine.apply_queue_limit() is 'Trigger: the limit on runs of a task queue changed.';

create trigger task_queues_follow_limit
after update of max_concurrent_workflows on stepbase.task_queues
for each row when (new.max_concurrent_workflows is distinct from old.max_concurrent_workflows)
execute function stepbase_engine.apply_queue_limit();
