-- resume_suspended: after the release of an incident switch, suspended runs and steps go on, in slices.

create function stepbase_engine.resume_suspended(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_locked uuid[];
  v_tokens uuid[];
  v_runs uuid[];
  v_resumed int := 0;
  -- By workflow, because one with many suspended runs may stay suspended.
  v_free constant uuid[] := array(
    select g.workflow_id
    from (
      select distinct b.app_code, b.queue_limit as workflow_id
      from stepbase_engine.run_backlog b
      where b.workflow_limit = stepbase_engine.suspended_group()
    ) g
    where not exists (
      select 1 from stepbase.incident_switches i
      where i.released_at is null and stepbase_engine.switch_applies(i, g.app_code, g.workflow_id)
    )
  );
begin
  -- Locked runs are skipped: they are found by the next call, or by the maintenance.
  for v_run in
    select r.*
    from stepbase_engine.run_backlog b
    join stepbase.runs r on r.id = b.run_id
    where b.workflow_limit = stepbase_engine.suspended_group()
      and case
        when b.queue_limit = any(v_free) then true
        -- A change from pause to drain lets children of open runs start.
        else r.parent_run_id is not null and not stepbase_engine.is_suspended(r.id, true)
      end
    -- The order in which they were started.
    order by r.priority desc, r.id
    limit p_limit
    for no key update of r skip locked
  loop
    delete from stepbase_engine.run_backlog b where b.run_id = v_run.id;
    if v_run.status = 'pending' then
      perform stepbase_engine.enqueue_run(v_run);
    end if;
    v_resumed := v_resumed + 1;
  end loop;

  v_locked := array(
    select r.id from stepbase.runs r
    where r.status = 'running'
      and r.id in (
        select s.run_id from stepbase.step_runs s
        where s.job_id is null and s.status = 'ready' and s.limited_by is null
      )
      and not stepbase_engine.is_suspended(r.id, false)
    order by r.id
    limit p_limit
    for no key update skip locked
  );
  -- A token carries 16 branches of a run, as at a fan-out.
  with suspended as (
    select
      s.id, s.run_id, (row_number() over (partition by s.run_id order by s.step_id, s.item_index) - 1) / 16 as lane
    from stepbase.step_runs s
    where s.run_id = any(v_locked) and s.job_id is null and s.status = 'ready' and s.limited_by is null
  ),
  token as materialized (
    select h.run_id, h.lane, stepbase_engine.new_id() as id from suspended h group by h.run_id, h.lane
  ),
  carried as (
    update stepbase.step_runs s
    set job_id = t.id, updated_at = stepbase_engine.now()
    from suspended h
    join token t on t.run_id = h.run_id and t.lane = h.lane
    where s.id = h.id
  )
  select array_agg(t.id order by t.run_id, t.lane), array_agg(t.run_id order by t.run_id, t.lane)
  into v_tokens, v_runs
  from token t;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_runs);
  end if;
  return v_resumed + cardinality(v_locked);
end;
$$;

comment on function stepbase_engine.resume_suspended(int) is
  'Lets runs and steps go on that no switch holds any more: pending runs enter the queue or the backlog, ready steps get '
  'tokens. At most p_limit runs of each kind; returns their number. Takes no lock that it has to wait for.';
