-- Runs: one execution of a workflow version for one input.

create table stepbase.runs (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  workflow_id uuid not null,
  workflow_version_id uuid not null,
  status text not null default 'pending' references stepbase.run_statuses (name),
  trigger_type text not null default 'manual' references stepbase.trigger_types (name),
  priority smallint not null default 0,
  input jsonb not null default '{}',
  output jsonb,
  error jsonb,
  pending_outcome jsonb,
  metadata jsonb not null default '{}',
  tags text[],
  idempotency_key text,
  trace_id text not null default replace(stepbase_engine.new_id()::text, '-', ''),
  parent_run_id uuid,
  parent_step_run_id uuid,
  parent_close_policy text references stepbase.parent_close_policies (name),
  origin_run_id uuid,
  rerun_from_step text,
  edits jsonb,
  canary_id uuid,
  execution_engine text references stepbase.execution_engines (name),
  created_by uuid references stepbase.users (id) on delete set null,
  current_step text,
  steps_total int not null default 0,
  steps_completed int not null default 0,
  open_steps int not null default 0,
  event_seq bigint not null default 0,
  context_version int not null default 0,
  is_limited boolean not null default false,
  start_at timestamptz,
  held_by text,
  deadline_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  paused_at timestamptz,
  duration_ms bigint generated always as (
    (extract(epoch from completed_at - started_at) * 1000)::bigint
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint runs_id_app_code_key unique (id, app_code),
  -- No foreign key from app_code to applications: the workflow of the run has one with the same app_code.
  constraint runs_workflow_fkey foreign key (workflow_id, app_code)
    references stepbase.workflows (id, app_code),
  constraint runs_workflow_version_fkey foreign key (workflow_version_id, app_code)
    references stepbase.workflow_versions (id, app_code),
  constraint runs_parent_run_fkey foreign key (parent_run_id, app_code)
    references stepbase.runs (id, app_code),
  constraint runs_origin_run_fkey foreign key (origin_run_id, app_code)
    references stepbase.runs (id, app_code),
  constraint input_is_an_object check (jsonb_typeof(input) = 'object'),
  constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  -- One expression over all tags: a check cannot contain a query. No tag has a control character.
  constraint tags_are_1_to_16_of_1_to_64_characters check (
    tags is null or (
      array_position(tags, null) is null
      and array_to_string(tags, chr(31)) ~ '^[^[:cntrl:]]{1,64}(\x1f[^[:cntrl:]]{1,64}){0,15}$'
    )
  ),
  constraint held_by_is_known check (held_by in ('start_at')),
  constraint held_run_has_not_started check (held_by is null or status not in ('running', 'completed')),
  constraint priority_is_between_minus_100_and_100 check (priority between -100 and 100),
  constraint idempotency_key_is_short check (length(idempotency_key) between 1 and 255),
  constraint counters_are_not_negative check (
    steps_total >= 0 and steps_completed >= 0 and open_steps >= 0
    and event_seq >= 0 and context_version >= 0
  ),
  constraint completed_at_matches_status check (
    (completed_at is not null) = (status in ('completed', 'failed', 'cancelled', 'timed_out'))
  ),
  constraint pending_outcome_only_while_running check (pending_outcome is null or status = 'running'),
  constraint running_has_started check (status <> 'running' or started_at is not null),
  constraint completed_at_is_after_started_at check (completed_at >= started_at),
  constraint error_only_when_not_completed check (error is null or status <> 'completed')
)
-- Every step of a run updates its row. Free space on the page keeps the new version there (HOT).
with (fillfactor = 70);

comment on table stepbase.runs is 'One execution of a workflow version; written by the engine only.';
comment on column stepbase.runs.priority is 'Orders the waiting runs of an app: higher starts first; -100 to 100.';
comment on column stepbase.runs.tags is 'Chosen by the caller, 1 to 16; null: none.';
comment on column stepbase.runs.start_at is 'The run does not start before this time; null: it starts at once.';
comment on column stepbase.runs.held_by is
  'Why a pending run is in neither the queue nor the backlog: start_at until that time. Null for other runs.';
comment on column stepbase.runs.output is 'Object of the outputs of the end nodes, by node id; set on completion.';
comment on column stepbase.runs.error is 'Why the run did not complete: {code, message, step_id?, details?}.';
comment on column stepbase.runs.pending_outcome is
  'How a run that compensates will end: {status, error, actor_id}; null for other runs.';
comment on column stepbase.runs.idempotency_key is
  'Chosen by the caller, unique per app: a repeated key returns the first run.';
comment on column stepbase.runs.trace_id is 'W3C trace id (32 hex digits), passed on by HTTP steps.';
comment on column stepbase.runs.parent_run_id is 'The run whose child_workflow step started this one.';
comment on column stepbase.runs.parent_step_run_id is 'The step run that waits for (or started) this run.';
comment on column stepbase.runs.parent_close_policy is
  'What happens to this run when its parent ends first; null without a parent.';
comment on column stepbase.runs.origin_run_id is 'The run that this one reruns.';
comment on column stepbase.runs.rerun_from_step is 'The node a rerun began at; null for a whole rerun.';
comment on column stepbase.runs.edits is
  'What a rerun got instead of the values of its origin: {input: true, outputs: [steps], reason?}; created_by is the editor. '
  'Null: nothing was edited.';
-- No foreign key: it would queue a check for each start.
comment on column stepbase.runs.canary_id is
  'The canary that was running when the run of its version started; null for other runs.';
comment on column stepbase.runs.execution_engine is 'What executes the run: temporal; null: the workers of Stepbase.';
comment on column stepbase.runs.current_step is 'The node the run most recently entered.';
comment on column stepbase.runs.steps_total is 'Nodes of the version.';
comment on column stepbase.runs.steps_completed is 'Nodes that are resolved: completed, skipped or failed and continued.';
comment on column stepbase.runs.open_steps is 'Step runs that are ready, running or waiting; the run ends at 0.';
comment on column stepbase.runs.event_seq is 'The seq of the newest run event; gapless per run.';
comment on column stepbase.runs.context_version is 'The newest version of the run context; gapless per run.';
comment on column stepbase.runs.is_limited is 'Holds a concurrency slot of a limit on runs, or waits for one.';
comment on column stepbase.runs.deadline_at is
  'When the run exceeds the execution_timeout_seconds of its workflow. Until the run starts it is counted from the '
  'creation, then from the start.';
comment on column stepbase.runs.duration_ms is 'Milliseconds from start to end.';

create unique index idx_runs_app_code_idempotency_key
on stepbase.runs (app_code, idempotency_key) where idempotency_key is not null;
-- docs/internals/indexes.md lists the queries that need each index.
-- These indexes do not end with id: on a young table the planner would use them to check foreign keys on
-- (id, app_code), and read all entries of an app for each check. They ascend, although lists begin with the newest run:
-- PostgreSQL fills the pages of an index that grows at the end of each group, and leaves them half empty if it grows at
-- the beginning.
create index idx_runs_app_code_created_at on stepbase.runs (app_code, created_at);
create index idx_runs_app_code_status_created_at on stepbase.runs (app_code, status, created_at);
create index idx_runs_workflow_id on stepbase.runs (workflow_id, app_code, created_at);
create index idx_runs_workflow_version_id on stepbase.runs (workflow_version_id, app_code);
create index idx_runs_parent_run_id on stepbase.runs (parent_run_id, app_code)
where parent_run_id is not null;
create index idx_runs_origin_run_id on stepbase.runs (origin_run_id, app_code)
where origin_run_id is not null;
create index idx_runs_canary on stepbase.runs (canary_id, completed_at)
where canary_id is not null and status in ('completed', 'failed', 'timed_out');
create index idx_runs_created_by on stepbase.runs (created_by, app_code, created_at) where created_by is not null;
create index idx_runs_error_code on stepbase.runs (app_code, (error ->> 'code'), created_at) where error is not null;
-- Trace ids are ordered by time, as the ids are: random ones would write another page of the index for each run.
create index idx_runs_trace_id on stepbase.runs (trace_id);
-- Only runs that have started can exceed their deadline.
create index idx_runs_deadline_at on stepbase.runs (deadline_at)
where deadline_at is not null and completed_at is null and started_at is not null;

-- Only runs that are held have entries.
create index idx_runs_start_at on stepbase.runs (start_at) where held_by = 'start_at' and status = 'pending';
create index idx_runs_held on stepbase.runs (app_code) where held_by is not null and status = 'pending';

-- The open runs of a schedule, for its overlap policy. Other runs are not in it.
create index idx_runs_open_of_schedule on stepbase.runs ((metadata ->> 'schedule_id'))
where trigger_type = 'schedule' and completed_at is null;

create trigger runs_cut_errors before insert or update of error, pending_outcome on stepbase.runs
  for each row when (pg_column_size(new.error) > 12288 or pg_column_size(new.pending_outcome) > 12288)
  execute function stepbase_private.cut_errors('error', 'pending_outcome');
create trigger runs_check_transition
before update of status on stepbase.runs
for each row when (old.status is distinct from new.status)
execute function stepbase_engine.check_transition('run');

alter table stepbase.runs enable row level security;

create policy "Members read the runs of their app"
on stepbase.runs for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.runs to authenticated;
grant select, insert, update, delete on stepbase.runs to service_role;
