-- The RPC that shows how full the task queues are: what holds a slot and what waits for one.

-- Security definer: clients cannot read slots and the backlog.
create function stepbase_private.read_queues()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most constant int := 10000;
  v_app_code constant text := stepbase_private.require_permission('queue:read');
begin
  return (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'id', q.id, 'name', q.name, 'display_name', q.display_name, 'description', q.description,
        'is_system_queue', q.is_system_queue, 'max_runs', q.max_concurrent_workflows,
        'max_steps', q.max_concurrent_activities,
        'workflows', (
          select count(*) from stepbase.workflows w
          where w.app_code = v_app_code and w.deleted_at is null
            and (w.task_queue_id = q.id or (w.task_queue_id is null and q.name = 'default'))
        ),
        -- Without a limit no slots are counted.
        'busy_runs', case when q.max_concurrent_workflows is not null then (
          select count(*) from (
            select 1 from stepbase_engine.run_slots s where s.limit_id = q.id limit c_most
          ) x
        ) end,
        'waiting_runs', case when q.max_concurrent_workflows is not null then (
          select count(*) from (
            select 1 from stepbase_engine.run_backlog b
            where b.app_code = v_app_code and b.queue_limit = q.id
            limit c_most
          ) x
        ) end,
        'busy_steps', case when q.max_concurrent_activities is not null then (
          select count(*) from (
            select 1 from stepbase_engine.step_slots s where s.queue_id = q.id limit c_most
          ) x
        ) end,
        'waiting_steps', case when q.max_concurrent_activities is not null then (
          select count(*) from (
            select 1 from stepbase_engine.step_backlog b where b.queue_id = q.id limit c_most
          ) x
        ) end,
        'oldest_waiting_since', case when q.max_concurrent_workflows is not null then (
          select r.created_at
          from stepbase_engine.run_backlog b
          join stepbase.runs r on r.id = b.run_id
          where b.app_code = v_app_code and b.queue_limit = q.id
          order by b.arrival
          limit 1
        ) end,
        'switch', (
          select jsonb_build_object('id', i.id, 'mode', i.mode, 'reason', i.reason, 'created_at', i.created_at)
          from stepbase.incident_switches i
          where i.app_code = v_app_code and i.task_queue_id = q.id and i.released_at is null
          limit 1
        )
      ) order by not q.is_system_queue, q.name
    ), '[]')
    from stepbase.task_queues q
    where q.app_code = v_app_code
  );
end;
$$;

comment on function stepbase_private.read_queues() is 'Implements stepbase.read_queues.';
grant execute on function stepbase_private.read_queues() to authenticated;

create function stepbase.read_queues()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.read_queues();
$$;

comment on function stepbase.read_queues() is
  'The task queues of the caller''s application as an array of {id, name, display_name, description, is_system_queue, max_runs, '
  'max_steps, workflows, busy_runs, waiting_runs, busy_steps, waiting_steps, oldest_waiting_since, switch}. busy: runs or steps '
  'that hold a slot; waiting: those that wait for one; each at most 10,000, and null without the limit. workflows: how many use '
  'the queue. switch: the incident switch that holds the queue, {id, mode, reason, created_at}, or null. Requires queue:read. '
  'Errors: SB401, SB403.';
grant execute on function stepbase.read_queues() to authenticated;
