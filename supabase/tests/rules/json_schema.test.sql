-- JSON Schema in SQL: each keyword accepts valid values and refuses invalid ones.

begin;
set local search_path = public, extensions;
select plan(63);

select is(
  jsonb_array_length(stepbase_private.json_schema_errors(s.schema::jsonb, s.value::jsonb)), s.errors, format('%s ⊢ %s',
    s.schema, s.value)
)
from (
  values
    ('{}', '1', 0), ('true', '1', 0), ('false', '1', 1), ('{"type": "string"}', '"a"', 0), ('{"type": "string"}', '1', 1),
    ('{"type": "integer"}', '1', 0), ('{"type": "integer"}', '1.0', 0), ('{"type": "integer"}', '1.5', 1),
    ('{"type": "number"}', '1.5', 0), ('{"type": ["string", "null"]}', 'null', 0), ('{"type": ["string", "null"]}', '1', 1),
    ('{"type": "string", "nullable": true}', 'null', 0), ('{"type": "boolean"}', 'false', 0), ('{"type": "null"}', 'null', 0),
    ('{"enum": ["a", 1]}', '1', 0), ('{"enum": ["a", 1]}', '2', 1), ('{"const": {"a": 1}}', '{"a": 1}', 0), ('{"const": 1}', '2', 1),
    ('{"required": ["a", "b"]}', '{"a": 1}', 1), ('{"properties": {"a": {"type": "string"}}}', '{"a": 1}', 1),
    ('{"properties": {"a": {"type": "string"}}}', '{"b": 1}', 0), ('{"additionalProperties": false}', '{"b": 1}', 1),
    ('{"additionalProperties": {"type": "string"}}', '{"b": 1}', 1), ('{"additionalProperties": {"type": "string"}}', '{"b": "x"}', 0),
    ('{"minLength": 2}', '"a"', 1), ('{"maxLength": 1}', '"ab"', 1), ('{"pattern": "^a+$"}', '"aaa"', 0), ('{"pattern": "^a+$"}', '"b"', 1),
    ('{"pattern": "("}', '"b"', 1), ('{"minimum": 2}', '1', 1), ('{"maximum": 2}', '3', 1), ('{"exclusiveMinimum": 2}', '2', 1),
    ('{"exclusiveMaximum": 2}', '2', 1), ('{"minItems": 1}', '[]', 1), ('{"maxItems": 1}', '[1, 2]', 1),
    ('{"uniqueItems": true}', '[1, 1]', 1), ('{"items": {"type": "integer"}}', '[1, "a", "b"]', 2),
    ('{"format": "email"}', '"a@b.example"', 0), ('{"format": "email"}', '"a"', 1),
    ('{"format": "uuid"}', '"00000000-0000-4000-8000-000000000001"', 0), ('{"format": "date-time"}', '"2026-02-30T00:00:00Z"', 1),
    ('{"format": "date-time"}', '"2026-02-28T00:00:00Z"', 0), ('{"anyOf": [{"type": "string"}, {"type": "null"}]}', '1', 1),
    ('{"oneOf": [{"type": "number"}, {"type": "integer"}]}', '1', 1), ('{"oneOf": [{"type": "number"}, {"type": "string"}]}', '1', 0),
    ('{"allOf": [{"minimum": 1}, {"maximum": 0}]}', '5', 1), ('{"not": {"type": "string"}}', '"a"', 1), ('{"not": {"type": "string"}}', '1', 0),
    ('{"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}', '"a"', 1), ('{"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}', '1', 0),
    ('{"items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": {"minimum": 2}}}', '[1, 2]', 1),
    ('{"properties": {"next": {"$ref": "#"}}, "required": ["id"]}', '{"id": 1, "next": {"next": {"id": 3}}}', 1),
    ('{"$ref": "#/$defs/n", "maximum": 3, "$defs": {"n": {"minimum": 2}}}', '1', 1), ('{"$ref": "#/$defs/n", "maximum": 3, "$defs": {"n": {"minimum": 2}}}', '4', 1),
    ('{"$ref": "#"}', '1', 1), ('{"anyOf": [{"$ref": "#"}]}', '1', 1), ('{"not": {"$ref": "#"}}', '1', 1),
    ('{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}', '1', 1),
    ('{"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "additionalProperties": false}', '{"a": {"b": {"c": 1}}}', 1),
    ('{"$ref": "#/$defs/gone"}', '1', 1), ('{"$ref": "https://x.example/schema"}', '1', 1)
) s (schema, value, errors);
select is(
  stepbase_private.json_schema_errors('{"properties": {"a": {"items": {"required": ["b"]}}}}', '{"a": [{}]}'),
  '[{"path": "/a/0/b", "message": "is required"}]', 'an error has the path of the value'
);
select is(
  stepbase_private.json_schema_errors('{"type": "integer"}', '"{{ input.n }}"', '', true), '[]', 'with p_templates a template satisfies any type'
);

select * from finish();
rollback;
