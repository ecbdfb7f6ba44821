-- What a database trigger computes from a changed row: whether the filter matches, and the input of the run. Both read
-- the change as one JSON document: {event, schema, table, new, old}.

create function stepbase_engine.change_matches(p_filter jsonb, p_change jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    (not p_filter ? 'new' or coalesce(p_change -> 'new' @> (p_filter -> 'new'), false))
    and (not p_filter ? 'old' or coalesce(p_change -> 'old' @> (p_filter -> 'old'), false))
    -- A predicate ($.new.total > 100) gives true, false or null, a path with a filter the items that it selects.
    and (
      not p_filter ? 'path'
      or coalesce(
        jsonb_path_query_first(p_change, (p_filter ->> 'path')::jsonpath, '{}', true) not in ('false', 'null'), false
      )
    );
$$;

comment on function stepbase_engine.change_matches(jsonb, jsonb) is
  'Whether a change fulfils the filter of a database trigger: its new and old row contain filter.new and filter.old (@>), '
  'and the first result of filter.path is neither false nor null.';

create function stepbase_engine.map_change(p_mapping jsonb, p_change jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_object_agg(
      m.key,
      case
        when jsonb_typeof(m.source) = 'object' then m.source -> 'value'
        when m.source #>> '{}' like '$%'
          then jsonb_path_query_first(p_change, (m.source #>> '{}')::jsonpath, '{}', true)
        else coalesce(p_change -> 'new', p_change -> 'old') -> (m.source #>> '{}')
      end
    ),
    '{}'
  )
  from jsonb_each(p_mapping) as m (key, source);
$$;

comment on function stepbase_engine.map_change(jsonb, jsonb) is
  'The input that the mapping of a database trigger makes of a change. A column is that of the new row, or of the old one '
  'when the row was deleted. A path without a result gives null.';

create function stepbase_engine.untrusted_cast(p_table regclass)
returns regtype
language sql
stable
set search_path = ''
as $$
  -- Most databases have no such cast, so the columns of the table are rarely read.
  with recursive
  untrusted as (
    select c.castsource
    from pg_catalog.pg_cast c
    join pg_catalog.pg_proc p on p.oid = c.castfunc
    join pg_catalog.pg_roles r on r.oid = p.proowner
    where c.casttarget = 'json'::regtype and c.castsource >= 16384
      and not r.rolsuper
      and not pg_has_role(r.oid, current_user, 'usage')
  ),
  part (type_id) as (
    select a.atttypid
    from pg_catalog.pg_attribute a
    where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped and exists (select from untrusted)
    union
    -- Domains, arrays and the columns of composite types.
    select n.type_id
    from part p
    join pg_catalog.pg_type t on t.oid = p.type_id
    cross join lateral (
      select t.typbasetype as type_id where t.typbasetype <> 0
      union all
      select t.typelem where t.typelem <> 0
      union all
      select a.atttypid from pg_catalog.pg_attribute a
      where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) n
  )
  select u.castsource::regtype from untrusted u join part p on p.type_id = u.castsource limit 1;
$$;

comment on function stepbase_engine.untrusted_cast(regclass) is
  'A type in the columns of a table for which somebody without the rights of the current role has made a cast to json; null '
  'if there is none. to_jsonb would execute the function of that cast with the rights of the current role.';
