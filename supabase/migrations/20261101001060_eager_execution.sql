-- Steps that ran ahead: without side effects, so a worker executed them before the step they follow
-- was written. They are written here, as completed, in the transaction of that step. A run whose first
-- step has no side effects starts like this: its start and what follows are one transaction.
-- The worker proposes and the graph decides: an answer counts if it follows a step that was just
-- completed (or another answer that counts, or the start of its run) along an edge that was taken and is
-- the only way in. A proposal with a flaw is forgotten whole, and its steps run in their turn.
-- (In PL/pgSQL for the sake of its plan: see stepbase_private.app_code.)

create function stepbase_engine.complete_eagerly(
  p_completed uuid[], p_answers stepbase_engine.eager_result[], p_now timestamptz
)
returns table (ids uuid[], open_ids uuid[], events stepbase_engine.event[], job_ids uuid[])
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
begin
  return query
  with answer as materialized (
    select a.*
    from unnest(p_answers) with ordinality
      as a (run_id, step_id, after_id, input, output, handle, details, job_id, ord)
  ),
  completed as materialized (
    select s.run_id, s.step_id, s.handle, s.job_id
    from stepbase.step_runs s
    where s.id = any(p_completed)
  ),
  -- The worker holds all tokens of these steps: any of them can carry what follows.
  held as (
    select c.run_id, count(*) as steps, (array_agg(c.job_id))[1] as job_id, 'running' as status
    from completed c
    group by c.run_id
    union all
    select a.run_id, 0, (array_agg(a.job_id))[1], 'pending'
    from answer a
    where a.after_id = ''
    group by a.run_id
  ),
  run as (
    select
      h.*, r.app_code, r.workflow_version_id, r.context_version,
      -- All first steps of a run start together. (A rerun from a step begins elsewhere.)
      case when h.status = 'pending' then (
        select count(*) from stepbase_engine.plan_edges p
        where p.workflow_version_id = r.workflow_version_id and p.source_id = ''
      ) else 0 end as first_steps
    from held h
    cross join lateral (select o.* from stepbase.runs o where o.id = h.run_id limit 1) r
    where r.status = h.status
      and (
        h.status = 'running'
        -- One that is in line again (it was paused and resumed since its token was made) waits for its turn.
        -- A count, not "not exists": the planner would read all that wait.
        or (
          r.rerun_from_step is null
          and (select count(*) from stepbase_engine.run_backlog w where w.run_id = h.run_id) = 0
        )
      )
  ),
  followed as (
    select c.run_id, c.step_id, c.handle from completed c
    union all
    select a.run_id, a.step_id, a.handle from answer a
    union all
    select r.run_id, '', null from run r where r.status = 'pending'
  ),
  checked as (
    select
      a.*, r.app_code, r.workflow_version_id, r.first_steps, e.step_type, e.out_degree, r.job_id as token_id,
      row_number() over run as place,
      bool_and(coalesce(e.in_degree = (a.after_id <> '')::int, false)) over whole
      and count(*) filter (where a.after_id = '') over whole = r.first_steps as is_right,
      r.context_version + r.steps + row_number() over run as version
    from answer a
    join run r on r.run_id = a.run_id
    left join followed f on f.run_id = a.run_id and f.step_id = a.after_id
    -- Lateral, so that an edge is looked up by its source whatever the planner thinks of the table.
    left join lateral (
      select p.step_type, p.in_degree, p.out_degree
      from stepbase_engine.plan_edges p
      where p.workflow_version_id = r.workflow_version_id
        and p.source_id = a.after_id
        and p.target_id = a.step_id
        and (p.handle is null or p.handle = f.handle)
        -- A step under a limit waits for its place.
        and p.limited_by is null
        and f.step_id is not null
      limit 1
    ) e on true
    window
      whole as (partition by a.run_id),
      run as (partition by a.run_id order by a.ord)
  ),
  taken as (
    select c.* from checked c where c.is_right
  ),
  step as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, job_id, claim,
      input, output, handle, started_at, completed_at, created_at, updated_at
    )
    select
      t.run_id, t.app_code, t.workflow_version_id, t.step_id, t.step_type, 'completed',
      (t.after_id <> '')::int, t.token_id, 1, t.input, t.output, t.handle, p_now, p_now, p_now, p_now
    from taken t
    order by t.ord
    returning id, run_id, step_id
  ),
  patch as (
    insert into stepbase.run_context (
      run_id, version, app_code, step_id, step_run_id, patch, created_at
    )
    select
      t.run_id, t.version, t.app_code, t.step_id, s.id, jsonb_build_object(t.step_id, t.output),
      p_now
    from taken t
    join step s on s.run_id = t.run_id and s.step_id = t.step_id
  )
  select
    (select array_agg(s.id) from step s),
    -- What follows the others has run ahead, too.
    (
      select array_agg(s.id)
      from taken t
      join step s on s.run_id = t.run_id and s.step_id = t.step_id
      left join (
        select n.run_id, n.after_id, count(*) as steps from taken n group by n.run_id, n.after_id
      ) next on next.run_id = t.run_id and next.after_id = t.step_id
      where t.out_degree > coalesce(next.steps, 0)
    ),
    (
      select array_agg(
        row(
          t.run_id, t.app_code, n.event_type, case when n.place > 0 then t.step_id end,
          case when n.place > 0 then 0 end, case when n.place > 0 then 1 end, n.status, n.delta,
          (n.delta < 0)::int, (n.delta < 0)::int, null,
          case
            when n.place = 0 then '{}'
            when n.place = 1 and t.after_id = '' then '{"claim": 1}'
            when n.place = 1 then jsonb_build_object('from', array[t.after_id])
            when t.handle is null then coalesce(t.details, '{}')
            else coalesce(t.details, '{}') || jsonb_build_object('handle', t.handle)
          end
        )::stepbase_engine.event
        order by t.ord, n.place
      )
      from taken t
      cross join (
        values
          (0, 'run.started', 'running', 0),
          (1, 'step.started', 'running', 1),
          (2, 'step.completed', 'completed', -1)
      ) as n (place, event_type, status, delta)
      where n.place > 0 or (t.after_id = '' and t.place = 1)
    ),
    (select array_agg(distinct t.token_id) from taken t where t.after_id = '');
end;
$$;

comment on function stepbase_engine.complete_eagerly(uuid[], stepbase_engine.eager_result[], timestamptz) is
'Writes the answers of steps that ran ahead of the given step runs, which were just completed and whose context '
'patches are written, and of runs that start with them. Returns the ids of the new step runs, those of them that have '
'edges to be followed still, their events, not recorded yet, and the tokens of the runs that start; all are null when '
'no answer counts. The caller has locked the runs.';
