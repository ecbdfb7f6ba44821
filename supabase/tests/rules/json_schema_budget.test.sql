-- JSON Schemas of tenants: a validation has a budget, and a schema that no budget would suffice for cannot be stored.

begin;
set local search_path = public, extensions;
select plan(48);

-- {d0: {<keyword>: [d1, d1]}, …}: 2^p_levels evaluations.
create function pg_temp.doubling(p_keyword text, p_levels int) returns jsonb language sql as $$
  select jsonb_build_object('$ref', '#/$defs/d0', '$defs', jsonb_object_agg('d' || l, jsonb_build_object(
    p_keyword, jsonb_build_array(
      jsonb_build_object('$ref', '#/$defs/d' || l + 1), jsonb_build_object('$ref', '#/$defs/d' || l + 1)))
  ) || jsonb_build_object('d' || p_levels, '{"type": "string"}'::jsonb))
  from generate_series(0, p_levels - 1) l;
$$;
create function pg_temp.nested(p_levels int) returns jsonb language sql as $$
  select (repeat('[', p_levels) || '1' || repeat(']', p_levels))::jsonb;
$$;
create function pg_temp.many(p_count int, p_item text) returns jsonb language sql as $$
  select jsonb_agg(p_item::jsonb) from generate_series(1, p_count);
$$;
-- How often the time of an ordinary validation a statement takes: the least of three measurements, because other work
-- of the machine can only prolong one.
create function pg_temp.seconds(p_schema jsonb, p_value jsonb) returns numeric language plpgsql as $$
declare
  v_begun constant timestamptz := clock_timestamp();
begin
  begin
    perform stepbase_private.json_schema_errors(p_schema, p_value);
  exception when sqlstate 'SB425' then
    null;
  end;
  return extract(epoch from clock_timestamp() - v_begun);
end;
$$;
create function pg_temp.times_ordinary(p_schema jsonb, p_value jsonb) returns numeric language sql volatile as $$
  select min(pg_temp.seconds(p_schema, p_value)) / min(pg_temp.seconds(
    '{"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"minimum": 1}}}}',
    pg_temp.many(2500, '{"a": "x", "b": 2}')
  ))
  from generate_series(1, 3);
$$;

select throws_ok(
  format('select stepbase_private.json_schema_errors(%L, %L)', c.schema, c.value), 'SB425', null, c.name
)
from (
  values
    ('allOf that doubles 25 times', pg_temp.doubling('allOf', 25), '"a"'::jsonb),
    ('oneOf that doubles 33 times', pg_temp.doubling('oneOf', 33), '"a"'),
    ('anyOf that doubles 40 times', pg_temp.doubling('anyOf', 40), '1'),
    ('a tree that nests 70 levels deep', '{"items": {"$ref": "#"}}', pg_temp.nested(70)),
    ('a tree that nests 3000 levels deep', '{"items": {"$ref": "#"}}', pg_temp.nested(3000)),
    (
      'a tree with two branches per level',
      '{"oneOf": [{"maxItems": 0, "items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}', pg_temp.nested(25)
    ),
    ('more items than evaluations', '{"items": {"type": "integer"}}', pg_temp.many(12000, '1')),
    ('a pattern of 501 characters', jsonb_build_object('pattern', repeat('a', 501)), '"a"'),
    ('repetitions within repetitions', '{"pattern": "^((a{1,90}){1,90}){1,90}$"}', '"a"'),
    ('a back-reference', '{"pattern": "^(a*)*\\1$"}', '"a"'),
    ('a pattern for a text of 200000 characters', '{"pattern": "^a+$"}', to_jsonb(repeat('a', 200000)))
) c (name, schema, value);

select cmp_ok(pg_temp.times_ordinary(c.schema, c.value), '<', 20::numeric, format('%s takes no longer than others', c.name))
from (
  values
    ('doubling', pg_temp.doubling('allOf', 30), '"a"'::jsonb),
    ('doubling over a large value', pg_temp.doubling('allOf', 30), pg_temp.many(30000, '"abc"')),
    ('unique items of a large value', '{"anyOf": [{"uniqueItems": true}, {"uniqueItems": true}]}', pg_temp.many(30000, '1')),
    ('a long enum', jsonb_build_object('items', jsonb_build_object('enum', pg_temp.many(8000, '"e"'))), pg_temp.many(9000, '"x"')),
    (
      'a long list of required names',
      jsonb_build_object('items', jsonb_build_object('required', pg_temp.many(8000, '"e"'))), pg_temp.many(9000, '{"e": 1}')
    ),
    (
      'a long key', '{"additionalProperties": {"items": {"type": "string"}}}',
      jsonb_build_object(repeat('k', 500000), pg_temp.many(9000, '1'))
    ),
    (
      'many patterns',
      (
        select jsonb_build_object('items', jsonb_build_object('allOf', jsonb_agg(
          jsonb_build_object('pattern', format('^(x|xx){1,%s}(y|yy){1,4}%s$', 1 + n % 9, n)))))
        from generate_series(1, 50) n
      ),
      pg_temp.many(1000, '"xxxxxxxxxxyyyyyyyyyyz"')
    )
) c (name, schema, value);

select is(
  jsonb_array_length(stepbase_private.json_schema_errors('{"items": {"type": "string"}}', pg_temp.many(5000, '1'))),
  100, 'at most 100 problems are reported'
);
select is(
  stepbase_private.json_schema_errors('{"minLength": "x", "minItems": {}, "maximum": []}', '"a"'), '[]',
  'keywords of a wrong type raise nothing'
);

select is(
  (select string_agg(distinct p.code, ',') from stepbase_private.json_schema_problems(c.schema) p), c.code,
  format('%s: %s', c.name, coalesce(c.code, 'can be stored'))
)
from (
  values
    ('the empty schema', '{}'::jsonb, null),
    (
      'a tree', '{"type": "object", "properties": {"next": {"$ref": "#"}, "all": {"items": {"$ref": "#/$defs/n"}}},
        "$defs": {"n": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}}', null
    ),
    ('formats and patterns', '{"properties": {"a": {"pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}$", "format": "x"}}}', null),
    ('unknown keywords', '{"x-widget": {"type": 7}, "default": 1, "examples": [{"type": 7}], "title": "t"}', null),
    ('doubling', pg_temp.doubling('allOf', 12), 'schema_too_complex'),
    ('doubling in oneOf', pg_temp.doubling('oneOf', 60), 'schema_too_complex'),
    ('few levels of doubling', pg_temp.doubling('anyOf', 5), null),
    ('a $ref to itself', '{"$ref": "#"}', 'schema_too_complex'),
    ('a cycle of $refs', '{"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}', 'schema_too_complex'),
    ('a $ref to nothing', '{"$ref": "#/$defs/gone"}', 'invalid_input'),
    ('a $ref to another document', '{"items": {"$ref": "https://x.example/schema"}}', 'invalid_input'),
    ('a broken pattern', '{"properties": {"a": {"pattern": "(a"}}}', 'invalid_input'),
    ('a broken pattern of names', '{"patternProperties": {"[": {}}}', 'invalid_input'),
    ('a long pattern', jsonb_build_object('pattern', repeat('a', 600)), 'invalid_input'),
    ('an unknown type', '{"type": "text"}', 'invalid_input'),
    ('an unknown type in a list', '{"type": ["string", "text"]}', 'invalid_input'),
    ('a limit that is a string', '{"properties": {"a": {"minLength": "1"}}}', 'invalid_input'),
    ('required that is no array', '{"required": true}', 'invalid_input'),
    ('a subschema that is a string', '{"properties": {"a": "string"}}', 'invalid_input'),
    ('a keyword that is not supported', '{"unevaluatedProperties": false}', 'invalid_input'),
    ('a schema of 70 KB', jsonb_build_object('title', repeat('a', 70000)), 'schema_too_complex'),
    (
      'a schema of 3000 subschemas',
      (select jsonb_build_object('properties', jsonb_object_agg('p' || n, '{}'::jsonb)) from generate_series(1, 3000) n),
      'schema_too_complex'
    ),
    (
      'a schema of 150 patterns',
      (
        select jsonb_build_object('patternProperties', jsonb_object_agg('^' || n, jsonb_build_object('pattern', '^b' || n)))
        from generate_series(1, 75) n
      ),
      'schema_too_complex'
    ),
    ('deep nesting', (repeat('{"items": ', 900) || '{}' || repeat('}', 900))::jsonb, null)
) c (name, schema, code);

-- Each column that holds a schema has the check.
select is(
  (
    select count(*)
    from information_schema.columns c
    where c.table_schema = 'stepbase' and c.data_type = 'jsonb'
      and c.column_name ~ '(_schema|^parameters|^return_type)$' and c.table_name <> 'step_types'
      and not exists (
        select
        from pg_catalog.pg_trigger t
        where t.tgrelid = format('stepbase.%I', c.table_name)::regclass
          and t.tgfoid = 'stepbase_private.check_json_schemas'::regproc
          and position(c.column_name in encode(t.tgargs, 'escape')) > 0
      )
      and exists (
        select from information_schema.tables b
        where b.table_schema = 'stepbase' and b.table_name = c.table_name and b.table_type = 'BASE TABLE'
      )
  ),
  0::bigint, 'every column with a JSON Schema is checked when it is stored'
);
select throws_ok(
  $$insert into stepbase.components (app_code, name, implementation_type, input_schema)
    values (null, 'bad', 'user_task', '{"properties": {"a": {"pattern": "(a"}}}')$$,
  'SB422', null, 'a component with a broken pattern cannot be stored'
);
select throws_ok(
  format(
    $$insert into stepbase.components (app_code, name, implementation_type, output_schema) values (null, 'bad', 'user_task', %L)$$,
    pg_temp.doubling('allOf', 20)),
  'SB425', null, 'a component whose schema multiplies cannot be stored'
);
select lives_ok(
  $$insert into stepbase.components (app_code, name, implementation_type, input_schema)
    values (null, 'good', 'user_task', '{"properties": {"a": {"$ref": "#"}}}')$$,
  'a component with a recursive schema can be stored'
);

select * from finish();
rollback;
