-- The rows of nodes and edges always equal the definition.

begin;
set local search_path = public, extensions;
select plan(14);
select tests.create_people();

create temporary table saved as
select tests.perform_as('developer', $$select (stepbase.save_workflow('tap-flow', '{
  "nodes": [
    {"id": "join", "type": "transform", "data": {"config": {"expression": "steps.left.output + steps.right.output"}}},
    {"id": "left", "type": "transform", "position": {"x": 1, "y": 2}, "data": {"label": "Left",
      "config": {"expression": "steps.start.output"},
      "retry": {"max_attempts": 3}, "timeout_ms": 500, "on_error": "continue", "join": "any"}},
    {"id": "right", "type": "inline_code", "data": {"config": {"code": "({ steps }) => Object.keys(steps)"}}},
    {"id": "start", "type": "http_request", "data": {"config": {"url": "https://x.example"}}}],
  "edges": [
    {"id": "1", "source": "start", "target": "left"}, {"id": "2", "source": "start", "target": "right",
      "sourceHandle": "error", "label": "oops"},
    {"id": "3", "source": "left", "target": "join"}, {"id": "4", "source": "right",
      "target": "join"}]}')).id$$)::uuid as id;

select results_eq(
  'select n.node_id, n.ordinal, n.in_degree, n.out_degree, n.reads::text from stepbase.workflow_nodes n join saved s on s.id = n.workflow_version_id order by n.ordinal',
  $$values ('start', 0, 0, 2, '{}'), ('left', 1, 1, 1, '{start}'), ('right', 2, 1, 1, '{*}'), ('join', 3, 2, 0, '{left,right}')$$,
  'saving computes the order, the degrees and the reads of each node'
);
select results_eq(
  $$select n.label, n.retry, n.timeout_ms, n.on_error, n.join_mode, n.position from stepbase.workflow_nodes n join saved s on s.id = n.workflow_version_id where n.node_id = 'left'$$,
  $$values ('Left', '{"max_attempts": 3}'::jsonb, 500, 'continue', 'any', '{"x": 1, "y": 2}'::jsonb)$$, 'a node has all its properties'
);
select results_eq(
  $$select e.source_node_id, e.target_node_id, e.source_handle, e.label from stepbase.workflow_edges e join saved s on s.id = e.workflow_version_id where e.edge_id = '2'$$,
  $$values ('start', 'right', 'error', 'oops')$$, 'an edge has all its properties'
);
select results_eq(
  $$select n.label, n.on_error, n.join_mode from stepbase.workflow_nodes n join saved s on s.id = n.workflow_version_id where n.node_id = 'start'$$,
  $$values ('start', 'fail', 'all')$$, 'a node without properties has the defaults'
);

-- A second save replaces the content of the same draft.
select is(
  tests.perform_as('developer', $$select (stepbase.save_workflow('tap-flow',
    '{"nodes": [{"id": "only", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": []}',
      'Tap flow')).id$$)::uuid,
  (select s.id from saved s), 'a second save keeps the version of the draft'
);
select is((select count(*) from stepbase.workflow_nodes n join saved s on s.id = n.workflow_version_id), 1::bigint, 'a second save replaces the nodes');
select is((select count(*) from stepbase.workflow_edges e join saved s on s.id = e.workflow_version_id), 0::bigint, 'a second save removes the old edges');
select is((select w.name from stepbase.workflows w where w.kebab_name = 'tap-flow'), 'Tap flow', 'a second save changes the name');

-- Publishing, and the draft after it.
select is(
  tests.perform_as('developer', format('select (stepbase.publish_workflow(%L)).status', (select s.id from saved s))), 'published', 'a developer can publish the draft'
);
select is(
  (select w.status || ' ' || (w.published_version_id = s.id)::text from stepbase.workflows w, saved s
    where w.kebab_name = 'tap-flow'),
  'published true', 'the workflow refers to the published version'
);
select is(
  tests.perform_as('developer', format('select (stepbase.publish_workflow(%L)).version', (select s.id from saved s))), '1', 'publishing a published version again has no effect'
);
select is(
  tests.perform_as('developer', $$select (stepbase.save_workflow('tap-flow', '{"nodes": [], "edges": []}')).version$$), '2', 'the next save creates version 2'
);
select is(
  (select v.version from stepbase.workflows w join stepbase.workflow_versions v on v.id = w.latest_version_id
    where w.kebab_name = 'tap-flow'), 2,
  'latest_version_id refers to version 2'
);
select is(
  (select v.version from stepbase.workflows w join stepbase.workflow_versions v on v.id = w.published_version_id
    where w.kebab_name = 'tap-flow'), 1,
  'published_version_id still refers to version 1'
);

select * from finish();
rollback;
