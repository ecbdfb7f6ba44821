-- A published version is immutable, even for the owner: definition, schemas, nodes and edges.

begin;
set local search_path = public, extensions;
select plan(17);
select tests.create_rows();

select is(
  tests.attempt('owner', format('update stepbase.workflow_versions set %s where app_code = ''tap-one''', c.change)), 'SB424',
  'a published version cannot be changed: ' || c.change
)
from unnest(array[
  $$definition = '{"nodes": [], "edges": []}'$$, $$input_schema = '{}'$$, $$output_schema = '{}'$$, 'published_at = now() + interval ''1 day''',
  'version = 7', 'created_at = now() - interval ''1 day'''
]) c (change);
select is(
  tests.attempt('owner', $$delete from stepbase.workflow_versions where app_code = 'tap-one'$$), 'SB424', 'a published version cannot be deleted'
);
select is(
  tests.attempt('owner', $$update stepbase.workflow_versions set status = 'draft' where app_code = 'tap-one'$$), 'SB409',
  'a published version cannot become a draft again'
);
select is(
  tests.attempt('service', format('update stepbase.workflow_nodes set config = ''{}'' where app_code = %L', 'tap-one')), '42501',
  'the service role cannot change nodes'
);
select is(tests.attempt('owner', $$update stepbase.workflow_nodes set label = 'x' where app_code = 'tap-one'$$), 'SB424', 'a node of a published version cannot be changed');
select is(tests.attempt('owner', $$delete from stepbase.workflow_edges where app_code = 'tap-one'$$), 'SB424', 'an edge of a published version cannot be deleted');
select is(
  tests.attempt('owner', $$insert into stepbase.workflow_edges (workflow_version_id, app_code, edge_id,
    source_node_id, target_node_id)
    select v.id, v.app_code, 'x', 'first', 'second'
    from stepbase.workflow_versions v where v.app_code = 'tap-one'$$), 'SB424',
  'an edge cannot be added to a published version'
);
select is(
  tests.attempt('owner', $$update stepbase.workflow_versions set status = 'deprecated' where app_code = 'tap-one'$$), 'ok 1',
  'a published version can be deprecated'
);
select is(
  tests.attempt('owner', $$update stepbase.workflow_versions set change_note = 'why' where app_code = 'tap-one'$$), 'ok 1',
  'the note of a published version can be changed'
);
select is(
  tests.attempt('owner', $$update stepbase.workflows set kebab_name = 'other' where app_code = 'tap-one'$$), 'SB424',
  'kebab_name of a published workflow cannot change, even for the owner'
);
select is(
  tests.attempt('developer', $$update stepbase.workflows set kebab_name = 'other' where app_code = 'tap-one'$$), 'SB424',
  'a developer cannot change kebab_name of a published workflow'
);

-- Step runs name nodes without a foreign key.
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d1fe');
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition)
select '00000000-0000-4000-8000-00000000d1ff', v.app_code, v.workflow_id, 999, v.definition
from stepbase.workflow_versions v where v.workflow_id = '00000000-0000-4000-8000-00000000d1fe';
insert into stepbase.runs (app_code, workflow_id, workflow_version_id)
values ('tap-one', '00000000-0000-4000-8000-00000000d1fe', '00000000-0000-4000-8000-00000000d1ff');
select is(
  tests.attempt('owner', $$update stepbase.workflow_versions
    set definition = jsonb_set(definition, '{nodes,0,data}', '{"label": "other"}')
    where id = '00000000-0000-4000-8000-00000000d1ff'$$),
  'SB424', 'the graph of a version that has runs stays in every status'
);

select * from finish();
rollback;
