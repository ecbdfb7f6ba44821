-- Statistics by time: counts and durations of ended runs and steps by minute, later by hour. Maintenance collects them
-- from the runs that ended since its last call, so that runs and steps write nothing for them.

create table stepbase_engine.statistics_buckets (
  id bigint generated always as identity primary key,
  app_code text not null,
  workflow_id uuid not null,
  step_id text,
  step_type text references stepbase.step_types (name),
  component_id uuid references stepbase.components (id) on delete cascade,
  bucket_at timestamptz not null,
  slot smallint not null,
  completed int not null default 0,
  failed int not null default 0,
  cancelled int not null default 0,
  duration_ms bigint not null default 0,
  constraint buckets_are_one_row_per_slot
    unique nulls not distinct (app_code, bucket_at, workflow_id, step_id, step_type, component_id, slot),
  constraint counts_are_not_negative check (completed >= 0 and failed >= 0 and cancelled >= 0),
  constraint run_or_step check (
    (step_id is null) = (step_type is null) and (step_id is not null or component_id is null)
  ),
  constraint buckets_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase_engine.statistics_buckets is
  'Ended runs (step_id null) and ended step attempts by minute or hour of their end and by duration; written by '
  'stepbase_engine.collect_statistics().';
comment on column stepbase_engine.statistics_buckets.bucket_at is
  'The minute in which the run ended; the hour, after a day. Steps count in the minute of their run.';
comment on column stepbase_engine.statistics_buckets.slot is
  'Durations up to 1.2 ^ slot milliseconds, above those of the slot before; -1: never started.';
comment on column stepbase_engine.statistics_buckets.failed is 'Also timed out runs.';
comment on column stepbase_engine.statistics_buckets.duration_ms is 'Sum of the durations.';

create index idx_statistics_buckets_of_runs on stepbase_engine.statistics_buckets (app_code, bucket_at)
where step_id is null;
create index idx_statistics_buckets_bucket_at on stepbase_engine.statistics_buckets (bucket_at);
create index idx_statistics_buckets_workflow_id on stepbase_engine.statistics_buckets (workflow_id, app_code);
create index idx_statistics_buckets_component_id on stepbase_engine.statistics_buckets (component_id)
where component_id is not null;
create index idx_statistics_buckets_step_type on stepbase_engine.statistics_buckets (step_type)
where step_type is not null;

create table stepbase_engine.statistics_progress (
  id boolean primary key default true,
  settled_at timestamptz not null,
  constraint only_one_row check (id)
);

comment on table stepbase_engine.statistics_progress is
  'One row: the minutes before settled_at are final; later ones are collected again in each call.';

create table stepbase_engine.statistics_marks (
  marked_at timestamptz primary key,
  xid xid8 not null
);

comment on table stepbase_engine.statistics_marks is
  'The next transaction id at the time of a call. When every transaction before it has ended, no run can still end before '
  'that time.';

alter table stepbase_engine.statistics_buckets enable row level security;
alter table stepbase_engine.statistics_progress enable row level security;
alter table stepbase_engine.statistics_marks enable row level security;

create function stepbase_engine.duration_slot(p_duration_ms bigint)
returns smallint
language sql
immutable
set search_path = ''
as $$
  select case when p_duration_ms is null then -1 else ceil(ln(greatest(p_duration_ms, 1)) / ln(1.2)) end::smallint;
$$;

comment on function stepbase_engine.duration_slot(bigint) is
  'The slot of a duration. A value in the middle of its slot is at most 10 % from each duration of the slot.';

create function stepbase_engine.slot_duration(p_slot smallint)
returns bigint
language sql
immutable
set search_path = ''
as $$
  select round(power(1.2, p_slot - 0.5))::bigint;
$$;

comment on function stepbase_engine.slot_duration(smallint) is 'The middle of a slot in milliseconds.';

create function stepbase_engine.collect_span(p_from timestamptz, p_until timestamptz)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_runs bigint;
begin
  delete from stepbase_engine.statistics_buckets b where b.bucket_at >= p_from and b.bucket_at < p_until;
  -- offset 0: each application and run is looked up by its index, also where the planner would read the whole table.
  with ended as materialized (
    select r.*
    from stepbase.applications a
    cross join lateral (
      select
        r.id, r.app_code, r.workflow_id, r.workflow_version_id, r.status, r.duration_ms,
        date_trunc('minute', r.completed_at) as bucket_at
      from stepbase.runs r
      where r.app_code = a.app_code and r.completed_at >= p_from and r.completed_at < p_until
      offset 0
    ) r
  ),
  counted as (
    select
      e.app_code, e.workflow_id, null as step_id, null as step_type, null::uuid as component_id, e.bucket_at, e.status,
      e.duration_ms
    from ended e
    union all
    select
      e.app_code, e.workflow_id, s.step_id, s.step_type, n.component_id, e.bucket_at, s.status, s.duration_ms
    from ended e
    cross join lateral (
      select s.step_id, s.step_type, s.status, s.duration_ms
      from stepbase.step_runs s
      where s.run_id = e.id and s.status in ('completed', 'failed', 'cancelled')
      offset 0
    ) s
    left join stepbase.workflow_nodes n
      on n.workflow_version_id = e.workflow_version_id and n.node_id = s.step_id
  ),
  written as (
    insert into stepbase_engine.statistics_buckets (
      app_code, workflow_id, step_id, step_type, component_id, bucket_at, slot, completed, failed, cancelled,
      duration_ms
    )
    select
      c.app_code, c.workflow_id, c.step_id, c.step_type, c.component_id, c.bucket_at,
      stepbase_engine.duration_slot(c.duration_ms),
      count(*) filter (where c.status = 'completed'),
      count(*) filter (where c.status in ('failed', 'timed_out')),
      count(*) filter (where c.status = 'cancelled'),
      coalesce(sum(c.duration_ms), 0)
    from counted c
    group by 1, 2, 3, 4, 5, 6, 7
    returning step_id, completed, failed, cancelled
  )
  select coalesce(sum(w.completed + w.failed + w.cancelled) filter (where w.step_id is null), 0) into v_runs
  from written w;
  return v_runs;
end;
$$;

comment on function stepbase_engine.collect_span(timestamptz, timestamptz) is
  'Collects the minutes from p_from until p_until again from the runs that ended in them; returns the number of runs.';

create function stepbase_engine.slice_end(p_from timestamptz, p_until timestamptz, p_runs int)
returns timestamptz
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_cut timestamptz;
begin
  -- The first run that a slice has no room for. Of each application, at most p_runs + 1 entries of an index are read.
  select r.completed_at into v_cut
  from stepbase.applications a
  cross join lateral (
    select r.completed_at from stepbase.runs r
    where r.app_code = a.app_code and r.completed_at >= p_from and r.completed_at < p_until
    order by r.completed_at
    limit p_runs + 1
  ) r
  order by r.completed_at
  offset p_runs
  limit 1;
  if not found then
    return p_until;
  end if;
  return greatest(date_trunc('minute', v_cut), p_from + interval '1 minute');
end;
$$;

comment on function stepbase_engine.slice_end(timestamptz, timestamptz, int) is
  'Until when p_runs runs ended since p_from: a whole minute, at least the first one, at most p_until.';

create function stepbase_engine.merge_hours(p_before timestamptz, p_delete_before timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Minutes that begin an hour stay in their place and get the sum.
  with minutes as (
    delete from stepbase_engine.statistics_buckets b
    where b.bucket_at < date_trunc('hour', p_before)
      and b.bucket_at >= date_trunc('hour', p_before) - interval '3 hours'
      and b.bucket_at <> date_trunc('hour', b.bucket_at)
    returning b.*
  )
  insert into stepbase_engine.statistics_buckets as b (
    app_code, workflow_id, step_id, step_type, component_id, bucket_at, slot, completed, failed, cancelled, duration_ms
  )
  select
    m.app_code, m.workflow_id, m.step_id, m.step_type, m.component_id, date_trunc('hour', m.bucket_at), m.slot,
    sum(m.completed), sum(m.failed), sum(m.cancelled), sum(m.duration_ms)
  from minutes m
  group by 1, 2, 3, 4, 5, 6, 7
  on conflict on constraint buckets_are_one_row_per_slot do update set
    completed = b.completed + excluded.completed, failed = b.failed + excluded.failed,
    cancelled = b.cancelled + excluded.cancelled, duration_ms = b.duration_ms + excluded.duration_ms;
  delete from stepbase_engine.statistics_buckets b
  where b.bucket_at < p_delete_before;
end;
$$;

comment on function stepbase_engine.merge_hours(timestamptz, timestamptz) is
  'Merges the minutes of the three hours before p_before into hours, and deletes buckets before p_delete_before.';

create function stepbase_engine.collect_statistics(
  p_time interval default '4 seconds', p_keep interval default '90 days', p_runs int default 10000
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  c_span constant interval := '1 hour';
  -- A transaction may read the clock before its first write, which gives it its id.
  c_margin constant interval := '2 minutes';
  v_now constant timestamptz := stepbase_engine.now();
  v_end constant timestamptz := clock_timestamp() + p_time;
  v_xmin constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_settled timestamptz;
  v_from timestamptz;
  v_until timestamptz;
  v_next timestamptz;
  v_found timestamptz;
  v_runs bigint := 0;
begin
  insert into stepbase_engine.statistics_marks (marked_at, xid)
  values (v_now, pg_snapshot_xmax(pg_current_snapshot()))
  on conflict (marked_at) do nothing;
  insert into stepbase_engine.statistics_progress (settled_at)
  select date_trunc('minute', greatest(coalesce(min(f.completed_at), v_now), v_now - p_keep))
  from stepbase.applications a
  cross join lateral (
    select r.completed_at from stepbase.runs r
    where r.app_code = a.app_code and r.completed_at is not null
    order by r.completed_at limit 1
  ) f
  on conflict (id) do nothing;
  select p.settled_at into v_from from stepbase_engine.statistics_progress p;
  v_settled := (select max(m.marked_at) from stepbase_engine.statistics_marks m where m.xid <= v_xmin) - c_margin;
  -- A transaction that is open for longer must not stop the statistics.
  v_settled := date_trunc('minute', greatest(v_settled, v_now - c_span));
  v_next := v_from;
  loop
    -- To the next minute with an ended run or a bucket: months without runs are one look-up, not a span for each hour.
    v_found := least(
      (
        select min(f.completed_at)
        from stepbase.applications a
        cross join lateral (
          select r.completed_at from stepbase.runs r
          where r.app_code = a.app_code and r.completed_at >= v_next
          order by r.completed_at limit 1
        ) f
      ),
      (select min(b.bucket_at) from stepbase_engine.statistics_buckets b where b.bucket_at >= v_next)
    );
    v_next := greatest(v_next, date_trunc('minute', least(v_found, v_now)));
    v_until := stepbase_engine.slice_end(v_next, least(v_next + c_span, v_now + interval '1 minute'), p_runs);
    v_runs := v_runs + stepbase_engine.collect_span(v_next, v_until);
    v_next := v_until;
    exit when v_until > v_now or clock_timestamp() >= v_end;
  end loop;
  v_from := greatest(v_from, least(v_next, v_settled));
  update stepbase_engine.statistics_progress p set settled_at = v_from where p.id and p.settled_at <> v_from;
  delete from stepbase_engine.statistics_marks m where m.marked_at < v_settled;
  perform stepbase_engine.merge_hours(v_now - interval '1 day', v_now - p_keep);
  return jsonb_build_object('runs', v_runs, 'settled_at', v_from);
end;
$$;

comment on function stepbase_engine.collect_statistics(interval, interval, int) is
  'Collects the runs that ended since the settled minute, in slices of about p_runs runs and at least a minute, for p_time, the '
  'rest in the next call; merges minutes into hours '
  'after a day and deletes buckets after p_keep. Returns {runs, settled_at}.';
