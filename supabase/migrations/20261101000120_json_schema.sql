-- JSON Schema in SQL: enough of it to check a run's input, a form and a step's config in the same
-- transaction that stores them.

create function stepbase_private.json_type_matches(type_name text, value jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select case type_name
    when 'integer' then jsonb_typeof(value) = 'number' and (value #>> '{}')::numeric % 1 = 0
    else jsonb_typeof(value) = type_name
  end
$$;

comment on function stepbase_private.json_type_matches(text, jsonb) is
  'Whether a JSON value is of a JSON Schema type (an integer is a number without a fraction).';

create function stepbase_private.json_format_matches(format_name text, value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  case format_name
    when 'email' then
      return value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$';
    when 'uuid' then
      return value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
    when 'uri' then
      return value ~* '^[a-z][a-z0-9+.-]*://\S+$';
    when 'date' then
      return value ~ '^\d{4}-\d{2}-\d{2}$'
        and make_date(
          substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, substr(value, 9, 2)::integer
        ) is not null;
    when 'date-time' then
      return value ~* '^\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}:\d{2}(\.\d+)?(z|[+-]\d{2}:\d{2})$'
        and make_date(
          substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, substr(value, 9, 2)::integer
        ) is not null
        and substr(value, 12, 2)::integer < 24
        and substr(value, 15, 2)::integer < 60
        and substr(value, 18, 2)::integer < 61;
    else
      return true;
  end case;
exception
  when datetime_field_overflow then
    return false;
end
$$;

comment on function stepbase_private.json_format_matches(text, text) is
  'Whether a string is of a JSON Schema format; unknown formats accept everything, as the standard says.';

create function stepbase_private.json_pattern_matches(pattern text, value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return value ~ pattern;
exception
  when invalid_regular_expression then
    return false;
end
$$;

comment on function stepbase_private.json_pattern_matches(text, text) is
  'Whether a string matches a pattern; a pattern PostgreSQL cannot read matches nothing.';

create function stepbase_private.json_scalar_errors(schema jsonb, value jsonb, path text)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  problems jsonb := '[]';
  as_text text;
  as_number numeric;
begin
  if jsonb_typeof(value) = 'string' then
    as_text := value #>> '{}';
    if length(as_text) < (schema ->> 'minLength')::integer then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must have at least %s characters', schema ->> 'minLength'));
    end if;
    if length(as_text) > (schema ->> 'maxLength')::integer then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must have at most %s characters', schema ->> 'maxLength'));
    end if;
    if schema ? 'pattern' and not stepbase_private.json_pattern_matches(schema ->> 'pattern', as_text) then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must match %s', schema ->> 'pattern'));
    end if;
    if schema ? 'format' and not stepbase_private.json_format_matches(schema ->> 'format', as_text) then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must be a valid %s', schema ->> 'format'));
    end if;
  elsif jsonb_typeof(value) = 'number' then
    as_number := (value #>> '{}')::numeric;
    if as_number < (schema ->> 'minimum')::numeric then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must be at least %s', schema ->> 'minimum'));
    end if;
    if as_number > (schema ->> 'maximum')::numeric then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must be at most %s', schema ->> 'maximum'));
    end if;
    if as_number <= (schema ->> 'exclusiveMinimum')::numeric then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must be more than %s', schema ->> 'exclusiveMinimum'));
    end if;
    if as_number >= (schema ->> 'exclusiveMaximum')::numeric then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must be less than %s', schema ->> 'exclusiveMaximum'));
    end if;
  end if;
  return problems;
end
$$;

comment on function stepbase_private.json_scalar_errors(jsonb, jsonb, text) is
  'The string and number keywords of stepbase_private.json_schema_errors.';

create function stepbase_private.json_schema_at(root jsonb, reference text)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when reference = '#' then root
    when reference like '#/%' then root #> array(
      select replace(replace(s.step, '~1', '/'), '~0', '~')
      from unnest(string_to_array(substr(reference, 3), '/')) with ordinality as s (step, place)
      order by s.place
    )
  end
$$;

comment on function stepbase_private.json_schema_at(jsonb, text) is
  'What a $ref names: a place in the schema it stands in (#/$defs/…); null when it is elsewhere or not there.';

-- Recursive with the next two: plpgsql resolves the names when it runs.
create function stepbase_private.json_schema_errors(
  schema jsonb,
  value jsonb,
  path text default '',
  templates boolean default false,
  root jsonb default null,
  followed text[] default '{}'
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  problems jsonb := '[]';
  whole constant jsonb := coalesce(root, schema);
  branch jsonb;
  matching integer := 0;
  types text[];
begin
  -- `true`, `{}` and an absent schema accept everything; `false` accepts nothing.
  if schema is null or schema = 'null' or schema = 'true' then
    return problems;
  end if;
  if schema = 'false' then
    return jsonb_build_array(jsonb_build_object('path', path, 'message', 'is not allowed'));
  end if;
  if jsonb_typeof(schema) <> 'object' then
    return jsonb_build_array(
      jsonb_build_object('path', path, 'message', 'has a schema that is not an object'));
  end if;
  if value is null then
    return jsonb_build_array(jsonb_build_object('path', path, 'message', 'is missing'));
  end if;
  -- A template's value is known only when the step runs.
  if templates and jsonb_typeof(value) = 'string' and strpos(value #>> '{}', '{{') > 0 then
    return problems;
  end if;
  if value = 'null' and schema -> 'nullable' = 'true' then
    return problems;
  end if;

  if schema ? '$ref' then
    branch := stepbase_private.json_schema_at(whole, schema ->> '$ref');
    -- Nobody shall think that something is checked which is not.
    -- Nor shall anybody go in a circle: one that leads back without a step into the value says nothing.
    if branch is null or schema ->> '$ref' = any (followed) then
      return jsonb_build_array(jsonb_build_object(
        'path', path, 'message', format('has a schema whose $ref leads nowhere: %s', schema ->> '$ref')));
    end if;
    problems := problems || stepbase_private.json_schema_errors(
      branch, value, path, templates, whole, followed || (schema ->> '$ref'));
  end if;
  if schema ? 'type' then
    types := case jsonb_typeof(schema -> 'type')
      when 'array' then array(select jsonb_array_elements_text(schema -> 'type'))
      else array[schema ->> 'type']
    end;
    if not exists (select 1 from unnest(types) t (name) where stepbase_private.json_type_matches(t.name, value)) then
      return jsonb_build_array(jsonb_build_object(
        'path', path,
        'message', format('must be of type %s, not %s', array_to_string(types, ' or '), jsonb_typeof(value))));
    end if;
  end if;
  if schema ? 'const' and schema -> 'const' <> value then
    problems := problems || jsonb_build_object(
      'path', path, 'message', format('must be %s', schema -> 'const'));
  end if;
  if jsonb_typeof(schema -> 'enum') = 'array'
    and not exists (select 1 from jsonb_array_elements(schema -> 'enum') e (item) where e.item = value) then
    problems := problems || jsonb_build_object(
      'path', path, 'message', format('must be one of %s', schema -> 'enum'));
  end if;

  problems := problems || case jsonb_typeof(value)
    when 'object' then stepbase_private.json_object_errors(schema, value, path, templates, whole)
    when 'array' then stepbase_private.json_array_errors(schema, value, path, templates, whole)
    else stepbase_private.json_scalar_errors(schema, value, path)
  end;

  if jsonb_typeof(schema -> 'allOf') = 'array' then
    for branch in select jsonb_array_elements(schema -> 'allOf') loop
      problems := problems || stepbase_private.json_schema_errors(branch, value, path, templates, whole, followed);
    end loop;
  end if;
  if jsonb_typeof(schema -> 'anyOf') = 'array'
    and not exists (
      select 1 from jsonb_array_elements(schema -> 'anyOf') a (option)
      where stepbase_private.json_schema_errors(a.option, value, path, templates, whole, followed) = '[]'
    ) then
    problems := problems || jsonb_build_object(
      'path', path, 'message', 'must match at least one of the allowed forms');
  end if;
  if jsonb_typeof(schema -> 'oneOf') = 'array' then
    select count(*) into matching
    from jsonb_array_elements(schema -> 'oneOf') o (option)
    where stepbase_private.json_schema_errors(o.option, value, path, templates, whole, followed) = '[]';
    if matching <> 1 then
      problems := problems || jsonb_build_object(
        'path', path, 'message', format('must match exactly one of the allowed forms, matches %s', matching));
    end if;
  end if;
  if schema ? 'not' and stepbase_private.json_schema_errors(schema -> 'not', value, path, templates, whole, followed) = '[]' then
    problems := problems || jsonb_build_object('path', path, 'message', 'must not match the form that is ruled out');
  end if;
  return problems;
end
$$;

comment on function stepbase_private.json_schema_errors(jsonb, jsonb, text, boolean, jsonb, text[]) is
  'What is wrong with a value according to a JSON Schema: an array of {path, message}, empty when valid. '
  'With templates, a string holding {{ … }} satisfies everything. root: the schema that this one is part of; '
  'followed: the $refs that led here.';

create function stepbase_private.json_object_errors(schema jsonb, value jsonb, path text, templates boolean, root jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  problems jsonb := '[]';
  properties constant jsonb := coalesce(schema -> 'properties', '{}');
  key text;
begin
  if jsonb_typeof(schema -> 'required') = 'array' then
    for key in select jsonb_array_elements_text(schema -> 'required') loop
      if not value ? key then
        problems := problems || jsonb_build_object('path', path || '/' || key, 'message', 'is required');
      end if;
    end loop;
  end if;
  for key in select jsonb_object_keys(value) loop
    if properties ? key then
      problems := problems
        || stepbase_private.json_schema_errors(properties -> key, value -> key, path || '/' || key, templates, root);
    elsif schema -> 'additionalProperties' = 'false' then
      problems := problems || jsonb_build_object('path', path || '/' || key, 'message', 'is not a known property');
    elsif jsonb_typeof(schema -> 'additionalProperties') = 'object' then
      problems := problems || stepbase_private.json_schema_errors(
        schema -> 'additionalProperties', value -> key, path || '/' || key, templates, root);
    end if;
  end loop;
  return problems;
end
$$;

comment on function stepbase_private.json_object_errors(jsonb, jsonb, text, boolean, jsonb) is
  'The object keywords of stepbase_private.json_schema_errors: required, properties, additionalProperties.';

create function stepbase_private.json_array_errors(schema jsonb, value jsonb, path text, templates boolean, root jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  problems jsonb := '[]';
  items constant integer := jsonb_array_length(value);
  item integer;
begin
  if items < (schema ->> 'minItems')::integer then
    problems := problems || jsonb_build_object(
      'path', path, 'message', format('must have at least %s items', schema ->> 'minItems'));
  end if;
  if items > (schema ->> 'maxItems')::integer then
    problems := problems || jsonb_build_object(
      'path', path, 'message', format('must have at most %s items', schema ->> 'maxItems'));
  end if;
  if schema -> 'uniqueItems' = 'true'
    and items > (select count(distinct e.item) from jsonb_array_elements(value) e (item)) then
    problems := problems || jsonb_build_object('path', path, 'message', 'must not repeat an item');
  end if;
  if schema ? 'items' then
    for item in 0 .. items - 1 loop
      problems := problems || stepbase_private.json_schema_errors(
        schema -> 'items', value -> item, path || '/' || item, templates, root);
    end loop;
  end if;
  return problems;
end
$$;

comment on function stepbase_private.json_array_errors(jsonb, jsonb, text, boolean, jsonb) is
  'The array keywords of stepbase_private.json_schema_errors: items, minItems, maxItems, uniqueItems.';
