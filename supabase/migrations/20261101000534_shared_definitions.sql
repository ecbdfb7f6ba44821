-- What other applications share: workflows, components and prompts with the visibility organization or public. Clients
-- read them in views of their own. The tables show a client only rows of its own application, so drafts and ids of
-- users stay there.

-- Security definer, as the other functions of this file: reads rows of other applications.
create function stepbase_private.shared_workflows()
returns table (
  workflow_id uuid,
  app_code text,
  kebab_name text,
  name text,
  description text,
  tags text[],
  visibility text,
  status text,
  version int,
  definition jsonb,
  input_schema jsonb,
  output_schema jsonb,
  published_at timestamptz
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    w.id, w.app_code, w.kebab_name, w.name, w.description, w.tags, w.visibility, w.status, v.version, v.definition,
    v.input_schema, v.output_schema, v.published_at
  from stepbase_private.apps_that_share() s
  join stepbase.workflows w on w.app_code = s.app_code and w.visibility = s.visibility and w.deleted_at is null
  join stepbase.workflow_versions v on v.id = w.published_version_id and v.status in ('published', 'deprecated')
  where stepbase_private.has_permission('workflow:read');
$$;

comment on function stepbase_private.shared_workflows() is 'Implements stepbase.shared_workflows.';
grant execute on function stepbase_private.shared_workflows() to authenticated;

create view stepbase.shared_workflows
with (security_invoker = true)
as
select s.* from stepbase_private.shared_workflows() s;

comment on view stepbase.shared_workflows is
  'Workflows of other applications whose visibility lets the caller read them, with their published version. Requires '
  'workflow:read.';

create function stepbase_private.shared_components()
returns table (
  component_id uuid,
  app_code text,
  name text,
  reference text,
  display_name text,
  description text,
  version text,
  component_type text,
  implementation_type text,
  visibility text,
  config_schema jsonb,
  input_schema jsonb,
  output_schema jsonb,
  tags text[],
  capabilities text[],
  endpoint text,
  timeout_ms int,
  retry_count int,
  ui_widget_id text,
  ui_definitions jsonb,
  is_active boolean,
  deprecated boolean
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    c.id, c.app_code, c.name, c.app_code || '/' || c.name, c.display_name, c.description, c.version, c.component_type,
    c.implementation_type, c.visibility, c.config_schema, c.input_schema, c.output_schema, c.tags, c.capabilities,
    c.endpoint, c.timeout_ms, c.retry_count, c.ui_widget_id, c.ui_definitions, c.is_active, c.deprecated
  from stepbase_private.apps_that_share() s
  join stepbase.components c on c.app_code = s.app_code and c.visibility = s.visibility and c.deleted_at is null
  where stepbase_private.has_permission('component:read');
$$;

comment on function stepbase_private.shared_components() is 'Implements stepbase.shared_components.';
grant execute on function stepbase_private.shared_components() to authenticated;

create view stepbase.shared_components
with (security_invoker = true)
as
select s.* from stepbase_private.shared_components() s;

comment on view stepbase.shared_components is
  'Components of other applications whose visibility lets the caller use them; steps name them by reference (app/name). '
  'Requires component:read.';

create function stepbase_private.shared_prompts()
returns table (
  prompt_id uuid,
  app_code text,
  name text,
  display_name text,
  description text,
  version text,
  visibility text,
  prompt_content text,
  prompt_variables jsonb,
  capabilities text[],
  tags text[],
  recommended_models jsonb,
  deprecated boolean
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    p.id, p.app_code, p.name, p.display_name, p.description, p.version, p.visibility, p.prompt_content,
    p.prompt_variables, p.capabilities, p.tags, p.recommended_models, p.deprecated
  from stepbase_private.apps_that_share() s
  join stepbase.agent_prompts p on p.app_code = s.app_code and p.visibility = s.visibility and p.deleted_at is null
  where stepbase_private.has_permission('prompt:read');
$$;

comment on function stepbase_private.shared_prompts() is 'Implements stepbase.shared_prompts.';
grant execute on function stepbase_private.shared_prompts() to authenticated;

create view stepbase.shared_prompts
with (security_invoker = true)
as
select s.* from stepbase_private.shared_prompts() s;

comment on view stepbase.shared_prompts is
  'Prompts of other applications whose visibility lets the caller read them. Requires prompt:read.';

revoke all on stepbase.shared_workflows, stepbase.shared_components, stepbase.shared_prompts from public, anon;
grant select on stepbase.shared_workflows, stepbase.shared_components, stepbase.shared_prompts to authenticated;

create trigger shared_workflows_refuse_write instead of insert or update or delete on stepbase.shared_workflows
  for each row execute function stepbase_private.refuse_view_write();
create trigger shared_components_refuse_write instead of insert or update or delete on stepbase.shared_components
  for each row execute function stepbase_private.refuse_view_write();
create trigger shared_prompts_refuse_write instead of insert or update or delete on stepbase.shared_prompts
  for each row execute function stepbase_private.refuse_view_write();
