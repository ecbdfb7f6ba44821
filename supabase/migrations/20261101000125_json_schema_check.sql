-- Checks of JSON Schemas when they are stored: a schema that is malformed, or that no budget would suffice for, is
-- refused before a run depends on it.

create function stepbase_private.json_schema_parts(p_schema jsonb)
returns table (path text, part jsonb, parent_path text, is_in_place boolean)
language sql
immutable
set search_path = ''
as $$
  with recursive parts as (
    select '#' as path, p_schema as part, null::text as parent_path, false as is_in_place, 0 as depth
    union all
    select p.path || '/' || c.place, c.part, p.path, c.is_in_place, p.depth + 1
    from parts p
    cross join lateral (
      select k.name as place, p.part -> k.name as part, k.name in ('not', 'if', 'then', 'else') as is_in_place
      from unnest(
        '{not,if,then,else,items,contains,additionalProperties,additionalItems,propertyNames}'::text[]) as k (name)
      union all
      select k.name || '/' || (e.place - 1), e.part, k.name <> 'prefixItems'
      from unnest('{allOf,anyOf,oneOf,prefixItems}'::text[]) as k (name)
      cross join jsonb_array_elements(
        case jsonb_typeof(p.part -> k.name) when 'array' then p.part -> k.name else '[]' end
      ) with ordinality as e (part, place)
      union all
      select k.name || '/' || replace(replace(e.key, '~', '~0'), '/', '~1'), e.value, k.name = 'dependentSchemas'
      from unnest('{properties,patternProperties,dependentSchemas,$defs,definitions}'::text[]) as k (name)
      cross join jsonb_each(
        case jsonb_typeof(p.part -> k.name) when 'object' then p.part -> k.name else '{}' end
      ) as e (key, value)
    ) c
    where jsonb_typeof(p.part) = 'object' and c.part is not null and p.depth < 64
  )
  select p.path, p.part, p.parent_path, p.is_in_place from parts p limit 2001;
$$;

comment on function stepbase_private.json_schema_parts(jsonb) is
  'The subschemas of a JSON Schema with their JSON pointers, each after its parent; at most 2,001. is_in_place: the '
  'subschema applies to the same value as its parent.';

create function stepbase_private.json_keyword_problems(p_path text, p_part jsonb)
returns table (path text, message text)
language sql
immutable
set search_path = ''
as $$
  select p_path, 'must be an object or a boolean'
  where jsonb_typeof(p_part) not in ('object', 'boolean')
  union all
  select p_path || '/' || k.name, format('must be of type %s', array_to_string(k.types, ' or '))
  from (
    values
      ('type', '{string,array}'::text[]), ('enum', '{array}'), ('required', '{array}'), ('properties', '{object}'),
      ('patternProperties', '{object}'), ('$defs', '{object}'), ('definitions', '{object}'),
      ('dependentSchemas', '{object}'), ('dependentRequired', '{object}'), ('allOf', '{array}'), ('anyOf', '{array}'),
      ('oneOf', '{array}'), ('prefixItems', '{array}'), ('pattern', '{string}'), ('format', '{string}'),
      ('$ref', '{string}'), ('minimum', '{number}'), ('maximum', '{number}'), ('exclusiveMinimum', '{number}'),
      ('exclusiveMaximum', '{number}'), ('multipleOf', '{number}'), ('minLength', '{number}'), ('maxLength', '{number}'),
      ('minItems', '{number}'), ('maxItems', '{number}'), ('minContains', '{number}'), ('maxContains', '{number}'),
      ('minProperties', '{number}'), ('maxProperties', '{number}'), ('uniqueItems', '{boolean}'), ('nullable', '{boolean}')
  ) k (name, types)
  where jsonb_typeof(p_part) = 'object' and jsonb_typeof(p_part -> k.name) <> all (k.types)
  union all
  select p_path || '/multipleOf', 'must be greater than 0'
  where jsonb_typeof(p_part -> 'multipleOf') = 'number' and p_part -> 'multipleOf' <= '0'
  union all
  select p_path || '/type', format('must name JSON types, not %s', t.name)
  from jsonb_path_query(p_part, 'strict $.type[*]', silent => true) with ordinality as e (item, place)
  cross join lateral (select e.item #>> '{}' as name) t
  where t.name is null or t.name not in ('string', 'number', 'integer', 'boolean', 'object', 'array', 'null')
  union all
  select p_path || '/type', format('must name JSON types, not %s', left(p_part ->> 'type', 100))
  where jsonb_typeof(p_part -> 'type') = 'string'
    and p_part ->> 'type' not in ('string', 'number', 'integer', 'boolean', 'object', 'array', 'null')
  union all
  select p_path || '/required', 'must be an array of strings'
  where p_part @? 'strict $.required[*] ? (@.type() != "string")'
  union all
  select p_path || '/pattern', q.problem
  from stepbase_private.json_pattern_problem(p_part ->> 'pattern') as q (problem)
  where jsonb_typeof(p_part -> 'pattern') = 'string' and q.problem is not null
  union all
  select p_path || '/patternProperties', q.problem
  from jsonb_object_keys(
    case jsonb_typeof(p_part -> 'patternProperties') when 'object' then p_part -> 'patternProperties' else '{}' end
  ) k (pattern)
  cross join stepbase_private.json_pattern_problem(k.pattern) as q (problem)
  where q.problem is not null
  union all
  select p_path || '/' || k.name, 'is not supported'
  from unnest('{unevaluatedProperties,unevaluatedItems,$dynamicRef,$recursiveRef}'::text[]) as k (name)
  where jsonb_typeof(p_part) = 'object' and p_part ? k.name;
$$;

comment on function stepbase_private.json_keyword_problems(text, jsonb) is
  'Problems of the keywords of one subschema, without those of the subschemas inside it.';

create function stepbase_private.json_schema_cost(
  p_parents int[], p_in_place boolean[], p_targets int[]
)
returns int
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_total constant int := cardinality(p_parents);
  v_costs int[] := array_fill(1, array[v_total]);
  v_new int[];
  v_round int := 0;
  v_cost int;
begin
  -- Parents come before their subschemas, so one pass from the end sums up a tree. A $ref may point anywhere, so passes
  -- are repeated until nothing changes. A cycle of $refs never settles.
  loop
    v_new := array_fill(1, array[v_total]);
    for i in reverse v_total .. 1 loop
      v_cost := least(v_new[i] + coalesce(v_costs[p_targets[i]], 0), 1001);
      v_new[i] := v_cost;
      if p_in_place[i] then
        v_new[p_parents[i]] := least(v_new[p_parents[i]] + v_cost, 1001);
      end if;
    end loop;
    exit when v_new = v_costs;
    v_costs := v_new;
    v_round := v_round + 1;
    if v_round > 32 then
      return 1001;
    end if;
  end loop;
  return (select max(c.cost) from unnest(v_costs) as c (cost));
end;
$$;

comment on function stepbase_private.json_schema_cost(int[], boolean[], int[]) is
  'The number of evaluations that the costliest subschema needs for one value, at most 1,001; 1,001 also for a cycle of $refs '
  'that does not descend into the value. Arguments by subschema: its parent, whether it applies to the same value as its '
  'parent, the target of its $ref.';

create function stepbase_private.json_schema_problems(p_schema jsonb)
returns table (code text, path text, message text)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_paths text[];
  v_parts jsonb[];
  v_parents int[];
  v_in_place boolean[];
  v_targets int[];
begin
  if octet_length(p_schema::text) > 65536 then
    return query select 'schema_too_complex', '#', 'a schema has at most 65536 bytes';
    return;
  end if;
  select
    array_agg(s.path order by s.place), array_agg(s.part order by s.place),
    array_agg(s.is_in_place order by s.place)
  into v_paths, v_parts, v_in_place
  from stepbase_private.json_schema_parts(p_schema) with ordinality as s (path, part, parent_path, is_in_place, place);
  if cardinality(v_paths) > 2000 then
    return query select 'schema_too_complex', '#', 'a schema has at most 2000 subschemas';
    return;
  end if;

  -- Compiling a pattern can take some milliseconds.
  if (
    select
      count(*) filter (where s.part ? 'pattern')
      + count(*) filter (where s.parent_path is not null and s.path ~ '/patternProperties/[^/]*$')
    from stepbase_private.json_schema_parts(p_schema) s
  ) > 100 then
    return query select 'schema_too_complex', '#', 'a schema has at most 100 patterns';
    return;
  end if;

  return query
    select 'invalid_input', q.path, q.message
    from unnest(v_paths, v_parts) with ordinality as s (path, part, place)
    cross join lateral stepbase_private.json_keyword_problems(s.path, s.part) q
    order by s.place
    limit 100;

  select
    array_agg(p.place::int order by s.place), array_agg(t.place::int order by s.place)
  into v_parents, v_targets
  from stepbase_private.json_schema_parts(p_schema) with ordinality as s (path, part, parent_path, is_in_place, place)
  left join unnest(v_paths) with ordinality as p (path, place) on p.path = s.parent_path
  left join unnest(v_paths) with ordinality as t (path, place)
    on jsonb_typeof(s.part) = 'object' and t.path = s.part ->> '$ref';
  return query
    select 'invalid_input', s.path || '/$ref', 'must name a subschema of the same schema, as in #/$defs/name'
    from unnest(v_paths, v_parts, v_targets) as s (path, part, target)
    where jsonb_typeof(s.part) = 'object' and jsonb_typeof(s.part -> '$ref') = 'string' and s.target is null
    limit 100;
  if stepbase_private.json_schema_cost(v_parents, v_in_place, v_targets) > 1000 then
    return query select 'schema_too_complex', '#',
      'one value needs more than 1000 evaluations: subschemas multiply, or a $ref leads back to itself';
  end if;
end;
$$;

comment on function stepbase_private.json_schema_problems(jsonb) is
  'Why a JSON Schema cannot be stored: malformed keywords and patterns (invalid_input), or its size, a cycle of $refs, or '
  'subschemas that multiply (schema_too_complex). path: JSON pointer of the keyword.';

create function stepbase_private.require_json_schema(p_schema jsonb, p_name text)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_problems jsonb;
  v_code text;
begin
  select
    jsonb_agg(jsonb_build_object('path', p.path, 'message', p.message)),
    max(p.code)
  into v_problems, v_code
  from stepbase_private.json_schema_problems(p_schema) p;
  if v_problems is not null then
    perform stepbase_private.raise_error(
      v_code,
      format('%s is not a valid JSON Schema: %s %s', p_name, v_problems -> 0 ->> 'path', v_problems -> 0 ->> 'message'),
      jsonb_build_object('errors', v_problems)
    );
  end if;
end;
$$;

comment on function stepbase_private.require_json_schema(jsonb, text) is
  'Raises SB422 invalid_input or SB425 schema_too_complex if the schema named p_name cannot be stored.';

-- Security definer: clients may not call the functions that it uses.
create function stepbase_private.check_json_schemas()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_column_name text;
  v_schema jsonb;
  v_old jsonb;
begin
  foreach v_column_name in array tg_argv loop
    execute format('select ($1).%I', v_column_name) into v_schema using new;
    if tg_op = 'UPDATE' then
      execute format('select ($1).%I', v_column_name) into v_old using old;
    end if;
    -- A check constraint refuses a schema that is not an object.
    if jsonb_typeof(v_schema) = 'object' and v_schema is distinct from v_old then
      perform stepbase_private.require_json_schema(v_schema, v_column_name);
    end if;
  end loop;
  return new;
end;
$$;

comment on function stepbase_private.check_json_schemas() is
  'Trigger: checks the JSON Schemas in the columns of the trigger''s arguments. Raises SB422 invalid_input or SB425 '
  'schema_too_complex.';
