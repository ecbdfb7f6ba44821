-- wake: what is due by the engine's clock. Called by workers when something is due, and by
-- maintenance; a call with nothing due costs two index lookups.

create function engine.wake(p_limit int default 200)
returns timestamptz
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := engine.now();
  v_runs uuid[];
  v_retries uuid[];
  v_delays uuid[];
  v_late uuid[];
  v_tokens uuid[];
  v_token_runs uuid[];
  v_overdue uuid[];
begin
  select array_agg(distinct d.run_id) into v_runs
  from (
    select s.run_id from public.step_runs s
    where s.status = 'waiting' and s.wake_at <= v_now
    order by s.wake_at
    limit p_limit
  ) d;

  select array_agg(r.id) into v_overdue
  from (
    select r.id from public.runs r
    where r.deadline_at <= v_now and r.completed_at is null
    order by r.deadline_at
    limit p_limit
  ) r;

  -- All at once, in the order of their ids. A run that another worker holds is left to it: it will be
  -- due again at once.
  select
    array_agg(l.id) filter (where l.id = any(v_runs) and l.status = 'running'),
    array_agg(l.id) filter (where l.id = any(v_overdue))
  into v_runs, v_overdue
  from (
    select r.id, r.status from public.runs r
    where r.id = any(v_runs || v_overdue)
    order by r.id
    for no key update skip locked
  ) l;

  if v_runs is not null then
    select
      array_agg(s.id) filter (where s.wait_kind = 'retry'),
      array_agg(s.id) filter (where s.wait_kind = 'delay'),
      array_agg(s.id) filter (where s.wait_kind not in ('retry', 'delay'))
    into v_retries, v_delays, v_late
    from public.step_runs s
    where s.run_id = any(v_runs) and s.status = 'waiting' and s.wake_at <= v_now;

    with due as (
      select s.id, s.run_id, case when s.limited_by is null then engine.new_id() end as job_id
      from public.step_runs s
      where s.id = any(v_retries)
    ),
    ready as (
      update public.step_runs s
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
      perform engine.create_tokens(v_tokens, v_token_runs);
    end if;

    if v_delays is not null then
      perform engine.resolve_waiting(
        v_delays,
        array(select '{}'::jsonb from unnest(v_delays)),
        array(select null::text from unnest(v_delays))
      );
    end if;
    -- Waited too long: as with any step that ran out of time, its timeout edge is taken if it has one.
    if v_late is not null then
      perform engine.fail(
        v_runs, v_late,
        array(select null::int from unnest(v_late)),
        array(select null::jsonb from unnest(v_late)),
        array(
          select '{"code": "timeout", "message": "nothing came before the deadline", "retryable": false}'::jsonb
          from unnest(v_late)
        )
      );
    end if;
  end if;

  if v_overdue is not null then
    perform engine.end_runs(
      v_overdue, 'timed_out',
      '{"code": "timeout", "message": "the run passed its execution timeout"}'
    );
  end if;

  return (
    select least(
      (
        -- What a paused run waits for is due when it is resumed.
        select s.wake_at
        from public.step_runs s
        join public.runs r on r.id = s.run_id and r.status = 'running'
        where s.status = 'waiting' and s.wake_at is not null
        order by s.wake_at
        limit 1
      ),
      (
        select min(r.deadline_at) from public.runs r
        where r.deadline_at is not null and r.completed_at is null
      ),
      engine.next_schedule_at()
    )
  );
end;
$$;

comment on function engine.wake(int) is
'Wakes steps whose time has come (delays, retries, deadlines) and times out overdue runs; returns when the next '
'thing is due, by the engine''s clock, or null.';
