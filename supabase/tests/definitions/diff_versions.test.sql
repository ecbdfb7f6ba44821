-- diff_versions: nodes, edges, schemas with a verdict, open runs, and what follows the published version.
-- publish_workflow: an unchanged draft.

begin;
set local search_path = public, extensions;
select plan(42);
select tests.create_tasks();

create function pg_temp.save(name text, definition text, input_schema text default 'null')
returns uuid
language sql
as $$ select tests.perform_as('developer', format(
  'select (stepbase.save_workflow(%L, %L, input_schema => %L)).id', name, definition, input_schema))::uuid $$;
create function pg_temp.publish(id uuid, skip boolean default false)
returns uuid
language sql
as $$ select tests.perform_as('developer', format('select (stepbase.publish_workflow(%L, %L)).id', id, skip))::uuid $$;
create function pg_temp.diff(a uuid, b uuid)
returns jsonb
language sql
as $$ select tests.perform_as('viewer', format('select stepbase.diff_versions(%L, %L)', a, b))::jsonb $$;

create temporary table versions (number int, id uuid);
insert into versions
select 1, pg_temp.publish(pg_temp.save('order', '{
  "nodes": [
    {"id": "get", "type": "http_request",
      "data": {"config": {"url": "https://a.example/", "headers": {"accept": "x"}}}},
    {"id": "sum", "type": "transform", "position": {"x": 1, "y": 1}, "data": {"config": {"expression": "1"}}},
    {"id": "old", "type": "transform", "data": {"config": {"expression": "1"}}}],
  "edges": [{"id": "e1", "source": "get", "target": "sum"}, {"id": "e2", "source": "get", "target": "old"}]}',
  '{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "note": {"type": "string"}}}'));
insert into versions
select 2, pg_temp.publish(pg_temp.save('order', '{
  "nodes": [
    {"id": "sum", "type": "transform", "position": {"x": 9, "y": 9}, "data": {"config": {"expression": "1"}}},
    {"id": "get", "type": "http_request", "data": {"config": {"url": "https://b.example/", "method": "POST",
      "headers": {"accept": "x"}}}},
    {"id": "new", "type": "transform", "data": {"config": {"expression": "2"}}}],
  "edges": [{"id": "e1", "source": "get", "target": "sum", "sourceHandle": "error"},
    {"id": "e3", "source": "sum", "target": "new"}]}',
  '{"type": "object", "required": ["id", "total"],
    "properties": {"id": {"type": "number"}, "note": {"type": "string", "maxLength": 5},
      "total": {"type": "number"}}}'));
insert into stepbase.workflow_schedules (app_code, workflow_id, name, cron_expression)
select 'tap-one', v.workflow_id, 'nightly', '0 1 * * *'
from stepbase.workflow_versions v join versions n using (id) where n.number = 1;
insert into stepbase.workflow_triggers (app_code, workflow_id, name, trigger_type, event_name)
select 'tap-one', v.workflow_id, 'paid', 'event', 'order.paid'
from stepbase.workflow_versions v join versions n using (id) where n.number = 1;
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, status, started_at, completed_at)
select 'tap-one', v.workflow_id, v.id, s.status, now(), case when s.status = 'completed' then now() end
from stepbase.workflow_versions v join versions n using (id)
cross join unnest(array['running', 'paused', 'completed']) s (status) where n.number = 1;

create temporary table answer as
select pg_temp.diff(a.id, b.id) as diff from versions a join versions b on b.number = 2 where a.number = 1;
select is(a.diff -> 'nodes', '{
  "added": [{"id": "new", "type": "transform"}],
  "removed": [{"id": "old", "type": "transform"}],
  "changed": [{"id": "get", "type": "http_request", "differences": [
    {"path": "/data/config/method", "change": "added", "b": "POST"},
    {"path": "/data/config/url", "change": "changed", "a": "https://a.example/", "b": "https://b.example/"}]}]}',
  'nodes are compared by id, without their place on the canvas, and changes have paths'
) from answer a;
select is(a.diff -> 'edges', '{"added": [{"id": "e3", "source": "sum", "target": "new"}],
  "removed": [{"id": "e2", "source": "get", "target": "old"}],
  "changed": [{"id": "e1", "source": "get", "target": "sum", "sourceHandle": "error",
    "differences": [{"path": "/sourceHandle", "change": "added", "b": "error"}]}]}', 'edges are compared by id'
) from answer a;
select is(a.diff -> 'input_schema' ->> 'verdict', 'breaking', 'the input schema has become narrower') from answer a;
select is(
  a.diff -> 'input_schema' -> 'reasons',
  '[{"kind": "breaking", "path": "/total", "message": "is required"},
    {"kind": "breaking", "path": "/note", "message": "maxLength is 5"},
    {"kind": "unknown", "path": "/total", "message": "is described now"}]', 'each reason has its place'
) from answer a;
select is(a.diff -> 'output_schema' ->> 'verdict', 'equal', 'no output schema in both versions is no change') from answer a;
select is((a.diff -> 'a' ->> 'open_runs') || ' ' || (a.diff -> 'b' ->> 'open_runs'), '2 0', 'open runs are counted by version') from answer a;
select is(a.diff -> 'a' ->> 'content_hash' <> a.diff -> 'b' ->> 'content_hash', true, 'both have their hash') from answer a;
select is(a.diff #>> '{schedules,0,name}', 'nightly', 'schedules of the workflow are listed') from answer a;
select is(a.diff #>> '{triggers,0,event_name}', 'order.paid', 'triggers of the workflow are listed') from answer a;
select is(
  tests.attempt('viewer', format('select stepbase.diff_versions(%L, %L)', n.id, tests.sample_id('draft'))), 'SB400',
  'versions of two workflows are refused'
) from versions n where n.number = 1;

-- The verdict on a schema.
select is(
  stepbase_private.schema_difference(s.a::jsonb, s.b::jsonb, s.of_output) ->> 'verdict', s.verdict,
  format('%s: %s → %s is %s', case when s.of_output then 'output' else 'input' end, s.a, s.b, s.verdict)
)
from (
  values
    ('{"type": "object"}', '{"type": "object"}', false, 'equal'),
    ('{"type": "object"}', null, false, 'compatible'),
    (null, '{"type": "object"}', false, 'compatible'),
    (null, '{"required": ["a"]}', false, 'breaking'),
    (null, '{"required": ["a"]}', true, 'compatible'),
    ('{"required": ["a"]}', null, true, 'breaking'),
    ('{"title": "A"}', '{"title": "B"}', false, 'compatible'),
    ('{"type": "integer"}', '{"type": "number"}', false, 'compatible'),
    ('{"type": "number"}', '{"type": "integer"}', false, 'breaking'),
    ('{"type": "string"}', '{"type": ["string", "null"]}', false, 'compatible'),
    ('{"type": ["string", "null"]}', '{"type": "string"}', false, 'breaking'),
    ('{"enum": ["a"]}', '{"enum": ["a", "b"]}', false, 'compatible'),
    ('{"enum": ["a", "b"]}', '{"enum": ["a"]}', false, 'breaking'),
    ('{"enum": ["a"]}', '{"enum": ["a", "b"]}', true, 'breaking'),
    ('{"required": ["a", "b"]}', '{"required": ["a"]}', false, 'compatible'),
    ('{"minimum": 2}', '{"minimum": 1}', false, 'compatible'),
    ('{"minimum": 1}', '{"minimum": 2}', false, 'breaking'),
    ('{"maxItems": 1}', '{}', false, 'compatible'),
    ('{"items": {"type": "string"}}', '{"items": {"type": "number"}}', false, 'breaking'),
    ('{"pattern": "^a"}', '{"pattern": "^b"}', false, 'unknown'),
    ('{"pattern": "^a"}', '{}', false, 'compatible'),
    ('{"properties": {"a": {}}}', '{"properties": {}, "additionalProperties": false}', false, 'breaking'),
    ('{"additionalProperties": false}', '{"additionalProperties": false, "properties": {"a": {"type": "string"}}}', false,
      'compatible'),
    ('{}', '{"properties": {"a": {"type": "string"}}}', false, 'unknown'),
    ('{"properties": {"a": {"properties": {"b": {"type": "string"}}}}}',
      '{"properties": {"a": {"properties": {"b": {"type": "number"}}}}}', false, 'breaking')
) s (a, b, of_output, verdict);

-- Publishing an unchanged draft.
create temporary table same (definition text);
insert into same values (
  '{"nodes": [{"id": "a", "type": "service_task", "data": {"config": {"component": "tool"}}}], "edges": []}'
);
insert into stepbase.components (app_code, name, component_type, implementation_type, endpoint)
values ('tap-one', 'tool', 'activity', 'service_task', 'https://tool.example/');
insert into versions select 3, pg_temp.publish(pg_temp.save('tool', s.definition)) from same s;
insert into versions
select 4, pg_temp.save('tool', replace(s.definition, '"data"', '"position": {"x": 4, "y": 4}, "data"')) from same s;
select is(pg_temp.publish(n.id, true), (select m.id from versions m where m.number = 3), 'an unchanged draft is the published version')
from versions n where n.number = 4;
select is((select count(*) from stepbase.workflow_versions v join versions n using (id) where n.number = 4), 0::bigint,
  'the unchanged draft is deleted');
insert into versions select 5, pg_temp.save('tool', s.definition) from same s;
select is(pg_temp.publish(n.id), n.id, 'without skip_unchanged an unchanged draft is published') from versions n where n.number = 5;
insert into versions select 6, pg_temp.save('tool', s.definition, '{"type": "object"}') from same s;
select is(pg_temp.publish(n.id, true), n.id, 'another input schema is a change') from versions n where n.number = 6;
insert into versions select 7, pg_temp.save('tool', s.definition, '{"type": "object"}') from same s;
update stepbase.components set endpoint = 'https://other.example/' where app_code = 'tap-one' and name = 'tool';
select is(pg_temp.publish(n.id, true), n.id, 'another address of a component is a change') from versions n where n.number = 7;
insert into versions select 8, pg_temp.save('tool', s.definition, '{"type": "object"}') from same s;
select is(pg_temp.publish(n.id, true), (select m.id from versions m where m.number = 7), 'the same address again is none')
from versions n where n.number = 8;
select is(
  (select w.published_version_id from stepbase.workflows w where w.app_code = 'tap-one' and w.kebab_name = 'tool'),
  (select n.id from versions n where n.number = 7), 'the published version stays'
);

select * from finish();
rollback;
