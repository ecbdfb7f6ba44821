-- The results that a rerun starts with: those it copies from its origin, and those that the caller sets. The steps that
-- follow them are ready.

create function stepbase_engine.is_truthy(p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case jsonb_typeof(p_value)
    when 'array' then exists (select 1 from jsonb_array_elements(p_value) e where stepbase_engine.is_truthy(e))
    when 'number' then (p_value #>> '{}')::numeric <> 0
    else p_value not in ('false', 'null', '""', '{}')
  end;
end;
$$;

comment on function stepbase_engine.is_truthy(jsonb) is
  'JSONata''s $boolean: empty strings, zero, empty objects, and lists without a true element are false.';

create function stepbase_engine.edited_handle(p_workflow_version_id uuid, p_step_id text, p_output jsonb)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_type text;
  v_text constant text := p_output #>> '{}';
begin
  select n.node_type into strict v_type
  from stepbase.workflow_nodes n
  where n.workflow_version_id = p_workflow_version_id and n.node_id = p_step_id;
  if v_type = 'wait_for_approval' then
    if jsonb_typeof(p_output -> 'approved') is distinct from 'boolean' then
      perform stepbase_private.raise_error(
        'invalid_input', format('The output of the approval %s must have approved: true or false', p_step_id),
        jsonb_build_object('step_id', p_step_id)
      );
    end if;
    return case when (p_output ->> 'approved')::boolean then 'approved' else 'rejected' end;
  elsif v_type = 'work_queue_pop' then
    return case when p_output = 'null' then 'empty' else 'item' end;
  elsif v_type <> 'condition' then
    return null;
  end if;
  -- As the worker chooses the handle of a condition.
  if jsonb_typeof(p_output) = 'string' and v_text <> '' then
    return v_text;
  elsif jsonb_typeof(p_output) = 'number' and exists (
    select 1 from stepbase.workflow_edges e
    where e.workflow_version_id = p_workflow_version_id and e.source_node_id = p_step_id and e.source_handle = v_text
  ) then
    return v_text;
  end if;
  return stepbase_engine.is_truthy(p_output)::text;
end;
$$;

comment on function stepbase_engine.edited_handle(uuid, text, jsonb) is
  'The handle by which a step with an edited output is left, as its step type derives it from the output; null: the edges '
  'without a handle. SB422 if an approval has no decision.';

create function stepbase_engine.copy_results(
  p_run_id uuid, p_origin_run_id uuid, p_from_step text, p_kept text[], p_outputs jsonb default '{}',
  p_is_continued boolean default false
)
returns void
language plpgsql
set search_path = ''
-- The rows of the new run were written a moment ago, so the planner expects few of them. A nested loop would compare
-- each node with each copied step.
set enable_nestloop = off
set jit = off
as $$
declare
  v_run stepbase.runs;
  v_now timestamptz := stepbase_engine.now();
  v_skipped uuid[];
begin
  select r.* into strict v_run from stepbase.runs r where r.id = p_run_id for no key update;

  -- Versions of the context count from 1, in the order of the origin.
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, items_total,
    fence, input, output, handle, error, context_version, started_at, completed_at, created_at, updated_at
  )
  select
    p_run_id, s.app_code, v_run.workflow_version_id, s.step_id, s.step_type, 1, s.status, s.taken_in,
    s.items_total,
    -- The run that continues another one also has its compensations to do; a rerun has not.
    case when p_is_continued then least(s.fence, 1) else 0 end, s.input, s.output, s.handle, s.error,
    case when s.context_version is not null then row_number() over (order by s.context_version) end,
    s.started_at, s.completed_at, v_now, v_now
  from stepbase_engine.resolved_steps(p_origin_run_id) s
  where s.step_id = any(p_kept);

  -- Edited steps: completed with the given output, after all copied results.
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, output, handle, context_version,
    completed_at, created_at, updated_at
  )
  select
    p_run_id, v_run.app_code, v_run.workflow_version_id, n.node_id, n.node_type, 'completed', n.in_degree, o.value,
    stepbase_engine.edited_handle(n.workflow_version_id, n.node_id, o.value),
    (select count(*) from stepbase.step_runs c where c.run_id = p_run_id and c.context_version is not null)
      + row_number() over (order by n.ordinal),
    v_now, v_now, v_now
  from jsonb_each(p_outputs) as o
  join stepbase.workflow_nodes n on n.workflow_version_id = v_run.workflow_version_id and n.node_id = o.key;

  -- The items of copied for_each steps: the last attempt of each.
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status, taken_in,
    item, input, output, handle, error, started_at, completed_at, created_at, updated_at
  )
  select distinct on (i.step_id, i.item_index)
    p_run_id, i.app_code, v_run.workflow_version_id, i.step_id, i.step_type, i.item_index, 1, i.status,
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

comment on function stepbase_engine.copy_results(uuid, uuid, text, text[], jsonb, boolean) is
  'Prepares a pending run as a rerun of its origin from a step (or null): copies the results and the context of the steps '
  'p_kept, completes the steps of p_outputs with these outputs, and makes the steps on the frontier ready. Locks the run. '
  'p_is_continued: the run compensates the copied steps if it fails.';
