-- Each problem of a definition is reported with its code and node.

begin;
set local search_path = public, extensions;
select plan(69);

create function pg_temp.codes(definition jsonb)
returns text
language sql
as $$
  select coalesce(string_agg(distinct coalesce(p.node, '-') || ':' || p.code, ' ' order by coalesce(p.node,
    '-') || ':' || p.code), 'valid')
  from stepbase_private.definition_problems(definition) p
$$;

select is(pg_temp.codes(s.definition::jsonb), s.answer, s.what)
from (
  values
    ('a definition that is not an object', '-:not_an_object', '[]'),
    ('nodes and edges that are not arrays', '-:edges_not_an_array -:nodes_not_an_array', '{"nodes": {}}'),
    ('a definition without nodes', '-:empty', '{"nodes": [], "edges": []}'),
    ('a node that is not an object', '-:invalid_node', '{"nodes": [1], "edges": []}'),
    ('a node without an id', '-:missing_id', '{"nodes": [{"type": "delay", "data": {"config": {"ms": 1}}}], "edges": []}'),
    ('an id that expressions cannot contain', '1 a:invalid_id', '{"nodes": [{"id": "1 a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": []}'),
    ('a repeated node id', 'a:duplicate_node', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": []}'),
    ('an unknown type', 'a:unknown_step_type', '{"nodes": [{"id": "a", "type": "teleport"}], "edges": []}'),
    ('a node without a type', 'a:unknown_step_type', '{"nodes": [{"id": "a"}], "edges": []}'),
    ('data that is not an object', 'a:invalid_node', '{"nodes": [{"id": "a", "type": "delay", "data": 1}], "edges": []}'),
    ('config that is not an object', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": 1}}], "edges": []}'),
    ('a timeout that is not a number', 'a:invalid_timeout', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "timeout_ms": "1s"}}], "edges": []}'),
    ('an unknown on_error', 'a:invalid_on_error', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "on_error": "pray"}}], "edges": []}'),
    ('an unknown join', 'a:invalid_join', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "join": "some"}}], "edges": []}'),
    ('an edge without an id', 'a:invalid_edge', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"source": "a", "target": "a"}]}'),
    ('a dangling edge', 'a:dangling_edge', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b"}]}'),
    ('a repeated edge id', 'a:duplicate_edge', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "e", "source": "a", "target": "b"}]}'),
    ('a cycle of one', 'a:cycle', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "a"}]}'),
    ('a cycle with a tail', 'a:cycle b:cycle', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "c", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "b", "target": "a"}, {"id": "g", "source": "b", "target": "c"}]}'),
    ('a config without a required key', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"method": "GET"}}}], "edges": []}'),
    ('a config with a value of the wrong type', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": "soon"}}}], "edges": []}'),
    ('a template satisfies any type', 'valid', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": "{{ input.ms }}"}}}], "edges": []}'),
    ('a form with a broken pattern', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "user_task", "data": {"config": {"title": "t", "form": {"properties": {"x": {"pattern": "(a"}}}}}}], "edges": []}'),
    ('a form whose $ref leads back to itself', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "user_task", "data": {"config": {"title": "t", "form": {"allOf": [{"$ref": "#"}]}}}}], "edges": []}'),
    ('a form with templates is checked when the step runs', 'valid', '{"nodes": [{"id": "a", "type": "user_task", "data": {"config": {"title": "t", "form": {"properties": {"x": {"enum": "{{ input.choices }}"}}}}}}], "edges": []}'),
    ('a response_schema with an unknown type', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "llm_call", "data": {"config": {"model": "m", "prompt": "p", "response_schema": {"type": "text"}}}}], "edges": []}'),
    ('an invalid retry policy', 'a:invalid_retry', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "retry": {"max_attempts": 0}}}], "edges": []}'),
    ('a handle that the step type does not have', 'a:invalid_handle', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "approved"}]}'),
    ('any step has the handles error and timeout', 'valid', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "error"}, {"id": "f", "source": "a", "target": "b", "sourceHandle": "timeout"}]}'),
    ('a condition accepts a handle of its own name', 'valid', '{"nodes": [{"id": "a", "type": "condition", "data": {"config": {"expression": "input.size"}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "large"}]}'),
    ('a reference to an unknown step', 'a:unknown_reference', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.nowhere.output"}}}], "edges": []}'),
    ('a reference of a step to itself', 'a:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.a.output"}}}], "edges": []}'),
    ('a reference to a later step', 'a:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "steps.b.output"}}}, {"id": "b", "type": "transform", "data": {"config": {"expression": "steps.a.output"}}}], "edges": [{"id": "e", "source": "a", "target": "b"}]}'),
    ('a reference to a sibling, in a template', 'c:reference_not_upstream', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}, {"id": "b", "type": "transform", "data": {"config": {"expression": "2"}}}, {"id": "c", "type": "webhook", "data": {"config": {"url": "https://x.example/{{ steps.b.output }}"}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "a", "target": "c"}]}'),
    ('a string with the form of a reference', 'valid', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "\"steps.nowhere\" & ''steps.nor.here''"}}}], "edges": []}'),
    ('a reference in text outside templates', 'valid', '{"nodes": [{"id": "a", "type": "webhook", "data": {"config": {"url": "https://x.example", "payload": "see steps.nowhere {{ input.x }}"}}}], "edges": []}'),
    ('a reference in code', 'a:unknown_reference', '{"nodes": [{"id": "a", "type": "inline_code", "data": {"config": {"code": "({ steps }) => steps[''nowhere''].output"}}}], "edges": []}'),
    ('an invalid config of the step inside a for_each', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "http_request", "config": {}}}}}], "edges": []}'),
    ('an unknown type of a compensation', 'a:unknown_step_type', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "undo"}}}], "edges": []}'),
    ('a compensation without a required key', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {}}}}], "edges": []}'),
    ('a compensation that reads the output of its step', 'valid', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example/{{ steps.a.output.id }}"}}}}], "edges": []}'),
    ('a secret in an HTTP request', 'valid', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"url": "https://x.example", "headers": {"authorization": "Bearer {{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret in the input of a component', 'valid', '{"nodes": [{"id": "a", "type": "service_task", "data": {"config": {"component": "scorer", "input": {"key": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret in the input of a child', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "child_workflow", "data": {"config": {"workflow": "other", "input": {"key": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('a secret in a task', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "user_task", "data": {"config": {"title": "Use {{ secrets.key }}"}}}], "edges": []}'),
    ('a secret in an item of a work queue', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "work_queue_push", "data": {"config": {"queue": "q", "item": ["{{ $uppercase(secrets.key) }}"]}}}], "edges": []}'),
    ('a secret in an event', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "e", "payload": "{{ $$.secrets.key }}"}}}], "edges": []}'),
    ('a secret in an expression', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "secrets.key"}}}], "edges": []}'),
    ('a secret in the list of a for_each', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": ["{{ secrets.key }}"], "step": {"type": "transform", "config": {"expression": "item"}}}}}], "edges": []}'),
    ('a secret in an HTTP request of a for_each', 'valid', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "http_request", "config": {"url": "https://x.example/{{ secrets.key }}"}}}}}], "edges": []}'),
    ('a secret in a signal of a for_each', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": "{{ input.list }}", "step": {"type": "send_signal", "config": {"signal_name": "s", "payload": "{{ secrets.key }}"}}}}}], "edges": []}'),
    ('a secret in an event of a compensation', 'a:secret_not_allowed', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "emit_event", "config": {"name": "e", "payload": "{{ secrets.key }}"}}}}], "edges": []}'),
    ('text and an input with the name secrets', 'valid', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "e", "payload": "secrets.key {{ input.secrets.key }} {{ ''secrets.key'' }}"}}}], "edges": []}'),
    ('code with a variable named secrets', 'valid', '{"nodes": [{"id": "a", "type": "inline_code", "data": {"config": {"code": "({ input }) => { const secrets = input.list; return secrets.length; }"}}}], "edges": []}'),
    ('a compensation with an invalid retry policy', 'a:invalid_retry', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "retry": {"max_attempts": 2, "delay_ms": "abc"}}}}], "edges": []}'),
    ('a compensation with a timeout that is not a number', 'a:invalid_timeout', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "timeout_ms": "1s"}}}], "edges": []}'),
    ('a compensation with an unknown on_error', 'a:invalid_on_error', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "on_error": "pray"}}}], "edges": []}'),
    ('a step inside a for_each that is not an object', 'a:invalid_config a:unknown_step_type', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": "transform"}}}], "edges": []}'),
    ('a step inside a for_each with its own retry policy', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": {"type": "transform", "config": {"expression": "1"}, "retry": {"max_attempts": 2}, "timeout_ms": 10, "on_error": "continue"}}}}], "edges": []}'),
    ('a step inside a for_each with the retry policy of its node', 'valid', '{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step": {"type": "transform", "config": {"expression": "1"}, "retry": null}}, "retry": {"max_attempts": 2}, "timeout_ms": 10, "on_error": "continue"}}], "edges": []}'),
    ('an invalid name of an awaited signal', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "wait_for_signal", "data": {"config": {"signal_name": "payment received"}}}], "edges": []}'),
    ('an invalid name of a sent signal', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "send_signal", "data": {"config": {"signal_name": "1st"}}}], "edges": []}'),
    ('a name of a signal from a template', 'valid', '{"nodes": [{"id": "a", "type": "wait_for_signal", "data": {"config": {"signal_name": "{{ input.which }} came"}}}], "edges": []}'),
    ('an invalid name of a query', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "query_run", "data": {"config": {"query_name": "how many"}}}], "edges": []}'),
    ('an event name that is reserved for the engine', 'a:invalid_config', '{"nodes": [{"id": "a", "type": "emit_event", "data": {"config": {"name": "run.completed"}}}], "edges": []}'),
    ('integers with a zero fraction', 'valid', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "timeout_ms": 10.0, "retry": {"max_attempts": 3.0, "delay_ms": 5.0}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "timeout_ms": 10.0, "retry": {"max_attempts": 3.0}}}}], "edges": []}'),
    ('a compensation with its own policy', 'valid', '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "compensate": {"type": "webhook", "config": {"url": "https://x.example"}, "retry": {"max_attempts": 5}, "timeout_ms": 1000, "on_error": null}}}], "edges": []}'),
    ('a definition without problems', 'valid', '{"nodes": [{"id": "a", "type": "http_request", "data": {"config": {"url": "https://x.example"}}}, {"id": "b", "type": "wait_for_approval", "data": {"config": {"title": "Pay {{ steps.a.output.body.sum }}?"}}}, {"id": "c", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b"}, {"id": "f", "source": "b", "target": "c", "sourceHandle": "approved"}]}')
) s (what, answer, definition);

select is(
  (
    select p.message
    from stepbase_private.definition_problems(
      '{"nodes": [{"id": "a", "type": "wait_for_approval", "data": {"config": {"title": "x"}}}, {"id": "b", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": [{"id": "e", "source": "a", "target": "b", "sourceHandle": "aproved"}]}'
    ) p
    where p.code = 'invalid_handle'
  ),
  'Edge e has the source handle aproved, but wait_for_approval has only approved, rejected, timeout, error',
  'an unknown handle: each possible handle is listed once'
);

select * from finish();
rollback;
