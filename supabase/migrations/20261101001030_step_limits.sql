-- Limits on steps that execute at once (max_concurrent_activities of a task queue). A token never carries a
-- step under a limit on: the step is ready without a token and waits in stepbase_engine.step_backlog until
-- admit gives it a concurrency slot and a token. A waiting step holds no slot. Steps without a limit cost nothing.

create function stepbase_engine.apply_step_limit()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.status = 'ready' and new.job_id is null then
    delete from stepbase_engine.step_slots s where s.step_run_id = new.id;
    -- Only for the first one: workers know of the others, and notifying is costly (see create_tokens).
    if not exists (select 1 from stepbase_engine.step_backlog b where b.queue_id = new.limited_by) then
      perform pg_notify('stepbase', 'admit');
    end if;
    insert into stepbase_engine.step_backlog (step_run_id, run_id, queue_id, priority)
    select new.id, new.run_id, new.limited_by, r.priority
    from stepbase.runs r where r.id = new.run_id
    on conflict (step_run_id) do nothing;
  elsif new.status not in ('ready', 'running') then
    delete from stepbase_engine.step_backlog b where b.step_run_id = new.id;
    delete from stepbase_engine.step_slots s where s.step_run_id = new.id;
    if found and exists (select 1 from stepbase_engine.step_backlog b where b.queue_id = new.limited_by) then
      perform pg_notify('stepbase', 'admit');
    end if;
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_step_limit() is
  'Trigger: puts a step under a limit into the backlog when it becomes ready without a token, and releases its slot when '
  'it stops executing.';

create trigger step_runs_apply_step_limit
after insert or update of status, job_id on stepbase.step_runs
for each row when (new.limited_by is not null)
execute function stepbase_engine.apply_step_limit();

create function stepbase_engine.apply_activity_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: members who may change a workflow or queue have no access to the engine's tables.
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
  'Trigger: applies a changed limit on executing steps, or a changed task queue of a workflow, to the steps that become '
  'ready from now on.';

create trigger workflows_apply_activity_limit
after update of task_queue_id on stepbase.workflows
for each row when (new.task_queue_id is distinct from old.task_queue_id)
execute function stepbase_engine.apply_activity_limit();

create trigger task_queues_apply_activity_limit
after update of max_concurrent_activities on stepbase.task_queues
for each row when (new.max_concurrent_activities is distinct from old.max_concurrent_activities)
execute function stepbase_engine.apply_activity_limit();
