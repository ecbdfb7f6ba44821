-- Admission: runs that wait in line are let in, apps in turn, in an app the most urgent and then the
-- oldest, as long as there is room in the queue and under their limits.

create function stepbase_engine.select_backlog_runs(p_limit int)
returns table (run_ids uuid[], more_wait boolean)
language sql
stable
set search_path = ''
-- How much a recursive query reads is guessed far too high, and it would be compiled.
set jit = off
as $$
  -- Loose index scans: the apps, and in them the lines, without reading those who wait in them.
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
  ),
  share as (
    select
      r.app_code, least(r.room, greatest(p_limit / count(*) over (), 1))::int as quota
    from room r
    where r.room > 0
  ),
  line as (
    select s.app_code, s.quota, h.workflow_limit, h.queue_limit
    from share s
    cross join lateral (
      select w.workflow_limit, w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = s.app_code
      order by w.workflow_limit, w.queue_limit
      limit 1
    ) h
    union all
    select l.app_code, l.quota, n.workflow_limit, n.queue_limit
    from line l
    cross join lateral (
      select w.workflow_limit, w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = l.app_code
        and (w.workflow_limit, w.queue_limit) > (l.workflow_limit, l.queue_limit)
      order by w.workflow_limit, w.queue_limit
      limit 1
    ) n
  ),
  free as materialized (
    select
      l.*,
      least(
        (
          select
            w.max_concurrent_executions
            - (select count(*) from stepbase_engine.run_slots p where p.limit_id = w.id)
          from stepbase.workflows w
          where w.id = l.workflow_limit
        ),
        l.quota
      ) as in_workflow,
      least(
        (
          select
            q.max_concurrent_workflows
            - (select count(*) from stepbase_engine.run_slots p where p.limit_id = q.id)
          from stepbase.task_queues q
          where q.id = l.queue_limit
        ),
        l.quota
      ) as in_queue
    from line l
  ),
  -- A task queue's places go to the first of all its lines.
  candidate as (
    select
      f.app_code, f.quota, f.in_queue, f.queue_limit, w.run_id, w.priority, w.place,
      row_number() over (
        partition by f.app_code, f.queue_limit order by w.priority desc, w.place
      ) as queue_rank
    from free f
    cross join lateral (
      select w.run_id, w.priority, w.place from stepbase_engine.run_backlog w
      where w.app_code = f.app_code
        and w.workflow_limit = f.workflow_limit and w.queue_limit = f.queue_limit
      order by w.priority desc, w.place
      limit greatest(least(f.in_workflow, f.in_queue), 0)
    ) w
  ),
  ranked as (
    select
      c.*,
      row_number() over (partition by c.app_code order by c.priority desc, c.place) as rank,
      count(*) over (partition by c.app_code) as candidates
    from candidate c
    where c.queue_rank <= c.in_queue
  ),
  chosen as (
    select r.run_id, r.rank, r.place, r.candidates >= r.quota as has_more
    from ranked r
    where r.rank <= r.quota
    -- Apps in turn: everyone's first, then everyone's second.
    order by r.rank, r.place
    limit p_limit
  )
  select
    array_agg(c.run_id order by c.rank, c.place),
    coalesce(bool_or(c.has_more), false) or exists (select 1 from room r where r.room = 0)
  from chosen c;
$$;

comment on function stepbase_engine.select_backlog_runs(int) is
'The waiting runs whose turn it is, apps in turn, as far as the queue has room for their apps and limits have '
'places; more_wait: there may be more once tokens are taken from the queue. Costs what is looked at: the apps and '
'lines that wait, and the runs it returns.';

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

  -- Who is being cancelled right now is left to that.
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
    join stepbase.runs r on r.id = t.run_id and r.status = 'pending'
  ),
  placed as (
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
    -- The first ones will do: the others follow them.
    perform stepbase_engine.prioritize_job(u.token_id, r.app_code, r.priority)
    from unnest(v_tokens[:10], v_runs[:10]) as u (token_id, run_id)
    join stepbase.runs r on r.id = u.run_id
    where r.priority > 0;
  end if;
  return next;
end;
$$;

comment on function stepbase_engine.admit_runs(int) is
'Gives tokens, and places under their limits, to the waiting runs whose turn it is. The caller holds the lock of '
'stepbase_engine.admission.';

create function stepbase_engine.admit(p_limit int default 200)
returns table (admitted int, more_wait boolean)
language plpgsql
set search_path = ''
as $$
declare
  v_steps int;
begin
  admitted := 0;
  more_wait := false;
  if not exists (select 1 from stepbase_engine.run_backlog w)
    and not exists (select 1 from stepbase_engine.step_backlog w)
  then
    return next;
    return;
  end if;
  perform 1 from stepbase_engine.admission a for update;
  -- Steps first: that waits for locks of runs, and must not while it holds those who wait to start.
  v_steps := stepbase_engine.admit_steps(p_limit);
  select a.admitted + v_steps, a.more_wait or v_steps = p_limit
  into admitted, more_wait
  from stepbase_engine.admit_runs(p_limit) a;
  return next;
end;
$$;

comment on function stepbase_engine.admit(int) is
'Lets waiting runs in, in their turn; returns how many. Call it when one entered the waiting room or a place was '
'freed (NOTIFY admit) and, while more_wait, whenever tokens were taken from the queue.';

create function stepbase_engine.reconcile_admission(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_mended int;
  v_run stepbase.runs;
begin
  delete from stepbase_engine.run_slots p
  where not exists (
    select 1 from stepbase.runs r where r.id = p.run_id and r.completed_at is null
  );
  delete from stepbase_engine.step_slots p
  where not exists (
    select 1 from stepbase.step_runs s
    where s.id = p.step_run_id and s.status in ('ready', 'running') and s.job_id is not null
  );
  -- Whoever set a limit could not see the runs that were being started just then, nor they the limit: they count
  -- from here on. So does a child that its parent, within whose place it was, left behind.
  with uncounted as materialized (
    select r.id, r.parent_run_id, i.limit_id
    from stepbase.workflows w
    cross join lateral stepbase_engine.limits_of(w.id) l
    cross join lateral (values (l.workflow_limit), (l.queue_limit)) as i (limit_id)
    join stepbase.runs r
      on r.app_code = w.app_code and r.workflow_id = w.id and r.status in ('running', 'paused')
    where i.limit_id is not null
      and r.started_at is not null
      and not exists (
        select 1 from stepbase_engine.run_slots p where p.run_id = r.id and p.limit_id = i.limit_id
      )
  ),
  missed as (
    select r.id, u.limit_id
    from uncounted u
    join stepbase.runs r on r.id = u.id and r.completed_at is null
    where u.limit_id <> all(array(select stepbase_engine.slots_of_ancestors(u.parent_run_id)))
    for no key update of r skip locked
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select m.id from missed m) and not r.is_limited
  )
  insert into stepbase_engine.run_slots (run_id, limit_id)
  select m.id, m.limit_id from missed m
  on conflict do nothing;
  -- Ready steps under a limit that are in no line: they get in line again (stepbase_engine.apply_step_limit).
  update stepbase.step_runs s set job_id = null, updated_at = stepbase_engine.now()
  where s.id in (
    select s.id from stepbase.step_runs s
    join stepbase.runs r on r.id = s.run_id and r.status = 'running'
    where s.status = 'ready' and s.job_id is null and s.limited_by is not null
      and s.updated_at < stepbase_engine.now() - interval '1 minute'
      and not exists (select 1 from stepbase_engine.step_backlog w where w.step_run_id = s.id)
    limit p_limit
  );
  get diagnostics v_mended = row_count;
  for v_run in
    select r.*
    from stepbase.applications a
    join stepbase.runs r on r.app_code = a.app_code and r.status = 'pending'
    where r.created_at < stepbase_engine.now() - interval '1 minute'
      and not exists (select 1 from stepbase_engine.run_backlog w where w.run_id = r.id)
      and r.id not in (select q.run_id from stepbase_engine.queued_runs() as q (run_id))
    limit p_limit
    for no key update of r skip locked
  loop
    perform stepbase_engine.enqueue_run(v_run);
    v_mended := v_mended + 1;
  end loop;
  if exists (select 1 from stepbase_engine.run_backlog w)
    or exists (select 1 from stepbase_engine.step_backlog w)
  then
    perform pg_notify('stepbase', 'admit');
  end if;
  return v_mended;
end;
$$;

comment on function stepbase_engine.reconcile_admission(int) is
'Finds runs and steps that wait in no line and hold no token, and places that nobody takes up any more, which only a '
'fault outside the engine can cause, and runs that do not count yet although there is a limit; returns how many got in '
'line again.';
