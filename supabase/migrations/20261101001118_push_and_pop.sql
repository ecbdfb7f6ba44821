-- Work queues, part 1: pushing an item to a queue, popping the next one and finishing it.

create function stepbase_engine.notify_work_queue(p_app_code text, p_work_queue_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values (p_app_code, 'work_queue', p_work_queue_id, 'queue.changed');
  perform pg_notify('stepbase', 'outbox');
end;
$$;

comment on function stepbase_engine.notify_work_queue(text, uuid) is
  'Asks the relay, through the outbox, to give the items of a work queue to the steps that wait for them.';

create function stepbase_engine.push_work_item(
  p_work_queue_id uuid,
  p_item jsonb,
  p_priority int default 0,
  p_run_id uuid default null,
  p_push_key text default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues;
  v_errors jsonb;
  v_id uuid;
begin
  -- Lock order: work queues (6). The lock serializes the checks of size and duplicates.
  select q.* into v_queue from stepbase.work_queues q where q.id = p_work_queue_id for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', format('The work queue %s does not exist', p_work_queue_id));
  end if;
  if p_push_key is not null then
    select i.id into v_id
    from stepbase.work_queue_items i
    where i.work_queue_id = v_queue.id and i.push_key = p_push_key;
    if found then
      return v_id;
    end if;
  end if;
  v_errors := stepbase_private.json_schema_errors(v_queue.work_item_schema, p_item);
  if v_errors <> '[]' then
    perform stepbase_private.raise_error(
      'invalid_input', format('The item does not match the schema of work queue %s', v_queue.queue_name),
      jsonb_build_object('errors', v_errors)
    );
  end if;
  if v_queue.deduplicate then
    select i.id into v_id
    from stepbase.work_queue_items i
    where i.work_queue_id = v_queue.id and i.status = 'queued' and i.item_hash = md5(p_item::text) and i.item = p_item
    limit 1;
    if found then
      return v_id;
    end if;
  end if;
  if v_queue.max_size is not null
    and v_queue.max_size <= (
      select count(*) from stepbase.work_queue_items i where i.work_queue_id = v_queue.id and i.status = 'queued'
    )
  then
    perform stepbase_private.raise_error(
      'limit_reached', format('Work queue %s is full: its max_size is %s items', v_queue.queue_name, v_queue.max_size)
    );
  end if;
  insert into stepbase.work_queue_items (app_code, work_queue_id, item, priority, pushed_by_run_id, push_key)
  values (v_queue.app_code, v_queue.id, p_item, p_priority, p_run_id, p_push_key)
  returning id into v_id;
  if exists (
    select 1 from stepbase.step_runs s
    where s.work_queue_id = v_queue.id and s.status = 'waiting' and s.wait_kind = 'queue'
  ) then
    perform stepbase_engine.notify_work_queue(v_queue.app_code, v_queue.id);
  end if;
  return v_id;
end;
$$;

comment on function stepbase_engine.push_work_item(uuid, jsonb, int, uuid, text) is
  'Adds an item to a work queue and returns its id. If an item was pushed with the same key before, or the queue '
  'deduplicates and an equal item is queued, returns the id of that item instead. The relay gives items to waiting '
  'steps. Errors: SB404 no such queue, SB422 the item does not match the schema, SB429 the queue is full.';

create function stepbase_engine.pop_work_item(
  p_work_queue_id uuid, p_run_id uuid default null, p_taken_key text default null
)
returns stepbase.work_queue_items
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid;
  v_item stepbase.work_queue_items;
  v_ordering text;
begin
  select q.ordering into v_ordering from stepbase.work_queues q where q.id = p_work_queue_id;
  -- One statement per order, so that each reads a single row from an index.
  if v_ordering = 'priority' then
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.priority desc, i.created_at, i.id
    limit 1 for update skip locked;
  elsif v_ordering = 'lifo' then
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.created_at desc, i.id desc
    limit 1 for update skip locked;
  else
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.created_at, i.id
    limit 1 for update skip locked;
  end if;
  update stepbase.work_queue_items i
  set
    status = 'taken', taken_at = stepbase_engine.now(), taken_by_run_id = p_run_id, taken_key = p_taken_key
  where i.id = v_id
  returning i.* into v_item;
  return v_item;
end;
$$;

comment on function stepbase_engine.pop_work_item(uuid, uuid, text) is
  'Takes the next item in the order of the work queue and returns it, or a row of nulls when none is queued. Concurrent '
  'calls never take the same item: locked items are skipped.';

create function stepbase_engine.finish_work_item(p_item_id uuid, p_success boolean default true)
returns void
language sql
set search_path = ''
as $$
  update stepbase.work_queue_items i
  set status = case when p_success then 'done' else 'failed' end, done_at = stepbase_engine.now()
  where i.id = p_item_id and i.status = 'taken';
$$;

comment on function stepbase_engine.finish_work_item(uuid, boolean) is
  'Sets a taken item to done, or to failed if p_success is false.';
