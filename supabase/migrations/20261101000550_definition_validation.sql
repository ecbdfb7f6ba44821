-- Is a definition sound? Structural problems make it impossible to derive a graph and are refused
-- whenever it is stored; the others only when it is published. What is wrong with single steps is found in
-- …_step_problems.sql.

create function stepbase_private.definition_shape_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_ids text[];
begin
  if p_definition is null or jsonb_typeof(p_definition) <> 'object' then
    return query select null::text, 'not_an_object', 'The definition must be an object';
    return;
  end if;
  if jsonb_typeof(p_definition -> 'nodes') is distinct from 'array' then
    return query select null::text, 'nodes_not_an_array', 'nodes must be an array';
  end if;
  if jsonb_typeof(p_definition -> 'edges') is distinct from 'array' then
    return query select null::text, 'edges_not_an_array', 'edges must be an array';
  end if;
  if jsonb_typeof(p_definition -> 'nodes') is distinct from 'array'
    or jsonb_typeof(p_definition -> 'edges') is distinct from 'array' then
    return;
  end if;
  if jsonb_array_length(p_definition -> 'nodes') > 2000 or jsonb_array_length(p_definition -> 'edges') > 10000 then
    return query select null::text, 'too_large', 'A definition has at most 2000 nodes and 10000 edges';
    return;
  end if;

  return query
    select
      case when jsonb_typeof(n.node -> 'id') = 'string' then n.node ->> 'id' end,
      p.code,
      p.message
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    cross join lateral (
      select 'invalid_node' as code, format('Node %s must be an object', n.place) as message
      where jsonb_typeof(n.node) <> 'object'
      union all
      select 'missing_id', format('Node %s has no id', n.place)
      where jsonb_typeof(n.node) = 'object' and coalesce(n.node ->> 'id', '') = ''
      union all
      select 'invalid_id', format('The id %s must be letters, digits, _ or -, start with a letter, at most 63 long', n.node ->> 'id')
      where n.node ->> 'id' <> '' and (jsonb_typeof(n.node -> 'id') <> 'string' or n.node ->> 'id' !~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$')
      union all
      select 'unknown_step_type', format('There is no step type %s', coalesce(n.node ->> 'type', '(none)'))
      where jsonb_typeof(n.node) = 'object'
        and not exists (select 1 from stepbase.step_types t where t.name = n.node ->> 'type')
      union all
      select 'invalid_node', 'data must be an object'
      where n.node ? 'data' and jsonb_typeof(n.node -> 'data') <> 'object'
      union all
      select 'invalid_config', 'config must be an object'
      where n.node -> 'data' ? 'config' and jsonb_typeof(n.node -> 'data' -> 'config') <> 'object'
      union all
      select 'invalid_timeout', 'timeout_ms must be a whole number from 1 to 2147483647'
      where n.node -> 'data' ? 'timeout_ms' and n.node -> 'data' -> 'timeout_ms' <> 'null'
        and stepbase_private.json_schema_errors(
          '{"type": "integer", "minimum": 1, "maximum": 2147483647}', n.node -> 'data' -> 'timeout_ms') <> '[]'
      union all
      select 'invalid_on_error', 'on_error must be fail or continue'
      where coalesce(n.node -> 'data' ->> 'on_error', 'fail') not in ('fail', 'continue')
      union all
      select 'invalid_join', 'join must be all or any'
      where coalesce(n.node -> 'data' ->> 'join', 'all') not in ('all', 'any')
    ) p
    order by n.place;

  return query
    select d.id, 'duplicate_node', format('There are %s nodes with the id %s', d.times, d.id)
    from (
      select n.node ->> 'id' as id, count(*) as times
      from jsonb_array_elements(p_definition -> 'nodes') n (node)
      where n.node ->> 'id' <> ''
      group by 1
      having count(*) > 1
    ) d
    order by d.id;

  v_ids := array(select n.node ->> 'id' from jsonb_array_elements(p_definition -> 'nodes') n (node) where n.node ->> 'id' <> '');
  return query
    select e.edge ->> 'source', p.code, p.message
    from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
    cross join lateral (
      select 'invalid_edge' as code, format('Edge %s must be an object with id, source and target', e.place) as message
      where jsonb_typeof(e.edge) <> 'object' or coalesce(e.edge ->> 'id', '') = ''
        or e.edge ->> 'source' is null or e.edge ->> 'target' is null
      union all
      select 'dangling_edge', format('Edge %s comes from %s, which does not exist', e.edge ->> 'id', e.edge ->> 'source')
      where e.edge ->> 'source' <> all (v_ids)
      union all
      select 'dangling_edge', format('Edge %s leads to %s, which does not exist', e.edge ->> 'id', e.edge ->> 'target')
      where e.edge ->> 'target' <> all (v_ids)
    ) p
    order by e.place;

  return query
    select d.source, 'duplicate_edge', format('There are %s edges with the id %s', d.times, d.id)
    from (
      select e.edge ->> 'id' as id, min(e.edge ->> 'source') as source, count(*) as times
      from jsonb_array_elements(p_definition -> 'edges') e (edge)
      where e.edge ->> 'id' <> ''
      group by 1
      having count(*) > 1
    ) d
    order by d.id;
end;
$$;

comment on function stepbase_private.definition_shape_problems(jsonb) is
  'What keeps a definition from being a graph of known steps: shapes, ids, types, edges.';

create function stepbase_private.definition_cycle_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_total constant int := jsonb_array_length(p_definition -> 'nodes');
  v_ordered text[] := stepbase_private.topological_order(p_definition);
  v_rest jsonb;
begin
  if cardinality(v_ordered) = v_total then
    return;
  end if;
  -- What cannot be ordered is on a cycle or behind one; ordering that backwards leaves out the latter.
  v_rest := jsonb_build_object(
    'nodes', (
      select jsonb_agg(n.node order by n.place)
      from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
      where n.node ->> 'id' <> all (v_ordered)
    ),
    'edges', (
      select jsonb_agg(jsonb_build_object('source', e.edge -> 'target', 'target', e.edge -> 'source'))
      from jsonb_array_elements(p_definition -> 'edges') e (edge)
      where e.edge ->> 'source' <> all (v_ordered) and e.edge ->> 'target' <> all (v_ordered)
    )
  );
  v_ordered := stepbase_private.topological_order(v_rest);
  return query
    select n.node ->> 'id', 'cycle', format('%s is part of a cycle: it would have to run before itself', n.node ->> 'id')
    from jsonb_array_elements(v_rest -> 'nodes') with ordinality n (node, place)
    where n.node ->> 'id' <> all (v_ordered)
    order by n.place
    limit 100;
end;
$$;

comment on function stepbase_private.definition_cycle_problems(jsonb) is 'The nodes of a well-shaped definition that lie on a cycle.';

create function stepbase_private.handle_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select
    n.node ->> 'id', 'invalid_handle',
    format(
      'Edge %s leaves by %s, which %s does not have (%s)', e.edge ->> 'id', e.edge ->> 'sourceHandle', t.name,
      array_to_string(t.handles || array['error', 'timeout'], ', ')
    )
  from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
  join jsonb_array_elements(p_definition -> 'nodes') n (node) on n.node ->> 'id' = e.edge ->> 'source'
  join stepbase.step_types t on t.name = n.node ->> 'type'
  where t.handles is not null and e.edge ->> 'sourceHandle' <> all (t.handles || array['error', 'timeout'])
  order by e.place;
$$;

comment on function stepbase_private.handle_problems(jsonb) is
  'Edges of a well-shaped definition that leave by a handle which their source does not have.';

create function stepbase_private.references_of(p_node jsonb)
returns setof text
language sql
stable
set search_path = ''
as $$
  select r.step
  from stepbase_private.config_expressions(p_node ->> 'type', p_node -> 'data' -> 'config') x (expression)
  cross join unnest(stepbase_private.referenced_steps(x.expression)) r (step)
  where r.step <> '*'
  union
  -- What undoes a step may read what the step itself gave.
  select r.step
  from stepbase_private.config_expressions(
    p_node -> 'data' -> 'compensate' ->> 'type', p_node -> 'data' -> 'compensate' -> 'config'
  ) x (expression)
  cross join unnest(stepbase_private.referenced_steps(x.expression)) r (step)
  where r.step not in ('*', p_node ->> 'id');
$$;

comment on function stepbase_private.references_of(jsonb) is 'The steps that a node''s expressions name.';

create function stepbase_private.reference_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  -- By place in topological order: where a node's predecessors are in sources.
  v_first_edge int[];
  v_edge_count int[];
  v_sources int[];
  v_seen int[];
  v_stack int[];
  v_place int;
  v_round int := 0;
  v_reference record;
begin
  with places as (
    select o.id, o.place::int as place
    from unnest(stepbase_private.topological_order(p_definition)) with ordinality o (id, place)
  ),
  edges as (
    select s.place as source, t.place as target
    from jsonb_array_elements(p_definition -> 'edges') e (edge)
    join places s on s.id = e.edge ->> 'source'
    join places t on t.id = e.edge ->> 'target'
  ),
  entering as (
    select p.place, count(e.target)::int as edges from places p left join edges e on e.target = p.place group by 1
  )
  select
    (select array_agg(e.edges order by e.place) from entering e),
    (
      select array_agg(o.first_edge order by o.place)
      from (select e.place, (sum(e.edges) over (order by e.place) - e.edges + 1)::int as first_edge
        from entering e) o
    ),
    (select array_agg(e.source order by e.target, e.source) from edges e),
    (select array_agg(0) from places)
  into v_edge_count, v_first_edge, v_sources, v_seen;

  for v_reference in
    with places as (
      select o.id, o.place::int as place
      from unnest(stepbase_private.topological_order(p_definition)) with ordinality o (id, place)
    )
    select n.node ->> 'id' as id, own.place, r.step, named.place as wanted
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, rank)
    join places own on own.id = n.node ->> 'id'
    cross join lateral stepbase_private.references_of(n.node) r (step)
    left join places named on named.id = r.step
    order by n.rank, r.step
  loop
    if v_reference.wanted is null then
      return query select
        v_reference.id, 'unknown_reference', format('steps.%s is read, but there is no such step', v_reference.step);
      continue;
    end if;
    -- Backwards from the node; what comes before the wanted step in order cannot lead over it.
    v_round := v_round + 1;
    v_stack := array[v_reference.place];
    while cardinality(v_stack) > 0 loop
      v_place := v_stack[cardinality(v_stack)];
      v_stack := trim_array(v_stack, 1);
      for i in v_first_edge[v_place] .. v_first_edge[v_place] + v_edge_count[v_place] - 1 loop
        if v_sources[i] >= v_reference.wanted and v_seen[v_sources[i]] <> v_round then
          v_seen[v_sources[i]] := v_round;
          v_stack := v_stack || v_sources[i];
        end if;
      end loop;
      exit when v_seen[v_reference.wanted] = v_round;
    end loop;
    if v_seen[v_reference.wanted] <> v_round then
      return query select
        v_reference.id, 'reference_not_upstream',
        format(
          'steps.%s is read, but no path leads from %s to %s', v_reference.step, v_reference.step, v_reference.id
        );
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.reference_problems(jsonb) is
  'References of an acyclic definition to steps that are not there or not upstream.';

create function stepbase_private.structure_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query select p.* from stepbase_private.definition_shape_problems(p_definition) p;
  if not found then
    return query select p.* from stepbase_private.definition_cycle_problems(p_definition) p;
  end if;
end;
$$;

comment on function stepbase_private.structure_problems(jsonb) is
  'What keeps a definition from being stored at all: bad shapes, unknown types, dangling edges, cycles.';

create function stepbase_private.definition_problems(p_definition jsonb, p_app_code text default null)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query select p.* from stepbase_private.structure_problems(p_definition) p;
  if found then
    return;
  end if;
  if jsonb_array_length(p_definition -> 'nodes') = 0 then
    return query select null::text, 'empty', 'A workflow needs at least one step';
  end if;
  return query
    select p.*
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    cross join lateral stepbase_private.node_problems(n.node, p_app_code) p
    order by n.place;
  return query select p.* from stepbase_private.handle_problems(p_definition) p;
  return query select p.* from stepbase_private.reference_problems(p_definition) p;
end;
$$;

comment on function stepbase_private.definition_problems(jsonb, text) is
  'Everything that is wrong with a definition, by node; no row: it can be published. With an app_code, '
  'components are looked up too.';

create function stepbase_private.refuse_problems(p_problems jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if jsonb_array_length(p_problems) > 0 then
    perform stepbase_private.raise_error(
      'invalid_definition',
      case jsonb_array_length(p_problems)
        when 1 then p_problems -> 0 ->> 'message'
        else format('%s (and %s more)', p_problems -> 0 ->> 'message', jsonb_array_length(p_problems) - 1)
      end,
      jsonb_build_object('problems', p_problems) || jsonb_strip_nulls(jsonb_build_object('node_id', p_problems -> 0 -> 'node_id'))
    );
  end if;
end;
$$;

comment on function stepbase_private.refuse_problems(jsonb) is 'Raises SB423 with the problems, when there are any.';

-- Definer: step types and components are read whoever stores the version.
create function stepbase_private.check_definition()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.refuse_problems(coalesce(
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.structure_problems(new.definition) p
      where new.status = 'draft'
    ),
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.definition_problems(new.definition, new.app_code) p
      where new.status = 'published'
    ),
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.block_problems(new.workflow_id, new.definition) p
      where new.status = 'published'
    ),
    '[]'
  ));
  return new;
end;
$$;

comment on function stepbase_private.check_definition() is
  'Trigger: a draft must be a graph, a published version must be sound (SB423 with detail.problems).';

create trigger workflow_versions_check_definition_on_insert before insert on stepbase.workflow_versions
  for each row execute function stepbase_private.check_definition();
create trigger workflow_versions_check_definition_on_update
  before update of definition, status on stepbase.workflow_versions
  for each row when (old.status = 'draft' and (old.definition is distinct from new.definition or new.status <> 'draft'))
  execute function stepbase_private.check_definition();
