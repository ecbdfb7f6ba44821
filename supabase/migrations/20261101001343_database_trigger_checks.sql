-- What create_database_trigger checks: the table, the events, the filter and the mapping. Filter and mapping name
-- columns and JSON paths; nothing in them is executed as SQL.

create function stepbase_private.is_system_schema(p_schema text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_schema ~ '^(pg_|supabase_|stepbase($|_)|_)'
    or p_schema in (
      'information_schema', 'auth', 'storage', 'realtime', 'vault', 'cron', 'net', 'extensions', 'graphql',
      'graphql_public', 'pgsodium', 'pgsodium_masks', 'pgbouncer', 'pgmq', 'tiger', 'tiger_data', 'topology'
    );
$$;

comment on function stepbase_private.is_system_schema(text) is
  'Whether a schema belongs to Stepbase, PostgreSQL, Supabase or an extension, and not to the project.';

create function stepbase_private.check_trigger_table(p_table regclass)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_table record;
begin
  select n.nspname, c.relkind, c.relpersistence, c.relispartition,
    exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    ) as is_of_extension
  into v_table
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = p_table;
  if not found then
    perform stepbase_private.raise_error('invalid_request', 'table_name must be a table');
  end if;
  if v_table.is_of_extension or stepbase_private.is_system_schema(v_table.nspname) then
    perform stepbase_private.raise_error(
      'permission_denied', format('Tables of schema %s cannot start runs: they belong to the system', v_table.nspname),
      jsonb_build_object('schema', v_table.nspname)
    );
  end if;
  if v_table.relkind not in ('r', 'p') or v_table.relpersistence = 't' then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s is not a permanent table: views and foreign tables have no row changes', p_table)
    );
  end if;
  if v_table.relispartition then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s is a partition; create the trigger on the partitioned table', p_table)
    );
  end if;
end;
$$;

comment on function stepbase_private.check_trigger_table(regclass) is
  'Raises SB403 permission_denied for a table of Stepbase, of the system or of an extension, and SB400 invalid_request for '
  'anything but an ordinary or a partitioned table.';

create function stepbase_private.require_column(p_table regclass, p_column text, p_place text)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  perform 1
  from pg_catalog.pg_attribute a
  where a.attrelid = p_table and a.attname = p_column and a.attnum > 0 and not a.attisdropped;
  if not found then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s: %s has no column %s', p_place, p_table, coalesce(p_column, 'null'))
    );
  end if;
  return p_column;
end;
$$;

comment on function stepbase_private.require_column(regclass, text, text) is
  'Returns the name of a column of a table; raises SB400 invalid_request if the table has none of that name.';

create function stepbase_private.check_json_path(p_path text, p_place text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if length(p_path) > 1000 then
    perform stepbase_private.raise_error('invalid_request', format('%s: the JSON path has more than 1000 characters', p_place));
  end if;
  begin
    -- Also finds variables, which have no values here.
    perform jsonb_path_query_first('{"event": "insert", "new": {}, "old": {}}', p_path::jsonpath, '{}', true);
  exception when others then
    perform stepbase_private.raise_error('invalid_request', format('%s is not a JSON path: %s', p_place, sqlerrm));
  end;
end;
$$;

comment on function stepbase_private.check_json_path(text, text) is
  'Raises SB400 invalid_request if a text is not a JSON path, or names variables.';

create function stepbase_private.trigger_events(
  p_table regclass, p_events text[], out events text[], out update_columns text[]
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_event text;
begin
  events := '{}';
  foreach v_event in array coalesce(p_events, '{}') loop
    if v_event in ('insert', 'update', 'delete') and v_event <> all (events) then
      events := array_append(events, v_event);
    elsif v_event like 'update of %' and ('update' <> all (events) or update_columns is not null) then
      -- The rest is the name itself, without quotes.
      update_columns := array_append(
        update_columns, stepbase_private.require_column(p_table, substr(v_event, 11), 'events')
      );
      events := array_append(array_remove(events, 'update'), 'update');
    else
      perform stepbase_private.raise_error(
        'invalid_request',
        format('events: %s is not insert, update, update of <column> or delete, or is there twice', coalesce(v_event, 'null'))
      );
    end if;
  end loop;
  if cardinality(events) = 0 then
    perform stepbase_private.raise_error('invalid_request', 'events must name insert, update, update of <column> or delete');
  end if;
end;
$$;

comment on function stepbase_private.trigger_events(regclass, text[]) is
  'Reads the argument events of create_database_trigger; raises SB400 invalid_request.';

create function stepbase_private.check_trigger_filter(p_table regclass, p_events text[], p_filter jsonb)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_part record;
  v_columns text[] := '{}';
begin
  if p_filter is null then
    return v_columns;
  end if;
  if jsonb_typeof(p_filter) <> 'object' then
    perform stepbase_private.raise_error('invalid_request', 'filter must be an object with the keys new, old and path');
  end if;
  for v_part in select f.key, f.value from jsonb_each(p_filter) f loop
    if v_part.key = 'path' and jsonb_typeof(v_part.value) = 'string' then
      perform stepbase_private.check_json_path(v_part.value #>> '{}', 'filter.path');
    elsif v_part.key in ('new', 'old') and jsonb_typeof(v_part.value) = 'object' then
      if (case v_part.key when 'new' then 'delete' else 'insert' end) = any (p_events) then
        perform stepbase_private.raise_error(
          'invalid_request',
          format(
            'filter.%s cannot be used with the event %s, whose rows have no %s version; use path, or two triggers',
            v_part.key, case v_part.key when 'new' then 'delete' else 'insert' end, v_part.key
          )
        );
      end if;
      v_columns := v_columns || array(
        select stepbase_private.require_column(p_table, k.name, 'filter.' || v_part.key)
        from jsonb_object_keys(v_part.value) k (name)
      );
    else
      perform stepbase_private.raise_error(
        'invalid_request',
        format('filter.%s must be new or old with an object of columns, or path with a JSON path', v_part.key)
      );
    end if;
  end loop;
  return v_columns;
end;
$$;

comment on function stepbase_private.check_trigger_filter(regclass, text[], jsonb) is
  'Returns the columns that the filter of a database trigger names; raises SB400 invalid_request if it is not valid.';

create function stepbase_private.check_trigger_mapping(p_table regclass, p_mapping jsonb)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_part record;
  v_columns text[] := '{}';
begin
  if jsonb_typeof(p_mapping) is distinct from 'object' or octet_length(p_mapping::text) > 65536 then
    perform stepbase_private.raise_error('invalid_request', 'mapping must be an object of at most 64 KB');
  end if;
  for v_part in select m.key, m.value, m.value #>> '{}' as source from jsonb_each(p_mapping) m loop
    if jsonb_typeof(v_part.value) = 'string' and v_part.source like '$%' then
      perform stepbase_private.check_json_path(v_part.source, 'mapping.' || v_part.key);
    elsif jsonb_typeof(v_part.value) = 'string' then
      v_columns := array_append(
        v_columns, stepbase_private.require_column(p_table, v_part.source, 'mapping.' || v_part.key)
      );
    elsif jsonb_typeof(v_part.value) <> 'object' or not v_part.value ? 'value' or v_part.value - 'value' <> '{}' then
      perform stepbase_private.raise_error(
        'invalid_request',
        format('mapping.%s must be a column, a JSON path that begins with $, or an object {"value": …}', v_part.key)
      );
    end if;
  end loop;
  return v_columns;
end;
$$;

comment on function stepbase_private.check_trigger_mapping(regclass, jsonb) is
  'Returns the columns that the mapping of a database trigger names; raises SB400 invalid_request if it is not valid.';
