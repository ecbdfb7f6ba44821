-- What the keywords type, format and pattern of JSON Schema mean for one value. Patterns belong to tenants, so a
-- pattern that costs too much is refused before it is compiled.

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
