-- Operations on many runs: cancel, pause, resume, redrive, rerun or signal the runs that a filter selected. The row
-- shows the progress; workers act on the runs in slices.

create table stepbase.run_operations (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  action text not null
    constraint action_is_known check (action in ('cancel', 'pause', 'resume', 'redrive', 'rerun', 'signal')),
  filter jsonb not null constraint filter_is_an_object check (jsonb_typeof(filter) = 'object'),
  reason text constraint reason_has_1_to_1000_characters check (length(reason) between 1 and 1000),
  is_forced boolean not null default false,
  signal jsonb
    constraint signal_has_a_name_and_a_payload check (signal ?& '{name,payload}' and signal - '{name,payload}'::text[] = '{}')
    constraint signal_has_at_most_64_kib check (octet_length(signal::text) <= 65536),
  max_per_minute int constraint max_per_minute_is_from_1_to_10000 check (max_per_minute between 1 and 10000),
  previewed_at timestamptz not null,
  status text not null default 'running'
    constraint status_is_known check (status in ('running', 'completed', 'stopped')),
  total int not null constraint at_most_10000_runs check (total between 0 and 10000),
  done int not null default 0 constraint done_is_not_negative check (done >= 0),
  failed int not null default 0 constraint failed_is_not_negative check (failed >= 0),
  skipped int not null default 0 constraint skipped_is_not_negative check (skipped >= 0),
  last_error jsonb constraint last_error_is_an_object check (jsonb_typeof(last_error) = 'object'),
  created_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  next_slice_at timestamptz,
  announced_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint run_operations_id_app_code_key unique (id, app_code),
  constraint only_cancel_and_redrive_are_forced check (not is_forced or action in ('cancel', 'redrive')),
  constraint only_signal_has_a_signal check ((action = 'signal') = (signal is not null)),
  constraint each_run_is_counted_once check (done + failed + skipped <= total),
  constraint a_completed_operation_counts_every_run check (status <> 'completed' or done + failed + skipped = total),
  constraint an_ended_operation_has_a_time check ((ended_at is null) = (status = 'running'))
);

comment on table stepbase.run_operations is
  'Operations on many runs with their progress. Started and stopped by RPCs, written by the engine; kept for the run '
  'retention of the application, at most 30 days.';
comment on column stepbase.run_operations.filter is 'The filter that selected the runs when the operation started.';
comment on column stepbase.run_operations.reason is 'Why; the error message of runs that the operation cancels.';
comment on column stepbase.run_operations.is_forced is
  'cancel: the runs end without compensation; redrive: also dead letters that were redriven before.';
comment on column stepbase.run_operations.signal is
  'signal: what each run gets, {name, payload}; null for the other actions.';
comment on column stepbase.run_operations.max_per_minute is
  'On how many runs the operation acts in a minute, so that what they call is not overloaded; null: as fast as it can.';
comment on column stepbase.run_operations.previewed_at is 'Runs that were created after the preview are not selected.';
comment on column stepbase.run_operations.status is
  'running: slices follow; completed: every run is counted; stopped: a member stopped it before the last run.';
comment on column stepbase.run_operations.total is 'Selected runs.';
comment on column stepbase.run_operations.done is 'Runs on which the operation had its effect.';
comment on column stepbase.run_operations.failed is 'Runs that refused the action; see run_operation_failures.';
comment on column stepbase.run_operations.skipped is
  'Runs whose status changed before the operation came to them, such as a run that had ended.';
comment on column stepbase.run_operations.last_error is
  'Why the latest run failed, or why the operation waits: {code, message, at, …}.';
comment on column stepbase.run_operations.next_slice_at is
  'The operation waits until then, because of max_per_minute or because a limit refused a start; null: the next slice follows '
  'at once.';
comment on column stepbase.run_operations.announced_at is 'When subscribers of Realtime got the latest message.';

create index idx_run_operations_app_code_created_at on stepbase.run_operations (app_code, created_at);
create index idx_run_operations_created_by on stepbase.run_operations (created_by) where created_by is not null;
create index idx_run_operations_running on stepbase.run_operations (app_code, created_at) where status = 'running';

create trigger run_operations_cut_errors before insert or update of last_error on stepbase.run_operations
  for each row when (pg_column_size(new.last_error) > 12288)
  execute function stepbase_private.cut_errors('last_error');

create table stepbase.run_operation_failures (
  operation_id uuid not null,
  run_id uuid not null,
  app_code text not null,
  code text not null,
  message text not null constraint message_has_at_most_1000_characters check (length(message) <= 1000),
  created_at timestamptz not null default now(),
  constraint run_operation_failures_pkey primary key (operation_id, app_code, run_id),
  constraint failure_operation_is_of_same_app
    foreign key (operation_id, app_code) references stepbase.run_operations (id, app_code) on delete cascade
);

comment on table stepbase.run_operation_failures is
  'Runs on which an operation failed, with the error: the first 1000 of each operation.';
comment on column stepbase.run_operation_failures.run_id is 'The run; no foreign key, so that the row outlives the run.';
comment on column stepbase.run_operation_failures.code is 'A code of stepbase.error_codes, engine_error or engine_timeout.';

-- Not in run_operations, so that clients that follow the progress do not read the ids each time.
create table stepbase_engine.selected_runs (
  operation_id uuid primary key references stepbase.run_operations (id) on delete cascade,
  run_ids uuid[] not null
);

comment on table stepbase_engine.selected_runs is
  'The runs of a running operation, in the order in which it acts on them. done + failed + skipped of the operation is the '
  'place of the last one that it acted on.';

-- One row for each slice, so that no slice writes the ids of the slices before it again.
create table stepbase_engine.operation_effects (
  operation_id uuid not null references stepbase.run_operations (id) on delete cascade,
  place int not null,
  run_ids uuid[] not null,
  constraint operation_effects_pkey primary key (operation_id, place)
);

comment on table stepbase_engine.operation_effects is
  'The runs that the slices of an operation changed; for redrive and rerun, the runs that they started. The condition '
  'operation of a filter selects them, so that a member can find them and take the operation back.';
comment on column stepbase_engine.operation_effects.place is 'How many runs the operation had acted on before the slice.';

alter table stepbase.run_operations enable row level security;
alter table stepbase.run_operation_failures enable row level security;
alter table stepbase_engine.selected_runs enable row level security;
alter table stepbase_engine.operation_effects enable row level security;
grant select on stepbase.run_operations, stepbase.run_operation_failures to authenticated;
grant select, insert, update, delete on stepbase.run_operations, stepbase.run_operation_failures to service_role;

create policy "Members read the operations of their app" on stepbase.run_operations
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('run:read')));

create policy "Members read the failures of their operations" on stepbase.run_operation_failures
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('run:read')));

-- The messages of an operation. Security definer: the RPCs that start and stop operations have the rights of a client.
create function stepbase_engine.announce_operation()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if to_regclass('realtime.messages') is not null then
    insert into realtime.messages (id, topic, extension, payload, event, private)
    values (
      stepbase_engine.new_id(), 'stepbase:app:' || new.app_code || ':operations', 'broadcast',
      jsonb_build_object(
        'operation_id', new.id, 'action', new.action, 'status', new.status, 'total', new.total, 'done', new.done,
        'failed', new.failed, 'skipped', new.skipped, 'at', new.announced_at
      ),
      'operation', true
    );
  end if;
  return null;
exception
  -- There is no partition for today: no client listens yet.
  when check_violation then
    return null;
  -- The message is lost and the operation continues: clients read the row.
  when others then
    raise warning 'stepbase: a broadcast failed: %', sqlerrm;
    return null;
end;
$$;

comment on function stepbase_engine.announce_operation() is
  'Trigger function: sends a private Realtime message about an operation. Topic stepbase:app:<app_code>:operations, event '
  'operation: {operation_id, action, status, total, done, failed, skipped, at}.';

create trigger run_operations_announce_start after insert on stepbase.run_operations
  for each row execute function stepbase_engine.announce_operation();
create trigger run_operations_announce after update of announced_at on stepbase.run_operations
  for each row when (new.announced_at is distinct from old.announced_at)
  execute function stepbase_engine.announce_operation();
