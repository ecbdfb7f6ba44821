-- The kernel's types. This block is the state machine of runs; read it in the order of the files.
--
-- Run. A row of stepbase.runs: one execution of a published workflow version. It is pending until a worker
-- starts it, running (or paused) until its last open step is resolved, and then completed, failed, cancelled
-- or timed_out. stepbase_engine.transitions lists every legal change of status.
--
-- Step run. A row of stepbase.step_runs: one attempt of one node in one run. item_index is 0 for the step
-- itself, from 1 for the items of a for_each, and -1 for the compensation of the step. A step run is open
-- while it is ready, running or waiting. A run ends when its count of open steps reaches 0.
--
-- Token. A job of the queue that carries one or more branches of one run; step_runs.job_id names it. A linear
-- run needs a single token: complete returns the next steps of the same branch, and the worker continues
-- with them. A wait or the last step of a branch ends the token, and the engine creates a new one when the
-- wait is over. Only the functions of *_tokens.sql and *_queue_start.sql touch
-- the queue's tables.
--
-- Lease. A worker that fetched a token holds a lease on that delivery of it, and renews it. When the lease
-- expires, the token returns to the queue and another worker claims its steps. Each claim increases
-- step_runs.fence, the fencing token: a result counts only with the number that is current, so a
-- worker that lost its lease changes nothing.
--
-- Transition. claim, complete, fail and wait each serve steps of many runs in one transaction: write the
-- step runs, follow the edges (resolve_edges), then write events and counters (append_events).
--
-- Lock order. Every transaction takes its locks in this order and, within one kind, in the order of ids:
--   1. stepbase_engine.admission    admit, wake (for update)
--   2. stepbase.runs                every transition, first (for no key update)
--   3. stepbase_engine.flow_backlog, then run_backlog  admit_flow and admit_runs (skip locked), end_runs,
--                                   remove_from_backlog
--   4. stepbase.step_runs           after the lock of their run; a row lock of their own is never waited for
--   5. the queue's jobs            end_tokens, leased_tokens; renew_leases and return_tokens skip locked jobs
--   6. stepbase.work_queues         push_work_item, wait_for_items, the relay
-- No transition locks both a parent and its child: the end of one reaches the other through an outbox row
-- (announce_ended), and the relay locks all runs that it will touch in one statement.

create type stepbase_engine.event as (
  run_id uuid,
  app_code text,
  event_type text,
  step_id text,
  item_index int,
  attempt int,
  status text,
  open_delta int,
  done_delta int,
  context_delta int,
  actor_id uuid,
  payload jsonb
);

comment on type stepbase_engine.event is
  'A run event that has no seq yet, and its effect on the counters of the run: open_delta (open_steps), '
  'done_delta (steps_completed), context_delta (context_version). Build it with step_event or run_event.';

create type stepbase_engine.work as (
  job_id uuid,
  run_id uuid,
  app_code text,
  workflow_version_id uuid,
  step_run_id uuid,
  step_id text,
  item_index int,
  attempt int,
  fence int
);

comment on type stepbase_engine.work is
  'A step run to execute: the worker that receives it answers with complete, fail or wait and the same fence. '
  'Fence 0 marks a run that refused a result: the worker must forget its cached data of that run.';

create type stepbase_engine.eager_result as (
  run_id uuid,
  step_id text,
  after_id text,
  input jsonb,
  output jsonb,
  handle text,
  details jsonb,
  job_id uuid
);

comment on type stepbase_engine.eager_result is
  'The result of a step that a worker executed eagerly, before the step had a step run. after_id is the step '
  'that it follows, or empty for the first step of a pending run; then job_id is the token of that run.';

-- The two constructors are in PL/pgSQL: with its fixed search_path an SQL function cannot be inlined, and
-- called without inlining it costs ten times as much.
create function stepbase_engine.step_event(
  p_event_type text,
  p_run_id uuid,
  p_app_code text,
  p_step_id text,
  p_item_index int,
  p_attempt int,
  p_status text,
  p_open_delta int default 0,
  p_done_delta int default 0,
  p_context_delta int default 0,
  p_actor_id uuid default null,
  p_payload jsonb default '{}'
)
returns stepbase_engine.event
language plpgsql
immutable
set search_path = ''
as $$
begin
  return row(
    p_run_id, p_app_code, p_event_type, p_step_id, p_item_index, p_attempt, p_status,
    p_open_delta, p_done_delta, p_context_delta, p_actor_id, p_payload
  )::stepbase_engine.event;
end;
$$;

comment on function stepbase_engine.step_event(
  text, uuid, text, text, int, int, text, int, int, int, uuid, jsonb
) is
  'Builds an event of a step run. p_status is the new status of the step. The deltas say how the run''s counts of '
  'open steps, resolved steps and context patches change.';

create function stepbase_engine.run_event(
  p_event_type text,
  p_run_id uuid,
  p_app_code text,
  p_status text,
  p_actor_id uuid default null,
  p_payload jsonb default '{}'
)
returns stepbase_engine.event
language plpgsql
immutable
set search_path = ''
as $$
begin
  return row(
    p_run_id, p_app_code, p_event_type, null, null, null, p_status, 0, 0, 0, p_actor_id, p_payload
  )::stepbase_engine.event;
end;
$$;

comment on function stepbase_engine.run_event(text, uuid, text, text, uuid, jsonb) is
  'Builds an event of a run as a whole; it changes no counter. p_status is the status of the run.';
