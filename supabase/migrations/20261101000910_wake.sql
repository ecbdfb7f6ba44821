-- wake: timers that are due. Workers call it when the next timer is due; a call with nothing due costs a few
-- index look-ups. Due runs are woken in one batch. If that raises an error they are woken one by one, and only
-- the run that raises it fails or is postponed.

create function stepbase_engine.wake_runs(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := stepbase_engine.now();
  v_runs uuid[];
  v_retries uuid[];
  v_delays uuid[];
  v_alarms uuid[];
  v_expired uuid[];
  v_tokens uuid[];
  v_token_runs uuid[];
begin
  -- Lock order: runs (2), skipping locked ones: they are still due at the next call.
  select array_agg(l.id) into v_runs
  from (
    select r.id from stepbase.runs r
    where r.id = any(p_run_ids) and r.status = 'running'
    order by r.id
    for no key update skip locked
  ) l;
  if v_runs is null then
    return;
  end if;

  select
    array_agg(s.id) filter (where s.wait_kind = 'retry'),
    array_agg(s.id) filter (where s.wait_kind = 'delay'),
    array_agg(s.id) filter (where a.is_alarm),
    array_agg(s.id) filter (where s.wait_kind not in ('retry', 'delay') and not a.is_alarm)
  into v_retries, v_delays, v_alarms, v_expired
  from stepbase.step_runs s
  -- A task whose deadline is not over has a reminder or an escalation.
  cross join lateral (
    select s.wait_kind = 'task' and (s.deadline_at is null or s.deadline_at > v_now) as is_alarm
  ) a
  where s.run_id = any(v_runs) and s.status = 'waiting' and s.wake_at <= v_now;

  with due as (
    select s.id, s.run_id, case when s.limited_by is null then stepbase_engine.new_id() end as job_id
    from stepbase.step_runs s
    where s.id = any(v_retries)
  ),
  ready as (
    update stepbase.step_runs s
    set status = 'ready', job_id = d.job_id, wait_kind = null, wake_at = null, updated_at = v_now
    from due d
    where s.id = d.id
    returning s.job_id, s.run_id
  )
  select array_agg(r.job_id), array_agg(r.run_id)
  into v_tokens, v_token_runs
  from ready r
  where r.job_id is not null;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_token_runs);
  end if;

  if v_delays is not null then
    perform stepbase_engine.complete_waiting_steps(
      v_delays,
      array(select '{}'::jsonb from unnest(v_delays)),
      array(select null::text from unnest(v_delays))
    );
  end if;
  if v_alarms is not null then
    perform stepbase_engine.ring_task_alarms(v_alarms);
  end if;
  -- A wait that passed its deadline fails like any step that exceeds its time limit: by the timeout edge, if any.
  if v_expired is not null then
    perform stepbase_engine.fail(
      v_runs, v_expired,
      array(select null::int from unnest(v_expired)),
      array(select null::jsonb from unnest(v_expired)),
      array(
        select jsonb_build_object(
          'code', 'timeout',
          'message', case
            when s.wait_kind <> 'callback' then 'The wait passed its deadline'
            when s.deadline_at > v_now then 'The component sent no heartbeat in time'
            else 'The component sent no callback in time'
          end,
          -- Another attempt calls the component again.
          'retryable', s.wait_kind = 'callback'
        )
        from unnest(v_expired) with ordinality as e (id, ord)
        join stepbase.step_runs s on s.id = e.id
        order by e.ord
      )
    );
  end if;
end;
$$;

comment on function stepbase_engine.wake_runs(uuid[]) is
  'Wakes the due steps of running runs: delays complete, retries become ready with a token, tasks before their deadline '
  'remind or escalate, other waits fail with the code timeout. Locks the runs and skips locked ones.';

create function stepbase_engine.fail_unwakeable_run(p_run_id uuid, p_message text, p_code text default 'engine_error')
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from stepbase.runs r where r.id = p_run_id for no key update;
  if exists (select 1 from stepbase.runs r where r.id = p_run_id and r.pending_outcome is not null) then
    perform stepbase_engine.stop_compensation(array[p_run_id]);
  else
    perform stepbase_engine.end_runs(
      array[p_run_id], 'failed',
      jsonb_build_object(
        'code', p_code, 'message', format('A due step could not continue: %s', p_message)
      )
    );
  end if;
end;
$$;

comment on function stepbase_engine.fail_unwakeable_run(uuid, text, text) is
  'Fails a run that the engine cannot wake, with the code p_code. A run that compensates ends with its pending outcome '
  'instead. Locks the run.';

create function stepbase_engine.postpone_timers(p_run_id uuid, p_by interval)
returns void
language sql
set search_path = ''
as $$
  update stepbase.step_runs s
  set wake_at = stepbase_engine.now() + p_by, updated_at = stepbase_engine.now()
  where s.run_id = p_run_id and s.status = 'waiting' and s.wake_at <= stepbase_engine.now();
$$;

comment on function stepbase_engine.postpone_timers(uuid, interval) is
  'Makes the due steps of a run due again after p_by, so that it does not delay other runs meanwhile.';

create function stepbase_engine.wake_run_isolated(p_run_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_message text;
  v_retry_in interval;
begin
  begin
    perform stepbase_engine.wake_runs(array[p_run_id]);
    return;
  exception when others then
    v_message := sqlerrm;
    -- Temporary faults (deadlocks, locks, resources, a server that stops) do not fail the run.
    v_retry_in := case when stepbase_private.is_temporary_error(sqlstate) then interval '10 seconds' end;
  end;
  raise warning 'stepbase: could not wake run %: %', p_run_id, v_message;
  if v_retry_in is null then
    begin
      perform stepbase_engine.fail_unwakeable_run(p_run_id, v_message);
      return;
    exception when others then
      raise warning 'stepbase: could not fail run % either, trying again in 5 minutes: %', p_run_id, sqlerrm;
      v_retry_in := interval '5 minutes';
    end;
  end if;
  perform stepbase_engine.postpone_timers(p_run_id, v_retry_in);
end;
$$;

comment on function stepbase_engine.wake_run_isolated(uuid) is
  'Wakes one run and never raises an error. If waking it raises one, the run fails with engine_error. After a temporary '
  'fault its due steps are tried again in 10 seconds; if the failure cannot be written, in 5 minutes.';

create function stepbase_engine.wake(p_limit int default 200)
returns timestamptz
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[];
  v_run_id uuid;
begin
  -- Lock order: admission (1), before the runs.
  perform stepbase_engine.admit_due_flow();
  v_runs := stepbase_engine.suspend_timers(p_limit);
  if v_runs is not null then
    begin
      -- wake_runs takes the locks itself: a row locked outside of this subtransaction and changed inside it would
      -- need a multixact.
      perform stepbase_engine.wake_runs(v_runs);
    exception when others then
      foreach v_run_id in array v_runs loop
        perform stepbase_engine.wake_run_isolated(v_run_id);
      end loop;
    end;
  end if;
  perform stepbase_engine.time_out_runs(p_limit);
  perform stepbase_engine.release_due_runs(p_limit);

  return (
    select least(
      (
        select s.wake_at
        from stepbase.step_runs s
        where s.status = 'waiting' and s.wake_at is not null
        order by s.wake_at
        limit 1
      ),
      (
        select min(r.deadline_at) from stepbase.runs r
        where r.deadline_at is not null and r.completed_at is null and r.started_at is not null
      ),
      stepbase_engine.next_start_at(),
      stepbase_engine.next_schedule_at(),
      stepbase_engine.next_flow_at(),
      stepbase_engine.next_webhook_delivery_at(),
      stepbase_engine.next_operation_at()
    )
  );
end;
$$;

comment on function stepbase_engine.wake(int) is
  'Wakes the runs of up to p_limit due steps, times out up to p_limit overdue runs and releases up to p_limit held runs. '
  'Returns the time, by the engine''s clock, of the next timer, run deadline, start_at, schedule, throttled start, webhook '
  'delivery or slice of an operation; null when there is none. A run that cannot be woken does not '
  'delay the others.';
