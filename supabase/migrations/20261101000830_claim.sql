-- claim: a worker fetched tokens; which steps does it have to execute?
-- The first delivery of a run's first token starts the run. After that a delivery takes over the
-- unfinished steps of its token, under a new fence.

create function stepbase_engine.claim(p_job_ids uuid[], p_run_ids uuid[], p_deliveries int[])
returns setof stepbase_engine.work
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_jobs uuid[];
  v_runs uuid[];
  v_started uuid[];
  v_started_jobs uuid[];
  v_run_events stepbase_engine.event[];
  v_step_events stepbase_engine.event[];
  v_work stepbase_engine.work[];
  v_idle uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  -- Lock order: runs (2), then jobs (5, in end_tokens).
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  -- A worker that was suspended after it fetched them may have lost some tokens to another worker.
  select d.job_ids, d.run_ids into v_jobs, v_runs
  from stepbase_engine.current_deliveries(p_job_ids, p_run_ids, p_deliveries) d;
  if v_jobs is null then
    return;
  end if;

  -- The pending runs to start; append_events sets them running. A run in the backlog (it was paused and
  -- resumed after this token was created) starts when it is admitted.
  -- run: materialized, so that runs are looked up by id. With the status in the look-up, the planner may read the index
  -- of all pending runs, with the dead entry of each run that has started since the oldest transaction began.
  with run as materialized (
    select o.id, o.app_code, o.status, o.is_limited from stepbase.runs o where o.id = any(v_runs)
  ),
  started as (
    select distinct on (r.id) r.id, r.app_code, t.job_id
    from unnest(v_jobs, v_runs) as t (job_id, run_id)
    join run r on r.id = t.run_id
    where r.status = 'pending'
      -- A count instead of "not exists": the planner would turn that into a join with the whole backlog.
      and (select count(*) from stepbase_engine.run_backlog b where b.run_id = r.id) = 0
      and case (select count(*) from stepbase.incident_switches i where i.released_at is null)
        when 0 then true else not stepbase_engine.is_suspended(r.id, true)
      end
      and case when r.is_limited
        then (select count(*) from stepbase_engine.flow_backlog f where f.run_id = r.id) = 0 else true end
    order by r.id
  )
  select
    array_agg(s.id order by s.id),
    array_agg(s.job_id order by s.id),
    array_agg(stepbase_engine.run_event('run.started', s.id, s.app_code, 'running') order by s.id)
  into v_started, v_started_jobs, v_run_events
  from started s;

  with run as materialized (
    select o.id, o.app_code, o.status, o.workflow_version_id, o.rerun_from_step
    from stepbase.runs o
    where o.id = any(v_runs)
  ),
  started as (
    select t.run_id, t.job_id, r.app_code, r.workflow_version_id, r.rerun_from_step
    from unnest(v_started, v_started_jobs) as t (run_id, job_id)
    join run r on r.id = t.run_id
  ),
  -- root: the first steps of the started runs. A step under a limit is ready and waits for a slot.
  root as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, limited_by, fence,
      started_at, created_at, updated_at
    )
    select
      r.run_id, r.app_code, r.workflow_version_id, e.target_id, e.step_type,
      case when e.limited_by is null then 'running' else 'ready' end,
      case when e.limited_by is null then r.job_id end, e.limited_by,
      (e.limited_by is null)::int, case when e.limited_by is null then v_now end, v_now, v_now
    from started r
    join stepbase_engine.plan_edges e
      on e.workflow_version_id = r.workflow_version_id and e.source_id = ''
    where r.rerun_from_step is null
    returning *
  ),
  -- frontier: a rerun from a step has its first steps prepared as ready; its first token carries all of
  -- them, except the steps under a limit.
  frontier as (
    update stepbase.step_runs s
    set
      status = case when s.limited_by is null then 'running' else 'ready' end,
      job_id = case when s.limited_by is null then r.job_id end,
      fence = (s.limited_by is null)::int,
      started_at = case when s.limited_by is null then v_now end,
      updated_at = v_now
    from started r
    -- By run, for the same reason: not from the index of all open steps.
    cross join lateral (
      select o.id, o.status from stepbase.step_runs o where o.run_id = r.run_id offset 0
    ) p
    where r.rerun_from_step is not null
      and s.id = p.id and p.status = 'ready'
    returning s.*
  ),
  -- taken_over: the unfinished steps that these tokens carry.
  taken_over as (
    update stepbase.step_runs s
    set
      status = 'running', fence = s.fence + 1, started_at = coalesce(s.started_at, v_now),
      updated_at = v_now
    from run r
    where s.job_id = any(v_jobs)
      and s.status in ('ready', 'running')
      and r.id = s.run_id
      and r.status = 'running'
      and s.run_id <> all(coalesce(v_started, '{}'))
      and case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
        when 0 then true else not stepbase_engine.is_suspended(r.id, false)
      end
    returning s.*
  ),
  -- entered: all of these; opens is 1 for steps that the run's open_steps does not count yet.
  entered as (
    select 1 as opens, r.* from root r
    union all
    select 0, f.* from frontier f where f.status = 'running'
    union all
    select 0, t.* from taken_over t
  )
  select
    (
      select array_agg(
        stepbase_engine.step_event(
          case e.status when 'running' then 'step.started' else 'step.ready' end,
          e.run_id, e.app_code, e.step_id, e.item_index, e.attempt, e.status,
          p_open_delta => e.opens,
          p_payload => jsonb_build_object('fence', e.fence)
        ) order by e.run_id, e.step_id, e.item_index
      )
      from entered e
    ),
    (
      select array_agg(
        row(
          e.job_id, e.run_id, e.app_code, e.workflow_version_id, e.id, e.step_id, e.item_index,
          e.attempt, e.fence
        )::stepbase_engine.work order by e.run_id, e.step_id, e.item_index
      )
      from entered e
      where e.status = 'running'
    )
  into v_step_events, v_work;

  if v_run_events is not null or v_step_events is not null then
    perform stepbase_engine.append_events(coalesce(v_run_events, '{}') || coalesce(v_step_events, '{}'));
  end if;

  -- Tokens without work. Those of a paused or held run leave its ready steps without a token until it goes on;
  -- the others are duplicates or belong to runs that ended.
  v_idle := array(
    select j.id from unnest(v_jobs) as j (id)
    except
    select w.job_id from unnest(v_work) as w
  );
  if v_idle <> '{}' then
    update stepbase.step_runs s
    set job_id = null, updated_at = v_now
    where s.job_id = any(v_idle) and s.status = 'ready'
      and (
        select
          case
            when r.status = 'running' and (
              select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause'
            ) > 0
              then stepbase_engine.is_suspended(r.id, false)
            else r.status = 'paused'
          end
        from stepbase.runs r
        where r.id = s.run_id
      );
    if exists (select 1 from stepbase.incident_switches i where i.released_at is null) then
      perform stepbase_engine.suspend_starts(v_runs);
    end if;
    perform stepbase_engine.end_tokens(v_idle);
  end if;

  return query select w.* from unnest(v_work) as w;
end;
$$;

comment on function stepbase_engine.claim(uuid[], uuid[], int[]) is
  'Claims the tokens that pg-boss delivered to this worker (job ids, their runs, and the delivery: pg-boss''s '
  'retry_count) and returns the steps to execute. Starts pending runs. Tokens that were delivered to another worker '
  'meanwhile are ignored. A fence above 1 means that an earlier worker did not finish the attempt.';
