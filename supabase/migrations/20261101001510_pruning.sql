-- Pruning: runs, outbox rows, work items and webhook deliveries past their retention are deleted in bounded batches.

create function stepbase_engine.prune_runs(p_limit int default 20000, p_time interval default '4 seconds')
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_batch constant int := 500;
  v_end constant timestamptz := clock_timestamp() + p_time;
  -- The relay still needs these runs: to continue a parent, or to start a trigger.
  v_announced constant uuid[] := array(
    select o.aggregate_id from stepbase.outbox o where o.published_at is null and o.aggregate_type = 'run'
  );
  v_pruned int := 0;
  v_gone int;
begin
  loop
    -- Leaves first: a run that another run refers to is deleted in a later round. A child is kept for its open parent.
    -- The applications are in random order, so that one with many old runs does not delay the others.
    with old as (
      select r.id
      from (select o.app_code, o.run_retention_days from stepbase.applications o order by random()) a
      cross join lateral (
        select r.id
        from stepbase.runs r
        where r.app_code = a.app_code
          and r.completed_at < stepbase_engine.now() - a.run_retention_days * interval '1 day'
          and r.id <> all(v_announced)
          and not exists (select 1 from stepbase.runs c where c.parent_run_id = r.id and c.app_code = r.app_code)
          and not exists (select 1 from stepbase.runs c where c.origin_run_id = r.id and c.app_code = r.app_code)
          and not exists (select 1 from stepbase.runs p where p.id = r.parent_run_id and p.completed_at is null)
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
  'Deletes runs that ended more than run_retention_days of their application ago, with their dependent rows, except '
  'children of open runs and runs that the relay has to announce. Stops after p_limit runs or p_time; returns the '
  'number of runs deleted.';

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

comment on function stepbase_engine.prune_outbox(int) is 'Deletes at most p_limit outbox rows published more than a day ago; returns their number.';

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
  'Deletes at most p_limit items that left their work queue more than run_retention_days of their application ago; '
  'returns their number.';

create function stepbase_engine.prune_webhook_deliveries(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_longest constant int := 30;
  v_pruned int;
begin
  with old as (
    select d.id
    from stepbase.applications a
    cross join lateral (
      select d.id
      from stepbase.webhook_deliveries d
      where d.app_code = a.app_code
        and d.status <> 'pending'
        and d.created_at < stepbase_engine.now() - least(a.run_retention_days, c_longest) * interval '1 day'
      limit p_limit
      for update skip locked
    ) d
    limit p_limit
  ),
  gone as (
    delete from stepbase.webhook_deliveries d
    using old o
    where d.id = o.id
    returning 1
  )
  select count(*) into v_pruned from gone;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_webhook_deliveries(int) is
  'Deletes at most p_limit webhook deliveries that have ended and began more than run_retention_days of their application '
  'ago, or 30 days; returns their number.';

create function stepbase_engine.prune_refused_starts(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  with old as (
    select r.id
    from stepbase.applications a
    cross join lateral (
      select r.id
      from stepbase.refused_starts r
      where r.app_code = a.app_code
        and r.created_at < stepbase_engine.now() - a.run_retention_days * interval '1 day'
      limit p_limit
      for update skip locked
    ) r
    limit p_limit
  ),
  gone as (
    delete from stepbase.refused_starts r
    using old o
    where r.id = o.id
    returning 1
  ),
  unassigned as (
    delete from stepbase_private.unassigned_changes c
    where c.id in (
      select u.id
      from stepbase_private.unassigned_changes u
      where u.created_at < stepbase_engine.now() - interval '30 days'
      limit p_limit
      for update skip locked
    )
    returning 1
  )
  select (select count(*) from gone) + (select count(*) from unassigned) into v_pruned;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_refused_starts(int) is
  'Deletes refused starts that are older than run_retention_days of their application, and changes without an application '
  'that are older than 30 days, at most p_limit of each; returns their number.';

create function stepbase_engine.prune_schedule_runs(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_longest constant int := 30;
  v_pruned int;
begin
  with due as (
    select a.app_code, stepbase_engine.now() - least(a.run_retention_days, c_longest) * interval '1 day' as before
    from stepbase.applications a
  ),
  outcomes as (
    delete from stepbase.schedule_runs r
    where r.id in (
      select o.id
      from due d
      cross join lateral (
        select o.id from stepbase.schedule_runs o
        where o.app_code = d.app_code and o.created_at < d.before and o.outcome <> 'queued'
        limit p_limit
        for update skip locked
      ) o
      limit p_limit
    )
    returning 1
  ),
  backfills as (
    delete from stepbase.schedule_backfills r
    where r.id in (
      select o.id
      from due d
      cross join lateral (
        select o.id from stepbase.schedule_backfills o
        where o.app_code = d.app_code and o.created_at < d.before and o.completed_at < d.before
        limit p_limit
        for update skip locked
      ) o
      limit p_limit
    )
    returning 1
  )
  select (select count(*) from outcomes) + (select count(*) from backfills) into v_pruned;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_schedule_runs(int) is
  'Deletes outcomes of schedules and ended backfills that are older than run_retention_days of their application, or 30 '
  'days, at most p_limit of each; returns their number.';

create function stepbase_engine.prune_webhook_calls(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  delete from stepbase.webhook_calls c
  where c.id in (
    select o.id
    from stepbase.applications a
    cross join lateral (
      select o.id from stepbase.webhook_calls o
      where o.app_code = a.app_code
        and o.created_at < stepbase_engine.now() - least(a.run_retention_days, 30) * interval '1 day'
      limit p_limit
      for update skip locked
    ) o
    limit p_limit
  );
  get diagnostics v_pruned = row_count;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_webhook_calls(int) is
  'Deletes at most p_limit calls of webhooks that are older than run_retention_days of their application, or 30 days; '
  'returns their number.';

create function stepbase_engine.prune_run_operations(p_limit int default 500)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_pruned int;
begin
  delete from stepbase.run_operations r
  where r.id in (
    select o.id
    from stepbase.applications a
    cross join lateral (
      select o.id from stepbase.run_operations o
      where o.app_code = a.app_code
        and o.created_at < stepbase_engine.now() - least(a.run_retention_days, 30) * interval '1 day'
        and o.ended_at < stepbase_engine.now() - least(a.run_retention_days, 30) * interval '1 day'
      limit p_limit
      for update skip locked
    ) o
    limit p_limit
  );
  get diagnostics v_pruned = row_count;
  return v_pruned;
end;
$$;

comment on function stepbase_engine.prune_run_operations(int) is
  'Deletes up to p_limit operations on many runs, with their failures, that ended more than run_retention_days of their '
  'application ago, or 30 days; returns their number.';

create function stepbase_engine.prune()
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  -- Only one call runs at a time; a concurrent call returns at once.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.prune')) then
    return jsonb_build_object('skipped', true);
  end if;
  return jsonb_build_object(
    'runs', stepbase_engine.prune_runs(), 'work_items', stepbase_engine.prune_work_items(),
    'outbox', stepbase_engine.prune_outbox(), 'webhook_deliveries', stepbase_engine.prune_webhook_deliveries(),
    'mails', stepbase_engine.prune_mails(), 'refused_starts', stepbase_engine.prune_refused_starts(),
    'webhook_calls', stepbase_engine.prune_webhook_calls(),
    'schedule_runs', stepbase_engine.prune_schedule_runs(), 'run_operations', stepbase_engine.prune_run_operations(),
    'idempotency_keys', stepbase_engine.prune_idempotency_keys(),
    'step_callbacks', stepbase_engine.prune_step_callbacks()
  );
end;
$$;

comment on function stepbase_engine.prune() is
  'Applies retention, a bounded amount per call. Returns the numbers deleted: {runs, work_items, outbox, '
  'webhook_deliveries, mails, refused_starts, schedule_runs, run_operations, idempotency_keys, step_callbacks}; '
  '{skipped: true} if another call is running.';

-- Every ten seconds, beside the maintenance of every minute: short transactions, after which vacuum can remove the
-- rows. pg_cron before 1.5 has no seconds; there the maintenance prunes alone.
do $$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    perform cron.schedule('stepbase-retention', '10 seconds', 'select stepbase_engine.prune()');
  end if;
exception
  when others then
    raise warning 'stepbase: the job stepbase-retention was not scheduled: %', sqlerrm;
end;
$$;
