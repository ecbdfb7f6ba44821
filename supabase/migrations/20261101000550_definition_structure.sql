-- Structural checks of definitions: what prevents nodes and edges from forming a graph of known steps. Every save
-- refuses these problems.

create function stepbase_private.definition_size_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
begin
  if octet_length(p_definition::text) > 4194304 then
    return query select null::text, '', 'too_large', 'A definition has at most 4194304 bytes', null::text;
    return;
  end if;
  -- Templates, conditions and code are analysed at each save; the number of nodes does not limit their length. Quotes,
  -- braces and slashes cost the most.
  return query
    with texts as (
      select n.place, n.node, length(t.source) as length, length(translate(t.source, '"''`{}/\', '')) as plain
      from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
      cross join jsonb_path_query(n.node, 'strict $.** ? (@.type() == "string")') s (item)
      cross join lateral (select s.item #>> '{}' as source) t
    )
    select
      case when jsonb_typeof(t.node -> 'id') = 'string' then left(t.node ->> 'id', 63) end,
      '/nodes/' || (t.place - 1), 'too_large', 'A text in a node has at most 65536 characters', null
    from (select x.place, x.node from texts x where x.length > 65536 order by x.place limit 100) t
    union all
    select null, '/nodes', 'too_large',
      'The texts in the nodes have at most 1048576 characters, and 131072 quotes, braces and slashes, together', null
    where (select sum(x.length) > 1048576 or sum(x.length - x.plain) > 131072 from texts x);
end;
$$;

comment on function stepbase_private.definition_size_problems(jsonb) is
  'Problems of the size of a definition and of the texts in it, which limit what its analysis costs.';

create function stepbase_private.definition_shape_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_ids text[];
begin
  if p_definition is null or jsonb_typeof(p_definition) <> 'object' then
    return query select null::text, '', 'not_an_object', 'The definition must be an object', null::text;
    return;
  end if;
  if jsonb_typeof(p_definition -> 'nodes') is distinct from 'array' then
    return query select null::text, '/nodes', 'nodes_not_an_array', 'nodes must be an array', null::text;
  end if;
  if jsonb_typeof(p_definition -> 'edges') is distinct from 'array' then
    return query select null::text, '/edges', 'edges_not_an_array', 'edges must be an array', null::text;
  end if;
  if jsonb_typeof(p_definition -> 'nodes') is distinct from 'array'
    or jsonb_typeof(p_definition -> 'edges') is distinct from 'array' then
    return;
  end if;
  if jsonb_array_length(p_definition -> 'nodes') > 2000 or jsonb_array_length(p_definition -> 'edges') > 10000 then
    return query
      select null::text, '', 'too_large', 'A definition has at most 2000 nodes and 10000 edges', null::text;
    return;
  end if;
  return query select p.* from stepbase_private.definition_size_problems(p_definition) p;
  if found then
    return;
  end if;

  return query
    select
      case when jsonb_typeof(n.node -> 'id') = 'string' then n.node ->> 'id' end,
      format('/nodes/%s%s', n.place - 1, p.part),
      p.code,
      p.message,
      p.hint
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    cross join lateral (
      select '' as part, 'invalid_node' as code, format('Node %s must be an object', n.place) as message, null as hint
      where jsonb_typeof(n.node) <> 'object'
      union all
      select '', 'missing_id', format('Node %s has no id', n.place), null
      where jsonb_typeof(n.node) = 'object' and coalesce(n.node ->> 'id', '') = ''
      union all
      select '/id', 'invalid_id',
        format('The id %s must start with a letter and have at most 63 letters, digits, _ or -', n.node ->> 'id'), null
      where n.node ->> 'id' <> '' and (jsonb_typeof(n.node -> 'id') <> 'string' or n.node ->> 'id' !~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$')
      union all
      select case when n.node ? 'type' then '/type' else '' end, 'unknown_step_type',
        format('Unknown step type %s', coalesce(n.node ->> 'type', '(none)')),
        case when n.place <= 100 then
          stepbase_private.suggestion(n.node ->> 'type', array(select t.name from stepbase.step_types t))
        end
      where jsonb_typeof(n.node) = 'object'
        and not exists (select 1 from stepbase.step_types t where t.name = n.node ->> 'type')
      union all
      select '/data', 'invalid_node', 'data must be an object', null
      where n.node ? 'data' and jsonb_typeof(n.node -> 'data') <> 'object'
      union all
      select '/data/config', 'invalid_config', 'config must be an object', null
      where n.node -> 'data' ? 'config' and jsonb_typeof(n.node -> 'data' -> 'config') <> 'object'
      union all
      select '/data/timeout_ms', 'invalid_timeout', 'timeout_ms must be a whole number from 1 to 2147483647', null
      where n.node -> 'data' ? 'timeout_ms' and n.node -> 'data' -> 'timeout_ms' <> 'null'
        and stepbase_private.json_schema_errors(
          '{"type": "integer", "minimum": 1, "maximum": 2147483647}', n.node -> 'data' -> 'timeout_ms') <> '[]'
      union all
      select '/data/on_error', 'invalid_on_error', 'on_error must be fail or continue', null
      where coalesce(n.node -> 'data' ->> 'on_error', 'fail') not in ('fail', 'continue')
      union all
      select '/data/join', 'invalid_join', 'join must be all or any', null
      where coalesce(n.node -> 'data' ->> 'join', 'all') not in ('all', 'any')
    ) p
    order by n.place;

  return query
    select
      d.id, format('/nodes/%s/id', d.places[2] - 1), 'duplicate_node',
      format('There are %s nodes with the id %s', cardinality(d.places), d.id), null
    from (
      select n.node ->> 'id' as id, array_agg(n.place order by n.place) as places
      from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
      where n.node ->> 'id' <> ''
      group by 1
      having count(*) > 1
    ) d
    order by d.id;

  v_ids := array(select n.node ->> 'id' from jsonb_array_elements(p_definition -> 'nodes') n (node) where n.node ->> 'id' <> '');
  return query
    select e.edge ->> 'source', format('/edges/%s%s', e.place - 1, p.part), p.code, p.message, p.hint
    from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
    cross join lateral (
      select '' as part, 'invalid_edge' as code,
        format('Edge %s must be an object with id, source and target', e.place) as message, null as hint
      where jsonb_typeof(e.edge) <> 'object' or coalesce(e.edge ->> 'id', '') = ''
        or e.edge ->> 'source' is null or e.edge ->> 'target' is null
      union all
      select '/' || k.name, 'dangling_edge',
        format('Edge %s has the %s %s, which is not a node', e.edge ->> 'id', k.name, e.edge ->> k.name),
        case when e.place <= 100 then stepbase_private.suggestion(e.edge ->> k.name, v_ids) end
      from unnest('{source,target}'::text[]) k (name)
      where e.edge ->> k.name <> all (v_ids)
    ) p
    order by e.place;

  return query
    select
      d.source, format('/edges/%s/id', d.places[2] - 1), 'duplicate_edge',
      format('There are %s edges with the id %s', cardinality(d.places), d.id), null
    from (
      select e.edge ->> 'id' as id, min(e.edge ->> 'source') as source, array_agg(e.place order by e.place) as places
      from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
      where e.edge ->> 'id' <> ''
      group by 1
      having count(*) > 1
    ) d
    order by d.id;
end;
$$;

comment on function stepbase_private.definition_shape_problems(jsonb) is
  'Problems in the shape of a definition: nodes, ids, step types, edges.';

create function stepbase_private.definition_key_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_uses constant jsonb := stepbase_private.canvas_keys();
  v_definition_keys constant text[] := array(select jsonb_object_keys(v_uses -> 'definition'));
  v_node_keys constant text[] := array(select jsonb_object_keys(v_uses -> 'node'));
  v_edge_keys constant text[] := array(select jsonb_object_keys(v_uses -> 'edge'));
  v_data_keys constant text[] := stepbase_private.data_keys();
begin
  return query
    select p.*
    from stepbase_private.key_problems(
      null, '', '', 'a definition', stepbase_private.without_own_keys(p_definition, v_definition_keys), v_definition_keys
    ) p;
  return query
    select p.*
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    -- Most nodes and edges have known keys only; the subtraction is cheap.
    join lateral (
      select
        stepbase_private.without_own_keys(n.node, v_node_keys) as of_node,
        stepbase_private.without_own_keys(n.node -> 'data', v_data_keys) as of_data
    ) u on case jsonb_typeof(n.node) when 'object' then n.node - v_node_keys <> '{}' else false end
      or case jsonb_typeof(n.node -> 'data') when 'object' then (n.node -> 'data') - v_data_keys <> '{}' else false end
    -- Keys of data beside data, and keys of config beside config, are frequent.
    cross join lateral (
      select p.*
      from stepbase_private.key_problems(
        n.node ->> 'id', '/nodes/' || (n.place - 1), '', 'a node', u.of_node, v_node_keys,
        (select jsonb_object_agg(d.key, 'data.' || d.key) from unnest(v_data_keys) d (key))
      ) p
      where u.of_node <> '{}'
      union all
      select p.*
      from stepbase_private.key_problems(
        n.node ->> 'id', '/nodes/' || (n.place - 1) || '/data', 'data.', 'a node', u.of_data, v_data_keys,
        (
          select jsonb_object_agg(c.key, 'config.' || c.key)
          from stepbase.step_types t
          cross join jsonb_object_keys(t.config_schema -> 'properties') c (key)
          where t.name = n.node ->> 'type'
        )
      ) p
      where u.of_data <> '{}'
    ) p
    where u.of_node <> '{}' or u.of_data <> '{}'
    limit 1000;
  return query
    select p.*
    from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
    join lateral (select stepbase_private.without_own_keys(e.edge, v_edge_keys) as of_edge) u
      on case jsonb_typeof(e.edge) when 'object' then e.edge - v_edge_keys <> '{}' else false end
    cross join lateral stepbase_private.key_problems(
      e.edge ->> 'source', '/edges/' || (e.place - 1), '', 'an edge', u.of_edge, v_edge_keys
    ) p
    where u.of_edge <> '{}'
    limit 1000;
end;
$$;

comment on function stepbase_private.definition_key_problems(jsonb) is
  'One problem for each unknown key of the definition, a node, its data or an edge. Keys of a canvas and keys that begin with '
  'x- are known.';

create function stepbase_private.definition_cycle_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
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
  -- Nodes without a place are on a cycle or downstream of one. Ordering the reversed rest drops the latter.
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
    select
      n.node ->> 'id', '/nodes/' || (n.place - 1), 'cycle',
      format('%s is on a cycle; remove an edge that leads back to it', n.node ->> 'id'), null
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    where n.node ->> 'id' in (select r.node ->> 'id' from jsonb_array_elements(v_rest -> 'nodes') r (node))
      and n.node ->> 'id' <> all (v_ordered)
    order by n.place
    limit 100;
end;
$$;

comment on function stepbase_private.definition_cycle_problems(jsonb) is 'One problem for each node on a cycle, at most 100; the shape of the definition must be valid.';

create function stepbase_private.structure_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_found constant stepbase_private.definition_problem[] := array(
    select p from stepbase_private.definition_shape_problems(p_definition) p
  );
  v_codes constant text[] := array(select f.code from unnest(v_found) f);
begin
  return query select f.* from unnest(v_found) f;
  -- The lists cannot be read, or their analysis would take too long.
  if v_codes && '{not_an_object,nodes_not_an_array,edges_not_an_array,too_large}'::text[] then
    return;
  end if;
  return query select p.* from stepbase_private.definition_key_problems(p_definition) p;
  if not v_codes && '{invalid_node,missing_id,duplicate_node,invalid_edge,dangling_edge}'::text[] then
    return query select p.* from stepbase_private.definition_cycle_problems(p_definition) p;
  end if;
end;
$$;

comment on function stepbase_private.structure_problems(jsonb) is
  'Problems that prevent a definition from being stored: shape, unknown step types, unknown keys, dangling edges, cycles. No '
  'row: none.';
