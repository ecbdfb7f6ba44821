-- Where two JSON values differ: a bounded list of JSON pointers, for answers that people read.

create function stepbase_private.json_excerpt(p_value jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  if pg_column_size(p_value) <= 200 and length(p_value::text) <= 200 then
    return p_value;
  end if;
  return to_jsonb(left(p_value::text, 200) || '…');
end;
$$;

comment on function stepbase_private.json_excerpt(jsonb) is
  'The value, or the first 200 characters of its text and an ellipsis.';

create function stepbase_private.json_differences(
  p_a jsonb, p_b jsonb, p_max int default 20, p_path text default '', p_depth int default 0
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- Deeper values are compared as a whole.
  c_max_depth constant int := 50;
  v_found jsonb := '[]';
  v_key text;
begin
  if p_a is not distinct from p_b or p_max <= 0 then
    return v_found;
  end if;
  if p_a is null or p_b is null or p_depth >= c_max_depth or jsonb_typeof(p_a) <> jsonb_typeof(p_b)
    or jsonb_typeof(p_a) not in ('object', 'array')
  then
    return jsonb_build_array(
      jsonb_build_object(
        'path', p_path,
        'change', case when p_a is null then 'added' when p_b is null then 'removed' else 'changed' end
      )
      || case when p_a is null then '{}' else jsonb_build_object('a', stepbase_private.json_excerpt(p_a)) end
      || case when p_b is null then '{}' else jsonb_build_object('b', stepbase_private.json_excerpt(p_b)) end
    );
  end if;
  if jsonb_typeof(p_a) = 'object' then
    for v_key in
      select k.key
      from (select jsonb_object_keys(p_a) as key union select jsonb_object_keys(p_b)) k
      where p_a -> k.key is distinct from p_b -> k.key
      order by k.key
      limit p_max
    loop
      v_found := v_found || stepbase_private.json_differences(
        p_a -> v_key, p_b -> v_key, p_max - jsonb_array_length(v_found),
        stepbase_private.json_path(p_path, v_key), p_depth + 1
      );
    end loop;
    return v_found;
  end if;
  for v_key in
    select (i.place - 1)::text
    from jsonb_array_elements(p_a) with ordinality x (value, place)
    full join jsonb_array_elements(p_b) with ordinality y (value, place) using (place)
    cross join lateral (select place) i
    where x.value is distinct from y.value
    order by i.place
    limit p_max
  loop
    v_found := v_found || stepbase_private.json_differences(
      p_a -> v_key::int, p_b -> v_key::int, p_max - jsonb_array_length(v_found),
      stepbase_private.json_path(p_path, v_key), p_depth + 1
    );
  end loop;
  return v_found;
end;
$$;

comment on function stepbase_private.json_differences(jsonb, jsonb, int, text, int) is
  'Where two JSON values differ, at most p_max places: an array of {path, change: added | removed | changed, a?, b?}. path '
  'is a JSON pointer (RFC 6901) below p_path; a and b are the values, long ones as an excerpt. Arrays are compared place by '
  'place. A null argument means that there is no value.';
