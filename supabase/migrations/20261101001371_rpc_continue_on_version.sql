-- RPCs that continue an open or failed run on another version, and show before what that would do. See rpc_runs for
-- the pattern.

create function stepbase_private.continue_on_version(p_run_id uuid, p_version int, p_reason text)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
  v_new stepbase.runs;
begin
  if v_run.completed_at is null then
    -- The run ends as cancelled.
    perform stepbase_private.require_permission('run:cancel');
  end if;
  if length(p_reason) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'reason must have at most 1000 characters');
  end if;
  select r.* into v_run from stepbase.runs r where r.id = v_run.id for no key update;
  v_new := stepbase_engine.continue_run(
    v_run, stepbase_engine.continue_target(v_run, p_version), p_reason, stepbase_private.user_id()
  );
  if v_run.completed_at is null then
    perform stepbase_engine.notify_run(v_run.app_code, v_run.id, 'run.cancel');
  end if;
  if v_run.status = 'paused' then
    return stepbase_private.pause_run(v_new.id);
  end if;
  return stepbase_private.require_run(v_new.id, v_new.app_code);
end;
$$;

comment on function stepbase_private.continue_on_version(uuid, int, text) is 'Implements stepbase.continue_on_version.';
grant execute on function stepbase_private.continue_on_version(uuid, int, text) to authenticated;

create function stepbase.continue_on_version(run_id uuid, version int default null, reason text default null)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.continue_on_version(
    continue_on_version.run_id, continue_on_version.version, continue_on_version.reason
  );
$$;

comment on function stepbase.continue_on_version(uuid, int, text) is
  'Continues an open or failed run on another version of its workflow (default: the published one) and returns the new run. '
  'Results of steps that both versions share are copied; the other steps run on the new version. An open run ends as '
  'cancelled, without compensation; a failed or timed-out run stays as it is. A paused run stays paused. Requires '
  'run:execute, and run:cancel for an open run. Errors: SB400, SB401, SB403, SB404 unknown run or version, SB409 the run has '
  'completed or was cancelled, compensates or was compensated, has this version, or is the failed child of another run, the '
  'workflow cannot be started, or no step would run, SB422 the input does not match the schema of the version, SB429.';
grant execute on function stepbase.continue_on_version(uuid, int, text) to authenticated;

create function stepbase_private.preview_continue(p_run_id uuid, p_version int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: the plan is a function of the engine. Application and permission are checked first.
declare
  v_run stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:read')
  );
  v_version_id constant uuid := stepbase_engine.continue_target(v_run, p_version);
  v_version stepbase.workflow_versions;
  v_errors jsonb := '[]';
  v_steps jsonb;
begin
  select v.* into strict v_version from stepbase.workflow_versions v where v.id = v_version_id;
  if v_version.input_schema is not null then
    v_errors := stepbase_private.json_schema_errors(v_version.input_schema, v_run.input);
  end if;
  if jsonb_array_length(v_errors) > 0 then
    perform stepbase_private.raise_error(
      'invalid_input', format('The input of the run does not match the input schema of version %s', v_version.version),
      jsonb_build_object('errors', v_errors)
    );
  end if;
  with executed as (
    select
      s.step_id, count(*) filter (where s.fence > 0) as executions,
      (array_agg(s.status order by s.attempt desc) filter (where s.item_index = 0))[1] as status,
      (array_agg(s.wait_kind order by s.attempt desc) filter (where s.item_index = 0 and s.status = 'waiting'))[1]
        as wait_kind
    from stepbase.step_runs s
    where s.run_id = v_run.id and s.item_index >= 0
    group by s.step_id
  ),
  step as (
    select p.*, n.node_type, n.label, e.status, e.wait_kind, coalesce(e.executions, 0) as executions,
      stepbase_private.may_have_effects(n.node_type, n.config) as may_have_effects
    from stepbase_engine.continue_plan(v_run, v_version_id) p
    join stepbase.workflow_nodes n on n.workflow_version_id = v_version_id and n.node_id = p.step_id
    left join executed e on e.step_id = p.step_id
  )
  select jsonb_agg(
    jsonb_build_object(
      'step_id', s.step_id, 'step_type', s.node_type, 'label', s.label, 'action', s.action, 'reason', s.reason,
      'status', s.status, 'wait_kind', s.wait_kind, 'executions', s.executions,
      'may_have_effects', s.may_have_effects,
      'repeats_effects', s.action = 'runs_again' and s.may_have_effects and s.executions > 0
    ) order by s.ordinal
  ) into v_steps
  from step s;
  return jsonb_build_object(
    'run_id', v_run.id,
    'from_version', (select v.version from stepbase.workflow_versions v where v.id = v_run.workflow_version_id),
    'version', v_version.version,
    'steps', v_steps,
    'repeated_effects', coalesce(
      (select jsonb_agg(s -> 'step_id') from jsonb_array_elements(v_steps) s where (s ->> 'repeats_effects')::boolean),
      '[]'
    ),
    -- Their results are lost, and nothing compensates them.
    'removed_steps', coalesce(
      (
        select jsonb_agg(distinct s.step_id order by s.step_id)
        from stepbase_engine.resolved_steps(v_run.id) s
        where s.status <> 'skipped' and not exists (
          select 1 from stepbase.workflow_nodes n where n.workflow_version_id = v_version_id and n.node_id = s.step_id
        )
      ), '[]'
    ),
    'open_children', coalesce(
      (
        select jsonb_agg(jsonb_build_object('run_id', c.id, 'parent_close_policy', c.parent_close_policy) order by c.id)
        from (
          select x.id, x.parent_close_policy from stepbase.runs x
          where x.parent_run_id = v_run.id and x.app_code = v_run.app_code and x.completed_at is null
          order by x.id limit 100
        ) c
      ), '[]'
    ),
    'unread_signals', (
      select count(*) from stepbase.run_signals g
      where g.run_id = v_run.id and g.app_code = v_run.app_code and g.consumed_at is null
    )
  );
end;
$$;

comment on function stepbase_private.preview_continue(uuid, int) is 'Implements stepbase.preview_continue.';
grant execute on function stepbase_private.preview_continue(uuid, int) to authenticated;

create function stepbase.preview_continue(run_id uuid, version int default null)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.preview_continue(preview_continue.run_id, preview_continue.version);
$$;

comment on function stepbase.preview_continue(uuid, int) is
  'Returns what continue_on_version would do, without doing it: {run_id, from_version, version, steps, repeated_effects, '
  'removed_steps, open_children, unread_signals}. Each step has its action (copied, runs_again, may_run) and the reason why '
  'it is not copied (new, changed, edges_changed, open, after_changed). Requires run:read. Errors: those of '
  'continue_on_version.';
grant execute on function stepbase.preview_continue(uuid, int) to authenticated;
