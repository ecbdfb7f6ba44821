-- Signals that were sent to runs. A signal is kept until a step waits for it, and consumed once.

create table stepbase.run_signals (
  id uuid primary key default stepbase_engine.new_id(),
  run_id uuid not null,
  app_code text not null,
  signal_name text not null,
  payload jsonb not null default '{}',
  sent_key text,
  sent_by uuid references stepbase.users (id) on delete set null,
  step_run_id uuid references stepbase.step_runs (id) on delete set null,
  created_at timestamptz not null default stepbase_engine.now(),
  consumed_at timestamptz,
  constraint run_signals_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint signal_name_is_simple check (signal_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  constraint consumed_by_a_step check (step_run_id is null or consumed_at is not null)
);

comment on table stepbase.run_signals is 'Signals sent to runs; a waiting step consumes the oldest of its name.';
comment on column stepbase.run_signals.sent_key is 'run:step:item of the step that sent it, the same for all attempts; null if a client sent it.';
comment on column stepbase.run_signals.step_run_id is 'The step that consumed it.';
comment on column stepbase.run_signals.consumed_at is 'When a step consumed it; null until then.';

create index idx_run_signals_run_id_app_code
on stepbase.run_signals (run_id, app_code, signal_name, created_at);
create unique index idx_run_signals_sent_key
on stepbase.run_signals (run_id, sent_key) where sent_key is not null;
create index idx_run_signals_sent_by on stepbase.run_signals (sent_by) where sent_by is not null;
create index idx_run_signals_step_run_id on stepbase.run_signals (step_run_id)
where step_run_id is not null;

alter table stepbase.run_signals enable row level security;

create policy "Members read the signals of their app's runs"
on stepbase.run_signals for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.run_signals to authenticated;
grant select, insert, update, delete on stepbase.run_signals to service_role;
