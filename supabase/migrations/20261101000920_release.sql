-- release: a worker that stops returns its tokens, so that other workers continue without waiting for its leases.

create function stepbase_engine.release(p_job_ids uuid[], p_deliveries int[])
returns int
language plpgsql
set search_path = ''
as $$
declare
  -- A release raises the fence by 1,000 in all (the next claim adds the last 1), far more than the
  -- number of crashes an attempt survives: fence % 1000 counts the crashes.
  c_per_release constant int := 1000;
  v_leased uuid[];
begin
  -- Lock order: runs (2), then jobs (5).
  perform 1 from stepbase.runs r
  where r.id in (
    select s.run_id from stepbase.step_runs s
    where s.job_id = any(p_job_ids) and s.status = 'running'
  )
  order by r.id for no key update;
  v_leased := stepbase_engine.leased_tokens(p_job_ids, p_deliveries);

  -- No event: the state of the run does not change, and the next delivery claims the steps again.
  update stepbase.step_runs s
  set status = 'ready', fence = s.fence + c_per_release - 1, updated_at = stepbase_engine.now()
  where s.job_id = any(v_leased) and s.status = 'running';

  return stepbase_engine.return_tokens(v_leased);
end;
$$;

comment on function stepbase_engine.release(uuid[], int[]) is
  'Returns the tokens of a worker that stops to the queue, by job id and delivery; returns how many. Tokens that were '
  'delivered to another worker meanwhile are ignored. A release does not count as a crash: it raises the fence '
  'by 1,000.';
