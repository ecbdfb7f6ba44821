-- Queries: the answer of a run to a question, which does not change the run. SQL answers the built-in queries, those of
-- work queues, and paths; the HTTP API evaluates JSONata on the same state (GET /v1/runs/<id>/queries/<name>).

create function stepbase_engine.query_state(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'input', p_run.input,
    'output', p_run.output,
    'context', stepbase.context(p_run),
    'run', jsonb_build_object(
      'id', p_run.id, 'status', p_run.status, 'error', p_run.error,
      'current_step', p_run.current_step, 'steps_total', p_run.steps_total,
      'steps_completed', p_run.steps_completed, 'created_at', p_run.created_at,
      'started_at', p_run.started_at, 'completed_at', p_run.completed_at
    ),
    'steps', (
      select coalesce(jsonb_object_agg(s.step_id, s.step), '{}')
      from (
        select distinct on (s.step_id)
          s.step_id,
          jsonb_build_object(
            'status', s.status, 'attempt', s.attempt, 'output', s.output, 'error', s.error,
            'handle', s.handle
          ) as step
        from stepbase.step_runs s
        where s.run_id = p_run.id and s.item_index = 0
        order by s.step_id, s.attempt desc
      ) s
    )
  );
$$;

comment on function stepbase_engine.query_state(stepbase.runs) is
  'The state that queries read: {input, output, context, run: {id, status, …}, steps: {<id>: {status, attempt, output, '
  'error, handle}}}, with the latest attempt of each step.';

create function stepbase_engine.at_path(p_state jsonb, p_path text[])
returns jsonb
language sql
immutable
set search_path = ''
as $$
  -- In JSONata, a name after an array selects from all of its elements, which SQL does not; an index works in both.
  select case
    when not exists (
      select 1
      from generate_series(1, cardinality(p_path) - 1) as n (steps)
      where jsonb_typeof(p_state #> p_path[:n.steps]) = 'array' and p_path[n.steps + 1] !~ '^[0-9]+$'
    ) then coalesce(p_state #> p_path, 'null')
  end;
$$;

comment on function stepbase_engine.at_path(jsonb, text[]) is
  'The value at a path: JSON null if there is none, SQL null if the path selects from the elements of an array.';

create function stepbase_engine.answer_query(p_run stepbase.runs, p_query_name text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_path constant text := '^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$';
  v_query stepbase.workflow_queries;
  v_state jsonb;
  v_answer jsonb;
begin
  select q.* into v_query
  from stepbase.workflow_queries q
  where q.workflow_id = p_run.workflow_id and q.query_name = p_query_name;

  if v_query.work_queue_id is not null then
    v_answer := stepbase_engine.work_queue_state(v_query.work_queue_id);
  elsif v_query.expression is not null then
    v_state := stepbase_engine.query_state(p_run);
    if v_query.expression ~ c_path then
      v_answer := stepbase_engine.at_path(v_state, string_to_array(v_query.expression, '.'));
    end if;
    if v_answer is null then
      return jsonb_build_object(
        'expression', v_query.expression, 'state', v_state, 'return_type', v_query.return_type
      );
    end if;
  elsif v_query.id is not null or p_query_name = 'context' then
    v_answer := stepbase.context(p_run);
  elsif p_query_name = 'status' then
    v_answer := stepbase_engine.query_state(p_run) -> 'run';
  elsif p_query_name = 'steps' then
    v_answer := stepbase_engine.query_state(p_run) -> 'steps';
  else
    perform stepbase_private.raise_error(
      'not_found', format('The workflow has no query %s', p_query_name),
      jsonb_build_object('query_name', p_query_name)
    );
  end if;

  v_answer := coalesce(v_answer, 'null');
  if v_query.return_type is not null
    and stepbase_private.json_schema_errors(v_query.return_type, v_answer) <> '[]'
  then
    perform stepbase_private.raise_error(
      'conflict', format('The answer of %s does not match its return type', p_query_name),
      jsonb_build_object('errors', stepbase_private.json_schema_errors(v_query.return_type, v_answer))
    );
  end if;
  return jsonb_build_object('answer', v_answer);
end;
$$;

comment on function stepbase_engine.answer_query(stepbase.runs, text) is
  'Answers a query of a run: {answer}, or {expression, state, return_type} if it needs JSONata. Raises SB404 not_found for '
  'an unknown query, SB409 conflict if the answer does not match the return type.';
