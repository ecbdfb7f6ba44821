-- Lookup tables instead of enums and CHECK lists: natural text keys, each value with what a client
-- needs to draw it. Values are added by migrations, never by clients.

create table stepbase.user_roles (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  rank int not null,
  permissions text[] not null constraint permissions_are_resource_and_action
    check (array_to_string(permissions, ' ') ~ '^([a-z]+:[a-z]+( |$))*$'),
  created_at timestamptz not null default now()
);

comment on table stepbase.user_roles is 'What a member of an application may do. The permissions are read on every request.';
comment on column stepbase.user_roles.ordinal is 'Order in which clients list the values.';

insert into stepbase.user_roles
  (name, label, description, icon, color, ordinal, rank, permissions)
values
  ('admin', 'Admin', 'Everything in the application, members, keys and the audit log included.', 'shield', '#dc2626', 1, 30, array[
      'audit:read', 'component:read', 'component:write', 'key:manage', 'key:read', 'member:manage', 'member:read', 'project:read', 'project:write', 'prompt:read', 'prompt:write',
      'queue:read', 'queue:write', 'run:cancel', 'run:execute', 'run:read', 'schedule:read', 'schedule:write', 'stats:read', 'task:complete', 'worker:read', 'workflow:publish', 'workflow:read', 'workflow:write'
    ]),
  ('developer', 'Developer', 'Builds and runs workflows.', 'code', '#2563eb', 2, 20, array[
      'component:read', 'component:write', 'key:read', 'member:read', 'project:read', 'project:write', 'prompt:read', 'prompt:write',
      'queue:read', 'queue:write', 'run:cancel', 'run:execute', 'run:read', 'schedule:read', 'schedule:write', 'stats:read', 'task:complete', 'worker:read', 'workflow:publish', 'workflow:read', 'workflow:write'
    ]),
  ('viewer', 'Viewer', 'Looks, changes nothing.', 'eye', '#64748b', 3, 10, array[
      'component:read', 'member:read', 'project:read', 'prompt:read',
      'queue:read', 'run:read', 'schedule:read', 'stats:read', 'worker:read', 'workflow:read'
    ]);

create table stepbase.component_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.component_types is 'What kind of building block a component is.';
comment on column stepbase.component_types.ordinal is 'Order in which clients list the values.';

insert into stepbase.component_types
  (name, label, description, icon, color, ordinal)
values
  ('activity', 'Activity', 'A unit of work that a step performs.', 'zap', '#2563eb', 1),
  ('agent', 'Agent', 'A model with a prompt and tools.', 'bot', '#7c3aed', 2),
  ('signal', 'Signal', 'Something a run waits for or sends.', 'radio', '#0d9488', 3),
  ('trigger', 'Trigger', 'Something that starts a run.', 'play', '#16a34a', 4);

create table stepbase.component_visibility (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.component_visibility is 'Who besides the own application may see a resource. Writing stays with the own application.';
comment on column stepbase.component_visibility.ordinal is 'Order in which clients list the values.';

insert into stepbase.component_visibility
  (name, label, description, icon, color, ordinal)
values
  ('private', 'Private', 'Only the own application.', 'lock', '#64748b', 1),
  ('organization', 'Organization', 'All applications of the own organization.', 'building', '#2563eb', 2),
  ('public', 'Public', 'Members of every application.', 'globe', '#16a34a', 3);

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

comment on table stepbase.workflow_statuses is 'Life of a workflow and of its versions.';
comment on column stepbase.workflow_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.workflow_statuses
  (name, label, description, icon, color, ordinal, is_runnable, is_editable, is_terminal)
values
  ('draft', 'Draft', 'Being edited, not startable.', 'pencil', '#64748b', 1, false, true, false),
  ('published', 'Published', 'Startable; its content never changes again.', 'rocket', '#16a34a', 2, true, false, false),
  ('paused', 'Paused', 'Published, but starts nothing for now.', 'pause', '#d97706', 3, false, false, false),
  ('deprecated', 'Deprecated', 'Still startable; a successor should be used.', 'alert-triangle', '#d97706', 4, true, false, false),
  ('archived', 'Archived', 'Put away.', 'archive', '#475569', 5, false, false, true);

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

comment on table stepbase.run_statuses is 'State of a run.';
comment on column stepbase.run_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.run_statuses
  (name, label, description, icon, color, ordinal, is_terminal, is_success)
values
  ('pending', 'Pending', 'Accepted, nothing started yet.', 'clock', '#64748b', 1, false, false),
  ('running', 'Running', 'Steps are being worked on or waited for.', 'loader', '#2563eb', 2, false, false),
  ('paused', 'Paused', 'Held by a person; nothing new starts.', 'pause', '#d97706', 3, false, false),
  ('completed', 'Completed', 'Every step is done or skipped.', 'check-circle', '#16a34a', 4, true, true),
  ('failed', 'Failed', 'A step failed for good.', 'x-circle', '#dc2626', 5, true, false),
  ('cancelled', 'Cancelled', 'Stopped by a person or by its parent.', 'ban', '#475569', 6, true, false),
  ('timed_out', 'Timed out', 'Took longer than the workflow allows.', 'timer-off', '#dc2626', 7, true, false);

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

comment on table stepbase.step_statuses is 'State of a step run.';
comment on column stepbase.step_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.step_statuses
  (name, label, description, icon, color, ordinal, is_terminal, is_success)
values
  ('pending', 'Pending', 'Waits for the steps before it.', 'circle', '#64748b', 1, false, false),
  ('ready', 'Ready', 'May start as soon as a worker is free.', 'circle-dot', '#0d9488', 2, false, false),
  ('running', 'Running', 'A worker executes it.', 'loader', '#2563eb', 3, false, false),
  ('waiting', 'Waiting', 'Waits for a person, a time, a signal, an item or a child run.', 'hourglass', '#d97706', 4, false, false),
  ('completed', 'Completed', 'Done, with an output.', 'check-circle', '#16a34a', 5, true, true),
  ('failed', 'Failed', 'This attempt failed.', 'x-circle', '#dc2626', 6, true, false),
  ('skipped', 'Skipped', 'No edge that leads here was taken.', 'skip-forward', '#475569', 7, true, true),
  ('cancelled', 'Cancelled', 'Stopped before it was done.', 'ban', '#475569', 8, true, false);

create table stepbase.trigger_types (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.trigger_types is 'What started a run.';
comment on column stepbase.trigger_types.ordinal is 'Order in which clients list the values.';

insert into stepbase.trigger_types
  (name, label, description, icon, color, ordinal)
values
  ('manual', 'Manual', 'A person or an API key, a rerun included.', 'mouse-pointer', '#2563eb', 1),
  ('schedule', 'Schedule', 'A workflow schedule.', 'calendar-clock', '#7c3aed', 2),
  ('webhook', 'Webhook', 'A call from outside.', 'webhook', '#0d9488', 3),
  ('event', 'Event', 'An event of the application, or the end of another run.', 'zap', '#d97706', 4),
  ('child', 'Child', 'A parent run.', 'git-branch', '#64748b', 5);

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

comment on table stepbase.run_event_types is 'What a run event tells. The history of a run is made of these.';
comment on column stepbase.run_event_types.ordinal is 'Order in which clients list the values.';

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
  ('child.started', 'Child run started', 'Child run started.', 'git-branch', '#7c3aed', 22);

create table stepbase.parent_close_policies (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.parent_close_policies is 'What happens to a child run when its parent ends first.';
comment on column stepbase.parent_close_policies.ordinal is 'Order in which clients list the values.';

insert into stepbase.parent_close_policies
  (name, label, description, icon, color, ordinal)
values
  ('terminate', 'Terminate', 'The child is cancelled as it is.', 'ban', '#dc2626', 1),
  ('abandon', 'Abandon', 'The child goes on alone.', 'unlink', '#64748b', 2),
  ('request_cancel', 'Request cancel', 'The child is cancelled and undoes what it did.', 'hand', '#d97706', 3);

create table stepbase.work_queue_orderings (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.work_queue_orderings is 'In which order a work queue gives its items out.';
comment on column stepbase.work_queue_orderings.ordinal is 'Order in which clients list the values.';

insert into stepbase.work_queue_orderings
  (name, label, description, icon, color, ordinal)
values
  ('fifo', 'First in, first out', 'Oldest first.', 'arrow-down', '#2563eb', 1),
  ('lifo', 'Last in, first out', 'Newest first.', 'arrow-up', '#2563eb', 2),
  ('priority', 'Priority', 'Highest priority first, then oldest.', 'arrow-up-narrow-wide', '#2563eb', 3);

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

comment on table stepbase.work_item_statuses is 'State of an item in a work queue.';
comment on column stepbase.work_item_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.work_item_statuses
  (name, label, description, icon, color, ordinal, is_terminal)
values
  ('queued', 'Queued', 'Waits to be taken.', 'inbox', '#64748b', 1, false),
  ('taken', 'Taken', 'A run works on it.', 'loader', '#2563eb', 2, false),
  ('done', 'Done', 'Worked off.', 'check-circle', '#16a34a', 3, true),
  ('failed', 'Failed', 'Given up.', 'x-circle', '#dc2626', 4, true);

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

comment on table stepbase.worker_statuses is 'State of a worker process.';
comment on column stepbase.worker_statuses.ordinal is 'Order in which clients list the values.';

insert into stepbase.worker_statuses
  (name, label, description, icon, color, ordinal, is_alive)
values
  ('running', 'Running', 'Takes work.', 'activity', '#16a34a', 1, true),
  ('draining', 'Draining', 'Finishes what it holds and takes no more.', 'log-out', '#d97706', 2, true),
  ('stopped', 'Stopped', 'Ended in order.', 'square', '#475569', 3, false),
  ('error', 'Error', 'Ended with an error.', 'x-circle', '#dc2626', 4, false),
  ('lost', 'Lost', 'Fell silent; its steps go to other workers.', 'wifi-off', '#dc2626', 5, false);

comment on column stepbase.user_roles.rank is 'Higher rank may do more; members are listed by it.';
comment on column stepbase.user_roles.permissions is 'resource:action, checked by stepbase_private.has_permission().';
comment on column stepbase.workflow_statuses.is_runnable is 'A version in this state can be started.';
comment on column stepbase.workflow_statuses.is_editable is 'A version in this state can be saved again.';
comment on column stepbase.run_statuses.is_terminal is 'Nothing follows.';
comment on column stepbase.step_statuses.is_terminal is 'Nothing follows for this attempt.';
comment on column stepbase.run_event_types.subject is 'The part before the dot.';
comment on column stepbase.worker_statuses.is_alive is 'Heartbeats are expected.';

alter table stepbase.user_roles enable row level security;
grant select on stepbase.user_roles to authenticated, service_role;
create policy "Signed-in users read user roles" on stepbase.user_roles
  for select to authenticated using (true);

alter table stepbase.component_types enable row level security;
grant select on stepbase.component_types to authenticated, service_role;
create policy "Signed-in users read component types" on stepbase.component_types
  for select to authenticated using (true);

alter table stepbase.component_visibility enable row level security;
grant select on stepbase.component_visibility to authenticated, service_role;
create policy "Signed-in users read component visibility" on stepbase.component_visibility
  for select to authenticated using (true);

alter table stepbase.workflow_statuses enable row level security;
grant select on stepbase.workflow_statuses to authenticated, service_role;
create policy "Signed-in users read workflow statuses" on stepbase.workflow_statuses
  for select to authenticated using (true);

alter table stepbase.run_statuses enable row level security;
grant select on stepbase.run_statuses to authenticated, service_role;
create policy "Signed-in users read run statuses" on stepbase.run_statuses
  for select to authenticated using (true);

alter table stepbase.step_statuses enable row level security;
grant select on stepbase.step_statuses to authenticated, service_role;
create policy "Signed-in users read step statuses" on stepbase.step_statuses
  for select to authenticated using (true);

alter table stepbase.trigger_types enable row level security;
grant select on stepbase.trigger_types to authenticated, service_role;
create policy "Signed-in users read trigger types" on stepbase.trigger_types
  for select to authenticated using (true);

alter table stepbase.run_event_types enable row level security;
grant select on stepbase.run_event_types to authenticated, service_role;
create policy "Signed-in users read run event types" on stepbase.run_event_types
  for select to authenticated using (true);

alter table stepbase.parent_close_policies enable row level security;
grant select on stepbase.parent_close_policies to authenticated, service_role;
create policy "Signed-in users read parent close policies" on stepbase.parent_close_policies
  for select to authenticated using (true);

alter table stepbase.work_queue_orderings enable row level security;
grant select on stepbase.work_queue_orderings to authenticated, service_role;
create policy "Signed-in users read work queue orderings" on stepbase.work_queue_orderings
  for select to authenticated using (true);

alter table stepbase.work_item_statuses enable row level security;
grant select on stepbase.work_item_statuses to authenticated, service_role;
create policy "Signed-in users read work item statuses" on stepbase.work_item_statuses
  for select to authenticated using (true);

alter table stepbase.worker_statuses enable row level security;
grant select on stepbase.worker_statuses to authenticated, service_role;
create policy "Signed-in users read worker statuses" on stepbase.worker_statuses
  for select to authenticated using (true);
