-- Projects: folders for workflows.

create table stepbase.projects (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  description text not null default '',
  task_queue_name text not null generated always as (app_code || '-' || id::text) stored
    constraint project_task_queue_name_is_unique unique,
  is_active boolean not null default true,
  metadata jsonb not null default '{}' constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint project_is_of_app unique (id, app_code),
  constraint project_name_is_unique_in_app unique (app_code, name)
);

comment on table stepbase.projects is
  'A folder for workflows. Its execution totals are in stepbase_private.project_statistics.';
comment on column stepbase.projects.task_queue_name is 'Name of the default task queue of its workflows, derived from app_code and id.';
comment on column stepbase.projects.deleted_at is 'Soft delete: the project is no longer offered.';

create index idx_projects_created_by on stepbase.projects (created_by);
create index idx_projects_app_code_is_active on stepbase.projects (app_code, is_active) where deleted_at is null;

create trigger projects_touch_updated_at before update on stepbase.projects
  for each row execute function stepbase_private.touch_updated_at();
create trigger projects_keep_identity before update on stepbase.projects
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'created_at');

alter table stepbase.projects enable row level security;

grant select, delete,
  insert (id, app_code, name, description, is_active, metadata),
  update (name, description, is_active, metadata, deleted_at)
on stepbase.projects to authenticated;
grant select, insert, update, delete on stepbase.projects to service_role;

create policy "Members read their projects" on stepbase.projects
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('project:read')));

create policy "Project writers create projects" on stepbase.projects
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('project:write')));

create policy "Project writers change projects" on stepbase.projects
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('project:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('project:write')));

create policy "Project writers delete projects" on stepbase.projects
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('project:write')));
