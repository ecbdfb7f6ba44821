-- Steps that ran ahead: without side effects, so a worker executed them before the step they follow
-- was written. They are written here, as completed, in the transaction of that step.
-- The worker proposes and the graph decides: an answer counts if it follows a step that was just
-- completed (or another answer that counts) along an edge that was taken and is the only way in. A
-- proposal with a flaw is forgotten whole, and its steps run in their turn.

create function engine.run_ahead(
  p_completed uuid[], p_answers engine.answer[], p_now timestamptz
)
returns table (ids uuid[], events engine.event[])
language sql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
as $$
  with answer as materialized (
    select a.*
    from unnest(p_answers) with ordinality
      as a (run_id, step_id, after_id, input, output, handle, details, ord)
  ),
  completed as materialized (
    select s.run_id, s.step_id, s.handle, s.job_id
    from public.step_runs s
    where s.id = any(p_completed)
  ),
  -- The worker holds all tokens of these steps: any of them can carry what follows.
  held as (
    select c.run_id, count(*) as steps, (array_agg(c.job_id))[1] as job_id
    from completed c
    group by c.run_id
  ),
  followed as (
    select c.run_id, c.step_id, c.handle from completed c
    union all
    select a.run_id, a.step_id, a.handle from answer a
  ),
  checked as (
    select
      a.*, r.app_code, r.workflow_version_id, e.step_type, h.job_id,
      bool_and(r.status = 'running' and coalesce(e.in_degree = 1, false)) over run as is_right,
      r.context_version + h.steps + row_number() over (run order by a.ord) as version
    from answer a
    join held h on h.run_id = a.run_id
    cross join lateral (select o.* from public.runs o where o.id = a.run_id limit 1) r
    left join followed f on f.run_id = a.run_id and f.step_id = a.after_id
    -- Lateral, so that an edge is looked up by its source whatever the planner thinks of the table.
    left join lateral (
      select p.step_type, p.in_degree
      from engine.plan_edges p
      where p.workflow_version_id = r.workflow_version_id
        and p.source_id = a.after_id
        and p.target_id = a.step_id
        and (p.handle is null or p.handle = f.handle)
        and f.step_id is not null
      limit 1
    ) e on true
    window run as (partition by a.run_id)
  ),
  taken as (
    select c.* from checked c where c.is_right
  ),
  step as (
    insert into public.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, job_id, claim,
      input, output, handle, started_at, completed_at, created_at, updated_at
    )
    select
      t.run_id, t.app_code, t.workflow_version_id, t.step_id, t.step_type, 'completed', 1,
      t.job_id, 1, t.input, t.output, t.handle, p_now, p_now, p_now, p_now
    from taken t
    order by t.ord
    returning id, run_id, step_id
  ),
  patch as (
    insert into public.run_context (
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
    (
      select array_agg(
        row(
          t.run_id, t.app_code, n.event_type, t.step_id, 0, 1, n.status, n.delta,
          (n.delta < 0)::int, (n.delta < 0)::int, null,
          case
            when n.delta > 0 then jsonb_build_object('from', array[t.after_id])
            when t.handle is null then coalesce(t.details, '{}')
            else coalesce(t.details, '{}') || jsonb_build_object('handle', t.handle)
          end
        )::engine.event
        order by t.ord, n.delta desc
      )
      from taken t
      cross join (
        values ('step.started', 'running', 1), ('step.completed', 'completed', -1)
      ) as n (event_type, status, delta)
    );
$$;

comment on function engine.run_ahead(uuid[], engine.answer[], timestamptz) is
'Writes the answers of steps that ran ahead of the given step runs, which were just completed and whose context '
'patches are written. Returns the ids of the new step runs and their events, to be settled and recorded with the '
'others; both are null when no answer counts. The caller has locked the runs.';
