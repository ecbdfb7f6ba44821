-- Work queues in runs: steps push and pop, a signal pushes, and a pop that finds nothing waits.
-- Whichever comes second, the item or the one who waits for it, sees the other under the lock of the
-- queue's row and asks the relay (outbox, queue.changed) to bring them together. The relay locks runs
-- before queues, as every transition does.

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
  'The steps that wait for an item of a queue, those that wait longest first.';

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
      'not_found', format('there is no work queue %s', p_queue), jsonb_build_object('queue', p_queue)
    );
  end if;
  return v_queue;
end;
$$;

comment on function stepbase_engine.find_work_queue(uuid, text) is
  'The work queue that a step of a run means: <queue> of its own workflow, or <workflow>/<queue> of another one of the '
  'app. SB404 when there is none.';

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
  'Pushes an item for a step and returns {item_id}. The key is the same for every attempt of the step: a repeated call '
  'pushes nothing. Errors: SB404 no such queue, SB422 the item breaks its schema, SB429 it is full.';

create function stepbase_engine.pop_from_step(p_run_id uuid, p_key text, p_queue text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues := stepbase_engine.find_work_queue(p_run_id, p_queue);
  v_item stepbase.work_queue_items;
begin
  -- The end of the run comes before this, which then takes nothing, or sees what was taken.
  perform 1 from stepbase.runs r where r.id = p_run_id and r.completed_at is null for share;
  if not found then
    perform stepbase_private.raise_error('conflict', 'the run has ended');
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
  'Takes the next item for a step: {work_queue_id, found, item}. The key is the same for every attempt of the step: a '
  'repeated call returns the item it took before. SB404 no such queue, SB409 the run has ended.';

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
    -- One that was deleted meanwhile has its steps fail.
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
  'Steps have begun to wait for items of these queues: if one came meanwhile, or the queue went, the relay is called.';

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
  v_runs uuid[] := '{}';
  v_seen int := 0;
  v_left_out boolean := false;
begin
  select q.* into v_queue from stepbase.work_queues q where q.id = p_work_queue_id for no key update;
  for v_waiting in
    select s.id, s.run_id, s.app_code, s.step_id, s.item_index
    from stepbase_engine.steps_waiting_for_item(p_work_queue_id, p_limit) s
  loop
    v_seen := v_seen + 1;
    v_app_code := v_waiting.app_code;
    -- It came within reach only after the runs were locked.
    if v_waiting.run_id <> all(coalesce(p_run_ids, '{}')) then
      v_left_out := true;
      continue;
    end if;
    if v_queue.id is null then
      v_steps := v_steps || v_waiting.id;
      v_runs := v_runs || v_waiting.run_id;
      continue;
    end if;
    v_key := format('%s:%s:%s', v_waiting.run_id, v_waiting.step_id, v_waiting.item_index);
    v_item := stepbase_engine.pop_work_item(v_queue.id, v_waiting.run_id, v_key);
    if v_item.id is null then
      -- One that somebody else is just taking may be left after all, and then nobody would call again.
      perform 1 from stepbase.work_queue_items i
      where i.work_queue_id = v_queue.id and i.status = 'queued'
      order by i.created_at, i.id
      limit 1
      for update;
      if not found then
        v_seen := 0;
        v_left_out := false;
        exit;
      end if;
      v_item := stepbase_engine.pop_work_item(v_queue.id, v_waiting.run_id, v_key);
    end if;
    v_steps := v_steps || v_waiting.id;
    v_outputs := v_outputs || v_item.item;
  end loop;

  if v_runs <> '{}' then
    perform stepbase_engine.fail(
      v_runs, v_steps,
      array_fill(null::int, array[cardinality(v_steps)]),
      array_fill(null::jsonb, array[cardinality(v_steps)]),
      array_fill(
        '{"code": "not_found", "message": "the work queue was deleted", "retryable": false}'::jsonb,
        array[cardinality(v_steps)]
      )
    );
  elsif v_steps <> '{}' then
    perform stepbase_engine.complete_waiting_steps(
      v_steps, v_outputs, array_fill('item'::text, array[cardinality(v_steps)])
    );
  end if;
  if v_left_out or v_seen = p_limit then
    perform stepbase_engine.notify_work_queue(v_app_code, p_work_queue_id);
  end if;
end;
$$;

comment on function stepbase_engine.deliver_items(uuid, uuid[], int) is
  'Gives items of a queue, in its order, to the steps that wait for one, those that wait longest first; those of a queue '
  'that was deleted fail. The caller has locked these runs; the queue is called again for the steps of others, while it '
  'has items.';

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
  'The items that these ended runs took are done when the run completed, and failed otherwise.';

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
  'What the query of a work queue answers: {queue, ordering, max_size, size, taken, waiting_steps, oldest_at}.';

-- A queue that goes takes its items with it; steps that wait for them learn it by the relay, which locks runs
-- before queues.
create function stepbase_engine.notify_deleted_queue()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: whoever may delete a queue may not write to the outbox.
begin
  perform stepbase_engine.notify_work_queue(s.app_code, old.id)
  from stepbase_engine.steps_waiting_for_item(old.id, 1) s;
  return old;
end;
$$;

comment on function stepbase_engine.notify_deleted_queue() is
  'Trigger: steps that wait for an item of a queue are to fail when the queue is deleted.';

create trigger work_queues_call_deleted before delete on stepbase.work_queues
  for each row execute function stepbase_engine.notify_deleted_queue();
