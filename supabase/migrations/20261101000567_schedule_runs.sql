-- The outcome of each due time of a schedule, and backfills: starts for past times.

create table stepbase.schedule_runs (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  schedule_id uuid not null,
  scheduled_at timestamptz not null,
  cause text not null constraint cause_is_known check (cause in ('schedule', 'run_now', 'backfill')),
  outcome text not null
    constraint outcome_is_known check (outcome in ('started', 'queued', 'skipped', 'missed', 'failed')),
  detail text constraint detail_is_known
    check (detail in ('overlap', 'queue_full', 'queue_empty', 'paused', 'max_runs', 'catchup_window', 'merged')),
  missed_until timestamptz,
  run_id uuid,
  error jsonb constraint error_is_an_object check (jsonb_typeof(error) = 'object'),
  requested_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  constraint a_time_has_one_outcome unique (schedule_id, app_code, scheduled_at),
  constraint a_started_time_has_a_run check ((outcome = 'started') = (run_id is not null)),
  constraint a_failed_time_has_an_error check ((outcome = 'failed') = (error is not null)),
  constraint a_time_without_a_run_has_a_detail check ((outcome in ('skipped', 'missed')) = (detail is not null)),
  constraint only_missed_times_have_an_end check (missed_until is null or outcome = 'missed'),
  constraint schedule_run_schedule_is_of_same_app
    foreign key (schedule_id, app_code) references stepbase.workflow_schedules (id, app_code) on delete cascade
);

comment on table stepbase.schedule_runs is
  'The latest outcome of each time for which a schedule was due, ran by request or was backfilled. Written by the engine; '
  'kept for the run retention of the application, at most 30 days.';
comment on column stepbase.schedule_runs.scheduled_at is
  'The time of the cron expression, without jitter; the time of the request for run_now.';
comment on column stepbase.schedule_runs.cause is 'schedule: the time was due; run_now: a member asked for it; backfill.';
comment on column stepbase.schedule_runs.outcome is
  'started: run_id is the run; queued: waits for the end of the open runs; skipped: see detail; missed: no worker ran in '
  'time; failed: see error.';
comment on column stepbase.schedule_runs.detail is
  'Why nothing started. skipped: overlap (a run is open), queue_full (a start waits already), queue_empty (the work queue '
  'has no item), paused or max_runs (the schedule was paused or finished while the start was queued). missed: '
  'catchup_window (too old) or merged (one run started for several times).';
comment on column stepbase.schedule_runs.missed_until is
  'The times from scheduled_at up to this one, which is not included, were missed; null: no further time is known.';
comment on column stepbase.schedule_runs.run_id is 'The run; no foreign key, so that the row outlives the run.';
comment on column stepbase.schedule_runs.error is 'Why the start was refused: {code, message, at, …}.';
comment on column stepbase.schedule_runs.requested_by is
  'User who asked for the run or the backfill; null for due times and keys.';

create unique index idx_schedule_runs_queued on stepbase.schedule_runs (schedule_id) where outcome = 'queued';
create index idx_schedule_runs_app_code_created_at on stepbase.schedule_runs (app_code, created_at);
create index idx_schedule_runs_requested_by on stepbase.schedule_runs (requested_by) where requested_by is not null;

create trigger schedule_runs_cut_errors before insert or update of error on stepbase.schedule_runs
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');

create table stepbase.schedule_backfills (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  schedule_id uuid not null,
  from_time timestamptz not null,
  to_time timestamptz not null,
  overlap_policy text not null references stepbase.overlap_policies (name),
  times timestamptz[] constraint at_most_1000_times check (cardinality(times) <= 1000),
  times_total int generated always as (cardinality(times)) stored,
  times_done int not null default 0,
  runs_started int not null default 0,
  times_skipped int not null default 0,
  times_failed int not null default 0,
  status text not null default 'pending'
    constraint status_is_known check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
  last_error jsonb constraint last_error_is_an_object check (jsonb_typeof(last_error) = 'object'),
  created_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint a_backfill_has_a_range check (from_time <= to_time),
  constraint a_backfill_allows_or_queues check (overlap_policy in ('allow', 'queue')),
  constraint every_time_is_counted_once check (times_done = runs_started + times_skipped + times_failed),
  constraint at_most_all_times_are_done check (times_done <= coalesce(cardinality(times), 0)),
  constraint an_ended_backfill_has_a_time check (
    (completed_at is not null) = (status in ('completed', 'failed', 'cancelled'))
  ),
  constraint schedule_backfill_schedule_is_of_same_app
    foreign key (schedule_id, app_code) references stepbase.workflow_schedules (id, app_code) on delete cascade
);

comment on table stepbase.schedule_backfills is
  'Backfills: starts of a schedule for its times in a past range, at most 1000. Workers compute the times and start the '
  'runs in slices. Written by the engine; kept like schedule_runs.';
comment on column stepbase.schedule_backfills.from_time is 'First time of the range, included.';
comment on column stepbase.schedule_backfills.to_time is 'Last time of the range, included.';
comment on column stepbase.schedule_backfills.overlap_policy is
  'allow: the runs start at once; queue: each waits until no run of the schedule is open.';
comment on column stepbase.schedule_backfills.times is 'The times to start, oldest first; null until a worker has computed them.';
comment on column stepbase.schedule_backfills.times_skipped is
  'Times that had a run already, or for which the work queue had no item.';
comment on column stepbase.schedule_backfills.times_failed is
  'Times whose start was refused; their schedule_runs have the errors.';
comment on column stepbase.schedule_backfills.status is
  'pending: a worker has to compute the times; running; completed; failed: see last_error; cancelled.';
comment on column stepbase.schedule_backfills.last_error is
  'Why the backfill failed, or the latest refused start: {code, message, at, …}.';

create unique index idx_schedule_backfills_open on stepbase.schedule_backfills (schedule_id) where completed_at is null;
create index idx_schedule_backfills_schedule_id on stepbase.schedule_backfills (schedule_id, app_code, created_at);
create index idx_schedule_backfills_app_code_created_at on stepbase.schedule_backfills (app_code, created_at);
create index idx_schedule_backfills_created_by on stepbase.schedule_backfills (created_by) where created_by is not null;

create trigger schedule_backfills_cut_errors before insert or update of last_error on stepbase.schedule_backfills
  for each row when (pg_column_size(new.last_error) > 12288)
  execute function stepbase_private.cut_errors('last_error');

alter table stepbase.schedule_runs enable row level security;
alter table stepbase.schedule_backfills enable row level security;
grant select on stepbase.schedule_runs, stepbase.schedule_backfills to authenticated;
grant select, insert, update, delete on stepbase.schedule_runs, stepbase.schedule_backfills to service_role;

create policy "Members read the outcomes of their schedules" on stepbase.schedule_runs
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read'))
  );

create policy "Members read the backfills of their schedules" on stepbase.schedule_backfills
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read'))
  );
