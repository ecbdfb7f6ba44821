-- The graph of a version as rows: what the engine walks. Derived from the definition by trigger and
-- written by nothing else, so that rows and definition are always equal.

create table stepbase.workflow_nodes (
  workflow_version_id uuid not null,
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  node_id text not null,
  node_type text not null references stepbase.step_types (name),
  label text not null default '',
  component_id uuid references stepbase.components (id),
  config jsonb not null default '{}',
  retry jsonb,
  compensate jsonb,
  timeout_ms int,
  on_error text not null default 'fail' constraint on_error_is_known check (on_error in ('fail', 'continue')),
  join_mode text not null default 'all' constraint join_mode_is_known check (join_mode in ('all', 'any')),
  position jsonb not null default '{"x": 0, "y": 0}',
  in_degree int not null,
  out_degree int not null,
  ordinal int not null,
  reads text[] not null default '{}',
  created_at timestamptz not null default now(),
  primary key (workflow_version_id, node_id),
  constraint node_version_is_of_same_app
    foreign key (workflow_version_id, app_code) references stepbase.workflow_versions (id, app_code) on delete cascade
);

comment on table stepbase.workflow_nodes is 'The steps of a version, derived from its definition by trigger.';
comment on column stepbase.workflow_nodes.node_id is 'The step''s name in the definition and in expressions.';
comment on column stepbase.workflow_nodes.component_id is
  'What config.component meant when the version was saved; may be another application''s when that one shows it.';
comment on column stepbase.workflow_nodes.config is 'Unresolved: templates and expressions as written.';
comment on column stepbase.workflow_nodes.retry is
  '{max_attempts, backoff, delay_ms, max_delay_ms, jitter, max_elapsed_ms, retry_on, do_not_retry_on}; null: one attempt.';
comment on column stepbase.workflow_nodes.compensate is
  '{type, config, retry?, timeout_ms?} of the step that undoes this one when the run fails, is cancelled or times out.';
comment on column stepbase.workflow_nodes.timeout_ms is 'Longest time for one attempt.';
comment on column stepbase.workflow_nodes.on_error is 'When attempts are used up and no error edge leaves: fail the run or continue.';
comment on column stepbase.workflow_nodes.join_mode is 'all: every incoming edge is resolved first; any: the first taken edge is enough.';
comment on column stepbase.workflow_nodes.in_degree is 'Incoming edges: where the engine''s counter of open dependencies starts.';
comment on column stepbase.workflow_nodes.out_degree is 'Outgoing edges.';
comment on column stepbase.workflow_nodes.ordinal is 'Topological order, 0-based.';
comment on column stepbase.workflow_nodes.reads is 'Steps whose outputs the config''s expressions read.';

create index idx_workflow_nodes_workflow_version_id_app_code
  on stepbase.workflow_nodes (workflow_version_id, app_code);
create index idx_workflow_nodes_compensate on stepbase.workflow_nodes (workflow_version_id)
  where compensate is not null;
create index idx_workflow_nodes_app_code_node_type on stepbase.workflow_nodes (app_code, node_type);
create index idx_workflow_nodes_node_type on stepbase.workflow_nodes (node_type);
create index idx_workflow_nodes_component_id on stepbase.workflow_nodes (component_id);

create table stepbase.workflow_edges (
  workflow_version_id uuid not null,
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  edge_id text not null,
  source_node_id text not null,
  target_node_id text not null,
  source_handle text,
  label text,
  config jsonb not null default '{}',
  created_at timestamptz not null default now(),
  primary key (workflow_version_id, edge_id),
  constraint edge_version_is_of_same_app
    foreign key (workflow_version_id, app_code) references stepbase.workflow_versions (id, app_code) on delete cascade,
  constraint edge_source_is_a_node
    foreign key (workflow_version_id, source_node_id)
    references stepbase.workflow_nodes (workflow_version_id, node_id) on delete cascade,
  constraint edge_target_is_a_node
    foreign key (workflow_version_id, target_node_id)
    references stepbase.workflow_nodes (workflow_version_id, node_id) on delete cascade
);

comment on table stepbase.workflow_edges is 'The connections between a version''s steps, derived from its definition by trigger.';
comment on column stepbase.workflow_edges.source_handle is 'Taken only when the source step chose this handle; null: always.';
comment on column stepbase.workflow_edges.config is 'What the editor keeps with the edge.';

create index idx_workflow_edges_workflow_version_id_app_code
  on stepbase.workflow_edges (workflow_version_id, app_code);
create index idx_workflow_edges_workflow_version_id_source_node_id
  on stepbase.workflow_edges (workflow_version_id, source_node_id);
create index idx_workflow_edges_workflow_version_id_target_node_id
  on stepbase.workflow_edges (workflow_version_id, target_node_id);
create index idx_workflow_edges_app_code on stepbase.workflow_edges (app_code);

create function stepbase_private.topological_order(p_definition jsonb)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_ids text[];
  -- By place of a node: edges that still have to be resolved, and where its outgoing edges are in targets.
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

  -- Kahn: every node and every edge is looked at once.
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
  'The node ids of a definition, sources first; nodes on or behind a cycle are left out.';

create function stepbase_private.upstream_steps(p_definition jsonb, p_node_id text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  with recursive edges as (
    select e.edge ->> 'source' as source, e.edge ->> 'target' as target
    from jsonb_array_elements(p_definition -> 'edges') e (edge)
  ),
  upstream (id) as (
    select e.source from edges e where e.target = p_node_id
    union
    select e.source from edges e join upstream u on u.id = e.target
  )
  select coalesce(array_agg(u.id order by u.id), '{}') from upstream u;
$$;

comment on function stepbase_private.upstream_steps(jsonb, text) is 'Every step from which a path leads to the given one.';

-- Definer: nobody else may write the graph.
create function stepbase_private.sync_workflow_graph()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from stepbase.workflow_edges where workflow_version_id = new.id;
  delete from stepbase.workflow_nodes where workflow_version_id = new.id;

  insert into stepbase.workflow_nodes (
    workflow_version_id, app_code, node_id, node_type, label, component_id, config, retry, compensate, timeout_ms,
    on_error, join_mode, position, in_degree, out_degree, ordinal, reads
  )
  select
    new.id,
    new.app_code,
    n.id,
    n.node ->> 'type',
    coalesce(n.data ->> 'label', n.id),
    stepbase_private.component_for(new.app_code, n.data -> 'config' ->> 'component'),
    coalesce(n.data -> 'config', '{}'),
    nullif(n.data -> 'retry', 'null'),
    nullif(n.data -> 'compensate', 'null'),
    -- A whole number may be written 10.0, which is text that no integer is read from.
    (n.data ->> 'timeout_ms')::numeric::int,
    coalesce(n.data ->> 'on_error', 'fail'),
    coalesce(n.data ->> 'join', 'all'),
    coalesce(n.node -> 'position', '{"x": 0, "y": 0}'),
    coalesce(entering.edges, 0),
    coalesce(leaving.edges, 0),
    o.place - 1,
    coalesce(
      case
        when '*' = any (r.steps) then stepbase_private.upstream_steps(new.definition, n.id)
        else r.steps
      end,
      '{}'
    )
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
    from stepbase_private.config_expressions(n.node ->> 'type', n.data -> 'config') e (expression)
    cross join unnest(stepbase_private.referenced_steps(e.expression)) s (step)
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

  perform stepbase_engine.sync_plan_edges(new.id);
  return null;
end;
$$;

comment on function stepbase_private.sync_workflow_graph() is 'Trigger: rewrites a version''s nodes and edges from its definition.';

create trigger workflow_versions_sync_graph_on_insert after insert on stepbase.workflow_versions
  for each row execute function stepbase_private.sync_workflow_graph();
create trigger workflow_versions_sync_graph_on_update after update of definition on stepbase.workflow_versions
  for each row when (old.definition is distinct from new.definition)
  execute function stepbase_private.sync_workflow_graph();

create function stepbase_private.refuse_direct_graph_write()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- The sync trigger, or a cascade, is one level further up.
  if pg_trigger_depth() = 1 then
    perform stepbase_private.raise_error(
      'immutable',
      format('%s is derived from the definition; save the workflow instead', tg_table_name),
      jsonb_build_object('table', tg_table_name)
    );
  end if;
  return coalesce(new, old);
end;
$$;

comment on function stepbase_private.refuse_direct_graph_write() is
  'Trigger: nodes and edges change only through the definition they are derived from (SB424).';

create trigger workflow_nodes_refuse_direct_write before insert or update or delete on stepbase.workflow_nodes
  for each row execute function stepbase_private.refuse_direct_graph_write();
create trigger workflow_edges_refuse_direct_write before insert or update or delete on stepbase.workflow_edges
  for each row execute function stepbase_private.refuse_direct_graph_write();

alter table stepbase.workflow_nodes enable row level security;
alter table stepbase.workflow_edges enable row level security;

grant select on stepbase.workflow_nodes, stepbase.workflow_edges to authenticated, service_role;

create policy "Whoever reads a version reads its nodes" on stepbase.workflow_nodes
  for select to authenticated
  using (
    (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')))
    or exists (select 1 from stepbase.workflow_versions v where v.id = workflow_nodes.workflow_version_id)
  );

create policy "Whoever reads a version reads its edges" on stepbase.workflow_edges
  for select to authenticated
  using (
    (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')))
    or exists (select 1 from stepbase.workflow_versions v where v.id = workflow_edges.workflow_version_id)
  );
