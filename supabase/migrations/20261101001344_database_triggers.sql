-- Operators' SQL that creates, drops and lists database triggers. These functions are no RPCs: only the owner of
-- Stepbase may execute them. They run with the rights of their caller, who needs the privilege TRIGGER on the table.

create function stepbase_private.create_database_trigger(
  p_table regclass, p_events text[], p_workflow text, p_filter jsonb, p_mapping jsonb, p_app text, p_app_column text,
  p_name text, p_max_rows int
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_events record;
  v_columns text[];
  v_schema text;
  v_table text;
  v_event text;
  v_id constant uuid := gen_random_uuid();
  v_name text := p_name;
begin
  perform stepbase_private.check_trigger_table(p_table);
  select e.events, e.update_columns into v_events from stepbase_private.trigger_events(p_table, p_events) e;
  if (p_app is null) = (p_app_column is null) then
    perform stepbase_private.raise_error('invalid_request', 'Give either app or app_column');
  end if;
  perform 1 from stepbase.applications a where a.app_code = p_app and a.deleted_at is null;
  if p_app is not null and not found then
    perform stepbase_private.raise_error('not_found', format('Application %s does not exist', p_app));
  end if;
  if coalesce(p_workflow, '') !~ '^[a-z0-9]+(-[a-z0-9]+)*$' or length(p_workflow) > 100 then
    perform stepbase_private.raise_error('invalid_request', 'workflow must be the kebab_name of a workflow');
  end if;
  if coalesce(p_max_rows, 0) not between 1 and 10000 then
    perform stepbase_private.raise_error('invalid_request', 'max_rows must be between 1 and 10000');
  end if;
  v_columns := stepbase_private.check_trigger_filter(p_table, v_events.events, p_filter)
    || stepbase_private.check_trigger_mapping(p_table, p_mapping)
    || v_events.update_columns
    || case when p_app_column is not null
      then array[stepbase_private.require_column(p_table, p_app_column, 'app_column')] end;
  select n.nspname, c.relname into v_schema, v_table
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = p_table;
  v_name := coalesce(p_name, left(regexp_replace(v_table || '_' || p_workflow, '[^A-Za-z0-9_-]', '_', 'g'), 40));
  if v_name !~ '^[A-Za-z][A-Za-z0-9_-]{0,39}$' then
    perform stepbase_private.raise_error(
      'invalid_request', 'name must start with a letter and have at most 40 letters, digits, _ or -'
    );
  end if;

  insert into stepbase_private.database_triggers (
    id, name, table_id, events, update_columns, app_code, app_column, workflow, filter, mapping, columns, max_rows
  )
  values (
    v_id, v_name, p_table, v_events.events, v_events.update_columns, p_app, p_app_column, p_workflow, p_filter,
    p_mapping, array(select distinct c.name from unnest(v_columns) c (name) order by 1), p_max_rows
  )
  on conflict (name) do nothing;
  if not found then
    perform stepbase_private.raise_error(
      'conflict', format('The database trigger %s exists; drop it first, or give another name', v_name)
    );
  end if;

  -- PostgreSQL allows one event for each trigger with transition tables.
  foreach v_event in array v_events.events loop
    execute format(
      'create trigger %I after %s on %I.%I referencing %s %s for each statement '
      'execute function stepbase_engine.capture_changes(%L)',
      format('stepbase_%s_%s', v_name, v_event), v_event, v_schema, v_table,
      case when v_event <> 'insert' then 'old table as stepbase_old_rows' else '' end,
      case when v_event <> 'delete' then 'new table as stepbase_new_rows' else '' end,
      v_id
    );
  end loop;
  if p_app is not null and not exists (
    select from stepbase.workflows w
    where w.app_code = p_app and w.kebab_name = p_workflow and w.deleted_at is null
  ) then
    raise notice 'stepbase: application % has no workflow % yet; until it has, starts are refused', p_app, p_workflow;
  end if;
  return v_name;
end;
$$;

comment on function stepbase_private.create_database_trigger(
  regclass, text[], text, jsonb, jsonb, text, text, text, int
) is
  'Implements stepbase.create_database_trigger.';

create function stepbase.create_database_trigger(
  table_name regclass,
  events text[],
  workflow text,
  filter jsonb default null,
  mapping jsonb default '{}',
  app text default null,
  app_column text default null,
  name text default null,
  max_rows int default 1000
)
returns text
language sql
set search_path = ''
as $$
  select stepbase_private.create_database_trigger(
    create_database_trigger.table_name, create_database_trigger.events, create_database_trigger.workflow,
    create_database_trigger.filter, create_database_trigger.mapping, create_database_trigger.app,
    create_database_trigger.app_column, create_database_trigger.name, create_database_trigger.max_rows
  );
$$;

comment on function stepbase.create_database_trigger(regclass, text[], text, jsonb, jsonb, text, text, text, int) is
  'Makes changes of a table start runs of a workflow and returns the name of the database trigger. Needs the privilege '
  'TRIGGER on the table. events: insert, update, update of <column>, delete. filter: {new, old, path}. mapping: keys of the '
  'input, each with a column, a JSON path or {value}. app: the application of each run, or app_column: the column that '
  'contains it. max_rows: how many runs one statement starts. Mapped columns bypass the row-level security of the table. '
  'Errors: SB400 invalid argument, SB403 a table of the system, SB404 unknown application, SB409 the name is in use.';

create function stepbase_private.drop_database_trigger(p_name text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_trigger stepbase_private.database_triggers;
  v_attached record;
begin
  delete from stepbase_private.database_triggers t where t.name = p_name returning t.* into v_trigger;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('The database trigger %s does not exist', coalesce(p_name, 'null'))
    );
  end if;
  for v_attached in
    select g.tgname, n.nspname, c.relname, c.relowner
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_class c on c.oid = g.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where g.tgrelid = v_trigger.table_id
      and g.tgfoid = 'stepbase_engine.capture_changes'::regproc
      and g.tgargs = convert_to(v_trigger.id::text, 'UTF8') || '\x00'::bytea
  loop
    if pg_has_role(v_attached.relowner, 'usage') then
      execute format('drop trigger %I on %I.%I', v_attached.tgname, v_attached.nspname, v_attached.relname);
    else
      raise notice 'stepbase: trigger % on %.% starts nothing any more; only the owner of the table can remove it',
        v_attached.tgname, v_attached.nspname, v_attached.relname;
    end if;
  end loop;
end;
$$;

comment on function stepbase_private.drop_database_trigger(text) is 'Implements stepbase.drop_database_trigger.';

create function stepbase.drop_database_trigger(name text)
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.drop_database_trigger(drop_database_trigger.name);
$$;

comment on function stepbase.drop_database_trigger(text) is
  'Drops a database trigger; changes whose runs have not started yet start none. If the caller does not own the table, the '
  'trigger of the table remains and starts nothing. Errors: SB404 unknown name.';

create view stepbase.database_triggers
with (security_invoker = true)
as
select
  t.id,
  t.name,
  case when c.oid is not null then format('%I.%I', n.nspname, c.relname) end collate "default" as table_name,
  t.events,
  t.update_columns,
  t.workflow,
  t.app_code,
  t.app_column,
  t.filter,
  t.mapping,
  t.max_rows,
  (
    select count(*) from pg_catalog.pg_trigger g
    where g.tgrelid = t.table_id
      and g.tgfoid = 'stepbase_engine.capture_changes'::regproc
      and g.tgargs = convert_to(t.id::text, 'UTF8') || '\x00'::bytea
      and g.tgenabled in ('O', 'A')
  ) = cardinality(t.events) as is_enabled,
  t.created_at
from stepbase_private.database_triggers t
left join pg_catalog.pg_class c on c.oid = t.table_id
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace;

comment on view stepbase.database_triggers is 'The database triggers, for operators: no role of the API can read it.';
comment on column stepbase.database_triggers.table_name is 'The table; null if it was dropped.';
comment on column stepbase.database_triggers.is_enabled is
  'Whether the table has the triggers of all events, and none of them is disabled.';

create trigger database_triggers_refuse_write instead of insert or update or delete on stepbase.database_triggers
  for each row execute function stepbase_private.refuse_view_write();

-- Security definer: clients cannot read the triggers of other applications. The caller learns those whose runs are
-- always of their application; the application of the row decides for the others.
create function stepbase_private.list_database_triggers()
returns table (
  name text, table_name text, events text[], update_columns text[], workflow text, filter jsonb, mapping jsonb,
  max_rows int, is_enabled boolean, created_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:read');
begin
  return query
  select
    t.name, t.table_name, t.events, t.update_columns, t.workflow, t.filter, t.mapping, t.max_rows, t.is_enabled,
    t.created_at
  from stepbase.database_triggers t
  where t.app_code = v_app_code
  order by t.name;
end;
$$;

comment on function stepbase_private.list_database_triggers() is 'Implements stepbase.list_database_triggers.';
grant execute on function stepbase_private.list_database_triggers() to authenticated;

create function stepbase.list_database_triggers()
returns table (
  name text, table_name text, events text[], update_columns text[], workflow text, filter jsonb, mapping jsonb,
  max_rows int, is_enabled boolean, created_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select * from stepbase_private.list_database_triggers();
$$;

comment on function stepbase.list_database_triggers() is
  'The database triggers whose runs are all of the caller''s application, by name; see the view database_triggers. Those '
  'with app_column are for operators only. is_enabled false: paused, or the table was dropped. Requires schedule:read. '
  'Errors: SB401, SB403.';
grant execute on function stepbase.list_database_triggers() to authenticated;
