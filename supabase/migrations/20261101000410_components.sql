-- Components: reusable implementations of steps. A component without an app_code is shared with all applications;
-- only migrations and the service role write it.

create table stepbase.components (
  id uuid primary key default gen_random_uuid(),
  app_code text default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_kebab_case check (name ~ '^[a-z0-9]+([-_.][a-z0-9]+)*$'),
  display_name text not null default '',
  description text not null default '',
  version text not null default '1.0.0' constraint version_is_semantic check (version ~ '^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$'),
  component_type text not null default 'activity' references stepbase.component_types (name),
  implementation_type text not null references stepbase.step_types (name),
  visibility text not null default 'private' references stepbase.component_visibility (name),
  config_schema jsonb constraint config_schema_is_an_object check (jsonb_typeof(config_schema) = 'object'),
  input_schema jsonb constraint input_schema_is_an_object check (jsonb_typeof(input_schema) = 'object'),
  output_schema jsonb constraint output_schema_is_an_object check (jsonb_typeof(output_schema) = 'object'),
  tags text[] not null default '{}',
  capabilities text[] not null default '{}',
  agent_prompt_id uuid,
  model_provider text,
  model_name text,
  endpoint text,
  implementation_path text,
  npm_package text,
  timeout_ms int not null default 30000 constraint timeout_is_positive check (timeout_ms > 0),
  callback_timeout_ms bigint not null default 86400000
    constraint callback_timeout_is_in_range check (callback_timeout_ms between 1000 and 31536000000),
  heartbeat_timeout_ms bigint
    constraint heartbeat_timeout_is_in_range check (heartbeat_timeout_ms between 1000 and 31536000000),
  notify_cancel boolean not null default false,
  retry_count int not null default 0 constraint retry_count_is_in_range check (retry_count between 0 and 100),
  ui_widget_id text,
  ui_definitions jsonb not null default '{}'
    constraint ui_definitions_is_an_object check (jsonb_typeof(ui_definitions) = 'object'),
  is_active boolean not null default true,
  deprecated boolean not null default false,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  updated_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint component_is_of_app unique (id, app_code),
  constraint component_version_is_unique unique nulls not distinct (app_code, name, version),
  constraint prompt_needs_an_app check (agent_prompt_id is null or app_code is not null),
  constraint service_needs_an_endpoint check (implementation_type <> 'service_task' or endpoint is not null),
  constraint component_prompt_is_of_same_app
    foreign key (agent_prompt_id, app_code) references stepbase.agent_prompts (id, app_code)
    on delete set null (agent_prompt_id)
);

comment on table stepbase.components is 'Reusable implementations of user, service and agent tasks.';
comment on column stepbase.components.app_code is 'Null: shared with every application.';
comment on column stepbase.components.name is
  'Name by which config.component of a step refers to it; steps of other applications write app_code/name.';
comment on column stepbase.components.implementation_type is 'Step type that it implements: user_task, service_task or ai_agent_task.';
comment on column stepbase.components.endpoint is 'URL that a service task calls.';
comment on column stepbase.components.callback_timeout_ms is
  'How long a step waits for the callback, if the endpoint answers 202.';
comment on column stepbase.components.heartbeat_timeout_ms is
  'How long a step waits for the next heartbeat, if the endpoint answers 202; null: heartbeats are not needed.';
comment on column stepbase.components.notify_cancel is
  'Whether the endpoint gets a message step.cancelled if a step is cancelled for which it answered 202.';
comment on column stepbase.components.retry_count is 'Retries of a step that has no retry policy.';
comment on column stepbase.components.ui_widget_id is 'Widget that clients render for it.';
comment on column stepbase.components.deleted_at is 'Soft delete: new versions of workflows cannot use it, and steps that use it fail.';

create index idx_components_app_code_is_active on stepbase.components (app_code, is_active);
create index idx_components_app_code_implementation_type on stepbase.components (app_code, implementation_type);
create index idx_components_implementation_type on stepbase.components (implementation_type);
create index idx_components_component_type on stepbase.components (component_type);
create index idx_components_visibility_app_code on stepbase.components (visibility, app_code);
create index idx_components_agent_prompt_id_app_code on stepbase.components (agent_prompt_id, app_code);
create index idx_components_created_by on stepbase.components (created_by);
create index idx_components_updated_by on stepbase.components (updated_by);
create index idx_components_name_version on stepbase.components (name, version);
create index idx_components_tags on stepbase.components using gin (tags);
create index idx_components_capabilities on stepbase.components using gin (capabilities);

create trigger components_stamp_updated_by before update on stepbase.components
  for each row execute function stepbase_private.stamp_updated_by();
create trigger components_keep_identity before update on stepbase.components
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'name', 'version', 'implementation_type', 'created_at'
  );

create function stepbase_private.check_implementation_type()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select 1 from stepbase.step_types t where t.name = new.implementation_type and t.is_component) then
    perform stepbase_private.raise_error(
      'invalid_request', format('implementation_type: components cannot implement the step type %s', new.implementation_type)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_private.check_implementation_type() is
  'Trigger: raises SB400 invalid_request if components cannot implement the step type implementation_type.';

create trigger components_check_implementation_type
  before insert or update of implementation_type on stepbase.components
  for each row execute function stepbase_private.check_implementation_type();

-- Security definer: decides for an application, independent of the caller.
create function stepbase_private.may_use_component(p_app_code text, p_component stepbase.components)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select p_component.is_active and p_component.deleted_at is null and (
    p_component.app_code is null
    or p_component.app_code = p_app_code
    or (
      p_component.visibility <> 'private'
      and exists (
        select 1
        from stepbase.applications owner
        join stepbase.organizations o on o.id = owner.organization_id and o.deleted_at is null
        where owner.app_code = p_component.app_code
          and owner.deleted_at is null
          and (
            p_component.visibility = 'public'
            or owner.organization_id
              = (select a.organization_id from stepbase.applications a where a.app_code = p_app_code)
          )
      )
    )
  );
$$;

comment on function stepbase_private.may_use_component(text, stepbase.components) is
  'Whether the steps of an application may run a component: it is active, and it is the application''s own, shared with '
  'every application, or made visible to the application by a live owner.';

-- A plain name always means a component of the same application. Otherwise the steps of an application would change
-- when another application creates a component of the same name.
-- Security definer: resolves components for the application, independent of who saves the workflow.
create function stepbase_private.component_for(p_app_code text, p_component_name text)
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
  select c.id
  from stepbase.components c
  where c.name = substr(p_component_name, strpos(p_component_name, '/') + 1)
    and case strpos(p_component_name, '/')
      when 0 then c.app_code is null or c.app_code = p_app_code
      else c.app_code = split_part(p_component_name, '/', 1)
    end
    and stepbase_private.may_use_component(p_app_code, c)
  -- The application's own before the shared ones; of each the newest version.
  order by
    (c.app_code is not distinct from p_app_code) desc,
    c.deprecated,
    c.created_at desc,
    c.id
  limit 1;
$$;

comment on function stepbase_private.component_for(text, text) is
  'Id of the component that a name resolves to in an application: app/name is a component of that application, a plain '
  'name one of the application itself or one shared with every application. Null if there is none that it may use.';

create trigger components_check_schemas
  before insert or update of config_schema, input_schema, output_schema on stepbase.components
  for each row execute function stepbase_private.check_json_schemas('config_schema', 'input_schema', 'output_schema');

alter table stepbase.components enable row level security;
grant select, delete,
  insert (id, app_code, name, display_name, description, version, component_type, implementation_type, visibility,
    config_schema, input_schema, output_schema, tags, capabilities, agent_prompt_id, model_provider, model_name,
    endpoint, implementation_path, npm_package, timeout_ms, callback_timeout_ms, heartbeat_timeout_ms, notify_cancel,
    retry_count, ui_widget_id, ui_definitions, is_active, deprecated),
  update (display_name, description, component_type, visibility,
    config_schema, input_schema, output_schema, tags, capabilities, agent_prompt_id, model_provider, model_name,
    endpoint, implementation_path, npm_package, timeout_ms, callback_timeout_ms, heartbeat_timeout_ms, notify_cancel,
    retry_count, ui_widget_id, ui_definitions, is_active, deprecated, deleted_at)
on stepbase.components to authenticated;
grant select, insert, update, delete on stepbase.components to service_role;

create policy "Members read their components and those of all applications" on stepbase.components
  for select to authenticated
  using (
    (select stepbase_private.has_permission('component:read'))
    and (app_code = (select stepbase_private.app_code()) or (app_code is null and deleted_at is null))
  );

create policy "Component writers create components" on stepbase.components
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('component:write')));

create policy "Component writers change components" on stepbase.components
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('component:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('component:write')));

create policy "Component writers delete components" on stepbase.components
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('component:write')));
