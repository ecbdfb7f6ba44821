-- Admission: a pending run gets its token at once, unless its app has more waiting already, has
-- enough in the queue, or the run is under a limit. Those wait in engine.waiting_runs, and
-- engine.admit lets them in: apps in turn, in an app the most urgent and then the oldest.

create function engine.queue_share()
returns int
language sql
immutable
set search_path = ''
as 'select 200';

comment on function engine.queue_share() is
'How many turns an app''s runs to start may be ahead of the front of the queue. It keeps workers busy, and short '
'enough for an urgent run to matter.';

create function engine.queue_room(p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  select greatest(engine.queue_share() - coalesce(engine.last_turn(p_app_code) - engine.front_turn() + 1, 0), 0);
$$;

comment on function engine.queue_room(text) is
'How many more tokens of runs to start the queue has room for, of one app.';

create function engine.limits_of(p_workflow_id uuid)
returns table (workflow_limit uuid, queue_limit uuid)
language sql
stable
set search_path = ''
as $$
  select
    case when w.max_concurrent_executions is not null then w.id end,
    (
      select q.id from public.task_queues q
      where q.max_concurrent_workflows is not null and q.id = coalesce(
        w.task_queue_id,
        (
          select d.id from public.task_queues d
          where d.app_code = w.app_code and d.name = 'default'
        )
      )
    )
  from public.workflows w
  where w.id = p_workflow_id;
$$;

comment on function engine.limits_of(uuid) is
'What limits how many runs of a workflow are under way at once: the workflow itself and its task queue (null: not).';

create function engine.held_by_ancestors(p_parent_run_id uuid)
returns setof uuid
language sql
stable
set search_path = ''
as $$
  with recursive line as (
    select r.id, r.parent_run_id from public.runs r where r.id = p_parent_run_id
    union all
    select r.id, r.parent_run_id
    from line l
    join public.runs r on r.id = l.parent_run_id
  )
  select p.limit_id from line l join engine.run_places p on p.run_id = l.id;
$$;

comment on function engine.held_by_ancestors(uuid) is
'The limits that a run or one of its ancestors takes up a place of.';

create function engine.move_up(p_job_id uuid, p_app_code text, p_priority int)
returns void
language sql
set search_path = ''
as $$
  with mine as (
    select j.id, j.priority from pgboss.job j where j.name = 'steps' and j.id = p_job_id
  ),
  less_urgent as (
    select j.id, j.priority, j.created_on
    from pgboss.job j, mine m
    where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
      and j.priority > m.priority
      and (j.data ->> 'priority')::int < p_priority
    order by j.priority desc
    for update of j skip locked
  ),
  changed as (
    select
      l.id, lead(l.priority, 1, m.priority) over (order by l.priority desc, l.created_on) as priority
    from less_urgent l, mine m
    union all
    select m.id, (select max(l.priority) from less_urgent l) from mine m
    where exists (select 1 from less_urgent)
  )
  update pgboss.job j set priority = c.priority
  from changed c
  where j.name = 'steps' and j.id = c.id;
$$;

comment on function engine.move_up(uuid, text, int) is
'An urgent run''s token gets the turn of the first token of its app that starts a less urgent run; those go back by '
'one. Other apps notice nothing.';

create function engine.enqueue_run(p_run public.runs, p_may_refuse boolean default false)
returns boolean
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_workflow_limit uuid;
  v_queue_limit uuid;
  v_held uuid[];
  v_token uuid;
  v_most int;
  v_is_first boolean;
begin
  -- engine.limits_of, without the price of calling it for each run.
  select
    case when w.max_concurrent_executions is not null then w.id end,
    case when q.max_concurrent_workflows is not null then q.id end
  into v_workflow_limit, v_queue_limit
  from public.workflows w
  left join public.task_queues q on q.id = coalesce(
    w.task_queue_id,
    (select d.id from public.task_queues d where d.app_code = w.app_code and d.name = 'default')
  )
  where w.id = p_run.workflow_id;
  -- A child has its place within its parent's: parents that wait for children that wait for places
  -- that parents take up would never end.
  if p_run.parent_run_id is not null
    and (v_workflow_limit is not null or v_queue_limit is not null)
  then
    v_held := array(select engine.held_by_ancestors(p_run.parent_run_id));
    if v_workflow_limit = any(v_held) then
      v_workflow_limit := null;
    end if;
    if v_queue_limit = any(v_held) then
      v_queue_limit := null;
    end if;
  end if;

  v_is_first := not exists (
    select 1 from engine.waiting_runs w
    where w.app_code = p_run.app_code
      and w.workflow_limit = coalesce(v_workflow_limit, c_none)
      and w.queue_limit = coalesce(v_queue_limit, c_none)
  );
  if v_workflow_limit is null and v_queue_limit is null and v_is_first then
    v_token := engine.create_first_token(p_run, engine.queue_share());
    if v_token is not null then
      if p_run.priority > 0 then
        perform engine.move_up(v_token, p_run.app_code, p_run.priority);
      end if;
      return p_run.is_limited;
    end if;
  end if;

  if p_may_refuse then
    select a.max_waiting_runs into v_most
    from public.applications a where a.app_code = p_run.app_code;
    if v_most is not null and v_most = (
      select count(*)
      from (
        select 1 from engine.waiting_runs w where w.app_code = p_run.app_code limit v_most
      ) w
    ) then
      perform private.fail(
        'SB429', 'limit_reached', format('%s runs wait to start already', v_most),
        jsonb_build_object('max_waiting_runs', v_most)
      );
    end if;
  end if;

  insert into engine.waiting_runs (run_id, app_code, workflow_limit, queue_limit, priority)
  values (
    p_run.id, p_run.app_code, coalesce(v_workflow_limit, c_none), coalesce(v_queue_limit, c_none),
    p_run.priority
  )
  on conflict (run_id) do nothing;
  if v_workflow_limit is not null or v_queue_limit is not null then
    update public.runs r set is_limited = true where r.id = p_run.id and not r.is_limited;
  end if;
  -- Workers know of a line that others stand in; see engine.create_tokens on notifying.
  if v_is_first then
    perform pg_notify('stepbase', 'admit');
  end if;
  return p_run.is_limited or v_workflow_limit is not null or v_queue_limit is not null;
end;
$$;

comment on function engine.enqueue_run(public.runs, boolean) is
'Gives a pending run its token, in the transaction that makes it pending, or a place in the waiting room when it is '
'under a limit, others of its app wait already or its app has enough in the queue; returns whether it is under a limit. p_may_refuse: SB429 when as many '
'wait as the application allows.';

create function engine.dequeue_runs(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- In this order: should one of them be admitted right now, this waits for it and then sees its place.
  delete from engine.waiting_runs w where w.run_id = any(p_run_ids);
  perform engine.leave_places(p_run_ids);
end;
$$;

comment on function engine.dequeue_runs(uuid[]) is
'Takes runs out of the waiting room, and their places from them. The caller has locked the runs.';

create function engine.leave_places(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  delete from engine.run_places p where p.run_id = any(p_run_ids);
  -- Whether a run of the app waits for a place: those that wait for room only come first in the index.
  if found and exists (
    select 1
    from public.runs r
    cross join lateral (
      select 1 from engine.waiting_runs w
      where w.app_code = r.app_code
        and (w.workflow_limit, w.queue_limit) > (c_none, c_none)
      limit 1
    ) w
    where r.id = any(p_run_ids)
  ) then
    perform pg_notify('stepbase', 'admit');
  end if;
end;
$$;

comment on function engine.leave_places(uuid[]) is
'Frees the places that runs take up under limits, and has waiting runs admitted.';

create function engine.choose_runs(p_limit int)
returns table (run_ids uuid[], more_wait boolean)
language sql
stable
set search_path = ''
-- How much a recursive query reads is guessed far too high, and it would be compiled.
set jit = off
as $$
  -- Loose index scans: the apps, and in them the lines, without reading those who wait in them.
  with recursive app as (
    (select w.app_code from engine.waiting_runs w order by w.app_code limit 1)
    union all
    select n.app_code
    from app a
    cross join lateral (
      select w.app_code from engine.waiting_runs w
      where w.app_code > a.app_code
      order by w.app_code
      limit 1
    ) n
  ),
  room as materialized (
    select a.app_code, engine.queue_room(a.app_code) as room from app a
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
      select w.workflow_limit, w.queue_limit from engine.waiting_runs w
      where w.app_code = s.app_code
      order by w.workflow_limit, w.queue_limit
      limit 1
    ) h
    union all
    select l.app_code, l.quota, n.workflow_limit, n.queue_limit
    from line l
    cross join lateral (
      select w.workflow_limit, w.queue_limit from engine.waiting_runs w
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
            - (select count(*) from engine.run_places p where p.limit_id = w.id)
          from public.workflows w
          where w.id = l.workflow_limit
        ),
        l.quota
      ) as in_workflow,
      least(
        (
          select
            q.max_concurrent_workflows
            - (select count(*) from engine.run_places p where p.limit_id = q.id)
          from public.task_queues q
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
      select w.run_id, w.priority, w.place from engine.waiting_runs w
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

comment on function engine.choose_runs(int) is
'The waiting runs whose turn it is, apps in turn, as far as the queue has room for their apps and limits have '
'places; more_wait: there may be more once tokens are taken from the queue. Costs what is looked at: the apps and '
'lines that wait, and the runs it returns.';

create function engine.admit_runs(p_limit int)
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
  select c.run_ids, c.more_wait into v_chosen, more_wait from engine.choose_runs(p_limit) c;

  -- Who is being cancelled right now is left to that.
  with taken as (
    select w.run_id, w.workflow_limit, w.queue_limit
    from engine.waiting_runs w
    where w.run_id = any(v_chosen)
    for update skip locked
  ),
  gone as (
    delete from engine.waiting_runs w where w.run_id in (select t.run_id from taken t)
  ),
  pending as (
    select t.*
    from taken t
    join public.runs r on r.id = t.run_id and r.status = 'pending'
  ),
  placed as (
    insert into engine.run_places (run_id, limit_id)
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
    v_tokens := array(select engine.new_id() from unnest(v_runs));
    perform engine.create_tokens(v_tokens, v_runs, more_wait);
    -- The first ones will do: the others follow them.
    perform engine.move_up(u.token_id, r.app_code, r.priority)
    from unnest(v_tokens[:10], v_runs[:10]) as u (token_id, run_id)
    join public.runs r on r.id = u.run_id
    where r.priority > 0;
  end if;
  return next;
end;
$$;

comment on function engine.admit_runs(int) is
'Gives tokens, and places under their limits, to the waiting runs whose turn it is. The caller holds the lock of '
'engine.admission.';

create function engine.admit(p_limit int default 200)
returns table (admitted int, more_wait boolean)
language plpgsql
set search_path = ''
as $$
declare
  v_steps int;
begin
  admitted := 0;
  more_wait := false;
  if not exists (select 1 from engine.waiting_runs w)
    and not exists (select 1 from engine.waiting_steps w)
  then
    return next;
    return;
  end if;
  perform 1 from engine.admission a for update;
  -- Steps first: that waits for locks of runs, and must not while it holds those who wait to start.
  v_steps := engine.admit_steps(p_limit);
  select a.admitted + v_steps, a.more_wait or v_steps = p_limit
  into admitted, more_wait
  from engine.admit_runs(p_limit) a;
  return next;
end;
$$;

comment on function engine.admit(int) is
'Lets waiting runs in, in their turn; returns how many. Call it when one entered the waiting room or a place was '
'freed (NOTIFY admit) and, while more_wait, whenever tokens were taken from the queue.';

create function engine.mend_admission(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_mended int;
  v_run public.runs;
begin
  delete from engine.run_places p
  where not exists (
    select 1 from public.runs r where r.id = p.run_id and r.completed_at is null
  );
  delete from engine.step_places p
  where not exists (
    select 1 from public.step_runs s
    where s.id = p.step_run_id and s.status in ('ready', 'running') and s.job_id is not null
  );
  -- Whoever set a limit could not see the runs that were being started just then, nor they the limit: they count
  -- from here on. So does a child that its parent, within whose place it was, left behind.
  with uncounted as materialized (
    select r.id, r.parent_run_id, i.limit_id
    from public.workflows w
    cross join lateral engine.limits_of(w.id) l
    cross join lateral (values (l.workflow_limit), (l.queue_limit)) as i (limit_id)
    join public.runs r
      on r.app_code = w.app_code and r.workflow_id = w.id and r.status in ('running', 'paused')
    where i.limit_id is not null
      and r.started_at is not null
      and not exists (
        select 1 from engine.run_places p where p.run_id = r.id and p.limit_id = i.limit_id
      )
  ),
  missed as (
    select r.id, u.limit_id
    from uncounted u
    join public.runs r on r.id = u.id and r.completed_at is null
    where u.limit_id <> all(array(select engine.held_by_ancestors(u.parent_run_id)))
    for no key update of r skip locked
  ),
  marked as (
    update public.runs r set is_limited = true
    where r.id in (select m.id from missed m) and not r.is_limited
  )
  insert into engine.run_places (run_id, limit_id)
  select m.id, m.limit_id from missed m
  on conflict do nothing;
  -- Ready steps under a limit that are in no line: they get in line again (engine.follow_step_limit).
  update public.step_runs s set job_id = null, updated_at = engine.now()
  where s.id in (
    select s.id from public.step_runs s
    join public.runs r on r.id = s.run_id and r.status = 'running'
    where s.status = 'ready' and s.job_id is null and s.limited_by is not null
      and s.updated_at < engine.now() - interval '1 minute'
      and not exists (select 1 from engine.waiting_steps w where w.step_run_id = s.id)
    limit p_limit
  );
  get diagnostics v_mended = row_count;
  for v_run in
    select r.*
    from public.applications a
    join public.runs r on r.app_code = a.app_code and r.status = 'pending'
    where r.created_at < engine.now() - interval '1 minute'
      and not exists (select 1 from engine.waiting_runs w where w.run_id = r.id)
      and r.id not in (
        select (j.data ->> 'run_id')::uuid from pgboss.job j
        where j.name = 'steps' and j.data ->> 'run_id' is not null
      )
    limit p_limit
    for no key update of r skip locked
  loop
    perform engine.enqueue_run(v_run);
    v_mended := v_mended + 1;
  end loop;
  if exists (select 1 from engine.waiting_runs w)
    or exists (select 1 from engine.waiting_steps w)
  then
    perform pg_notify('stepbase', 'admit');
  end if;
  return v_mended;
end;
$$;

comment on function engine.mend_admission(int) is
'Finds runs and steps that wait in no line and hold no token, and places that nobody takes up any more, which only a '
'fault outside the engine can cause, and runs that do not count yet although there is a limit; returns how many got in '
'line again.';
