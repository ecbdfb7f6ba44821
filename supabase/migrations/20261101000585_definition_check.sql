-- The check of definitions as a whole: a draft must be a graph, a published version must have no problem.

create function stepbase_private.definition_problems(p_definition jsonb, p_app_code text default null)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_structure constant stepbase_private.definition_problem[] := array(
    select p from stepbase_private.structure_problems(p_definition) p
  );
  v_codes constant text[] := array(select s.code from unnest(v_structure) s);
  v_node record;
  v_rows bigint;
  v_found bigint := 0;
begin
  return query select s.* from unnest(v_structure) s;
  if v_codes && '{not_an_object,nodes_not_an_array,edges_not_an_array,too_large}'::text[] then
    return;
  end if;
  if jsonb_array_length(p_definition -> 'nodes') = 0 then
    return query select null::text, '/nodes', 'empty', 'A workflow needs at least one node', null::text;
  end if;
  for v_node in
    select n.node, n.place
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    where coalesce(jsonb_typeof(n.node -> 'data'), 'object') = 'object'
      and coalesce(jsonb_typeof(n.node -> 'data' -> 'config'), 'object') = 'object'
      and exists (select 1 from stepbase.step_types t where t.name = n.node ->> 'type')
    order by n.place
  loop
    return query
      select p.* from stepbase_private.node_problems(v_node.node, p_app_code, '/nodes/' || (v_node.place - 1)) p;
    get diagnostics v_rows = row_count;
    v_found := v_found + v_rows;
    exit when v_found >= 1000;
  end loop;
  return query select p.* from stepbase_private.handle_problems(p_definition) p;
  if not v_codes && '{invalid_node,missing_id,duplicate_node,invalid_edge,dangling_edge,cycle}'::text[] then
    return query select p.* from stepbase_private.reference_problems(p_definition) p;
  end if;
end;
$$;

comment on function stepbase_private.definition_problems(jsonb, text) is
  'All problems of a definition; no row: it can be published. Checks that need nodes and edges to form a graph are left out '
  'while they do not, and nodes are checked until 1,000 problems are found. With p_app_code, also checks that its components '
  'exist in that application.';

create function stepbase_private.refuse_problems(p_problems stepbase_private.definition_problem[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_total constant int := cardinality(p_problems);
begin
  if v_total > 0 then
    perform stepbase_private.raise_error(
      'invalid_definition',
      (p_problems[1]).message || coalesce('; ' || (p_problems[1]).hint, '')
        || case when v_total > 1 then format(' (and %s more)', v_total - 1) else '' end,
      jsonb_strip_nulls(jsonb_build_object('node_id', (p_problems[1]).node)) || jsonb_build_object(
        'errors', (
          select jsonb_agg(stepbase_private.problem_json(p_problems[s.place]) order by s.place)
          from generate_series(1, least(v_total, 1000)) s (place)
        )
      )
    );
  end if;
end;
$$;

comment on function stepbase_private.refuse_problems(stepbase_private.definition_problem[]) is
  'Raises SB423 invalid_definition if there are problems. The message has the first and how many more there are; the detail '
  'has all of them, at most 1,000, as errors, and the node_id of the first.';

-- Security definer: reads step types and components, independent of who stores the version.
create function stepbase_private.check_definition()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  new.definition := stepbase_private.without_session_keys(new.definition);
  perform stepbase_private.refuse_problems(case new.status
    when 'draft' then array(select p from stepbase_private.structure_problems(new.definition) p)
    when 'published' then array(
      select p from stepbase_private.definition_problems(new.definition, new.app_code) p
      union all
      select p from stepbase_private.block_problems(new.workflow_id, new.definition) p
    )
  end);
  return new;
end;
$$;

comment on function stepbase_private.check_definition() is
  'Trigger: drops the state of an open canvas from the definition. Raises SB423 invalid_definition (detail.errors) for a '
  'draft that is not a graph or has unknown keys, or for a version that is published with problems.';

create trigger workflow_versions_check_definition_on_insert before insert on stepbase.workflow_versions
  for each row execute function stepbase_private.check_definition();
create trigger workflow_versions_check_definition_on_update
  before update of definition, status on stepbase.workflow_versions
  for each row when (old.status = 'draft' and (old.definition is distinct from new.definition or new.status <> 'draft'))
  execute function stepbase_private.check_definition();
