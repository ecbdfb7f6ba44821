-- Structural checks of definitions: what prevents nodes and edges from forming a graph of known steps. Every save
-- refuses these problems.

create function stepbase_private.definition_size_problems(p_definition jsonb)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
begin
  if octet_length(p_definition::text) > 4194304 then
    return query select null::text, 'too_large', 'A definition has at most 4194304 bytes';
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
      case when jsonb_typeof(t.node -> 'id') = 'string' then left(t.node ->> 'id', 63) end, 'too_large',
      'A text in a node has at most 65536 characters'
    from (select x.place, x.node from texts x where x.length > 65536 order by x.place limit 100) t
    union all
    select null, 'too_large',
      'The texts in the nodes have at most 1048576 characters, and 131072 quotes, braces and slashes, together'
    where (select sum(x.length) > 1048576 or sum(x.length - x.plain) > 131072 from texts x);
end;
$$;

comment on function stepbase_private.definition_size_problems(jsonb) is
  'Problems of the size of a definition and of the texts in it, which limit what its analysis costs.';

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
  return query select p.* from stepbase_private.definition_size_problems(p_definition) p;
  if found then
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
      select 'invalid_id', format('The id %s must start with a letter and have at most 63 letters, digits, _ or -', n.node ->> 'id')
      where n.node ->> 'id' <> '' and (jsonb_typeof(n.node -> 'id') <> 'string' or n.node ->> 'id' !~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$')
      union all
      select 'unknown_step_type', format('Unknown step type %s', coalesce(n.node ->> 'type', '(none)'))
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
      select 'dangling_edge', format('Edge %s has the source %s, which is not a node', e.edge ->> 'id', e.edge ->> 'source')
      where e.edge ->> 'source' <> all (v_ids)
      union all
      select 'dangling_edge', format('Edge %s has the target %s, which is not a node', e.edge ->> 'id', e.edge ->> 'target')
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
  'Problems in the shape of a definition: nodes, ids, step types, edges. One row {node_id, code, message} each.';

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
    select n.node ->> 'id', 'cycle', format('%s is on a cycle; remove an edge that leads back to it', n.node ->> 'id')
    from jsonb_array_elements(v_rest -> 'nodes') with ordinality n (node, place)
    where n.node ->> 'id' <> all (v_ordered)
    order by n.place
    limit 100;
end;
$$;

comment on function stepbase_private.definition_cycle_problems(jsonb) is 'One problem for each node on a cycle, at most 100; the shape of the definition must be valid.';

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
  'Problems that prevent a definition from being stored: shape, unknown step types, dangling edges, cycles. No row: none.';
