-- Timers: waiting steps with a wake_at (delays, retries, deadlines, reminders). All timers go through wake, so a run
-- that cannot be woken must not delay the others: the due timers of paused runs are suspended.

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
  -- Bounded: wake returns a time that is past if more is due, and the worker calls it again at once.
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

    -- Lock order: runs (2), skipping locked ones. A concurrent resume waits and finds the suspended timers.
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
  'Returns the running runs of the p_limit oldest due steps; null when there are none. Clears wake_at of due steps of '
  'paused runs, which would otherwise fill that list; resume_timers sets it again.';

create function stepbase_engine.resume_timers(p_run_id uuid)
returns void
language sql
set search_path = ''
as $$
  update stepbase.step_runs s
  set
    -- An alarm of a task finds its next time itself.
    wake_at = case
      when s.wait_kind = 'task' and stepbase_engine.has_alarms(s.task) then stepbase_engine.now()
      -- Its heartbeat or its deadline was due.
      when s.wait_kind = 'callback' then stepbase_engine.now()
      else coalesce(s.deadline_at, stepbase_engine.now())
    end,
    updated_at = stepbase_engine.now()
  where s.run_id = p_run_id and s.status = 'waiting' and s.wake_at is null
    and (
      s.wait_kind in ('delay', 'retry') or s.deadline_at is not null
      or (s.wait_kind = 'task' and stepbase_engine.has_alarms(s.task))
    )
    -- Temporal has the timers of its delays and retries.
    and (
      s.wait_kind not in ('delay', 'retry')
      or (select r.execution_engine from stepbase.runs r where r.id = p_run_id) is null
    );
$$;

comment on function stepbase_engine.resume_timers(uuid) is
  'Makes the suspended timers of a run due, after the run was resumed. The caller has locked the run.';
