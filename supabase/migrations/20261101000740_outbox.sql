-- The outbox: effects of a transaction on other runs and on Redis, written in that transaction. The relay of a
-- worker handles the rows in order. Messages for Redis are published at least once.

create table stepbase.outbox (
  id bigint generated always as identity primary key,
  app_code text not null references stepbase.applications (app_code),
  aggregate_type text not null,
  aggregate_id uuid not null,
  event_type text not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now(),
  published_at timestamptz,
  attempts int not null default 0,
  quarantined_at timestamptz,
  error text,
  constraint aggregate_type_is_known check (
    aggregate_type in ('run', 'step_run', 'event', 'work_queue', 'database_trigger')
  ),
  constraint event_type_is_known check (
    event_type in (
      'run.changed', 'run.cancel', 'run.ended', 'child.detached', 'children.blocked', 'event.emitted', 'queue.changed',
      'rows.changed'
    )
  )
);

comment on table stepbase.outbox is 'Effects of transactions on other runs and messages for Redis, each written in its transaction.';
comment on column stepbase.outbox.aggregate_id is 'The run, step run, event, work queue or database trigger that the row is about.';
comment on column stepbase.outbox.event_type is
  'run.changed: notify subscribers through Redis; run.cancel: notify workers; run.ended: continue the parent, close the '
  'children, start triggers; child.detached: the step that waited for this run ended without it; children.blocked: start '
  'children that waited for other steps or runs; event.emitted: start the triggers of the event; queue.changed: give '
  'items to waiting steps; rows.changed: start the runs of a database trigger.';
comment on column stepbase.outbox.published_at is 'When the relay handled the row; null until then.';
comment on column stepbase.outbox.attempts is 'How often the relay failed to handle this row alone.';
comment on column stepbase.outbox.quarantined_at is
  'When the relay gave the row up after repeated failures; it is skipped until an operator sets this to null.';
comment on column stepbase.outbox.error is 'The error of the last failed attempt.';

create index idx_outbox_unpublished on stepbase.outbox (id) where published_at is null;
-- What the relay handles in the database, by app: one app must not delay another.
create index idx_outbox_pending on stepbase.outbox (app_code, id)
where published_at is null and quarantined_at is null and event_type not in ('run.changed', 'run.cancel');
-- The earlier events of an idempotency key.
create index idx_outbox_events on stepbase.outbox (aggregate_id) where event_type = 'event.emitted';
-- The newest events of an application: see stepbase.list_events.
create index idx_outbox_app_events on stepbase.outbox (app_code, id) where event_type = 'event.emitted';
create index idx_outbox_app_code on stepbase.outbox (app_code);
create index idx_outbox_published_at on stepbase.outbox (published_at) where published_at is not null;

create trigger outbox_cut_errors before insert or update of error on stepbase.outbox
  for each row when (pg_column_size(new.error) > 4096)
  execute function stepbase_private.cut_errors('error');
alter table stepbase.outbox enable row level security;

create policy "No client reads the outbox"
on stepbase.outbox for select to authenticated
using (false);

grant select, insert, update, delete on stepbase.outbox to service_role;

create function stepbase_engine.notify_run(p_app_code text, p_run_id uuid, p_event_type text default 'run.changed')
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values (p_app_code, 'run', p_run_id, p_event_type);
  perform pg_notify('stepbase', 'outbox');
end;
$$;

comment on function stepbase_engine.notify_run(text, uuid, text) is
  'Asks the relay to notify clients outside Realtime (and, with run.cancel, workers) about a run.';
