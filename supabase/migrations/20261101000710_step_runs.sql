-- Step runs: one attempt of one node (or of one item of a for_each node) in one run.

create table stepbase.step_runs (
  id uuid primary key default stepbase_engine.new_id(),
  run_id uuid not null,
  app_code text not null,
  workflow_version_id uuid not null,
  step_id text not null,
  step_type text not null references stepbase.step_types (name),
  item_index int not null default 0,
  attempt int not null default 1,
  status text not null default 'pending' references stepbase.step_statuses (name),
  pending_in int not null default 0,
  taken_in int not null default 0,
  job_id uuid,
  fence int not null default 0,
  item jsonb,
  items_total int,
  next_item int,
  limited_by uuid,
  input jsonb,
  output jsonb,
  handle text,
  error jsonb,
  context_version int,
  wait_kind text,
  wake_at timestamptz,
  signal_name text,
  work_queue_id uuid,
  task jsonb,
  assigned_to uuid references stepbase.users (id) on delete set null,
  assigned_roles text[],
  assigned_users uuid[],
  claimed_by uuid,
  claimed_at timestamptz,
  escalated_at timestamptz,
  completed_by uuid references stepbase.users (id) on delete set null,
  assigned_at timestamptz,
  deadline_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint generated always as (
    (extract(epoch from completed_at - started_at) * 1000)::bigint
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint step_runs_run_step_item_attempt_key unique (run_id, step_id, item_index, attempt),
  constraint step_runs_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint attempt_is_positive check (attempt >= 1),
    constraint counters_are_not_negative check (pending_in >= 0 and taken_in >= 0 and fence >= 0),
  constraint wait_kind_is_known check (
    wait_kind in ('task', 'delay', 'retry', 'signal', 'child', 'items', 'queue', 'callback', 'tools')
  ),
  constraint claim_has_a_person_and_a_time check ((claimed_by is null) = (claimed_at is null)),
  constraint waiting_has_a_kind check (status <> 'waiting' or wait_kind is not null),
  constraint running_has_a_token check (status <> 'running' or job_id is not null),
  constraint completed_at_matches_status check (
    (completed_at is not null) = (status in ('completed', 'failed', 'skipped', 'cancelled'))
  ),
  constraint failed_has_an_error check (status <> 'failed' or error is not null),
  constraint context_version_matches_status check (
    case
      when item_index <> 0 or status not in ('completed', 'failed') then context_version is null
      when status = 'completed' then coalesce(context_version >= 1, false)
      else context_version is null or context_version >= 1
    end
  )
);

comment on table stepbase.step_runs is 'One attempt of one node in a run; written by the engine only.';
-- No foreign key to workflow_nodes: saving a draft deletes its nodes, which would read every step run, or need one more
-- index on the table with the most writes. sync_workflow_graph() keeps the nodes of a version that has runs.
comment on column stepbase.step_runs.step_id is 'Node of the version of the run.';
comment on column stepbase.step_runs.item_index is
  '0 for the step itself, from 1 for the items of a for_each, -1 for the compensation of the step, '
  'below -1 for the tools of an agent and their approvals (agent_tool_calls).';
comment on column stepbase.step_runs.attempt is 'Attempts count from 1; every attempt keeps its row.';
comment on column stepbase.step_runs.pending_in is 'Incoming edges that are not resolved yet.';
comment on column stepbase.step_runs.taken_in is 'Incoming edges that were taken.';
comment on column stepbase.step_runs.job_id is 'The pg-boss job (token) that carries this step run.';
comment on column stepbase.step_runs.fence is
  'The fencing token: each claim of this attempt increases it, and a result with another number is refused.';
comment on column stepbase.step_runs.item is 'The element of the list, on an item of a for_each; {type, component_id?, config} on a tool of an agent.';
comment on column stepbase.step_runs.items_total is 'The number of items of a for_each; its pending_in counts the unfinished ones.';
comment on column stepbase.step_runs.next_item is 'The first item of a for_each that has not started.';
comment on column stepbase.step_runs.limited_by is
  'The task queue whose max_concurrent_activities applies to the step; null: none.';
comment on column stepbase.step_runs.input is 'The resolved config, with the names of secrets instead of their values.';
comment on column stepbase.step_runs.handle is 'The sourceHandle that the step chose, e.g. true, false, approved, error.';
comment on column stepbase.step_runs.error is '{code, message, retryable, details?}.';
comment on column stepbase.step_runs.context_version is
  'The version of the run context that this result made, see run_context. A completed step has one, and a failed step '
  'after which the run continued. Gapless per run, from 1; null for every other row.';
comment on column stepbase.step_runs.wait_kind is 'What the step waits for, or waited for last.';
comment on column stepbase.step_runs.wake_at is
  'When a waiting step is due (delay, retry or deadline); null while that timer of a paused run is suspended.';
comment on column stepbase.step_runs.signal_name is 'The signal that a waiting step waits for.';
comment on column stepbase.step_runs.work_queue_id is 'The work queue whose next item a waiting step waits for.';
comment on column stepbase.step_runs.task is
  'The task: the config of its step, e.g. {title, description?, form?, approvals_required?}.';
comment on column stepbase.step_runs.assigned_at is
  'When the task was assigned. If the assignee was deleted since, only members with member:manage may complete it.';
-- No foreign key: a role can be deleted while finished tasks still name it.
comment on column stepbase.step_runs.assigned_roles is
  'Roles of the application (app_roles) whose members may complete the task; null: every role with task:complete.';
-- No foreign keys: the ids of persons who have left the application give no access, and their claims do not count.
comment on column stepbase.step_runs.assigned_users is
  'Users who may complete the task, if assigned_to of the step is an array; null otherwise.';
comment on column stepbase.step_runs.claimed_by is
  'The person who works on the task: no one else can complete it. A claim of a person who is not a member any more does '
  'not count.';
comment on column stepbase.step_runs.escalated_at is 'When the task was escalated, because it was not completed in time.';

-- On PostgreSQL 18 the built-in function saves a function call per row.
do $do$
begin
  if current_setting('server_version_num')::int >= 180000 then
    alter table stepbase.runs alter column id set default uuidv7();
    alter table stepbase.step_runs alter column id set default uuidv7();
  end if;
end;
$do$;

-- docs/internals/indexes.md lists the queries that need each index.
create index idx_step_runs_job_id on stepbase.step_runs (job_id)
where status in ('ready', 'running');
-- Ready steps without a token: of paused runs, of runs that an incident switch suspends, and of reruns that have not
-- started.
create index idx_step_runs_without_token on stepbase.step_runs (app_code, workflow_version_id, run_id)
where status = 'ready' and job_id is null and limited_by is null;
create unique index idx_step_runs_run_id_context_version on stepbase.step_runs (run_id, context_version)
where context_version is not null;
create index idx_step_runs_wake_at on stepbase.step_runs (wake_at)
where status = 'waiting' and wake_at is not null;
create index idx_step_runs_tasks on stepbase.step_runs (app_code, created_at)
where status = 'waiting' and wait_kind = 'task';
create index idx_step_runs_signal on stepbase.step_runs (run_id, signal_name)
where status = 'waiting' and wait_kind = 'signal';
create index idx_step_runs_work_queue on stepbase.step_runs (work_queue_id, created_at, id)
where status = 'waiting' and wait_kind = 'queue';
create index idx_step_runs_assigned_to on stepbase.step_runs (assigned_to, status)
where assigned_to is not null;
create index idx_step_runs_completed_by on stepbase.step_runs (completed_by)
where completed_by is not null;

create trigger step_runs_cut_errors before insert or update of error on stepbase.step_runs
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');
create trigger step_runs_check_transition
before update of status on stepbase.step_runs
for each row when (old.status is distinct from new.status)
execute function stepbase_engine.check_transition('step');

alter table stepbase.step_runs enable row level security;

create policy "Members read the step runs of their app, assignees their tasks"
on stepbase.step_runs for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (
    (select stepbase_private.has_permission('run:read'))
    or assigned_to = (select auth.uid())
    or (select auth.uid()) = any (assigned_users)
  )
);

grant select on stepbase.step_runs to authenticated;
grant select, insert, update, delete on stepbase.step_runs to service_role;
