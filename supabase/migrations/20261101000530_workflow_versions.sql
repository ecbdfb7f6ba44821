-- Workflow versions: numbered definitions of a workflow. A draft can be saved over; a published version is immutable.

create table stepbase.workflow_versions (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  version int not null constraint version_is_positive check (version > 0),
  status text not null default 'draft' references stepbase.workflow_statuses (name),
  definition jsonb not null default '{"nodes": [], "edges": []}'
    constraint definition_is_an_object check (jsonb_typeof(definition) = 'object')
    constraint nodes_is_an_array check (jsonb_typeof(definition -> 'nodes') is not distinct from 'array')
    constraint edges_is_an_array check (jsonb_typeof(definition -> 'edges') is not distinct from 'array'),
  steps_total int not null generated always as (
    case jsonb_typeof(definition -> 'nodes') when 'array' then jsonb_array_length(definition -> 'nodes') else 0 end
  ) stored,
  content_hash text not null generated always as (stepbase_private.content_hash(definition)) stored,
  input_schema jsonb constraint input_schema_is_an_object check (jsonb_typeof(input_schema) = 'object'),
  output_schema jsonb constraint output_schema_is_an_object check (jsonb_typeof(output_schema) = 'object'),
  change_note text not null default '',
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  published_by uuid references stepbase.users (id) on delete set null,
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_version_is_of_app unique (id, app_code),
  constraint workflow_version_is_of_workflow unique (id, workflow_id, app_code),
  constraint version_is_unique_in_workflow unique (workflow_id, version),
  constraint version_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint published_at_matches_status check (
    case status when 'draft' then published_at is null when 'archived' then true else published_at is not null end
  )
);

comment on table stepbase.workflow_versions is
  'A numbered definition of a workflow. Once published, its definition, schemas, nodes and edges are immutable.';
comment on column stepbase.workflow_versions.definition is
  'Nodes and edges in the format of React Flow; workflow_nodes and workflow_edges are derived from it.';
comment on column stepbase.workflow_versions.steps_total is 'Number of nodes in the definition.';
comment on column stepbase.workflow_versions.content_hash is
  'SHA-256 of what decides what runs do: nodes (id, type, data) and edges (id, source, target, sourceHandle). Presentation '
  'and keys that begin with x- do not change it.';
comment on column stepbase.workflow_versions.input_schema is 'JSON Schema of the input of runs; null: every input is accepted.';
comment on column stepbase.workflow_versions.output_schema is 'JSON Schema that documents the output of runs; it is not enforced.';

create index idx_workflow_versions_workflow_id_app_code on stepbase.workflow_versions (workflow_id, app_code);
create index idx_workflow_versions_app_code_status on stepbase.workflow_versions (app_code, status);
create index idx_workflow_versions_status on stepbase.workflow_versions (status);
create index idx_workflow_versions_created_by on stepbase.workflow_versions (created_by);
create index idx_workflow_versions_published_by on stepbase.workflow_versions (published_by);

create unique index idx_workflow_versions_one_draft on stepbase.workflow_versions (workflow_id) where status = 'draft';

alter table stepbase.workflows
  add constraint latest_version_is_of_this_workflow
  foreign key (latest_version_id, id, app_code)
  references stepbase.workflow_versions (id, workflow_id, app_code) on delete set null (latest_version_id),
  add constraint published_version_is_of_this_workflow
  foreign key (published_version_id, id, app_code)
  references stepbase.workflow_versions (id, workflow_id, app_code);

create index idx_workflows_latest_version on stepbase.workflows (latest_version_id, id, app_code);
create index idx_workflows_published_version on stepbase.workflows (published_version_id, id, app_code);

create trigger workflow_versions_touch_updated_at before update on stepbase.workflow_versions
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_versions_keep_identity before update on stepbase.workflow_versions
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'version', 'created_at');
create trigger workflow_versions_keep_content before update on stepbase.workflow_versions
  for each row when (old.status <> 'draft')
  execute function stepbase_private.refuse_column_change('definition', 'input_schema', 'output_schema', 'published_at');

create function stepbase_private.refuse_published_delete()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- At a trigger depth above 1, the workflow or the application is being deleted.
  if pg_trigger_depth() = 1 then
    perform stepbase_private.raise_error(
      'immutable', 'A published version cannot be deleted; archive it or delete its workflow',
      jsonb_build_object('workflow_version_id', old.id)
    );
  end if;
  return old;
end;
$$;

comment on function stepbase_private.refuse_published_delete() is 'Trigger: raises SB424 immutable when a version that was published is deleted without its workflow.';

create trigger workflow_versions_keep_published before delete on stepbase.workflow_versions
  for each row when (old.published_at is not null)
  execute function stepbase_private.refuse_published_delete();

-- Security definer: clients may not write the derived column.
create function stepbase_private.point_at_latest_version()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update stepbase.workflows w
  set latest_version_id = new.id
  where w.id = new.workflow_id
    and not exists (
      select 1 from stepbase.workflow_versions v
      where v.workflow_id = new.workflow_id and v.version > new.version
    );
  return null;
end;
$$;

comment on function stepbase_private.point_at_latest_version() is 'Trigger: sets workflows.latest_version_id to the version with the highest number.';

create trigger workflow_versions_point_at_latest after insert on stepbase.workflow_versions
  for each row execute function stepbase_private.point_at_latest_version();

create trigger workflow_versions_check_schemas
  before insert or update of input_schema, output_schema on stepbase.workflow_versions
  for each row execute function stepbase_private.check_json_schemas('input_schema', 'output_schema');

alter table stepbase.workflow_versions enable row level security;

-- Only save_workflow and publish_workflow write versions.
grant select on stepbase.workflow_versions to authenticated;
grant select, insert, update, delete on stepbase.workflow_versions to service_role;

create policy "Members read their versions" on stepbase.workflow_versions
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));
