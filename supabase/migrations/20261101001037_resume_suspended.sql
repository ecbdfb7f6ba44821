-- resume_suspended: after the release of an incident switch, suspended runs and steps go on, in slices. A slice reads
-- one row of each group of suspended runs and then the rows that go on, not the other rows that wait.

create function stepbase_engine.resumable_runs(p_limit int)
returns setof uuid
language sql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  -- app and suspended: loose index scans over the applications and their groups.
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
  suspended as (
    select a.app_code, h.queue_limit
    from app a
    cross join lateral (
      select w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = a.app_code and w.workflow_limit = stepbase_engine.suspended_group()
      order by w.queue_limit
      limit 1
    ) h
    union all
    select g.app_code, n.queue_limit
    from suspended g
    cross join lateral (
      select w.queue_limit from stepbase_engine.run_backlog w
      where w.app_code = g.app_code and w.workflow_limit = stepbase_engine.suspended_group()
        and w.queue_limit > g.queue_limit
      order by w.queue_limit
      limit 1
    ) n
  ),
  free as materialized (
    select g.app_code, g.queue_limit
    from suspended g
    cross join lateral (
      select r.id from stepbase_engine.run_backlog w
      join stepbase.runs r on r.id = w.run_id
      where w.app_code = g.app_code and w.workflow_limit = stepbase_engine.suspended_group()
        and w.queue_limit = g.queue_limit
      order by w.priority desc, w.arrival
      limit 1
    ) f
    where not stepbase_engine.is_suspended(f.id, true)
    limit p_limit
  )
  -- Locked runs are skipped: they are found by the next call, or by the maintenance.
  select n.id
  from free f
  cross join lateral (
    select r.id, r.priority from stepbase_engine.run_backlog w
    join stepbase.runs r on r.id = w.run_id
    where w.app_code = f.app_code and w.workflow_limit = stepbase_engine.suspended_group()
      and w.queue_limit = f.queue_limit
    order by w.priority desc, w.arrival
    limit greatest(p_limit / (select count(*) from free), 1)
    for no key update of r skip locked
  ) n
  -- The order in which they were started.
  order by n.priority desc, n.id;
$$;

comment on function stepbase_engine.resumable_runs(int) is
  'Locks and returns up to p_limit runs in the backlog that no switch suspends any more, the same number of each group.';

create function stepbase_engine.runs_with_resumable_steps(p_limit int)
returns setof uuid
language sql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  -- version: a loose index scan over the versions of the runs.
  with recursive version as (
    (
      select s.app_code, s.workflow_version_id from stepbase.step_runs s
      where s.status = 'ready' and s.job_id is null and s.limited_by is null
      order by s.app_code, s.workflow_version_id
      limit 1
    )
    union all
    select n.app_code, n.workflow_version_id
    from version v
    cross join lateral (
      select s.app_code, s.workflow_version_id from stepbase.step_runs s
      where s.status = 'ready' and s.job_id is null and s.limited_by is null
        and (s.app_code, s.workflow_version_id) > (v.app_code, v.workflow_version_id)
      order by s.app_code, s.workflow_version_id
      limit 1
    ) n
  ),
  free as materialized (
    select v.app_code, v.workflow_version_id
    from version v
    join stepbase.workflow_versions d on d.id = v.workflow_version_id
    where not exists (
      select 1 from stepbase.incident_switches i
      where i.released_at is null and i.mode = 'pause'
        and stepbase_engine.switch_applies(i, v.app_code, d.workflow_id)
    )
  )
  select distinct n.id
  from free f
  cross join lateral (
    select r.id from stepbase.step_runs s
    join stepbase.runs r on r.id = s.run_id and r.status = 'running'
    where s.app_code = f.app_code and s.workflow_version_id = f.workflow_version_id
      and s.status = 'ready' and s.job_id is null and s.limited_by is null
    order by s.run_id
    limit greatest(p_limit / (select count(*) from free), 1)
    for no key update of r skip locked
  ) n
  order by n.id;
$$;

comment on function stepbase_engine.runs_with_resumable_steps(int) is
  'Locks and returns running runs with ready steps that have no token and that no switch suspends any more: up to p_limit, the '
  'same number of each version, and at least one.';

create function stepbase_engine.resume_suspended(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  -- A statement of its own: the next one sees the runs as they are under the lock.
  v_starts constant uuid[] := array(select u.id from stepbase_engine.resumable_runs(p_limit) as u (id));
  v_locked uuid[];
  v_tokens uuid[];
  v_runs uuid[];
  v_resumed int := 0;
begin
  for v_run in
    select r.*
    from unnest(v_starts) with ordinality as u (id, place)
    join stepbase.runs r on r.id = u.id
    order by u.place
  loop
    delete from stepbase_engine.run_backlog b where b.run_id = v_run.id;
    if v_run.status = 'pending' then
      perform stepbase_engine.enqueue_run(v_run);
    end if;
    v_resumed := v_resumed + 1;
  end loop;

  v_locked := array(select u.id from stepbase_engine.runs_with_resumable_steps(p_limit) as u (id));
  -- A token carries 16 branches of a run, as at a fan-out.
  with suspended as (
    select
      s.id, s.run_id, (row_number() over (partition by s.run_id order by s.step_id, s.item_index) - 1) / 16 as lane
    from stepbase.step_runs s
    where s.run_id = any(v_locked) and s.job_id is null and s.status = 'ready' and s.limited_by is null
  ),
  token as materialized (
    select h.run_id, h.lane, stepbase_engine.new_id() as id from suspended h group by h.run_id, h.lane
  ),
  carried as (
    update stepbase.step_runs s
    set job_id = t.id, updated_at = stepbase_engine.now()
    from suspended h
    join token t on t.run_id = h.run_id and t.lane = h.lane
    where s.id = h.id
  )
  select array_agg(t.id order by t.run_id, t.lane), array_agg(t.run_id order by t.run_id, t.lane)
  into v_tokens, v_runs
  from token t;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_runs);
  end if;
  return v_resumed + cardinality(v_locked);
end;
$$;

comment on function stepbase_engine.resume_suspended(int) is
  'Lets runs and steps go on that no switch holds any more: pending runs enter the queue or the backlog, ready steps get '
  'tokens. At most p_limit runs of each kind; returns their number. Takes no lock that it has to wait for.';
