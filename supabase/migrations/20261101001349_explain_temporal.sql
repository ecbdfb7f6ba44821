-- Why a run in Temporal does not continue: it is not compiled, no bridge is alive, or Temporal has the step.

create function stepbase_engine.needs_bridge(p_reason jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when b.last_at > stepbase_engine.now() - interval '1 minute' then p_reason
    else p_reason || jsonb_build_object(
      'code', 'no_bridge',
      'sentence', case
        when b.last_at is null then 'No bridge to Temporal has sent a heartbeat.'
        else format(
          'No bridge to Temporal has sent a heartbeat for %s.',
          stepbase_engine.duration_text(stepbase_engine.now() - b.last_at)
        )
      end || ' ' || (p_reason ->> 'sentence'),
      'waits_for', p_reason ->> 'code'
    )
  end
  from (select max(t.last_heartbeat_at) as last_at from stepbase_engine.temporal_bridges t) b;
$$;

comment on function stepbase_engine.needs_bridge(jsonb) is
  'A reason that ends by the work of a bridge. Without a heartbeat for a minute its code is no_bridge, and waits_for has its own '
  'code.';

create function stepbase_engine.explain_temporal_start(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when not exists (
      select 1 from stepbase.workflow_compilations c
      where c.workflow_version_id = p_run.workflow_version_id and c.is_active and c.temporal_workflow_type is not null
    ) then stepbase_engine.reason(
      'not_compiled',
      'The workflow executes in Temporal, and its version is not compiled. The run starts when it is.', p_run.created_at
    )
    else stepbase_engine.needs_bridge(stepbase_engine.reason(
      'temporal_start', 'The bridge starts the run in Temporal.', p_run.created_at
    ))
  end
  where p_run.execution_engine = 'temporal' and p_run.status = 'pending';
$$;

comment on function stepbase_engine.explain_temporal_start(stepbase.runs) is
  'Reasons not_compiled, temporal_start and no_bridge of a pending run that Temporal will execute. Null for other runs.';

create function stepbase_engine.explain_temporal_step(p_step stepbase.step_runs, p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.needs_bridge(stepbase_engine.reason(
    case p_step.status when 'running' then 'temporal_executing' else 'temporal_queued' end,
    case p_step.status
      when 'running' then format(
        'A worker of Temporal executes the step since %s.', stepbase_engine.time_text(p_step.started_at)
      )
      else format('Temporal executes the step next, by a worker of its task queue %s.', t.task_queue)
    end || coalesce(' The bridge reports: ' || rtrim(t.problem, '.') || '.', ''),
    coalesce(p_step.started_at, p_step.updated_at), null,
    jsonb_build_object(
      'namespace', t.namespace, 'task_queue', t.task_queue, 'temporal_run_id', t.temporal_run_id, 'problem', t.problem
    )
  ))
  from stepbase.temporal_runs t
  where t.run_id = p_run.id and p_run.execution_engine = 'temporal' and p_step.status in ('ready', 'running');
$$;

comment on function stepbase_engine.explain_temporal_step(stepbase.step_runs, stepbase.runs) is
  'Reasons temporal_queued, temporal_executing and no_bridge of a ready or running step in Temporal, with the problem of the '
  'bridge, if it has one. Null for other steps.';
