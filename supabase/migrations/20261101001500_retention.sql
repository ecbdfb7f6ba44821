-- Keeping the house: months are made ahead and dropped behind, finished runs are pruned, and one call a
-- minute does it all.

create function stepbase_engine.attach_month(p_parent regclass, p_month date)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '2s'
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

  -- Made beside the parent and then attached: readers and writers of the parent are not held up.
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
  'Gives a partitioned table the partition of a month (UTC); false when it has it already.';

create function stepbase_engine.drain_default_partition(p_parent regclass)
returns bigint
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_parent constant text := (select c.relname from pg_class c where c.oid = p_parent);
  v_default constant text := v_parent || '_default';
  v_refuse text;
  v_month date;
  v_rows bigint := 0;
begin
  execute format('select count(*) from (select 1 from stepbase_engine.%I limit 1) x', v_default) into v_rows;
  if v_rows = 0 then
    return 0;
  end if;
  -- Rows of an append-only table are never deleted: the old default is set aside, its rows go to the
  -- months they belong to, and it is dropped.
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
  execute format('comment on table stepbase_engine.%I is %L', v_default, 'Rows of months that have no partition yet.');
  execute format('alter table stepbase_engine.%I enable row level security', v_default);
  execute format(
    'create trigger %I before truncate on stepbase_engine.%I for each statement execute function %s',
    v_default || '_no_truncate', v_default, v_refuse
  );
  return v_rows;
end;
$$;

comment on function stepbase_engine.drain_default_partition(regclass) is
  'Moves what the default partition caught into partitions of their months; returns how many rows.';

create function stepbase_engine.ensure_partitions(p_months_ahead int default 3)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_parent regclass;
  v_offset int;
  v_this_month constant date := date_trunc('month', stepbase_engine.now() at time zone 'UTC');
  v_made int := 0;
begin
  foreach v_parent in array array['stepbase.run_events'::regclass, 'stepbase.audit_log'::regclass] loop
    perform stepbase_engine.drain_default_partition(v_parent);
    for v_offset in 0 .. least(greatest(p_months_ahead, 0), 24) loop
      if stepbase_engine.attach_month(v_parent, (v_this_month + v_offset * interval '1 month')::date) then
        v_made := v_made + 1;
      end if;
    end loop;
  end loop;
  return v_made;
end;
$$;

comment on function stepbase_engine.ensure_partitions(int) is
  'Makes the partitions of this month and of months ahead, and empties the default ones; returns how many it made.';

create function stepbase_engine.drop_partitions()
returns int
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  v_child record;
  v_needed boolean;
  v_dropped int := 0;
begin
  for v_child in
    select
      p.relname as parent,
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
    -- A month goes when every application that has rows in it no longer keeps them.
    execute format(
      'select exists ('
      '  select 1 from stepbase.applications a'
      '  where %L::timestamptz > stepbase_engine.now() - a.%I * interval ''1 day'''
      '    and exists (select 1 from stepbase_engine.%I d where d.app_code = a.app_code))',
      v_child.ends_at,
      case v_child.parent when 'run_events' then 'event_retention_days' else 'audit_retention_days' end,
      v_child.name
    ) into v_needed;
    if not v_needed then
      execute format('drop table stepbase_engine.%I', v_child.name);
      v_dropped := v_dropped + 1;
    end if;
  end loop;
  return v_dropped;
end;
$$;

comment on function stepbase_engine.drop_partitions() is
  'Drops the months that no application with rows in them keeps any longer; returns how many.';

create function stepbase_engine.prune_runs(p_limit int default 20000, p_time interval default '5 seconds')
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_batch constant int := 500;
  v_end constant timestamptz := clock_timestamp() + p_time;
  v_pruned int := 0;
  v_gone int;
begin
  loop
    -- Leaves first: a run that another one points at goes in a later round.
    with old as (
      select r.id
      from stepbase.applications a
      cross join lateral (
        select r.id
        from stepbase.runs r
        where r.app_code = a.app_code
          and r.completed_at < stepbase_engine.now() - a.run_retention_days * interval '1 day'
          and not exists (select 1 from stepbase.runs c where c.parent_run_id = r.id and c.app_code = r.app_code)
          and not exists (select 1 from stepbase.runs c where c.origin_run_id = r.id and c.app_code = r.app_code)
        order by r.completed_at
        limit least(c_batch, p_limit - v_pruned)
        for update skip locked
      ) r
      limit least(c_batch, p_limit - v_pruned)
    ),
    gone as (
      delete from stepbase.runs r
      using old o
      where r.id = o.id
      returning 1
    )
    select count(*) into v_gone from gone;
    v_pruned := v_pruned + v_gone;
    exit when v_gone = 0 or v_pruned >= p_limit or clock_timestamp() >= v_end;
  end loop;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_runs(int, interval) is
  'Deletes finished runs past their application''s run_retention_days, with all that hangs on them; bounded in number '
  'and time.';

create index idx_runs_app_code_completed_at on stepbase.runs (app_code, completed_at) where completed_at is not null;

create function stepbase_engine.prune_outbox(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  with old as (
    select o.id
    from stepbase.outbox o
    where o.published_at < stepbase_engine.now() - interval '1 day'
    order by o.published_at
    limit p_limit
    for update skip locked
  ),
  gone as (
    delete from stepbase.outbox o
    using old
    where o.id = old.id
    returning 1
  )
  select count(*) into v_pruned from gone;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_outbox(int) is 'Deletes outbox rows that were handed over more than a day ago; bounded.';

create function stepbase_engine.prune_work_items(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  with old as (
    select i.id
    from stepbase.applications a
    cross join lateral (
      select i.id
      from stepbase.work_queue_items i
      where i.app_code = a.app_code
        and i.status <> 'queued'
        and coalesce(i.done_at, i.taken_at) < stepbase_engine.now() - a.run_retention_days * interval '1 day'
      limit p_limit
      for update skip locked
    ) i
    limit p_limit
  ),
  gone as (
    delete from stepbase.work_queue_items i
    using old o
    where i.id = o.id
    returning 1
  )
  select count(*) into v_pruned from gone;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_work_items(int) is
  'Deletes items that left their work queue longer ago than their application keeps runs; bounded.';

create function stepbase_engine.prune()
returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object(
    'runs', stepbase_engine.prune_runs(), 'work_items', stepbase_engine.prune_work_items(), 'outbox', stepbase_engine.prune_outbox(),
    'partitions', stepbase_engine.drop_partitions()
  );
$$;

comment on function stepbase_engine.prune() is 'Everything that retention takes away, a bounded amount per call; returns what went.';

create function stepbase_engine.maintain()
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_done jsonb := '{}';
begin
  -- One at a time; who comes second has nothing to do.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.maintain')) then
    return jsonb_build_object('skipped', true);
  end if;
  -- Each part on its own: one that fails (a lock it does not get) must not keep the others from running.
  begin
    v_done := v_done || jsonb_build_object('workers', stepbase_engine.expire_workers());
  exception when others then
    raise warning 'stepbase: watching the workers failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('workers_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('pruned', stepbase_engine.prune());
  exception when others then
    raise warning 'stepbase: pruning failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('prune_error', sqlerrm);
  end;
  begin
    if not exists (
      select 1 from stepbase_private.workflow_statistics s where s.refreshed_at > now() - interval '1 hour'
    ) then
      perform stepbase_engine.refresh_statistics();
      v_done := v_done || jsonb_build_object('statistics', true);
    end if;
  exception when others then
    raise warning 'stepbase: statistics failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('statistics_error', sqlerrm);
  end;
  -- Last, so that nobody waits for all of the above: these lock tables that every run writes to, tokens, and runs.
  begin
    v_done := v_done || jsonb_build_object('partitions_made', stepbase_engine.ensure_partitions());
  exception when others then
    raise warning 'stepbase: making partitions failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('partitions_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('expired', stepbase_engine.expire_leases(stepbase_engine.longest_lease() * 2));
  exception when others then
    raise warning 'stepbase: expiring leases failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('expire_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('swept', stepbase_engine.sweep() + stepbase_engine.reconcile_admission());
  exception when others then
    raise warning 'stepbase: sweep failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('sweep_error', sqlerrm);
  end;
  return v_done;
end;
$$;

comment on function stepbase_engine.maintain() is
  'To be called every minute (pg_cron, the stack''s tick): watches the workers, prunes (old partitions go whole), '
  'refreshes the statistics once an hour, makes partitions, returns what dead workers hold, and sweeps. Returns what it did.';

select stepbase_engine.ensure_partitions();

-- Where pg_cron is installed it makes the call; elsewhere whoever runs the stack does.
do $$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    perform cron.schedule('stepbase-maintenance', '* * * * *', 'select stepbase_engine.maintain()');
  end if;
end;
$$;
