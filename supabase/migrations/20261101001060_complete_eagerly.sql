-- complete_eagerly: results of steps that a worker executed eagerly, before the step before them was written.
-- Such steps have no side effects. They are inserted here as completed, in the transaction of that step. A
-- pending run whose first step has no side effects starts here too: its start and all of these steps are
-- one transaction.
--
-- The worker proposes and the graph decides. A result counts if it follows a step that completes in this
-- call (or another result that counts, or the start of its run) along a taken edge that is the only way
-- into its step. One invalid result discards all eager results of the run; the worker executes those
-- steps again when it is their turn.
--
-- Example: a -> b -> c, and the worker claimed a. It calls complete with the result of a and the eager
-- results (b, after a) and (c, after b). write_results completes a; both results pass the checks here, so b
-- and c are inserted as completed. Only c has unresolved edges, and resolve_edges continues from it.

create function stepbase_engine.complete_eagerly(
  p_completed uuid[],
  p_results stepbase_engine.eager_result[],
  out step_run_ids uuid[],
  out unresolved_ids uuid[],
  out events stepbase_engine.event[],
  out job_ids uuid[]
)
-- In PL/pgSQL, which keeps its plan (see stepbase_private.app_code).
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
  v_now timestamptz := stepbase_engine.now();
begin
  with result as materialized (
    select r.*
    from unnest(p_results) with ordinality
      as r (run_id, step_id, after_id, input, output, handle, details, job_id, ord)
  ),
  completed as materialized (
    select s.run_id, s.step_id, s.handle, s.job_id
    from stepbase.step_runs s
    where s.id = any(p_completed)
  ),
  -- candidate: the runs, their status as the worker knows it, and a token of the worker that carries the
  -- next steps. steps counts the versions that runs.context_version does not count yet.
  candidate as (
    select c.run_id, count(*) as steps, (array_agg(c.job_id))[1] as job_id, 'running' as status
    from completed c
    group by c.run_id
    union all
    select r.run_id, 0, (array_agg(r.job_id))[1], 'pending'
    from result r
    where r.after_id = ''
    group by r.run_id
  ),
  -- run: the candidates that have that status. first_steps: how many steps a pending run starts with.
  run as (
    select
      c.*, r.app_code, r.workflow_version_id, r.context_version,
      case when c.status = 'pending' then (
        select count(*) from stepbase_engine.plan_edges p
        where p.workflow_version_id = r.workflow_version_id and p.source_id = ''
      ) else 0 end as first_steps
    from candidate c
    cross join lateral (select o.* from stepbase.runs o where o.id = c.run_id limit 1) r
    where r.status = c.status
      and (
        c.status = 'running'
        -- A rerun from a step starts elsewhere. A run that is in the backlog (it was paused and resumed after
        -- this token was created) starts when it is admitted. A count instead of "not exists": the planner
        -- would read the whole backlog.
        or (
          r.rerun_from_step is null
          and (select count(*) from stepbase_engine.run_backlog b where b.run_id = c.run_id) = 0
          and case (select count(*) from stepbase.incident_switches i where i.released_at is null)
            when 0 then true else not stepbase_engine.is_suspended(c.run_id, true)
          end
          and case when r.is_limited
            then (select count(*) from stepbase_engine.flow_backlog f where f.run_id = c.run_id) = 0 else true end
        )
      )
  ),
  -- source: everything that a result can follow, with the handle that it chose.
  source as (
    select c.run_id, c.step_id, c.handle from completed c
    union all
    select r.run_id, r.step_id, r.handle from result r
    union all
    select r.run_id, '', null from run r where r.status = 'pending'
  ),
  -- checked: adds the edge of each result, its version of the context, and whether all results of its run are
  -- valid: an edge for each, no other way into its step, and a result for every first step.
  checked as (
    select
      c.*, r.app_code, r.workflow_version_id, r.first_steps, e.step_type, e.out_degree, r.job_id as token_id,
      row_number() over run as position_in_run,
      bool_and(coalesce(e.in_degree = (c.after_id <> '')::int, false)) over whole
      and count(*) filter (where c.after_id = '') over whole = r.first_steps as is_valid,
      r.context_version + r.steps + row_number() over run as version
    from result c
    join run r on r.run_id = c.run_id
    left join source s on s.run_id = c.run_id and s.step_id = c.after_id
    -- Lateral: look-ups by source, independent of the planner's estimate of the size of the table.
    left join lateral (
      select p.step_type, p.in_degree, p.out_degree
      from stepbase_engine.plan_edges p
      where p.workflow_version_id = r.workflow_version_id
        and p.source_id = c.after_id
        and p.target_id = c.step_id
        and (p.handle is null or p.handle = s.handle)
        -- A step under a limit has to wait for a concurrency slot.
        and p.limited_by is null
        and s.step_id is not null
      limit 1
    ) e on true
    window
      whole as (partition by c.run_id),
      run as (partition by c.run_id order by c.ord)
  ),
  accepted as (
    select c.* from checked c where c.is_valid
  ),
  step as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, job_id, fence,
      input, output, handle, context_version, started_at, completed_at, created_at, updated_at
    )
    select
      a.run_id, a.app_code, a.workflow_version_id, a.step_id, a.step_type, 'completed',
      (a.after_id <> '')::int, a.token_id, 1, a.input, a.output, a.handle, a.version, v_now, v_now, v_now, v_now
    from accepted a
    order by a.ord
    returning id, run_id, step_id
  ),
  -- event: run.started once per pending run, and one event of each step, which started and completed here.
  event as (
    select a.ord, 0 as rank, stepbase_engine.run_event('run.started', a.run_id, a.app_code, 'running') as event
    from accepted a
    where a.after_id = '' and a.position_in_run = 1
    union all
    select
      a.ord, 1,
      stepbase_engine.step_event(
        'step.completed', a.run_id, a.app_code, a.step_id, 0, 1, 'completed',
        p_done_delta => 1, p_context_delta => 1,
        p_payload => coalesce(a.details, '{}')
          || case when a.handle is null then '{}' else jsonb_build_object('handle', a.handle) end
          || jsonb_build_object('started_at', v_now, 'from', array_remove(array[a.after_id], ''))
      )
    from accepted a
  )
  select
    (select array_agg(s.id) from step s),
    -- The steps with more edges than there are results that follow them.
    (
      select array_agg(s.id)
      from accepted a
      join step s on s.run_id = a.run_id and s.step_id = a.step_id
      left join (
        select f.run_id, f.after_id, count(*) as results from accepted f group by f.run_id, f.after_id
      ) next on next.run_id = a.run_id and next.after_id = a.step_id
      where a.out_degree > coalesce(next.results, 0)
    ),
    (select array_agg(e.event order by e.ord, e.rank) from event e),
    (select array_agg(distinct a.token_id) from accepted a where a.after_id = '')
  into step_run_ids, unresolved_ids, events, job_ids;
end;
$$;

comment on function stepbase_engine.complete_eagerly(uuid[], stepbase_engine.eager_result[]) is
  'Writes the eager results that follow the given completed step runs (whose versions are written already) or '
  'start a pending run. Returns the new step runs, those of them with unresolved edges, their events, which the caller '
  'must append, and the tokens of the runs that start; null arrays when no result is valid. The caller has locked the '
  'runs.';
