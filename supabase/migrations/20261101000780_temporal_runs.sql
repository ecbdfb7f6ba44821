-- Runs that Temporal executes: which engine a run gets, and how far its history is mirrored. The bridge (temporal/)
-- reads the history of the workflow and writes what happened by the functions of *_mirror_temporal.sql.

create table stepbase.temporal_runs (
  run_id uuid not null,
  app_code text not null,
  namespace text not null,
  task_queue text not null,
  workflow_type text,
  temporal_run_id text,
  last_event_id bigint not null default 0 constraint last_event_id_is_not_negative check (last_event_id >= 0),
  compilation_id uuid,
  problem text,
  created_at timestamptz not null default stepbase_engine.now(),
  mirrored_at timestamptz,
  closed_at timestamptz,
  constraint temporal_runs_pkey primary key (run_id, app_code),
  constraint temporal_run_is_of_same_app foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint temporal_run_compilation_is_of_same_app foreign key (compilation_id, app_code)
    references stepbase.workflow_compilations (id, app_code) on delete set null (compilation_id)
);

comment on table stepbase.temporal_runs is
  'Runs that Temporal executes; the workflow id there is the id of the run. Written by the bridge only.';
comment on column stepbase.temporal_runs.task_queue is 'Task queue of its workflow in Temporal.';
comment on column stepbase.temporal_runs.workflow_type is 'Name of the compiled workflow function; null: the version was not compiled.';
comment on column stepbase.temporal_runs.temporal_run_id is
  'The execution that is mirrored: the newest of the workflow, after it continued as new. Null until the bridge has seen it.';
comment on column stepbase.temporal_runs.last_event_id is
  'The last event of its history that is applied. It commits with the rows that it changed, so each event counts once.';
comment on column stepbase.temporal_runs.problem is 'Why the bridge could not do its latest work for the run; null: nothing is wrong.';
comment on column stepbase.temporal_runs.closed_at is 'When the end of the workflow was mirrored.';

-- The bridge looks for the runs that it follows.
create index idx_temporal_runs_open on stepbase.temporal_runs (run_id) where closed_at is null;
create index idx_temporal_runs_compilation_id on stepbase.temporal_runs (compilation_id, app_code);

create trigger temporal_runs_cut_errors before insert or update of problem on stepbase.temporal_runs
  for each row when (new.problem is not null)
  execute function stepbase_private.cut_errors('problem');

alter table stepbase.temporal_runs enable row level security;

grant select on stepbase.temporal_runs to authenticated;
grant select, insert, update, delete on stepbase.temporal_runs to service_role;

create policy "Members read the executions of their runs in Temporal" on stepbase.temporal_runs
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('run:read')));

create table stepbase_engine.temporal_commands (
  id bigint primary key generated always as identity,
  run_id uuid not null,
  app_code text not null,
  kind text not null constraint kind_is_known check (kind in ('start', 'resolve', 'reject', 'pause', 'resume', 'end')),
  payload jsonb not null default '{}',
  attempts int not null default 0,
  leased_until timestamptz,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint temporal_command_run_is_of_same_app foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade
);

comment on table stepbase_engine.temporal_commands is
  'What the database decided about runs in Temporal and the bridge has not delivered yet. Each is written in the '
  'transaction that decided; the bridge deletes it after Temporal has accepted it.';
comment on column stepbase_engine.temporal_commands.id is
  'Ascends within a run in the order of its transactions, which lock the run. The workflow skips ids that it has seen.';
comment on column stepbase_engine.temporal_commands.leased_until is
  'A bridge delivers it until then, and no other one delivers a later command of the run.';

create index idx_temporal_commands_run_id on stepbase_engine.temporal_commands (run_id, app_code, id);
-- The bridge takes the oldest commands of each application.
create index idx_temporal_commands_app_code on stepbase_engine.temporal_commands (app_code, id);

alter table stepbase_engine.temporal_commands enable row level security;

create table stepbase_engine.temporal_bridges (
  bridge_id text primary key,
  address text not null,
  version text not null,
  facts jsonb not null default '{}',
  started_at timestamptz not null,
  last_heartbeat_at timestamptz not null
);

comment on table stepbase_engine.temporal_bridges is
  'The bridges to Temporal and their latest heartbeats. They are no workers: what asks for live workers must not count them.';

alter table stepbase_engine.temporal_bridges enable row level security;

create function stepbase_engine.engine_of(p_app_code text, p_execution_engine text, p_task_queue_id uuid)
returns text
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
begin
  if p_execution_engine is null then
    if p_task_queue_id is null then
      select q.execution_engine into p_execution_engine
      from stepbase.task_queues q where q.app_code = p_app_code and q.name = 'default';
    else
      select q.execution_engine into p_execution_engine from stepbase.task_queues q where q.id = p_task_queue_id;
    end if;
  end if;
  return nullif(p_execution_engine, 'postgres');
end;
$$;

comment on function stepbase_engine.engine_of(text, text, uuid) is
  'The engine of the runs of a workflow that has this execution_engine and task queue, as runs.execution_engine stores it: '
  'null for the workers of Stepbase.';
