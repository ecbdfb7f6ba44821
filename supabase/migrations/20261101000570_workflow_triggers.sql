-- Triggers: events of the application, ends of other workflows' runs and webhooks that start runs of a workflow.

create table stepbase.workflow_triggers (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  name text not null default '',
  trigger_type text not null references stepbase.trigger_types (name)
    constraint trigger_type_is_event_or_webhook check (trigger_type in ('event', 'webhook')),
  event_name text
    constraint event_name_is_a_name check (event_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$')
    constraint run_event_is_known check (
      event_name not like 'run.%'
      or event_name in (
        'run.completed', 'run.failed', 'run.cancelled', 'run.timed_out', 'run.stuck', 'run.deadline_near',
        'run.failure_rate_high'
      )
    ),
  source_workflow_id uuid,
  signature_scheme text references stepbase.webhook_signature_schemes (name),
  filter jsonb,
  input jsonb not null default '{}' constraint input_is_an_object check (jsonb_typeof(input) = 'object'),
  is_enabled boolean not null default true,
  last_fired_at timestamptz,
  last_error jsonb constraint last_error_is_an_object check (jsonb_typeof(last_error) = 'object'),
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_trigger_is_of_app unique (id, app_code),
  constraint event_name_matches_trigger_type check ((event_name is not null) = (trigger_type = 'event')),
  -- Without a source, run.failed, run.timed_out and task.created are those of every other workflow of the application.
  constraint run_event_has_a_source check (
    case
      when event_name in ('run.completed', 'run.cancelled') then source_workflow_id is not null
      when event_name in ('run.failed', 'run.timed_out', 'task.created') then true
      else source_workflow_id is null
    end
  ),
  constraint source_is_another_workflow check (source_workflow_id <> workflow_id),
  constraint signature_scheme_is_for_webhooks check ((signature_scheme is not null) = (trigger_type = 'webhook')),
  constraint filter_is_for_events check (filter is null or trigger_type = 'event'),
  constraint trigger_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint trigger_source_is_of_same_app
    foreign key (source_workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase.workflow_triggers is 'Events and webhooks that start runs of a workflow.';
comment on column stepbase.workflow_triggers.event_name is
  'Event that fires it: an event of the application, run.completed, run.failed, run.cancelled, run.timed_out or task.created, or an alert: '
  'run.stuck, run.deadline_near, run.failure_rate_high, queue.age_high or budget.threshold_reached.';
comment on column stepbase.workflow_triggers.source_workflow_id is
  'For the end of a run and for task.created: workflow whose runs fire it. Null for run.failed, run.timed_out and '
  'task.created: every workflow except its own.';
comment on column stepbase.workflow_triggers.signature_scheme is 'For webhooks: how the sender signs its calls.';
comment on column stepbase.workflow_triggers.filter is
  'JSON that the event''s payload must contain (@>); null: every payload matches.';
comment on column stepbase.workflow_triggers.input is
  'Part of the input of every run it starts. event is added to it, or body, headers and query for a webhook.';
comment on column stepbase.workflow_triggers.last_fired_at is 'When it last started a run, with a resolution of one minute.';
comment on column stepbase.workflow_triggers.last_error is
  'Why it started no run when it last fired: {code, message, at, …}; null if it did.';

create index idx_workflow_triggers_workflow_id_app_code on stepbase.workflow_triggers (workflow_id, app_code);
create index idx_workflow_triggers_source_workflow_id_app_code
  on stepbase.workflow_triggers (source_workflow_id, app_code);
create index idx_workflow_triggers_app_code_event_name on stepbase.workflow_triggers (app_code, event_name);
create index idx_workflow_triggers_signature_scheme on stepbase.workflow_triggers (signature_scheme);
create index idx_workflow_triggers_created_by on stepbase.workflow_triggers (created_by);

-- Security definer: counts all triggers, including those that the caller cannot read.
create function stepbase_private.limit_triggers()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- All runs that an event starts are started in one transaction; the limit bounds its size.
  if new.trigger_type = 'event' and 100 <= (
    select count(*) from stepbase.workflow_triggers t
    where t.app_code = new.app_code
      and t.event_name = new.event_name
      and t.source_workflow_id is not distinct from new.source_workflow_id
      and t.id <> new.id
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('The event %s already has 100 triggers; delete one first', new.event_name)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_private.limit_triggers() is 'Trigger: raises SB429 limit_reached when an event would have more than 100 triggers.';

create trigger workflow_triggers_limit
  before insert or update of event_name, source_workflow_id on stepbase.workflow_triggers
  for each row execute function stepbase_private.limit_triggers();
create trigger workflow_triggers_limit_rows after insert on stepbase.workflow_triggers
  for each row execute function stepbase_private.limit_rows('max_triggers', 'triggers');
create trigger workflow_triggers_cut_errors before insert or update of last_error on stepbase.workflow_triggers
  for each row when (pg_column_size(new.last_error) > 12288)
  execute function stepbase_private.cut_errors('last_error');
create trigger workflow_triggers_touch_updated_at before update on stepbase.workflow_triggers
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_triggers_keep_identity before update on stepbase.workflow_triggers
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'workflow_id', 'trigger_type', 'signature_scheme', 'created_at'
  );

alter table stepbase.workflow_triggers enable row level security;

-- created_by is not granted, because runs start on behalf of that user.
grant select, delete,
  insert (
    id, app_code, workflow_id, name, trigger_type, event_name, source_workflow_id, signature_scheme, filter, input,
    is_enabled
  ),
  update (name, event_name, source_workflow_id, filter, input, is_enabled)
on stepbase.workflow_triggers to authenticated;
grant select, insert, update, delete on stepbase.workflow_triggers to service_role;

-- Triggers share the permissions of schedules: both start workflows automatically.
create policy "Members read their triggers" on stepbase.workflow_triggers
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read')));

create policy "Schedule writers create triggers" on stepbase.workflow_triggers
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));

create policy "Schedule writers change triggers" on stepbase.workflow_triggers
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));

create policy "Schedule writers delete triggers" on stepbase.workflow_triggers
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));
