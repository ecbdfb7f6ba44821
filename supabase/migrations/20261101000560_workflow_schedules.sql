-- Schedules: cron expressions in a time zone that start runs of a workflow.

create table stepbase.workflow_schedules (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  name text not null default '',
  cron_expression text not null,
  timezone text not null default 'UTC',
  input jsonb not null default '{}' constraint input_is_an_object check (jsonb_typeof(input) = 'object'),
  start_immediately boolean not null default false,
  is_enabled boolean not null default true,
  max_runs int constraint max_runs_is_positive check (max_runs > 0),
  runs_started int not null default 0 constraint runs_started_is_not_negative check (runs_started >= 0),
  last_run_at timestamptz,
  last_error jsonb constraint last_error_is_an_object check (jsonb_typeof(last_error) = 'object'),
  next_run_at timestamptz,
  next_times timestamptz[] not null default '{}'
    constraint at_most_10_times_are_planned check (cardinality(next_times) <= 10),
  overlap_policy text not null default 'allow' references stepbase.overlap_policies (name),
  catchup_window_seconds int constraint catchup_window_is_between_a_minute_and_a_year
    check (catchup_window_seconds between 60 and 31622400),
  jitter_seconds int not null default 0 constraint jitter_is_at_most_a_day check (jitter_seconds between 0 and 86400),
  finished_at timestamptz,
  work_queue_id uuid,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_schedule_is_of_app unique (id, app_code),
  constraint schedule_starts_at_most_max_runs check (runs_started <= max_runs),
  constraint only_a_live_schedule_is_due check (next_run_at is null or (is_enabled and finished_at is null)),
  constraint schedule_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint schedule_work_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references stepbase.work_queues (id, app_code)
    on delete set null (work_queue_id)
);

comment on table stepbase.workflow_schedules is 'Cron schedules that start runs of a workflow.';
comment on column stepbase.workflow_schedules.cron_expression is
  'Minute, hour, day, month and weekday; what the worker cannot run is refused with SB400.';
comment on column stepbase.workflow_schedules.timezone is 'IANA name, such as Europe/Berlin; others are refused with SB400.';
comment on column stepbase.workflow_schedules.start_immediately is 'True: also starts a run when the schedule is created.';
comment on column stepbase.workflow_schedules.max_runs is 'Limit of runs that it starts; null: no limit.';
comment on column stepbase.workflow_schedules.is_enabled is
  'False: paused. Due times during a pause are skipped.';
comment on column stepbase.workflow_schedules.last_run_at is 'When it last started a run.';
comment on column stepbase.workflow_schedules.last_error is
  'Why it started no run at its last due time: {code, message, at, …}; null if it did.';
comment on column stepbase.workflow_schedules.next_run_at is
  'Next due time, computed by a worker; null while the schedule is paused or finished and until it is computed.';
comment on column stepbase.workflow_schedules.next_times is
  'The next times of the cron expression, at most 10, computed by a worker; empty while next_run_at is null. '
  'next_run_at is the first one plus its jitter.';
comment on column stepbase.workflow_schedules.overlap_policy is
  'What happens at a due time while a run of the schedule is open: allow, skip, queue or cancel_previous.';
comment on column stepbase.workflow_schedules.catchup_window_seconds is
  'How long after its time a missed start is made up for, one run for each time; older times are skipped. Null: one run '
  'for all missed times.';
comment on column stepbase.workflow_schedules.jitter_seconds is
  'Each start is delayed by less than this, by the same amount for the same time, and never beyond the next time.';
comment on column stepbase.workflow_schedules.finished_at is
  'When it ended: it has started max_runs runs, or its expression has no further time. A change may reopen it.';
comment on column stepbase.workflow_schedules.work_queue_id is
  'Work queue whose next item is merged into the input of the run; no run starts while the queue is empty.';

create index idx_workflow_schedules_workflow_id_app_code on stepbase.workflow_schedules (workflow_id, app_code);
create index idx_workflow_schedules_work_queue_id_app_code on stepbase.workflow_schedules (work_queue_id, app_code);
create index idx_workflow_schedules_app_code on stepbase.workflow_schedules (app_code);
create index idx_workflow_schedules_created_by on stepbase.workflow_schedules (created_by);
create index idx_workflow_schedules_next_run_at on stepbase.workflow_schedules (next_run_at)
  where is_enabled and finished_at is null;

-- Security definer: clients may neither read the engine's clock nor wake workers.
create function stepbase_private.plan_schedule()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_problem text := coalesce(
    stepbase_private.cron_problem(new.cron_expression), stepbase_private.time_zone_problem(new.timezone)
  );
begin
  if v_problem is not null then
    perform stepbase_private.raise_error('invalid_request', v_problem);
  end if;
  if tg_op = 'UPDATE' and new.is_enabled and old.is_enabled and old.finished_at is null
    and new.cron_expression = old.cron_expression and new.timezone = old.timezone
    and new.jitter_seconds = old.jitter_seconds
    and (new.max_runs is null or new.max_runs > new.runs_started)
  then
    return new;
  end if;
  new.next_run_at := null;
  new.next_times := '{}';
  new.last_error := null;
  if new.runs_started >= new.max_runs then
    new.finished_at := coalesce(new.finished_at, stepbase_engine.now());
    return new;
  end if;
  new.finished_at := null;
  if new.is_enabled then
    if new.start_immediately and new.last_run_at is null then
      -- JavaScript has milliseconds.
      new.next_run_at := date_trunc('milliseconds', stepbase_engine.now());
    end if;
    perform pg_notify('stepbase', 'due');
  end if;
  return new;
end;
$$;

comment on function stepbase_private.plan_schedule() is
  'Trigger: refuses what the worker cannot run (SB400), clears next_run_at of a schedule that is new, changed or '
  'resumed and wakes a worker, which computes it.';

create trigger workflow_schedules_limit after insert on stepbase.workflow_schedules
  for each row execute function stepbase_private.limit_rows('max_schedules', 'schedules');
create trigger workflow_schedules_plan
  before insert or update of cron_expression, timezone, is_enabled, max_runs, jitter_seconds
  on stepbase.workflow_schedules
  for each row execute function stepbase_private.plan_schedule();
create trigger workflow_schedules_cut_errors before insert or update of last_error on stepbase.workflow_schedules
  for each row when (pg_column_size(new.last_error) > 12288)
  execute function stepbase_private.cut_errors('last_error');
create trigger workflow_schedules_touch_updated_at before update on stepbase.workflow_schedules
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_schedules_keep_identity before update on stepbase.workflow_schedules
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'created_at');

alter table stepbase.workflow_schedules enable row level security;

-- created_by is not granted, because runs start on behalf of that user.
grant select, delete,
  insert (id, app_code, workflow_id, name, cron_expression, timezone, input, start_immediately, is_enabled, max_runs,
    work_queue_id, overlap_policy, catchup_window_seconds, jitter_seconds),
  update (name, cron_expression, timezone, input, is_enabled, max_runs, work_queue_id, overlap_policy,
    catchup_window_seconds, jitter_seconds)
on stepbase.workflow_schedules to authenticated;
grant select, insert, update, delete on stepbase.workflow_schedules to service_role;

create policy "Members read their schedules" on stepbase.workflow_schedules
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read'))
  );

create policy "Schedule writers create schedules" on stepbase.workflow_schedules
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));

create policy "Schedule writers change schedules" on stepbase.workflow_schedules
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));

create policy "Schedule writers delete schedules" on stepbase.workflow_schedules
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));
