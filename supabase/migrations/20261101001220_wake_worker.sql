-- Waking a worker where none is resident: pg_cron checks for pending work and calls the worker function only if
-- there is some. A start calls it at once (request_worker); this is for timers and for calls that were lost.

create function stepbase_engine.has_pending_work()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
begin
  -- Index look-ups, the most likely ones first.
  return
    exists (select 1 from stepbase.outbox o where o.published_at is null and o.quarantined_at is null)
    or stepbase_engine.has_queued_tokens()
    or exists (
      select 1 from stepbase.step_runs s
      join stepbase.runs r on r.id = s.run_id and r.status = 'running'
      where s.status = 'waiting' and s.wake_at <= v_now
    )
    or exists (
      select 1 from stepbase.runs r
      where r.deadline_at <= v_now and r.completed_at is null and r.started_at is not null
    )
    or coalesce(stepbase_engine.next_start_at() <= v_now, false)
    or stepbase_engine.has_due_schedules()
    or stepbase_engine.has_flow_work()
    or exists (select 1 from stepbase_engine.limit_changes)
    or stepbase_engine.has_due_webhook_deliveries()
    or stepbase_engine.has_due_mails()
    or stepbase_engine.has_deletable_outputs()
    or stepbase_engine.has_due_operations()
    -- Versions that no checker has checked.
    or stepbase_engine.has_due_version_checks(1)
    -- Runs that a released incident switch suspended.
    or exists (
      select 1 from stepbase.incident_switches i where i.released_at is not null and i.resumed_at is null
    )
    or (
      exists (select 1 from stepbase_engine.run_backlog w)
      and exists (select 1 from stepbase_engine.select_backlog_runs(1) c where cardinality(c.run_ids) > 0)
    )
    or (
      exists (select 1 from stepbase_engine.step_backlog w)
      and exists (select 1 from stepbase_engine.select_backlog_steps(1) c where cardinality(c.step_run_ids) > 0)
    )
    -- Tokens of a crashed worker. A lease lasts one minute by default.
    or stepbase_engine.has_expired_leases(interval '1 minute');
end;
$$;

comment on function stepbase_engine.has_pending_work() is
  'Whether a worker has something to do: unpublished messages, queued tokens, due steps, deadlines, held runs, '
  'schedules, webhook deliveries or operations on many runs, mails to send, stored outputs to delete, versions to check, '
  'runs and steps that the backlog can admit, changed limits, or expired leases.';

create function stepbase_engine.wake_worker()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if stepbase_engine.is_worker_alive() or not stepbase_engine.has_pending_work() then
    return false;
  end if;
  return stepbase_engine.call_worker();
end;
$$;

comment on function stepbase_engine.wake_worker() is
  'Calls the worker function by pg_net if work is pending and no worker is alive, and returns whether it did. pg_cron '
  'runs it every ten seconds where no worker is resident. Needs pg_net, and stepbase_url and stepbase_secret_key in '
  'Vault.';

create function stepbase_engine.continue_worker()
returns void
language plpgsql
set search_path = ''
as $$
begin
  if stepbase_engine.has_pending_work() then
    perform stepbase_engine.request_worker();
  end if;
end;
$$;

comment on function stepbase_engine.continue_worker() is
  'Calls the worker function if work is pending, with the limits of stepbase_engine.request_worker. An invocation that '
  'has used its budget calls it last, so that the next one does not wait for pg_cron.';
