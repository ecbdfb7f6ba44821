-- Calls of webhooks: what arrived, whether its signature was valid, and what it started.

create table stepbase.webhook_calls (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  trigger_id uuid not null,
  verdict text not null constraint verdict_is_known
    check (verdict in ('started', 'duplicate', 'handshake', 'refused', 'bad_signature')),
  call_id text,
  run_id uuid,
  input jsonb,
  error jsonb constraint error_is_an_object check (jsonb_typeof(error) = 'object'),
  replay_of uuid,
  replayed_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint call_trigger_is_of_same_app
    foreign key (trigger_id, app_code) references stepbase.workflow_triggers (id, app_code) on delete cascade
);

comment on table stepbase.webhook_calls is
  'The latest calls of each webhook with their verdict; written by the engine only. At most 200 are kept for a webhook, of '
  'them 50 without a valid signature, and at most for the run retention of the application or 30 days.';
comment on column stepbase.webhook_calls.verdict is
  'started: run_id is the new run; duplicate: an earlier delivery started run_id; handshake: the sender checked the address; '
  'refused: the signature is valid, but no run could start (error); bad_signature: anyone may have sent it.';
comment on column stepbase.webhook_calls.call_id is 'What identifies the delivery in its signature scheme; null without a valid signature.';
comment on column stepbase.webhook_calls.run_id is 'The run; no foreign key, so that the log outlives the run.';
comment on column stepbase.webhook_calls.input is
  '{body, headers, query} as the run receives it; null without a valid signature, and above 64 KiB.';
comment on column stepbase.webhook_calls.error is 'Why no run started: {code, message, …}.';
comment on column stepbase.webhook_calls.replay_of is 'The call that a member replayed; null for calls from outside.';

create index idx_webhook_calls_trigger_id_app_code
  on stepbase.webhook_calls (trigger_id, app_code, created_at desc, id desc);
create index idx_webhook_calls_app_code_created_at on stepbase.webhook_calls (app_code, created_at);
create index idx_webhook_calls_replayed_by on stepbase.webhook_calls (replayed_by);

create trigger webhook_calls_cut_errors before insert or update of error on stepbase.webhook_calls
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');

alter table stepbase.webhook_calls enable row level security;
grant select on stepbase.webhook_calls to authenticated;
grant select, insert, update, delete on stepbase.webhook_calls to service_role;

create policy "Members who read runs read the calls of webhooks" on stepbase.webhook_calls
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('schedule:read'))
    and (select stepbase_private.has_permission('run:read'))
  );

create function stepbase_engine.record_webhook_call(
  p_trigger_id uuid, p_verdict text, p_call_id text default null, p_run_id uuid default null,
  p_input jsonb default null, p_error jsonb default null, p_replay_of uuid default null, p_replayed_by uuid default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_app_code text;
  v_id uuid;
begin
  select t.app_code into v_app_code from stepbase.workflow_triggers t
  where t.id = p_trigger_id and t.trigger_type = 'webhook';
  -- Anyone can send calls without a valid signature: one a second is enough to find a mistake.
  if v_app_code is null or (p_verdict = 'bad_signature' and exists (
    select 1 from stepbase.webhook_calls c
    where c.trigger_id = p_trigger_id and c.app_code = v_app_code and c.verdict = 'bad_signature'
      and c.created_at > stepbase_engine.now() - interval '1 second'
  )) then
    return null;
  end if;
  insert into stepbase.webhook_calls (
    app_code, trigger_id, verdict, call_id, run_id, input, error, replay_of, replayed_by
  )
  values (
    v_app_code, p_trigger_id, p_verdict, p_call_id, p_run_id,
    case when octet_length(p_input::text) <= 65536 then p_input end, p_error, p_replay_of, p_replayed_by
  )
  returning id into v_id;
  -- Calls at the same time may leave a few more; the next one deletes them. skip locked: none waits for another.
  delete from stepbase.webhook_calls c
  where c.id in (
    select d.id
    from stepbase.webhook_calls d
    where d.id in (
      select o.id from stepbase.webhook_calls o
      where o.trigger_id = p_trigger_id and o.app_code = v_app_code
      order by o.created_at desc, o.id desc
      offset 200
    )
    or d.id in (
      select o.id from stepbase.webhook_calls o
      where o.trigger_id = p_trigger_id and o.app_code = v_app_code and o.verdict = 'bad_signature'
      order by o.created_at desc, o.id desc
      offset 50
    )
    for update skip locked
  );
  return v_id;
end;
$$;

comment on function stepbase_engine.record_webhook_call(uuid, text, text, uuid, jsonb, jsonb, uuid, uuid) is
  'Writes a call to the log of its webhook and deletes the calls beyond its limits; returns the id. Null: the webhook does '
  'not exist, or a call without a valid signature was recorded within the last second.';
