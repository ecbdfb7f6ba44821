-- Work queues, part 3: a pop step waits while its queue is empty, and the relay gives it the next item.
-- The item and the waiting step may come in either order. The second one finds the first under the lock of the
-- queue's row and asks the relay (outbox, queue.changed) to deliver. The relay locks runs before queues, as
-- every transition does.

create function stepbase_engine.steps_waiting_for_item(p_work_queue_id uuid, p_limit int default 100)
returns setof stepbase.step_runs
language sql
stable
set search_path = ''
as $$
  select s.*
  from stepbase.step_runs s
  where s.work_queue_id = p_work_queue_id and s.status = 'waiting' and s.wait_kind = 'queue'
  order by s.created_at, s.id
  limit p_limit;
$$;

comment on function stepbase_engine.steps_waiting_for_item(uuid, int) is
  'The steps that wait for an item of a queue, at most p_limit, in the order in which they started to wait.';

create function stepbase_engine.wait_for_items(p_work_queue_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_queue_id uuid;
begin
  for v_queue_id in select u.id from unnest(p_work_queue_ids) as u (id) order by u.id loop
    perform 1 from stepbase.work_queues q where q.id = v_queue_id for no key update;
    -- A deleted queue goes to the relay too, which fails the waiting steps.
    if not found or exists (
      select 1 from stepbase.work_queue_items i
      where i.work_queue_id = v_queue_id and i.status = 'queued'
    ) then
      perform stepbase_engine.notify_work_queue(s.app_code, v_queue_id)
      from stepbase_engine.steps_waiting_for_item(v_queue_id, 1) s;
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.wait_for_items(uuid[]) is
  'Called after steps started to wait for items of these queues: calls the relay for each queue that has items '
  'by now, or was deleted. Locks the queues in the order of their ids.';

create function stepbase_engine.deliver_items(p_work_queue_id uuid, p_run_ids uuid[], p_limit int default 100)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues;
  v_waiting record;
  v_item stepbase.work_queue_items;
  v_steps uuid[] := '{}';
  v_outputs jsonb[] := '{}';
  v_key text;
  v_app_code text;
  v_failed_runs uuid[] := '{}';
  v_examined int := 0;
  v_has_more boolean := false;
begin
  select q.* into v_queue from stepbase.work_queues q where q.id = p_work_queue_id for no key update;
  for v_waiting in
    select s.id, s.run_id, s.app_code, s.step_id, s.item_index
    from stepbase_engine.steps_waiting_for_item(p_work_queue_id, p_limit) s
  loop
    v_examined := v_examined + 1;
    v_app_code := v_waiting.app_code;
    -- This step started to wait after the caller locked its runs; the next call delivers to it.
    if v_waiting.run_id <> all(coalesce(p_run_ids, '{}')) then
      v_has_more := true;
      continue;
    end if;
    if v_queue.id is null then
      v_steps := v_steps || v_waiting.id;
      v_failed_runs := v_failed_runs || v_waiting.run_id;
      continue;
    end if;
    v_key := format('%s:%s:%s', v_waiting.run_id, v_waiting.step_id, v_waiting.item_index);
    v_item := stepbase_engine.pop_work_item(v_queue.id, v_waiting.run_id, v_key);
    if v_item.id is null then
      -- Another transaction has locked the last items. Wait for it: if it rolls back, no other call would
      -- deliver them.
      perform 1 from stepbase.work_queue_items i
      where i.work_queue_id = v_queue.id and i.status = 'queued'
      order by i.created_at, i.id
      limit 1
      for update;
      if not found then
        v_examined := 0;
        v_has_more := false;
        exit;
      end if;
      v_item := stepbase_engine.pop_work_item(v_queue.id, v_waiting.run_id, v_key);
    end if;
    v_steps := v_steps || v_waiting.id;
    v_outputs := v_outputs || v_item.item;
  end loop;

  if v_failed_runs <> '{}' then
    perform stepbase_engine.fail(
      v_failed_runs, v_steps,
      array_fill(null::int, array[cardinality(v_steps)]),
      array_fill(null::jsonb, array[cardinality(v_steps)]),
      array_fill(
        '{"code": "not_found", "message": "The work queue was deleted while the step waited", "retryable": false}'::jsonb,
        array[cardinality(v_steps)]
      )
    );
  elsif v_steps <> '{}' then
    perform stepbase_engine.complete_waiting_steps(
      v_steps, v_outputs, array_fill('item'::text, array[cardinality(v_steps)])
    );
  end if;
  if v_has_more or v_examined = p_limit then
    perform stepbase_engine.notify_work_queue(v_app_code, p_work_queue_id);
  end if;
end;
$$;

comment on function stepbase_engine.deliver_items(uuid, uuid[], int) is
  'Gives items of a queue, in its order, to the waiting steps, in the order in which they started to wait; if '
  'the queue was deleted, the steps fail. The caller has locked p_run_ids. Waiting steps of other runs get '
  'their items by the next call, which this one requests from the relay.';

create function stepbase_engine.finish_items_of_runs(p_run_ids uuid[])
returns void
language sql
set search_path = ''
as $$
  update stepbase.work_queue_items i
  set status = case r.status when 'completed' then 'done' else 'failed' end, done_at = stepbase_engine.now()
  from stepbase.runs r
  where i.taken_by_run_id = any(p_run_ids) and i.status = 'taken' and r.id = i.taken_by_run_id;
$$;

comment on function stepbase_engine.finish_items_of_runs(uuid[]) is
  'Marks the items that these ended runs had taken: done if the run completed, otherwise failed.';

-- Deleting a queue deletes its items. The relay fails the waiting steps, because it locks runs before queues.
create function stepbase_engine.notify_deleted_queue()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: a client that may delete a queue cannot write to the outbox.
begin
  perform stepbase_engine.notify_work_queue(s.app_code, old.id)
  from stepbase_engine.steps_waiting_for_item(old.id, 1) s;
  return old;
end;
$$;

comment on function stepbase_engine.notify_deleted_queue() is
  'Trigger: asks the relay to fail the steps that wait for an item of a deleted queue.';

create trigger work_queues_notify_deleted before delete on stepbase.work_queues
  for each row execute function stepbase_engine.notify_deleted_queue();
