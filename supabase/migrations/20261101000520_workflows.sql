-- Workflows: the identity that versions belong to. A run always executes a version.

create table stepbase.workflows (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  kebab_name text not null
    constraint kebab_name_is_kebab_case check (kebab_name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(kebab_name) <= 100),
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  description text not null default '',
  status text not null default 'draft' references stepbase.workflow_statuses (name),
  visibility text not null default 'private' references stepbase.component_visibility (name),
  project_id uuid,
  task_queue_id uuid,
  execution_engine text references stepbase.execution_engines (name),
  tags text[] not null default '{}',
  metadata jsonb not null default '{}' constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  operation_code text,
  latest_version_id uuid,
  published_version_id uuid,
  max_concurrent_executions int
    constraint max_concurrent_executions_is_positive check (max_concurrent_executions > 0),
  execution_timeout_seconds int not null default 3600
    constraint execution_timeout_is_positive check (execution_timeout_seconds > 0),
  searchable_inputs text[] not null default '{}'
    constraint searchable_inputs_are_at_most_8_paths check (
      cardinality(searchable_inputs) = 0 or (
        array_position(searchable_inputs, null) is null and cardinality(searchable_inputs) <= 8
        and array_to_string(searchable_inputs, chr(31)) ~ '^[\w-]+(\.[\w-]+)*(\x1f[\w-]+(\.[\w-]+)*)*$'
        and array_to_string(searchable_inputs, chr(31)) !~ '[^\x1f]{101}'
      )
    ),
  has_flow_controls boolean not null default false,
  search tsvector not null,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  updated_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint workflow_is_of_app unique (id, app_code),
  constraint kebab_name_is_unique_in_app unique (app_code, kebab_name),
  constraint workflow_project_is_of_same_app
    foreign key (project_id, app_code) references stepbase.projects (id, app_code) on delete set null (project_id),
  constraint workflow_task_queue_is_of_same_app
    foreign key (task_queue_id, app_code) references stepbase.task_queues (id, app_code)
    on delete set null (task_queue_id),
  constraint published_workflow_has_a_published_version
    check (status not in ('published', 'paused', 'deprecated') or published_version_id is not null)
);

comment on table stepbase.workflows is 'A workflow of an application; workflow_versions holds its definitions.';
comment on column stepbase.workflows.kebab_name is 'Immutable name by which clients start it.';
comment on column stepbase.workflows.execution_engine is
  'What executes its runs; null: the engine of its task queue. A change applies to runs that start later.';
comment on column stepbase.workflows.operation_code is 'Code of the operation it implements in the customer''s own catalogue.';
comment on column stepbase.workflows.latest_version_id is 'Version with the highest number, including a draft.';
comment on column stepbase.workflows.published_version_id is 'Version that a start without a version number uses.';
comment on column stepbase.workflows.max_concurrent_executions is 'Limit of runs in progress at the same time; further runs wait. Null: no limit.';
comment on column stepbase.workflows.execution_timeout_seconds is 'Seconds after which a run ends as timed_out.';
comment on column stepbase.workflows.searchable_inputs is
  'Up to 8 paths of the input, such as order.id, by whose values runs are found. A change applies to runs that start later.';
comment on column stepbase.workflows.has_flow_controls is
  'Whether workflow_flow_controls has rows of the workflow. Written by their trigger.';
comment on column stepbase.workflows.search is
  'Text search vector of name and description, in the language of the application and word by word; a trigger sets it.';
comment on column stepbase.workflows.deleted_at is 'Soft delete: runs and versions stay readable; no run can be started.';

create index idx_workflows_app_code_status on stepbase.workflows (app_code, status) where deleted_at is null;
create index idx_workflows_app_code_updated_at on stepbase.workflows (app_code, updated_at desc);
create index idx_workflows_project_id_app_code on stepbase.workflows (project_id, app_code);
create index idx_workflows_task_queue_id_app_code on stepbase.workflows (task_queue_id, app_code);
create index idx_workflows_created_by on stepbase.workflows (created_by);
create index idx_workflows_updated_by on stepbase.workflows (updated_by);
create index idx_workflows_status on stepbase.workflows (status);
create index idx_workflows_visibility_app_code on stepbase.workflows (visibility, app_code);
create index idx_workflows_tags on stepbase.workflows using gin (tags);
create index idx_workflows_metadata on stepbase.workflows using gin (metadata jsonb_path_ops);
create index idx_workflows_search on stepbase.workflows using gin (search) where deleted_at is null;

create trigger workflows_stamp_updated_by before update on stepbase.workflows
  for each row execute function stepbase_private.stamp_updated_by();
create trigger workflows_keep_identity before update on stepbase.workflows
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'kebab_name', 'created_at');

alter table stepbase.workflows enable row level security;

grant select,
  insert (id, app_code, kebab_name, name, description, visibility, project_id, task_queue_id, execution_engine, tags,
    metadata, searchable_inputs, operation_code, max_concurrent_executions, execution_timeout_seconds),
  -- kebab_name is granted so that a change raises SB424 instead of a missing privilege.
  update (kebab_name, name, description, status, visibility, project_id, task_queue_id, execution_engine, tags,
    metadata, searchable_inputs, operation_code, max_concurrent_executions, execution_timeout_seconds, deleted_at)
on stepbase.workflows to authenticated;
grant select, insert, update, delete on stepbase.workflows to service_role;

create policy "Members read their workflows" on stepbase.workflows
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow writers create workflows" on stepbase.workflows
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change workflows" on stepbase.workflows
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));
