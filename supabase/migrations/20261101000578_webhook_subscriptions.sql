-- Webhook subscriptions: URLs of other systems that receive the events of an application's runs.
-- *_webhook_events.sql writes the deliveries, a worker makes them.

create table stepbase.webhook_subscriptions (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid,
  url text not null constraint url_is_http check (
    -- A user name or password would be stored in plain text.
    url ~ '^https?://[^\s/?#@]+([/?#]\S*)?$' and length(url) <= 2000
  ),
  event_types text[] not null
    constraint event_types_are_known check (
      event_types <@ array[
        'run.completed', 'run.failed', 'run.cancelled', 'run.timed_out', 'run.paused', 'run.resumed', 'task.created'
      ]
    )
    constraint event_types_are_few check (cardinality(event_types) between 1 and 20),
  description text not null default '' constraint description_is_short check (length(description) <= 500),
  is_enabled boolean not null default true,
  disabled_reason text,
  failing_since timestamptz,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint webhook_subscription_is_of_app unique (id, app_code),
  constraint enabled_has_no_reason check (not is_enabled or disabled_reason is null),
  constraint subscription_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase.webhook_subscriptions is 'URLs that receive the events of an application''s runs.';
comment on column stepbase.webhook_subscriptions.workflow_id is 'Only events of runs of this workflow; null: of every workflow.';
comment on column stepbase.webhook_subscriptions.event_types is 'Run event types that are sent: see run_event_types.';
comment on column stepbase.webhook_subscriptions.disabled_reason is
  'Why Stepbase disabled the subscription; null if it is enabled or a member disabled it.';
comment on column stepbase.webhook_subscriptions.failing_since is
  'When the first of the failures happened that no success has followed; null after a success.';

-- The end of every run looks here: see stepbase_engine.announce_ended.
create index idx_webhook_subscriptions_app_code_enabled on stepbase.webhook_subscriptions (app_code) where is_enabled;
create index idx_webhook_subscriptions_app_code on stepbase.webhook_subscriptions (app_code);
create index idx_webhook_subscriptions_workflow_id_app_code on stepbase.webhook_subscriptions (workflow_id, app_code);
create index idx_webhook_subscriptions_created_by on stepbase.webhook_subscriptions (created_by);

-- Security definer: counts all subscriptions, including those that the caller cannot read.
create function stepbase_private.limit_webhook_subscriptions()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- The end of each run compares its event with all of them.
  if (select count(*) from stepbase.webhook_subscriptions s where s.app_code = new.app_code) > 50 then
    perform stepbase_private.raise_error(
      'limit_reached', 'The application already has 50 webhook subscriptions; delete one first'
    );
  end if;
  return null;
end;
$$;

comment on function stepbase_private.limit_webhook_subscriptions() is
  'Trigger: raises SB429 limit_reached when an application would have more than 50 webhook subscriptions.';

create function stepbase_private.forgive_webhook_subscription()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.failing_since := null;
  if new.is_enabled then
    new.disabled_reason := null;
  end if;
  return new;
end;
$$;

comment on function stepbase_private.forgive_webhook_subscription() is
  'Trigger: a subscription that is enabled again, or gets another URL, starts without failures.';

create trigger webhook_subscriptions_limit after insert on stepbase.webhook_subscriptions
  for each row execute function stepbase_private.limit_webhook_subscriptions();
create trigger webhook_subscriptions_forgive before update of url, is_enabled on stepbase.webhook_subscriptions
  for each row when (new.url <> old.url or (new.is_enabled and not old.is_enabled))
  execute function stepbase_private.forgive_webhook_subscription();
create trigger webhook_subscriptions_cut_errors
  before insert or update of disabled_reason on stepbase.webhook_subscriptions
  for each row when (pg_column_size(new.disabled_reason) > 4096)
  execute function stepbase_private.cut_errors('disabled_reason');
create trigger webhook_subscriptions_touch_updated_at before update on stepbase.webhook_subscriptions
  for each row execute function stepbase_private.touch_updated_at();
create trigger webhook_subscriptions_keep_identity before update on stepbase.webhook_subscriptions
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'created_at');

alter table stepbase.webhook_subscriptions enable row level security;

-- create_webhook_subscription inserts, because a subscription needs a secret.
grant select, delete, update (url, event_types, workflow_id, description, is_enabled)
on stepbase.webhook_subscriptions to authenticated;
grant select, insert, update, delete on stepbase.webhook_subscriptions to service_role;

-- Subscriptions share the permissions of schedules and triggers. They send outputs of runs, so that changing them also
-- needs the permission to read runs.
create policy "Members read their webhook subscriptions" on stepbase.webhook_subscriptions
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read')));

create policy "Schedule writers who read runs change webhook subscriptions" on stepbase.webhook_subscriptions
  for update to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('schedule:write'))
    and (select stepbase_private.has_permission('run:read'))
  )
  with check (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('schedule:write'))
    and (select stepbase_private.has_permission('run:read'))
  );

create policy "Schedule writers delete webhook subscriptions" on stepbase.webhook_subscriptions
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:write')));
