-- Compensation: a run that fails, is cancelled or times out undoes its completed steps before it ends.
-- The engine cancels the open steps, stores the final status in runs.pending_outcome and runs the `compensate`
-- step of each completed node that has one, as a step run of that node with item_index -1. Compensations run
-- one at a time, later nodes first, so that no step is undone before the steps that depend on it. After
-- the last one the run ends with its pending outcome.

create function stepbase_engine.next_compensation(p_run_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select n.node_id
  from stepbase.runs r
  join stepbase.workflow_nodes n
    on n.workflow_version_id = r.workflow_version_id and n.compensate is not null
  join stepbase.step_runs s
    on s.run_id = r.id and s.step_id = n.node_id and s.item_index = 0 and s.status = 'completed'
  where r.id = p_run_id
    -- A step whose result was copied from another run was never claimed here, and is not compensated.
    and s.fence > 0
    and not exists (
      select 1 from stepbase.step_runs c
      where c.run_id = r.id and c.step_id = n.node_id and c.item_index = -1
    )
  order by n.ordinal desc
  limit 1;
$$;

comment on function stepbase_engine.next_compensation(uuid) is
  'The node to compensate next: the last one, in the order of the graph, that completed in this run, has a '
  'compensate step and was not compensated yet. Null if there is none.';

create function stepbase_engine.is_compensated(p_run_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1 from stepbase.runs r
    join stepbase.workflow_nodes n
      on n.workflow_version_id = r.workflow_version_id and n.compensate is not null
    join stepbase.step_runs c
      on c.run_id = r.id and c.step_id = n.node_id and c.item_index = -1 and c.attempt = 1
    where r.id = p_run_id
  );
$$;

comment on function stepbase_engine.is_compensated(uuid) is
  'Whether at least one compensation of the run has started. Results of such a run are not copied into a '
  'rerun.';

create function stepbase_engine.begin_compensation(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid
)
returns stepbase_engine.event[]
language sql
set search_path = ''
as $$
  with begun as (
    update stepbase.runs r
    set
      pending_outcome = jsonb_build_object('status', p_status, 'error', p_error, 'actor_id', p_actor_id),
      status = 'running',
      open_steps = 0,
      paused_at = null,
      -- The deadline of the run does not apply to compensation; each step has its own timeout.
      deadline_at = null,
      updated_at = stepbase_engine.now()
    where r.id = any(p_run_ids)
    returning r.id, r.app_code
  )
  select array_agg(
    stepbase_engine.run_event(
      'compensation.started', b.id, b.app_code, 'running', p_actor_id,
      jsonb_strip_nulls(jsonb_build_object('pending_outcome', p_status, 'error', p_error))
    ) order by b.id
  )
  from begun b;
$$;

comment on function stepbase_engine.begin_compensation(uuid[], text, jsonb, uuid) is
  'Stores the pending outcome of runs (status, error, actor) and returns the events compensation.started. The '
  'caller has locked the runs and cancelled their open steps.';

create function stepbase_engine.finish_compensation(p_run stepbase.runs)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_error jsonb := nullif(p_run.pending_outcome -> 'error', 'null');
  v_failed jsonb;
  v_remaining jsonb;
begin
  select jsonb_agg(jsonb_build_object('step_id', f.step_id, 'error', f.error) order by f.completed_at)
  into v_failed
  from (
    select distinct on (s.step_id) s.step_id, s.status, s.error, s.completed_at
    from stepbase.step_runs s
    where s.run_id = p_run.id and s.item_index = -1
    order by s.step_id, s.attempt desc
  ) f
  where f.status = 'failed';
  if v_failed is not null then
    v_error := coalesce(v_error, '{}') || jsonb_build_object('compensation_failed', v_failed);
  end if;
  -- The steps that were not compensated because the compensation was stopped.
  select jsonb_agg(n.node_id order by n.ordinal desc) into v_remaining
  from stepbase.workflow_nodes n
  join stepbase.step_runs s
    on s.run_id = p_run.id and s.step_id = n.node_id and s.item_index = 0 and s.status = 'completed' and s.fence > 0
  where n.workflow_version_id = p_run.workflow_version_id and n.compensate is not null
    and not exists (
      select 1 from stepbase.step_runs c
      where c.run_id = p_run.id and c.step_id = n.node_id and c.item_index = -1
        and c.status in ('completed', 'failed')
    );
  if v_remaining is not null then
    v_error := coalesce(v_error, '{}') || jsonb_build_object('compensation_cancelled', v_remaining);
  end if;
  update stepbase.runs r set pending_outcome = null where r.id = p_run.id;
  perform stepbase_engine.close_runs(
    array[p_run.id], p_run.pending_outcome ->> 'status', v_error, (p_run.pending_outcome ->> 'actor_id')::uuid, '{}'
  );
end;
$$;

comment on function stepbase_engine.finish_compensation(stepbase.runs) is
  'Ends a run with its pending outcome. Its error lists compensations that failed for good as '
  'compensation_failed: [{step_id, error}] and nodes that were not compensated as compensation_cancelled: '
  '[step_id].';

create function stepbase_engine.continue_compensation(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_step_id text;
  v_job_id uuid;
  v_now timestamptz := stepbase_engine.now();
begin
  for v_run in
    select r.* from stepbase.runs r
    where r.id = any(p_run_ids) and r.pending_outcome is not null and r.open_steps = 0
      -- Open children may depend on the completed steps. When such a child ends, the relay calls this function.
      and not exists (
        select 1 from stepbase.runs c
        where c.parent_run_id = r.id
          and c.completed_at is null and c.parent_close_policy <> 'abandon'
      )
    order by r.id
  loop
    v_step_id := stepbase_engine.next_compensation(v_run.id);
    if v_step_id is null then
      perform stepbase_engine.finish_compensation(v_run);
      continue;
    end if;
    v_job_id := stepbase_engine.new_id();
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, status, taken_in,
      job_id, created_at, updated_at
    )
    select
      v_run.id, v_run.app_code, v_run.workflow_version_id, n.node_id, n.compensate ->> 'type', -1,
      'ready', 1, v_job_id, v_now, v_now
    from stepbase.workflow_nodes n
    where n.workflow_version_id = v_run.workflow_version_id and n.node_id = v_step_id;
    perform stepbase_engine.append_events(array[
      stepbase_engine.step_event(
        'step.ready', v_run.id, v_run.app_code, v_step_id, -1, 1, 'ready', p_open_delta => 1
      )
    ]);
    perform stepbase_engine.create_tokens(array[v_job_id], array[v_run.id]);
  end loop;
end;
$$;

comment on function stepbase_engine.continue_compensation(uuid[]) is
  'Starts the next compensation of each run with a token of its own, or ends the run when none is left. Runs '
  'with open children (unless abandoned) wait for them. The caller has locked the runs.';

create function stepbase_engine.stop_compensation(p_run_ids uuid[], p_actor_id uuid default null)
returns setof uuid
language plpgsql
set search_path = ''
as $$
declare
  v_runs stepbase.runs[];
  v_run stepbase.runs;
  v_events stepbase_engine.event[];
  v_jobs uuid[];
begin
  select array_agg(l.run) into v_runs
  from (
    select r as run from stepbase.runs r
    where r.id = any(p_run_ids) and r.pending_outcome is not null
    order by r.id for no key update
  ) l;
  if v_runs is null then
    return;
  end if;
  select s.events, s.job_ids into v_events, v_jobs
  from stepbase_engine.stop_steps(array(select (r).id from unnest(v_runs) as r), p_actor_id) s;
  perform stepbase_engine.append_events(v_events);
  foreach v_run in array v_runs loop
    perform stepbase_engine.tell_end(
      array[v_run.id], v_run.pending_outcome ->> 'status', v_run.pending_outcome -> 'error', false
    );
    perform stepbase_engine.finish_compensation(v_run);
    return next v_run.id;
  end loop;
  perform stepbase_engine.end_tokens(v_jobs);
end;
$$;

comment on function stepbase_engine.stop_compensation(uuid[], uuid) is
  'Ends compensating runs at once with their pending outcome and cancels the compensations that are left. '
  'Locks the runs in the order of their ids; returns the ids of those that were compensating.';
