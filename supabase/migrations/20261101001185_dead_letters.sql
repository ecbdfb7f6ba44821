-- Dead letters: runs that failed or ran out of time, why, and driving them on again. A run that has
-- ended never changes; it is driven on by a new run that takes over what had completed.

create index idx_runs_app_code_completed_at_dead on stepbase.runs (app_code, completed_at)
where status in ('failed', 'timed_out');

create view stepbase.dead_letters
with (security_invoker = true)
as
select
  r.id as run_id,
  r.app_code,
  r.workflow_id,
  w.kebab_name as workflow,
  r.workflow_version_id,
  v.version,
  r.status,
  r.error ->> 'code' as error_code,
  r.error ->> 'message' as error_message,
  r.error ->> 'step_id' as step_id,
  s.step_type,
  s.id as step_run_id,
  s.item_index,
  s.attempt as attempts,
  coalesce(s.error, r.error) as last_error,
  r.input,
  r.parent_run_id,
  r.created_at,
  r.completed_at as failed_at,
  again.id as redriven_run_id,
  again.status as redriven_status
from stepbase.runs r
left join stepbase.workflows w on w.id = r.workflow_id
left join stepbase.workflow_versions v on v.id = r.workflow_version_id
left join lateral (
  select f.id, f.step_type, f.item_index, f.attempt, f.error
  from stepbase.step_runs f
  where f.run_id = r.id
    and f.step_id = r.error ->> 'step_id'
    and f.item_index = coalesce((r.error ->> 'item_index')::int, 0)
    and f.status = 'failed'
  order by f.attempt desc
  limit 1
) s on true
left join lateral (
  select n.id, n.status
  from stepbase.runs n
  where n.origin_run_id = r.id and n.app_code = r.app_code
  order by n.created_at desc, n.id desc
  limit 1
) again on true
where r.status in ('failed', 'timed_out');

comment on view stepbase.dead_letters is
  'Runs that failed or timed out: the step that ended them, its attempts and last error, and the run that drove them on '
  'again, if one did. Open ones have no redriven_run_id.';

revoke all on stepbase.dead_letters from public, anon;
grant select on stepbase.dead_letters to authenticated, service_role;

create function stepbase_engine.redrive(p_origin stepbase.runs, p_created_by uuid)
returns stepbase.runs
language plpgsql
set search_path = ''
as $$
declare
  v_step text;
  v_run stepbase.runs;
begin
  perform stepbase_engine.require_runnable(w) from stepbase.workflows w where w.id = p_origin.workflow_id;
  -- The step that failed; of a run that timed out, the first of those it was at. Everything else that
  -- was open then goes on too: only what had ended well is taken over.
  select s.step_id into v_step
  from stepbase.step_runs s
  join stepbase.workflow_nodes n on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
  where s.run_id = p_origin.id
    and s.item_index = 0
    and (s.step_id = p_origin.error ->> 'step_id' or s.status = 'cancelled')
    -- What was undone has to be done again.
    and not stepbase_engine.is_compensated(p_origin.id)
  order by s.step_id = p_origin.error ->> 'step_id' desc nulls last, n.ordinal
  limit 1;
  v_run := stepbase_engine.start_run(
    p_origin.app_code, p_origin.workflow_version_id, p_origin.input, 'manual', null,
    p_origin.priority, p_created_by, null, null, p_origin.id, v_step, p_origin.metadata
  );
  if v_step is not null then
    perform stepbase_engine.copy_results(v_run.id, p_origin.id, v_step);
  end if;
  select r.* into strict v_run from stepbase.runs r where r.id = v_run.id;
  return v_run;
end;
$$;

comment on function stepbase_engine.redrive(stepbase.runs, uuid) is
  'Starts a run that goes on where a failed or timed out one ended: from the failed step, or from what was open. A run '
  'that was undone begins anew.';

create function stepbase_private.redrive(
  p_run_ids uuid[], p_workflow text, p_error_code text, p_failed_after timestamptz, p_max_runs int, p_force boolean
)
returns setof stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: clients have no write access to any run table; app and permission are checked first.
declare
  v_app_code text := stepbase_private.require_permission('run:execute');
  v_id uuid;
  v_origin stepbase.runs;
  v_again stepbase.runs;
  v_workflow stepbase.workflows;
begin
  if p_run_ids is null and p_workflow is null and p_error_code is null
    and p_failed_after is null then
    perform stepbase_private.raise_error(
      'invalid_request', 'say which runs: run_ids, workflow, error_code or failed_after'
    );
  end if;
  if coalesce(p_max_runs, 0) not between 1 and 1000 or cardinality(p_run_ids) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'between 1 and 1000 runs at a time');
  end if;
  if p_workflow is not null then
    select w.* into v_workflow from stepbase.workflows w
    where w.app_code = v_app_code and w.kebab_name = p_workflow;
    if not found then
      perform stepbase_private.raise_error(
        'not_found', format('there is no workflow %s', p_workflow),
        jsonb_build_object('workflow', p_workflow)
      );
    end if;
    perform stepbase_engine.require_runnable(v_workflow);
  end if;

  if p_run_ids is not null then
    for v_id in select distinct i.id from unnest(p_run_ids) as i (id) order by i.id loop
      v_origin := stepbase_private.require_run(v_id, v_app_code);
      if v_origin.status not in ('failed', 'timed_out') then
        perform stepbase_private.raise_error(
          'conflict', format('the run is %s: only failed and timed out runs are driven on', v_origin.status),
          jsonb_build_object('run_id', v_id)
        );
      end if;
      -- Who asks at the same time waits here, and then finds what the first one started.
      perform 1 from stepbase.runs r where r.id = v_id for no key update;
      v_again := null;
      if not coalesce(p_force, false) then
        select r.* into v_again from stepbase.runs r
        where r.origin_run_id = v_id and r.app_code = v_app_code
        order by r.created_at desc, r.id desc limit 1;
      end if;
      if v_again.id is null then
        v_again := stepbase_engine.redrive(v_origin, stepbase_private.user_id());
      end if;
      return next v_again;
    end loop;
    return;
  end if;

  for v_origin in
    select r.*
    from stepbase.runs r
    join stepbase.workflows w on w.id = r.workflow_id
    where r.app_code = v_app_code
      and r.status in ('failed', 'timed_out')
      -- Those of workflows that may not be started stay where they are.
      and stepbase_engine.is_runnable(w)
      -- A child is driven on by its parent's failed step.
      and r.parent_run_id is null
      and (p_workflow is null or r.workflow_id = v_workflow.id)
      and (p_error_code is null or r.error ->> 'code' = p_error_code)
      and (p_failed_after is null or r.completed_at > p_failed_after)
      and (
        coalesce(p_force, false)
        or not exists (
          select 1 from stepbase.runs n where n.origin_run_id = r.id and n.app_code = r.app_code
        )
      )
    order by r.completed_at
    limit p_max_runs
    for no key update of r skip locked
  loop
    -- Another call may have been done with it between our look and our lock.
    continue when not coalesce(p_force, false) and exists (
      select 1 from stepbase.runs n where n.origin_run_id = v_origin.id and n.app_code = v_app_code
    );
    return next stepbase_engine.redrive(v_origin, stepbase_private.user_id());
  end loop;
end;
$$;

comment on function stepbase_private.redrive(uuid[], text, text, timestamptz, int, boolean) is 'Behind stepbase.redrive.';
grant execute on function stepbase_private.redrive(uuid[], text, text, timestamptz, int, boolean) to authenticated;

create function stepbase.redrive(
  run_ids uuid[] default null,
  workflow text default null,
  error_code text default null,
  failed_after timestamptz default null,
  max_runs int default 100,
  force boolean default false
)
returns setof stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.redrive(
    redrive.run_ids, redrive.workflow, redrive.error_code, redrive.failed_after, redrive.max_runs,
    redrive.force
  );
$$;

comment on function stepbase.redrive(uuid[], text, text, timestamptz, int, boolean) is
  'Drives dead letters on: for each a new run that takes over what had completed and goes on at the failed step. By id, '
  'or the oldest of a workflow, an error code, or a time; at most max_runs (1 to 1000). Each once: asked again by id, it '
  'returns the run of the first time, unless force. Needs run:execute. Errors: SB400, SB401, SB403, SB404, SB409 not a '
  'failed run, or of a workflow that may not be started (left out where no run is named).';
grant execute on function stepbase.redrive(uuid[], text, text, timestamptz, int, boolean) to authenticated;
