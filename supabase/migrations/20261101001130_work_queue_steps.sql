-- Work queues, part 2: steps push items to a queue and pop items from it.

create function stepbase_engine.find_work_queue(p_run_id uuid, p_queue text)
returns stepbase.work_queues
language plpgsql
stable
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues;
begin
  select q.* into v_queue
  from stepbase.runs r
  join stepbase.workflows w
    on w.app_code = r.app_code
    and case when strpos(p_queue, '/') > 0
      then w.kebab_name = split_part(p_queue, '/', 1) and w.deleted_at is null
      else w.id = r.workflow_id end
  join stepbase.work_queues q
    on q.workflow_id = w.id and q.queue_name = split_part(p_queue, '/', 1 + (strpos(p_queue, '/') > 0)::int)
  where r.id = p_run_id;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Work queue %s does not exist', p_queue), jsonb_build_object('queue', p_queue)
    );
  end if;
  return v_queue;
end;
$$;

comment on function stepbase_engine.find_work_queue(uuid, text) is
  'The work queue that a step names: <queue> of its own workflow, or <workflow>/<queue> of another workflow '
  'of the application. SB404 if it does not exist.';

create function stepbase_engine.push_from_step(
  p_run_id uuid, p_key text, p_queue text, p_item jsonb, p_priority int
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues := stepbase_engine.find_work_queue(p_run_id, p_queue);
begin
  return jsonb_build_object(
    'item_id', stepbase_engine.push_work_item(v_queue.id, p_item, p_priority, p_run_id, p_key)
  );
end;
$$;

comment on function stepbase_engine.push_from_step(uuid, text, text, jsonb, int) is
  'Pushes an item for a step and returns {item_id}. p_key is the same for all attempts of the step, so a '
  'repeated call pushes nothing. Errors: SB404 unknown queue, SB422 the item does not match the schema, SB429 '
  'the queue is full.';

create function stepbase_engine.pop_from_step(p_run_id uuid, p_key text, p_queue text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues := stepbase_engine.find_work_queue(p_run_id, p_queue);
  v_item stepbase.work_queue_items;
begin
  -- The lock orders this call with the end of the run: a run that has ended pops nothing, and the end of a
  -- running one finds the item that this call took.
  perform 1 from stepbase.runs r where r.id = p_run_id and r.completed_at is null for share;
  if not found then
    perform stepbase_private.raise_error('conflict', 'The run has ended');
  end if;
  select i.* into v_item
  from stepbase.work_queue_items i
  where i.work_queue_id = v_queue.id and i.taken_key = p_key;
  if not found then
    v_item := stepbase_engine.pop_work_item(v_queue.id, p_run_id, p_key);
  end if;
  return jsonb_build_object(
    'work_queue_id', v_queue.id, 'found', v_item.id is not null, 'item', v_item.item
  );
end;
$$;

comment on function stepbase_engine.pop_from_step(uuid, text, text) is
  'Pops the next item for a step: {work_queue_id, found, item}. p_key is the same for all attempts of the '
  'step, so a repeated call returns the same item. Errors: SB404 unknown queue, SB409 the run has ended.';

create function stepbase_engine.work_queue_state(p_work_queue_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'queue', q.queue_name,
    'ordering', q.ordering,
    'max_size', q.max_size,
    'size', (
      select count(*) from stepbase.work_queue_items i where i.work_queue_id = q.id and i.status = 'queued'
    ),
    'taken', (
      select count(*) from stepbase.work_queue_items i where i.work_queue_id = q.id and i.status = 'taken'
    ),
    'waiting_steps', (
      select count(*) from stepbase.step_runs s
      where s.work_queue_id = q.id and s.status = 'waiting' and s.wait_kind = 'queue'
    ),
    'oldest_at', (
      select min(i.created_at) from stepbase.work_queue_items i
      where i.work_queue_id = q.id and i.status = 'queued'
    )
  )
  from stepbase.work_queues q
  where q.id = p_work_queue_id;
$$;

comment on function stepbase_engine.work_queue_state(uuid) is
  'The answer of the query that a work queue declares: {queue, ordering, max_size, size, taken, '
  'waiting_steps, oldest_at}. size counts queued items, taken the items in work.';
