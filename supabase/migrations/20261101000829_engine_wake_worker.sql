-- Waking a worker where none is resident: pg_cron looks whether anything waits, and only then an Edge
-- Function is called.

create function engine.work_waits()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_now constant timestamptz := engine.now();
begin
  -- A few index look-ups, the likely ones first.
  return
    exists (select 1 from public.outbox o where o.published_at is null)
    or exists (
      select 1 from pgboss.job j
      where j.name = 'steps' and j.state < 'active' and not j.blocked and j.start_after <= now()
    )
    or exists (
      select 1 from public.step_runs s
      join public.runs r on r.id = s.run_id and r.status = 'running'
      where s.status = 'waiting' and s.wake_at <= v_now
    )
    or exists (
      select 1 from public.runs r
      where r.deadline_at <= v_now and r.completed_at is null and r.started_at is not null
    )
    or engine.schedules_wait()
    or (
      exists (select 1 from engine.waiting_runs w)
      and exists (select 1 from engine.choose_runs(1) c where cardinality(c.run_ids) > 0)
    )
    or (
      exists (select 1 from engine.waiting_steps w)
      and exists (select 1 from engine.choose_steps(1) c where cardinality(c.step_run_ids) > 0)
    )
    -- What a worker left behind when it died; a lease is as long by default.
    or exists (
      select 1 from pgboss.job j
      where j.name = 'steps' and j.state = 'active' and j.group_id is not null
        and coalesce(j.heartbeat_on, j.started_on) < now() - interval '1 minute'
    );
end;
$$;

comment on function engine.work_waits() is
'Whether a worker has something to do: messages, tokens, steps, deadlines or schedules that are due, runs and steps whose turn it is.';

create function engine.wake_worker()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not engine.work_waits() then
    return false;
  end if;
  execute $call$
    select net.http_post(
      url := (
        select s.decrypted_secret from vault.decrypted_secrets s where s.name = 'stepbase_url'
      ) || '/functions/v1/worker',
      headers := jsonb_build_object(
        'content-type', 'application/json',
        'apikey', (
          select s.decrypted_secret from vault.decrypted_secrets s
          where s.name = 'stepbase_secret_key'
        )
      ),
      body := '{}'::jsonb,
      timeout_milliseconds := 150000
    )
  $call$;
  return true;
end;
$$;

comment on function engine.wake_worker() is
'Calls the worker function by pg_net when something waits (to be called by pg_cron every ten seconds where no worker '
'is resident); returns whether it did. Needs pg_net, and stepbase_url and stepbase_secret_key in Vault.';
