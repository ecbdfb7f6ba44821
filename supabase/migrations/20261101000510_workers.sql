-- Workers: the processes that execute steps, with their heartbeats.

create table stepbase.workers (
  id uuid primary key default gen_random_uuid(),
  app_code text references stepbase.applications (app_code) on delete cascade,
  project_id uuid,
  worker_id text not null constraint worker_id_is_unique unique,
  task_queue_name text not null default 'default',
  status text not null default 'running' references stepbase.worker_statuses (name),
  hostname text,
  version text,
  mode text not null default 'resident' constraint mode_is_known check (mode in ('resident', 'invocation')),
  executing int not null default 0 constraint executing_is_not_negative check (executing >= 0),
  concurrency int constraint concurrency_is_positive check (concurrency > 0),
  metadata jsonb not null default '{}' constraint metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  last_heartbeat_at timestamptz not null default now(),
  started_at timestamptz not null default now(),
  stopped_at timestamptz,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint stopped_at_matches_status check ((status in ('stopped', 'error')) = (stopped_at is not null)),
  constraint stopped_at_is_after_started_at check (stopped_at >= started_at),
  constraint project_needs_an_app check (project_id is null or app_code is not null),
  constraint worker_project_is_of_same_app
    foreign key (project_id, app_code) references stepbase.projects (id, app_code) on delete cascade
);

comment on table stepbase.workers is 'Worker processes and their latest heartbeats; only workers write it.';
comment on column stepbase.workers.app_code is 'Application it serves; null: all applications.';
comment on column stepbase.workers.worker_id is 'Name that the process chose for itself.';
comment on column stepbase.workers.task_queue_name is 'Task queue it serves; *: all.';
comment on column stepbase.workers.mode is
  'resident: a process that works until it is stopped. invocation: Edge Function calls; those of a region share a row.';
comment on column stepbase.workers.executing is 'Number of steps it executed at its latest heartbeat.';
comment on column stepbase.workers.concurrency is 'Maximum number of steps it executes at the same time.';
comment on column stepbase.workers.metadata is 'Further facts it reports: pid, leased tokens, steps completed and failed, whether it can send mail.';

create index idx_workers_app_code on stepbase.workers (app_code);
create index idx_workers_project_id_app_code on stepbase.workers (project_id, app_code);
create index idx_workers_status_last_heartbeat_at on stepbase.workers (status, last_heartbeat_at);

-- Empty without traces, so the end of a run pays almost nothing for the question.
create index idx_workers_traces on stepbase.workers (status) where metadata ? 'traces';

create trigger workers_cut_errors before insert or update of error_message on stepbase.workers
  for each row when (pg_column_size(new.error_message) > 4096)
  execute function stepbase_private.cut_errors('error_message');
create trigger workers_touch_updated_at before update on stepbase.workers
  for each row execute function stepbase_private.touch_updated_at();

alter table stepbase.workers enable row level security;

grant select on stepbase.workers to authenticated;
grant select, insert, update, delete on stepbase.workers to service_role;

create policy "Members read the workers that serve them" on stepbase.workers
  for select to authenticated
  using (
    (app_code is null or app_code = (select stepbase_private.app_code()))
    and (select stepbase_private.has_permission('worker:read'))
  );
