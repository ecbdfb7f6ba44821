-- The RPC that queries a run. See rpc_runs for the pattern.

-- Security definer: reads the query and its work queue, independent of what the caller may read of them.
create function stepbase_private.query_run(p_run_id uuid, p_query_name text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return stepbase_engine.answer_query(
    stepbase_private.require_run(p_run_id, stepbase_private.require_permission('run:read')), p_query_name
  );
end;
$$;

comment on function stepbase_private.query_run(uuid, text) is 'Implements stepbase.query_run; the HTTP API calls it, too. Result: see stepbase_engine.answer_query.';
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
        'The expression of query %s is not a path; use the HTTP API, which evaluates JSONata',
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
  'Answers a query of a run without changing the run; requires run:read. Built-in queries: status, context and steps. A '
  'declared query is a path into {input, output, context, run, steps}, such as steps.fetch.output.total, or the state of '
  'a work queue (<queue>_state). Errors: SB400 the expression needs JSONata (the HTTP API evaluates it), SB401, SB403, '
  'SB404 unknown run or query, SB409 the answer does not match the return type.';
grant execute on function stepbase.query_run(uuid, text) to authenticated;
