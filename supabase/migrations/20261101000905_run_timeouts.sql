-- Run time-outs: runs that passed the execution timeout of their workflow.

create function stepbase_engine.time_out_runs(p_limit int)
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_error constant jsonb := '{"code": "timeout", "message": "The run exceeded the execution timeout of its workflow"}';
  v_now timestamptz := stepbase_engine.now();
  v_overdue uuid[];
  v_run_id uuid;
  v_retry_in interval;
begin
  -- Lock order: runs (2), skipping locked ones: they are still overdue at the next call.
  select array_agg(l.id) into v_overdue
  from (
    select r.id from stepbase.runs r
    where r.id in (
      select o.id from stepbase.runs o
      where o.deadline_at <= v_now and o.completed_at is null and o.started_at is not null
      order by o.deadline_at
      limit p_limit
    )
    order by r.id
    for no key update skip locked
  ) l;
  if v_overdue is null then
    return;
  end if;
  begin
    perform stepbase_engine.end_runs(v_overdue, 'timed_out', c_error);
    return;
  exception when others then
    raise warning 'stepbase: could not time out % runs together, trying one by one: %', cardinality(v_overdue), sqlerrm;
  end;
  foreach v_run_id in array v_overdue loop
    begin
      perform stepbase_engine.end_runs(array[v_run_id], 'timed_out', c_error);
    exception when others then
      v_retry_in := case
        when stepbase_private.is_temporary_error(sqlstate) then interval '10 seconds' else interval '5 minutes' end;
      raise warning 'stepbase: could not time out run %, trying again in %: %', v_run_id, v_retry_in, sqlerrm;
      update stepbase.runs r set deadline_at = v_now + v_retry_in where r.id = v_run_id;
    end;
  end loop;
end;
$$;

comment on function stepbase_engine.time_out_runs(int) is
  'Ends up to p_limit overdue runs as timed_out. A run whose end cannot be written is tried again after five minutes, after '
  'a temporary fault in 10 seconds, and does not delay the others.';
