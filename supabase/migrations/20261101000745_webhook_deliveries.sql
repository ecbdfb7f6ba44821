-- Webhook deliveries: one row for each event that a subscription, or the endpoint of a component, receives. It is the
-- queue of the deliveries and, once they have ended, their log.

create table stepbase.webhook_deliveries (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  subscription_id uuid,
  component_id uuid,
  event_type text not null constraint event_type_is_known check (
    event_type in (
      'run.completed', 'run.failed', 'run.cancelled', 'run.timed_out', 'run.paused', 'run.resumed', 'task.created',
      'webhook.test', 'step.cancelled'
    )
  ),
  run_id uuid,
  payload jsonb not null constraint payload_is_bounded check (octet_length(payload::text) <= 65536),
  status text not null default 'pending'
    constraint status_is_known check (status in ('pending', 'delivered', 'failed')),
  attempts int not null default 0 constraint attempts_are_not_negative check (attempts >= 0),
  max_attempts int not null default 8 constraint max_attempts_is_positive check (max_attempts > 0),
  next_attempt_at timestamptz default stepbase_engine.now(),
  last_attempt_at timestamptz,
  duration_ms int,
  response_status int,
  response_body text constraint response_body_is_short check (length(response_body) <= 1000),
  failure text,
  created_at timestamptz not null default stepbase_engine.now(),
  completed_at timestamptz,
  constraint pending_has_a_next_attempt check ((status = 'pending') = (next_attempt_at is not null)),
  constraint completed_at_matches_status check ((status = 'pending') = (completed_at is null)),
  constraint delivery_has_one_receiver check (num_nonnulls(subscription_id, component_id) = 1),
  constraint delivery_subscription_is_of_same_app
    foreign key (subscription_id, app_code)
    references stepbase.webhook_subscriptions (id, app_code) on delete cascade
);

comment on table stepbase.webhook_deliveries is
  'Events that webhook subscriptions and components receive, with the result of the last attempt; written by the engine only.';
comment on column stepbase.webhook_deliveries.id is 'Sent as webhook-id, the same with every attempt.';
comment on column stepbase.webhook_deliveries.subscription_id is 'The receiver; null if it is a component.';
-- No foreign key: the component may belong to another application, and the log outlives it.
comment on column stepbase.webhook_deliveries.component_id is
  'The component whose endpoint receives step.cancelled; null if the receiver is a subscription.';
comment on column stepbase.webhook_deliveries.run_id is
  'The run of the event; null for webhook.test. No foreign key, so that the log outlives the run.';
comment on column stepbase.webhook_deliveries.payload is 'The body that is sent: {type, timestamp, data}.';
comment on column stepbase.webhook_deliveries.attempts is
  'Attempts that began. A result with another number is refused, because a later attempt has begun.';
comment on column stepbase.webhook_deliveries.next_attempt_at is
  'When the next attempt may begin; during an attempt, when it counts as lost. Null after the last one.';
comment on column stepbase.webhook_deliveries.response_status is 'HTTP status of the last attempt; null without a response.';
comment on column stepbase.webhook_deliveries.response_body is 'Beginning of the last response, at most 1000 characters.';
comment on column stepbase.webhook_deliveries.failure is 'Why the last attempt failed; null after a success.';

create index idx_webhook_deliveries_due on stepbase.webhook_deliveries (next_attempt_at) where status = 'pending';
-- Workers take the deliveries of all apps in turn.
create index idx_webhook_deliveries_app_code_due on stepbase.webhook_deliveries (app_code, next_attempt_at)
where status = 'pending';
create index idx_webhook_deliveries_pending on stepbase.webhook_deliveries (subscription_id) where status = 'pending';
create index idx_webhook_deliveries_subscription_id_app_code
  on stepbase.webhook_deliveries (subscription_id, app_code, created_at desc);
create index idx_webhook_deliveries_app_code_created_at on stepbase.webhook_deliveries (app_code, created_at)
where status <> 'pending';
create index idx_webhook_deliveries_run_id on stepbase.webhook_deliveries (run_id) where run_id is not null;
-- A run ends once, but its end may be relayed twice: see stepbase_engine.announce_ended.
create unique index idx_webhook_deliveries_run_end on stepbase.webhook_deliveries (subscription_id, run_id)
where event_type in ('run.completed', 'run.failed', 'run.cancelled', 'run.timed_out');

create trigger webhook_deliveries_cut_errors before insert or update of failure on stepbase.webhook_deliveries
  for each row when (pg_column_size(new.failure) > 4096)
  execute function stepbase_private.cut_errors('failure');

alter table stepbase.webhook_deliveries enable row level security;
grant select on stepbase.webhook_deliveries to authenticated;
grant select, insert, update, delete on stepbase.webhook_deliveries to service_role;

create policy "Members who read runs read their webhook deliveries" on stepbase.webhook_deliveries
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('schedule:read'))
    and (select stepbase_private.has_permission('run:read'))
  );

-- Security definer: no client may write deliveries.
create function stepbase_private.end_webhook_deliveries()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update stepbase.webhook_deliveries d
  set
    status = 'failed', next_attempt_at = null, completed_at = stepbase_engine.now(),
    failure = coalesce(d.failure || '; then the subscription was disabled', 'The subscription was disabled')
  where d.subscription_id = new.id and d.status = 'pending' and d.event_type <> 'webhook.test';
  return null;
end;
$$;

comment on function stepbase_private.end_webhook_deliveries() is
  'Trigger: the pending deliveries of a subscription fail when it is disabled.';

create trigger webhook_subscriptions_end_deliveries after update of is_enabled on stepbase.webhook_subscriptions
  for each row when (old.is_enabled and not new.is_enabled)
  execute function stepbase_private.end_webhook_deliveries();

create function stepbase_engine.has_due_webhook_deliveries()
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1 from stepbase.webhook_deliveries d
    where d.status = 'pending' and d.next_attempt_at <= stepbase_engine.now()
  );
$$;

comment on function stepbase_engine.has_due_webhook_deliveries() is
  'Whether a worker has a delivery to make now. Costs one index look-up.';

create function stepbase_engine.next_webhook_delivery_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select d.next_attempt_at
  from stepbase.webhook_deliveries d
  where d.status = 'pending' and d.next_attempt_at > stepbase_engine.now()
  order by d.next_attempt_at
  limit 1;
$$;

comment on function stepbase_engine.next_webhook_delivery_at() is
  'When the next delivery becomes due; null when there is none. A delivery that is due already does not count.';
