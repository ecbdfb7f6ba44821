-- Derives nodes, edges and plan edges of a version from its definition.

-- Security definer: no client may write the graph.
create function stepbase_private.sync_workflow_graph()
returns trigger
language plpgsql
security definer
set search_path = ''
-- The planner expects a hundred nodes with a hundred edges each.
set jit = off
as $$
begin
  -- Step runs refer to nodes without a foreign key; this rule replaces it.
  if tg_op = 'UPDATE' and exists (
    select 1 from stepbase.runs r where r.workflow_version_id = new.id and r.app_code = new.app_code
  ) then
    perform stepbase_private.raise_error(
      'immutable', 'A version that has runs cannot be changed; save a new version',
      jsonb_build_object('workflow_version_id', new.id)
    );
  end if;
  delete from stepbase.workflow_edges where workflow_version_id = new.id;
  delete from stepbase.workflow_nodes where workflow_version_id = new.id;

  insert into stepbase.workflow_nodes (
    workflow_version_id, app_code, node_id, node_type, label, config, retry, compensate, timeout_ms,
    on_error, join_mode, position, in_degree, out_degree, ordinal, reads
  )
  select
    new.id,
    new.app_code,
    n.id,
    n.node ->> 'type',
    coalesce(n.data ->> 'label', n.id),
    coalesce(n.data -> 'config', '{}'),
    nullif(n.data -> 'retry', 'null'),
    nullif(n.data -> 'compensate', 'null'),
    -- JSON allows 10.0 for a whole number; its text cannot be cast to int directly.
    (n.data ->> 'timeout_ms')::numeric::int,
    coalesce(n.data ->> 'on_error', 'fail'),
    coalesce(n.data ->> 'join', 'all'),
    coalesce(n.node -> 'position', '{"x": 0, "y": 0}'),
    coalesce(entering.edges, 0),
    coalesce(leaving.edges, 0),
    o.place - 1,
    -- Listing all steps before each step would make a definition of a few KB as large as the square of its steps.
    case when '*' = any (r.steps) then '{*}' else coalesce(r.steps, '{}') end
  from (
    select x.node, x.node ->> 'id' as id, coalesce(x.node -> 'data', '{}') as data
    from jsonb_array_elements(new.definition -> 'nodes') x (node)
  ) n
  join unnest(stepbase_private.topological_order(new.definition)) with ordinality o (id, place) on o.id = n.id
  left join (
    select e.edge ->> 'target' as id, count(*) as edges
    from jsonb_array_elements(new.definition -> 'edges') e (edge)
    group by 1
  ) entering on entering.id = n.id
  left join (
    select e.edge ->> 'source' as id, count(*) as edges
    from jsonb_array_elements(new.definition -> 'edges') e (edge)
    group by 1
  ) leaving on leaving.id = n.id
  left join lateral (
    select array_agg(distinct s.step order by s.step) as steps
    from stepbase_private.config_expressions(n.node ->> 'type', n.data -> 'config') e
    cross join stepbase_private.read_steps(e.expression, e.language) s
  ) r on true;

  insert into stepbase.workflow_edges (
    workflow_version_id, app_code, edge_id, source_node_id, target_node_id, source_handle, label, config
  )
  select
    new.id,
    new.app_code,
    e.edge ->> 'id',
    e.edge ->> 'source',
    e.edge ->> 'target',
    e.edge ->> 'sourceHandle',
    e.edge ->> 'label',
    coalesce(e.edge -> 'data', '{}')
  from jsonb_array_elements(new.definition -> 'edges') e (edge);

  perform stepbase_engine.pin_components(new.id);
  perform stepbase_engine.sync_plan_edges(new.id);
  return null;
end;
$$;

comment on function stepbase_private.sync_workflow_graph() is
  'Trigger: replaces nodes, edges and plan edges of a version with those of its definition. Raises SB424 immutable if the '
  'version has runs.';

create trigger workflow_versions_sync_graph_on_insert after insert on stepbase.workflow_versions
  for each row execute function stepbase_private.sync_workflow_graph();
create trigger workflow_versions_sync_graph_on_update after update of definition on stepbase.workflow_versions
  for each row when (old.definition is distinct from new.definition)
  execute function stepbase_private.sync_workflow_graph();
