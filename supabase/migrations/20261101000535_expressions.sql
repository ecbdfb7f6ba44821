-- What a step's config reads: the expressions in it and the steps they mention. Used to refuse
-- references that can never resolve, and to tell the worker which outputs a step needs.

create function stepbase_private.template_expressions(source text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  found text[] := '{}';
  rest text := source;
  opening integer;
  depth integer;
  quote text;
  symbol text;
  i integer;
begin
  loop
    opening := strpos(rest, '{{');
    exit when opening = 0;
    rest := substr(rest, opening + 2);
    -- The template ends at the first }} that closes no brace of the expression and is in no string.
    depth := 0;
    quote := null;
    i := 1;
    while i <= length(rest) loop
      symbol := substr(rest, i, 1);
      if quote is not null then
        if symbol = '\' then
          i := i + 1;
        elsif symbol = quote then
          quote := null;
        end if;
      elsif symbol in ('"', '''', '`') then
        quote := symbol;
      elsif symbol = '{' then
        depth := depth + 1;
      elsif symbol = '}' then
        exit when depth = 0;
        depth := depth - 1;
      end if;
      i := i + 1;
    end loop;
    found := found || substr(rest, 1, i - 1);
    rest := substr(rest, i + 2);
  end loop;
  return found;
end
$$;

comment on function stepbase_private.template_expressions(text) is
  'The JSONata expressions of all {{ … }} in a string, in order.';

create function stepbase_private.config_expressions(step_type text, config jsonb)
returns setof text
language plpgsql
stable
set search_path = ''
as $$
declare
  raw_keys jsonb;
  entry record;
begin
  if jsonb_typeof(config) <> 'object' then
    return;
  end if;
  select t.raw_keys into raw_keys from stepbase.step_types t where t.name = step_type;
  for entry in select e.key, e.value from jsonb_each(config) e loop
    if raw_keys ? entry.key and jsonb_typeof(entry.value) = 'string' then
      return next case raw_keys ->> entry.key
        -- A function's parameter list names `steps` without reading it.
        when 'javascript'
          then regexp_replace(entry.value #>> '{}', '^\s*(async\s+)?(function\s*\w*\s*)?\([^)]*\)', '')
        else entry.value #>> '{}'
      end;
    elsif step_type = 'for_each' and entry.key = 'step' then
      return query
        select x.expression
        from stepbase_private.config_expressions(entry.value ->> 'type', entry.value -> 'config') x (expression);
    else
      return query
        select t.expression
        from jsonb_path_query(entry.value, 'strict $.** ? (@.type() == "string")') s (item)
        cross join unnest(stepbase_private.template_expressions(s.item #>> '{}')) t (expression);
    end if;
  end loop;
end
$$;

comment on function stepbase_private.config_expressions(text, jsonb) is
  'Every expression in a step''s config: templates anywhere, whole values under the type''s raw keys.';

create function stepbase_private.referenced_steps(expression text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  -- String literals and comments match first and yield no group; then steps.id, steps["id"], steps.`id`;
  -- `steps` used in any other way could read every step: '*'.
  select coalesce(array_agg(distinct r.step order by r.step), '{}')
  from (
    select coalesce(m.hit[1], m.hit[2], m.hit[3], m.hit[4], case when m.hit[5] is not null then '*' end) as step
    from regexp_matches(
      expression,
      '"(?:[^"\\]|\\.)*"'
      || '|''(?:[^''\\]|\\.)*'''
      || '|/\*(?:[^*]|\*+[^*/])*\*+/'
      || '|//[^\n]*'
      || '|(?:(?<![A-Za-z0-9_$.])|(?<=\$\.))steps\s*(?:\?\.\s*\[?|\.|\[)\s*'
      || '(?:([A-Za-z_][A-Za-z0-9_]*)|`([^`]+)`|"([^"]+)"|''([^'']+)'')'
      || '|(?:(?<![A-Za-z0-9_$.])|(?<=\$\.))(steps)(?![A-Za-z0-9_$])',
      'g'
    ) m (hit)
  ) r
  where r.step is not null
$$;

comment on function stepbase_private.referenced_steps(text) is
  'The steps an expression mentions as steps.<id>; with ''*'' when it uses `steps` in a way that may read any.';

create function stepbase_private.names_secrets(expression text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- String literals and comments match first and yield no group.
  select exists (
    select
    from regexp_matches(
      expression,
      '"(?:[^"\\]|\\.)*"'
      || '|''(?:[^''\\]|\\.)*'''
      || '|/\*(?:[^*]|\*+[^*/])*\*+/'
      || '|(?:(?<![A-Za-z0-9_$.`])|(?<=\$\.))`?(secrets)(?![A-Za-z0-9_$])',
      'g'
    ) m (hit)
    where m.hit[1] is not null
  )
$$;

comment on function stepbase_private.names_secrets(text) is 'Whether an expression mentions `secrets`, of which a worker would give it the values.';
