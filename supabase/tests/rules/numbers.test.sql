-- Numbers that a double cannot hold: which they are, their digits in JSON, schemas, expressions and filters.

begin;
set local search_path = public, extensions;
select plan(62);

select is(stepbase_private.is_unsafe_number(c.number), c.is_unsafe, left(c.number::text, 40))
from (
  values
    (0::numeric, false), (1.10, false), (-123456789012345, false), (9007199254740992, false),
    (9007199254740993, true),
    (0.30000000000000004, false), (0.1000000000000000055511151231257827, true), (1e23, false),
    (99999999999999990000000, true),
    (18014398509481990, false), (18014398509481992, true), (1125899906842624.2, false), (1125899906842624.3, true),
    (-7615917337495251231, true), (12345678901234567.89, true), (1e400, true), (1e-400, true), (5e-324, false),
    (4e-324, true),
    (1.7976931348623157e308, false), (1.7976931348623158e308, true), (2e308, true), (2.2250738585072014e-308, false)
) c (number, is_unsafe);

select is(stepbase_private.exact_number(c.source)::text, c.number, left(c.source, 40))
from (
  values
    ('9007199254740993', '9007199254740993'), ('-9007199254740993.50', '-9007199254740993.50'), ('9007199254740992', null),
    (' 9007199254740993', null), ('+9007199254740993', null), ('09007199254740993', null), ('9007199254740993n', null),
    ('12', null), (E'9007199254740993\n', null), ('1e99999', null), ('1e-400', (1e-400)::text), (repeat('1', 1001), null)
) c (source, number);

select is(stepbase_private.with_digits(c.value::jsonb), c.seen::jsonb, c.value)
from (
  values
    ('{"a": [9007199254740993, 9007199254740992, -1.5], "b": "9007199254740993 \" 9007199254740993", "9007199254740993": null}',
      '{"a": ["9007199254740993", 9007199254740992, -1.5], "b": "9007199254740993 \" 9007199254740993", "9007199254740993": null}'),
    ('-12345678901234567.890', '"-12345678901234567.890"'),
    ('"\\\" 9007199254740993"', '"\\\" 9007199254740993"'),
    ('[true, 0.12345678901234567]', '[true, "0.12345678901234567"]')
) c (value, seen);

select is(
  jsonb_array_length(stepbase_private.json_schema_errors(s.schema::jsonb, s.value::jsonb)), s.errors,
  format('%s ⊢ %s', s.schema, s.value)
)
from (
  values
    ('{"multipleOf": 0.01}', '19.99', 0), ('{"multipleOf": 0.01}', '19.995', 1), ('{"multipleOf": 3}', '7615917337495251231', 0),
    ('{"type": "string"}', '7615917337495251231', 1), ('{"maximum": 7615917337495251230}', '7615917337495251231', 1),
    ('{"items": {"type": "integer"}}', '["7615917337495251231", "12"]', 1),
    ('{"const": {"id": 7615917337495251231}}', '{"id": "7615917337495251231"}', 0),
    ('{"enum": [[7615917337495251231]]}', '["7615917337495251231"]', 0),
    ('{"uniqueItems": true}', '["7615917337495251231", 7615917337495251231]', 1)
) s (schema, value, errors);

select is(
  stepbase_private.json_schema_errors('{"properties": {"ms": {"type": "integer"}}}', '{"ms": 7615917337495251231}', '', true)
    -> 0 ->> 'message',
  'has more digits than a double holds', 'a config has no number that the worker would get as a string');
select is(
  jsonb_array_length(stepbase_private.json_schema_errors('{"items": {"type": "integer"}}', '["7615917337495251231"]', '', true)),
  1, 'and no digits in its place');

select is(stepbase_private.unsafe_literals(c.source), c.found::text[], c.source)
from (
  values
    ('input.id = 9007199254740993', '{9007199254740993}'), ('"9007199254740993"', '{}'), ('`9007199254740993`', '{}'),
    ('/* 9007199254740993 */ 1e400-2', '{1e400}'), ('$match(x, /9007199254740993/)', '{}'),
    ('[1..9007199254740993]', '{9007199254740993}'), ('a9007199254740993.b + 9007199254740992', '{}'),
    ('"open 9007199254740993', '{}'), ('-3.14159265358979323846*$x', '{3.14159265358979323846}'),
    ('1e99999', '{1e99999}')
) c (source, found);

select is(
  (
    select array_agg(p.code || ': ' || p.message)
    from stepbase_private.definition_problems(jsonb_build_object('nodes', jsonb_build_array(n.node), 'edges', '[]'::jsonb)) p
  ),
  n.problems, n.node::text
)
from (
  values
    ('{"id": "a", "type": "transform", "data": {"config": {"expression": "input.id = 4611686018427387905"}}}'::jsonb,
      array['unsafe_number: config: a double cannot hold the number 4611686018427387905; write its digits as a string']),
    ('{"id": "a", "type": "http_request", "data": {"config": {"url": "https://a.example", "body": {"id": 4611686018427387905}}}}',
      null)
) n (node, problems);

select * from finish();
rollback;
