-- Run events: the history of a run, append-only and partitioned by month.
-- Transitions assign seq under the lock of the run, so it has no gaps: a client with a snapshot and its seq can
-- tell which events it missed, and fetch them.

create table stepbase.run_events (
  run_id uuid not null,
  seq bigint not null,
  created_at timestamptz not null default now(),
  app_code text not null,
  event_type text not null references stepbase.run_event_types (name),
  step_id text,
  item_index int,
  attempt int,
  actor_id uuid,
  payload jsonb not null default '{}',
  constraint run_events_pkey primary key (run_id, seq, created_at),
  constraint run_events_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint seq_is_positive check (seq >= 1),
  constraint payload_is_an_object check (jsonb_typeof(payload) = 'object')
)
partition by range (created_at);

comment on table stepbase.run_events is 'The history of a run: append-only, gapless by seq.';
comment on column stepbase.run_events.seq is 'Counts from 1 within the run, without gaps.';
comment on column stepbase.run_events.step_id is 'The node the event is about; null for events of the run.';
comment on column stepbase.run_events.actor_id is 'The user who caused the event; null for the engine and for machines.';
comment on column stepbase.run_events.payload is
  'Details by event type: status, handle, error, reason, from (the steps before). started_at in a step.completed: the '
  'step started in the same transaction and has no step.started. actor: the API key, or the role service_role, that '
  'caused the event.';

-- The primary key is the only index, because events are read by run. An index on app_code would cost another entry for
-- each event. drop_partitions learns from the runs of an application which months it may have events in.

-- Maintenance creates the partitions of coming months. If one is missing, the default partition takes its rows.
-- Partitions are in stepbase_engine, so that the API serves only the parent.
create table stepbase_engine.run_events_default partition of stepbase.run_events default;
comment on table stepbase_engine.run_events_default is 'Events of months that have no partition yet.';
alter table stepbase_engine.run_events_default enable row level security;

create trigger run_events_append_only
before update or delete on stepbase.run_events
for each row execute function stepbase_engine.refuse_change();

create trigger run_events_no_truncate
before truncate on stepbase.run_events
for each statement execute function stepbase_engine.refuse_change();

create trigger run_events_default_no_truncate
before truncate on stepbase_engine.run_events_default
for each statement execute function stepbase_engine.refuse_change();

alter table stepbase.run_events enable row level security;

create policy "Members read the events of their app's runs"
on stepbase.run_events for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.run_events to authenticated;
grant select, insert on stepbase.run_events to service_role;
