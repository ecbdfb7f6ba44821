-- Projects: folders for workflows.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default private.app_code() references public.applications (app_code) on delete cascade,
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  description text not null default '',
  task_queue_name text not null generated always as (app_code || '-' || id::text) stored
    constraint project_task_queue_name_is_unique unique,
  is_active boolean not null default true,
  metadata jsonb not null default '{}' constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  created_by uuid default private.user_id() references public.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint project_is_of_app unique (id, app_code),
  constraint project_name_is_unique_in_app unique (app_code, name)
);

comment on table public.projects is
  'A folder for workflows. Its execution totals are statistics: private.project_statistics.';
comment on column public.projects.task_queue_name is 'Default queue of the project''s workflows, derived.';
comment on column public.projects.deleted_at is 'Soft delete.';

create index idx_projects_created_by on public.projects (created_by);
create index idx_projects_app_code_is_active on public.projects (app_code, is_active) where deleted_at is null;

create trigger projects_touch_updated_at before update on public.projects
  for each row execute function private.touch_updated_at();
create trigger projects_keep_identity before update on public.projects
  for each row execute function private.refuse_column_change('id', 'app_code', 'created_at');

alter table public.projects enable row level security;

grant select, delete,
  insert (id, app_code, name, description, is_active, metadata, created_by),
  update (name, description, is_active, metadata, deleted_at)
on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;

create policy "Members read their projects" on public.projects
  for select to authenticated
  using (app_code = (select private.app_code()) and (select private.has_permission('project:read')));

create policy "Project writers create projects" on public.projects
  for insert to authenticated
  with check (app_code = (select private.app_code()) and (select private.has_permission('project:write')));

create policy "Project writers change projects" on public.projects
  for update to authenticated
  using (app_code = (select private.app_code()) and (select private.has_permission('project:write')))
  with check (app_code = (select private.app_code()) and (select private.has_permission('project:write')));

create policy "Project writers delete projects" on public.projects
  for delete to authenticated
  using (app_code = (select private.app_code()) and (select private.has_permission('project:write')));
