-- Compilations: published versions exported as TypeScript projects for Temporal.

create table stepbase.workflow_compilations (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_version_id uuid not null,
  workflow_code text not null,
  activities_code text not null,
  worker_code text not null,
  package_json text not null,
  tsconfig_json text not null,
  temporal_workflow_id text,
  temporal_workflow_type text
    constraint temporal_workflow_type_is_an_identifier check (temporal_workflow_type ~ '^[A-Za-z_][A-Za-z0-9_]{0,199}$'),
  is_active boolean not null default true,
  execution_count bigint not null default 0 constraint execution_count_is_not_negative check (execution_count >= 0),
  avg_execution_duration_ms int not null default 0
    constraint avg_execution_duration_is_not_negative check (avg_execution_duration_ms >= 0),
  last_executed_at timestamptz,
  compiled_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  compiled_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_compilation_is_of_app unique (id, app_code),
  constraint compilation_version_is_of_same_app
    foreign key (workflow_version_id, app_code) references stepbase.workflow_versions (id, app_code) on delete cascade
);

comment on table stepbase.workflow_compilations is 'Versions compiled to TypeScript projects for Temporal.';
comment on column stepbase.workflow_compilations.workflow_code is 'Source of the workflow function.';
comment on column stepbase.workflow_compilations.activities_code is 'Source of its activities.';
comment on column stepbase.workflow_compilations.worker_code is 'Source of the worker that runs both.';
comment on column stepbase.workflow_compilations.temporal_workflow_id is 'Id of its latest execution in Temporal.';
-- Without a hyphen, so that no two applications have the same task queue: stepbase-<app_code>-<type>.
comment on column stepbase.workflow_compilations.temporal_workflow_type is 'Name under which the workflow function is registered.';
comment on column stepbase.workflow_compilations.is_active is 'True for the deployed compilation; at most one per version.';
comment on column stepbase.workflow_compilations.execution_count is 'Number of executions in Temporal, as reported by its workers.';

create index idx_workflow_compilations_workflow_version_id_app_code
  on stepbase.workflow_compilations (workflow_version_id, app_code);

create unique index idx_workflow_compilations_one_active
  on stepbase.workflow_compilations (workflow_version_id) where is_active;

create index idx_workflow_compilations_app_code_compiled_at
  on stepbase.workflow_compilations (app_code, compiled_at desc);
create index idx_workflow_compilations_temporal_workflow_id on stepbase.workflow_compilations (temporal_workflow_id);
create index idx_workflow_compilations_compiled_by on stepbase.workflow_compilations (compiled_by);

create trigger workflow_compilations_touch_updated_at before update on stepbase.workflow_compilations
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_compilations_keep_content before update on stepbase.workflow_compilations
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'workflow_version_id', 'workflow_code', 'activities_code', 'worker_code', 'package_json',
    'tsconfig_json', 'compiled_at'
  );

alter table stepbase.workflow_compilations enable row level security;

grant select, delete,
  insert (id, app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json,
    tsconfig_json, temporal_workflow_id, temporal_workflow_type, is_active),
  update (is_active, temporal_workflow_id, temporal_workflow_type)
on stepbase.workflow_compilations to authenticated;
grant select, insert, update, delete on stepbase.workflow_compilations to service_role;

create policy "Members read their compilations" on stepbase.workflow_compilations
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow publishers create compilations" on stepbase.workflow_compilations
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:publish')));

create policy "Workflow publishers change compilations" on stepbase.workflow_compilations
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:publish')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:publish')));

create policy "Workflow publishers delete compilations" on stepbase.workflow_compilations
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:publish')));
