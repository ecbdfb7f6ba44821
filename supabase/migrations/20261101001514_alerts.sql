-- Alerts: events about incidents of an application, which start workflows like other events. maintain() looks for them
-- once a minute, only for applications with a trigger for them, and emits each incident once.

create table stepbase_engine.alert_incidents (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  event_name text not null,
  subject uuid not null,
  began_at timestamptz not null,
  constraint alert_incidents_pkey primary key (app_code, event_name, subject)
);

comment on table stepbase_engine.alert_incidents is
  'Incidents that last and whose event was emitted. maintain() deletes the row when the incident has ended.';
comment on column stepbase_engine.alert_incidents.subject is 'The run of run.stuck and run.deadline_near; zeros for incidents of the application.';

alter table stepbase_engine.alert_incidents enable row level security;

create function stepbase_engine.stuck_runs(p_app_code text, p_minutes int)
returns table (subject uuid, since timestamptz, payload jsonb)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_examined constant int := 10000;
  c_runs constant int := 100;
  v_before constant timestamptz := stepbase_engine.now() - p_minutes * interval '1 minute';
begin
  return query
  select
    o.id, o.updated_at,
    jsonb_build_object(
      'workflow', w.kebab_name, 'run_id', o.id, 'status', o.status, 'step', o.current_step, 'since', o.updated_at,
      'minutes', floor(extract(epoch from stepbase_engine.now() - o.updated_at) / 60)
    )
  from (
    select r.id, r.workflow_id, r.status, r.current_step, r.updated_at, r.created_at
    from stepbase.runs r
    where r.app_code = p_app_code and r.status = 'running' and r.created_at < v_before
    order by r.created_at
    limit c_examined
  ) o
  join stepbase.workflows w on w.id = o.workflow_id
  where o.updated_at < v_before
    -- A run that waits for a person, a signal, a child or a later time is not stuck.
    and not exists (
      select 1 from stepbase.step_runs s
      where s.run_id = o.id and s.status = 'waiting' and (s.wake_at is null or s.wake_at > v_before)
    )
  order by o.created_at
  limit c_runs;
end;
$$;

comment on function stepbase_engine.stuck_runs(text, int) is
  'Running runs of an application that did not change for p_minutes and wait for nothing: the 100 oldest among its 10,000 '
  'oldest running runs.';

create function stepbase_engine.waiting_runs(p_app_code text)
returns table (since timestamptz, runs bigint)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_examined constant int := 10000;
begin
  return query
  select min(p.since), count(p.since)
  from (
    select case when r.held_by is null then coalesce(r.start_at, r.created_at) end as since
    from stepbase.runs r
    where r.app_code = p_app_code and r.status = 'pending'
    order by r.created_at
    limit c_examined
  ) p;
end;
$$;

comment on function stepbase_engine.waiting_runs(text) is
  'Since when the oldest pending run of an application waits, and how many wait, among its 10,000 oldest pending runs. Runs '
  'that are held, for example until start_at, do not count.';

create function stepbase_engine.runs_near_deadline(p_app_code text, p_minutes int)
returns table (subject uuid, since timestamptz, payload jsonb)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_runs constant int := 100;
  v_now constant timestamptz := stepbase_engine.now();
begin
  return query
  select
    o.id, o.deadline_at - p_minutes * interval '1 minute',
    jsonb_build_object(
      'workflow', w.kebab_name, 'run_id', o.id, 'status', o.status, 'step', o.current_step, 'deadline_at', o.deadline_at,
      'minutes', ceil(extract(epoch from o.deadline_at - v_now) / 60)
    )
  from (
    -- The conditions are those of idx_runs_deadline_at.
    select r.id, r.workflow_id, r.status, r.current_step, r.deadline_at
    from stepbase.runs r
    where r.app_code = p_app_code and r.deadline_at is not null and r.completed_at is null and r.started_at is not null
      and r.deadline_at > v_now and r.deadline_at <= v_now + p_minutes * interval '1 minute'
    order by r.deadline_at
    limit c_runs
  ) o
  join stepbase.workflows w on w.id = o.workflow_id;
end;
$$;

comment on function stepbase_engine.runs_near_deadline(text, int) is
  'Open runs of an application whose deadline is within p_minutes: the 100 with the nearest deadline.';

create function stepbase_engine.failure_rate(p_app_code text)
returns table (since timestamptz, ended bigint, failed bigint)
language sql
stable
set search_path = ''
as $$
  select s.at, coalesce(sum(b.completed + b.failed), 0), coalesce(sum(b.failed), 0)
  from (select stepbase_engine.now() - interval '15 minutes' as at) s
  left join stepbase_engine.statistics_buckets b
    on b.app_code = p_app_code and b.step_id is null and b.bucket_at >= s.at
  group by s.at;
$$;

comment on function stepbase_engine.failure_rate(text) is
  'How many runs of an application ended in the last 15 minutes, and how many of them failed or timed out. Cancelled runs do '
  'not count.';

create function stepbase_engine.emit_alerts()
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_app constant uuid := '00000000-0000-0000-0000-000000000000';
  -- Fewer runs show no rate.
  c_fewest constant int := 10;
  v_now constant timestamptz := stepbase_engine.now();
  v_emitted int;
begin
  with wanted as (
    select distinct t.app_code, t.event_name
    from stepbase.workflow_triggers t
    where t.is_enabled
      and t.event_name in ('run.stuck', 'run.deadline_near', 'run.failure_rate_high', 'queue.age_high')
  ),
  condition as (
    select w.app_code, w.event_name, s.subject, s.since, s.payload, true as is_beyond
    from wanted w
    join stepbase.app_quotas q on q.app_code = w.app_code
    cross join lateral stepbase_engine.stuck_runs(w.app_code, q.run_stuck_minutes) s
    where w.event_name = 'run.stuck'
    union all
    select w.app_code, w.event_name, d.subject, d.since, d.payload, true
    from wanted w
    join stepbase.app_quotas q on q.app_code = w.app_code
    cross join lateral stepbase_engine.runs_near_deadline(w.app_code, q.deadline_near_minutes) d
    where w.event_name = 'run.deadline_near'
    union all
    -- The incident ends when the rate is half the threshold: a rate around it is one incident.
    select
      w.app_code, w.event_name, c_app, f.since,
      jsonb_build_object(
        'since', f.since, 'minutes', 15, 'ended_runs', f.ended, 'failed_runs', f.failed,
        'failure_percent', round(100.0 * f.failed / f.ended), 'threshold_percent', q.failure_percent
      ),
      f.ended >= c_fewest and 100 * f.failed >= q.failure_percent * f.ended
    from wanted w
    join stepbase.app_quotas q on q.app_code = w.app_code
    cross join lateral stepbase_engine.failure_rate(w.app_code) f
    where w.event_name = 'run.failure_rate_high' and f.failed > 0 and 200 * f.failed >= q.failure_percent * f.ended
    union all
    -- The incident ends when the age is half the threshold: an age around it is one incident.
    select
      w.app_code, w.event_name, c_app, p.since,
      jsonb_build_object(
        'since', p.since, 'minutes', floor(extract(epoch from v_now - p.since) / 60), 'pending_runs', p.runs,
        'threshold_minutes', q.queue_age_minutes
      ),
      p.since < v_now - q.queue_age_minutes * interval '1 minute'
    from wanted w
    join stepbase.app_quotas q on q.app_code = w.app_code
    cross join lateral stepbase_engine.waiting_runs(w.app_code) p
    where w.event_name = 'queue.age_high' and p.since < v_now - q.queue_age_minutes * interval '30 seconds'
  ),
  ended as (
    delete from stepbase_engine.alert_incidents i
    where not exists (
      select 1 from condition c
      where c.app_code = i.app_code and c.event_name = i.event_name and c.subject = i.subject
    )
  ),
  begun as (
    insert into stepbase_engine.alert_incidents (app_code, event_name, subject, began_at)
    select c.app_code, c.event_name, c.subject, c.since
    from condition c
    where c.is_beyond
    on conflict do nothing
    returning app_code, event_name, subject
  ),
  emitted as (
    insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
    select
      b.app_code, 'event', stepbase_engine.new_id(), 'event.emitted',
      jsonb_build_object('name', b.event_name, 'payload', c.payload, 'depth', 1, 'at', v_now)
        || case when b.subject = c_app then '{}'::jsonb else jsonb_build_object('run_id', b.subject) end
    from begun b
    join condition c on c.app_code = b.app_code and c.event_name = b.event_name and c.subject = b.subject
    returning 1
  )
  select count(*) into v_emitted from emitted;
  if v_emitted > 0 then
    perform pg_notify('stepbase', 'outbox');
  end if;
  return v_emitted;
end;
$$;

comment on function stepbase_engine.emit_alerts() is
  'Emits run.stuck, run.deadline_near, run.failure_rate_high and queue.age_high for incidents that began, to applications with '
  'an enabled trigger for them, and forgets incidents that have ended. Returns the number of events. The thresholds are '
  'run_stuck_minutes, deadline_near_minutes, failure_percent and queue_age_minutes of app_quotas.';
