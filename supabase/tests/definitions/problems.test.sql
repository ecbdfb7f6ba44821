-- Each problem of a definition is reported with its code and node.

begin;
set local search_path = public, extensions;
select plan(64);

create function pg_temp.codes(definition jsonb)
returns text
language sql
as $$
  select coalesce(string_agg(distinct coalesce(p.node_id, '-') || ':' || p.code, ' ' order by coalesce(p.node_id,
    '-') || ':' || p.code), 'sound')
  from stepbase_private.definition_problems(definition) p
$$;

select is(pg_temp.codes(s.definition::jsonb), s.answer, s.what)
from (
  values
    ('not an object', '-:not_an_object', '[]'),
    ('no arrays', '-:edges_not_an_array -:nodes_not_an_array', '{"nodes": {}}'),
    ('empty', '-:empty', '{"nodes": [], "edges": []}'),
    ('a node that is no object', '-:invalid_node', '{"nodes": [1], "edges": []}'),
    ('no id', '-:missing_id', '{"nodes": [{"type": "delay"}], "edges": []}'),
    ('an id that no expression can name', '1 a:invalid_id', '{"nodes": [{"id": "1 a", "type": "delay"}], "edges": []}'),
    ('twice the same id', 'a:duplicate_node', '{"nodes": [{"id": "a", "type": "delay"}, {"id": "a", "type": "delay"}], "edges": []}'),
    ('an unknown type', 'a:unknown_step_type', '{"nodes": [{"id": "a", "type": "teleport"}], "edges": []}'),
    ('no type', 'a:unknown_step_type', '{"nodes": [{"id": "a"}], "edges": []}'),
    ('data that is no object', 'a:invalid_node', '{"nodes": [{"id": "a", "type": "delay", "data": 1}], "edges": []}'),
    ('config that is no object', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": 1}}], "edges": []}'),
    ('a timeout that is no number', 'a:invalid_timeout', '{"nodes": [{"id": "a", "type": "delay", "data": {"timeout_ms": "1s"}}], "edges": []}'),
    ('an unknown on_error', 'a:invalid_on_error', '{"nodes": [{"id": "a", "type": "delay", "data": {"on_error": "pray"}}], "edges": []}'),
    ('an unknown join', 'a:invalid_join', '{"nodes": [{"id": "a", "type": "delay", "data": {"join": "some"}}], "edges": []}'),
    ('an edge without an id', 'a:invalid_edge', '{"nodes": [{"id": "a", "type": "delay"}], "edges": [{"source": "a", "target": "a"}]}'),
    ('a dangling edge', 'a:dangling_edge', '{"nodes": [{"id": "a", "type": "delay"}], "edges": [{"id": "e", "source": "a", "target": "b"}]}'),
    ('twice the same edge id', 'a:duplicate_edge', '{"nodes": [{"id": "a", "type": "delay"}, {"id": "b", "type": "delay"}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "e", "source": "a", "target": "b"}]}'),
    ('a cycle of one', 'a:cycle', '{"nodes": [{"id": "a", "type": "delay"}], "edges": [{"id": "e", "source": "a", "target": "a"}]}'),
    ('a cycle with a tail', 'a:cycle b:cycle', '{"nodes": [{"id": "a", "type": "delay"}, {"id": "b", "type": "delay"}, {"id": "c", "type": "delay"}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "b", "target": "a"}, {"id": "g", "source": "b", "target": "c"}]}'),
    ('a required key is missing', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"method": "GET"}}}], "edges": []}'),
    ('a key has the wrong type', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": "soon"}}}], "edges": []}'),
    ('a template satisfies any type', 'sound', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": "{{ input.ms }}"}}}], "edges": []}'),
    ('bad retries', 'a:invalid_retry', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "retry": {"max_attempts": 0}}}], "edges": []}'),
    ('a handle the step does not have', 'a:invalid_handle', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "approved"}]}'),
    ('error and timeout leave every step', 'sound', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "error"}, {"id": "f", "source": "a", "target": "b", "sourceHandle": "timeout"}]}'),
    ('a condition may leave by any handle', 'sound', '{"nodes": [{"id": "a", "type": "condition", "data": {"config": {"expression": "input.size"}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "large"}]}'),
    ('a reference to a step that is not there', 'a:unknown_reference', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.nowhere.output"}}}], "edges": []}'),
    ('a reference to oneself', 'a:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.a.output"}}}], "edges": []}'),
    ('a reference downstream', 'a:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.b.output"}}}, {"id": "b", "type": "transform", "data": {"config": {"expression": "steps.a.output"}}}], "edges": [{"id": "e", "source": "a", "target": "b"}]}'),
    ('a reference to a sibling, in a template', 'c:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}, {"id": "b", "type": "transform", "data": {"config": {"expression": "2"}}}, {"id": "c", "type": "webhook", "data": {"config": {"url": "https://x.example/{{ steps.b.output }}"}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "a", "target": "c"}]}'),
    ('a string that only looks like a reference', 'sound', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "\"steps.nowhere\" & ''steps.nor.here''"}}}], "edges": []}'),
    ('text outside of templates is text', 'sound', '{"nodes": [{"id": "a", "type": "webhook", "data": {"config": {"url": "https://x.example", "payload": "see steps.nowhere {{ input.x }}"}}}], "edges": []}'),
    ('a reference in code', 'a:unknown_reference', '{"nodes": [{"id": "a", "type": "inline_code", "data": {"config": {"code": "({ steps }) => steps[''nowhere''].output"}}}], "edges": []}'),
    ('a step inside for_each is checked', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "http_request", "config": {}}}}}], "edges": []}'),
    ('an unknown step that undoes', 'a:unknown_step_type', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "undo"}}}], "edges": []}'),
    ('a step that undoes without what it needs', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {}}}}], "edges": []}'),
    ('a step that undoes reads what it undoes', 'sound', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example/{{ steps.a.output.id }}"}}}}], "edges": []}'),
    ('a secret in what is sent out', 'sound', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"url": "https://x.example", "headers": {"authorization": "Bearer {{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret for a component', 'sound', '{"nodes": [{"id": "a", "type": "service_task", "data": {"config": {"component": "scorer", "input": {"key": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret in the input of a child', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "child_workflow", "data": {"config": {"workflow": "other", "input": {"key": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret in a task', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "user_task", "data": {"config": {"title": "Use {{ secrets.key }}"}}}], "edges": []}'),
    ('a secret in an item', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "work_queue_push", "data": {"config": {"queue": "q", "item": ["{{ $uppercase(secrets.key) }}"]}}}], "edges": []}'),
    ('a secret in an event', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "e", "payload": "{{ $$.secrets.key }}"}}}], "edges": []}'),
    ('a secret in an expression', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "secrets.key"}}}], "edges": []}'),
    ('a secret in the list of a for_each', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": ["{{ secrets.key }}"], "step": {"type": "transform", "config": {"expression": "item"}}}}}], "edges": []}'),
    ('a secret in a step that each item takes', 'sound', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "http_request", "config": {"url": "https://x.example/{{ secrets.key }}"}}}}}], "edges": []}'),
    ('a secret in what each item sends on', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "send_signal", "config": {"signal_name": "s", "payload": "{{ secrets.key }}"}}}}}], "edges": []}'),
    ('a secret in what undoes a step', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "emit_event", "config": {"name": "e", "payload": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('what is only called secrets', 'sound', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "e", "payload": "secrets.key {{ input.secrets.key }} {{ ''secrets.key'' }}"}}}], "edges": []}'),
    ('code with a variable of that name', 'sound', '{"nodes": [{"id": "a", "type": "inline_code", "data": {"config": {"code": "({ input }) => { const secrets = input.list; return secrets.length; }"}}}], "edges": []}'),
    ('a step that undoes with bad retries', 'a:invalid_retry', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "retry": {"max_attempts": 2, "delay_ms": "abc"}}}}], "edges": []}'),
    ('a step that undoes with a timeout that is no number', 'a:invalid_timeout', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "timeout_ms": "1s"}}}], "edges": []}'),
    ('a step that undoes with an unknown on_error', 'a:invalid_on_error', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "on_error": "pray"}}}], "edges": []}'),
    ('a step inside for_each that is none', 'a:invalid_config a:unknown_step_type', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": "transform"}}}], "edges": []}'),
    ('a step inside for_each with retries of its own', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": {"type": "transform", "config": {"expression": "1"}, "retry": {"max_attempts": 2}, "timeout_ms": 10, "on_error": "continue"}}}}], "edges": []}'),
    ('a step inside for_each whose items are tried again as its node says', 'sound', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": {"type": "transform", "config": {"expression": "1"}, "retry": null}}, "retry": {"max_attempts": 2}, "timeout_ms": 10, "on_error": "continue"}}], "edges": []}'),
    ('a signal of a name that none may have', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "wait_for_signal", "data": {"config": {"signal_name": "payment received"}}}], "edges": []}'),
    ('one that is sent, too', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "send_signal", "data": {"config": {"signal_name": "1st"}}}], "edges": []}'),
    ('a signal whose name is known only then', 'sound', '{"nodes": [{"id": "a", "type": "wait_for_signal", "data": {"config": {"signal_name": "{{ input.which }} came"}}}], "edges": []}'),
    ('a query of a name that none may have', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "query_run", "data": {"config": {"query_name": "how many"}}}], "edges": []}'),
    ('an event of the engine', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "run.completed"}}}], "edges": []}'),
    ('whole numbers written with a fraction of nought', 'sound', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "timeout_ms": 10.0, "retry": {"max_attempts": 3.0, "delay_ms": 5.0}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "timeout_ms": 10.0, "retry": {"max_attempts": 3.0}}}}], "edges": []}'),
    ('a step that undoes by its own policy', 'sound', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "retry": {"max_attempts": 5}, "timeout_ms": 1000, "on_error": null}}}], "edges": []}'),
    ('a sound one', 'sound', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"url": "https://x.example"}}}, {"id": "b", "type": "wait_for_approval", "data": {"config": {"title": "Pay {{ steps.a.output.body.sum }}?"}}}, {"id": "c", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "b", "target": "c", "sourceHandle": "approved"}]}')
) s (what, answer, definition);

select * from finish();
rollback;
