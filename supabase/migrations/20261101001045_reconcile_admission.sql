-- reconcile_admission: the backlog and the concurrency slots are made to agree with the runs, once a minute.

create function stepbase_engine.reconcile_admission(p_limit int default 1000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_repaired int;
  v_run stepbase.runs;
begin
  -- A claim that did not see the release of an incident switch has suspended its run after resume_suspended looked.
  perform stepbase_engine.resume_suspended(p_limit);
  perform stepbase_engine.reconcile_flow();
  -- Slots of runs and steps that do not hold one any more.
  delete from stepbase_engine.run_slots p
  where not exists (
    select 1 from stepbase.runs r where r.id = p.run_id and r.completed_at is null
  );
  delete from stepbase_engine.step_slots p
  where not exists (
    select 1 from stepbase.step_runs s
    where s.id = p.step_run_id and s.status in ('ready', 'running') and s.job_id is not null
  );
  -- Runs that hold no slot of a limit they are under: they were started while the limit was set and neither
  -- transaction saw the other, or they are children that outlived the parent whose slot they shared.
  with uncounted as materialized (
    select r.id, r.parent_run_id, i.limit_id
    from stepbase.workflows w
    cross join lateral stepbase_engine.limits_of(w.id) l
    cross join lateral (values (l.workflow_limit), (l.queue_limit)) as i (limit_id)
    join stepbase.runs r
      on r.app_code = w.app_code and r.workflow_id = w.id and r.status in ('running', 'paused')
    where i.limit_id is not null
      and r.started_at is not null
      and not exists (
        select 1 from stepbase_engine.run_slots p where p.run_id = r.id and p.limit_id = i.limit_id
      )
  ),
  missed as (
    select r.id, u.limit_id
    from uncounted u
    join stepbase.runs r on r.id = u.id and r.completed_at is null
    where u.limit_id <> all(array(select stepbase_engine.slots_of_ancestors(u.parent_run_id)))
    for no key update of r skip locked
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select m.id from missed m) and not r.is_limited
  )
  insert into stepbase_engine.run_slots (run_id, limit_id)
  select m.id, m.limit_id from missed m
  on conflict do nothing;
  -- Ready steps under a limit without a token that are not in the backlog: the trigger puts them there.
  update stepbase.step_runs s set job_id = null, updated_at = stepbase_engine.now()
  where s.id in (
    select s.id from stepbase.step_runs s
    join stepbase.runs r on r.id = s.run_id and r.status = 'running'
    where s.status = 'ready' and s.job_id is null and s.limited_by is not null
      and s.updated_at < stepbase_engine.now() - interval '1 minute'
      and not exists (select 1 from stepbase_engine.step_backlog w where w.step_run_id = s.id)
    limit p_limit
  );
  get diagnostics v_repaired = row_count;
  -- Pending runs that have no token, are not in the backlog and are not held.
  for v_run in
    select r.*
    from stepbase.applications a
    join stepbase.runs r on r.app_code = a.app_code and r.status = 'pending'
    where r.created_at < stepbase_engine.now() - interval '1 minute'
      and r.held_by is null
      and not exists (select 1 from stepbase_engine.run_backlog w where w.run_id = r.id)
      and not exists (select 1 from stepbase_engine.flow_backlog f where f.run_id = r.id)
      and r.id not in (select q.run_id from stepbase_engine.queued_runs() as q (run_id))
      and not exists (
        select 1 from stepbase_engine.temporal_commands c where c.run_id = r.id and c.app_code = r.app_code
      )
    limit p_limit
    for no key update of r skip locked
  loop
    perform stepbase_engine.enqueue_run(v_run);
    v_repaired := v_repaired + 1;
  end loop;
  if exists (select 1 from stepbase_engine.run_backlog w)
    or exists (select 1 from stepbase_engine.step_backlog w)
    or stepbase_engine.has_flow_work()
    or exists (select 1 from stepbase_engine.limit_changes)
  then
    perform pg_notify('stepbase', 'admit');
  end if;
  return v_repaired;
end;
$$;

comment on function stepbase_engine.reconcile_admission(int) is
  'Repairs admission: releases slots that no run or step holds, gives slots to runs that a limit does not count yet, and '
  'enqueues up to p_limit runs and p_limit steps that have neither a token nor a row in the backlog. Returns how many it '
  'enqueued. Except for runs started while a limit changed, only a fault outside the engine makes this necessary.';
