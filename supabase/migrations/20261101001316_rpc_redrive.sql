-- The RPC redrive: starts dead letters again, by id or the oldest ones that match a filter.

create function stepbase_private.redrive(
  p_run_ids uuid[], p_workflow text, p_error_code text, p_failed_after text, p_max_runs int, p_force boolean
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
  v_redriven stepbase.runs;
  v_workflow stepbase.workflows;
  v_failed_after timestamptz;
begin
  v_failed_after := stepbase_private.iso_time(p_failed_after, 'failed_after');
  if p_run_ids is null and p_workflow is null and p_error_code is null
    and p_failed_after is null then
    perform stepbase_private.raise_error(
      'invalid_request', 'Select runs by run_ids, workflow, error_code or failed_after'
    );
  end if;
  if coalesce(p_max_runs, 0) not between 1 and 1000 or cardinality(p_run_ids) > 1000 then
    perform stepbase_private.raise_error(
      'invalid_request', 'Pass max_runs between 1 and 1000, and at most 1000 run_ids'
    );
  end if;
  if p_workflow is not null then
    select w.* into v_workflow from stepbase.workflows w
    where w.app_code = v_app_code and w.kebab_name = p_workflow;
    if not found then
      perform stepbase_private.raise_error(
        'not_found', format('Workflow %s does not exist', p_workflow),
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
          'conflict',
          format('The run has status %s: only failed and timed_out runs can be redriven', v_origin.status),
          jsonb_build_object('run_id', v_id)
        );
      end if;
      -- Concurrent calls wait here, and then return the run that the first one started.
      perform 1 from stepbase.runs r where r.id = v_id for no key update;
      v_redriven := null;
      if not coalesce(p_force, false) then
        select r.* into v_redriven from stepbase.runs r
        where r.origin_run_id = v_id and r.app_code = v_app_code
        order by r.created_at desc, r.id desc limit 1;
      end if;
      if v_redriven.id is null then
        v_redriven := stepbase_engine.redrive(v_origin, stepbase_private.user_id());
      end if;
      return next v_redriven;
    end loop;
    return;
  end if;

  for v_origin in
    select r.*
    from stepbase.runs r
    join stepbase.workflows w on w.id = r.workflow_id
    where r.app_code = v_app_code
      and r.status in ('failed', 'timed_out')
      -- Skips workflows that cannot be started.
      and stepbase_engine.is_runnable(w)
      -- A child starts again when its parent is redriven.
      and r.parent_run_id is null
      and (p_workflow is null or r.workflow_id = v_workflow.id)
      and (p_error_code is null or r.error ->> 'code' = p_error_code)
      and (v_failed_after is null or r.completed_at > v_failed_after)
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
    -- Another call may have redriven it before this one got the lock.
    continue when not coalesce(p_force, false) and exists (
      select 1 from stepbase.runs n where n.origin_run_id = v_origin.id and n.app_code = v_app_code
    );
    return next stepbase_engine.redrive(v_origin, stepbase_private.user_id());
  end loop;
end;
$$;

comment on function stepbase_private.redrive(uuid[], text, text, text, int, boolean) is
  'Behind stepbase.redrive.';

create function stepbase.redrive(
  run_ids uuid[] default null,
  workflow text default null,
  error_code text default null,
  failed_after text default null,
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

comment on function stepbase.redrive(uuid[], text, text, text, int, boolean) is
  'Redrives dead letters: starts for each a new run that copies the completed steps and continues at the failed step. '
  'Selects runs by id, or the oldest ones by workflow, error code or time, at most max_runs (1 to 1000). A run that was '
  'redriven before returns that newer run if it is selected by id, and is skipped by the filters, unless force is true. '
  'Needs run:execute. Errors: SB400, SB401, SB403, SB404, SB409 the run has not failed or its workflow cannot be '
  'started (filters skip such runs).';

grant execute on function stepbase_private.redrive(uuid[], text, text, text, int, boolean) to authenticated;
grant execute on function stepbase.redrive(uuid[], text, text, text, int, boolean) to authenticated;
