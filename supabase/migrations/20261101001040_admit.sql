-- admit: waiting runs and steps leave the backlog. Apps take turns; within an app the most urgent run goes first, then
-- the oldest, as far as the queue has room and the limits have free slots.

create function stepbase_engine.select_backlog_runs(p_limit int)
returns table (run_ids uuid[], more_wait boolean)
language sql
stable
set search_path = ''
-- The planner overestimates the rows of a recursive query so far that it would compile it.
set jit = off
as $$
  -- app and limit_group: loose index scans over the apps and their groups, without reading the runs that wait in them.
  with recursive app as (
    (select w.app_code from stepbase_engine.run_backlog w order by w.app_code limit 1)
    union all
    select n.app_code
    from app a
    cross join lateral (
      select w.app_code from stepbase_engine.run_backlog w
      where w.app_code > a.app_code
      order by w.app_code
      limit 1
    ) n
  ),
  room as materialized (
    select a.app_code, stepbase_engine.queue_capacity(a.app_code) as room from app a
    -- The groups and slots of its runs are not complete yet.
    where not exists (select 1 from stepbase_engine.limit_changes h where h.app_code = a.app_code)
  ),
  -- share: how many runs of each app may enter now.
  share as (
    select
      r.app_code, least(r.room, greatest(p_limit / count(*) over (), 1))::int as quota
    from room r
    where r.room > 0
  ),
  limit_group as (
    select s.app_code, s.quota, h.workflow_limit, h.queue_limit
    from share s
    cross join lateral (
      select w.workflow_limit, w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = s.app_code and w.workflow_limit < stepbase_engine.suspended_group()
      order by w.workflow_limit, w.queue_limit
      limit 1
    ) h
    union all
    select g.app_code, g.quota, n.workflow_limit, n.queue_limit
    from limit_group g
    cross join lateral (
      select w.workflow_limit, w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = g.app_code
        and (w.workflow_limit, w.queue_limit) > (g.workflow_limit, g.queue_limit)
        and w.workflow_limit < stepbase_engine.suspended_group()
      order by w.workflow_limit, w.queue_limit
      limit 1
    ) n
  ),
  -- free: adds the free slots of the limits of each group.
  free as materialized (
    select
      g.*,
      least(
        (
          select
            w.max_concurrent_executions
            - (select count(*) from stepbase_engine.run_slots s where s.limit_id = w.id)
          from stepbase.workflows w
          where w.id = g.workflow_limit
        ),
        g.quota
      ) as in_workflow,
      least(
        (
          select
            q.max_concurrent_workflows
            - (select count(*) from stepbase_engine.run_slots s where s.limit_id = q.id)
          from stepbase.task_queues q
          where q.id = g.queue_limit
        ),
        g.quota
      ) as in_queue
    from limit_group g
  ),
  -- candidate: the first runs of each group. The slots of a task queue go to the first runs of all its groups.
  candidate as (
    select
      f.app_code, f.quota, f.in_queue, f.queue_limit, w.run_id, w.priority, w.arrival,
      row_number() over (
        partition by f.app_code, f.queue_limit order by w.priority desc, w.arrival
      ) as queue_rank
    from free f
    cross join lateral (
      select w.run_id, w.priority, w.arrival from stepbase_engine.run_backlog w
      where w.app_code = f.app_code
        and w.workflow_limit = f.workflow_limit and w.queue_limit = f.queue_limit
      order by w.priority desc, w.arrival
      limit greatest(least(f.in_workflow, f.in_queue), 0)
    ) w
  ),
  -- ranked: adds the rank within the app.
  ranked as (
    select
      c.*,
      row_number() over (partition by c.app_code order by c.priority desc, c.arrival) as rank,
      count(*) over (partition by c.app_code) as candidates
    from candidate c
    where c.queue_rank <= c.in_queue
  ),
  chosen as (
    select r.run_id, r.rank, r.arrival, r.candidates >= r.quota as has_more
    from ranked r
    where r.rank <= r.quota
    -- The first run of every app, then the second of every app, and so on.
    order by r.rank, r.arrival
    limit p_limit
  )
  select
    array_agg(c.run_id order by c.rank, c.arrival),
    coalesce(bool_or(c.has_more), false) or exists (select 1 from room r where r.room = 0)
  from chosen c;
$$;

comment on function stepbase_engine.select_backlog_runs(int) is
  'Returns up to p_limit waiting runs that the queue has room for and whose limits have free slots: one of each app per '
  'round, within an app by priority and then by age. more_wait: further runs can enter once tokens are fetched. The cost '
  'is proportional to the apps and groups that wait and the runs returned.';

create function stepbase_engine.admit_runs(p_limit int)
returns table (admitted int, more_wait boolean)
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_chosen uuid[];
  v_runs uuid[];
  v_tokens uuid[];
begin
  select c.run_ids, c.more_wait into v_chosen, more_wait from stepbase_engine.select_backlog_runs(p_limit) c;

  -- Lock order: admission (1, by the caller), then the backlog (3), skipping locked rows: those runs are being
  -- cancelled or removed.
  with taken as (
    select w.run_id, w.workflow_limit, w.queue_limit
    from stepbase_engine.run_backlog w
    where w.run_id = any(v_chosen)
    for update skip locked
  ),
  gone as (
    delete from stepbase_engine.run_backlog w where w.run_id in (select t.run_id from taken t)
  ),
  pending as (
    select t.*
    from taken t
    -- By id: see stepbase_engine.claim.
    where (select r.status from stepbase.runs r where r.id = t.run_id) = 'pending'
  ),
  slot as (
    insert into stepbase_engine.run_slots (run_id, limit_id)
    select p.run_id, l.id
    from pending p
    cross join lateral (values (p.workflow_limit), (p.queue_limit)) as l (id)
    where l.id <> c_none
    on conflict do nothing
  )
  select array_agg(p.run_id order by array_position(v_chosen, p.run_id)) into v_runs
  from pending p;

  admitted := coalesce(cardinality(v_runs), 0);
  if admitted > 0 then
    v_tokens := array(select stepbase_engine.new_id() from unnest(v_runs));
    perform stepbase_engine.create_tokens(v_tokens, v_runs, more_wait);
    -- Only the first ones: moving them moves the others behind them.
    perform stepbase_engine.prioritize_job(u.token_id, r.app_code, r.priority)
    from unnest(v_tokens[:10], v_runs[:10]) as u (token_id, run_id)
    join stepbase.runs r on r.id = u.run_id
    where r.priority > 0;
  end if;
  return next;
end;
$$;

comment on function stepbase_engine.admit_runs(int) is
  'Gives tokens and concurrency slots to up to p_limit waiting runs; returns how many, and whether more can enter once '
  'tokens are fetched. The caller has locked stepbase_engine.admission.';

create function stepbase_engine.admit(p_limit int default 200)
returns table (admitted int, more_wait boolean)
language plpgsql
set search_path = ''
as $$
declare
  v_steps int;
  v_is_released constant boolean := exists (
    select 1 from stepbase.incident_switches i where i.released_at is not null and i.resumed_at is null
  );
  v_passed int := 0;
  v_flow_waits boolean := false;
  v_resumed int;
begin
  admitted := 0;
  more_wait := false;
  if not v_is_released
    and not exists (select 1 from stepbase_engine.run_backlog w)
    and not exists (select 1 from stepbase_engine.step_backlog w)
    and not exists (select 1 from stepbase_engine.limit_changes h)
    and not stepbase_engine.has_flow_work()
  then
    return next;
    return;
  end if;
  -- Lock order: admission (1).
  perform 1 from stepbase_engine.admission a for update;
  -- Steps before runs: admit_steps waits for locks of runs, and must not hold rows of the run backlog then.
  v_steps := stepbase_engine.admit_steps(p_limit);
  -- Before the run backlog of the application, which waits until its changed limits apply to its runs.
  perform stepbase_engine.apply_limit_changes(5 * p_limit);
  -- Before the lines, which wait until a changed control applies to their runs.
  perform stepbase_engine.apply_flow_changes(5 * p_limit);
  -- Before the run backlog, which the runs that pass may join. Twice, because a run that gets the slot of its key joins
  -- the line of a throttle.
  for v_round in 1 .. 2 loop
    exit when not stepbase_engine.has_flow_work();
    select v_passed + f.admitted, f.more_wait into v_passed, v_flow_waits from stepbase_engine.admit_flow(p_limit) f;
  end loop;
  select
    a.admitted + v_steps + v_passed,
    a.more_wait or v_steps = p_limit or v_flow_waits or exists (select 1 from stepbase_engine.limit_changes h)
  into admitted, more_wait
  from stepbase_engine.admit_runs(p_limit) a;
  perform stepbase_engine.move_backlog_start();
  -- Last, because it locks runs and waits for no lock. Beside the other work: the many runs of a switch must not delay
  -- other applications.
  if v_is_released then
    v_resumed := stepbase_engine.resume_suspended(p_limit);
    if v_resumed > 0 then
      admitted := admitted + v_resumed;
      more_wait := true;
    else
      update stepbase.incident_switches i set resumed_at = stepbase_engine.now()
      where i.released_at is not null and i.resumed_at is null;
    end if;
  end if;
  return next;
end;
$$;

comment on function stepbase_engine.admit(int) is
  'Admits waiting steps and runs, up to p_limit of each, and runs that flow controls held back; returns how many. Workers '
  'call it when one entered the backlog or a slot was released (NOTIFY admit) and, while more_wait, whenever they fetched '
  'tokens.';
