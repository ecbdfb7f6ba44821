-- save_workflow and publish_workflow: permissions and refusals; a refused call writes no rows.

begin;
set local search_path = public, extensions;
select plan(27);
select tests.create_rows();

select is(tests.attempt(s.who, $$select stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}')$$), s.answer, 'save_workflow as ' || s.who || ': ' || s.answer)
from (
  values
    ('admin', 'ok 1'), ('developer', 'ok 1'), ('viewer', 'SB403'), ('stranger', 'SB403'), ('removed', 'SB403'), ('anon', '42501')
) s (who, answer);
select is(tests.attempt('developer', $$select stepbase.save_workflow('Not Kebab', '{"nodes": [], "edges": []}')$$), 'SB400', 'save_workflow refuses an invalid name');
select is(tests.attempt('developer', $$select stepbase.save_workflow('fresh', null)$$), 'SB423', 'save_workflow requires a definition');
select is(
  tests.attempt('developer', $$select stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}', input_schema => '[]')$$), 'SB400', 'save_workflow refuses an invalid input schema'
);
select is(
  tests.attempt('developer', $$select stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}', output_schema => '[]')$$), 'SB400', 'save_workflow refuses an invalid output schema'
);
select is(
  tests.detail_of('developer', $$select stepbase.save_workflow('fresh', '{"nodes": [{"id": "a", "type": "teleport"}], "edges": []}')$$),
  '{"code": "invalid_definition", "node_id": "a", "errors": [{"node": "a", "pointer": "/nodes/0/type", "code": "unknown_step_type", "message": "Unknown step type teleport"}]}',
  'the error of save_workflow names the node and the problem'
);
select is_empty($$select 1 from stepbase.workflows where app_code = 'tap-one' and kebab_name = 'fresh'$$, 'a refused save_workflow writes no workflow');

create temporary table draft as
select tests.perform_as('developer', $$select (stepbase.save_workflow('fresh',
  '{"nodes": [{"id": "a", "type": "http_request"}], "edges": []}', 'Fresh', 'New.',
    '{"type": "object"}', '{"required": ["a"]}')).id$$)::uuid as id;
select isnt((select d.id from draft d), null, 'save_workflow accepts an incomplete draft');
select is(tests.attempt(s.who, format('select stepbase.publish_workflow(%L)', (select d.id from draft d))), s.answer, 'publish_workflow as ' || s.who || ': ' || s.answer)
from (
  values
    ('developer', 'SB423'), ('viewer', 'SB403'), ('sister', 'SB404'), ('foreigner', 'SB404'), ('anon', '42501')
) s (who, answer);
select is(
  tests.detail_of('developer', format('select stepbase.publish_workflow(%L)', (select d.id from draft d))) #>> '{errors,0,code}',
  'invalid_config', 'the error of publish_workflow contains the problem'
);
select is((select v.status from stepbase.workflow_versions v join draft d on d.id = v.id), 'draft', 'a refused publish_workflow leaves the draft unchanged');
select is(tests.attempt('developer', 'select stepbase.publish_workflow(gen_random_uuid())'), 'SB404', 'publish_workflow does not find an unknown version');

-- The same name in another application is another workflow.
select is(
  tests.perform_as('foreigner', $$select (stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}')).app_code$$), 'tap-three',
  'another application can use the same name'
);
select is(
  (select count(*) from stepbase.workflows w where w.kebab_name = 'fresh' and w.app_code like 'tap-%'), 2::bigint, 'the same name in two applications is two workflows'
);
-- Arguments that are not given keep their values.
select tests.perform_as('developer', $$select (stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}')).id$$);
select is(
  (select concat_ws(' ', w.name, w.description, v.input_schema, v.output_schema) from stepbase.workflows w
    join stepbase.workflow_versions v on v.workflow_id = w.id
    where w.kebab_name = 'fresh' and w.app_code = 'tap-one'),
  'Fresh New. {"type": "object"} {"required": ["a"]}', 'save_workflow keeps name, description and schemas if they are not given'
);
select is(
  tests.perform_as('developer', $$select (stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}',
    output_schema => '{"required": ["b"]}')).output_schema$$), '{"required": ["b"]}', 'save_workflow replaces the output schema'
);
select is(
  tests.perform_as('developer', $$select (stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}',
    output_schema => 'null')).output_schema$$), null, 'JSON null removes the output schema'
);
update stepbase.workflows set deleted_at = now() where kebab_name = 'fresh' and app_code = 'tap-one';
select tests.perform_as('developer', $$select (stepbase.save_workflow('fresh', '{"nodes": [], "edges": []}')).id$$);
select is(
  (select w.deleted_at from stepbase.workflows w where w.kebab_name = 'fresh' and w.app_code = 'tap-one'), null, 'save_workflow restores a deleted workflow'
);

select * from finish();
rollback;
