-- Calls of the worker function where no worker is resident. A start requests a worker in its own transaction: pg_net
-- sends the request after the commit, so that the first step starts within a second.

create table stepbase_engine.worker_calls (
  is_only boolean primary key default true constraint worker_calls_has_one_row check (is_only),
  called_at timestamptz not null
);

comment on table stepbase_engine.worker_calls is 'When a start last called the worker function: one row.';

alter table stepbase_engine.worker_calls enable row level security;

insert into stepbase_engine.worker_calls (called_at) values ('-infinity');

create function stepbase_engine.is_worker_alive()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- An invocation sends a heartbeat every five seconds and marks its end; a resident worker every 40 seconds.
  return exists (
    select 1 from stepbase.workers w
    where w.status = 'running'
      and w.app_code is null
      and w.last_heartbeat_at > stepbase_engine.now()
      - case w.mode when 'invocation' then interval '15 seconds' else interval '90 seconds' end
  );
end;
$$;

comment on function stepbase_engine.is_worker_alive() is
  'Returns whether a worker of all applications accepts work: a resident one with a heartbeat within 90 seconds, or an '
  'invocation with one within 15.';

create function stepbase_engine.call_worker()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_url text;
  v_key text;
begin
  if to_regproc('net.http_post') is null or to_regclass('vault.decrypted_secrets') is null then
    return false;
  end if;
  -- Dynamic: both schemas belong to extensions that may be absent.
  execute $query$
    select
      (select s.decrypted_secret from vault.decrypted_secrets s where s.name = 'stepbase_url'),
      (select s.decrypted_secret from vault.decrypted_secrets s where s.name = 'stepbase_secret_key')
  $query$
  into v_url, v_key;
  if v_url is null or v_key is null then
    return false;
  end if;
  -- The worker answers before it works. pg_net handles its requests in batches, so that a long timeout would delay
  -- the other requests of the project.
  execute $call$
    select net.http_post(
      url := $1,
      headers := jsonb_build_object('content-type', 'application/json', 'apikey', $2),
      body := '{}'::jsonb,
      timeout_milliseconds := 5000
    )
  $call$
  using v_url || '/functions/v1/stepbase-worker', v_key;
  return true;
end;
$$;

comment on function stepbase_engine.call_worker() is
  'Calls the worker function by pg_net when the transaction commits, and returns whether it did: false without pg_net, '
  'or without stepbase_url and stepbase_secret_key in Vault.';

create function stepbase_engine.request_worker()
returns void
language plpgsql
set search_path = ''
as $$
begin
  if to_regproc('net.http_post') is null or stepbase_engine.is_worker_alive() then
    return;
  end if;
  -- One transaction at a time: the others do not wait for it. The invocation looks once more a second after it has
  -- ended, which covers the starts that made no call of their own.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.request_worker')) then
    return;
  end if;
  begin
    update stepbase_engine.worker_calls c
    set called_at = clock_timestamp()
    where c.called_at < clock_timestamp() - interval '1 second';
    if found then
      perform stepbase_engine.call_worker();
    end if;
  exception when others then
    -- A start must not fail because of the call: pg_cron makes the next one.
    raise warning 'stepbase: the call of the worker failed: %', sqlerrm;
  end;
end;
$$;

comment on function stepbase_engine.request_worker() is
  'Calls the worker function at commit if no worker is alive, at most once a second. It never raises an error. Needs '
  'what stepbase_engine.call_worker needs.';
