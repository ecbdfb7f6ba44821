-- sweep: steps that should have a token and have none. Only a fault outside the engine can cause that.

create function stepbase_engine.sweep(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_locked uuid[];
  v_tokens uuid[];
  v_runs uuid[];
begin
  -- Lock order: runs (2), skipping locked ones: the transaction that holds one may be about to give it a token.
  v_locked := array(
    select r.id from stepbase.runs r
    where r.id in (select t.run_id from stepbase_engine.orphaned_steps(p_limit) t) and r.status = 'running'
    order by r.id for no key update skip locked
  );

  with orphaned as (
    select t.id, stepbase_engine.new_id() as job_id
    from stepbase_engine.orphaned_steps(p_limit) t
    where t.run_id = any(v_locked)
  ),
  assigned as (
    update stepbase.step_runs s
    set status = 'ready', job_id = t.job_id, updated_at = stepbase_engine.now()
    from orphaned t
    where s.id = t.id
    returning s.job_id, s.run_id
  )
  select array_agg(c.job_id), array_agg(c.run_id)
  into v_tokens, v_runs
  from assigned c;

  perform stepbase_engine.delete_finished_tokens(p_limit);
  if v_tokens is null then
    return 0;
  end if;
  perform stepbase_engine.create_tokens(v_tokens, v_runs);
  return cardinality(v_tokens);
end;
$$;

comment on function stepbase_engine.sweep(int) is
  'Gives new tokens to up to p_limit steps of running runs that have none, and returns how many. Deletes up to p_limit '
  'tokens that another program finished.';
