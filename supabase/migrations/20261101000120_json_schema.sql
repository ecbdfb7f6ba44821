-- JSON Schema validation in SQL: the keywords that run inputs, forms and step configs need, so that a value is
-- checked in the transaction that stores it. Schemas belong to tenants, so a validation has a budget of evaluations.

create type stepbase_private.json_validation as (
  evaluations_left int,
  problems_left int,
  problems jsonb
);

comment on type stepbase_private.json_validation is
  'State of a validation. evaluations_left: the rest of its budget. problems_left: how many more problems it reports; at 0 '
  'it ends. problems: an array of {path, message, known_keys?}.';

create function stepbase_private.json_refuse_schema(p_path text, p_reason text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Not raise_error, which reads a table: validation is immutable.
  raise exception using
    errcode = 'SB425',
    message = format('The schema is too complex for this value at %s: %s', coalesce(nullif(p_path, ''), '/'), p_reason),
    detail = jsonb_build_object('code', 'schema_too_complex', 'path', p_path);
end;
$$;

comment on function stepbase_private.json_refuse_schema(text, text) is 'Raises SB425 schema_too_complex.';

create function stepbase_private.json_problem(
  p_state stepbase_private.json_validation, p_path text, p_message text, p_more jsonb default '{}'
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_state.problems_left > 0 then
    p_state.problems_left := p_state.problems_left - 1;
    p_state.problems := p_state.problems
      || (jsonb_build_object('path', p_path, 'message', left(p_message, 500)) || p_more);
  end if;
  return p_state;
end;
$$;

comment on function stepbase_private.json_problem(stepbase_private.json_validation, text, text, jsonb) is
  'The state of a validation with one more problem, unless it has enough of them. p_more: further members of it.';

create function stepbase_private.json_path(p_path text, p_key text)
returns text
language sql
immutable
set search_path = ''
as $$
  select left(p_path || '/' || replace(replace(p_key, '~', '~0'), '/', '~1'), 1000);
$$;

comment on function stepbase_private.json_path(text, text) is
  'The JSON pointer (RFC 6901) of a member of the value at p_path; long pointers are cut.';

create function stepbase_private.json_check_scalar(
  p_schema jsonb, p_value jsonb, p_path text, p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_as_text text;
  v_length jsonb;
  v_excess text;
begin
  -- Compared as jsonb: a limit in the schema that is not a number then raises no error.
  if jsonb_typeof(p_value) = 'string' then
    v_as_text := p_value #>> '{}';
    v_length := to_jsonb(length(v_as_text));
    if v_length < p_schema -> 'minLength' then
      p_state := stepbase_private.json_problem(
        p_state, p_path, format('must have at least %s characters', p_schema ->> 'minLength'));
    end if;
    if v_length > p_schema -> 'maxLength' then
      p_state := stepbase_private.json_problem(
        p_state, p_path, format('must have at most %s characters', p_schema ->> 'maxLength'));
    end if;
    if p_schema ? 'pattern' then
      v_excess := stepbase_private.json_pattern_excess(p_schema ->> 'pattern');
      if v_excess is null and length(v_as_text) > 100000 then
        v_excess := 'a pattern is matched against at most 100000 characters';
      end if;
      if v_excess is not null then
        perform stepbase_private.json_refuse_schema(p_path, v_excess);
      end if;
      if stepbase_private.json_pattern_matches(p_schema ->> 'pattern', v_as_text) is not true then
        p_state := stepbase_private.json_problem(p_state, p_path, format('must match %s', p_schema ->> 'pattern'));
      end if;
    end if;
    if p_schema ? 'format' and not stepbase_private.json_format_matches(p_schema ->> 'format', v_as_text) then
      p_state := stepbase_private.json_problem(p_state, p_path, format('must be a valid %s', p_schema ->> 'format'));
    end if;
  elsif jsonb_typeof(p_value) = 'number' then
    if p_value < p_schema -> 'minimum' then
      p_state := stepbase_private.json_problem(p_state, p_path, format('must be at least %s', p_schema ->> 'minimum'));
    end if;
    if p_value > p_schema -> 'maximum' then
      p_state := stepbase_private.json_problem(p_state, p_path, format('must be at most %s', p_schema ->> 'maximum'));
    end if;
    if p_value <= p_schema -> 'exclusiveMinimum' then
      p_state := stepbase_private.json_problem(
        p_state, p_path, format('must be more than %s', p_schema ->> 'exclusiveMinimum'));
    end if;
    if p_value >= p_schema -> 'exclusiveMaximum' then
      p_state := stepbase_private.json_problem(
        p_state, p_path, format('must be less than %s', p_schema ->> 'exclusiveMaximum'));
    end if;
    if jsonb_typeof(p_schema -> 'multipleOf') = 'number' and p_schema -> 'multipleOf' > '0' then
      -- A short text can be a number of many digits, whose division takes long.
      p_state.evaluations_left := p_state.evaluations_left
        - (length(p_value #>> '{}')::bigint * length(p_schema ->> 'multipleOf') / 1000000)::int;
      if p_state.evaluations_left < 0 then
        perform stepbase_private.json_refuse_schema(p_path, 'the numbers of multipleOf are too long');
      end if;
      if (p_value #>> '{}')::numeric % (p_schema ->> 'multipleOf')::numeric <> 0 then
        p_state := stepbase_private.json_problem(
          p_state, p_path, format('must be a multiple of %s', p_schema ->> 'multipleOf'));
      end if;
    end if;
  end if;
  return p_state;
end;
$$;

comment on function stepbase_private.json_check_scalar(jsonb, jsonb, text, stepbase_private.json_validation) is
  'Applies the keywords of strings and numbers. See json_check.';

create function stepbase_private.json_equals(p_one jsonb, p_other jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select case
    when p_one = p_other then true
    when jsonb_typeof(p_one) <> jsonb_typeof(p_other) or jsonb_typeof(p_one) not in ('object', 'array') then false
    else stepbase_private.with_digits(p_one) = stepbase_private.with_digits(p_other)
  end;
$$;

comment on function stepbase_private.json_equals(jsonb, jsonb) is
  'Whether two values are equal; within objects and arrays, a number that JavaScript cannot hold equals the string of its '
  'digits.';

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

-- This function and the next four call each other; PL/pgSQL resolves their names at run time.
create function stepbase_private.json_check(
  p_schema jsonb,
  p_value jsonb,
  p_path text,
  p_templates boolean,
  p_root jsonb,
  p_followed text[],
  p_depth int,
  p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_branch jsonb;
  v_types text[];
begin
  -- `true`, `{}` and an absent schema accept everything; `false` accepts nothing.
  if p_state.problems_left = 0 or p_schema is null or p_schema = 'null' or p_schema = 'true' then
    return p_state;
  end if;
  if p_schema = 'false' then
    return stepbase_private.json_problem(p_state, p_path, 'is not allowed');
  end if;
  if jsonb_typeof(p_schema) <> 'object' then
    return stepbase_private.json_problem(p_state, p_path, 'has a schema that is not an object');
  end if;
  if p_value is null then
    return stepbase_private.json_problem(p_state, p_path, 'is missing');
  end if;
  -- Long lists in a schema and large values cost more than one evaluation.
  p_state.evaluations_left := p_state.evaluations_left
    - 1 - pg_column_size(p_schema) / 1024 - pg_column_size(p_value) / 8192;
  if p_state.evaluations_left < 0 then
    perform stepbase_private.json_refuse_schema(p_path, 'the validation needs more than 10000 evaluations');
  end if;
  if p_depth > 64 then
    perform stepbase_private.json_refuse_schema(p_path, 'the schema and the value nest more than 64 levels deep');
  end if;
  -- The value of a template is known only when the step runs.
  if p_templates and jsonb_typeof(p_value) = 'string' and strpos(p_value #>> '{}', '{{') > 0 then
    return p_state;
  end if;
  if p_value = 'null' and p_schema -> 'nullable' = 'true' then
    return p_state;
  end if;

  if p_schema ? '$ref' then
    v_branch := stepbase_private.json_schema_at(p_root, p_schema ->> '$ref');
    -- An unresolvable $ref is a problem, because it would check nothing. So is a cycle of $refs that does not
    -- descend into the value, because it would never end.
    if v_branch is null or p_schema ->> '$ref' = any (p_followed) then
      return stepbase_private.json_problem(
        p_state, p_path, format('has a schema whose $ref cannot be resolved: %s', p_schema ->> '$ref'));
    end if;
    p_state := stepbase_private.json_check(
      v_branch, p_value, p_path, p_templates, p_root, p_followed || (p_schema ->> '$ref'), p_depth + 1, p_state);
  end if;
  if p_schema ? 'type' then
    v_types := case jsonb_typeof(p_schema -> 'type')
      when 'array' then array(select jsonb_array_elements_text(p_schema -> 'type'))
      else array[p_schema ->> 'type']
    end;
    -- A number without a fraction has the type integer, too.
    if jsonb_typeof(p_value) <> all (v_types)
      and not ('integer' = any (v_types) and stepbase_private.json_type_matches('integer', p_value)) then
      return stepbase_private.json_problem(
        p_state, p_path, format('must be of type %s, not %s', array_to_string(v_types, ' or '), jsonb_typeof(p_value)));
    end if;
    -- The worker reads the config of a step, and would get a string.
    if p_templates and jsonb_typeof(p_value) = 'number' and length(p_value #>> '{}') > 15
      and stepbase_private.is_unsafe_number((p_value #>> '{}')::numeric) then
      return stepbase_private.json_problem(p_state, p_path, 'has more digits than a double holds');
    end if;
  end if;
  if p_schema ? 'const' and not stepbase_private.json_equals(p_schema -> 'const', p_value) then
    p_state := stepbase_private.json_problem(p_state, p_path, format('must be %s', left(p_schema ->> 'const', 200)));
  end if;
  if coalesce(jsonb_typeof(p_schema -> 'enum') = 'array', false)
    and not (
      (
        jsonb_typeof(p_value) in ('object', 'array') and exists (
          select 1 from jsonb_array_elements(p_schema -> 'enum') e (item)
          where stepbase_private.json_equals(e.item, p_value)
        )
      )
      -- The same for a scalar, without a row for each element.
      or (jsonb_typeof(p_value) not in ('object', 'array') and p_schema -> 'enum' @> p_value)
    ) then
    p_state := stepbase_private.json_problem(
      p_state, p_path, format('must be one of %s', left((p_schema -> 'enum')::text, 300)));
  end if;

  p_state := case jsonb_typeof(p_value)
    when 'object' then stepbase_private.json_check_object(
      p_schema, p_value, p_path, p_templates, p_root, p_depth, p_state)
    when 'array' then stepbase_private.json_check_array(
      p_schema, p_value, p_path, p_templates, p_root, p_depth, p_state)
    else stepbase_private.json_check_scalar(p_schema, p_value, p_path, p_state)
  end;
  if p_schema ? 'allOf' or p_schema ? 'anyOf' or p_schema ? 'oneOf' or p_schema ? 'not' then
    p_state := stepbase_private.json_check_branches(
      p_schema, p_value, p_path, p_templates, p_root, p_followed, p_depth, p_state);
  end if;
  return p_state;
end;
$$;

comment on function stepbase_private.json_check(
  jsonb, jsonb, text, boolean, jsonb, text[], int, stepbase_private.json_validation
) is
  'Validates p_value against p_schema and returns the new state of the validation. Raises SB425 schema_too_complex when the '
  'budget is used up. p_path: where the value stands. p_templates: a string with {{ … }} satisfies every schema. p_root: the '
  'document that p_schema is part of. p_followed: the $refs already followed for this value. p_depth: nested evaluations.';

create function stepbase_private.json_check_value(
  p_schema jsonb,
  p_value jsonb,
  p_path text,
  p_templates boolean,
  p_root jsonb,
  p_depth int,
  p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_number jsonb;
  v_as_text stepbase_private.json_validation;
  v_as_number stepbase_private.json_validation;
begin
  v_as_text := stepbase_private.json_check(
    p_schema, p_value, p_path, p_templates, p_root, '{}', p_depth, p_state);
  if v_as_text.problems_left = p_state.problems_left or p_templates or jsonb_typeof(p_value) <> 'string' then
    return v_as_text;
  end if;
  v_number := stepbase_private.exact_number(p_value #>> '{}');
  if v_number is null then
    return v_as_text;
  end if;
  v_as_number := stepbase_private.json_check(
    p_schema, v_number, p_path, p_templates, p_root, '{}', p_depth,
    row (v_as_text.evaluations_left, p_state.problems_left, p_state.problems)::stepbase_private.json_validation);
  if exists (
    select
    from jsonb_array_elements(v_as_number.problems) with ordinality as e (problem, place)
    where e.place > jsonb_array_length(p_state.problems) and e.problem ->> 'message' like 'must be of type%'
  ) then
    v_as_text.evaluations_left := v_as_number.evaluations_left;
    return v_as_text;
  end if;
  return v_as_number;
end;
$$;

comment on function stepbase_private.json_check_value(
  jsonb, jsonb, text, boolean, jsonb, int, stepbase_private.json_validation
) is
  'As json_check, for the whole value or a part of it. The digits of a number that JavaScript received as a string may be '
  'meant as a string or as this number: one of both suffices.';

create function stepbase_private.json_check_branches(
  p_schema jsonb,
  p_value jsonb,
  p_path text,
  p_templates boolean,
  p_root jsonb,
  p_followed text[],
  p_depth int,
  p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_keyword text;
  v_branch jsonb;
  v_state stepbase_private.json_validation;
  v_matching int;
begin
  if jsonb_typeof(p_schema -> 'allOf') = 'array' then
    for v_branch in select jsonb_array_elements(p_schema -> 'allOf') loop
      p_state := stepbase_private.json_check(
        v_branch, p_value, p_path, p_templates, p_root, p_followed, p_depth + 1, p_state);
    end loop;
  end if;
  foreach v_keyword in array '{anyOf,oneOf,not}'::text[] loop
    continue when not p_schema ? v_keyword
      or (v_keyword <> 'not' and jsonb_typeof(p_schema -> v_keyword) <> 'array');
    v_matching := 0;
    for v_branch in
      select jsonb_array_elements(
        case v_keyword when 'not' then jsonb_build_array(p_schema -> 'not') else p_schema -> v_keyword end)
    loop
      -- One problem suffices to know that a branch does not match.
      v_state := row (p_state.evaluations_left, 1, '[]')::stepbase_private.json_validation;
      v_state := stepbase_private.json_check(
        v_branch, p_value, p_path, p_templates, p_root, p_followed, p_depth + 1, v_state);
      p_state.evaluations_left := v_state.evaluations_left;
      if v_state.problems_left = 1 then
        v_matching := v_matching + 1;
        exit when v_keyword = 'anyOf';
      end if;
    end loop;
    p_state := case
      when v_keyword = 'anyOf' and v_matching = 0
        then stepbase_private.json_problem(p_state, p_path, 'must match at least one schema in anyOf')
      when v_keyword = 'oneOf' and v_matching <> 1
        then stepbase_private.json_problem(
          p_state, p_path, format('must match exactly one schema in oneOf, but matches %s', v_matching))
      when v_keyword = 'not' and v_matching = 1
        then stepbase_private.json_problem(p_state, p_path, 'must not match the schema in not')
      else p_state
    end;
  end loop;
  return p_state;
end;
$$;

comment on function stepbase_private.json_check_branches(
  jsonb, jsonb, text, boolean, jsonb, text[], int, stepbase_private.json_validation
) is 'Applies allOf, anyOf, oneOf and not. See json_check.';

create function stepbase_private.json_check_object(
  p_schema jsonb,
  p_value jsonb,
  p_path text,
  p_templates boolean,
  p_root jsonb,
  p_depth int,
  p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_properties constant jsonb := case jsonb_typeof(p_schema -> 'properties')
    when 'object' then p_schema -> 'properties' else '{}' end;
  v_key text;
begin
  if jsonb_typeof(p_schema -> 'required') = 'array' then
    for v_key in select jsonb_array_elements_text(p_schema -> 'required') loop
      if not p_value ? v_key then
        p_state := stepbase_private.json_problem(p_state, stepbase_private.json_path(p_path, v_key), 'is required');
        exit when p_state.problems_left = 0;
      end if;
    end loop;
  end if;
  for v_key in select k.name from jsonb_object_keys(p_value) k (name) where v_properties ? k.name loop
    exit when p_state.problems_left = 0;
    p_state := stepbase_private.json_check_value(
      v_properties -> v_key, p_value -> v_key, stepbase_private.json_path(p_path, v_key), p_templates, p_root,
      p_depth + 1, p_state);
  end loop;
  if p_schema -> 'additionalProperties' = 'false' or jsonb_typeof(p_schema -> 'additionalProperties') = 'object' then
    for v_key in select k.name from jsonb_object_keys(p_value) k (name) where not v_properties ? k.name loop
      exit when p_state.problems_left = 0;
      if p_schema -> 'additionalProperties' = 'false' then
        p_state := stepbase_private.json_problem(
          p_state, stepbase_private.json_path(p_path, v_key), 'is not a known property',
          -- A definition gets a suggestion; values of runs do not, because schemas of tenants can have many keys.
          case when p_templates then jsonb_build_object(
            'known_keys', array(select k.name from jsonb_object_keys(v_properties) k (name))) else '{}' end);
      else
        p_state := stepbase_private.json_check_value(
          p_schema -> 'additionalProperties', p_value -> v_key, stepbase_private.json_path(p_path, v_key), p_templates,
          p_root, p_depth + 1, p_state);
      end if;
    end loop;
  end if;
  return p_state;
end;
$$;

comment on function stepbase_private.json_check_object(
  jsonb, jsonb, text, boolean, jsonb, int, stepbase_private.json_validation
) is 'Applies the keywords of objects (required, properties, additionalProperties). See json_check.';

create function stepbase_private.json_check_array(
  p_schema jsonb,
  p_value jsonb,
  p_path text,
  p_templates boolean,
  p_root jsonb,
  p_depth int,
  p_state stepbase_private.json_validation
)
returns stepbase_private.json_validation
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_length constant int := jsonb_array_length(p_value);
begin
  if to_jsonb(v_length) < p_schema -> 'minItems' then
    p_state := stepbase_private.json_problem(
      p_state, p_path, format('must have at least %s items', p_schema ->> 'minItems'));
  end if;
  if to_jsonb(v_length) > p_schema -> 'maxItems' then
    p_state := stepbase_private.json_problem(
      p_state, p_path, format('must have at most %s items', p_schema ->> 'maxItems'));
  end if;
  -- Not p_schema -> 'uniqueItems' alone: null and … would count the items, too.
  if coalesce(p_schema -> 'uniqueItems' = 'true', false)
    and v_length > (
      select count(distinct e.item) from jsonb_array_elements(stepbase_private.with_digits(p_value)) e (item)
    ) then
    p_state := stepbase_private.json_problem(p_state, p_path, 'must not repeat an item');
  end if;
  if jsonb_typeof(p_schema -> 'items') in ('object', 'boolean') then
    for v_item in 0 .. v_length - 1 loop
      exit when p_state.problems_left = 0;
      p_state := stepbase_private.json_check_value(
        p_schema -> 'items', p_value -> v_item, stepbase_private.json_path(p_path, v_item::text), p_templates, p_root,
        p_depth + 1, p_state);
    end loop;
  end if;
  return p_state;
end;
$$;

comment on function stepbase_private.json_check_array(
  jsonb, jsonb, text, boolean, jsonb, int, stepbase_private.json_validation
) is 'Applies the keywords of arrays (items, minItems, maxItems, uniqueItems). See json_check.';

create function stepbase_private.json_schema_errors(
  p_schema jsonb, p_value jsonb, p_path text default '', p_templates boolean default false
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- An empty path returns the whole value uncompressed; otherwise each access would uncompress it again.
  v_schema constant jsonb := p_schema #> '{}';
  v_value constant jsonb := p_value #> '{}';
begin
  return (
    stepbase_private.json_check_value(
      v_schema, v_value, p_path, p_templates, v_schema, 0,
      row (10000, 100, '[]')::stepbase_private.json_validation
    )
  ).problems;
end;
$$;

comment on function stepbase_private.json_schema_errors(jsonb, jsonb, text, boolean) is
  'Validates p_value against p_schema: an array of at most 100 {path, message}, empty if the value is valid. p_path: where '
  'the value stands, as a prefix of paths. p_templates: a string with {{ … }} satisfies every schema, and the problem of an '
  'unknown key has known_keys. Raises SB425 schema_too_complex beyond 10,000 evaluations or 64 levels.';
