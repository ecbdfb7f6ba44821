-- The waiting room: runs and steps that may not start yet, and the places that others take up under
-- a limit. A row here is the only thing that waiting costs; nothing looks at it until its turn.

create table stepbase_engine.run_backlog (
  run_id uuid primary key,
  app_code text not null,
  workflow_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  queue_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  priority smallint not null,
  place bigint generated always as identity
);

comment on table stepbase_engine.run_backlog is
'Pending runs without a token: stepbase_engine.admit gives them one in their turn. Runs of an app under the same limits are '
'a line of their own, so that a full limit holds up nobody else.';
comment on column stepbase_engine.run_backlog.workflow_limit is
'The workflow whose max_concurrent_executions the run is under; zeros: none.';
comment on column stepbase_engine.run_backlog.queue_limit is
'The task queue whose max_concurrent_workflows the run is under; zeros: none.';
comment on column stepbase_engine.run_backlog.place is 'Order of arrival, among runs of the same priority.';

create index idx_run_backlog_line
on stepbase_engine.run_backlog (app_code, workflow_limit, queue_limit, priority desc, place);

create table stepbase_engine.run_slots (
  run_id uuid not null,
  limit_id uuid not null,
  primary key (run_id, limit_id)
);

comment on table stepbase_engine.run_slots is
'Which limit (of a workflow or a task queue) a run that was admitted takes up a place of, until it ends.';
create index idx_run_slots_limit_id on stepbase_engine.run_slots (limit_id);

create table stepbase_engine.step_backlog (
  step_run_id uuid primary key,
  run_id uuid not null,
  queue_id uuid not null,
  priority smallint not null,
  place bigint generated always as identity
);

comment on table stepbase_engine.step_backlog is
'Ready step runs without a token because their task queue limits how many execute at once.';
create index idx_step_backlog_queue_id on stepbase_engine.step_backlog (queue_id, priority desc, place);

create table stepbase_engine.step_slots (
  step_run_id uuid primary key,
  queue_id uuid not null
);

comment on table stepbase_engine.step_slots is
'Step runs that take up a place of their task queue''s max_concurrent_activities, from admission until they stop '
'executing.';
create index idx_step_slots_queue_id on stepbase_engine.step_slots (queue_id);

-- Whoever admits holds this row: what it counts stays true until it commits.
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
