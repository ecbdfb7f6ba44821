-- Export: the rows of an application, page by page and table by table. See rpc_runs for the pattern.

create function stepbase_private.export_tables()
returns table (table_name text, run_key text[], hidden text[])
language sql
stable
set search_path = ''
as $$
  -- Tables of runs are read run by run, because their keys begin with the run and not with the application.
  select
    c.relname::text,
    case c.relname
      when 'step_runs' then array['id'] when 'run_events' then array['seq', 'created_at'] when 'run_signals' then array['id']
      when 'agent_turns' then array['step_id', 'item_index', 'turn']
      when 'agent_tool_calls' then array['step_id', 'item_index', 'turn', 'position']
    end,
    case c.relname when 'api_keys' then array['key_hash'] when 'workflows' then array['search'] else '{}' end
  from pg_class c
  where c.relnamespace = 'stepbase'::regnamespace
    and c.relkind in ('r', 'p')
    and not c.relispartition
    -- Messages between the parts of the engine are not data of the application, and run_values repeats data of runs.
    and c.relname not in ('outbox', 'run_values')
    and exists (
      select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'app_code' and not a.attisdropped
    )
  order by c.relname;
$$;

comment on function stepbase_private.export_tables() is
  'The tables of an export. run_key: the key within a run, for tables of runs. hidden: columns that are left out, because '
  'they are secret or derived.';

create function stepbase_private.export_query(
  p_table_name text, p_run_key text[], p_hidden text[], p_person_columns text[] default null
)
returns text
language sql
stable
set search_path = ''
as $$
  with key as (
    select
      string_agg(format('%s.%I', k.alias, k.name), ', ' order by k.place) as columns,
      string_agg(format('($2 ->> %s)::%s', k.place - 1, format_type(a.atttypid, a.atttypmod)), ', ' order by k.place) as "values"
    from (
      select 'r' as alias, r.name, r.place, 'stepbase.runs'::regclass as relation
      from unnest('{created_at,id}'::text[]) with ordinality r (name, place)
      where p_run_key is not null
      union all
      select 't', u.name, u.place + 2, format('stepbase.%I', p_table_name)::regclass
      from unnest(p_run_key) with ordinality u (name, place)
      union all
      -- The runs of an application are ordered by time, as their index; other tables by their primary key.
      select 't', u.name, u.place, format('stepbase.%I', p_table_name)::regclass
      from unnest(
        case when p_table_name in ('runs', 'audit_log') then '{created_at,id}'::text[] else array(
          select n.attname::text
          from pg_index i
          cross join unnest(i.indkey::int2[]) with ordinality p (attnum, place)
          join pg_attribute n on n.attrelid = i.indrelid and n.attnum = p.attnum
          where i.indrelid = format('stepbase.%I', p_table_name)::regclass and i.indisprimary
          order by p.place
        ) end
      ) with ordinality u (name, place)
      where p_run_key is null
    ) k
    join pg_attribute a on a.attrelid = k.relation and a.attname = k.name
  )
  select format(
    'select to_jsonb(t) - %L::text[] as row, jsonb_build_array(%s) as cursor
    from %s
    where %s.app_code = $1 and %s and ($2 is null or (%s) > (%s)) and %s
    order by %s
    limit $3',
    p_hidden, k.columns,
    case when p_run_key is null then format('stepbase.%I t', p_table_name)
      else format('stepbase.runs r join stepbase.%I t on t.run_id = r.id and t.app_code = r.app_code', p_table_name) end,
    case when p_run_key is null then 't' else 'r' end,
    -- This condition finds the place in the index of the runs; the next one finds it in the run.
    case when p_run_key is null then 'true' else '($2 is null or r.created_at >= ($2 ->> 0)::timestamptz)' end,
    k.columns, k."values",
    coalesce((select '(' || string_agg(format('t.%I = $5', p.name), ' or ') || ')' from unnest(p_person_columns) p (name)), 'true'),
    k.columns
  )
  from key k;
$$;

comment on function stepbase_private.export_query(text, text[], text[], text[]) is
  'The statement of one page of a table. Parameters: $1 application, $2 cursor, $3 number of rows, $5 person. Columns: row '
  'and cursor. p_person_columns: only rows in which one of these columns has the person; null: all rows.';

create function stepbase_private.export_page(
  p_app_code text, p_table_name text, p_after jsonb, p_limit int, p_user_id uuid default null,
  p_person_columns text[] default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_most_bytes constant int := 4194304;
  v_table record;
  v_page jsonb;
begin
  select t.* into v_table from stepbase_private.export_tables() t where t.table_name = p_table_name;
  if not found then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s is not a table of an export', coalesce(p_table_name, 'null')),
      jsonb_build_object('tables', array(select t.table_name from stepbase_private.export_tables() t))
    );
  end if;
  if p_limit is null or p_limit not between 1 and 1000 then
    perform stepbase_private.raise_error('invalid_request', 'page_size must be between 1 and 1000');
  end if;
  if jsonb_typeof(p_after) <> 'array' then
    perform stepbase_private.raise_error('invalid_request', 'after must be the value next of the previous page');
  end if;
  begin
    execute format(
      'with found as (select q.*, row_number() over () as place from (%s) q),
      sized as (
        select f.*, sum(octet_length(f.row::text)) over (order by f.place) as bytes from found f
      ),
      kept as (select s.* from sized s where s.place = 1 or s.bytes <= $4)
      select jsonb_build_object(
        %L, coalesce(jsonb_agg(k.row order by k.place), %L),
        %L, case when count(*) = $3 or count(*) < (select count(*) from found)
          then (select l.cursor from kept l order by l.place desc limit 1) end
      )
      from kept k',
      stepbase_private.export_query(v_table.table_name, v_table.run_key, v_table.hidden, p_person_columns), 'rows', '[]', 'next'
    )
    into v_page
    using p_app_code, p_after, p_limit, c_most_bytes, p_user_id;
  exception when data_exception then
    perform stepbase_private.raise_error('invalid_request', 'after must be the value next of the previous page');
  end;
  return v_page;
end;
$$;

comment on function stepbase_private.export_page(text, text, jsonb, int, uuid, text[]) is
  '{rows, next} of one table of an application: at most p_limit rows, and at most 4 MB but at least one row. next: the '
  'argument p_after of the next page; null: no row is left. p_person_columns: only rows in which one of these columns is '
  'p_user_id. Operators may call it; members call stepbase.export_application and stepbase.export_person.';

create function stepbase_private.require_export()
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_app text;
  v_permission text;
begin
  foreach v_permission in array '{member:manage,audit:read,key:read,run:read,workflow:read,component:read,prompt:read}'::text[] loop
    v_app := stepbase_private.require_permission(v_permission);
  end loop;
  return v_app;
end;
$$;

comment on function stepbase_private.require_export() is
  'The caller''s application, if the caller has every permission that reads rows of an export. Raises SB401 and SB403.';

-- Security definer: an export has rows that no single permission shows.
create function stepbase_private.export_application(p_table_name text, p_after jsonb, p_page_size int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_export();
begin
  if p_table_name is null then
    return jsonb_build_object(
      'tables', array(select t.table_name from stepbase_private.export_tables() t)
    );
  end if;
  return stepbase_private.export_page(v_app, p_table_name, p_after, p_page_size);
end;
$$;

comment on function stepbase_private.export_application(text, jsonb, int) is 'Implements stepbase.export_application.';
grant execute on function stepbase_private.export_application(text, jsonb, int) to authenticated;

create function stepbase.export_application(
  table_name text default null, after jsonb default null, page_size int default 500
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.export_application(
    export_application.table_name, export_application.after, export_application.page_size
  );
$$;

comment on function stepbase.export_application(text, jsonb, int) is
  'One page of a table of the caller''s application as {rows, next}: at most page_size (1 to 1000) rows and 4 MB. Pass next as '
  'after to get the following page, until it is null. Without table_name: {tables}, the names. Secrets and hashes of keys '
  'are left out. Requires member:manage, audit:read, key:read, run:read, workflow:read, component:read and prompt:read. '
  'Errors: SB400 unknown table, cursor or page_size, SB401, SB403.';
grant execute on function stepbase.export_application(text, jsonb, int) to authenticated;
