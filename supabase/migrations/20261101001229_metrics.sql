-- Metrics of the installation for Prometheus. The API serves them as text (functions/api/metrics.ts), which also has
-- their types. Each number is counted up to a limit, so that the cost is bounded.

create function stepbase_engine.run_metrics(p_by_app boolean)
returns table (name text, labels jsonb, value float8)
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_counted constant int := 10000;
  c_apps constant int := 1000;
begin
  return query
  with counted as (
    select a.app_code, s.name as status, c.count
    from (select o.app_code from stepbase.applications o order by o.app_code limit c_apps) a
    cross join (select o.name from stepbase.run_statuses o where not o.is_terminal) s
    cross join lateral (
      select count(*) as count
      from (
        select 1 from stepbase.runs r where r.app_code = a.app_code and r.status = s.name limit c_counted
      ) r
    ) c
  )
  select
    'open_runs', jsonb_build_object('status', c.status)
      || case when p_by_app then jsonb_build_object('app', c.app_code) else '{}' end,
    sum(c.count)::float8
  from counted c
  group by c.status, case when p_by_app then c.app_code end, 2
  union all
  select
    'backlog_runs', case when p_by_app then jsonb_build_object('app', b.app_code) else '{}' end, b.count::float8
  from (
    select case when p_by_app then o.app_code end as app_code, count(*) as count
    from (select l.app_code from stepbase_engine.run_backlog l limit c_counted * 10) o
    group by 1
  ) b
  -- Without a row of the backlog there is no group.
  union all
  select 'backlog_runs', '{}', 0
  where not p_by_app and not exists (select 1 from stepbase_engine.run_backlog l);
end;
$$;

comment on function stepbase_engine.run_metrics(boolean) is
  'Open runs by status, and runs in the backlog. p_by_app: by application, too. It counts up to 10,000 runs of an application '
  'and status, of 1,000 applications, and 100,000 of the backlog.';

create function stepbase_engine.queue_metrics()
returns table (name text, labels jsonb, value float8)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_counted constant int := 100000;
  v_now constant timestamptz := stepbase_engine.now();
begin
  return query
  select 'queue_jobs', jsonb_build_object('state', s.state), s.count::float8
  from stepbase_engine.token_counts(c_counted) t
  cross join lateral (values ('queued', t.queued), ('leased', t.leased)) s (state, count)
  union all
  select
    'queue_oldest_seconds', '{}',
    coalesce(greatest(0, extract(epoch from v_now - stepbase_engine.oldest_queued_token())), 0)
  union all
  select 'outbox_messages', '{"state": "unpublished"}', count(*)
  from (
    select 1 from stepbase.outbox o where o.published_at is null and o.quarantined_at is null limit c_counted
  ) o
  union all
  select 'outbox_messages', '{"state": "quarantined"}', count(*)
  from (
    select 1 from stepbase.outbox o where o.published_at is null and o.quarantined_at is not null limit c_counted
  ) o
  union all
  select
    'outbox_oldest_seconds', '{}',
    coalesce(
      (
        select greatest(0, extract(epoch from v_now - o.created_at))
        from stepbase.outbox o
        where o.published_at is null and o.quarantined_at is null
        order by o.id
        limit 1
      ), 0
    )
  union all
  select 'webhook_deliveries_pending', '{}', count(*)
  from (select 1 from stepbase.webhook_deliveries d where d.status = 'pending' limit c_counted) d
  union all
  select 'schedules_overdue', '{}', count(*)
  from stepbase.workflow_schedules s
  where s.is_enabled and s.finished_at is null and s.next_run_at < v_now - interval '1 minute';
end;
$$;

comment on function stepbase_engine.queue_metrics() is
  'Jobs of the queue, messages of the outbox, webhook deliveries and overdue schedules: numbers up to 100,000 and ages.';

create function stepbase_engine.worker_metrics()
returns table (name text, labels jsonb, value float8)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select 'workers', jsonb_build_object('status', s.name), count(w.id)::float8
  from stepbase.worker_statuses s
  left join stepbase.workers w on w.status = s.name
  group by s.name
  union all
  select m.name, '{}', m.value
  from (
    select coalesce(sum(w.executing), 0) as executing, coalesce(sum(w.concurrency), 0) as concurrency
    from stepbase.workers w
    join stepbase.worker_statuses s on s.name = w.status and s.is_alive
  ) w
  cross join lateral (
    values ('steps_executing', w.executing::float8), ('worker_concurrency', w.concurrency::float8)
  ) m (name, value);
end;
$$;

comment on function stepbase_engine.worker_metrics() is
  'Workers by status, and the steps that the alive ones execute and may execute, as of their last heartbeat.';

create function stepbase_engine.metrics(p_by_app boolean default false)
returns table (name text, labels jsonb, value float8)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_apps constant int := 1000;
  c_newest constant int := 1000;
begin
  return query
  select * from stepbase_engine.run_metrics(p_by_app)
  union all
  select * from stepbase_engine.queue_metrics()
  union all
  select * from stepbase_engine.worker_metrics()
  union all
  select
    'step_attempts_total', jsonb_build_object('step_type', a.step_type, 'outcome', o.outcome), sum(o.count)::float8
  from stepbase.activity_statistics a
  cross join lateral (
    values ('completed', a.success_count), ('failed', a.failure_count)
  ) o (outcome, count)
  where a.workflow_id is null
  group by a.step_type, o.outcome
  union all
  select 'dead_letters', '{}', count(*)::float8
  from (select a.app_code from stepbase.applications a order by a.app_code limit c_apps) a
  cross join (values ('failed'), ('timed_out')) s (status)
  cross join lateral (
    select o.id from stepbase.runs o
    where o.app_code = a.app_code and o.status = s.status
    order by o.created_at desc
    limit c_newest
  ) r
  where not exists (select 1 from stepbase.runs n where n.origin_run_id = r.id and n.app_code = a.app_code)
  union all
  select 'database_bytes', '{}', pg_database_size(current_database());
end;
$$;

comment on function stepbase_engine.metrics(boolean) is
  'The metrics of the installation for Prometheus: name without its prefix, labels and value. p_by_app: with the label app '
  'where it applies. dead_letters: of the newest 1,000 runs of an application and status, in 1,000 applications. Called by the '
  'HTTP API.';
