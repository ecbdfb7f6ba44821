-- The shapes that the engine's functions pass among themselves and to workers.

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
'A run event before it has its seq, with what it changes in the run''s counters: open_delta (open_steps), '
'done_delta (steps_completed), context_delta (context_version).';

create type stepbase_engine.work as (
  job_id uuid,
  run_id uuid,
  app_code text,
  workflow_version_id uuid,
  step_run_id uuid,
  step_id text,
  item_index int,
  attempt int,
  claim int
);

comment on type stepbase_engine.work is
'A step run that the calling worker now carries: it executes it and answers with complete, fail or wait. '
'With claim 0 it is a run that took not all of the worker''s answers: what the worker remembers of it may be wrong.';

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
'What a worker says of a step that it ran ahead: it has no side effects, so it ran before it had a step run. '
'after_id is the step that it follows; empty for the first step of a run that starts with this answer, whose token '
'is job_id.';
