-- Lookup tables of definitions: component types, workflow statuses, trigger types, parent close policies, overlap
-- policies and the orderings of work queues.

create table stepbase.component_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.component_types is 'Kinds of components.';
comment on column stepbase.component_types.ordinal is 'Order in which clients list the values.';

insert into stepbase.component_types
  (name, label, description, icon, color, ordinal)
values
  ('activity', 'Activity', 'A unit of work that a step performs.', 'zap', '#2563eb', 1),
  ('agent', 'Agent', 'A model with a prompt and tools.', 'bot', '#7c3aed', 2),
  ('signal', 'Signal', 'Something a run waits for or sends.', 'radio', '#0d9488', 3),
  ('trigger', 'Trigger', 'Something that starts a run.', 'play', '#16a34a', 4);

create table stepbase.workflow_statuses (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  is_runnable boolean not null,
  is_editable boolean not null,
  is_terminal boolean not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.workflow_statuses is 'Statuses of workflows and of their versions.';
comment on column stepbase.workflow_statuses.ordinal is 'Order in which clients list the values.';
comment on column stepbase.workflow_statuses.is_editable is 'A version with this status can be saved over.';
comment on column stepbase.workflow_statuses.is_runnable is 'Runs can be started in this status.';

insert into stepbase.workflow_statuses
  (name, label, description, icon, color, ordinal, is_runnable, is_editable, is_terminal)
values
  ('draft', 'Draft', 'Being edited; cannot be started.', 'pencil', '#64748b', 1, false, true, false),
  ('published', 'Published', 'Can be started; its content is immutable.', 'rocket', '#16a34a', 2, true, false, false),
  ('paused', 'Paused', 'Published, but no run can be started.', 'pause', '#d97706', 3, false, false, false),
  ('deprecated', 'Deprecated', 'Can still be started, but should be replaced.', 'alert-triangle', '#d97706', 4, true, false, false),
  ('archived', 'Archived', 'No longer in use.', 'archive', '#475569', 5, false, false, true);

create table stepbase.trigger_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.trigger_types is 'Causes of a run.';
comment on column stepbase.trigger_types.ordinal is 'Order in which clients list the values.';

insert into stepbase.trigger_types
  (name, label, description, icon, color, ordinal)
values
  ('manual', 'Manual', 'A user or an API key, including reruns.', 'mouse-pointer', '#2563eb', 1),
  ('schedule', 'Schedule', 'A workflow schedule.', 'calendar-clock', '#7c3aed', 2),
  ('webhook', 'Webhook', 'An HTTP call from another system.', 'webhook', '#0d9488', 3),
  ('event', 'Event', 'An event of the application, or the end of another run.', 'zap', '#d97706', 4),
  ('child', 'Child', 'A parent run.', 'git-branch', '#64748b', 5),
  ('sql', 'SQL', 'SQL of an operator: the function start_run_as.', 'code', '#0f766e', 6),
  ('database', 'Database', 'A change of a table, by a database trigger.', 'table', '#be185d', 7);

create table stepbase.parent_close_policies (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.parent_close_policies is 'What happens to a child run whose parent ends first.';
comment on column stepbase.parent_close_policies.ordinal is 'Order in which clients list the values.';

insert into stepbase.parent_close_policies
  (name, label, description, icon, color, ordinal)
values
  ('terminate', 'Terminate', 'The child is cancelled without compensation.', 'ban', '#dc2626', 1),
  ('abandon', 'Abandon', 'The child continues without its parent.', 'unlink', '#64748b', 2),
  ('request_cancel', 'Request cancel', 'The child is cancelled and its completed steps are compensated.', 'hand', '#d97706', 3);

create table stepbase.overlap_policies (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.overlap_policies is 'What a schedule does at a due time while a run of it is open.';
comment on column stepbase.overlap_policies.ordinal is 'Order in which clients list the values.';

insert into stepbase.overlap_policies
  (name, label, description, icon, color, ordinal)
values
  ('allow', 'Allow', 'The run starts; runs of the schedule overlap.', 'layers', '#2563eb', 1),
  ('skip', 'Skip', 'No run starts.', 'skip-forward', '#64748b', 2),
  ('queue', 'Queue', 'One run waits for the end of the open runs; further due times are skipped.', 'list-end', '#d97706', 3),
  ('cancel_previous', 'Cancel previous', 'The open runs are cancelled, and the run starts.', 'ban', '#dc2626', 4);

create table stepbase.work_queue_orderings (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.work_queue_orderings is 'Orders in which a work queue hands out its items.';
comment on column stepbase.work_queue_orderings.ordinal is 'Order in which clients list the values.';

insert into stepbase.work_queue_orderings
  (name, label, description, icon, color, ordinal)
values
  ('fifo', 'First in, first out', 'Oldest first.', 'arrow-down', '#2563eb', 1),
  ('lifo', 'Last in, first out', 'Newest first.', 'arrow-up', '#2563eb', 2),
  ('priority', 'Priority', 'Highest priority first, then oldest.', 'arrow-up-narrow-wide', '#2563eb', 3);

create table stepbase.execution_engines (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.execution_engines is 'What executes the steps of a run.';
comment on column stepbase.execution_engines.ordinal is 'Order in which clients list the values.';

insert into stepbase.execution_engines
  (name, label, description, icon, color, ordinal)
values
  ('postgres', 'PostgreSQL', 'The workers of Stepbase, through the queue in the database.', 'database', '#2563eb', 1),
  ('temporal', 'Temporal', 'Compiled code on a Temporal cluster, which the bridge mirrors.', 'hourglass', '#16a34a', 2);

alter table stepbase.component_types enable row level security;
grant select on stepbase.component_types to authenticated, service_role;
create policy "Signed-in users read component types" on stepbase.component_types
  for select to authenticated using (true);

alter table stepbase.workflow_statuses enable row level security;
grant select on stepbase.workflow_statuses to authenticated, service_role;
create policy "Signed-in users read workflow statuses" on stepbase.workflow_statuses
  for select to authenticated using (true);

alter table stepbase.trigger_types enable row level security;
grant select on stepbase.trigger_types to authenticated, service_role;
create policy "Signed-in users read trigger types" on stepbase.trigger_types
  for select to authenticated using (true);

alter table stepbase.parent_close_policies enable row level security;
grant select on stepbase.parent_close_policies to authenticated, service_role;
create policy "Signed-in users read parent close policies" on stepbase.parent_close_policies
  for select to authenticated using (true);

alter table stepbase.overlap_policies enable row level security;
grant select on stepbase.overlap_policies to authenticated, service_role;
create policy "Signed-in users read overlap policies" on stepbase.overlap_policies
  for select to authenticated using (true);

alter table stepbase.work_queue_orderings enable row level security;
grant select on stepbase.work_queue_orderings to authenticated, service_role;
create policy "Signed-in users read work queue orderings" on stepbase.work_queue_orderings
  for select to authenticated using (true);

alter table stepbase.execution_engines enable row level security;
grant select on stepbase.execution_engines to authenticated, service_role;
create policy "Signed-in users read execution engines" on stepbase.execution_engines
  for select to authenticated using (true);
