-- Queries: questions that a run answers without being changed, whether it has ended or not. SQL answers
-- what is built in, the queries of work queues, and paths; the HTTP API evaluates JSONata on the same
-- state (GET /v1/runs/<id>/queries/<name>).

create function stepbase_private.query_run(p_run_id uuid, p_query_name text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
-- Security definer: reads the declaration and the queue behind it, whatever the caller may read of those.
begin
  return stepbase_engine.answer_query(
    stepbase_private.require_run(p_run_id, stepbase_private.require_permission('run:read')), p_query_name
  );
end;
$$;

comment on function stepbase_private.query_run(uuid, text) is 'Behind stepbase.query_run, and what the HTTP API asks.';
grant execute on function stepbase_private.query_run(uuid, text) to authenticated;

create function stepbase.query_run(run_id uuid, query_name text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_found constant jsonb := stepbase_private.query_run(query_run.run_id, query_run.query_name);
begin
  if v_found ? 'expression' then
    perform stepbase_private.raise_error(
      'invalid_request',
      format(
        'the expression of %s is more than a path: ask the HTTP API, which evaluates JSONata',
        query_run.query_name
      ),
      jsonb_build_object(
        'expression', v_found -> 'expression',
        'route', format('/v1/runs/%s/queries/%s', query_run.run_id, query_run.query_name)
      )
    );
  end if;
  return v_found -> 'answer';
end;
$$;

comment on function stepbase.query_run(uuid, text) is
  'The answer of a run to a query of its workflow, without changing the run; needs run:read. Built in: status, context '
  'and steps. A declared query is a path into {input, output, context, run, steps} such as steps.fetch.output.total (of '
  'objects, or by place in a list), or the state of a work queue (<queue>_state). Errors: SB400 the expression takes JSONata (the HTTP API evaluates it), '
  'SB401, SB403, SB404 no such run or query, SB409 the answer does not fit the return type.';
grant execute on function stepbase.query_run(uuid, text) to authenticated;
