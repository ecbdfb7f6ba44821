-- Limits on concurrent runs: which apply to a run, and which slots its ancestors hold.

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
  'Returns what limits the concurrent runs of a workflow: the workflow itself and its task queue; null for no limit.';

create function stepbase_engine.slots_of_ancestors(p_parent_run_id uuid)
returns setof uuid
language sql
stable
set search_path = ''
as $$
  with recursive ancestor as (
    select r.id, r.parent_run_id from stepbase.runs r where r.id = p_parent_run_id
    union all
    select r.id, r.parent_run_id
    from ancestor a
    join stepbase.runs r on r.id = a.parent_run_id
  )
  select s.limit_id from ancestor a join stepbase_engine.run_slots s on s.run_id = a.id;
$$;

comment on function stepbase_engine.slots_of_ancestors(uuid) is
  'Returns the limits that the given run or one of its ancestors holds a concurrency slot of.';
