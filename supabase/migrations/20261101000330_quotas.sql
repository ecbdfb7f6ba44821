-- Quotas: limits that keep one application from using up what all applications share. Each application has a row, which
-- the operator changes; the defaults are those of the columns.

create table stepbase.app_quotas (
  app_code text primary key references stepbase.applications (app_code) on delete cascade,
  max_open_runs int not null default 100000
    constraint max_open_runs_is_positive check (max_open_runs > 0),
  max_descendants int not null default 10000
    constraint max_descendants_is_positive check (max_descendants > 0),
  max_runs_per_event int not null default 100
    constraint max_runs_per_event_is_positive check (max_runs_per_event > 0),
  max_streams int not null default 100
    constraint max_streams_is_positive check (max_streams > 0),
  max_stored_bytes bigint not null default 10737418240
    constraint max_stored_bytes_is_positive check (max_stored_bytes > 0),
  max_llm_calls_per_day bigint not null default 10000
    constraint max_llm_calls_per_day_is_not_negative check (max_llm_calls_per_day >= 0),
  max_llm_tokens_per_day bigint not null default 20000000
    constraint max_llm_tokens_per_day_is_not_negative check (max_llm_tokens_per_day >= 0),
  max_ai_cost_per_day numeric
    constraint max_ai_cost_per_day_is_from_0_to_a_billion check (max_ai_cost_per_day between 0 and 1000000000),
  max_ai_cost_per_month numeric
    constraint max_ai_cost_per_month_is_from_0_to_a_billion check (max_ai_cost_per_month between 0 and 1000000000),
  unpriced_models text not null default 'allow'
    constraint unpriced_models_is_known check (unpriced_models in ('allow', 'refuse')),
  max_mails_per_day bigint not null default 1000
    constraint max_mails_per_day_is_not_negative check (max_mails_per_day >= 0),
  max_run_retention_days double precision not null default 36500
    constraint max_run_retention_is_between_1_second_and_100_years
      check (max_run_retention_days between 0.00001 and 36500),
  max_event_retention_days int not null default 36500
    constraint max_event_retention_is_between_1_day_and_100_years check (max_event_retention_days between 1 and 36500),
  min_audit_retention_days int not null default 1
    constraint min_audit_retention_is_between_1_day_and_100_years check (min_audit_retention_days between 1 and 36500),
  max_audit_retention_days int not null default 36500
    constraint max_audit_retention_is_between_the_least_and_100_years
      check (max_audit_retention_days between min_audit_retention_days and 36500),
  max_secrets int not null default 200
    constraint max_secrets_is_not_negative check (max_secrets >= 0),
  max_open_invitations int not null default 100
    constraint max_open_invitations_is_not_negative check (max_open_invitations >= 0),
  max_invitation_mails_per_hour int not null default 50
    constraint max_invitation_mails_per_hour_is_not_negative check (max_invitation_mails_per_hour >= 0),
  max_pending_events int not null default 10000
    constraint max_pending_events_is_not_negative check (max_pending_events >= 0),
  max_pending_signals int not null default 1000
    constraint max_pending_signals_is_not_negative check (max_pending_signals >= 0),
  max_schedules int not null default 1000
    constraint max_schedules_is_not_negative check (max_schedules >= 0),
  max_triggers int not null default 1000
    constraint max_triggers_is_not_negative check (max_triggers >= 0),
  max_api_keys int not null default 500
    constraint max_api_keys_is_not_negative check (max_api_keys >= 0),
  max_service_accounts int not null default 200
    constraint max_service_accounts_is_not_negative check (max_service_accounts >= 0),
  max_task_mails_per_hour int not null default 500
    constraint max_task_mails_per_hour_is_not_negative check (max_task_mails_per_hour >= 0),
  max_operation_runs int not null default 10000
    constraint max_operation_runs_is_between_0_and_10000 check (max_operation_runs between 0 and 10000),
  max_running_operations int not null default 5
    constraint max_running_operations_is_not_negative check (max_running_operations >= 0),
  run_stuck_minutes int not null default 60
    constraint run_stuck_minutes_is_positive check (run_stuck_minutes > 0),
  queue_age_minutes int not null default 5
    constraint queue_age_minutes_is_positive check (queue_age_minutes > 0),
  failure_percent int not null default 50
    constraint failure_percent_is_from_1_to_100 check (failure_percent between 1 and 100),
  deadline_near_minutes int not null default 10
    constraint deadline_near_minutes_is_positive check (deadline_near_minutes > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table stepbase.app_quotas is
  'Limits of an application. Its member managers read them; only the service role and the operator change them.';
comment on column stepbase.app_quotas.max_open_runs is
  'Runs that have not ended. Above 100 the limit is checked by samples: about 1 % more runs can start before it holds.';
comment on column stepbase.app_quotas.max_descendants is 'Child runs of one root run, on all levels together.';
comment on column stepbase.app_quotas.max_runs_per_event is 'Runs that one event starts.';
comment on column stepbase.app_quotas.max_streams is 'Event streams that are open at the same time in one process of the HTTP API.';
comment on column stepbase.app_quotas.max_stored_bytes is
  'Bytes of the rows of the application, without indexes, and of its stored outputs. They are estimated every ten '
  'minutes; above the quota no run starts.';
comment on column stepbase.app_quotas.max_llm_calls_per_day is 'Model calls per day (UTC), also repeated ones; 0: none.';
comment on column stepbase.app_quotas.max_llm_tokens_per_day is
  'Tokens of model calls per day (UTC). They are counted after a call, so that calls under way can exceed it.';
comment on column stepbase.app_quotas.max_ai_cost_per_day is
  'US dollars that model calls may cost per day (UTC); null: no limit. A cost is known after its call, so that calls under way '
  'can exceed it. 0: none.';
comment on column stepbase.app_quotas.max_ai_cost_per_month is
  'US dollars that model calls may cost per calendar month (UTC); null: no limit. 0: none.';
comment on column stepbase.app_quotas.unpriced_models is
  'allow or refuse: whether steps may call a model whose price is not known. The cost of such calls is not counted.';
comment on column stepbase.app_quotas.max_mails_per_day is 'Mails of steps per day (UTC); each recipient counts. 0: none.';
comment on column stepbase.app_quotas.max_run_retention_days is 'The longest run_retention_days that a member can choose.';
comment on column stepbase.app_quotas.max_event_retention_days is 'The longest event_retention_days that a member can choose.';
comment on column stepbase.app_quotas.min_audit_retention_days is 'The shortest audit_retention_days that a member can choose.';
comment on column stepbase.app_quotas.max_audit_retention_days is 'The longest audit_retention_days that a member can choose.';
comment on column stepbase.app_quotas.max_secrets is 'Secrets that set_secret stores; 0: none.';
comment on column stepbase.app_quotas.max_open_invitations is 'Invitations that can be accepted at the same time. 0: none.';
comment on column stepbase.app_quotas.max_invitation_mails_per_hour is 'Mails of invitations in the last hour, also repeated ones. 0: none.';
comment on column stepbase.app_quotas.max_pending_events is
  'Emitted events that no worker has relayed yet. 0: clients emit none.';
comment on column stepbase.app_quotas.max_pending_signals is
  'Signals of one run that no step has consumed yet. 0: only steps that wait already receive a signal.';
comment on column stepbase.app_quotas.max_schedules is 'Schedules, also disabled ones. 0: none.';
comment on column stepbase.app_quotas.max_triggers is 'Triggers by events and webhooks, also disabled ones. 0: none.';
comment on column stepbase.app_quotas.max_api_keys is 'API keys that are not revoked. 0: none.';
comment on column stepbase.app_quotas.max_service_accounts is 'Service accounts. 0: none.';
comment on column stepbase.app_quotas.max_task_mails_per_hour is
  'Mails about tasks in the last hour. Beyond it, tasks wait as without mails. 0: none.';
comment on column stepbase.app_quotas.max_operation_runs is
  'Runs of one operation on many runs (start_operation), at most 10000. 0: no operation has an effect.';
comment on column stepbase.app_quotas.max_running_operations is
  'Operations on many runs that run at the same time. 0: none.';
comment on column stepbase.app_quotas.run_stuck_minutes is
  'Not a limit: after how many minutes without a change a running run that waits for nothing is an incident (event run.stuck).';
comment on column stepbase.app_quotas.queue_age_minutes is
  'Not a limit: how many minutes the oldest pending run may wait before that is an incident (event queue.age_high).';
comment on column stepbase.app_quotas.failure_percent is
  'Not a limit: which part of the runs that ended in 15 minutes may fail before that is an incident (event run.failure_rate_high).';
comment on column stepbase.app_quotas.deadline_near_minutes is
  'Not a limit: how many minutes before the deadline of a run the event run.deadline_near is emitted.';

create trigger app_quotas_touch_updated_at before update on stepbase.app_quotas
  for each row execute function stepbase_private.touch_updated_at();
create trigger app_quotas_keep_identity before update on stepbase.app_quotas
  for each row execute function stepbase_private.refuse_column_change('app_code', 'created_at');

-- Security definer: no client may write quotas.
create function stepbase_private.create_default_quotas()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase.app_quotas (app_code) values (new.app_code);
  return null;
end;
$$;

comment on function stepbase_private.create_default_quotas() is 'Trigger: gives a new application its row of quotas.';

create trigger applications_create_default_quotas after insert on stepbase.applications
  for each row execute function stepbase_private.create_default_quotas();

alter table stepbase.app_quotas enable row level security;

grant select on stepbase.app_quotas to authenticated;
grant select, update on stepbase.app_quotas to service_role;

create policy "Member managers read the quotas of their application" on stepbase.app_quotas
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')));

-- Security definer: only member managers read the table.
create function stepbase_private.max_streams()
returns int
language sql
stable
security definer
set search_path = ''
as $$
  select q.max_streams from stepbase.app_quotas q where q.app_code = stepbase_private.app_code();
$$;

comment on function stepbase_private.max_streams() is
  'max_streams of the caller''s application; the HTTP API asks it before it opens an event stream.';
grant execute on function stepbase_private.max_streams() to authenticated;

-- Security definer: only member managers read the quotas, and a function of a member may change the application.
create function stepbase_private.check_application_bounds()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_bound record;
begin
  -- An operator may exceed the bounds that they set.
  if auth.jwt() ->> 'role' is distinct from 'authenticated' then
    return new;
  end if;
  select b.* into v_bound
  from stepbase.app_quotas q
  cross join lateral (
    values
      ('run_retention_days', old.run_retention_days, new.run_retention_days, 0.00001, q.max_run_retention_days),
      ('event_retention_days', old.event_retention_days, new.event_retention_days, 1, q.max_event_retention_days),
      (
        'audit_retention_days', old.audit_retention_days, new.audit_retention_days, q.min_audit_retention_days,
        q.max_audit_retention_days
      ),
      ('max_waiting_runs', old.max_waiting_runs, new.max_waiting_runs, 1, q.max_open_runs)
  ) b (name, old_value, new_value, least_value, most_value)
  where q.app_code = new.app_code
    and b.new_value is distinct from b.old_value
    and b.new_value not between b.least_value and b.most_value
  limit 1;
  if found then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('%s must be between %s and %s; the operator sets these bounds', v_bound.name, v_bound.least_value, v_bound.most_value),
      jsonb_build_object('column', v_bound.name, 'least', v_bound.least_value, 'most', v_bound.most_value)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_private.check_application_bounds() is
  'Trigger: raises SB400 invalid_request if a member sets a retention or max_waiting_runs outside of the bounds in app_quotas.';

create trigger applications_check_bounds
  before update of run_retention_days, event_retention_days, audit_retention_days, max_waiting_runs
  on stepbase.applications
  for each row execute function stepbase_private.check_application_bounds();
