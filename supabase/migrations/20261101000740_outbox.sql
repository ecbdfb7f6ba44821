-- The outbox: what a transaction of a client wants done outside of it, written with its state.
-- The relay of a worker takes the rows in order: what the end of a run means for others, and
-- messages for Upstash, at least once.

create table stepbase.outbox (
  id bigint generated always as identity primary key,
  app_code text not null references stepbase.applications (app_code),
  aggregate_type text not null,
  aggregate_id uuid not null,
  event_type text not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now(),
  published_at timestamptz,
  constraint aggregate_type_is_known check (aggregate_type in ('run', 'step_run', 'event', 'work_queue')),
  constraint event_type_is_known check (
    event_type in ('run.changed', 'run.cancel', 'run.ended', 'child.left', 'children.blocked', 'event.emitted', 'queue.changed')
  )
);

comment on table stepbase.outbox is 'Messages to the queue and to Upstash, written in the transaction they belong to.';
comment on column stepbase.outbox.aggregate_id is 'The run (or step run) that the message is about, the event that it is, or the work queue.';
comment on column stepbase.outbox.event_type is
'run.changed: tell watchers; run.cancel: tell workers; run.ended: parent and children follow; child.left: the step that waited for a '
'run ended without it; children.blocked: those that wait for others have to be looked at; event.emitted: start what listens; '
'queue.changed: items for steps that wait.';
comment on column stepbase.outbox.published_at is 'When the relay handed it over; null while it waits.';

create index idx_outbox_unpublished on stepbase.outbox (id) where published_at is null;
create index idx_outbox_app_code on stepbase.outbox (app_code);
create index idx_outbox_published_at on stepbase.outbox (published_at) where published_at is not null;

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
'Asks the relay to tell watchers beyond Realtime (and, with run.cancel, workers) about a run.';
