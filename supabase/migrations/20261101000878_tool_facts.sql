-- What a worker needs about the tools of an agent; a part of its plan (load_plans).

create function stepbase_engine.tool_facts(p_node stepbase.workflow_nodes)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_workflow_id uuid;
begin
  if p_node.node_type not in ('ai_agent_task', 'for_each') then
    return null;
  end if;
  select v.workflow_id into v_workflow_id
  from stepbase.workflow_versions v where v.id = p_node.workflow_version_id;
  return (
    select jsonb_agg(
      jsonb_build_object('name', stepbase_private.tool_name(t.tool))
      || case when t.tool ? 'component' then jsonb_build_object(
        'target', t.tool ->> 'component',
        'description', c.description,
        'input_schema', c.input_schema,
        'component', stepbase_engine.component_facts(p_node.app_code, c.id)
      ) else jsonb_build_object(
        'target', t.tool ->> 'workflow',
        'description', w.description,
        'input_schema', v.input_schema
      ) end
      || case when jsonb_typeof(t.tool -> 'approval') = 'string' then '{"asks": true}'::jsonb else '{}' end
      order by t.place
    )
    from stepbase_private.agent_tools(p_node.node_type, p_node.config) t
    left join stepbase_engine.pinned_tools k
      on k.workflow_version_id = p_node.workflow_version_id and k.node_id = p_node.node_id and k.place = t.place
    left join stepbase.components c on c.id = k.component_id
    left join stepbase.workflows w
      on t.tool ? 'workflow' and w.id = stepbase_private.child_workflow_id(v_workflow_id, t.tool ->> 'workflow')
    left join stepbase.workflow_versions v on v.id = w.published_version_id
  );
end;
$$;

comment on function stepbase_engine.tool_facts(stepbase.workflow_nodes) is
  'The tools of an agent in the order of config.tools: [{name, target, description, input_schema, component, asks}]; component is null for '
  'a component that was deleted, and absent for a workflow; asks is true if the approval is a template. Null for a node without tools.';
