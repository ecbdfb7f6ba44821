-- Reruns: a new run of the same version and input, linked to the original run. A rerun from a step copies the
-- results and the context of all resolved steps that do not come after that step.

create function stepbase_engine.resolved_steps(p_run_id uuid)
returns setof stepbase.step_runs
language sql
stable
set search_path = ''
as $$
  select s.*
  from (
    select distinct on (o.step_id) o.*
    from stepbase.step_runs o
    where o.run_id = p_run_id and o.item_index = 0
    order by o.step_id, o.attempt desc
  ) s
  where s.status in ('completed', 'skipped')
    -- A failure that an error edge or on_error handled: only such a failure is part of the context.
    or (s.status = 'failed' and s.context_version is not null);
$$;

comment on function stepbase_engine.resolved_steps(uuid) is
  'The last attempts of the steps after which a run continued: completed, skipped, or failed and handled.';

create function stepbase_engine.open_dependencies(p_origin_run_id uuid, p_step_id text)
returns text[]
language sql
stable
set search_path = ''
as $$
  select array_agg(distinct e.source_node_id order by e.source_node_id)
  from stepbase.runs r
  join stepbase.workflow_nodes n
    on n.workflow_version_id = r.workflow_version_id and n.node_id = p_step_id
  join stepbase.workflow_edges e
    on e.workflow_version_id = n.workflow_version_id and e.target_node_id = n.node_id
  where r.id = p_origin_run_id
    and e.source_node_id not in (select s.step_id from stepbase_engine.resolved_steps(r.id) s)
    -- A join with join_mode any starts after the first branch that arrives.
    and not (
      n.join_mode = 'any'
      and exists (
        select 1 from stepbase.step_runs s
        where s.run_id = r.id and s.step_id = n.node_id and s.item_index = 0 and s.taken_in > 0
      )
    );
$$;

comment on function stepbase_engine.open_dependencies(uuid, text) is
  'The steps before a step of an ended run that were not resolved, so that the step could not start; null if '
  'there is none.';

create function stepbase_engine.copy_results(p_run_id uuid, p_origin_run_id uuid, p_from_step text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_now timestamptz := stepbase_engine.now();
  v_skipped uuid[];
begin
  select r.* into strict v_run from stepbase.runs r where r.id = p_run_id for no key update;

  -- Resolved steps that do not come after the chosen step. Their versions count from 1, in the origin's order.
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, items_total,
    input, output, handle, error, context_version, started_at, completed_at, created_at, updated_at
  )
  select
    p_run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, 1, s.status, s.taken_in,
    s.items_total, s.input, s.output, s.handle, s.error,
    case when s.context_version is not null then row_number() over (order by s.context_version) end,
    s.started_at, s.completed_at, v_now, v_now
  from stepbase_engine.resolved_steps(p_origin_run_id) s
  where s.step_id not in (select stepbase_engine.downstream(v_run.workflow_version_id, p_from_step));

  -- The items of copied for_each steps: the last attempt of each.
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status, taken_in,
    item, input, output, handle, error, started_at, completed_at, created_at, updated_at
  )
  select distinct on (i.step_id, i.item_index)
    p_run_id, i.app_code, i.workflow_version_id, i.step_id, i.step_type, i.item_index, 1, i.status,
    i.taken_in, i.item, i.input, i.output, i.handle, i.error, i.started_at, i.completed_at, v_now, v_now
  from stepbase.step_runs s
  join stepbase.step_runs i
    on i.run_id = p_origin_run_id and i.step_id = s.step_id and i.item_index > 0
  where s.run_id = p_run_id and s.item_index = 0 and s.items_total > 0
    and i.completed_at is not null
  order by i.step_id, i.item_index, i.attempt desc;

  -- The frontier: the nodes after copied steps, with the edges that these steps have resolved and taken.
  with counted as (
    select
      n.node_id, n.node_type, n.in_degree, n.join_mode, n.config,
      count(s.id)::int as resolved,
      count(s.id) filter (
        where case s.status
          when 'completed' then e.source_handle is null or e.source_handle = s.handle
          when 'failed' then e.source_handle is not distinct from s.handle
        end
      )::int as taken
    from stepbase.workflow_nodes n
    left join stepbase.workflow_edges e
      on e.workflow_version_id = n.workflow_version_id and e.target_node_id = n.node_id
    left join stepbase.step_runs s
      on s.run_id = p_run_id and s.step_id = e.source_node_id and s.item_index = 0
    where n.workflow_version_id = v_run.workflow_version_id
      and not exists (
        select 1 from stepbase.step_runs own where own.run_id = p_run_id and own.step_id = n.node_id
      )
    group by n.node_id, n.node_type, n.in_degree, n.join_mode, n.config
  )
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, status, pending_in, taken_in,
    limited_by, created_at, updated_at
  )
  select
    p_run_id, v_run.app_code, v_run.workflow_version_id, c.node_id, c.node_type,
    case
      when c.in_degree = 0 or c.node_id = p_from_step then 'ready'
      when c.taken > 0 and (c.resolved = c.in_degree or c.join_mode = 'any') then 'ready'
      else 'pending'
    end,
    c.in_degree - c.resolved, c.taken,
    stepbase_engine.step_limit(v_run.workflow_id, c.node_type, c.config), v_now, v_now
  from counted c
  where c.in_degree = 0 or c.resolved > 0 or c.node_id = p_from_step;

  -- Nodes whose edges are all resolved and none taken are skipped; resolve_edges skips the nodes after them.
  with skipped as (
    update stepbase.step_runs s
    set status = 'skipped', completed_at = v_now
    where s.run_id = p_run_id and s.status = 'pending' and s.pending_in = 0
    returning s.id
  )
  select array_agg(s.id) into v_skipped from skipped s;

  -- The counters of the run.
  update stepbase.runs r
  set
    open_steps = (
      select count(*) from stepbase.step_runs s where s.run_id = p_run_id and s.status = 'ready'
    ),
    steps_completed = (
      select count(*) from stepbase.step_runs s
      where s.run_id = p_run_id and s.item_index = 0 and s.status in ('completed', 'skipped', 'failed')
    ),
    context_version = (
      select count(*) from stepbase.step_runs s where s.run_id = p_run_id and s.context_version is not null
    )
  where r.id = p_run_id;
  perform stepbase_engine.resolve_edges(coalesce(v_skipped, '{}'), '{}', false);
end;
$$;

comment on function stepbase_engine.copy_results(uuid, uuid, text) is
  'Prepares a pending run as a rerun of its origin from a step: copies the results and the context of the '
  'resolved steps and makes the steps on the frontier ready. Locks the run.';
