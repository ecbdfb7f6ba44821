-- A problem of a definition, and the check of keys. All checks of definitions return rows of this type.

create type stepbase_private.definition_problem as (
  node text,
  pointer text,
  code text,
  message text,
  hint text
);

comment on type stepbase_private.definition_problem is
  'A problem of a definition. node: id of the node, or of the source of the edge; null: of no node. pointer: JSON pointer '
  '(RFC 6901) into the definition. hint: what to write instead, or null.';

create function stepbase_private.problem_json(p_problem stepbase_private.definition_problem)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'node', p_problem.node, 'pointer', p_problem.pointer, 'code', p_problem.code, 'message', p_problem.message
  ) || jsonb_strip_nulls(jsonb_build_object('hint', p_problem.hint));
$$;

comment on function stepbase_private.problem_json(stepbase_private.definition_problem) is
  'A problem as clients get it: {node, pointer, code, message, hint?}.';

create function stepbase_private.pointer_words(p_pointer text)
returns text
language sql
immutable
set search_path = ''
as $$
  select replace(replace(replace(p_pointer, '/', '.'), '~1', '/'), '~0', '~');
$$;

comment on function stepbase_private.pointer_words(text) is 'A JSON pointer as messages write it: /config/url becomes .config.url.';

create function stepbase_private.suggestion(p_key text, p_known text[], p_elsewhere jsonb default '{}')
returns text
language sql
immutable
set search_path = ''
as $$
  select 'did you mean ' || coalesce(p_elsewhere ->> p_key, stepbase_private.nearest_word(p_key, p_known)) || '?';
$$;

comment on function stepbase_private.suggestion(text, text[], jsonb) is
  'The hint for an unknown key; null if no known key is near. p_elsewhere: keys that belong to another place, with that '
  'place.';

create function stepbase_private.data_keys()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select '{label,config,retry,compensate,timeout_ms,on_error,join}'::text[];
$$;

comment on function stepbase_private.data_keys() is 'The keys of the data of a node.';

create function stepbase_private.inner_step_keys()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select '{type,config,retry,timeout_ms,on_error}'::text[];
$$;

comment on function stepbase_private.inner_step_keys() is 'The keys of a compensation.';

create function stepbase_private.key_problems(
  p_node text, p_pointer text, p_place text, p_what text, p_value jsonb, p_known text[], p_elsewhere jsonb default '{}'
)
returns setof stepbase_private.definition_problem
language sql
immutable
set search_path = ''
as $$
  select
    p_node, stepbase_private.json_path(p_pointer, k.key), 'unknown_key',
    format('%s is not a known key of %s', left(p_place || k.key, 200), left(p_what, 200)),
    stepbase_private.suggestion(k.key, p_known, p_elsewhere)
  from jsonb_object_keys(case jsonb_typeof(p_value) when 'object' then p_value - p_known else '{}' end) k (key)
  limit 100;
$$;

comment on function stepbase_private.key_problems(text, text, text, text, jsonb, text[], jsonb) is
  'One problem for each key of an object that is not in p_known, at most 100. p_pointer: where the object stands. p_place: '
  'prefix of the key in messages. p_what: what the object is. p_elsewhere as for suggestion.';

create function stepbase_private.without_own_keys(p_value jsonb, p_known text[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    (
      select jsonb_object_agg(k.key, null)
      from jsonb_object_keys(case jsonb_typeof(p_value) when 'object' then p_value - p_known else '{}' end) k (key)
      where not k.key ^@ 'x-'
    ),
    '{}'
  );
$$;

comment on function stepbase_private.without_own_keys(jsonb, text[]) is
  'The keys of an object that are not in p_known and do not begin with x-, which are the keys of its authors.';

create function stepbase_private.expression_pointers(p_step_type text, p_config jsonb, p_pointer text)
returns table (pointer text, expression text, language text)
language plpgsql
stable
rows 10
set search_path = ''
-- The planner expects thousands of values, and before PostgreSQL 18 it would compile each call.
set jit = off
as $$
declare
  v_raw_keys jsonb;
begin
  if jsonb_typeof(p_config) <> 'object' then
    return;
  end if;
  select t.raw_keys into v_raw_keys from stepbase.step_types t where t.name = p_step_type;
  if p_step_type = 'for_each' then
    return query
      select e.pointer, e.expression, e.language
      from stepbase_private.expression_pointers(
        p_config #>> '{step,type}', p_config #> '{step,config}', p_pointer || '/step/config'
      ) e;
  end if;
  return query
    with recursive part as (
      select
        stepbase_private.json_path(p_pointer, c.key) as pointer, c.value, v_raw_keys ->> c.key as raw_language
      from jsonb_each(p_config) c
      where p_step_type <> 'for_each' or c.key <> 'step'
      union all
      select stepbase_private.json_path(p.pointer, i.key), i.value, null
      from part p
      cross join lateral (
        select o.key, o.value
        from jsonb_each(case jsonb_typeof(p.value) when 'object' then p.value else '{}' end) o
        union all
        select (a.place - 1)::text, a.value
        from jsonb_array_elements(case jsonb_typeof(p.value) when 'array' then p.value else '[]' end)
          with ordinality a (value, place)
      ) i
    )
    select p.pointer, x.expression, coalesce(p.raw_language, 'jsonata')
    from part p
    cross join lateral unnest(
      case
        when p.raw_language is not null then array[p.value #>> '{}']
        else stepbase_private.template_expressions(p.value #>> '{}')
      end
    ) x (expression)
    where jsonb_typeof(p.value) = 'string';
end;
$$;

comment on function stepbase_private.expression_pointers(text, jsonb, text) is
  'The expressions of config_expressions with the JSON pointer of their text and their language. It costs more, so only the report of a problem '
  'uses it.';
