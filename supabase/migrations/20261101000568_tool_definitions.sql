-- Tools of ai_agent_task steps in a definition: components and workflows. A version keeps the ids of the components
-- that its tools name, as it keeps those of its steps.

create table stepbase_engine.pinned_tools (
  workflow_version_id uuid not null,
  node_id text not null,
  place int not null,
  component_id uuid not null,
  primary key (workflow_version_id, node_id, place),
  constraint pinned_tools_version_fkey foreign key (workflow_version_id)
    references stepbase.workflow_versions (id) on delete cascade,
  constraint pinned_tools_component_fkey foreign key (component_id)
    references stepbase.components (id) on delete cascade
);

comment on table stepbase_engine.pinned_tools is
  'The components that the tools of a version were resolved to when it was saved and, for good, when it was published.';
comment on column stepbase_engine.pinned_tools.place is 'The place of the tool in config.tools, from 1.';

create index idx_pinned_tools_component_id on stepbase_engine.pinned_tools (component_id);

alter table stepbase_engine.pinned_tools enable row level security;

create function stepbase_private.agent_tools(p_step_type text, p_config jsonb)
returns table (place int, tool jsonb)
language sql
immutable
set search_path = ''
as $$
  -- An agent, or the agent that a for_each runs for each item.
  select t.place::int, t.tool
  from (
    select case p_step_type
      when 'ai_agent_task' then p_config -> 'tools'
      when 'for_each' then case p_config #>> '{step,type}' when 'ai_agent_task' then p_config #> '{step,config,tools}' end
    end as tools
  ) c
  cross join lateral jsonb_array_elements(case jsonb_typeof(c.tools) when 'array' then c.tools else '[]' end)
    with ordinality t (tool, place)
  where jsonb_typeof(t.tool) = 'object';
$$;

comment on function stepbase_private.agent_tools(text, jsonb) is
  'The tools in the config of an agent, or of the agent in a for_each, with their places from 1.';

create function stepbase_private.tool_name(p_tool jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    p_tool ->> 'name',
    left(
      regexp_replace(
        regexp_replace(coalesce(p_tool ->> 'component', p_tool ->> 'workflow', ''), '^.*/', ''), '[^A-Za-z0-9_-]', '_', 'g'
      ),
      64
    )
  );
$$;

comment on function stepbase_private.tool_name(jsonb) is
  'The name by which a model calls a tool: its own, or that of its component or workflow with the characters that models allow.';

create function stepbase_private.is_tool_workflow(p_app_code text, p_name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
      select from stepbase.workflows w
      where w.app_code = p_app_code and w.kebab_name = p_name and w.deleted_at is null
    )
    or exists (
      select from stepbase.workflow_children l where l.app_code = p_app_code and l.child_workflow_name = p_name
    );
$$;

comment on function stepbase_private.is_tool_workflow(text, text) is
  'Whether an application has a workflow with this name, or a child workflow that its parent calls so.';

create function stepbase_private.tool_problems(p_outer_id text, p_data text, p_node jsonb, p_app_code text)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  with agent as (
    select
      p_node ->> 'type' as type, p_node -> 'data' -> 'config' as config,
      p_data || case p_node ->> 'type' when 'for_each' then '/config/step/config' else '/config' end as pointer,
      case p_node ->> 'type' when 'for_each' then 'config.step.config' else 'config' end as words,
      case
        when p_node ->> 'type' = 'ai_agent_task' then p_node #> '{data,config,tools}'
        when p_node #>> '{data,config,step,type}' = 'ai_agent_task' then p_node #> '{data,config,step,config,tools}'
      end as tools,
      case p_node ->> 'type'
        when 'ai_agent_task' then p_node #>> '{data,config,component}'
        else p_node #>> '{data,config,step,config,component}'
      end as component
  ),
  tool as (
    select
      t.place, t.tool, s.pointer || '/tools/' || (t.place - 1) as pointer, format('%s.tools[%s]', s.words, t.place - 1) as words,
      stepbase_private.tool_name(t.tool) as name,
      case when t.tool ? 'component' then 'component' else 'workflow' end as kind,
      coalesce(t.tool ->> 'component', t.tool ->> 'workflow') as target
    from agent s
    cross join lateral stepbase_private.agent_tools(s.type, s.config) t
  )
  select
    p_outer_id, t.pointer || '/' || k.key, 'invalid_config', format('%s.%s cannot be a template', t.words, k.key), null
  from tool t
  cross join unnest('{component,workflow,name}'::text[]) k (key)
  where strpos(t.tool ->> k.key, '{{') > 0
  union all
  select p_outer_id, a.pointer || '/tools', 'invalid_config', a.words || '.tools must be a list of objects, not a template', null
  from agent a
  where jsonb_path_exists(a.tools, 'lax $[*] ? (@.type() == "string")')
  union all
  select
    p_outer_id, t.pointer || '/name', 'duplicate_tool', format('%s: another tool has the name %s', t.words, t.name), null
  from tool t
  where exists (select from tool o where o.name = t.name and o.place < t.place)
  union all
  select
    p_outer_id, t.pointer || '/' || t.kind, 'unknown_tool', format('%s: unknown %s %s', t.words, t.kind, t.target),
    case t.kind when 'workflow' then stepbase_private.suggestion(t.target, array(
      select w.kebab_name from stepbase.workflows w where w.app_code = p_app_code and w.deleted_at is null
    )) end
  from tool t
  where p_app_code is not null and strpos(t.target, '{{') = 0
    and case t.kind
      when 'component' then stepbase_private.component_for(p_app_code, t.target) is null
      else not stepbase_private.is_tool_workflow(p_app_code, t.target)
    end
  union all
  select
    p_outer_id, t.pointer || '/' || k.key || '/role', 'invalid_config',
    format('%s.%s.role: the application has no role %s', t.words, k.key, i.item #>> '{}'),
    stepbase_private.suggestion(
      i.item #>> '{}', array(select r.name from stepbase.app_roles r where r.app_code = p_app_code)
    )
  from tool t
  cross join unnest('{approval,task}'::text[]) k (key)
  cross join jsonb_path_query(t.tool -> k.key -> 'role', 'lax $[*] ? (@.type() == "string")') i (item)
  where p_app_code is not null and strpos(i.item #>> '{}', '{{') = 0
    and not exists (select from stepbase.app_roles r where r.app_code = p_app_code and r.name = i.item #>> '{}')
  union all
  select
    p_outer_id, a.pointer || '/tools', 'tool_not_allowed',
    format('%s.tools: the component %s has an endpoint, which uses tools by itself', a.words, a.component), null
  from agent a
  join stepbase.components c on c.id = stepbase_private.component_for(p_app_code, a.component)
  where c.endpoint is not null and exists (select from tool)
  union all
  select
    p_outer_id, p_data || '/compensate/config/tools', 'tool_not_allowed',
    'compensate.config.tools: an agent that compensates a step cannot have tools', null
  where exists (
    select from stepbase_private.agent_tools(
      p_node -> 'data' -> 'compensate' ->> 'type', p_node -> 'data' -> 'compensate' -> 'config'
    )
  );
$$;

comment on function stepbase_private.tool_problems(text, text, jsonb, text) is
  'Problems of the tools of an agent: unknown_tool, duplicate_tool, tool_not_allowed, and names that are templates. '
  'Arguments as for node_problems.';

create function stepbase_engine.pin_tools(p_workflow_version_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from stepbase_engine.pinned_tools p where p.workflow_version_id = p_workflow_version_id;
  with pinned as (
    insert into stepbase_engine.pinned_tools (workflow_version_id, node_id, place, component_id)
    select n.workflow_version_id, n.node_id, t.place, c.id
    from stepbase.workflow_nodes n
    cross join lateral stepbase_private.agent_tools(n.node_type, n.config) t
    cross join lateral (
      select stepbase_private.component_for(n.app_code, t.tool ->> 'component') as id where t.tool ? 'component'
    ) c
    where n.workflow_version_id = p_workflow_version_id and n.node_type in ('ai_agent_task', 'for_each')
      and c.id is not null
    returning component_id
  )
  insert into stepbase_engine.pinned_components (workflow_version_id, component_id, endpoint)
  select distinct p_workflow_version_id, c.id, c.endpoint
  from pinned p
  join stepbase.components c on c.id = p.component_id
  on conflict do nothing;
end;
$$;

comment on function stepbase_engine.pin_tools(uuid) is
  'Resolves the names of components in the tools of a version and stores their ids. pin_components calls it.';
