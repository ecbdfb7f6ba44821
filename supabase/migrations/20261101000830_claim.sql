-- claim: a worker got tokens from the queue; what do they carry?
-- The first delivery of a run's first token starts the run. A token delivered again (its worker
-- died) finds its unfinished steps and goes on from there, under a new claim number.

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
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  -- A worker that was frozen since it took them may have lost some to another, who claims them. Not locked:
  -- whoever is handed one of them from here on waits for the lock of its run.
  select array_agg(t.job_id order by t.ord), array_agg(t.run_id order by t.ord) into v_jobs, v_runs
  from unnest(p_job_ids, p_run_ids, p_deliveries) with ordinality as t (job_id, run_id, delivery, ord)
  join stepbase_queue.job j
    on j.name = 'steps' and j.id = t.job_id and j.state = 'active' and j.retry_count = t.delivery;
  if v_jobs is null then
    return;
  end if;

  -- stepbase_engine.append_events sets them running, with their event. A run that is in line again (it was paused and resumed
  -- since this token was made) starts when it is let in.
  with started as (
    select distinct on (r.id) r.id, r.app_code, t.job_id
    from unnest(v_jobs, v_runs) as t (job_id, run_id)
    join stepbase.runs r on r.id = t.run_id and r.id = any(v_runs)
    where r.status = 'pending'
      -- A count, not "not exists": the planner would turn that into a join over all that wait.
      and (select count(*) from stepbase_engine.run_backlog w where w.run_id = r.id) = 0
    order by r.id
  )
  select
    array_agg(s.id order by s.id),
    array_agg(s.job_id order by s.id),
    array_agg(
      row(
        s.id, s.app_code, 'run.started', null, null, null, 'running', 0, 0, 0, null, '{}'::jsonb
      )::stepbase_engine.event order by s.id
    )
  into v_started, v_started_jobs, v_run_events
  from started s;

  with started as (
    select t.run_id, t.job_id, r.app_code, r.workflow_version_id, r.rerun_from_step
    from unnest(v_started, v_started_jobs) as t (run_id, job_id)
    join stepbase.runs r on r.id = t.run_id and r.id = any(v_started)
  ),
  root as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, limited_by, claim,
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
  -- A rerun from a step has its frontier prepared: its first token carries all of it, but for steps
  -- under a limit: those wait for a place.
  frontier as (
    update stepbase.step_runs s
    set
      status = case when s.limited_by is null then 'running' else 'ready' end,
      job_id = case when s.limited_by is null then r.job_id end,
      claim = (s.limited_by is null)::int,
      started_at = case when s.limited_by is null then v_now end,
      updated_at = v_now
    from started r
    where r.rerun_from_step is not null
      and s.run_id = r.run_id and s.run_id = any(v_started) and s.status = 'ready'
    returning s.*
  ),
  resumed as (
    update stepbase.step_runs s
    set
      status = 'running', claim = s.claim + 1, started_at = coalesce(s.started_at, v_now),
      updated_at = v_now
    from stepbase.runs r
    where s.job_id = any(v_jobs)
      and s.status in ('ready', 'running')
      and r.id = s.run_id
      and r.status = 'running'
      and s.run_id <> all(coalesce(v_started, '{}'))
    returning s.*
  ),
  taken as (
    select 1 as opens, r.* from root r
    union all
    -- Ready steps were counted as open when they became ready.
    select 0, f.* from frontier f where f.status = 'running'
    union all
    select 0, s.* from resumed s
  )
  select
    (
      select array_agg(
        row(
          t.run_id, t.app_code, case t.status when 'running' then 'step.started' else 'step.ready' end,
          t.step_id, t.item_index, t.attempt, t.status, t.opens, 0, 0, null,
          jsonb_build_object('claim', t.claim)
        )::stepbase_engine.event order by t.run_id, t.step_id, t.item_index
      )
      from taken t
    ),
    (
      select array_agg(
        row(
          t.job_id, t.run_id, t.app_code, t.workflow_version_id, t.id, t.step_id, t.item_index,
          t.attempt, t.claim
        )::stepbase_engine.work order by t.run_id, t.step_id, t.item_index
      )
      from taken t
      where t.status = 'running'
    )
  into v_step_events, v_work;

  if v_run_events is not null or v_step_events is not null then
    perform stepbase_engine.append_events(coalesce(v_run_events, '{}') || coalesce(v_step_events, '{}'));
  end if;

  -- A paused run holds its ready steps without a token; resuming makes new ones. Any other token
  -- without work (the run ended, or this is an old duplicate) is of no more use.
  v_idle := array(
    select j.id from unnest(v_jobs) as j (id)
    except
    select w.job_id from unnest(v_work) as w
  );
  if v_idle <> '{}' then
    update stepbase.step_runs s
    set job_id = null, updated_at = v_now
    from stepbase.runs r
    where s.job_id = any(v_idle) and s.status = 'ready' and r.id = s.run_id
      and r.status = 'paused';
    perform stepbase_engine.end_tokens(v_idle);
  end if;

  return query select w.* from unnest(v_work) as w;
end;
$$;

comment on function stepbase_engine.claim(uuid[], uuid[], int[]) is
'Takes the tokens that pg-boss handed to this worker (job ids, their runs, and pg-boss''s retry_count as it was handed out) '
'and returns the steps to execute. Starts pending runs. Tokens that went to another worker meanwhile are left to it. '
'A claim above 1 tells that an earlier worker did not finish the attempt.';
