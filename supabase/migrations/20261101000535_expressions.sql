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
  v_is_comment boolean := false;
begin
  -- Nearly all templates contain neither braces nor strings nor comments.
  if regexp_replace(p_source, '\{\{[^{}"''`*]*\}\}', '', 'g') !~ '[{}]' then
    return array(select m.hit[1] from regexp_matches(p_source, '\{\{([^{}"''`*]*)\}\}', 'g') as m (hit));
  end if;
  -- One pass over the text: each token is read once, so the time is linear.
  for v_token in select m.hit[1] from regexp_matches(p_source, '(\{\{|\}\}|/\*|\*/|[{}"''`\\/*]|[^{}"''`\\/*]+)', 'g') as m (hit) loop
    if v_depth is null then
      if v_token = '{{' then
        v_depth := 0;
      end if;
      continue;
    end if;
    if v_is_comment then
      v_is_comment := v_token <> '*/';
    elsif v_quote is not null then
      if v_token = v_quote and not v_is_escaped then
        v_quote := null;
      end if;
      v_is_escaped := v_token = '\' and not v_is_escaped;
    elsif v_token in ('"', '''', '`') then
      v_quote := v_token;
    elsif v_token = '/*' then
      v_is_comment := true;
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
returns table (expression text, language text)
language plpgsql
stable
rows 10
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
      return query select v_entry.value #>> '{}', v_raw_keys ->> v_entry.key;
    elsif p_step_type = 'for_each' and v_entry.key = 'step' then
      return query
        select x.expression, x.language
        from stepbase_private.config_expressions(v_entry.value ->> 'type', v_entry.value -> 'config') x;
    else
      return query
        select t.expression, 'jsonata'
        from jsonb_path_query(v_entry.value, 'strict $.** ? (@.type() == "string")') s (item)
        cross join unnest(stepbase_private.template_expressions(s.item #>> '{}')) t (expression);
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.config_expressions(text, jsonb) is
  'All expressions in the config of a step of type p_step_type, with their language (jsonata, javascript): templates in any '
  'string, and the whole strings under the type''s raw_keys. For a for_each, includes those of the step that it runs.';

create function stepbase_private.is_jsonata_name(p_token text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_token ~ '^[^][\s(){}.,:;=!<>&|*+/%?^~@#$-]';
$$;

comment on function stepbase_private.is_jsonata_name(text) is
  'Whether a token of JSONata selects a property by its name as a step of a path: a word, or text in quotes or backticks.';

create function stepbase_private.jsonata_steps(p_expression text)
returns table (step text, is_certain boolean)
language plpgsql
immutable
rows 5
set search_path = ''
as $sql$
declare
  v_token record;
  -- Indexed by the number of open brackets. The value in focus is the scope: for certain, and possibly.
  v_is_scope boolean[] := '{true}';
  v_may_be_scope boolean[] := '{true}';
  -- The path so far has a name, so what follows belongs to the value of that name.
  v_is_named boolean[] := '{false}';
  v_is_parameters boolean[] := '{false}';
  v_depth int := 1;
  v_ends_parameters boolean := false;
  v_is_readable boolean;
  v_is_refocused boolean;
begin
  for v_token in
    with token as (
      -- Group 1: strings, quoted names, comments, variables, words, a regular expression with the operator before it,
      -- and single characters. Group 2: a string, a quoted name or a comment without an end.
      select coalesce(m.hit[1], m.hit[2]) as text, m.hit[2] is not null as is_open, m.place
      from regexp_matches(
        p_expression,
        '("(?:[^"\\]|\\.)*"|''(?:[^''\\]|\\.)*''|`[^`]*`|/\*(?:[^*]|\*+[^*/])*\*+/|\$[A-Za-z0-9_$]*'
        || '|[^][\s"''`(){}.,:;=!<>&|*+/%?^~@#$-]+|[(,:=&?>]\s*/(?:[^/\\*]|\\.)(?:[^/\\]|\\.)*/[a-z]*|\*\*|[^\s"''`])'
        || '|("(?:[^"\\]|\\.)*\\?$|''(?:[^''\\]|\\.)*\\?$|`[^`]*$|/\*(?:[^*]|\*+[^*/])*\**$)',
        'g'
      ) with ordinality m (hit, place)
      where m.hit[1] is null or m.hit[1] !~ '^/\*'
    ),
    around as (
      select
        k.*,
        lag(k.text) over w as before, lag(k.text, 2) over w as before_2, lag(k.text, 3) over w as before_3,
        lead(k.text) over w as after, lead(k.text, 2) over w as after_2
      from token k
      window w as (order by k.place)
    )
    select
      a.*,
      a.text ~ '^[[({.,:;=!<>&|*+/%?^~@#-]' as is_operator,
      a.before is null
        or a.before ~ '^[[({.,:;=!<>&|*+/%?^~@#-]'
        or (a.before in ('and', 'or', 'in') and a.before_2 !~ '^[[({.,:;=!<>&|*+/%?^~@#-]') as is_operand,
      stepbase_private.is_jsonata_name(a.text) as is_name,
      coalesce(a.after = '.' and stepbase_private.is_jsonata_name(a.after_2), false) as has_member,
      -- A step of a path that is evaluated for each item: .(…), .{…}, .$f(…).
      coalesce(a.before = '.' or (a.text ~ '^\(' and a.before_2 = '.'), false) as is_for_items
    from around a
    order by a.place
  loop
    v_is_readable := not v_token.is_open
      -- A regular expression that is not recognized, or that JSONata does not end at its second slash.
      and not (v_token.text = '/' and (v_token.is_operand or v_token.before in ('and', 'or', 'in')))
      and not (
        v_token.text ~ '^.\s*/.*/[a-z]*$'
        and length(translate(regexp_replace(v_token.text, '^.|\\.', '', 'g'), '[({', ''))
          <> length(translate(regexp_replace(v_token.text, '^.|\\.', '', 'g'), '])}', ''))
      );
    -- It may read any step, also behind the end of the text: a template can end elsewhere for the worker.
    if not v_is_readable then
      return query select '*', false;
      return;
    end if;

    if (v_token.text in ('steps', '`steps`') or (v_token.text in ('"steps"', '''steps''') and '.' in (v_token.before, v_token.after)))
      and (v_token.before is distinct from '.' or not stepbase_private.is_jsonata_name(v_token.before_2)) then
      if v_token.after = '.' and v_token.after_2 ~ '^["''`]' and v_token.after_2 !~ '\\' and length(v_token.after_2) > 2 then
        step := substr(v_token.after_2, 2, length(v_token.after_2) - 2);
      elsif v_token.after = '.' and stepbase_private.is_jsonata_name(v_token.after_2) and v_token.after_2 !~ '^["''`]' then
        step := v_token.after_2;
      else
        step := '*';
      end if;
      is_certain := step <> '*' and (
        coalesce(v_token.before_2 = '$$' and v_token.before = '.', false)
        or (
          v_is_scope[v_depth] and (
            v_token.before is distinct from '.' or (v_token.before_2 = '$' and v_token.before_3 is distinct from '.'))
        )
      );
      return next;
    elsif v_token.text = '$eval'
      or (v_token.text = '%' and v_token.is_operand)
      or (v_token.text = '$$' and not v_token.has_member)
      -- The scope as a value. Built-in functions use the value in focus if an argument is missing.
      or (
        v_may_be_scope[v_depth] and (v_token.before is distinct from '.' or not v_is_named[v_depth]) and (
          (v_token.text = '$' and not v_token.has_member)
          or (v_token.text in ('*', '**') and v_token.is_operand)
          or (
            v_token.text ~ '^\$.' and v_token.after = '(' and v_token.after_2 = ')'
            and v_token.text not in ('$now', '$millis', '$random')
          )
          or (v_token.text in ('$lookup', '$each', '$sift') and p_expression ~ '\$(?:lookup|each|sift)\s*\([^,]*\)')
        )
      ) then
      return query select '*', false;
    end if;

    if v_token.text ~ '^[[({]' then
      -- A filter, a group or an order of items, in contrast to a list, an object and the body of a function.
      v_is_refocused := case left(v_token.text, 1)
        when '[' then not v_token.is_operand
        when '{' then not v_token.is_operand and not (v_token.before = ')' and v_ends_parameters)
        else coalesce(v_token.before = '^', false)
      end;
      if v_token.is_operand and v_token.before is distinct from '.' then
        v_is_named[v_depth] := false;
      end if;
      v_is_scope[v_depth + 1] := v_is_scope[v_depth]
        and not v_is_refocused
        and not v_token.is_for_items;
      v_may_be_scope[v_depth + 1] := v_may_be_scope[v_depth]
        and not v_is_refocused
        and not (v_is_named[v_depth] and v_token.is_for_items);
      v_is_parameters[v_depth + 1] := coalesce(v_token.before in ('function', 'λ'), false);
      v_depth := v_depth + 1;
      v_is_named[v_depth] := false;
    elsif v_token.text in (')', ']', '}') then
      v_ends_parameters := v_is_parameters[v_depth];
      v_depth := v_depth - 1;
      exit when v_depth = 0;
    elsif v_token.text = '|' then
      -- The parts of a transformation; where it ends is not followed.
      v_is_scope[v_depth] := false;
      v_is_named[v_depth] := false;
    elsif v_token.is_operator and v_token.text not in ('.', '^', '@', '#') or v_token.text in ('and', 'or', 'in') then
      v_is_named[v_depth] := false;
    elsif v_token.is_name then
      v_is_named[v_depth] := true;
    end if;
  end loop;
  -- Brackets that do not match: the expression is not valid, or ends elsewhere for the worker.
  if v_depth <> 1 then
    return query select '*', false;
  end if;
end;
$sql$;

comment on function stepbase_private.jsonata_steps(text) is
  'Ids of the steps that a JSONata expression reads as steps.<id>; * if it may read any. is_certain: `steps` is the '
  'scope''s for sure; it is not in a filter, in a part that is evaluated for each item, or behind an unrecognized regular '
  'expression.';

create function stepbase_private.javascript_steps(p_code text)
returns table (step text, is_certain boolean)
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- A longer parameter list is not followed: white space in several places would cost quadratic time.
  c_head constant text :=
    '^\s*(?:async\y\s*)?(?:function\y\s*[\w$]*\s*)?\(\s*(?:\{\s*([\w$\s,]*)\}\s*)?\)\s*(?:=>|\{)';
  v_start constant text := left(p_code, 1000);
  v_names text[] := regexp_match(v_start, c_head);
  v_body text;
  v_found text[];
begin
  if v_names is null or p_code ~ '\yarguments\y|\yeval\y|\\u' then
    return query select '*', false;
    return;
  end if;
  if 'steps' <> all (regexp_split_to_array(btrim(coalesce(v_names[1], ''), E' \t\r\n'), '\s*,\s*')) then
    return;
  end if;
  v_body := regexp_replace(v_start, c_head, '') || substr(p_code, 1001);
  v_found := array(
    select coalesce(m.hit[1], m.hit[2], m.hit[3])
    from regexp_matches(
      v_body,
      '\ysteps\s*(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)'
      || '|\ysteps\s*(?:\?\.\s*)?\[\s*(?:''([^''\\\n]+)''|"([^"\\\n]+)")\s*\]',
      'g'
    ) m (hit)
  );
  -- This also counts `other.steps` and the word in a comment: reading too much costs only time.
  if cardinality(v_found) <> (select count(*) from regexp_matches(v_body, '\ysteps\y', 'g')) then
    return query select f.step, false from unnest(v_found) f (step) union all select '*', false;
    return;
  end if;
  return query
    with part as (
      -- Strings and comments yield no group. A template literal, a division and a regular expression yield the first.
      select m.hit[1] is not null as is_unreadable, coalesce(m.hit[2], m.hit[3], m.hit[4]) as step, m.place
      from regexp_matches(
        v_body,
        '"(?:[^"\\]|\\.)*"|''(?:[^''\\]|\\.)*''|/\*(?:[^*]|\*+[^*/])*\*+/|//[^\n]*'
        || '|([`/])'
        || '|steps\s*(?:(?:\?\.|\.)\s*([A-Za-z_$][\w$]*)|(?:\?\.\s*)?\[\s*(?:''([^''\\\n]+)''|"([^"\\\n]+)")\s*\])'
        || '\s*(?:\?\.|\.)\s*output\y'
        || '|(?!steps(?![\w$]))(?:[\w$]|\s*\.\s*)+',
        'g'
      ) with ordinality m (hit, place)
    )
    select
      f.step,
      exists (
        select
        from part p
        where p.step = f.step
          and p.place < (select coalesce(min(o.place), 2147483647) from part o where o.is_unreadable)
      )
    from unnest(v_found) f (step);
end;
$$;

comment on function stepbase_private.javascript_steps(text) is
  'Ids of the steps that the function of an inline_code names, and * if it may read any, as the worker finds them. '
  'is_certain: read as steps.<id>.output in code whose text shows every use of steps.';

create function stepbase_private.read_steps(p_expression text, p_language text default 'jsonata')
returns table (step text, is_certain boolean)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_path text[];
begin
  if p_language = 'javascript' then
    return query select x.step, x.is_certain from stepbase_private.javascript_steps(p_expression) x;
    return;
  end if;
  -- Nearly all expressions are paths of plain names.
  v_path := regexp_match(
    p_expression, '^\s*([A-Za-z_][A-Za-z0-9_]*)(?:\.([A-Za-z_][A-Za-z0-9_]*))?(?:\.[A-Za-z_][A-Za-z0-9_]*)*\s*$');
  if v_path is not null then
    if v_path[1] = 'steps' then
      return query select coalesce(v_path[2], '*'), v_path[2] is not null;
    end if;
  elsif p_expression ~ 'steps|[$%*/]' then
    return query select x.step, x.is_certain from stepbase_private.jsonata_steps(p_expression) x;
  end if;
end;
$$;

comment on function stepbase_private.read_steps(text, text) is
  'Ids of the steps that an expression reads, * for all; is_certain: the text shows this without doubt. What SQL cannot '
  'decide is left to the checker in TypeScript.';

create function stepbase_private.referenced_steps(p_expression text, p_language text default 'jsonata')
returns text[]
language sql
immutable
set search_path = ''
as $$
  select coalesce(array_agg(distinct r.step order by r.step), '{}')
  from stepbase_private.read_steps(p_expression, p_language) r;
$$;

comment on function stepbase_private.referenced_steps(text, text) is
  'Ids of the steps that an expression may read as steps.<id>; contains * if it uses `steps` in a way that may read any.';

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
