-- The order of a definition's nodes: topological order, and which steps follow another.

create function stepbase_private.topological_order(p_definition jsonb)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_ids text[];
  -- Indexed by a node's place: number of unresolved incoming edges, and the range of its outgoing edges in v_targets.
  v_unresolved int[];
  v_first_edge int[];
  v_edge_count int[];
  v_targets int[];
  v_queue int[];
  v_head int := 1;
  v_place int;
  v_target int;
begin
  with nodes as (
    select n.node ->> 'id' as id, n.place::int as place
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
  ),
  edges as (
    select s.place as source, t.place as target
    from jsonb_array_elements(p_definition -> 'edges') e (edge)
    join nodes s on s.id = e.edge ->> 'source'
    join nodes t on t.id = e.edge ->> 'target'
  ),
  leaving as (
    select n.place, count(e.source)::int as edges from nodes n left join edges e on e.source = n.place group by 1
  ),
  entering as (
    select n.place, count(e.target)::int as edges from nodes n left join edges e on e.target = n.place group by 1
  )
  select
    (select array_agg(n.id order by n.place) from nodes n),
    (select array_agg(e.edges order by e.place) from entering e),
    (select array_agg(l.edges order by l.place) from leaving l),
    (
      select array_agg(o.first_edge order by o.place)
      from (select l.place, (sum(l.edges) over (order by l.place) - l.edges + 1)::int as first_edge
        from leaving l) o
    ),
    (select array_agg(e.target order by e.source, e.target) from edges e),
    (select array_agg(e.place order by e.place) from entering e where e.edges = 0)
  into v_ids, v_unresolved, v_edge_count, v_first_edge, v_targets, v_queue;

  -- Kahn's algorithm: visits every node and every edge once.
  v_queue := coalesce(v_queue, '{}');
  while v_head <= cardinality(v_queue) loop
    v_place := v_queue[v_head];
    v_head := v_head + 1;
    for i in v_first_edge[v_place] .. v_first_edge[v_place] + v_edge_count[v_place] - 1 loop
      v_target := v_targets[i];
      v_unresolved[v_target] := v_unresolved[v_target] - 1;
      if v_unresolved[v_target] = 0 then
        v_queue := v_queue || v_target;
      end if;
    end loop;
  end loop;
  return coalesce(
    (select array_agg(v_ids[q.place] order by q.rank) from unnest(v_queue) with ordinality q (place, rank)), '{}'
  );
end;
$$;

comment on function stepbase_private.topological_order(jsonb) is
  'Node ids of a definition in topological order; nodes on a cycle or downstream of one are left out.';

create function stepbase_private.downstream_steps(p_definition jsonb)
returns table (node_id text, place int, downstream bit varying)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_ids constant text[] := stepbase_private.topological_order(p_definition);
  v_nothing constant bit varying := repeat('0', cardinality(v_ids))::bit varying;
  v_downstream bit varying[] := array_fill(v_nothing, array[cardinality(v_ids)]);
  v_source int;
  v_target int;
begin
  -- The last source first: the set of each target is complete when a source adds it, so each edge is used once.
  for v_source, v_target in
    with nodes as (
      select o.id, o.place::int as place from unnest(v_ids) with ordinality o (id, place)
    )
    select s.place, t.place
    from jsonb_array_elements(p_definition -> 'edges') e (edge)
    join nodes s on s.id = e.edge ->> 'source'
    join nodes t on t.id = e.edge ->> 'target'
    order by s.place desc
  loop
    v_downstream[v_source] := v_downstream[v_source] | set_bit(v_downstream[v_target], v_target - 1, 1);
  end loop;
  return query
    select d.id, d.place::int - 1, d.downstream
    from unnest(v_ids, v_downstream) with ordinality d (id, downstream, place)
    order by d.place;
end;
$$;

comment on function stepbase_private.downstream_steps(jsonb) is
  'The steps of a definition in topological order: place, from 0, and downstream, in which bit n is set if a path leads to '
  'the step at place n. Nodes on a cycle or downstream of one are left out.';
