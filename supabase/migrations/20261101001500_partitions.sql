-- Monthly partitions of run_events and audit_log: created in advance, and dropped when no application needs them.

create function stepbase_engine.lock_partitions(p_parents regclass[])
returns void
language plpgsql
set search_path = ''
set lock_timeout = '100ms'
as $$
declare
  v_table regclass;
begin
  -- A change of a partition also locks the tables that its foreign keys refer to. All locks are taken before the first
  -- change, in the order in which writers take them. The transaction waits for less than a second in all, which is
  -- PostgreSQL's deadlock_timeout: so it gives up before a writer that waits for it is cancelled.
  for v_table in
    select c.confrelid::regclass
    from pg_constraint c
    where c.conrelid = any (p_parents) and c.contype = 'f' and c.confrelid <> 0
    group by c.confrelid
    order by c.confrelid
  loop
    execute format('lock table %s in access exclusive mode', v_table);
  end loop;
  foreach v_table in array p_parents loop
    execute format('lock table %s in access exclusive mode', v_table);
  end loop;
end;
$$;

comment on function stepbase_engine.lock_partitions(regclass[]) is
  'Locks partitioned tables, their partitions, and the tables that they refer to, for a change of their partitions. Each '
  'lock waits for at most 100 ms; a transaction that calls this must hold no lock that a writer waits for.';

create function stepbase_engine.attach_month(p_parent regclass, p_month date)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_parent constant text := (select c.relname from pg_class c where c.oid = p_parent);
  v_name constant text := v_parent || to_char(p_month, '_YYYY_MM');
  v_from constant timestamptz := p_month::timestamp at time zone 'UTC';
  v_to constant timestamptz := (p_month + interval '1 month')::timestamp at time zone 'UTC';
  v_refuse text;
begin
  if to_regclass('stepbase_engine.' || v_name) is not null then
    return false;
  end if;
  select p.oid::regprocedure::text into strict v_refuse
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  where t.tgrelid = p_parent and t.tgname = v_parent || '_no_truncate';

  execute format(
    'create table stepbase_engine.%I (like %s including defaults including constraints)', v_name, p_parent
  );
  execute format('comment on table stepbase_engine.%I is %L', v_name, v_parent || ' of ' || to_char(p_month, 'YYYY-MM'));
  execute format('alter table stepbase_engine.%I enable row level security', v_name);
  execute format(
    'create trigger %I before truncate on stepbase_engine.%I for each statement execute function %s',
    v_name || '_no_truncate', v_name, v_refuse
  );
  execute format(
    'alter table %s attach partition stepbase_engine.%I for values from (%L) to (%L)', p_parent, v_name, v_from, v_to
  );
  return true;
end;
$$;

comment on function stepbase_engine.attach_month(regclass, date) is
  'Creates the partition of a month (UTC) of a partitioned table; false if it exists. The caller holds its locks.';

create function stepbase_engine.drain_default_partition(p_parent regclass)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_parent constant text := (select c.relname from pg_class c where c.oid = p_parent);
  v_default constant text := v_parent || '_default';
  v_refuse text;
  v_month date;
  v_rows bigint := 0;
begin
  -- Rows of an append-only table cannot be deleted. The default partition is detached, its rows are copied to the
  -- partitions of their months, and it is dropped.
  select p.oid::regprocedure::text into strict v_refuse
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  where t.tgrelid = p_parent and t.tgname = v_parent || '_no_truncate';
  execute format('alter table %s detach partition stepbase_engine.%I', p_parent, v_default);
  execute format('alter table stepbase_engine.%I rename to %I', v_default, v_default || '_old');
  for v_month in
    execute format(
      'select distinct date_trunc(''month'', d.created_at at time zone ''UTC'')::date from stepbase_engine.%I d',
      v_default || '_old'
    )
  loop
    perform stepbase_engine.attach_month(p_parent, v_month);
  end loop;
  execute format(
    'with moved as (insert into %s select d.* from stepbase_engine.%I d returning 1) select count(*) from moved',
    p_parent, v_default || '_old'
  ) into v_rows;
  execute format('drop table stepbase_engine.%I', v_default || '_old');
  execute format('create table stepbase_engine.%I partition of %s default', v_default, p_parent);
  execute format('comment on table stepbase_engine.%I is %L', v_default, 'Rows of months without a partition; maintenance moves them.');
  execute format('alter table stepbase_engine.%I enable row level security', v_default);
  execute format(
    'create trigger %I before truncate on stepbase_engine.%I for each statement execute function %s',
    v_default || '_no_truncate', v_default, v_refuse
  );
  return v_rows;
end;
$$;

comment on function stepbase_engine.drain_default_partition(regclass) is
  'Moves the rows of the default partition to partitions of their months; returns the number of rows. The caller holds '
  'the locks of the table.';

create function stepbase_engine.lacks_partitions(p_parent regclass, p_months date[])
returns table (has_default_rows boolean, months date[])
language plpgsql
stable
set search_path = ''
as $$
declare
  v_parent constant text := (select c.relname from pg_class c where c.oid = p_parent);
begin
  execute format('select exists (select from stepbase_engine.%I)', v_parent || '_default') into has_default_rows;
  months := array(
    select m
    from unnest(p_months) m
    where to_regclass('stepbase_engine.' || v_parent || to_char(m, '_YYYY_MM')) is null
    order by m
  );
  if has_default_rows or cardinality(months) > 0 then
    return next;
  end if;
end;
$$;

comment on function stepbase_engine.lacks_partitions(regclass, date[]) is
  'Whether the default partition of a table has rows, and which of these months have no partition; no row if nothing is '
  'to be done.';

create function stepbase_engine.ensure_partitions(p_months_ahead int default 3)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_this_month constant date := date_trunc('month', stepbase_engine.now() at time zone 'UTC');
  v_months constant date[] := array(
    select (v_this_month + n * interval '1 month')::date from generate_series(0, least(greatest(p_months_ahead, 0), 24)) n
  );
  v_parents regclass[];
  v_parent regclass;
  v_month date;
  v_made int := 0;
begin
  v_parents := array(
    select p
    from unnest(array['stepbase.run_events'::regclass, 'stepbase.audit_log'::regclass]) p
    where exists (select from stepbase_engine.lacks_partitions(p, v_months))
  );
  if cardinality(v_parents) = 0 then
    return 0;
  end if;
  perform stepbase_engine.lock_partitions(v_parents);
  foreach v_parent in array v_parents loop
    if (select l.has_default_rows from stepbase_engine.lacks_partitions(v_parent, v_months) l) then
      perform stepbase_engine.drain_default_partition(v_parent);
      v_made := v_made + 1;
    end if;
    foreach v_month in array v_months loop
      v_made := v_made + stepbase_engine.attach_month(v_parent, v_month)::int;
    end loop;
  end loop;
  return v_made;
end;
$$;

comment on function stepbase_engine.ensure_partitions(int) is
  'Empties the default partitions and creates the partitions of this month and of the next p_months_ahead (0 to 24) '
  'months. Returns how many partitions it created or emptied. 55P03 (lock_not_available): another transaction uses the '
  'tables for long; nothing has changed.';

create function stepbase_engine.drop_partitions()
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_child record;
  v_needed boolean;
begin
  for v_child in
    select
      p.relname as parent,
      i.inhparent::regclass as parent_table,
      c.relname as name,
      ((to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')::timestamp at time zone 'UTC') as ends_at
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    where i.inhparent in ('stepbase.run_events'::regclass, 'stepbase.audit_log'::regclass)
      and c.relname ~ '_\d{4}_\d{2}$'
    order by c.relname
  loop
    continue when v_child.ends_at > stepbase_engine.now() - interval '1 day';
    -- A month is needed while an application that may have rows in it keeps them. Events have no index on app_code: an
    -- application without a run from that month or before has no events in it.
    if v_child.parent = 'run_events' then
      v_needed := exists (
        select 1 from stepbase.applications a
        where v_child.ends_at > stepbase_engine.now() - a.event_retention_days * interval '1 day'
          and exists (select 1 from stepbase.runs r where r.app_code = a.app_code and r.created_at < v_child.ends_at)
      );
    else
      execute format(
        'select exists ('
        '  select 1 from stepbase.applications a'
        '  where %L::timestamptz > stepbase_engine.now() - a.audit_retention_days * interval ''1 day'''
        '    and exists (select 1 from stepbase_engine.%I d where d.app_code = a.app_code))',
        v_child.ends_at, v_child.name
      ) into v_needed;
      -- Rows without a seal stay until maintenance has sealed them.
      v_needed := v_needed or not stepbase_engine.seal_audit_drop(v_child.name);
    end if;
    if not v_needed then
      perform stepbase_engine.lock_partitions(array[v_child.parent_table]);
      execute format('drop table stepbase_engine.%I', v_child.name);
      return 1;
    end if;
  end loop;
  return 0;
end;
$$;

comment on function stepbase_engine.drop_partitions() is
  'Drops the oldest partition of a month that is past the retention of every application that may have rows in it. '
  'Returns 1, or 0 if there is none. A month of the audit log is dropped when all of its rows are sealed. 55P03 '
  '(lock_not_available): another transaction uses the tables for long; nothing has changed.';

create function stepbase_engine.change_partitions()
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_made constant int := stepbase_engine.ensure_partitions();
  v_dropped int := 0;
begin
  if v_made = 0 then
    v_dropped := stepbase_engine.drop_partitions();
  end if;
  if v_made + v_dropped > 0 then
    return jsonb_build_object('partitions_made', v_made, 'partitions_dropped', v_dropped);
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.change_partitions() is
  'Creates the missing partitions, or else drops one. Returns {partitions_made, partitions_dropped}; null if nothing was '
  'to be done. After a change, the caller ends its transaction at once, because all runs wait for its locks.';

select stepbase_engine.ensure_partitions();
