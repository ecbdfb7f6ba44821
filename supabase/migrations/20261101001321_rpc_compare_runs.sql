-- The RPC that compares two runs of an application.

create function stepbase_private.compared_steps(p_a uuid, p_b uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
-- While the tables are small, the planner estimates a nested loop as cheap, which would read all pairs of steps.
set enable_nestloop = off
set jit = off
as $$
declare
  v_versions constant uuid[] := array(select r.workflow_version_id from stepbase.runs r where r.id in (p_a, p_b));
  -- For the whole answer and for each step, so that it stays small.
  v_places_left int := 200;
  c_places_of_step constant int := 10;
  v_step record;
  v_differences jsonb;
  v_steps jsonb[] := '{}';
begin
  for v_step in
    with step as (
      select distinct on (s.run_id, s.step_id)
        s.run_id = p_a as is_a, s.step_id, s.step_type, s.status, s.attempt, s.handle, s.duration_ms,
        s.error ->> 'code' as error_code, s.output, n.ordinal
      from stepbase.step_runs s
      left join stepbase.workflow_nodes n
        on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
          and n.workflow_version_id = any (v_versions)
      where s.run_id in (p_a, p_b) and s.item_index = 0
      order by s.run_id, s.step_id, s.attempt desc
    )
    select
      step_id, a.status as a_status, b.status as b_status, a.output as a_output, b.output as b_output,
      case when a.step_id is not null then jsonb_strip_nulls(jsonb_build_object(
        'step_type', a.step_type, 'status', a.status, 'attempts', a.attempt, 'duration_ms', a.duration_ms,
        'handle', a.handle, 'error_code', a.error_code
      )) end as a,
      case when b.step_id is not null then jsonb_strip_nulls(jsonb_build_object(
        'step_type', b.step_type, 'status', b.status, 'attempts', b.attempt, 'duration_ms', b.duration_ms,
        'handle', b.handle, 'error_code', b.error_code
      )) end as b
    from (select s.* from step s where s.is_a) a
    full join (select s.* from step s where not s.is_a) b using (step_id)
    order by coalesce(a.ordinal, b.ordinal), step_id
  loop
    v_differences := stepbase_private.json_differences(
      v_step.a_output, v_step.b_output, least(c_places_of_step, v_places_left)
    );
    v_places_left := v_places_left - jsonb_array_length(v_differences);
    v_steps := v_steps || jsonb_build_object(
      'step_id', v_step.step_id, 'a', v_step.a, 'b', v_step.b,
      'is_equal', v_step.a - 'duration_ms' is not distinct from v_step.b - 'duration_ms'
        and v_step.a_output is not distinct from v_step.b_output,
      'output', jsonb_build_object(
        'is_equal', v_step.a_output is not distinct from v_step.b_output, 'differences', v_differences
      )
    );
  end loop;
  return to_jsonb(v_steps);
end;
$$;

comment on function stepbase_private.compared_steps(uuid, uuid) is
  'The steps of two runs, in the order of the graph: the last attempt of each in both, and where their outputs differ.';

create function stepbase_private.compare_runs(p_a uuid, p_b uuid)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer, as the other calls on runs: application and permission are checked first.
declare
  v_app constant text := stepbase_private.require_permission('run:read');
  v_a constant stepbase.runs := stepbase_private.require_run(p_a, v_app);
  v_b constant stepbase.runs := stepbase_private.require_run(p_b, v_app);
  v_steps jsonb;
  v_sides jsonb;
begin
  if p_a = p_b then
    perform stepbase_private.raise_error('invalid_request', 'Pass two different runs');
  end if;
  select jsonb_agg(
    jsonb_build_object(
      'run_id', r.id, 'workflow', w.kebab_name, 'version', v.version, 'content_hash', v.content_hash,
      'status', r.status, 'origin_run_id', r.origin_run_id, 'rerun_from_step', r.rerun_from_step, 'edits', r.edits,
      'created_at', r.created_at, 'started_at', r.started_at, 'completed_at', r.completed_at,
      'duration_ms', r.duration_ms, 'steps_completed', r.steps_completed
    ) order by r.id = p_b
  ) into v_sides
  from stepbase.runs r
  join stepbase.workflows w on w.id = r.workflow_id
  join stepbase.workflow_versions v on v.id = r.workflow_version_id
  where r.id in (p_a, p_b);
  v_steps := stepbase_private.compared_steps(p_a, p_b);
  return jsonb_build_object(
    'a', v_sides -> 0, 'b', v_sides -> 1,
    'same_workflow', v_a.workflow_id = v_b.workflow_id,
    'same_version', v_a.workflow_version_id = v_b.workflow_version_id,
    'same_content', v_sides #> '{0,content_hash}' = v_sides #> '{1,content_hash}',
    'same_status', v_a.status = v_b.status,
    'input', jsonb_build_object(
      'is_equal', v_a.input = v_b.input, 'differences', stepbase_private.json_differences(v_a.input, v_b.input)
    ),
    'output', jsonb_build_object(
      'is_equal', v_a.output is not distinct from v_b.output,
      'differences', stepbase_private.json_differences(v_a.output, v_b.output)
    ),
    'error', jsonb_build_object(
      'is_equal', v_a.error is not distinct from v_b.error,
      'differences', stepbase_private.json_differences(v_a.error, v_b.error)
    ),
    'steps', v_steps,
    'first_difference', (
      select s.step -> 'step_id'
      from jsonb_array_elements(v_steps) with ordinality s (step, place)
      where not (s.step ->> 'is_equal')::boolean
      order by s.place limit 1
    )
  );
end;
$$;

comment on function stepbase_private.compare_runs(uuid, uuid) is 'Implements stepbase.compare_runs.';
grant execute on function stepbase_private.compare_runs(uuid, uuid) to authenticated;

create function stepbase.compare_runs(a uuid, b uuid)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.compare_runs(compare_runs.a, compare_runs.b);
$$;

comment on function stepbase.compare_runs(uuid, uuid) is
  'Compares two runs of the caller''s application: version, status, input, output, error, and of each step the last '
  'attempt (status, attempts, duration, handle, output). Values that differ are listed as JSON pointers with excerpts: 20 for '
  'input, output and error each, 10 for a step, 200 for all steps. first_difference is the first step that differs, in the '
  'order of the graph. Requires run:read. Errors: SB400 the same run twice, SB401, SB403, SB404.';
grant execute on function stepbase.compare_runs(uuid, uuid) to authenticated;
