-- Limits on steps that execute at once (a task queue's max_concurrent_activities). A step under such a
-- limit is never carried on by the token before it: it is ready without a token, waits in
-- stepbase_engine.step_backlog, and stepbase_engine.admit gives it a place and a token of its own. Steps that wait for
-- time, people, signals or other runs take up no place. Steps without a limit pay nothing.

create function stepbase_engine.apply_step_limit()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.status = 'ready' and new.job_id is null then
    delete from stepbase_engine.step_slots p where p.step_run_id = new.id;
    -- Workers know of a line that others stand in; see stepbase_engine.create_tokens on notifying.
    if not exists (select 1 from stepbase_engine.step_backlog w where w.queue_id = new.limited_by) then
      perform pg_notify('stepbase', 'admit');
    end if;
    insert into stepbase_engine.step_backlog (step_run_id, run_id, queue_id, priority)
    select new.id, new.run_id, new.limited_by, r.priority
    from stepbase.runs r where r.id = new.run_id
    on conflict (step_run_id) do nothing;
  elsif new.status not in ('ready', 'running') then
    delete from stepbase_engine.step_backlog w where w.step_run_id = new.id;
    delete from stepbase_engine.step_slots p where p.step_run_id = new.id;
    if found and exists (select 1 from stepbase_engine.step_backlog w where w.queue_id = new.limited_by) then
      perform pg_notify('stepbase', 'admit');
    end if;
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_step_limit() is
'Trigger: a step under a limit that becomes ready waits for its place, and one that stops executing frees it.';

create trigger step_runs_follow_limit
after insert or update of status, job_id on stepbase.step_runs
for each row when (new.limited_by is not null)
execute function stepbase_engine.apply_step_limit();

create function stepbase_engine.select_backlog_steps(p_limit int)
returns table (step_run_ids uuid[], run_ids uuid[])
language sql
stable
set search_path = ''
-- As stepbase_engine.select_backlog_runs.
set jit = off
as $$
  with recursive queue as (
    (select w.queue_id from stepbase_engine.step_backlog w order by w.queue_id limit 1)
    union all
    select n.queue_id
    from queue q
    cross join lateral (
      select w.queue_id from stepbase_engine.step_backlog w
      where w.queue_id > q.queue_id
      order by w.queue_id
      limit 1
    ) n
  ),
  free as materialized (
    select
      q.queue_id,
      least(
        (
          select
            t.max_concurrent_activities
            - (select count(*) from stepbase_engine.step_slots p where p.queue_id = t.id)
          from stepbase.task_queues t
          where t.id = q.queue_id
        ),
        p_limit
      ) as places
    from queue q
  ),
  candidate as (
    select
      w.step_run_id, w.run_id, w.place,
      row_number() over (partition by f.queue_id order by w.priority desc, w.place) as rank
    from free f
    cross join lateral (
      select w.* from stepbase_engine.step_backlog w
      where w.queue_id = f.queue_id
      order by w.priority desc, w.place
      limit greatest(f.places, 0)
    ) w
  ),
  chosen as (
    select c.* from candidate c order by c.rank, c.place limit p_limit
  )
  select array_agg(c.step_run_id order by c.rank, c.place), array_agg(distinct c.run_id)
  from chosen c;
$$;

comment on function stepbase_engine.select_backlog_steps(int) is
'The waiting steps whose turn it is, queues in turn, and their runs: as many as their task queues have places.';

create function stepbase_engine.admit_steps(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_chosen uuid[];
  v_chosen_runs uuid[];
  v_tokens uuid[];
  v_runs uuid[];
begin
  select c.step_run_ids, c.run_ids into v_chosen, v_chosen_runs from stepbase_engine.select_backlog_steps(p_limit) c;
  if v_chosen is null then
    return 0;
  end if;
  perform 1 from stepbase.runs r where r.id = any(v_chosen_runs) order by r.id for no key update;

  -- Steps of a run that was paused meanwhile ask again when it is resumed.
  with taken as (
    delete from stepbase_engine.step_backlog w where w.step_run_id = any(v_chosen)
    returning w.step_run_id, w.queue_id
  ),
  admitted as (
    update stepbase.step_runs s
    set job_id = stepbase_engine.new_id(), updated_at = stepbase_engine.now()
    from taken t, stepbase.runs r
    where s.id = t.step_run_id and s.status = 'ready' and s.job_id is null
      and r.id = s.run_id and r.status = 'running'
    returning s.id, s.run_id, s.job_id, t.queue_id
  ),
  placed as (
    insert into stepbase_engine.step_slots (step_run_id, queue_id)
    select a.id, a.queue_id from admitted a
    on conflict do nothing
  )
  select
    array_agg(a.job_id order by array_position(v_chosen, a.id)),
    array_agg(a.run_id order by array_position(v_chosen, a.id))
  into v_tokens, v_runs
  from admitted a;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_runs);
  end if;
  return cardinality(v_chosen);
end;
$$;

comment on function stepbase_engine.admit_steps(int) is
'Gives places and tokens to the waiting steps whose turn it is; returns how many it looked at. The caller holds the '
'lock of stepbase_engine.admission.';

create function stepbase_engine.apply_activity_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: whoever may change the workflow or queue may not touch the engine's tables.
begin
  update stepbase_engine.plan_edges e
  set limited_by = stepbase_engine.step_limit(w.id, n.node_type, n.config)
  from stepbase.workflows w
  join stepbase.workflow_versions v on v.workflow_id = w.id
  join stepbase.workflow_nodes n on n.workflow_version_id = v.id
  where e.workflow_version_id = v.id
    and e.target_id = n.node_id
    and w.app_code = new.app_code
    and case tg_table_name
      when 'workflows' then w.id = new.id
      else w.task_queue_id = new.id
        or (w.task_queue_id is null and to_jsonb(new) ->> 'name' = 'default')
    end
    and e.limited_by is distinct from stepbase_engine.step_limit(w.id, n.node_type, n.config);
  perform pg_notify('stepbase', 'admit');
  return null;
end;
$$;

comment on function stepbase_engine.apply_activity_limit() is
'Trigger: the limit on executing steps, or the queue of a workflow, changed; steps that become ready from now on are '
'under the new one.';

create trigger workflows_follow_activity_limit
after update of task_queue_id on stepbase.workflows
for each row when (new.task_queue_id is distinct from old.task_queue_id)
execute function stepbase_engine.apply_activity_limit();

create trigger task_queues_follow_activity_limit
after update of max_concurrent_activities on stepbase.task_queues
for each row when (new.max_concurrent_activities is distinct from old.max_concurrent_activities)
execute function stepbase_engine.apply_activity_limit();
