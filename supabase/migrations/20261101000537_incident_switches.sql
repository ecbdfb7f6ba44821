-- Incident switches: an application, a workflow, a task queue or the whole installation starts no further runs
-- (drain), or no further steps either (pause), until the switch is released.

create table stepbase.incident_switches (
  id uuid primary key default gen_random_uuid(),
  app_code text references stepbase.applications (app_code) on delete cascade,
  scope text not null
    constraint scope_is_known check (scope in ('installation', 'application', 'workflow', 'task_queue')),
  mode text not null constraint mode_is_known check (mode in ('drain', 'pause')),
  reason text not null constraint reason_has_1_to_1000_characters check (length(reason) between 1 and 1000),
  workflow_id uuid,
  task_queue_id uuid,
  created_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  released_by uuid references stepbase.users (id) on delete set null,
  released_at timestamptz,
  resumed_at timestamptz,
  constraint only_the_installation_has_no_app check ((scope = 'installation') = (app_code is null)),
  constraint only_a_workflow_switch_has_a_workflow check ((scope = 'workflow') = (workflow_id is not null)),
  constraint only_a_task_queue_switch_has_a_task_queue check ((scope = 'task_queue') = (task_queue_id is not null)),
  constraint only_a_released_switch_is_resumed check (resumed_at is null or released_at is not null),
  constraint switch_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint switch_task_queue_is_of_same_app
    foreign key (task_queue_id, app_code) references stepbase.task_queues (id, app_code) on delete cascade
);

comment on table stepbase.incident_switches is
  'Switches that stop runs during an incident, set and released by RPCs. Rows stay after the release.';
comment on column stepbase.incident_switches.app_code is 'Null for the scope installation.';
comment on column stepbase.incident_switches.mode is
  'drain: new runs wait, open runs go on; pause: also no further step starts, and steps in flight finish.';
comment on column stepbase.incident_switches.released_at is 'When it was released; null: it is on.';
comment on column stepbase.incident_switches.resumed_at is 'When every run and step that it suspended had continued.';

create unique index idx_incident_switches_on on stepbase.incident_switches (
  scope, coalesce(app_code, ''), coalesce(workflow_id, task_queue_id, '00000000-0000-0000-0000-000000000000')
)
where released_at is null;
-- Hot paths count the rows of these two: they are empty unless there is an incident.
create index idx_incident_switches_any on stepbase.incident_switches (id) where released_at is null;
create index idx_incident_switches_pause on stepbase.incident_switches (id) where released_at is null and mode = 'pause';
create index idx_incident_switches_released on stepbase.incident_switches (id)
where released_at is not null and resumed_at is null;
create index idx_incident_switches_app_code on stepbase.incident_switches (app_code, created_at);
create index idx_incident_switches_workflow_id on stepbase.incident_switches (workflow_id, app_code);
create index idx_incident_switches_task_queue_id on stepbase.incident_switches (task_queue_id, app_code);
create index idx_incident_switches_created_by on stepbase.incident_switches (created_by);
create index idx_incident_switches_released_by on stepbase.incident_switches (released_by);

alter table stepbase.incident_switches enable row level security;
grant select on stepbase.incident_switches to authenticated;
grant select, insert, update, delete on stepbase.incident_switches to service_role;

create policy "Members read the switches of their app and of the installation" on stepbase.incident_switches
  for select to authenticated
  using (
    coalesce(app_code, (select stepbase_private.app_code())) = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('run:read'))
  );

create function stepbase_engine.switch_applies(p_switch stepbase.incident_switches, p_app_code text, p_workflow_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case p_switch.scope
    when 'installation' then true
    when 'application' then p_switch.app_code = p_app_code
    when 'workflow' then p_switch.workflow_id = p_workflow_id
    else p_switch.task_queue_id = (
      select coalesce(
        w.task_queue_id,
        (select d.id from stepbase.task_queues d where d.app_code = w.app_code and d.name = 'default')
      )
      from stepbase.workflows w
      where w.id = p_workflow_id
    )
  end;
$$;

comment on function stepbase_engine.switch_applies(stepbase.incident_switches, text, uuid) is
  'Whether the runs of a workflow are in the scope of a switch.';
