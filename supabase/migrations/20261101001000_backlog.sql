-- The backlog: runs and steps that may not start yet, and the concurrency slots of those that did under a limit.
-- A row here is the whole cost of waiting.

create table stepbase_engine.run_backlog (
  run_id uuid primary key,
  app_code text not null,
  workflow_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  queue_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  priority smallint not null,
  arrival bigint generated always as identity
);

comment on table stepbase_engine.run_backlog is
  'Pending runs without a token; stepbase_engine.admit gives them one. The runs of an app that are under the same limits '
  'form a group, so that a full limit does not delay other runs.';
comment on column stepbase_engine.run_backlog.workflow_limit is
  'The workflow whose max_concurrent_executions applies to the run; zeros: none; all f: an incident switch holds it.';
comment on column stepbase_engine.run_backlog.queue_limit is
  'The task queue whose max_concurrent_workflows applies to the run; zeros: none. Of a run that an incident switch '
  'holds: stepbase_engine.suspended_with.';
comment on column stepbase_engine.run_backlog.arrival is 'Orders runs of the same priority.';

create index idx_run_backlog_admission_order
on stepbase_engine.run_backlog (app_code, workflow_limit, queue_limit, priority desc, arrival);

-- Every start asks whether runs of its group wait. The arrival from which it searches keeps it from the dead entries of
-- admitted runs, as stepbase_engine.queue_start does for tokens. The runs that an incident switch suspends, which wait
-- long, are not in this index: a start would read all of them.
create index idx_run_backlog_arrival on stepbase_engine.run_backlog (arrival)
where workflow_limit < 'ffffffff-ffff-ffff-ffff-ffffffffffff';
create sequence stepbase_engine.backlog_start;

comment on sequence stepbase_engine.backlog_start is
  'No run waits whose arrival is below its last value, except suspended runs. stepbase_engine.move_backlog_start sets it.';

create function stepbase_engine.move_backlog_start()
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_start bigint;
  v_first bigint;
begin
  select b.last_value into v_start from stepbase_engine.backlog_start b;
  v_first := coalesce(
    (
      select w.arrival from stepbase_engine.run_backlog w
      where w.arrival >= v_start and w.workflow_limit < 'ffffffff-ffff-ffff-ffff-ffffffffffff'
      order by w.arrival
      limit 1
    ),
    (select a.last_value from stepbase_engine.run_backlog_arrival_seq a)
  );
  if v_first > v_start then
    perform setval('stepbase_engine.backlog_start', v_first);
  end if;
end;
$$;

comment on function stepbase_engine.move_backlog_start() is
  'Moves the start of the backlog to the first waiting run. If a transaction that is under way adds a run before that, '
  'the run is admitted as always; only later starts do not wait behind it.';

create table stepbase_engine.run_slots (
  run_id uuid not null,
  limit_id uuid not null,
  is_key boolean not null default false,
  primary key (run_id, limit_id)
);

comment on table stepbase_engine.run_slots is
  'The concurrency slots of runs: one row per limit (of a workflow, a task queue or a concurrency key) that a run counts '
  'for, from its admission to its end.';
comment on column stepbase_engine.run_slots.is_key is
  'The limit is a concurrency key (stepbase_engine.flow_key), whose line has to be looked at when the slot becomes free.';
create index idx_run_slots_limit_id on stepbase_engine.run_slots (limit_id);

create table stepbase_engine.step_backlog (
  step_run_id uuid primary key,
  run_id uuid not null,
  queue_id uuid not null,
  priority smallint not null,
  arrival bigint generated always as identity
);

comment on table stepbase_engine.step_backlog is
  'Ready step runs that wait for a concurrency slot of their task queue and have no token.';
comment on column stepbase_engine.step_backlog.arrival is 'Orders steps of the same priority.';
create index idx_step_backlog_queue_id on stepbase_engine.step_backlog (queue_id, priority desc, arrival);

create table stepbase_engine.step_slots (
  step_run_id uuid primary key,
  queue_id uuid not null
);

comment on table stepbase_engine.step_slots is
  'The concurrency slots of step runs under their task queue''s max_concurrent_activities, from admission until the step '
  'stops executing.';
create index idx_step_slots_queue_id on stepbase_engine.step_slots (queue_id);

-- admit locks this row, so that the slots that it counted do not change before it commits.
create table stepbase_engine.admission (
  id boolean primary key default true,
  constraint only_one_row check (id)
);

comment on table stepbase_engine.admission is 'One row: the lock of stepbase_engine.admit.';
insert into stepbase_engine.admission default values;

alter table stepbase_engine.run_backlog enable row level security;
alter table stepbase_engine.run_slots enable row level security;
alter table stepbase_engine.step_backlog enable row level security;
alter table stepbase_engine.step_slots enable row level security;
alter table stepbase_engine.admission enable row level security;
