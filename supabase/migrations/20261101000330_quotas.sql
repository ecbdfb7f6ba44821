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
  max_mails_per_day bigint not null default 1000
    constraint max_mails_per_day_is_not_negative check (max_mails_per_day >= 0),
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
  'Bytes of the rows of the application, without indexes. They are estimated every ten minutes; above the quota no run starts.';
comment on column stepbase.app_quotas.max_llm_calls_per_day is 'LLM calls per day (UTC), also repeated ones; 0: none.';
comment on column stepbase.app_quotas.max_llm_tokens_per_day is
  'Tokens of LLM calls per day (UTC). They are counted after a call, so that calls under way can exceed it.';
comment on column stepbase.app_quotas.max_mails_per_day is 'Mails per day (UTC); each recipient counts. 0: none.';

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
