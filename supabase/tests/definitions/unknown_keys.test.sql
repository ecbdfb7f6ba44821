-- Unknown keys are refused wherever they stand, with a pointer and a hint. One answer lists all faults.

begin;
set local search_path = public, extensions;
select plan(49);

-- A definition with one node of a type with a config; the second argument replaces parts of it.
create function pg_temp.faults(p_definition jsonb) returns text language sql as $$
  select coalesce(
    string_agg(concat_ws(' ', p.pointer, p.code, '(' || p.hint || ')'), ', ' order by p.pointer), 'valid'
  )
  from stepbase_private.definition_problems(p_definition) p;
$$;
create function pg_temp.one_node(p_type text, p_config jsonb, p_data jsonb default '{}', p_node jsonb default '{}')
returns jsonb
language sql
as $$
  select jsonb_build_object('edges', '[]'::jsonb, 'nodes', jsonb_build_array(
    jsonb_build_object('id', 'a', 'type', p_type, 'data', jsonb_build_object('config', p_config) || p_data) || p_node));
$$;

-- Keys of a config, at every depth.
select is(pg_temp.faults(pg_temp.one_node(c.type, c.config::jsonb)), c.faults, format('%s %s: %s', c.type, c.config, c.faults))
from (
  values
    ('http_request', '{"url": "https://x.example", "data": 1}', '/nodes/0/data/config/data unknown_key'),
    ('http_request', '{"url": "https://x.example", "headrs": {}}', '/nodes/0/data/config/headrs unknown_key (did you mean headers?)'),
    ('http_request', '{"url": "https://x.example", "hedaers": {}}', '/nodes/0/data/config/hedaers unknown_key (did you mean headers?)'),
    ('http_request', '{"url": "https://x.example", "maxResponseBytes": 1}',
      '/nodes/0/data/config/maxResponseBytes unknown_key (did you mean max_response_bytes?)'),
    ('http_request', '{"url": "https://x.example", "retry": {}}',
      '/nodes/0/data/config/retry unknown_key (did you mean retry beside config?)'),
    ('http_request', '{"url": "https://x.example", "timeout": 1}', '/nodes/0/data/config/timeout unknown_key'),
    ('http_request', '{"url": "https://x.example", "x-note": 1}', '/nodes/0/data/config/x-note unknown_key'),
    ('http_request', '{"url": "https://x.example", "headers": {"x-any": "thing"}, "body": {"any": {"thing": 1}}}', 'valid'),
    ('http_request', '{"url": "https://x.example", "a/b~c": 1}', '/nodes/0/data/config/a~1b~0c unknown_key'),
    ('http_request', '{"url": "https://x.example", "": 1}', '/nodes/0/data/config/ unknown_key'),
    ('webhook', '{"url": "https://x.example", "body": {}}', '/nodes/0/data/config/body unknown_key'),
    ('webhook', '{"url": "https://x.example", "payloads": {}}', '/nodes/0/data/config/payloads unknown_key (did you mean payload?)'),
    ('llm_call', '{"model": "m", "messages": [{"role": "user", "content": "c", "name": "n"}]}',
      '/nodes/0/data/config/messages/0/name unknown_key'),
    ('llm_call', '{"model": "m", "prompt": "p", "response_schema": {"x-any": 1}}', 'valid'),
    ('send_email', '{"to": "a@x.example", "subject": "s", "text": "t", "attachments": [{"filename": "f", "content": "c", "contentType": "text/csv"}]}',
      '/nodes/0/data/config/attachments/0/contentType unknown_key (did you mean content_type?)'),
    ('delay', '{"ms": 1, "msec": 1}', '/nodes/0/data/config/msec unknown_key'),
    ('user_task', '{"title": "t", "deadline": 1}', '/nodes/0/data/config/deadline unknown_key (did you mean deadline_ms?)'),
    ('for_each', '{"items": [], "step": {"type": "transform", "config": {"expression": "1"}, "label": "l"}}',
      '/nodes/0/data/config/step/label unknown_key'),
    ('for_each', '{"items": [], "step": {"type": "transform", "config": {"expression": "1", "expresion": "1"}}}',
      '/nodes/0/data/config/step/config/expresion unknown_key (did you mean expression?)'),
    ('for_each', '{"items": [], "concurency": 1, "step": {"type": "transform", "config": {"expression": "1"}}}',
      '/nodes/0/data/config/concurency unknown_key (did you mean concurrency?)')
) c (type, config, faults);

-- Keys of data and of the node.
select is(
  pg_temp.faults(pg_temp.one_node('delay', '{"ms": 1}', c.data::jsonb, c.node::jsonb)), c.faults,
  format('data %s, node %s: %s', c.data, c.node, c.faults)
)
from (
  values
    ('{"retry": {"max_attempts": 2, "delay": 1}}', '{}', '/nodes/0/data/retry/delay unknown_key (did you mean delay_ms?)'),
    ('{"retry": {"max_attempts": 2, "attempts": 1}}', '{}', '/nodes/0/data/retry/attempts unknown_key (did you mean max_attempts?)'),
    ('{"compensate": {"type": "transform", "config": {"expression": "1"}, "timeout": 1}}', '{}',
      '/nodes/0/data/compensate/timeout unknown_key (did you mean timeout_ms?)'),
    ('{"compensate": {"type": "transform", "config": {"expression": "1", "code": "1"}}}', '{}',
      '/nodes/0/data/compensate/config/code unknown_key'),
    ('{"compensate": {"type": "transform", "config": {"expression": "1"}, "retry": {"max_attempts": 2, "x": 1}}}', '{}',
      '/nodes/0/data/compensate/retry/x unknown_key'),
    ('{"onError": "continue"}', '{}', '/nodes/0/data/onError unknown_key (did you mean on_error?)'),
    ('{"until": "2027-01-01"}', '{}', '/nodes/0/data/until unknown_key (did you mean config.until?)'),
    ('{"x-note": {"any": "thing"}, "label": "A"}', '{}', 'valid'),
    ('{}', '{"timeout_ms": 1}', '/nodes/0/timeout_ms unknown_key (did you mean data.timeout_ms?)'),
    ('{}', '{"config": {"ms": 1}}', '/nodes/0/config unknown_key (did you mean data.config?)'),
    ('{}', '{"postion": {"x": 0, "y": 0}}', '/nodes/0/postion unknown_key (did you mean position?)'),
    ('{}', '{"x-colour": "red"}', 'valid'),
    ('{}', '{"position": {"x": 1, "y": 2}, "width": 100, "height": 40, "style": {"color": "red"},
      "parentId": "b", "zIndex": 1000, "extent": "parent", "sourcePosition": "right", "measured": {"width": 1},
      "selected": true, "dragging": false}', 'valid')
) c (data, node, faults);

-- Keys of edges and of the definition.
create function pg_temp.two_nodes(p_edge jsonb, p_definition jsonb) returns jsonb language sql as $$
  select p_definition || jsonb_build_object(
    'nodes', '[
      {"id": "a", "type": "delay", "data": {"config": {"ms": 1}}},
      {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}
    ]'::jsonb,
    'edges', jsonb_build_array('{"id": "e", "source": "a", "target": "b"}'::jsonb || p_edge));
$$;
select is(
  pg_temp.faults(pg_temp.two_nodes(c.edge::jsonb, c.definition::jsonb)), c.faults,
  format('edge %s, definition %s: %s', c.edge, c.definition, c.faults)
)
from (
  values
    ('{"sourceHandel": "error"}', '{}', '/edges/0/sourceHandel unknown_key (did you mean sourceHandle?)'),
    ('{"source_handle": "error"}', '{}', '/edges/0/source_handle unknown_key (did you mean sourceHandle?)'),
    ('{"sourceHandle": "eror"}', '{}', '/edges/0/sourceHandle invalid_handle (did you mean error?)'),
    ('{"target": "bb"}', '{}', '/edges/0/target dangling_edge (did you mean b?)'),
    ('{"type": "smoothstep", "animated": true, "markerEnd": {"type": "arrow"}, "label": "l", "data": {"any": 1},
      "selected": true, "style": {}, "pathOptions": {"offset": 1}, "x-why": 1}', '{}', 'valid'),
    ('{}', '{"viewport": {"x": 0, "y": 0, "zoom": 1}, "x-author": "ada"}', 'valid'),
    ('{}', '{"viewPort": {"x": 0, "y": 0, "zoom": 1}}', '/viewPort unknown_key (did you mean viewport?)'),
    ('{}', '{"version": 3}', '/version unknown_key')
) c (edge, definition, faults);

-- One answer lists the faults of every kind, of every node.
select is(
  pg_temp.faults('{"viewpor": 1, "nodes": [
    {"id": "a", "type": "trasform", "data": {"config": {}}},
    {"id": "b", "type": "transform",
      "data": {"config": {"expression": "steps.nowhere.output", "code": ""}, "labl": "B"}},
    {"id": "c", "type": "condition", "data": {"config": {"expression": ""}, "join": "some"}},
    {"id": "d", "type": "webhook",
      "data": {"config": {"url": "https://x.example", "payload": {"deep": ["{{ steps.bb.output }}"]}}}}
  ], "edges": [{"id": "e", "source": "b", "target": "c", "sourceHandle": "done", "colour": "red"}]}'),
  '/edges/0/colour unknown_key, /edges/0/sourceHandle invalid_handle, /nodes/0/type unknown_step_type (did you mean transform?), '
  '/nodes/1/data/config/code unknown_key, /nodes/1/data/config/expression unknown_reference, '
  '/nodes/1/data/labl unknown_key (did you mean label?), /nodes/2/data/config/expression invalid_config, '
  '/nodes/2/data/join invalid_join, /nodes/3/data/config/payload/deep/0 unknown_reference (did you mean b?), '
  '/viewpor unknown_key (did you mean viewport?)',
  'one answer lists all faults'
);
select is(
  pg_temp.faults('{"nodes": [
    {"id": "a", "type": "delay", "data": {"config": {"ms": 1, "mss": 2}}},
    {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}
  ], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "b", "target": "a", "x": 1}]}'),
  '/edges/1/x unknown_key, /nodes/0 cycle, /nodes/0/data/config/mss unknown_key (did you mean ms?), /nodes/1 cycle',
  'unknown keys do not hide a cycle'
);

-- The message names the first fault and how many more there are; the detail lists all.
create function pg_temp.refusal(p_problems int) returns text language plpgsql as $$
declare
  v_message text;
  v_detail text;
begin
  perform stepbase_private.refuse_problems(array(
    select row ('a', '/nodes/0', 'unknown_key', 'fault ' || n, case n when 1 then 'did you mean b?' end)
      ::stepbase_private.definition_problem
    from generate_series(1, p_problems) n
  ));
  return 'accepted';
exception when sqlstate 'SB423' then
  get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
  return v_message || ' | ' || jsonb_array_length(v_detail::jsonb -> 'errors') || ' | ' || (v_detail::jsonb #>> '{errors,-1}');
end;
$$;
select is(pg_temp.refusal(c.problems), c.answer, format('%s faults: %s', c.problems, c.answer))
from (
  values
    (0, 'accepted'),
    (1, 'fault 1; did you mean b? | 1 | {"code": "unknown_key", "hint": "did you mean b?", "node": "a", "message": "fault 1", "pointer": "/nodes/0"}'),
    (3, 'fault 1; did you mean b? (and 2 more) | 3 | {"code": "unknown_key", "node": "a", "message": "fault 3", "pointer": "/nodes/0"}'),
    (5000, 'fault 1; did you mean b? (and 4999 more) | 1000 | {"code": "unknown_key", "node": "a", "message": "fault 1000", "pointer": "/nodes/0"}')
) c (problems, answer);

-- The check of a definition that has nothing but unknown keys ends soon.
set local statement_timeout = '60s';
select cmp_ok(
  (
    select count(*)
    from stepbase_private.definition_problems(jsonb_build_object(
      'nodes', (
        select jsonb_agg(
          jsonb_build_object(
            'id', 'n' || n, 'type', 'http_request', 'data', jsonb_build_object('config', k.keys) || k.keys
          ) || k.keys
        )
        from generate_series(1, 1000) n
      ),
      'edges', (select jsonb_agg(jsonb_build_object('id', n, 'source', 'm' || n, 'target', 'n1') || k.keys) from generate_series(1, 2000) n)
    ) || k.keys)
  ), '>', 3000::bigint, 'thousands of faults are found within the time limit of a statement'
)
from (select jsonb_object_agg('initialHeigh' || n, 1) as keys from generate_series(1, 20) n) k;

-- Presentation.
select is(
  stepbase_private.without_session_keys('{
    "nodes": [
      {"id": "a", "measured": {}, "selected": true, "dragging": true, "resizing": true, "width": 1,
        "data": {"selected": 1}}, 7
    ],
    "edges": [{"id": "e", "selected": true, "measured": 1}],
    "viewport": {"selected": 1}}'),
  '{"nodes": [{"id": "a", "width": 1, "data": {"selected": 1}}, 7], "edges": [{"id": "e", "measured": 1}], "viewport": {"selected": 1}}'::jsonb,
  'the state of an open canvas is dropped from nodes and edges'
);

select * from finish();
rollback;
