-- Lookup tables of execution: statuses of runs, step runs, work items and workers, and the types of run events.

create table stepbase.run_statuses (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  is_terminal boolean not null,
  is_success boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.run_statuses is 'Statuses of runs.';
comment on column stepbase.run_statuses.ordinal is 'Order in which clients list the values.';
comment on column stepbase.run_statuses.is_terminal is 'A run with this status never changes its status again.';

insert into stepbase.run_statuses
  (name, label, description, icon, color, ordinal, is_terminal, is_success)
values
  ('pending', 'Pending', 'Accepted; no step has started.', 'clock', '#64748b', 1, false, false),
  ('running', 'Running', 'Steps are executing or waiting.', 'loader', '#2563eb', 2, false, false),
  ('paused', 'Paused', 'Paused by a user; no new step starts.', 'pause', '#d97706', 3, false, false),
  ('completed', 'Completed', 'Every step is completed or skipped.', 'check-circle', '#16a34a', 4, true, true),
  ('failed', 'Failed', 'A step failed and has no attempts left.', 'x-circle', '#dc2626', 5, true, false),
  ('cancelled', 'Cancelled', 'Cancelled by a user or with its parent.', 'ban', '#475569', 6, true, false),
  ('timed_out', 'Timed out', 'Exceeded the execution timeout of the workflow.', 'timer-off', '#dc2626', 7, true, false);

create table stepbase.step_statuses (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  is_terminal boolean not null,
  is_success boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.step_statuses is 'Statuses of step runs.';
comment on column stepbase.step_statuses.ordinal is 'Order in which clients list the values.';
comment on column stepbase.step_statuses.is_terminal is 'An attempt with this status never changes its status again.';

insert into stepbase.step_statuses
  (name, label, description, icon, color, ordinal, is_terminal, is_success)
values
  ('pending', 'Pending', 'Waits for its predecessors.', 'circle', '#64748b', 1, false, false),
  ('ready', 'Ready', 'Starts as soon as a worker is free.', 'circle-dot', '#0d9488', 2, false, false),
  ('running', 'Running', 'A worker executes it.', 'loader', '#2563eb', 3, false, false),
  ('waiting', 'Waiting', 'Waits for a person, a time, a signal, an item or a child run.', 'hourglass', '#d97706', 4, false, false),
  ('completed', 'Completed', 'Completed with an output.', 'check-circle', '#16a34a', 5, true, true),
  ('failed', 'Failed', 'This attempt failed.', 'x-circle', '#dc2626', 6, true, false),
  ('skipped', 'Skipped', 'No incoming edge was taken.', 'skip-forward', '#475569', 7, true, true),
  ('cancelled', 'Cancelled', 'Stopped before it completed.', 'ban', '#475569', 8, true, false);

create table stepbase.run_event_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  subject text not null generated always as (split_part(name, '.', 1)) stored,
  created_at timestamptz not null default now()
);

comment on table stepbase.run_event_types is 'Types of run events, which make up the history of a run.';
comment on column stepbase.run_event_types.ordinal is 'Order in which clients list the values.';
comment on column stepbase.run_event_types.subject is 'The part of the name before the dot: run, step, task, signal, compensation or child.';

insert into stepbase.run_event_types
  (name, label, description, icon, color, ordinal)
values
  ('run.created', 'Run created', 'Run created.', 'play', '#64748b', 1),
  ('run.started', 'Run started', 'Run started.', 'play', '#2563eb', 2),
  ('run.paused', 'Run paused', 'Run paused.', 'pause', '#d97706', 3),
  ('run.resumed', 'Run resumed', 'Run resumed.', 'play', '#2563eb', 4),
  ('run.completed', 'Run completed', 'Run completed.', 'check-circle', '#16a34a', 5),
  ('run.failed', 'Run failed', 'Run failed.', 'x-circle', '#dc2626', 6),
  ('run.cancelled', 'Run cancelled', 'Run cancelled.', 'ban', '#475569', 7),
  ('run.timed_out', 'Run timed out', 'Run timed out.', 'timer-off', '#dc2626', 8),
  ('step.ready', 'Step ready', 'Step ready.', 'circle-dot', '#0d9488', 9),
  ('step.started', 'Step started', 'Step started.', 'loader', '#2563eb', 10),
  ('step.waiting', 'Step waiting', 'Step waiting.', 'hourglass', '#d97706', 11),
  ('step.completed', 'Step completed', 'Step completed.', 'check-circle', '#16a34a', 12),
  ('step.failed', 'Step failed', 'Step failed.', 'x-circle', '#dc2626', 13),
  ('step.retrying', 'Step will be retried', 'Step will be retried.', 'rotate-cw', '#d97706', 14),
  ('step.skipped', 'Step skipped', 'Step skipped.', 'skip-forward', '#475569', 15),
  ('step.cancelled', 'Step cancelled', 'Step cancelled.', 'ban', '#475569', 16),
  ('task.created', 'Task created', 'Task created.', 'user-plus', '#d97706', 17),
  ('task.completed', 'Task completed', 'Task completed.', 'user-check', '#16a34a', 18),
  ('signal.received', 'Signal received', 'Signal received.', 'radio', '#0d9488', 19),
  ('signal.sent', 'Signal sent', 'Signal sent.', 'radio', '#0d9488', 20),
  ('compensation.started', 'Compensation started', 'Compensation started.', 'rotate-ccw', '#d97706', 21),
  ('child.started', 'Child run started', 'Child run started.', 'git-branch', '#7c3aed', 22),
  ('run.edited', 'Run edited', 'A rerun with another input or other outputs.', 'pencil', '#d97706', 31),
  ('step.edited', 'Output edited', 'A member set the output of the step in a rerun.', 'pencil', '#d97706', 32),
  ('task.claimed', 'Task claimed', 'A person works on the task.', 'user-check', '#2563eb', 40),
  ('task.released', 'Task released', 'The claim of the task ended.', 'user-plus', '#d97706', 41),
  ('task.delegated', 'Task delegated', 'The task was given to another person.', 'user-plus', '#2563eb', 42),
  ('task.commented', 'Comment', 'A person commented on the task.', 'message', '#2563eb', 46),
  ('task.decided', 'Decision recorded', 'One of several persons decided.', 'user-check', '#2563eb', 43),
  ('task.reminded', 'Reminder', 'The persons of the task were reminded.', 'timer', '#d97706', 44),
  ('task.escalated', 'Task escalated', 'The task was given to others, because it was not completed in time.', 'user-plus', '#dc2626', 45),
  ('run.continued', 'Run continued', 'Continues another run on this version.', 'git-branch', '#7c3aed', 33);

create table stepbase.work_item_statuses (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  is_terminal boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.work_item_statuses is 'Statuses of work queue items.';
comment on column stepbase.work_item_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.work_item_statuses
  (name, label, description, icon, color, ordinal, is_terminal)
values
  ('queued', 'Queued', 'Waits for a run that takes it.', 'inbox', '#64748b', 1, false),
  ('taken', 'Taken', 'A run has taken it.', 'loader', '#2563eb', 2, false),
  ('done', 'Done', 'Processed.', 'check-circle', '#16a34a', 3, true),
  ('failed', 'Failed', 'Processing failed.', 'x-circle', '#dc2626', 4, true);

create table stepbase.worker_statuses (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  is_alive boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.worker_statuses is 'Statuses of worker processes.';
comment on column stepbase.worker_statuses.ordinal is 'Order in which clients list the values.';
comment on column stepbase.worker_statuses.is_alive is 'Workers with this status send heartbeats.';

insert into stepbase.worker_statuses
  (name, label, description, icon, color, ordinal, is_alive)
values
  ('running', 'Running', 'Accepts work.', 'activity', '#16a34a', 1, true),
  ('draining', 'Draining', 'Finishes the steps it has and accepts no more.', 'log-out', '#d97706', 2, true),
  ('stopped', 'Stopped', 'Ended normally.', 'square', '#475569', 3, false),
  ('error', 'Error', 'Ended with an error.', 'x-circle', '#dc2626', 4, false),
  ('lost', 'Lost', 'Its heartbeats stopped; other workers take over its steps.', 'wifi-off', '#dc2626', 5, false);

alter table stepbase.run_statuses enable row level security;
grant select on stepbase.run_statuses to authenticated, service_role;
create policy "Signed-in users read run statuses" on stepbase.run_statuses
  for select to authenticated using (true);

alter table stepbase.step_statuses enable row level security;
grant select on stepbase.step_statuses to authenticated, service_role;
create policy "Signed-in users read step statuses" on stepbase.step_statuses
  for select to authenticated using (true);

alter table stepbase.run_event_types enable row level security;
grant select on stepbase.run_event_types to authenticated, service_role;
create policy "Signed-in users read run event types" on stepbase.run_event_types
  for select to authenticated using (true);

alter table stepbase.work_item_statuses enable row level security;
grant select on stepbase.work_item_statuses to authenticated, service_role;
create policy "Signed-in users read work item statuses" on stepbase.work_item_statuses
  for select to authenticated using (true);

alter table stepbase.worker_statuses enable row level security;
grant select on stepbase.worker_statuses to authenticated, service_role;
create policy "Signed-in users read worker statuses" on stepbase.worker_statuses
  for select to authenticated using (true);
