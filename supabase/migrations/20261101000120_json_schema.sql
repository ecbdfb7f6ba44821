-- JSON Schema validation in SQL: the keywords that run inputs, forms and step configs need, so that a value is
-- checked in the transaction that stores it.

create function stepbase_private.json_type_matches(p_type_name text, p_value jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select case p_type_name
    when 'integer' then jsonb_typeof(p_value) = 'number' and (p_value #>> '{}')::numeric % 1 = 0
    else jsonb_typeof(p_value) = p_type_name
  end;
$$;

comment on function stepbase_private.json_type_matches(text, jsonb) is
  'Whether p_value has the JSON Schema type p_type_name. integer: a number without a fraction.';

create function stepbase_private.json_format_matches(p_format_name text, p_value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  case p_format_name
    when 'email' then
      return p_value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$';
    when 'uuid' then
      return p_value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
    when 'uri' then
      return p_value ~* '^[a-z][a-z0-9+.-]*://\S+$';
    when 'date' then
      return p_value ~ '^\d{4}-\d{2}-\d{2}$'
        and make_date(
          substr(p_value, 1, 4)::int, substr(p_value, 6, 2)::int, substr(p_value, 9, 2)::int
        ) is not null;
    when 'date-time' then
      return p_value ~* '^\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}:\d{2}(\.\d+)?(z|[+-]\d{2}:\d{2})$'
        and make_date(
          substr(p_value, 1, 4)::int, substr(p_value, 6, 2)::int, substr(p_value, 9, 2)::int
        ) is not null
        and substr(p_value, 12, 2)::int < 24
        and substr(p_value, 15, 2)::int < 60
        and substr(p_value, 18, 2)::int < 61;
    else
      return true;
  end case;
exception
  when datetime_field_overflow then
    return false;
end;
$$;

comment on function stepbase_private.json_format_matches(text, text) is
  'Whether a string has the JSON Schema format p_format_name. Unknown formats accept any string, as the standard requires.';

create function stepbase_private.json_pattern_matches(p_pattern text, p_value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_value ~ p_pattern;
exception
  when invalid_regular_expression then
    return false;
end;
$$;

comment on function stepbase_private.json_pattern_matches(text, text) is
  'Whether a string matches a regular expression. An expression that PostgreSQL rejects matches no string.';

create function stepbase_private.json_scalar_errors(p_schema jsonb, p_value jsonb, p_path text)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_problems jsonb := '[]';
  v_as_text text;
  v_as_number numeric;
begin
  if jsonb_typeof(p_value) = 'string' then
    v_as_text := p_value #>> '{}';
    if length(v_as_text) < (p_schema ->> 'minLength')::int then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must have at least %s characters', p_schema ->> 'minLength'));
    end if;
    if length(v_as_text) > (p_schema ->> 'maxLength')::int then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must have at most %s characters', p_schema ->> 'maxLength'));
    end if;
    if p_schema ? 'pattern' and not stepbase_private.json_pattern_matches(p_schema ->> 'pattern', v_as_text) then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must match %s', p_schema ->> 'pattern'));
    end if;
    if p_schema ? 'format' and not stepbase_private.json_format_matches(p_schema ->> 'format', v_as_text) then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must be a valid %s', p_schema ->> 'format'));
    end if;
  elsif jsonb_typeof(p_value) = 'number' then
    v_as_number := (p_value #>> '{}')::numeric;
    if v_as_number < (p_schema ->> 'minimum')::numeric then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must be at least %s', p_schema ->> 'minimum'));
    end if;
    if v_as_number > (p_schema ->> 'maximum')::numeric then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must be at most %s', p_schema ->> 'maximum'));
    end if;
    if v_as_number <= (p_schema ->> 'exclusiveMinimum')::numeric then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must be more than %s', p_schema ->> 'exclusiveMinimum'));
    end if;
    if v_as_number >= (p_schema ->> 'exclusiveMaximum')::numeric then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must be less than %s', p_schema ->> 'exclusiveMaximum'));
    end if;
  end if;
  return v_problems;
end;
$$;

comment on function stepbase_private.json_scalar_errors(jsonb, jsonb, text) is
  'Problems found by the string and number keywords: an array of {path, message}. See json_schema_errors.';

create function stepbase_private.json_schema_at(p_root jsonb, p_reference text)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when p_reference = '#' then p_root
    when p_reference like '#/%' then p_root #> array(
      select replace(replace(s.step, '~1', '/'), '~0', '~')
      from unnest(string_to_array(substr(p_reference, 3), '/')) with ordinality as s (step, place)
      order by s.place
    )
  end;
$$;

comment on function stepbase_private.json_schema_at(jsonb, text) is
  'The subschema that a $ref points to within p_root (# or #/$defs/…); null if it does not exist or is in another document.';

-- This function and the next two call each other; PL/pgSQL resolves their names at run time.
create function stepbase_private.json_schema_errors(
  p_schema jsonb,
  p_value jsonb,
  p_path text default '',
  p_templates boolean default false,
  p_root jsonb default null,
  p_followed text[] default '{}'
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_problems jsonb := '[]';
  v_whole constant jsonb := coalesce(p_root, p_schema);
  v_branch jsonb;
  v_matching int := 0;
  v_types text[];
begin
  -- `true`, `{}` and an absent schema accept everything; `false` accepts nothing.
  if p_schema is null or p_schema = 'null' or p_schema = 'true' then
    return v_problems;
  end if;
  if p_schema = 'false' then
    return jsonb_build_array(jsonb_build_object('path', p_path, 'message', 'is not allowed'));
  end if;
  if jsonb_typeof(p_schema) <> 'object' then
    return jsonb_build_array(
      jsonb_build_object('path', p_path, 'message', 'has a schema that is not an object'));
  end if;
  if p_value is null then
    return jsonb_build_array(jsonb_build_object('path', p_path, 'message', 'is missing'));
  end if;
  -- The value of a template is known only when the step runs.
  if p_templates and jsonb_typeof(p_value) = 'string' and strpos(p_value #>> '{}', '{{') > 0 then
    return v_problems;
  end if;
  if p_value = 'null' and p_schema -> 'nullable' = 'true' then
    return v_problems;
  end if;

  if p_schema ? '$ref' then
    v_branch := stepbase_private.json_schema_at(v_whole, p_schema ->> '$ref');
    -- An unresolvable $ref is a problem, because it would check nothing. So is a cycle of $refs that does not
    -- descend into the value, because it would never end.
    if v_branch is null or p_schema ->> '$ref' = any (p_followed) then
      return jsonb_build_array(jsonb_build_object(
        'path', p_path, 'message', format('has a schema whose $ref cannot be resolved: %s', p_schema ->> '$ref')));
    end if;
    v_problems := v_problems || stepbase_private.json_schema_errors(
      v_branch, p_value, p_path, p_templates, v_whole, p_followed || (p_schema ->> '$ref'));
  end if;
  if p_schema ? 'type' then
    v_types := case jsonb_typeof(p_schema -> 'type')
      when 'array' then array(select jsonb_array_elements_text(p_schema -> 'type'))
      else array[p_schema ->> 'type']
    end;
    if not exists (
      select 1 from unnest(v_types) t (name) where stepbase_private.json_type_matches(t.name, p_value)
    ) then
      return jsonb_build_array(jsonb_build_object(
        'path', p_path,
        'message', format('must be of type %s, not %s', array_to_string(v_types, ' or '), jsonb_typeof(p_value))));
    end if;
  end if;
  if p_schema ? 'const' and p_schema -> 'const' <> p_value then
    v_problems := v_problems || jsonb_build_object(
      'path', p_path, 'message', format('must be %s', p_schema -> 'const'));
  end if;
  if jsonb_typeof(p_schema -> 'enum') = 'array'
    and not exists (select 1 from jsonb_array_elements(p_schema -> 'enum') e (item) where e.item = p_value) then
    v_problems := v_problems || jsonb_build_object(
      'path', p_path, 'message', format('must be one of %s', p_schema -> 'enum'));
  end if;

  v_problems := v_problems || case jsonb_typeof(p_value)
    when 'object' then stepbase_private.json_object_errors(p_schema, p_value, p_path, p_templates, v_whole)
    when 'array' then stepbase_private.json_array_errors(p_schema, p_value, p_path, p_templates, v_whole)
    else stepbase_private.json_scalar_errors(p_schema, p_value, p_path)
  end;

  if jsonb_typeof(p_schema -> 'allOf') = 'array' then
    for v_branch in select jsonb_array_elements(p_schema -> 'allOf') loop
      v_problems := v_problems
        || stepbase_private.json_schema_errors(v_branch, p_value, p_path, p_templates, v_whole, p_followed);
    end loop;
  end if;
  if jsonb_typeof(p_schema -> 'anyOf') = 'array'
    and not exists (
      select 1 from jsonb_array_elements(p_schema -> 'anyOf') a (option)
      where stepbase_private.json_schema_errors(a.option, p_value, p_path, p_templates, v_whole, p_followed) = '[]'
    ) then
    v_problems := v_problems || jsonb_build_object(
      'path', p_path, 'message', 'must match at least one schema in anyOf');
  end if;
  if jsonb_typeof(p_schema -> 'oneOf') = 'array' then
    select count(*) into v_matching
    from jsonb_array_elements(p_schema -> 'oneOf') o (option)
    where stepbase_private.json_schema_errors(o.option, p_value, p_path, p_templates, v_whole, p_followed) = '[]';
    if v_matching <> 1 then
      v_problems := v_problems || jsonb_build_object(
        'path', p_path, 'message', format('must match exactly one schema in oneOf, but matches %s', v_matching));
    end if;
  end if;
  if p_schema ? 'not'
    and stepbase_private.json_schema_errors(
      p_schema -> 'not', p_value, p_path, p_templates, v_whole, p_followed
    ) = '[]' then
    v_problems := v_problems || jsonb_build_object('path', p_path, 'message', 'must not match the schema in not');
  end if;
  return v_problems;
end;
$$;

comment on function stepbase_private.json_schema_errors(jsonb, jsonb, text, boolean, jsonb, text[]) is
  'Validates p_value against p_schema: an array of {path, message}, empty if the value is valid. p_path: where the value '
  'stands, as a prefix of paths. p_templates: a string with {{ … }} satisfies every schema. p_root: the document that '
  'p_schema is part of (default p_schema). p_followed: the $refs already followed for this value.';

create function stepbase_private.json_object_errors(
  p_schema jsonb, p_value jsonb, p_path text, p_templates boolean, p_root jsonb
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_problems jsonb := '[]';
  v_properties constant jsonb := coalesce(p_schema -> 'properties', '{}');
  v_key text;
begin
  if jsonb_typeof(p_schema -> 'required') = 'array' then
    for v_key in select jsonb_array_elements_text(p_schema -> 'required') loop
      if not p_value ? v_key then
        v_problems := v_problems || jsonb_build_object('path', p_path || '/' || v_key, 'message', 'is required');
      end if;
    end loop;
  end if;
  for v_key in select jsonb_object_keys(p_value) loop
    if v_properties ? v_key then
      v_problems := v_problems
        || stepbase_private.json_schema_errors(
          v_properties -> v_key, p_value -> v_key, p_path || '/' || v_key, p_templates, p_root);
    elsif p_schema -> 'additionalProperties' = 'false' then
      v_problems := v_problems || jsonb_build_object('path', p_path || '/' || v_key, 'message', 'is not a known property');
    elsif jsonb_typeof(p_schema -> 'additionalProperties') = 'object' then
      v_problems := v_problems || stepbase_private.json_schema_errors(
        p_schema -> 'additionalProperties', p_value -> v_key, p_path || '/' || v_key, p_templates, p_root);
    end if;
  end loop;
  return v_problems;
end;
$$;

comment on function stepbase_private.json_object_errors(jsonb, jsonb, text, boolean, jsonb) is
  'Problems found by the object keywords (required, properties, additionalProperties). See json_schema_errors.';

create function stepbase_private.json_array_errors(
  p_schema jsonb, p_value jsonb, p_path text, p_templates boolean, p_root jsonb
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_problems jsonb := '[]';
  v_items constant int := jsonb_array_length(p_value);
  v_item int;
begin
  if v_items < (p_schema ->> 'minItems')::int then
    v_problems := v_problems || jsonb_build_object(
      'path', p_path, 'message', format('must have at least %s items', p_schema ->> 'minItems'));
  end if;
  if v_items > (p_schema ->> 'maxItems')::int then
    v_problems := v_problems || jsonb_build_object(
      'path', p_path, 'message', format('must have at most %s items', p_schema ->> 'maxItems'));
  end if;
  if p_schema -> 'uniqueItems' = 'true'
    and v_items > (select count(distinct e.item) from jsonb_array_elements(p_value) e (item)) then
    v_problems := v_problems || jsonb_build_object('path', p_path, 'message', 'must not repeat an item');
  end if;
  if p_schema ? 'items' then
    for v_item in 0 .. v_items - 1 loop
      v_problems := v_problems || stepbase_private.json_schema_errors(
        p_schema -> 'items', p_value -> v_item, p_path || '/' || v_item, p_templates, p_root);
    end loop;
  end if;
  return v_problems;
end;
$$;

comment on function stepbase_private.json_array_errors(jsonb, jsonb, text, boolean, jsonb) is
  'Problems found by the array keywords (items, minItems, maxItems, uniqueItems). See json_schema_errors.';
