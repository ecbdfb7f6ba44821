-- Database triggers, in the transaction of the change: a statement trigger writes the inputs of the runs to the outbox.
--
-- The write that fires the trigger succeeds even if the start is refused: each refusal becomes a row of
-- stepbase.refused_starts. Only a fault of the server (out of memory, a deadlock) fails the statement.

create function stepbase_engine.refuse_changes(
  p_trigger stepbase_private.database_triggers, p_app_code text, p_event text, p_changes int, p_error jsonb,
  p_input jsonb default null
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_app_code is null then
    insert into stepbase_private.unassigned_changes (database_trigger, changes, error)
    values (p_trigger.name, p_changes, p_error);
  else
    insert into stepbase.refused_starts (app_code, database_trigger, workflow, event, changes, input, error)
    values (p_app_code, p_trigger.name, p_trigger.workflow, p_event, p_changes, p_input, p_error);
  end if;
end;
$$;

comment on function stepbase_engine.refuse_changes(stepbase_private.database_triggers, text, text, int, jsonb, jsonb) is
  'Records that changes start no run. Without an application, only operators see it.';

create function stepbase_engine.request_starts(
  p_trigger stepbase_private.database_triggers, p_event text, p_apps text[], p_inputs jsonb[], p_excess jsonb
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- A row of the outbox has at most 20 inputs of 64 KB.
  c_chunk constant int := 20;
  c_bytes constant int := 65536;
  v_refused record;
  -- A step that calls a function of the project sets it; see sql_function.
  v_depth constant text := coalesce(current_setting('stepbase_call.event_depth', true), '');
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    c.app_code, 'database_trigger', p_trigger.id, 'rows.changed',
    jsonb_build_object(
      'event', p_event, 'depth', 1 + case when v_depth ~ '^[0-9]{1,4}$' then v_depth::int else 0 end,
      'inputs', jsonb_agg(c.input order by c.place)
    )
  from (
    select
      i.app_code, i.input, i.place,
      (row_number() over (partition by i.app_code order by i.place) - 1) / c_chunk as chunk
    from unnest(p_apps, p_inputs) with ordinality as i (app_code, input, place)
    join stepbase.applications a on a.app_code = i.app_code and a.deleted_at is null
    where octet_length(i.input::text) <= c_bytes
  ) c
  group by c.app_code, c.chunk
  order by min(c.place);
  if found then
    perform pg_notify('stepbase', 'outbox');
    perform stepbase_engine.request_worker();
  end if;

  for v_refused in
    select
      a.app_code, count(*)::int as changes,
      case
        when a.app_code is not null then format('The input has more than %s bytes; map fewer columns', c_bytes)
        when p_trigger.app_column is null then format('Application %s was deleted', p_trigger.app_code)
        else format(
          '%s of %s contains no application: %s', p_trigger.app_column, p_trigger.table_id,
          coalesce(left(min(i.app_code), 100), 'null')
        )
      end as message
    from unnest(p_apps, p_inputs) as i (app_code, input)
    left join stepbase.applications a on a.app_code = i.app_code and a.deleted_at is null
    where a.app_code is null or octet_length(i.input::text) > c_bytes
    group by a.app_code
  loop
    perform stepbase_engine.refuse_changes(
      p_trigger, v_refused.app_code, p_event, v_refused.changes,
      jsonb_build_object(
        'code', case when v_refused.app_code is null then 'not_found' else 'invalid_input' end,
        'message', v_refused.message, 'at', stepbase_engine.now()
      )
    );
  end loop;

  for v_refused in
    select a.app_code, sum(e.changes::int)::int as changes
    from jsonb_each_text(p_excess) as e (app_code, changes)
    left join stepbase.applications a on a.app_code = e.app_code and a.deleted_at is null
    group by a.app_code
  loop
    perform stepbase_engine.refuse_changes(
      p_trigger, v_refused.app_code, p_event, v_refused.changes,
      jsonb_build_object(
        'code', 'limit_reached', 'limit', p_trigger.max_rows, 'at', stepbase_engine.now(),
        'message', format('One statement starts at most %s runs (max_rows of the trigger)', p_trigger.max_rows)
      )
    );
  end loop;
end;
$$;

comment on function stepbase_engine.request_starts(stepbase_private.database_triggers, text, text[], jsonb[], jsonb) is
  'Writes the inputs of the runs that changes start to the outbox, at most 20 in a row of it. Records as refused: inputs '
  'over 64 KB, changes without an application, and p_excess ({app_code: number}), the changes beyond max_rows.';

create function stepbase_engine.check_database_trigger(p_trigger stepbase_private.database_triggers)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_missing text;
  v_cast constant regtype := stepbase_engine.untrusted_cast(p_trigger.table_id);
begin
  select n.name into v_missing
  from unnest(p_trigger.columns) as n (name)
  where not exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = p_trigger.table_id and a.attname = n.name and a.attnum > 0 and not a.attisdropped
  )
  limit 1;
  if found then
    perform stepbase_private.raise_error(
      'conflict', format('%s has no column %s any more; drop the trigger and create it again', p_trigger.table_id, v_missing)
    );
  end if;
  if v_cast is not null then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('%s has values of type %s, whose cast to json is not of an operator; drop that cast', p_trigger.table_id, v_cast)
    );
  end if;
end;
$$;

comment on function stepbase_engine.check_database_trigger(stepbase_private.database_triggers) is
  'Raises SB409 conflict if a column that the trigger names is gone, and SB403 permission_denied if converting rows would '
  'execute the function of a cast that no operator has made.';

-- Security definer: the role that changes a row needs no right on Stepbase. Only the owner may execute it, so no other
-- role can attach it to a table; the rights of the trigger come from its row, which its argument names.
create function stepbase_engine.capture_changes()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_trigger stepbase_private.database_triggers;
  v_event constant text := lower(tg_op);
  v_rows refcursor;
  v_old jsonb;
  v_new jsonb;
  v_change jsonb;
  v_app text;
  v_apps text[] := '{}';
  v_inputs jsonb[] := '{}';
  v_excess jsonb := '{}';
  v_count bigint;
  v_detail text;
begin
  select t.* into v_trigger from stepbase_private.database_triggers t where t.id::text = tg_argv[0];
  -- drop_database_trigger cannot remove the trigger from a table of another owner; then it starts nothing.
  if not found then
    return null;
  end if;
  if v_trigger.table_id <> tg_relid or v_event <> all (v_trigger.events)
    or tg_level <> 'STATEMENT' or tg_when <> 'AFTER'
  then
    raise insufficient_privilege using
      message = format('trigger %s was not created by create_database_trigger', tg_name);
  end if;
  begin
    perform stepbase_engine.check_database_trigger(v_trigger);
    -- n.* is the row, also if the table has a column n.
    if tg_op = 'INSERT' then
      open v_rows no scroll for select null::jsonb, to_jsonb(n.*) from stepbase_new_rows n;
    elsif tg_op = 'DELETE' then
      open v_rows no scroll for select to_jsonb(o.*), null::jsonb from stepbase_old_rows o;
    else
      select count(*) into v_count from stepbase_new_rows;
      if v_count <> (select count(*) from stepbase_old_rows) then
        perform stepbase_private.raise_error(
          'conflict', 'A row moved to a partition that refused it, so old and new rows cannot be paired'
        );
      end if;
      -- PostgreSQL adds the old and the new version of a row to both tables at the same time.
      open v_rows no scroll for
        select o.version, n.version
        from (select to_jsonb(t.*) as version, row_number() over () as place from stepbase_old_rows t) o
        join (select to_jsonb(t.*) as version, row_number() over () as place from stepbase_new_rows t) n using (place)
        order by place;
    end if;
    loop
      fetch v_rows into v_old, v_new;
      exit when not found;
      continue when tg_op = 'UPDATE' and v_trigger.update_columns is not null and not exists (
        select from unnest(v_trigger.update_columns) as c (name) where v_old -> c.name is distinct from v_new -> c.name
      );
      v_change := jsonb_build_object('event', v_event, 'schema', tg_table_schema, 'table', tg_table_name)
        || case when v_new is null then '{}' else jsonb_build_object('new', v_new) end
        || case when v_old is null then '{}' else jsonb_build_object('old', v_old) end;
      continue when v_trigger.filter is not null and not stepbase_engine.change_matches(v_trigger.filter, v_change);
      v_app := coalesce(v_trigger.app_code, coalesce(v_new, v_old) ->> v_trigger.app_column);
      if cardinality(v_inputs) < v_trigger.max_rows then
        v_apps := array_append(v_apps, v_app);
        v_inputs := array_append(v_inputs, stepbase_engine.map_change(v_trigger.mapping, v_change));
      else
        v_app := left(coalesce(v_app, ''), 100);
        v_excess := jsonb_set(v_excess, array[v_app], to_jsonb(coalesce((v_excess ->> v_app)::int, 0) + 1));
      end if;
    end loop;
    close v_rows;
    if cardinality(v_inputs) > 0 then
      perform stepbase_engine.request_starts(v_trigger, v_event, v_apps, v_inputs, v_excess);
    end if;
  exception when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    v_change := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
    if tg_op = 'INSERT' then
      select count(*) into v_count from stepbase_new_rows;
    else
      select count(*) into v_count from stepbase_old_rows;
    end if;
    if v_count > 0 then
      perform stepbase_engine.refuse_changes(v_trigger, v_trigger.app_code, v_event, v_count::int, v_change);
    end if;
  end;
  return null;
end;
$$;

comment on function stepbase_engine.capture_changes() is
  'Trigger (after, for each statement) of a database trigger, whose id is its argument: requests the runs that the changed '
  'rows start. Raises 42501 on a table for which the database trigger was not created.';
