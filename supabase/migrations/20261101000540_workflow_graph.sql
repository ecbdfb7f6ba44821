-- The graph of a version as rows: nodes and edges. A trigger derives them from the definition and no other writer is
-- allowed, so rows and definition always agree.

create table stepbase.workflow_nodes (
  workflow_version_id uuid not null,
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  node_id text not null,
  node_type text not null references stepbase.step_types (name),
  label text not null default '',
  component_id uuid references stepbase.components (id) on delete set null,
  item_component_id uuid references stepbase.components (id) on delete set null,
  compensation_component_id uuid references stepbase.components (id) on delete set null,
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

comment on table stepbase.workflow_nodes is 'Nodes of a version, derived from its definition by a trigger.';
comment on column stepbase.workflow_nodes.node_id is 'Id of the step in the definition and in expressions.';
comment on column stepbase.workflow_nodes.component_id is
  'Component that config.component resolved to when the version was saved and, for good, when it was published; may belong '
  'to an application that shares it. Null after the component was deleted.';
comment on column stepbase.workflow_nodes.item_component_id is 'As component_id, for the step of a for_each.';
comment on column stepbase.workflow_nodes.compensation_component_id is 'As component_id, for the compensation.';
comment on column stepbase.workflow_nodes.config is 'Config as written, with unresolved templates and expressions.';
comment on column stepbase.workflow_nodes.retry is
  '{max_attempts, backoff, delay_ms, max_delay_ms, jitter, max_elapsed_ms, retry_on, do_not_retry_on}; null: one attempt.';
comment on column stepbase.workflow_nodes.compensate is
  'Compensation {type, config, retry?, timeout_ms?}: runs when the run fails, is cancelled or times out.';
comment on column stepbase.workflow_nodes.timeout_ms is 'Timeout of one attempt in milliseconds; null: the default of the step type.';
comment on column stepbase.workflow_nodes.on_error is 'After the last attempt of a step without an error edge: fail the run, or continue.';
comment on column stepbase.workflow_nodes.join_mode is 'all: the step waits until every incoming edge is resolved; any: it starts with the first edge taken.';
comment on column stepbase.workflow_nodes.in_degree is 'Number of incoming edges; start value of the counter of open dependencies.';
comment on column stepbase.workflow_nodes.out_degree is 'Number of outgoing edges.';
comment on column stepbase.workflow_nodes.ordinal is 'Place in topological order, from 0.';
comment on column stepbase.workflow_nodes.reads is
  'Ids of the steps whose outputs the config''s expressions read; {*}: an expression may read every step before this one.';

create index idx_workflow_nodes_workflow_version_id_app_code
  on stepbase.workflow_nodes (workflow_version_id, app_code);
create index idx_workflow_nodes_compensate on stepbase.workflow_nodes (workflow_version_id)
  where compensate is not null;
create index idx_workflow_nodes_app_code_node_type on stepbase.workflow_nodes (app_code, node_type);
create index idx_workflow_nodes_node_type on stepbase.workflow_nodes (node_type);
create index idx_workflow_nodes_component_id on stepbase.workflow_nodes (component_id);
create index idx_workflow_nodes_item_component_id on stepbase.workflow_nodes (item_component_id);
create index idx_workflow_nodes_compensation_component_id on stepbase.workflow_nodes (compensation_component_id);

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

comment on table stepbase.workflow_edges is 'Edges of a version, derived from its definition by a trigger.';
comment on column stepbase.workflow_edges.source_handle is 'Handle of the source: the edge is taken only if the source chose it; null: always.';
comment on column stepbase.workflow_edges.config is 'Data that the editor stores with the edge.';

create index idx_workflow_edges_workflow_version_id_app_code
  on stepbase.workflow_edges (workflow_version_id, app_code);
create index idx_workflow_edges_workflow_version_id_source_node_id
  on stepbase.workflow_edges (workflow_version_id, source_node_id);
create index idx_workflow_edges_workflow_version_id_target_node_id
  on stepbase.workflow_edges (workflow_version_id, target_node_id);
create index idx_workflow_edges_app_code on stepbase.workflow_edges (app_code);

create function stepbase_private.refuse_direct_graph_write()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Writes of the sync trigger and of cascades have a trigger depth above 1.
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
  'Trigger: raises SB424 immutable for a direct write to nodes or edges; save the workflow''s definition instead.';

create trigger workflow_nodes_refuse_direct_write before insert or update or delete on stepbase.workflow_nodes
  for each row execute function stepbase_private.refuse_direct_graph_write();
create trigger workflow_edges_refuse_direct_write before insert or update or delete on stepbase.workflow_edges
  for each row execute function stepbase_private.refuse_direct_graph_write();

alter table stepbase.workflow_nodes enable row level security;
alter table stepbase.workflow_edges enable row level security;

grant select on stepbase.workflow_nodes, stepbase.workflow_edges to authenticated, service_role;

create policy "Members read their nodes" on stepbase.workflow_nodes
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Members read their edges" on stepbase.workflow_edges
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));
