-- Totals of runs by workflow and project, and counters of steps, of the last 90 days. Maintenance computes them once an
-- hour from the buckets, so the cost does not depend on the number of runs.

create materialized view stepbase_private.workflow_statistics as
with slots as (
  select
    b.workflow_id, b.slot, sum(b.completed) as completed, sum(b.failed) as failed, sum(b.cancelled) as cancelled,
    sum(b.duration_ms) as duration_ms, sum(b.completed + b.failed + b.cancelled) as total
  from stepbase_engine.statistics_buckets b
  where b.step_id is null
  group by b.workflow_id, b.slot
),
placed as (
  select
    s.*,
    sum(s.total) filter (where s.slot >= 0) over (partition by s.workflow_id order by s.slot) as up_to,
    sum(s.total) filter (where s.slot >= 0) over (partition by s.workflow_id) as timed
  from slots s
),
ended as (
  select
    p.workflow_id, sum(p.completed) as completed, sum(p.failed) as failed, sum(p.cancelled) as cancelled,
    sum(p.total) as total, sum(p.duration_ms) / nullif(max(p.timed), 0) as avg_duration_ms,
    stepbase_engine.slot_duration(min(p.slot) filter (where p.up_to >= 0.95 * p.timed)) as p95_duration_ms
  from placed p
  group by p.workflow_id
),
step as (
  select b.workflow_id, sum(b.completed) as completed
  from stepbase_engine.statistics_buckets b
  where b.step_id is not null
  group by b.workflow_id
),
open as (
  select r.workflow_id, count(*) as runs, max(r.started_at) as last_run_at
  from stepbase.applications a
  join stepbase.runs r on r.app_code = a.app_code and r.status in ('pending', 'running', 'paused')
  group by r.workflow_id
)
select
  w.id as workflow_id,
  w.app_code,
  w.project_id,
  (coalesce(e.total, 0) + coalesce(o.runs, 0))::bigint as total_runs,
  coalesce(e.completed, 0)::bigint as completed_runs,
  coalesce(e.failed, 0)::bigint as failed_runs,
  coalesce(e.cancelled, 0)::bigint as cancelled_runs,
  coalesce(o.runs, 0) as open_runs,
  coalesce(round(e.avg_duration_ms), 0)::bigint as avg_duration_ms,
  e.p95_duration_ms,
  coalesce(s.completed, 0)::bigint as total_steps,
  greatest(
    o.last_run_at,
    -- The latest among the newest runs: pending ones have not started.
    (
      select max(l.started_at)
      from (
        select r.started_at from stepbase.runs r
        where r.workflow_id = w.id and r.app_code = w.app_code
        order by r.created_at desc
        limit 100
      ) l
    )
  ) as last_run_at,
  now() as refreshed_at
from stepbase.workflows w
left join ended e on e.workflow_id = w.id
left join step s on s.workflow_id = w.id
left join open o on o.workflow_id = w.id;

comment on materialized view stepbase_private.workflow_statistics is
  'Totals of runs by workflow: open ones, and those that ended in the last 90 days, from the buckets. Clients call '
  'stepbase.workflow_statistics().';

create unique index idx_workflow_statistics_workflow_id on stepbase_private.workflow_statistics (workflow_id);

create index idx_workflow_statistics_app_code on stepbase_private.workflow_statistics (app_code);

create materialized view stepbase_private.project_statistics as
select
  p.id as project_id,
  p.app_code,
  count(distinct s.workflow_id) as workflows,
  coalesce(sum(s.total_runs), 0)::bigint as total_workflow_executions,
  coalesce(sum(s.total_steps), 0)::bigint as total_activity_executions,
  coalesce(round(sum(s.avg_duration_ms * s.total_runs) / nullif(sum(s.total_runs), 0)), 0)::bigint
    as avg_execution_duration_ms,
  max(s.last_run_at) as last_execution_at,
  now() as refreshed_at
from stepbase.projects p
left join stepbase_private.workflow_statistics s on s.project_id = p.id
group by p.id, p.app_code;

comment on materialized view stepbase_private.project_statistics is 'Totals of runs by project; clients call stepbase.project_statistics().';

create unique index idx_project_statistics_project_id on stepbase_private.project_statistics (project_id);

create index idx_project_statistics_app_code on stepbase_private.project_statistics (app_code);

-- Security definer: materialized views have no row-level security, so clients reach them only through this function and
-- the next one, which check application and permission.
create function stepbase_private.read_workflow_statistics()
returns setof stepbase_private.workflow_statistics
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.require_named_app();
  return query
  select s.*
  from stepbase_private.workflow_statistics s
  where s.app_code = stepbase_private.app_code() and stepbase_private.has_permission('stats:read');
end;
$$;

comment on function stepbase_private.read_workflow_statistics() is 'Rows of stepbase_private.workflow_statistics of the caller''s application; none without stats:read.';
grant execute on function stepbase_private.read_workflow_statistics() to authenticated;

-- Security definer for the same reason.
create function stepbase_private.read_project_statistics()
returns setof stepbase_private.project_statistics
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.require_named_app();
  return query
  select s.*
  from stepbase_private.project_statistics s
  where s.app_code = stepbase_private.app_code() and stepbase_private.has_permission('stats:read');
end;
$$;

comment on function stepbase_private.read_project_statistics() is 'Rows of stepbase_private.project_statistics of the caller''s application; none without stats:read.';
grant execute on function stepbase_private.read_project_statistics() to authenticated;

create function stepbase.workflow_statistics()
returns table (
  workflow_id uuid,
  total_runs bigint,
  completed_runs bigint,
  failed_runs bigint,
  cancelled_runs bigint,
  open_runs bigint,
  avg_duration_ms bigint,
  p95_duration_ms bigint,
  total_steps bigint,
  last_run_at timestamptz,
  refreshed_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select
    s.workflow_id, s.total_runs, s.completed_runs, s.failed_runs, s.cancelled_runs, s.open_runs, s.avg_duration_ms,
    s.p95_duration_ms, s.total_steps, s.last_run_at, s.refreshed_at
  from stepbase_private.read_workflow_statistics() s;
$$;

comment on function stepbase.workflow_statistics() is
  'Totals of runs by workflow of the caller''s application, of the last 90 days, as of refreshed_at; no rows without stats:read. '
  'Durations are in milliseconds, p95_duration_ms is at most 10 % off.';
grant execute on function stepbase.workflow_statistics() to authenticated;

create function stepbase.project_statistics()
returns table (
  project_id uuid,
  workflows bigint,
  total_workflow_executions bigint,
  total_activity_executions bigint,
  avg_execution_duration_ms bigint,
  last_execution_at timestamptz,
  refreshed_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select
    s.project_id, s.workflows, s.total_workflow_executions, s.total_activity_executions,
    s.avg_execution_duration_ms, s.last_execution_at, s.refreshed_at
  from stepbase_private.read_project_statistics() s;
$$;

comment on function stepbase.project_statistics() is
  'Totals of runs by project of the caller''s application, of the last 90 days, as of refreshed_at; no rows without stats:read. '
  'Durations are in milliseconds.';
grant execute on function stepbase.project_statistics() to authenticated;

create function stepbase_engine.refresh_statistics()
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.activity_statistics as a (
    app_code, workflow_id, step_type, component_id, execution_count, success_count, failure_count,
    avg_duration_ms, min_duration_ms, max_duration_ms, last_executed_at
  )
  select
    b.app_code, b.workflow_id, b.step_type, b.component_id,
    sum(b.completed + b.failed), sum(b.completed), sum(b.failed),
    coalesce(
      round(sum(b.duration_ms) / nullif(sum(b.completed + b.failed + b.cancelled) filter (where b.slot >= 0), 0)), 0
    ),
    stepbase_engine.slot_duration(min(b.slot) filter (where b.slot >= 0)),
    stepbase_engine.slot_duration(max(b.slot) filter (where b.slot >= 0)),
    max(b.bucket_at)
  from stepbase_engine.statistics_buckets b
  where b.step_id is not null and b.completed + b.failed > 0
  group by grouping sets (
    (b.app_code, b.workflow_id, b.step_type, b.component_id),
    (b.app_code, b.step_type, b.component_id)
  )
  on conflict on constraint statistics_are_one_row_per_activity do update set
    execution_count = excluded.execution_count,
    success_count = excluded.success_count,
    failure_count = excluded.failure_count,
    avg_duration_ms = excluded.avg_duration_ms,
    min_duration_ms = excluded.min_duration_ms,
    max_duration_ms = excluded.max_duration_ms,
    last_executed_at = excluded.last_executed_at
  where (a.execution_count, a.last_executed_at) is distinct from (excluded.execution_count, excluded.last_executed_at);

  refresh materialized view concurrently stepbase_private.workflow_statistics;
  refresh materialized view concurrently stepbase_private.project_statistics;
end;
$$;

comment on function stepbase_engine.refresh_statistics() is
  'Computes activity_statistics from the buckets, and refreshes the materialized views. It reads no ended run or step.';
