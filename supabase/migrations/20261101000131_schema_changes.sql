-- Whether a change of a JSON Schema breaks its callers: which values the old schema accepts and the new one refuses.

create function stepbase_private.schema_types(p_schema jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case jsonb_typeof(p_schema -> 'type')
    when 'array' then p_schema -> 'type' else jsonb_build_array(p_schema -> 'type')
  end;
$$;

comment on function stepbase_private.schema_types(jsonb) is 'The types that a JSON Schema names, as an array.';

create function stepbase_private.schema_properties(p_schema jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case jsonb_typeof(p_schema -> 'properties') when 'object' then p_schema -> 'properties' else '{}' end;
$$;

comment on function stepbase_private.schema_properties(jsonb) is 'The properties that a JSON Schema describes, as an object.';

create function stepbase_private.schema_changes(p_old jsonb, p_new jsonb, p_path text default '', p_depth int default 0)
returns table (kind text, path text, message text)
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- They describe a value and decide nothing.
  c_notes constant text[] := '{title,description,default,examples,$schema,$id,$comment,deprecated,readOnly,writeOnly}';
  c_known constant text[] := '{type,enum,required,properties,additionalProperties,items,minimum,maximum,minLength,'
    'maxLength,minItems,maxItems}';
  v_old jsonb := case when jsonb_typeof(p_old) = 'object' then p_old - c_notes else '{}' end;
  v_new jsonb := case when jsonb_typeof(p_new) = 'object' then p_new - c_notes else '{}' end;
  v_types jsonb;
  v_key text;
  v_closed boolean;
begin
  if v_old = v_new or v_new = '{}' then
    return;
  end if;
  if jsonb_typeof(p_old) = 'boolean' or jsonb_typeof(p_new) = 'boolean' or p_depth >= 20 then
    return query select 'unknown', p_path, 'cannot be compared';
    return;
  end if;
  -- Keywords with other rules: each difference may widen or narrow.
  for v_key in
    select k.key
    from (select jsonb_object_keys(v_old) as key union select jsonb_object_keys(v_new)) k
    where k.key <> all (c_known) and v_old -> k.key is distinct from v_new -> k.key
    order by k.key
  loop
    if v_new ? v_key then
      return query select 'unknown', p_path, format('%s was changed', v_key);
    end if;
  end loop;

  if v_new ? 'type' then
    v_types := stepbase_private.schema_types(v_new);
    -- A number includes the integers.
    if v_types ? 'number' then
      v_types := v_types || '["integer"]';
    end if;
    if not v_old ? 'type' then
      return query select 'breaking', p_path, format('must be %s', v_new ->> 'type');
    elsif not stepbase_private.schema_types(v_old) <@ v_types then
      return query select 'breaking', p_path, format('the type was %s and is %s', v_old ->> 'type', v_new ->> 'type');
    end if;
  end if;
  if jsonb_typeof(v_new -> 'enum') = 'array' and not coalesce((v_old -> 'enum') <@ (v_new -> 'enum'), false) then
    return query select 'breaking', p_path, 'enum has lost values';
  end if;
  if jsonb_typeof(v_new -> 'required') = 'array' then
    return query
    select 'breaking', stepbase_private.json_path(p_path, r.name), 'is required'
    from jsonb_array_elements_text(v_new -> 'required') r (name)
    where not coalesce((v_old -> 'required') ? r.name, false)
    order by r.name;
  end if;
  for v_key in select unnest(array['minimum', 'minLength', 'minItems', 'maximum', 'maxLength', 'maxItems']) loop
    if jsonb_typeof(v_new -> v_key) = 'number' and (
      jsonb_typeof(v_old -> v_key) is distinct from 'number'
      or case when v_key ^@ 'min' then (v_new ->> v_key)::numeric > (v_old ->> v_key)::numeric
        else (v_new ->> v_key)::numeric < (v_old ->> v_key)::numeric end
    ) then
      return query select 'breaking', p_path, format('%s is %s', v_key, v_new ->> v_key);
    end if;
  end loop;
  if v_new ? 'items' then
    return query
    select c.* from stepbase_private.schema_changes(
      coalesce(v_old -> 'items', '{}'), v_new -> 'items', stepbase_private.json_path(p_path, 'items'), p_depth + 1
    ) c;
  end if;

  v_closed := coalesce(v_old -> 'additionalProperties' = 'false', false);
  if v_new ? 'additionalProperties' and v_new -> 'additionalProperties' is distinct from v_old -> 'additionalProperties'
    and v_new -> 'additionalProperties' <> 'true'
  then
    return query select
      case when v_new -> 'additionalProperties' = 'false' then 'breaking' else 'unknown' end, p_path,
      'additionalProperties was changed';
  end if;
  for v_key in
    select k.key
    from (
      select jsonb_object_keys(stepbase_private.schema_properties(v_old)) as key
      union
      select jsonb_object_keys(stepbase_private.schema_properties(v_new))
    ) k
    order by k.key
  loop
    if v_old -> 'properties' ? v_key and v_new -> 'properties' ? v_key then
      return query
      select c.* from stepbase_private.schema_changes(
        v_old -> 'properties' -> v_key, v_new -> 'properties' -> v_key, stepbase_private.json_path(p_path, v_key), p_depth + 1
      ) c;
    elsif v_new -> 'properties' ? v_key and not v_closed
      and jsonb_typeof(v_new -> 'properties' -> v_key) = 'object' and (v_new -> 'properties' -> v_key) - c_notes <> '{}'
    then
      -- The old schema accepted every value of it.
      return query select 'unknown', stepbase_private.json_path(p_path, v_key), 'is described now';
    elsif not v_new -> 'properties' ? v_key and v_new -> 'additionalProperties' = 'false' then
      return query select 'breaking', stepbase_private.json_path(p_path, v_key), 'is not allowed any more';
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.schema_changes(jsonb, jsonb, text, int) is
  'The changes by which p_new may refuse a value that p_old accepts. kind: breaking, or unknown where the function cannot '
  'decide. No row: every value of the old schema is valid for the new one. A null schema accepts everything.';

create function stepbase_private.schema_difference(p_a jsonb, p_b jsonb, p_of_output boolean)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'is_equal', p_a is not distinct from p_b,
    'verdict', case
      when p_a is not distinct from p_b then 'equal'
      when 'breaking' = any (array_agg(c.kind)) then 'breaking'
      when 'unknown' = any (array_agg(c.kind)) then 'unknown'
      else 'compatible'
    end,
    'reasons', coalesce(
      jsonb_agg(jsonb_build_object('kind', c.kind, 'path', c.path, 'message', c.message)) filter (where c.place <= 50), '[]'
    ),
    'differences', stepbase_private.json_differences(p_a, p_b, 50)
  )
  from (
    -- Readers of outputs rely on the old schema: the outputs of the new version must be valid for it.
    select s.* from stepbase_private.schema_changes(
      -- Inputs and outputs of runs are objects.
      '{"type": "object"}' || coalesce(case when p_of_output then p_b else p_a end, '{}'),
      case when p_of_output then p_a else p_b end
    ) with ordinality s (kind, path, message, place)
  ) c;
$$;

comment on function stepbase_private.schema_difference(jsonb, jsonb, boolean) is
  'The change of an input or output schema from p_a to p_b: {is_equal, verdict: equal | compatible | breaking | unknown, '
  'reasons, differences}.';
