-- Counters of steps by workflow, step type and component. *_statistics_totals.sql writes them.

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
  'application. Of the last 90 days. Written by stepbase_engine.refresh_statistics().';
comment on column stepbase.activity_statistics.component_id is 'Component that implements the step; null if none does.';
comment on column stepbase.activity_statistics.avg_duration_ms is 'Average duration of an attempt in milliseconds.';
comment on column stepbase.activity_statistics.min_duration_ms is 'Shortest duration of an attempt, at most 10 % off.';
comment on column stepbase.activity_statistics.max_duration_ms is 'Longest duration of an attempt, at most 10 % off.';
comment on column stepbase.activity_statistics.last_executed_at is
  'The minute in which the latest run with such a step ended; its hour, after a day.';

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
