-- Nothing stays behind: workers hand back what they hold, and a sweep finds anything stranded.

create function stepbase_engine.release(p_job_ids uuid[], p_deliveries int[])
returns int
language plpgsql
set search_path = ''
as $$
declare
  -- Far more than an attempt may be claimed by workers that die: what is left of it are those claims.
  c_handed_back constant int := 1000;
  v_held uuid[];
begin
  perform 1 from stepbase.runs r
  where r.id in (
    select s.run_id from stepbase.step_runs s
    where s.job_id = any(p_job_ids) and s.status = 'running'
  )
  order by r.id for no key update;
  v_held := stepbase_engine.leased_tokens(p_job_ids, p_deliveries);

  -- The next delivery claims them anew; no event, because nothing happened to the run.
  update stepbase.step_runs s
  set status = 'ready', claim = s.claim + c_handed_back - 1, updated_at = stepbase_engine.now()
  where s.job_id = any(v_held) and s.status = 'running';

  return stepbase_engine.return_tokens(v_held);
end;
$$;

comment on function stepbase_engine.release(uuid[], int[]) is
'A worker that stops (or whose budget is spent) hands back its tokens, each as delivered to it; others go on with them '
'at once. Tokens that went to another worker meanwhile stay there. It does not count as a worker that was lost: the '
'next claim is a thousand higher.';

create function stepbase_engine.sweep(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_held uuid[];
  v_tokens uuid[];
  v_runs uuid[];
begin
  -- What others do with a run right now may be what mends it.
  v_held := array(
    select r.id from stepbase.runs r
    where r.id in (select t.run_id from stepbase_engine.orphaned_steps(p_limit) t) and r.status = 'running'
    order by r.id for no key update skip locked
  );

  with stranded as (
    select t.id, stepbase_engine.new_id() as job_id
    from stepbase_engine.orphaned_steps(p_limit) t
    where t.run_id = any(v_held)
  ),
  carried as (
    update stepbase.step_runs s
    set status = 'ready', job_id = t.job_id, updated_at = stepbase_engine.now()
    from stranded t
    where s.id = t.id
    returning s.job_id, s.run_id
  )
  select array_agg(c.job_id), array_agg(c.run_id)
  into v_tokens, v_runs
  from carried c;

  perform stepbase_engine.delete_finished_tokens(p_limit);
  if v_tokens is null then
    return 0;
  end if;
  perform stepbase_engine.create_tokens(v_tokens, v_runs);
  return cardinality(v_tokens);
end;
$$;

comment on function stepbase_engine.sweep(int) is
'Gives new tokens to steps of running runs that no token carries (which only a fault outside the engine can cause); '
'returns how many.';
