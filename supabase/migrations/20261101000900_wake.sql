-- wake: what is due by the engine's clock. Called by workers when something is due; a call with
-- nothing due costs a few index look-ups. Everybody's timers go through it, so no
-- run may stop it: not one that is paused, nor one whose transition raises.

create function stepbase_engine.suspend_timers(p_limit int)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := stepbase_engine.now();
  v_due uuid[];
  v_paused uuid[];
begin
  -- Bounded: what is left after so many rounds is looked at by the next call, which comes at once.
  for v_round in 1 .. 20 loop
    select
      array_agg(distinct d.run_id) filter (where r.status = 'running'),
      array_agg(distinct d.run_id) filter (where r.status = 'paused')
    into v_due, v_paused
    from (
      select s.run_id from stepbase.step_runs s
      where s.status = 'waiting' and s.wake_at <= v_now
      order by s.wake_at
      limit p_limit
    ) d
    join stepbase.runs r on r.id = d.run_id;
    exit when v_paused is null;

    -- Under the lock of the run, so that a resume that comes meanwhile finds what is held here.
    select array_agg(l.id) into v_paused
    from (
      select r.id from stepbase.runs r
      where r.id = any(v_paused) and r.status = 'paused'
      order by r.id
      for no key update skip locked
    ) l;
    update stepbase.step_runs s
    set wake_at = null, updated_at = v_now
    where s.run_id = any(v_paused) and s.status = 'waiting' and s.wake_at <= v_now;
    exit when not found;
  end loop;
  return v_due;
end;
$$;

comment on function stepbase_engine.suspend_timers(int) is
'The running runs with the oldest due steps. Due steps of paused runs have no time any more until stepbase_engine.resume_timers '
'gives them one: otherwise they would stand before everybody else''s.';

create function stepbase_engine.resume_timers(p_run_id uuid)
returns void
language sql
set search_path = ''
as $$
  update stepbase.step_runs s
  set wake_at = coalesce(s.deadline_at, stepbase_engine.now()), updated_at = stepbase_engine.now()
  where s.run_id = p_run_id and s.status = 'waiting' and s.wake_at is null
    and (s.wait_kind in ('delay', 'retry') or s.deadline_at is not null);
$$;

comment on function stepbase_engine.resume_timers(uuid) is
'What became due while a run was paused is due now. The caller has locked the run.';

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
  v_late uuid[];
  v_tokens uuid[];
  v_token_runs uuid[];
begin
  -- A run that another worker holds is left to it: it will be due again at once.
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
    array_agg(s.id) filter (where s.wait_kind not in ('retry', 'delay'))
  into v_retries, v_delays, v_late
  from stepbase.step_runs s
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
  -- Waited too long: as with any step that ran out of time, its timeout edge is taken if it has one.
  if v_late is not null then
    perform stepbase_engine.fail(
      v_runs, v_late,
      array(select null::int from unnest(v_late)),
      array(select null::jsonb from unnest(v_late)),
      array(
        select '{"code": "timeout", "message": "nothing came before the deadline", "retryable": false}'::jsonb
        from unnest(v_late)
      )
    );
  end if;
end;
$$;

comment on function stepbase_engine.wake_runs(uuid[]) is
'Wakes the due steps of running runs: delays complete, retries get a token, what waited too long fails.';

create function stepbase_engine.wake_run_isolated(p_run_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := stepbase_engine.now();
  v_message text;
  v_pause interval;
begin
  begin
    perform stepbase_engine.wake_runs(array[p_run_id]);
    return;
  exception when others then
    v_message := sqlerrm;
    -- What goes by itself (deadlocks, locks, resources, a server that stops) is no verdict on the run.
    v_pause := case when sqlstate ~ '^(40|53|55|57|58|XX)' then interval '10 seconds' end;
  end;
  raise warning 'stepbase: run % could not be woken: %', p_run_id, v_message;
  if v_pause is null then
    begin
      perform stepbase_engine.fail_unwakeable_run(p_run_id, v_message);
      return;
    exception when others then
      raise warning 'stepbase: run % could not be failed either: %', p_run_id, sqlerrm;
      v_pause := interval '5 minutes';
    end;
  end if;
  update stepbase.step_runs s
  set wake_at = v_now + v_pause, updated_at = v_now
  where s.run_id = p_run_id and s.status = 'waiting' and s.wake_at <= v_now;
end;
$$;

comment on function stepbase_engine.wake_run_isolated(uuid) is
'Wakes one run whatever comes of it: when that raises, the run fails with engine_error; when not even that can be '
'written, or the fault goes by itself, its steps are put off.';

create function stepbase_engine.fail_unwakeable_run(p_run_id uuid, p_message text)
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
        'code', 'engine_error', 'message', format('a step that was due could not go on: %s', p_message)
      )
    );
  end if;
end;
$$;

comment on function stepbase_engine.fail_unwakeable_run(uuid, text) is
'Fails a run that the engine cannot wake; one that is being undone ends as it was to end.';

create function stepbase_engine.time_out_runs(p_limit int)
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_error constant jsonb := '{"code": "timeout", "message": "the run passed its execution timeout"}';
  v_now timestamptz := stepbase_engine.now();
  v_overdue uuid[];
  v_run_id uuid;
begin
  -- A run that another worker holds is left to it: it is still overdue the next time.
  select array_agg(l.id) into v_overdue
  from (
    select r.id from stepbase.runs r
    where r.id in (
      select o.id from stepbase.runs o
      where o.deadline_at <= v_now and o.completed_at is null and o.started_at is not null
      order by o.deadline_at
      limit p_limit
    )
    order by r.id
    for no key update skip locked
  ) l;
  if v_overdue is null then
    return;
  end if;
  begin
    perform stepbase_engine.end_runs(v_overdue, 'timed_out', c_error);
    return;
  exception when others then
    raise warning 'stepbase: timing out % runs, one by one now: %', cardinality(v_overdue), sqlerrm;
  end;
  foreach v_run_id in array v_overdue loop
    begin
      perform stepbase_engine.end_runs(array[v_run_id], 'timed_out', c_error);
    exception when others then
      raise warning 'stepbase: run % could not be timed out: %', v_run_id, sqlerrm;
      update stepbase.runs r set deadline_at = v_now + interval '5 minutes' where r.id = v_run_id;
    end;
  end loop;
end;
$$;

comment on function stepbase_engine.time_out_runs(int) is
'Times out overdue runs; one whose end cannot be written is put off and holds up no other.';

create function stepbase_engine.wake(p_limit int default 200)
returns timestamptz
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[] := stepbase_engine.suspend_timers(p_limit);
  v_run_id uuid;
begin
  if v_runs is not null then
    begin
      -- The locks are taken inside: rows locked outside of a subtransaction and changed in it would need multixacts.
      perform stepbase_engine.wake_runs(v_runs);
    exception when others then
      foreach v_run_id in array v_runs loop
        perform stepbase_engine.wake_run_isolated(v_run_id);
      end loop;
    end;
  end if;
  perform stepbase_engine.time_out_runs(p_limit);

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
      stepbase_engine.next_schedule_at()
    )
  );
end;
$$;

comment on function stepbase_engine.wake(int) is
'Wakes steps whose time has come (delays, retries, deadlines) and times out overdue runs; returns when the next '
'thing is due, by the engine''s clock, or null. A run that cannot be woken holds up no other.';
