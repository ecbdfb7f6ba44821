-- The waiting room: runs and steps that may not start yet, and the places that others take up under
-- a limit. A row here is the only thing that waiting costs; nothing looks at it until its turn.

create table engine.waiting_runs (
  run_id uuid primary key,
  app_code text not null,
  workflow_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  queue_limit uuid not null default '00000000-0000-0000-0000-000000000000',
  priority smallint not null,
  place bigint generated always as identity
);

comment on table engine.waiting_runs is
'Pending runs without a token: engine.admit gives them one in their turn. Runs of an app under the same limits are '
'a line of their own, so that a full limit holds up nobody else.';
comment on column engine.waiting_runs.workflow_limit is
'The workflow whose max_concurrent_executions the run is under; zeros: none.';
comment on column engine.waiting_runs.queue_limit is
'The task queue whose max_concurrent_workflows the run is under; zeros: none.';
comment on column engine.waiting_runs.place is 'Order of arrival, among runs of the same priority.';

create index idx_waiting_runs_line
on engine.waiting_runs (app_code, workflow_limit, queue_limit, priority desc, place);

create table engine.run_places (
  run_id uuid not null,
  limit_id uuid not null,
  primary key (run_id, limit_id)
);

comment on table engine.run_places is
'Which limit (of a workflow or a task queue) a run that was admitted takes up a place of, until it ends.';
create index idx_run_places_limit_id on engine.run_places (limit_id);

create table engine.waiting_steps (
  step_run_id uuid primary key,
  run_id uuid not null,
  queue_id uuid not null,
  priority smallint not null,
  place bigint generated always as identity
);

comment on table engine.waiting_steps is
'Ready step runs without a token because their task queue limits how many execute at once.';
create index idx_waiting_steps_queue_id on engine.waiting_steps (queue_id, priority desc, place);

create table engine.step_places (
  step_run_id uuid primary key,
  queue_id uuid not null
);

comment on table engine.step_places is
'Step runs that take up a place of their task queue''s max_concurrent_activities, from admission until they stop '
'executing.';
create index idx_step_places_queue_id on engine.step_places (queue_id);

-- Whoever admits holds this row: what it counts stays true until it commits.
create table engine.admission (
  id boolean primary key default true,
  constraint only_one_row check (id)
);

comment on table engine.admission is 'One row: the lock of engine.admit.';
insert into engine.admission default values;

alter table engine.waiting_runs enable row level security;
alter table engine.run_places enable row level security;
alter table engine.waiting_steps enable row level security;
alter table engine.step_places enable row level security;
alter table engine.admission enable row level security;
