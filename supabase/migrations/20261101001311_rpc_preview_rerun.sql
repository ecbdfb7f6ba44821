-- The RPC that shows what a rerun would do. It raises the errors that the rerun would raise.

create function stepbase_private.check_rerun_arguments(p_outputs jsonb, p_reason text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_outputs) <> 'object' then
    perform stepbase_private.raise_error('invalid_request', 'outputs must be an object: {step: output}');
  end if;
  if length(p_reason) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'reason must have at most 1000 characters');
  end if;
end;
$$;

comment on function stepbase_private.check_rerun_arguments(jsonb, text) is
  'Raises SB400 unless the arguments of a rerun have their form.';

create function stepbase_private.may_have_effects(p_step_type text, p_config jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case
    when p_step_type = 'for_each' then coalesce(
      stepbase_private.may_have_effects(p_config #>> '{step,type}', p_config #> '{step,config}'), true
    )
    when p_step_type = 'http_request'
      then upper(coalesce(p_config ->> 'method', 'GET')) not in ('GET', 'HEAD', 'OPTIONS')
    when p_step_type in ('delay', 'wait_for_signal', 'query_run', 'storage_read') then false
    else not (select t.is_pure from stepbase.step_types t where t.name = p_step_type)
  end;
$$;

comment on function stepbase_private.may_have_effects(text, jsonb) is
  'Whether executing a step again may change something outside of its run: false for pure steps, waits and reads.';

create function stepbase_private.preview_rerun(p_run_id uuid, p_from_step text, p_input jsonb, p_outputs jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: the plan is a function of the engine. Application and permission are checked first.
declare
  v_origin stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:read')
  );
  v_outputs constant jsonb := coalesce(p_outputs, '{}');
  v_edited text[];
  v_version record;
  v_errors jsonb;
  v_steps jsonb;
begin
  perform stepbase_private.check_rerun_arguments(v_outputs, null);
  perform stepbase_engine.require_rerunnable(v_origin, p_from_step, v_outputs);
  v_edited := array(select k from jsonb_object_keys(v_outputs) k order by k);
  select v.version, v.input_schema, w.kebab_name into strict v_version
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = v_origin.workflow_version_id;
  if jsonb_typeof(p_input) <> 'object' then
    perform stepbase_private.raise_error('invalid_input', 'The input of a run must be a JSON object');
  end if;
  if v_version.input_schema is not null then
    v_errors := stepbase_private.json_schema_errors(v_version.input_schema, coalesce(p_input, v_origin.input));
  end if;
  if jsonb_array_length(v_errors) > 0 then
    perform stepbase_private.raise_error(
      'invalid_input', format('The input does not match the input schema of workflow %s', v_version.kebab_name),
      jsonb_build_object('errors', v_errors)
    );
  end if;

  with executed as (
    select s.step_id, count(*) filter (where s.fence > 0) as executions
    from stepbase.step_runs s
    where s.run_id = v_origin.id and s.item_index >= 0
    group by s.step_id
  ),
  last as (
    select distinct on (s.step_id) s.step_id, s.status
    from stepbase.step_runs s
    where s.run_id = v_origin.id and s.item_index = 0
    order by s.step_id, s.attempt desc
  ),
  step as (
    select
      p.step_id, p.ordinal, n.node_type, n.label, l.status, coalesce(e.executions, 0) as executions,
      stepbase_private.may_have_effects(n.node_type, n.config) as may_have_effects,
      case
        when p.action <> 'runs' then p.action
        when l.status is null or l.status in ('pending', 'skipped') then 'may_run'
        else 'runs_again'
      end as action
    from stepbase_engine.rerun_plan(v_origin, p_from_step, v_edited) p
    join stepbase.workflow_nodes n
      on n.workflow_version_id = v_origin.workflow_version_id and n.node_id = p.step_id
    left join executed e on e.step_id = p.step_id
    left join last l on l.step_id = p.step_id
  )
  select jsonb_agg(
    jsonb_build_object(
      'step_id', s.step_id, 'step_type', s.node_type, 'label', s.label, 'action', s.action, 'status', s.status,
      'executions', s.executions, 'may_have_effects', s.may_have_effects,
      'repeats_effects', s.action = 'runs_again' and s.may_have_effects
    ) order by s.ordinal
  ) into v_steps
  from step s;
  return jsonb_build_object(
    'run_id', v_origin.id, 'workflow', v_version.kebab_name, 'version', v_version.version,
    'from_step', p_from_step, 'edits_input', coalesce(p_input <> v_origin.input, false), 'steps', v_steps,
    'repeated_effects', coalesce(
      (select jsonb_agg(s -> 'step_id') from jsonb_array_elements(v_steps) s where (s ->> 'repeats_effects')::boolean),
      '[]'
    )
  );
end;
$$;

comment on function stepbase_private.preview_rerun(uuid, text, jsonb, jsonb) is 'Implements stepbase.preview_rerun.';
grant execute on function stepbase_private.preview_rerun(uuid, text, jsonb, jsonb) to authenticated;

create function stepbase.preview_rerun(
  run_id uuid, from_step text default null, input jsonb default null, outputs jsonb default null
)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.preview_rerun(
    preview_rerun.run_id, preview_rerun.from_step, preview_rerun.input, preview_rerun.outputs
  );
$$;

comment on function stepbase.preview_rerun(uuid, text, jsonb, jsonb) is
  'Returns what rerun would do with the same arguments, without doing it: {run_id, workflow, version, from_step, '
  'edits_input, steps, repeated_effects}. Each step has its action (runs_again, may_run: the graph may lead to it, copied, '
  'edited), its status and executions in the run, may_have_effects and repeats_effects. repeated_effects: the steps whose '
  'side effects would happen again. Requires run:read. Errors: those of rerun.';
grant execute on function stepbase.preview_rerun(uuid, text, jsonb, jsonb) to authenticated;
