-- Expressions in step configs: which there are and which steps they read. Definitions are checked with it, and the
-- worker loads only the outputs that a step reads.

create function stepbase_private.template_expressions(p_source text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_found text[] := '{}';
  v_parts text[] := '{}';
  v_token text;
  -- Null outside of a template; otherwise the number of open braces inside its expression.
  v_depth int;
  v_quote text;
  v_is_escaped boolean := false;
begin
  -- Nearly all templates contain neither braces nor strings.
  if regexp_replace(p_source, '\{\{[^{}"''`]*\}\}', '', 'g') !~ '[{}]' then
    return array(select m.hit[1] from regexp_matches(p_source, '\{\{([^{}"''`]*)\}\}', 'g') as m (hit));
  end if;
  -- One pass over the text: each token is read once, so the time is linear.
  for v_token in select m.hit[1] from regexp_matches(p_source, '(\{\{|\}\}|[{}"''`\\]|[^{}"''`\\]+)', 'g') as m (hit) loop
    if v_depth is null then
      if v_token = '{{' then
        v_depth := 0;
      end if;
      continue;
    end if;
    if v_quote is not null then
      if v_token = v_quote and not v_is_escaped then
        v_quote := null;
      end if;
      v_is_escaped := v_token = '\' and not v_is_escaped;
    elsif v_token in ('"', '''', '`') then
      v_quote := v_token;
    elsif v_token = '{' then
      v_depth := v_depth + 1;
    elsif v_token = '{{' then
      v_depth := v_depth + 2;
    elsif v_token in ('}', '}}') then
      -- The template ends at the first closing brace outside strings and outside braces of the expression.
      if v_depth < length(v_token) then
        v_found := v_found || (array_to_string(v_parts, '') || repeat('}', v_depth));
        v_parts := '{}';
        v_depth := null;
        continue;
      end if;
      v_depth := v_depth - length(v_token);
    end if;
    v_parts := v_parts || v_token;
  end loop;
  if v_depth is not null then
    v_found := v_found || array_to_string(v_parts, '');
  end if;
  return v_found;
end;
$$;

comment on function stepbase_private.template_expressions(text) is
  'The JSONata expressions of all {{ … }} in a string, in order of appearance. The time is linear in the length.';

create function stepbase_private.config_expressions(p_step_type text, p_config jsonb)
returns setof text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_raw_keys jsonb;
  v_entry record;
begin
  if jsonb_typeof(p_config) <> 'object' then
    return;
  end if;
  select t.raw_keys into v_raw_keys from stepbase.step_types t where t.name = p_step_type;
  for v_entry in select e.key, e.value from jsonb_each(p_config) e loop
    if v_raw_keys ? v_entry.key and jsonb_typeof(v_entry.value) = 'string' then
      return next case v_raw_keys ->> v_entry.key
        -- A parameter named `steps` in the code's parameter list is not a read.
        when 'javascript'
          then regexp_replace(v_entry.value #>> '{}', '^\s*(?:async\s+)?(?:function\s*\w*\s*)?\([^)]*\)', '')
        else v_entry.value #>> '{}'
      end;
    elsif p_step_type = 'for_each' and v_entry.key = 'step' then
      return query
        select x.expression
        from stepbase_private.config_expressions(v_entry.value ->> 'type', v_entry.value -> 'config') x (expression);
    else
      return query
        select t.expression
        from jsonb_path_query(v_entry.value, 'strict $.** ? (@.type() == "string")') s (item)
        cross join unnest(stepbase_private.template_expressions(s.item #>> '{}')) t (expression);
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.config_expressions(text, jsonb) is
  'All expressions in the config of a step of type p_step_type: templates in any string, and the whole strings under '
  'the type''s raw_keys. For a for_each, includes those of the step that it runs.';

create function stepbase_private.referenced_steps(p_expression text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  -- String literals and comments match first and yield no group, then steps.id, steps["id"] and steps.`id`. Any other
  -- use of `steps` may read every step and yields '*'. So does a literal or comment without an end, which takes the
  -- rest of the text: skipping only its first character would read the rest again for each further quote. Other words
  -- are read as a whole, up to a `$.`: a look-behind would read the text from its start again for each match.
  select coalesce(array_agg(distinct r.step order by r.step), '{}')
  from (
    select coalesce(
      m.hit[1], m.hit[2], m.hit[3], m.hit[4], case when coalesce(m.hit[5], m.hit[6]) is not null then '*' end
    ) as step
    from regexp_matches(
      p_expression,
      '"(?:[^"\\]|\\.)*"'
      || '|''(?:[^''\\]|\\.)*'''
      || '|/\*(?:[^*]|\*+[^*/])*\*+/'
      || '|//[^\n]*'
      || '|(?:\$\.)?steps\s*(?:\?\.\s*\[?|\.|\[)\s*'
      || '(?:([A-Za-z_][A-Za-z0-9_]*)|`([^`]+)`|"([^"]+)"|''([^'']+)'')'
      || '|(?:\$\.)?(steps)(?![A-Za-z0-9_$])'
      || '|(?!steps(?![A-Za-z0-9_$]))(?:[A-Za-z0-9_.]|\$(?!\.))+'
      || '|((?:"(?:[^"\\]|\\.)*|''(?:[^''\\]|\\.)*|/\*(?:[^*]|\*+[^*/])*\**)\\?$)',
      'g'
    ) m (hit)
  ) r
  where r.step is not null;
$$;

comment on function stepbase_private.referenced_steps(text) is
  'Ids of the steps that an expression reads as steps.<id>; contains * if it uses `steps` in a way that may read any.';

create function stepbase_private.unsafe_literals(p_expression text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  -- Strings, quoted names, comments and words match first and yield no group. So does everything from the first slash
  -- on, which may begin a regular expression; the worker parses the expression and finds the rest.
  select coalesce(array_agg(m.hit[1] order by m.place), '{}')
  from regexp_matches(
    p_expression,
    '"(?:[^"\\]|\\.)*"'
    || '|''(?:[^''\\]|\\.)*'''
    || '|`[^`]*`'
    || '|/\*(?:[^*]|\*+[^*/])*\*+/'
    || '|[^\s0-9"''`/*+(){}\[\].,:;?@#%^&|<>=!~\\-][^\s"''`/*+(){}\[\].,:;?@#%^&|<>=!~\\-]*'
    || '|([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)'
    || '|(?:"(?:[^"\\]|\\.)*|''(?:[^''\\]|\\.)*|`[^`]*)\\?$'
    || '|/(?!\*).*$',
    'g'
  ) with ordinality as m (hit, place)
  where length(m.hit[1]) >= 5
    and case
      -- With more digits, PostgreSQL has no such number either.
      when length(m.hit[1]) > 1000 or m.hit[1] ~ '[eE][+-]?[0-9]{5}' then true
      else stepbase_private.is_unsafe_number(m.hit[1]::numeric)
    end;
$$;

comment on function stepbase_private.unsafe_literals(text) is
  'The numbers in a JSONata expression that a double cannot hold (is_unsafe_number), up to the first slash outside of '
  'strings and comments.';

create function stepbase_private.names_secrets(p_expression text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- String literals and comments match first and yield no group; one without an end takes the rest of the text.
  select exists (
    select
    from regexp_matches(
      p_expression,
      '"(?:[^"\\]|\\.)*"'
      || '|''(?:[^''\\]|\\.)*'''
      || '|/\*(?:[^*]|\*+[^*/])*\*+/'
      || '|(?:\$\.)?`?(secrets)(?![A-Za-z0-9_$])'
      || '|(?!`?secrets(?![A-Za-z0-9_$]))(?:[A-Za-z0-9_.`]|\$(?!\.))+'
      || '|((?:"(?:[^"\\]|\\.)*|''(?:[^''\\]|\\.)*|/\*(?:[^*]|\*+[^*/])*\**)\\?$)',
      'g'
    ) m (hit)
    where m.hit[1] is not null or strpos(m.hit[2], 'secrets') > 0
  );
$$;

comment on function stepbase_private.names_secrets(text) is 'Whether an expression reads `secrets`; in a config that is stored, this would store the values of secrets.';
