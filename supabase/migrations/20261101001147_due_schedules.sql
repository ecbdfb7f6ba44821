-- Schedules, part 2: workers compute the times of cron expressions; the database decides which run starts when.
-- A due schedule is locked, started and given its next times in one transaction, so any number of workers start
-- each time once. A backfill starts runs for past times, a slice in each transaction.

create function stepbase_engine.next_schedule_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.next_run_at) from stepbase.workflow_schedules s
  where s.is_enabled and s.finished_at is null;
$$;

comment on function stepbase_engine.next_schedule_at() is
  'The earliest time at which a schedule is due; null if there is none.';

create function stepbase_engine.can_advance(p_backfill stepbase.schedule_backfills)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case
    when p_backfill.times is null or p_backfill.overlap_policy = 'allow' then true
    else stepbase_engine.open_runs_of_schedules(array[p_backfill.schedule_id]) = '{}'
  end;
$$;

comment on function stepbase_engine.can_advance(stepbase.schedule_backfills) is
  'Whether a worker can continue an open backfill: compute its times, or start its next run.';

create function stepbase_engine.has_due_schedules()
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    exists (
      select 1 from stepbase.workflow_schedules s
      where s.is_enabled and s.finished_at is null and s.next_run_at is null
    )
    or coalesce(stepbase_engine.next_schedule_at() <= stepbase_engine.now(), false)
    or exists (
      select 1 from stepbase.schedule_runs q
      where q.outcome = 'queued' and stepbase_engine.open_runs_of_schedules(array[q.schedule_id]) = '{}'
    )
    or exists (
      select 1 from stepbase.schedule_backfills b where b.completed_at is null and stepbase_engine.can_advance(b)
    );
$$;

comment on function stepbase_engine.has_due_schedules() is
  'Whether a schedule is due or has no time yet, or a queued start or a backfill can go on. Costs four index look-ups '
  'when nothing is.';

create function stepbase_engine.due_schedules(p_limit int default 100)
returns table (
  schedule_id uuid, cron_expression text, timezone text, due_at text, scheduled_at timestamptz, asked_at timestamptz,
  past_at timestamptz, catchup_from timestamptz
)
language sql
stable
set search_path = ''
as $$
  -- The n-th schedules of all apps come before any (n+1)-th one, so that an app with many schedules does not
  -- delay the others.
  with due as (
    select s.*, row_number() over (partition by s.app_code order by s.next_run_at, s.id) as round
    from stepbase.workflow_schedules s
    where s.is_enabled and s.finished_at is null
      and (s.next_run_at is null or s.next_run_at <= stepbase_engine.now())
  )
  select
    d.id, d.cron_expression, d.timezone, d.next_run_at::text, coalesce(d.next_times[1], d.next_run_at), n.now,
    n.now - d.jitter_seconds * interval '1 second',
    n.now - (d.jitter_seconds + d.catchup_window_seconds) * interval '1 second'
  from due d
  cross join (select stepbase_engine.now() as now) n
  order by d.round, d.next_run_at
  limit p_limit;
$$;

comment on function stepbase_engine.due_schedules(int) is
  'Schedules whose times a worker has to compute, at most p_limit: those that are due, and those without a time (due_at '
  'null). scheduled_at is the time of the expression, without jitter. The starts of times up to past_at are due; those '
  'before catchup_from are too old to be made up for (null: no catch-up window). The worker passes the times to '
  'stepbase_engine.fire_schedules.';

create function stepbase_engine.lock_schedules(p_schedule_ids uuid[], p_with_runs boolean default false)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from stepbase.workflow_schedules s where s.id = any(p_schedule_ids) order by s.id for no key update;
  -- All open runs in one statement, by id: lock order. An end that is committing is seen by the next statement.
  perform 1 from stepbase.runs r
  where r.id = any(stepbase_engine.open_runs_of_schedules(array(
    select s.id from stepbase.workflow_schedules s
    where s.id = any(p_schedule_ids)
      and (
        p_with_runs
        or s.overlap_policy <> 'allow'
        or exists (
          select 1 from stepbase.schedule_backfills b
          where b.schedule_id = s.id and b.completed_at is null and b.overlap_policy = 'queue'
        )
      )
  )))
  order by r.id
  for no key update;
end;
$$;

comment on function stepbase_engine.lock_schedules(uuid[], boolean) is
  'Locks schedules, so that one transaction at a time starts their runs, and the open runs that a start may wait for or '
  'cancel (p_with_runs: all open runs). A transaction calls it once: a second call could break the lock order.';

create function stepbase_engine.start_queued_runs()
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_schedules constant uuid[] := array(
    select q.schedule_id from stepbase.schedule_runs q
    where q.outcome = 'queued' and stepbase_engine.open_runs_of_schedules(array[q.schedule_id]) = '{}'
    order by q.schedule_id
    limit 100
  );
begin
  if v_schedules = '{}' then
    return 0;
  end if;
  perform stepbase_engine.lock_schedules(v_schedules);
  return (select sum(stepbase_engine.start_queued_run(q.id)) from unnest(v_schedules) as q (id));
end;
$$;

comment on function stepbase_engine.start_queued_runs() is
  'Starts queued runs whose schedules have no open run, at most 100; returns their number.';

create function stepbase_engine.due_backfills(p_limit int default 10)
returns table (
  backfill_id uuid, cron_expression text, timezone text, from_time timestamptz, to_time timestamptz, is_planned boolean
)
language sql
stable
set search_path = ''
as $$
  select b.id, s.cron_expression, s.timezone, b.from_time, b.to_time, b.times is not null
  from stepbase.schedule_backfills b
  join stepbase.workflow_schedules s on s.id = b.schedule_id
  where b.completed_at is null and stepbase_engine.can_advance(b)
  order by b.times is not null, b.created_at
  limit p_limit;
$$;

comment on function stepbase_engine.due_backfills(int) is
  'Backfills that a worker can continue: first those whose times a worker has to compute and pass to stepbase_engine.plan_backfill, '
  'then those that stepbase_engine.advance_backfills continues (is_planned).';

create function stepbase_engine.plan_backfill(p_backfill_id uuid, p_times timestamptz[], p_problem text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_error jsonb := case
    when p_problem is not null then jsonb_build_object('code', 'invalid_schedule', 'message', p_problem, 'at', v_now)
    when cardinality(p_times) > 1000 then jsonb_build_object(
      'code', 'limit_reached',
      'message', 'The range has more than 1000 times; backfill it in several parts', 'at', v_now
    )
  end;
begin
  update stepbase.schedule_backfills b
  set
    times = case
      when v_error is null then array(
        select t.at from unnest(p_times) as t (at) where t.at between b.from_time and b.to_time order by t.at
      )
    end,
    last_error = v_error,
    status = case when v_error is not null then 'failed' when p_times = '{}' then 'completed' else 'running' end,
    completed_at = case when v_error is not null or p_times = '{}' then v_now end
  where b.id = p_backfill_id and b.completed_at is null and b.times is null;
end;
$$;

comment on function stepbase_engine.plan_backfill(uuid, timestamptz[], text) is
  'Stores the times of a backfill. The backfill fails with limit_reached if there are more than 1000, and with '
  'invalid_schedule if the worker has a problem with the expression. Of several calls the first one counts.';

create function stepbase_engine.advance_backfill(p_backfill_id uuid, p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_backfill stepbase.schedule_backfills;
  v_schedule stepbase.workflow_schedules;
  v_fired record;
  v_started int := 0;
  v_left int := p_limit;
begin
  select b.* into v_backfill from stepbase.schedule_backfills b
  where b.id = p_backfill_id and b.completed_at is null and b.times is not null
  for no key update;
  if not found then
    return 0;
  end if;
  select s.* into strict v_schedule from stepbase.workflow_schedules s where s.id = v_backfill.schedule_id;
  while v_backfill.times_done < cardinality(v_backfill.times) and v_left > 0
    and stepbase_engine.can_advance(v_backfill)
  loop
    v_backfill.times_done := v_backfill.times_done + 1;
    v_left := v_left - 1;
    select f.* into v_fired
    from stepbase_engine.fire_schedule_time(
      v_schedule, v_backfill.times[v_backfill.times_done], 'backfill', 'allow', v_backfill.created_by
    ) f;
    if v_fired.is_started then
      v_started := v_started + 1;
    elsif (v_fired.recorded).outcome = 'failed' then
      v_backfill.times_failed := v_backfill.times_failed + 1;
      v_backfill.last_error := (v_fired.recorded).error;
    else
      v_backfill.times_skipped := v_backfill.times_skipped + 1;
    end if;
  end loop;
  update stepbase.schedule_backfills b
  set
    times_done = v_backfill.times_done,
    runs_started = b.runs_started + v_started,
    times_skipped = v_backfill.times_skipped,
    times_failed = v_backfill.times_failed,
    last_error = v_backfill.last_error,
    status = case when v_backfill.times_done = cardinality(b.times) then 'completed' else b.status end,
    completed_at = case when v_backfill.times_done = cardinality(b.times) then stepbase_engine.now() end
  where b.id = p_backfill_id;
  return v_started;
end;
$$;

comment on function stepbase_engine.advance_backfill(uuid, int) is
  'Starts the next runs of a backfill, at most p_limit times; with the policy queue it stops while a run of the schedule '
  'is open. Returns the number of runs it started. The caller has locked the schedule.';

create function stepbase_engine.advance_backfills(p_limit int default 10, p_times int default 20)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_backfills uuid[];
  v_schedules uuid[];
begin
  -- The first backfills of all apps come before any second one.
  select array_agg(c.id order by c.schedule_id), array_agg(c.schedule_id order by c.schedule_id)
  into v_backfills, v_schedules
  from (
    select b.id, b.schedule_id
    from stepbase.schedule_backfills b
    where b.completed_at is null and b.times is not null and stepbase_engine.can_advance(b)
    order by row_number() over (partition by b.app_code order by b.created_at), b.created_at
    limit p_limit
  ) c;
  if v_backfills is null then
    return 0;
  end if;
  perform stepbase_engine.lock_schedules(v_schedules);
  return (
    select sum(stepbase_engine.advance_backfill(b.id, p_times))
    from unnest(v_backfills) with ordinality as b (id, ord)
  );
end;
$$;

comment on function stepbase_engine.advance_backfills(int, int) is
  'Continues at most p_limit backfills, at most p_times of each; returns the number of runs it started.';

create function stepbase_engine.fire_schedules(p_computed jsonb)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_computed record;
  v_schedule stepbase.workflow_schedules;
  v_now timestamptz := stepbase_engine.now();
  v_time timestamptz;
  v_started int := 0;
begin
  perform stepbase_engine.lock_schedules(array(
    select a.schedule_id from jsonb_to_recordset(p_computed) as a (schedule_id uuid)
  ));
  for v_computed in
    select a.*
    from jsonb_to_recordset(p_computed) as a (
      schedule_id uuid, cron_expression text, timezone text, due_at timestamptz, times timestamptz[],
      next_times timestamptz[], missed_from timestamptz, problem text
    )
    order by a.schedule_id
  loop
    -- Skips a schedule that was changed since, or that another worker has fired.
    select s.* into v_schedule
    from stepbase.workflow_schedules s
    where s.id = v_computed.schedule_id
      and s.is_enabled
      and s.finished_at is null
      and s.cron_expression = v_computed.cron_expression
      and s.timezone = v_computed.timezone
      and s.next_run_at is not distinct from v_computed.due_at;
    continue when not found;

    if v_computed.due_at is not null and v_computed.problem is null then
      v_started := v_started + stepbase_engine.start_queued_run(v_schedule.id);
      if v_computed.missed_from is not null then
        perform stepbase_engine.record_schedule_run(
          v_schedule, v_computed.missed_from, 'schedule', null, 'missed',
          case when v_schedule.catchup_window_seconds is null then 'merged' else 'catchup_window' end,
          p_missed_until => (v_computed.times || v_computed.next_times)[
            case when v_schedule.catchup_window_seconds is null then cardinality(v_computed.times) + 1 else 1 end
          ]
        );
      end if;
      foreach v_time in array coalesce(v_computed.times, '{}') loop
        exit when v_schedule.runs_started >= v_schedule.max_runs;
        v_started := v_started + (
          select f.is_started::int
          from stepbase_engine.fire_schedule_time(v_schedule, v_time, 'schedule', v_schedule.overlap_policy, null) f
        );
        select s.* into strict v_schedule from stepbase.workflow_schedules s where s.id = v_schedule.id;
      end loop;
    end if;

    update stepbase.workflow_schedules s
    set
      last_error = case
        when v_computed.problem is null then s.last_error
        else jsonb_build_object('code', 'invalid_schedule', 'message', v_computed.problem, 'at', v_now)
      end,
      next_times = case when e.is_finished then '{}' else v_computed.next_times end,
      next_run_at = case
        when not e.is_finished then v_computed.next_times[1]
          + stepbase_engine.schedule_jitter(s.id, v_computed.next_times[1], s.jitter_seconds, v_computed.next_times[2])
      end,
      finished_at = case when e.is_finished then v_now end
    from (
      select coalesce(cardinality(v_computed.next_times), 0) = 0
        or coalesce(v_schedule.runs_started >= v_schedule.max_runs, false) as is_finished
    ) e
    where s.id = v_schedule.id;
  end loop;
  return v_started;
end;
$$;

comment on function stepbase_engine.fire_schedules(jsonb) is
  'Takes [{schedule_id, cron_expression, timezone, due_at, times, next_times, missed_from, problem}], starts runs for '
  'times by the overlap policy, records the missed times from missed_from on, and stores next_times (none: the schedule '
  'is finished). An error is recorded on its schedule and does not affect the others. Entries for schedules that have '
  'changed are ignored. Returns the number of runs it started.';

create function stepbase_engine.wake_schedules(p_ended uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Not started here: a transition that holds runs must not wait for a schedule.
  perform pg_notify('stepbase', 'due')
  from stepbase.runs r
  where r.id = any(p_ended) and r.trigger_type = 'schedule'
    and stepbase_engine.is_awaited_by_schedule(r.metadata ->> 'schedule_id')
  limit 1;
end;
$$;

comment on function stepbase_engine.wake_schedules(uuid[]) is
  'Wakes a worker if a queued start or a backfill waits for the end of one of these runs.';
