-- Signals: the messages that runs of a workflow accept.

create table stepbase.workflow_signals (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  signal_name text not null constraint signal_name_is_simple check (signal_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  description text not null default '',
  parameters jsonb constraint parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  auto_generated boolean not null default false,
  work_queue_id uuid,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_signal_is_of_app unique (id, app_code),
  constraint signal_name_is_unique_in_workflow unique (workflow_id, signal_name),
  constraint signal_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint signal_work_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references stepbase.work_queues (id, app_code) on delete cascade
);

comment on table stepbase.workflow_signals is 'Signals that runs of a workflow accept.';
comment on column stepbase.workflow_signals.parameters is 'JSON Schema of the payload; null: every payload is accepted.';
comment on column stepbase.workflow_signals.auto_generated is 'True: created and deleted with a work queue.';

create index idx_workflow_signals_workflow_id_app_code on stepbase.workflow_signals (workflow_id, app_code);
create index idx_workflow_signals_work_queue_id_app_code on stepbase.workflow_signals (work_queue_id, app_code);
create index idx_workflow_signals_app_code_auto_generated on stepbase.workflow_signals (app_code, auto_generated);
create index idx_workflow_signals_created_by on stepbase.workflow_signals (created_by);

create trigger workflow_signals_touch_updated_at before update on stepbase.workflow_signals
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_signals_keep_identity before update on stepbase.workflow_signals
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'auto_generated', 'created_at');

create trigger workflow_signals_check_schemas
  before insert or update of parameters on stepbase.workflow_signals
  for each row execute function stepbase_private.check_json_schemas('parameters');

alter table stepbase.workflow_signals enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, signal_name, description, parameters),
  update (signal_name, description, parameters)
on stepbase.workflow_signals to authenticated;
grant select, insert, update, delete on stepbase.workflow_signals to service_role;

create policy "Members read their signals" on stepbase.workflow_signals
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow writers create signals" on stepbase.workflow_signals
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change signals" on stepbase.workflow_signals
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers delete signals" on stepbase.workflow_signals
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));
