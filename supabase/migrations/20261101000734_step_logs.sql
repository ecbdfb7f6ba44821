-- Step logs: lines about the work of attempts, for persons. The history of a run does not depend on them: they are
-- bounded per attempt, a worker may lose the last ones, and a step that writes none costs nothing.

create table stepbase.step_logs (
  run_id uuid not null,
  app_code text not null,
  seq bigint not null,
  step_run_id uuid not null,
  step_id text not null,
  item_index int not null,
  attempt int not null,
  level text not null,
  message text not null,
  data jsonb,
  is_truncated boolean not null default false,
  logged_at timestamptz not null default now(),
  constraint step_logs_pkey primary key (run_id, app_code, seq),
  constraint step_logs_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint seq_is_positive check (seq >= 1),
  constraint level_is_known check (level in ('debug', 'info', 'warn', 'error')),
  constraint message_is_short check (length(message) <= 4000),
  constraint data_is_an_object check (jsonb_typeof(data) = 'object')
);

comment on table stepbase.step_logs is
  'Log lines of attempts, written by the engine only: at most 1,000 lines and 256 KB for each attempt. Deleted with the run.';
comment on column stepbase.step_logs.seq is 'Counts from 1 within the run, in the order in which the lines were written.';
-- No foreign key to step_runs: the deletion of a run would look for the lines of each of its step runs.
comment on column stepbase.step_logs.step_run_id is 'The attempt that wrote the line.';
comment on column stepbase.step_logs.step_id is 'The node of the attempt.';
comment on column stepbase.step_logs.item_index is
  '0 for the step itself, from 1 for the items of a for_each, -1 for the compensation of the step.';
comment on column stepbase.step_logs.attempt is 'The number of the attempt.';
comment on column stepbase.step_logs.level is 'debug, info, warn or error.';
comment on column stepbase.step_logs.data is 'Further values, such as {status, duration_ms} of an HTTP call.';
comment on column stepbase.step_logs.is_truncated is
  'The last line of an attempt that wrote more than it may keep; its later lines are dropped.';
comment on column stepbase.step_logs.logged_at is 'When the attempt wrote the line, by the clock of the worker.';

create index idx_step_logs_step_run_id on stepbase.step_logs (step_run_id);

create trigger step_logs_append_only
before update or delete on stepbase.step_logs
for each row execute function stepbase_engine.refuse_change();

create trigger step_logs_no_truncate
before truncate on stepbase.step_logs
for each statement execute function stepbase_engine.refuse_change();

alter table stepbase.step_logs enable row level security;

create policy "Members read the log lines of their app's runs"
on stepbase.step_logs for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.step_logs to authenticated;
grant select, insert on stepbase.step_logs to service_role;
