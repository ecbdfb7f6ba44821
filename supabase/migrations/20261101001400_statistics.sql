-- Statistics: counters of steps by workflow and component, and totals of runs by workflow and project. Maintenance
-- refreshes them.

create table stepbase.activity_statistics (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  component_id uuid references stepbase.components (id) on delete cascade,
  step_type text not null references stepbase.step_types (name),
  workflow_id uuid,
  execution_count bigint not null default 0,
  success_count bigint not null default 0,
  failure_count bigint not null default 0,
  avg_duration_ms bigint not null default 0,
  min_duration_ms bigint,
  max_duration_ms bigint,
  last_executed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint statistics_are_one_row_per_activity
    unique nulls not distinct (app_code, workflow_id, step_type, component_id),
  constraint counts_add_up check (execution_count = success_count + failure_count),
  constraint counts_are_not_negative check (success_count >= 0 and failure_count >= 0),
  constraint durations_are_ordered check (min_duration_ms <= max_duration_ms),
  constraint statistics_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase.activity_statistics is
  'Counters of ended step attempts by workflow, step type and component. workflow_id null: over all workflows of the '
  'application. Written by stepbase_engine.refresh_statistics().';
comment on column stepbase.activity_statistics.component_id is 'Component that implements the step; null if none does.';
comment on column stepbase.activity_statistics.avg_duration_ms is 'Average duration of an attempt in milliseconds.';

create index idx_activity_statistics_workflow_id_app_code on stepbase.activity_statistics (workflow_id, app_code);
create index idx_activity_statistics_component_id on stepbase.activity_statistics (component_id);
create index idx_activity_statistics_step_type on stepbase.activity_statistics (step_type);
create index idx_activity_statistics_last_executed_at on stepbase.activity_statistics (last_executed_at desc);

create trigger activity_statistics_touch_updated_at before update on stepbase.activity_statistics
  for each row execute function stepbase_private.touch_updated_at();

alter table stepbase.activity_statistics enable row level security;

grant select on stepbase.activity_statistics to authenticated;
grant select, insert, update, delete on stepbase.activity_statistics to service_role;

create policy "Members read their statistics" on stepbase.activity_statistics
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('stats:read')));

create materialized view stepbase_private.workflow_statistics as
select
  w.id as workflow_id,
  w.app_code,
  w.project_id,
  count(r.id) as total_runs,
  count(r.id) filter (where r.status = 'completed') as completed_runs,
  count(r.id) filter (where r.status in ('failed', 'timed_out')) as failed_runs,
  count(r.id) filter (where r.status = 'cancelled') as cancelled_runs,
  count(r.id) filter (where r.completed_at is null) as open_runs,
  coalesce(round(avg(r.duration_ms)), 0)::bigint as avg_duration_ms,
  percentile_disc(0.95) within group (order by r.duration_ms) as p95_duration_ms,
  coalesce(sum(r.steps_completed), 0)::bigint as total_steps,
  max(r.started_at) as last_run_at,
  now() as refreshed_at
from stepbase.workflows w
left join stepbase.runs r on r.workflow_id = w.id and r.app_code = w.app_code
group by w.id, w.app_code, w.project_id;

comment on materialized view stepbase_private.workflow_statistics is 'Totals of runs by workflow; clients call stepbase.workflow_statistics().';

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
  'Totals of runs by workflow of the caller''s application, as of refreshed_at; no rows without stats:read. Durations are '
  'in milliseconds.';
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
  'Totals of runs by project of the caller''s application, as of refreshed_at; no rows without stats:read. Durations are '
  'in milliseconds.';
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
    s.app_code,
    v.workflow_id,
    s.step_type,
    n.component_id,
    count(*),
    count(*) filter (where s.status = 'completed'),
    count(*) filter (where s.status = 'failed'),
    coalesce(round(avg(s.duration_ms)), 0),
    min(s.duration_ms),
    max(s.duration_ms),
    max(s.completed_at)
  from stepbase.step_runs s
  join stepbase.workflow_versions v on v.id = s.workflow_version_id
  join stepbase.workflow_nodes n on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
  where s.status in ('completed', 'failed')
  group by grouping sets (
    (s.app_code, v.workflow_id, s.step_type, n.component_id),
    (s.app_code, s.step_type, n.component_id)
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
  'Recomputes activity_statistics from the step runs that retention keeps, and refreshes the materialized views.';
