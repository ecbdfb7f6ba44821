-- The RPC that lists the runs that wait for a slot of a task queue, each with its place.

-- Security definer: clients cannot read the backlog. It checks the application and the permissions itself.
create function stepbase_private.list_waiting_runs(p_queue text, p_page_size int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('queue:read');
  v_queue_id uuid;
begin
  perform stepbase_private.require_permission('run:read');
  if coalesce(p_page_size not between 1 and 200, true) then
    perform stepbase_private.raise_error(
      'invalid_request', 'page_size must be between 1 and 200', '{"path": "page_size"}'
    );
  end if;
  select q.id into v_queue_id from stepbase.task_queues q where q.app_code = v_app_code and q.name = p_queue;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Task queue %s does not exist', coalesce(p_queue, 'null')), jsonb_build_object('queue', p_queue)
    );
  end if;
  return (
    with first as (
      select x.*, row_number() over (order by x.priority desc, x.arrival) as place
      from (
        -- Each group of the backlog is in order, so the first of each suffice.
        select '00000000-0000-0000-0000-000000000000'::uuid as workflow_limit
        union all
        select w.id from stepbase.workflows w
        where w.app_code = v_app_code and w.max_concurrent_executions is not null
          and (w.task_queue_id = v_queue_id or w.task_queue_id is null)
      ) g
      cross join lateral (
        select b.run_id, b.workflow_limit, b.priority, b.arrival
        from stepbase_engine.run_backlog b
        where b.app_code = v_app_code and b.workflow_limit = g.workflow_limit and b.queue_limit = v_queue_id
        order by b.priority desc, b.arrival
        limit p_page_size
      ) x
      order by x.priority desc, x.arrival
      limit p_page_size
    )
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'place', f.place, 'run_id', r.id, 'workflow', w.kebab_name, 'workflow_name', w.name, 'priority', f.priority,
        'has_workflow_limit', f.workflow_limit = w.id, 'created_at', r.created_at
      ) order by f.place
    ), '[]')
    from first f
    join stepbase.runs r on r.id = f.run_id
    join stepbase.workflows w on w.id = r.workflow_id
  );
end;
$$;

comment on function stepbase_private.list_waiting_runs(text, int) is 'Implements stepbase.list_waiting_runs.';
grant execute on function stepbase_private.list_waiting_runs(text, int) to authenticated;

create function stepbase.list_waiting_runs(queue text, page_size int default 50)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.list_waiting_runs(list_waiting_runs.queue, list_waiting_runs.page_size);
$$;

comment on function stepbase.list_waiting_runs(text, int) is
  'The runs of the caller''s application that wait for a slot of a task queue (name), in the order in which they start: an array '
  'of {place, run_id, workflow, workflow_name, priority, has_workflow_limit, created_at}. place counts from 1. '
  'has_workflow_limit: the run also needs a slot of its workflow, so a later one can start before it. page_size: 1 to 200. '
  'Requires queue:read and run:read. Errors: SB400, SB401, SB403, SB404 unknown queue.';
grant execute on function stepbase.list_waiting_runs(text, int) to authenticated;
