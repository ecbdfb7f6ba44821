-- The relay: outbox rows become consequences and messages, in order, at least once.

create function engine.steps_that_wait_for(p_work_queue_id uuid, p_limit int default 100)
returns setof public.step_runs
language sql
stable
set search_path = ''
as $$
  select s.*
  from public.step_runs s
  where s.work_queue_id = p_work_queue_id and s.status = 'waiting' and s.wait_kind = 'queue'
  order by s.created_at, s.id
  limit p_limit;
$$;

comment on function engine.steps_that_wait_for(uuid, int) is
'The steps that wait for an item of a queue, those that wait longest first.';

create function engine.lock_followed(p_ended uuid[], p_others uuid[], p_queues uuid[])
returns uuid[]
language sql
set search_path = ''
as $$
  with touched as (
    select e.parent_run_id as id from public.runs e
    where e.id = any(p_ended) and e.parent_run_id is not null
    union
    select c.id from public.runs c
    where c.parent_run_id = any(p_ended)
      and c.completed_at is null and c.parent_close_policy <> 'abandon'
    union
    select o.id from unnest(p_others) as o (id)
    union
    select s.run_id
    from unnest(p_queues) as q (id)
    cross join lateral engine.steps_that_wait_for(q.id) s
  )
  select array_agg(l.id)
  from (
    select r.id from public.runs r
    where r.id in (select t.id from touched t)
    order by r.id
    for no key update
  ) l;
$$;

comment on function engine.lock_followed(uuid[], uuid[], uuid[]) is
'Locks, in the order of their ids, all runs that the end of runs and the items of work queues mean something for: '
'parents, children, and those whose steps wait for an item; and these others. Returns them.';

create function engine.relay_runs(p_limit int)
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
    from public.outbox o
    where o.published_at is null and o.event_type in ('run.ended', 'child.left', 'children.blocked', 'queue.changed')
    order by o.id
    limit p_limit
    for update skip locked
  ),
  marked as (
    update public.outbox o set published_at = engine.now()
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
  v_locked := engine.lock_followed(v_ended, v_left || v_blocked, v_queues);
  if v_ended is not null then
    perform engine.follow_ended(v_ended);
    perform engine.follow_with_triggers(v_ended);
    perform engine.finish_items_of(v_ended);
  end if;
  if v_left is not null then
    perform engine.close_children(v_left, 'the step that waited for it ended');
  end if;
  perform engine.start_blocked_children(b.id) from unnest(v_blocked) as b (id);
  -- Queues are locked in the order of their ids too.
  foreach v_queue in array coalesce(v_queues, '{}') loop
    perform engine.deliver_items(v_queue, v_locked);
  end loop;
  return v_count;
end;
$$;

comment on function engine.relay_runs(int) is
'What the end of runs means for their parents and children, for what it triggers and for items they took, and items '
'for steps that wait for one, in the transaction that marks the rows; returns how many rows there were.';

create function engine.relay_messages(p_limit int)
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
    select m.* from public.outbox m
    where m.published_at is null and m.event_type in ('run.changed', 'run.cancel')
    order by m.id
    limit p_limit
    for update skip locked
  ) o;
$$;

comment on function engine.relay_messages(int) is
'The messages to publish, oldest first. The worker publishes them and then marks them, so a crash in between '
'repeats them; their age tells it when to give up on a Redis that does not answer.';

create function engine.relay(p_limit int default 200)
returns table (followed int, messages jsonb)
language plpgsql
set search_path = ''
as $$
begin
  -- What the end of runs triggers is an event itself.
  followed := engine.relay_runs(p_limit);
  followed := greatest(followed, engine.relay_events(p_limit));
  messages := engine.relay_messages(p_limit);
  return next;
end;
$$;

comment on function engine.relay(int) is
'Follows what the outbox asks for (returns how many rows) and returns the messages to publish; confirm them with '
'engine.confirm_published. Call again while anything was followed or p_limit messages came back.';

create function engine.confirm_published(p_outbox_ids bigint[])
returns void
language sql
set search_path = ''
as $$
  update public.outbox o set published_at = engine.now()
  where o.id = any(p_outbox_ids) and o.published_at is null;
$$;

comment on function engine.confirm_published(bigint[]) is 'Marks outbox messages as handed over.';

create function engine.announce(p_app_code text, p_run_id uuid, p_event_type text default 'run.changed')
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into public.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values (p_app_code, 'run', p_run_id, p_event_type);
  perform pg_notify('stepbase', 'outbox');
end;
$$;

comment on function engine.announce(text, uuid, text) is
'Asks the relay to tell watchers beyond Realtime (and, with run.cancel, workers) about a run.';
