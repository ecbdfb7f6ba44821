-- What the keywords type, format and pattern of JSON Schema mean for one value. Patterns belong to tenants, so a
-- pattern that costs too much is refused before it is compiled.

create function stepbase_private.is_unsafe_number(p_value numeric)
returns boolean
language plpgsql
immutable
set search_path = ''
set extra_float_digits = 1
as $$
declare
  v_value constant numeric := trim_scale(abs(p_value));
  v_text constant text := v_value::text;
  v_digits constant int := length(trim(both '0' from replace(v_text, '.', '')));
  v_unit numeric;
  v_floor numeric;
  v_double float8;
begin
  if v_digits = 0 or (v_digits <= 15 and v_value between 1e-300 and 1e300) then
    return false;
  end if;
  -- The largest double, and a value that becomes the smallest one.
  if v_digits > 17 or v_value > 1.7976931348623157e308 or v_value < 3e-324 then
    return true;
  end if;
  v_double := v_value::float8;
  v_unit := case
    when scale(v_value) > 0 then ('1e-' || scale(v_value))::numeric
    else ('1e' || length(v_text) - length(rtrim(v_text, '0')))::numeric
  end;
  -- JavaScript prints a double with as few digits as possible: does a decimal with fewer digits become the same one?
  v_floor := v_value - v_value % (10 * v_unit);
  if v_digits > 1 and (
    stepbase_private.becomes_double(v_floor, v_double)
    or stepbase_private.becomes_double(v_floor + 10 * v_unit, v_double)
  ) then
    return true;
  end if;
  -- Of several decimals with as many digits, it prints the nearest one, as PostgreSQL does.
  if stepbase_private.becomes_double(v_value - v_unit, v_double)
    or stepbase_private.becomes_double(v_value + v_unit, v_double) then
    return v_double::text::numeric <> v_value;
  end if;
  return false;
end;
$$;

comment on function stepbase_private.is_unsafe_number(numeric) is
  'Whether JavaScript changes the number: it prints the double that the number becomes as another decimal value.';

create function stepbase_private.becomes_double(p_value numeric, p_double float8)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Outside of these bounds the cast is an error.
  select case when p_value between 3e-324 and 1.7976931348623157e308 then p_value::float8 = p_double else false end;
$$;

comment on function stepbase_private.becomes_double(numeric, float8) is 'Whether p_double is the double that is nearest to p_value, which must be positive.';

create function stepbase_private.exact_number(p_text text)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- The limits keep the number within the range of numeric.
  if length(p_text) not between 5 and 1000
    or p_text !~ '^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?$' then
    return null;
  end if;
  return case when stepbase_private.is_unsafe_number(p_text::numeric) then to_jsonb(p_text::numeric) end;
end;
$$;

comment on function stepbase_private.exact_number(text) is
  'The number that a string stands for, if JavaScript has received it as the string of its digits (is_unsafe_number); null '
  'for any other string.';

create function stepbase_private.with_digits(p_value jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  -- The text of jsonb has numbers without an exponent, so that an unsafe one has at least 16 digits.
  select case when p_value::text ~ '[0-9.]{16}' then (
    select string_agg(
      case
        when length(m.hit[2]) > 15 and stepbase_private.is_unsafe_number(m.hit[2]::numeric) then '"' || m.hit[2] || '"'
        else coalesce(m.hit[1], m.hit[2])
      end,
      '' order by m.place
    )::jsonb
    from regexp_matches(p_value::text, '("(?:[^"\\]|\\.)*"|[^"0-9-]+)|(-?[0-9][0-9.]*)', 'g')
      with ordinality as m (hit, place)
  ) else p_value end;
$$;

comment on function stepbase_private.with_digits(jsonb) is
  'The value as JavaScript receives it: a number that it would change (is_unsafe_number) is the string of its digits.';

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
      return p_value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
        and make_date(
          substr(p_value, 1, 4)::int, substr(p_value, 6, 2)::int, substr(p_value, 9, 2)::int
        ) is not null;
    when 'date-time' then
      return p_value ~* '^[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})$'
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

create function stepbase_private.json_pattern_excess(p_pattern text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_repetitions numeric := 0;
  v_multiples numeric := 1;
  v_counted record;
begin
  if length(p_pattern) > 500 then
    return 'a pattern has at most 500 characters';
  end if;
  if p_pattern ~ '(?<!\\)(?:\\\\)*\\[1-9]' then
    return 'a pattern cannot contain a back-reference';
  end if;
  -- PostgreSQL writes out what a counted repetition repeats, so repetitions within repetitions multiply.
  for v_counted in
    select m.hit[1] <> '' as of_group, greatest(m.hit[2]::numeric, nullif(m.hit[3], '')::numeric, 1) as times
    from regexp_matches(p_pattern, '(\)?)\{(\d{1,6})(?:,(\d{0,6}))?\}', 'g') as m (hit)
  loop
    v_repetitions := v_repetitions + v_counted.times;
    if v_counted.of_group then
      v_multiples := v_multiples * v_counted.times;
    end if;
  end loop;
  if (length(p_pattern) + v_repetitions) * v_multiples > 2000 then
    return 'the repetitions of a pattern multiply too often';
  end if;
  return null;
end;
$$;

comment on function stepbase_private.json_pattern_excess(text) is
  'Why a pattern of a schema costs too much; null if it does not.';

create function stepbase_private.json_pattern_matches(p_pattern text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_text ~ p_pattern;
exception
  when invalid_regular_expression then
    return null;
end;
$$;

comment on function stepbase_private.json_pattern_matches(text, text) is
  'Whether p_text contains a match of p_pattern; null if the pattern is not a regular expression of PostgreSQL.';

create function stepbase_private.json_pattern_problem(p_pattern text)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    stepbase_private.json_pattern_excess(p_pattern),
    case when stepbase_private.json_pattern_matches(p_pattern, '') is null
      then 'the pattern is not a regular expression of PostgreSQL' end
  );
$$;

comment on function stepbase_private.json_pattern_problem(text) is
  'Why a pattern cannot be used in a schema: it is too long, too costly, or no regular expression. Null: it can be used.';
