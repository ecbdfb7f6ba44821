-- The edges of a version as the engine follows them: one narrow row per edge with all that starting its target needs,
-- found with one look-up in the only index. (On workflow_edges the planner must choose among indexes with a common
-- prefix, and with few statistics it chooses the wrong one.)

create table stepbase_engine.plan_edges (
  workflow_version_id uuid not null,
  source_id text not null,
  edge_id text not null,
  target_id text not null,
  handle text,
  step_type text not null,
  in_degree int not null,
  out_degree int not null,
  join_mode text not null,
  limited_by uuid,
  primary key (workflow_version_id, source_id, target_id, edge_id),
  constraint plan_edges_version_fkey foreign key (workflow_version_id)
    references stepbase.workflow_versions (id) on delete cascade
);

comment on table stepbase_engine.plan_edges is
  'Edges of a version for the engine; written by the trigger that writes workflow_nodes and workflow_edges.';
comment on column stepbase_engine.plan_edges.source_id is 'Source node; the empty string for the entry into a node without incoming edges.';
comment on column stepbase_engine.plan_edges.edge_id is 'Id of the edge; for an entry, the id of the node.';
comment on column stepbase_engine.plan_edges.handle is 'sourceHandle of the edge; null: always taken.';
comment on column stepbase_engine.plan_edges.step_type is 'Step type of the target; in_degree, out_degree and join_mode are the target''s, too.';
comment on column stepbase_engine.plan_edges.limited_by is
  'Task queue that limits how many steps like the target execute at the same time; null: no limit, at no cost.';

alter table stepbase_engine.plan_edges enable row level security;

create function stepbase_engine.step_limit(p_workflow_id uuid, p_step_type text, p_config jsonb)
returns uuid
language sql
stable
set search_path = ''
-- sync_plan_edges switches it off for its own query.
set enable_nestloop = on
as $$
  select q.id
  from stepbase.workflows w
  join stepbase.task_queues q on q.id = coalesce(
    w.task_queue_id,
    (select d.id from stepbase.task_queues d where d.app_code = w.app_code and d.name = 'default')
  )
  where w.id = p_workflow_id
    and q.max_concurrent_activities is not null
    and exists (
      select 1 from stepbase.step_types t
      where t.is_activity and t.name in (p_step_type, p_config #>> '{step,type}')
    );
$$;

comment on function stepbase_engine.step_limit(uuid, text, jsonb) is
  'Task queue whose max_concurrent_activities limits a node, or the items of a for_each; null if none does.';

create function stepbase_engine.sync_plan_edges(p_workflow_version_id uuid)
returns void
language sql
set search_path = ''
-- The rows were written a moment ago, so the planner expects one node and one edge. A nested loop would compare each of
-- 2,000 nodes with each edge.
set enable_nestloop = off
set jit = off
as $$
  delete from stepbase_engine.plan_edges where workflow_version_id = p_workflow_version_id;
  insert into stepbase_engine.plan_edges (
    workflow_version_id, source_id, edge_id, target_id, handle, step_type, in_degree, out_degree,
    join_mode, limited_by
  )
  select
    n.workflow_version_id, coalesce(e.source_node_id, ''), coalesce(e.edge_id, n.node_id), n.node_id,
    e.source_handle, n.node_type, n.in_degree, n.out_degree, n.join_mode,
    stepbase_engine.step_limit(v.workflow_id, n.node_type, n.config)
  from stepbase.workflow_nodes n
  join stepbase.workflow_versions v on v.id = n.workflow_version_id
  left join stepbase.workflow_edges e
    on e.workflow_version_id = n.workflow_version_id and e.target_node_id = n.node_id
  where n.workflow_version_id = p_workflow_version_id;
$$;

comment on function stepbase_engine.sync_plan_edges(uuid) is 'Replaces the plan edges of a version with ones derived from its nodes and edges.';

create function stepbase_engine.downstream(p_workflow_version_id uuid, p_step_id text)
returns setof text
language sql
stable
set search_path = ''
-- Each round looks up the edges of a few nodes. A scan of the table would be repeated for each node of a chain.
set enable_seqscan = off
set jit = off
as $$
  with recursive reached as (
    select p_step_id as step_id
    union
    select e.target_node_id
    from reached r
    join stepbase.workflow_edges e
      on e.workflow_version_id = p_workflow_version_id and e.source_node_id = r.step_id
  )
  select r.step_id from reached r;
$$;

comment on function stepbase_engine.downstream(uuid, text) is 'Ids of a node and of all nodes downstream of it.';
