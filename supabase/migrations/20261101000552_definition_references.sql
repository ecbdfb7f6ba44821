-- Checks of edges' handles and of references between steps.

create function stepbase_private.handle_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  select
    n.node ->> 'id', format('/edges/%s/sourceHandle', e.place - 1), 'invalid_handle',
    format(
      'Edge %s has the source handle %s, but %s has only %s', e.edge ->> 'id', e.edge ->> 'sourceHandle', t.name,
      array_to_string(h.handles, ', ')
    ),
    stepbase_private.suggestion(e.edge ->> 'sourceHandle', h.handles)
  from jsonb_array_elements(p_definition -> 'edges') with ordinality e (edge, place)
  join jsonb_array_elements(p_definition -> 'nodes') n (node) on n.node ->> 'id' = e.edge ->> 'source'
  join stepbase.step_types t on t.name = n.node ->> 'type'
  -- Some step types name timeout as a handle of their own.
  cross join lateral (
    select t.handles || array(
      select c.handle from unnest(array['error', 'timeout']) c (handle) where c.handle <> all (t.handles)
    ) as handles
  ) h
  where t.handles is not null and e.edge ->> 'sourceHandle' <> all (h.handles)
  order by e.place;
$$;

comment on function stepbase_private.handle_problems(jsonb) is
  'One problem for each edge whose sourceHandle its source''s step type does not have.';

create function stepbase_private.references_of(p_node jsonb)
returns setof text
language sql
stable
set search_path = ''
as $$
  select r.step
  from stepbase_private.config_expressions(p_node ->> 'type', p_node -> 'data' -> 'config') x
  cross join stepbase_private.read_steps(x.expression, x.language) r
  where r.is_certain
  union
  -- A compensation may read the output of the step it belongs to.
  select r.step
  from stepbase_private.config_expressions(
    p_node -> 'data' -> 'compensate' ->> 'type', p_node -> 'data' -> 'compensate' -> 'config'
  ) x
  cross join stepbase_private.read_steps(x.expression, x.language) r
  where r.is_certain and r.step <> p_node ->> 'id';
$$;

comment on function stepbase_private.references_of(jsonb) is 'Ids of the steps that the expressions of a node and of its compensation read for certain.';

create function stepbase_private.reference_pointer(p_node jsonb, p_step text, p_pointer text)
returns text
language sql
stable
set search_path = ''
as $$
  select min(e.pointer)
  from (
    select c.pointer, c.expression, c.language
    from stepbase_private.expression_pointers(
      p_node ->> 'type', p_node -> 'data' -> 'config', p_pointer || '/data/config'
    ) c
    union all
    select c.pointer, c.expression, c.language
    from stepbase_private.expression_pointers(
      p_node -> 'data' -> 'compensate' ->> 'type', p_node -> 'data' -> 'compensate' -> 'config',
      p_pointer || '/data/compensate/config'
    ) c
    -- A compensation may read the output of the step it belongs to.
    where p_step <> p_node ->> 'id'
  ) e
  where p_step = any (stepbase_private.referenced_steps(e.expression, e.language));
$$;

comment on function stepbase_private.reference_pointer(jsonb, text, text) is
  'JSON pointer of the first text in a node that reads the step p_step. p_pointer: that of the node.';

create function stepbase_private.reference_problems(p_definition jsonb)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  -- Indexed by place in topological order: the range of a node's predecessors in v_sources.
  v_first_edge int[];
  v_edge_count int[];
  v_sources int[];
  v_seen int[];
  v_stack int[];
  v_place int;
  v_round int := 0;
  v_found int := 0;
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
    select n.node, '/nodes/' || (n.rank - 1) as pointer, n.node ->> 'id' as id, own.place, r.step, named.place as wanted
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, rank)
    join places own on own.id = n.node ->> 'id'
    cross join lateral stepbase_private.references_of(n.node) r (step)
    left join places named on named.id = r.step
    order by n.rank, r.step
  loop
    exit when v_found >= 1000;
    if v_reference.wanted is null then
      v_found := v_found + 1;
      return query select
        v_reference.id,
        stepbase_private.reference_pointer(v_reference.node, v_reference.step, v_reference.pointer),
        'unknown_reference', format('steps.%s is read, but the workflow has no such step', v_reference.step),
        case when v_found <= 100 then stepbase_private.suggestion(v_reference.step, array(
          select n.node ->> 'id'
          from jsonb_array_elements(p_definition -> 'nodes') n (node)
          where n.node ->> 'id' <> v_reference.id
        )) end;
      continue;
    end if;
    -- Depth-first, backwards from the node. Nodes that precede the wanted step in order cannot lead to it.
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
      v_found := v_found + 1;
      return query select
        v_reference.id,
        stepbase_private.reference_pointer(v_reference.node, v_reference.step, v_reference.pointer),
        'reference_not_upstream',
        format(
          'steps.%s is read, but no path leads from %s to %s', v_reference.step, v_reference.step, v_reference.id
        ),
        null;
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.reference_problems(jsonb) is
  'One problem for each reference to a step that does not exist or is not upstream, at most 1,000; the definition must be '
  'acyclic.';
