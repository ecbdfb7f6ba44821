-- Doctor, part 3: the checks of the work: workers and their version, the queue, the outbox, timers, lost jobs,
-- maintenance and old transactions.

create function stepbase_engine.check_workers()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  c_start constant text :=
    'Start a worker. On a hosted project: npx supabase functions deploy --use-api stepbase-api stepbase-worker, and see the '
    'checks cron, vault and pg_net';
  v_silence record;
begin
  select s.* into v_silence from stepbase_engine.worker_silence(null) s;
  if not v_silence.is_alive and stepbase_engine.has_pending_work()
    and coalesce(v_silence.last_heartbeat_at < stepbase_engine.now() - interval '1 minute', true)
  then
    return query select 'failed', 'Work is pending. ' || v_silence.sentence, c_start;
    return;
  end if;
  return query
  select
    'warning', format('The worker %s has the status %s: %s', w.worker_id, w.status, coalesce(
      left(w.error_message, 300), 'no heartbeat since ' || stepbase_engine.time_text(w.last_heartbeat_at) || '.')),
    'Read the log of the worker, then start it again'
  from stepbase.workers w
  where w.status in ('error', 'lost') and w.last_heartbeat_at > stepbase_engine.now() - interval '1 hour'
  order by w.last_heartbeat_at desc
  limit 5;
end;
$$;

comment on function stepbase_engine.check_workers() is
  'Whether a worker is alive while work is pending, and which workers were lost or stopped with an error within an hour.';

create function stepbase_engine.check_versions()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'warning',
    format(
      'The worker %s has version %s; the schema has version %s.', w.worker_id, coalesce(w.version, 'unknown'),
      stepbase_engine.schema_version()
    ),
    'npm run bundle, then npx supabase functions deploy --use-api stepbase-api stepbase-worker; restart resident workers'
  from stepbase.workers w
  join stepbase.worker_statuses s on s.name = w.status and s.is_alive
  -- Workers that an application registers execute its own code, which has versions of its own.
  where w.app_code is null
    and w.version is distinct from stepbase_engine.schema_version()
    and w.last_heartbeat_at > stepbase_engine.now() - interval '1 day'
  order by w.worker_id
  limit 5;
end;
$$;

comment on function stepbase_engine.check_versions() is 'Whether the workers of Stepbase have the version of the schema.';

create function stepbase_engine.age_status(p_since timestamptz, out status text, out age text)
returns record
language sql
stable
set search_path = ''
as $$
  select
    case
      when a.age > interval '10 minutes' then 'failed'
      when a.age > interval '1 minute' then 'warning'
      else 'ok'
    end,
    stepbase_engine.duration_text(a.age)
  from (select stepbase_engine.now() - p_since as age) a;
$$;

comment on function stepbase_engine.age_status(timestamptz) is
  'The status of something that waits since a time, warning after a minute and failed after ten, and its age as text.';

create function stepbase_engine.check_queue()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_oldest record;
begin
  select a.* into v_oldest from stepbase_engine.age_status(stepbase_engine.oldest_queued_token()) a;
  if v_oldest.status <> 'ok' then
    return query select
      v_oldest.status, format('The oldest job in the queue waits for %s.', v_oldest.age),
      case when stepbase_engine.is_worker_alive() then 'Start more workers, or raise STEPBASE_CONCURRENCY'
        else 'Start a worker: see the check workers' end;
  elsif stepbase_engine.has_expired_leases(stepbase_engine.longest_lease() * 3) then
    return query select
      'warning', 'Leases have expired and their jobs have not returned to the queue: maintenance does not run.',
      'select stepbase_engine.expire_leases(stepbase_engine.longest_lease());';
  end if;
end;
$$;

comment on function stepbase_engine.check_queue() is
  'The age of the oldest job in the queue, and leases that expired long ago.';

create function stepbase_engine.check_outbox()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'failed', format('%s messages of the outbox are quarantined. %s: %s', q.messages, q.first, q.error),
    format(
      'Fix the cause, then: update stepbase.outbox set quarantined_at = null, attempts = 0 where id = %s;', q.first
    )
  from (
    select count(*) as messages, min(o.id) as first, left((array_agg(o.error order by o.id))[1], 200) as error
    from (
      select o.id, o.error from stepbase.outbox o
      where o.published_at is null and o.quarantined_at is not null
      order by o.id
      limit 1000
    ) o
  ) q
  where q.messages > 0
  union all
  select
    a.status, format('The oldest message of the outbox waits for %s.', a.age), 'Start a worker: see the check workers'
  from (
    select o.created_at from stepbase.outbox o
    where o.published_at is null and o.quarantined_at is null
    order by o.id
    limit 1
  ) o
  cross join lateral stepbase_engine.age_status(o.created_at) a
  where a.status <> 'ok';
end;
$$;

comment on function stepbase_engine.check_outbox() is 'Quarantined messages, and the age of the oldest unpublished one.';

create function stepbase_engine.check_timers()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    a.status, format('The oldest due timer waits for %s (run %s).', a.age, t.run_id), 'Start a worker: see the check workers'
  from (
    select s.run_id, s.wake_at
    from stepbase.step_runs s
    join stepbase.runs r on r.id = s.run_id and r.status = 'running'
    where s.status = 'waiting' and s.wake_at < stepbase_engine.now()
    order by s.wake_at
    limit 1
  ) t
  cross join lateral stepbase_engine.age_status(t.wake_at) a
  where a.status <> 'ok'
  union all
  select a.status, format('The schedule %s is overdue for %s.', t.id, a.age), 'Start a worker: see the check workers'
  from (
    select s.id, s.next_run_at
    from stepbase.workflow_schedules s
    where s.is_enabled and s.finished_at is null and s.next_run_at < stepbase_engine.now()
    order by s.next_run_at
    limit 1
  ) t
  cross join lateral stepbase_engine.age_status(t.next_run_at) a
  where a.status <> 'ok';
end;
$$;

comment on function stepbase_engine.check_timers() is 'The oldest due timer of a running run, and the oldest overdue schedule.';

create function stepbase_engine.check_steps()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'warning',
    format('%s steps have no job in the queue (run %s); maintenance gives them new ones each minute.', o.steps, o.run_id),
    'select stepbase_engine.sweep();'
  from (
    select count(*) as steps, (array_agg(s.run_id))[1] as run_id from stepbase_engine.orphaned_steps(1000) s
  ) o
  where o.steps > 0;
end;
$$;

comment on function stepbase_engine.check_steps() is 'Steps of running runs that have no job; the sweep repairs them.';

create function stepbase_engine.check_maintenance()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'failed', format('Maintenance last measured the stored bytes %s ago; it should do so every ten minutes.', a.age),
    'select cron.schedule(''stepbase-maintenance'', ''* * * * *'', ''select stepbase_engine.maintain()'');'
  from (select max(s.measured_at) as at from stepbase_engine.app_storage s) m
  cross join lateral stepbase_engine.age_status(m.at) a
  where m.at < stepbase_engine.now() - interval '1 hour';
end;
$$;

comment on function stepbase_engine.check_maintenance() is 'Whether maintenance has measured the stored bytes within an hour.';

create function stepbase_engine.check_transactions()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'warning',
    format('The session %s (%s) has a transaction open for %s; VACUUM cannot remove dead rows.', a.pid, coalesce(
      a.usename, '?'), stepbase_engine.duration_text(now() - a.xact_start)),
    format('select pg_terminate_backend(%s);', a.pid)
  from pg_catalog.pg_stat_activity a
  where a.datname = current_database() and a.backend_xmin is not null and a.pid <> pg_backend_pid()
    and a.xact_start < now() - interval '10 minutes'
  order by a.xact_start
  limit 5;
  if found then
    return;
  end if;
  return query
  select
    'warning', format('The prepared transaction %s is open for %s.', p.gid, stepbase_engine.duration_text(now() - p.prepared)),
    format('rollback prepared %L;', p.gid)
  from pg_catalog.pg_prepared_xacts p
  where p.database = current_database() and p.prepared < now() - interval '10 minutes'
  order by p.prepared
  limit 5;
end;
$$;

comment on function stepbase_engine.check_transactions() is 'Transactions that are open for more than ten minutes.';
