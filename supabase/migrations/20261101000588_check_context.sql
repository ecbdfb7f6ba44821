-- What the checker of definitions knows beside the definition: the schemas that the database has.

create function stepbase_private.check_context(
  p_app_code text, p_workflow_id uuid, p_definition jsonb, p_input_schema jsonb
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with part as (
    select p.type, p.config
    from jsonb_array_elements(
      case jsonb_typeof(p_definition -> 'nodes') when 'array' then p_definition -> 'nodes' else '[]' end
    ) n (node)
    -- A step, the step of a for_each, and a compensation.
    cross join lateral (
      values
        (n.node ->> 'type', n.node -> 'data' -> 'config'),
        (n.node #>> '{data,config,step,type}', n.node #> '{data,config,step,config}'),
        (n.node #>> '{data,compensate,type}', n.node #> '{data,compensate,config}')
    ) p (type, config)
    where jsonb_typeof(p.config) = 'object'
  ),
  child as (
    select distinct p.config ->> 'workflow' as name
    from part p
    where p.type = 'child_workflow' and jsonb_typeof(p.config -> 'workflow') = 'string'
  ),
  component as (
    select distinct p.config ->> 'component' as name
    from part p
    join stepbase.step_types t on t.name = p.type and t.is_component
    where jsonb_typeof(p.config -> 'component') = 'string'
  )
  select jsonb_build_object(
    'inputSchema', p_input_schema,
    'signals', (
      select coalesce(jsonb_object_agg(s.signal_name, s.parameters), '{}')
      from stepbase.workflow_signals s
      where s.workflow_id = p_workflow_id and s.parameters is not null
    ),
    'children', (
      select coalesce(jsonb_object_agg(c.name, v.input_schema), '{}')
      from child c
      join stepbase.workflows w on w.id = coalesce(
        stepbase_private.child_workflow_id(p_workflow_id, c.name),
        (
          select o.id from stepbase.workflows o
          where o.app_code = p_app_code and o.kebab_name = c.name and o.deleted_at is null
        )
      )
      join stepbase.workflow_versions v on v.id = w.published_version_id and v.input_schema is not null
    ),
    'deprecatedPrompts', (
      select coalesce(jsonb_agg(r.reference order by r.reference), '[]')
      from stepbase_private.prompt_references(p_definition) r (reference)
      cross join lateral stepbase_private.prompt_for(p_app_code, r.reference) d
      where d.deprecated
    ),
    'components', (
      select coalesce(jsonb_object_agg(c.name, o.output_schema), '{}')
      from component c
      join stepbase.components o on o.id = stepbase_private.component_for(p_app_code, c.name)
      where o.output_schema is not null
    )
  );
$$;

comment on function stepbase_private.check_context(text, uuid, jsonb, jsonb) is
  'What the checker compares a definition with: {inputSchema, signals, children, components, deprecatedPrompts}. p_workflow_id: the '
  'workflow of the definition; null: it does not exist yet.';

-- Security definer: clients may not call the checks that publishing makes.
create function stepbase_private.check_definition_of(p_kebab_name text, p_definition jsonb, p_input_schema jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:read');
  v_workflow_id uuid;
  v_known_schema jsonb;
  v_problems jsonb;
begin
  select w.id, v.input_schema into v_workflow_id, v_known_schema
  from stepbase.workflows w
  left join stepbase.workflow_versions v on v.id = w.latest_version_id
  where w.app_code = v_app and w.kebab_name = p_kebab_name and w.deleted_at is null;
  v_problems := (
    select jsonb_agg(to_jsonb(p)) from stepbase_private.definition_problems(p_definition, v_app) p
  );
  -- As in check_definition: these need a definition without other problems.
  if v_problems is null and v_workflow_id is not null then
    v_problems := (
      select jsonb_agg(to_jsonb(p)) from stepbase_private.block_problems(v_workflow_id, p_definition) p
    );
  end if;
  return jsonb_build_object(
    'problems', coalesce(v_problems, '[]'),
    'context', stepbase_private.check_context(
      v_app, v_workflow_id, p_definition, nullif(coalesce(p_input_schema, v_known_schema), 'null')
    )
  );
end;
$$;

comment on function stepbase_private.check_definition_of(text, jsonb, jsonb) is
  'What SQL finds in a definition that is not saved: {problems, context}. p_kebab_name: its workflow, or null. '
  'p_input_schema: null for that of the latest version, JSON null for none. The HTTP API gives both to the checker.';
grant execute on function stepbase_private.check_definition_of(text, jsonb, jsonb) to authenticated;
