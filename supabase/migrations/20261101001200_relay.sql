-- The relay: outbox rows become consequences and messages, in order, at least once.

create function stepbase_engine.lock_related_runs(p_ended uuid[], p_others uuid[], p_queues uuid[])
returns uuid[]
language sql
set search_path = ''
as $$
  with touched as (
    select e.parent_run_id as id from stepbase.runs e
    where e.id = any(p_ended) and e.parent_run_id is not null
    union
    select c.id from stepbase.runs c
    where c.parent_run_id = any(p_ended)
      and c.completed_at is null and c.parent_close_policy <> 'abandon'
    union
    select o.id from unnest(p_others) as o (id)
    union
    select s.run_id
    from unnest(p_queues) as q (id)
    cross join lateral stepbase_engine.steps_waiting_for_item(q.id) s
  )
  select array_agg(l.id)
  from (
    select r.id from stepbase.runs r
    where r.id in (select t.id from touched t)
    order by r.id
    for no key update
  ) l;
$$;

comment on function stepbase_engine.lock_related_runs(uuid[], uuid[], uuid[]) is
  'Locks, in the order of their ids, all runs that the end of runs and the items of work queues mean something for: '
  'parents, children, and those whose steps wait for an item; and these others. Returns them.';

create function stepbase_engine.relay_runs(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
  v_ended uuid[];
  v_left uuid[];
  v_blocked uuid[];
  v_queues uuid[];
  v_locked uuid[];
  v_queue uuid;
begin
  with taken as (
    select o.id
    from stepbase.outbox o
    where o.published_at is null and o.event_type in ('run.ended', 'child.left', 'children.blocked', 'queue.changed')
    order by o.id
    limit p_limit
    for update skip locked
  ),
  marked as (
    update stepbase.outbox o set published_at = stepbase_engine.now()
    from taken t
    where o.id = t.id
    returning o.id, o.event_type, o.aggregate_id
  )
  select
    count(*),
    array_agg(m.aggregate_id order by m.id) filter (where m.event_type = 'run.ended'),
    array_agg(m.aggregate_id) filter (where m.event_type = 'child.left'),
    array_agg(distinct m.aggregate_id) filter (where m.event_type = 'children.blocked'),
    array_agg(distinct m.aggregate_id) filter (where m.event_type = 'queue.changed')
  into v_count, v_ended, v_left, v_blocked, v_queues
  from marked m;
  if v_count = 0 then
    return 0;
  end if;
  -- One after the other they would be locked in the order of the outbox, which is no order at all.
  v_locked := stepbase_engine.lock_related_runs(v_ended, v_left || v_blocked, v_queues);
  if v_ended is not null then
    perform stepbase_engine.handle_run_ended(v_ended);
    perform stepbase_engine.emit_run_events(v_ended);
    perform stepbase_engine.finish_items_of_runs(v_ended);
  end if;
  if v_left is not null then
    perform stepbase_engine.close_children(v_left, 'the step that waited for it ended');
  end if;
  perform stepbase_engine.start_blocked_children(b.id) from unnest(v_blocked) as b (id);
  -- Queues are locked in the order of their ids too.
  foreach v_queue in array coalesce(v_queues, '{}') loop
    perform stepbase_engine.deliver_items(v_queue, v_locked);
  end loop;
  return v_count;
end;
$$;

comment on function stepbase_engine.relay_runs(int) is
  'What the end of runs means for their parents and children, for what it triggers and for items they took, and items '
  'for steps that wait for one, in the transaction that marks the rows; returns how many rows there were.';

create function stepbase_engine.relay_messages(p_limit int)
returns jsonb
language sql
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'outbox_id', o.id, 'app_code', o.app_code, 'run_id', o.aggregate_id,
        'event_type', o.event_type, 'payload', o.payload,
        'age_ms', round(extract(epoch from now() - o.created_at) * 1000)
      ) order by o.id
    ),
    '[]'
  )
  from (
    select m.* from stepbase.outbox m
    where m.published_at is null and m.event_type in ('run.changed', 'run.cancel')
    order by m.id
    limit p_limit
    for update skip locked
  ) o;
$$;

comment on function stepbase_engine.relay_messages(int) is
  'The messages to publish, oldest first. The worker publishes them and then marks them, so a crash in between '
  'repeats them; their age tells it when to give up on a Redis that does not answer.';

create function stepbase_engine.relay(p_limit int default 200)
returns table (followed int, messages jsonb)
language plpgsql
set search_path = ''
as $$
begin
  -- What the end of runs triggers is an event itself.
  followed := stepbase_engine.relay_runs(p_limit);
  followed := greatest(followed, stepbase_engine.relay_events(p_limit));
  messages := stepbase_engine.relay_messages(p_limit);
  return next;
end;
$$;

comment on function stepbase_engine.relay(int) is
  'Follows what the outbox asks for (returns how many rows) and returns the messages to publish; confirm them with '
  'stepbase_engine.confirm_published. Call again while anything was followed or p_limit messages came back.';

create function stepbase_engine.confirm_published(p_outbox_ids bigint[])
returns void
language sql
set search_path = ''
as $$
  update stepbase.outbox o set published_at = stepbase_engine.now()
  where o.id = any(p_outbox_ids) and o.published_at is null;
$$;

comment on function stepbase_engine.confirm_published(bigint[]) is 'Marks outbox messages as handed over.';
