-- The relay: a worker takes the messages of the outbox in their order. Messages about runs and queues change other
-- runs in the database, exactly once; messages for clients go to Upstash, at least once.
--
-- A statement handles messages of one app only, and a message that fails repeatedly is quarantined: what one app
-- does cannot stop the relay of another.

create function stepbase_engine.lock_related_runs(p_ended uuid[], p_others uuid[], p_queues uuid[])
returns uuid[]
language sql
set search_path = ''
as $$
  with
  -- Parents and open children of ended runs, the other runs, and the runs whose steps wait for an item.
  related as (
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
    where r.id in (select t.id from related t)
    order by r.id
    for no key update
  ) l;
$$;

comment on function stepbase_engine.lock_related_runs(uuid[], uuid[], uuid[]) is
  'Locks, in the order of their ids, all runs that a batch of messages may change: parents and open children '
  'of ended runs, p_others, and the runs whose steps wait for an item of p_queues. Returns the ids of the '
  'locked runs.';

create function stepbase_engine.relay_runs(p_outbox_ids bigint[], out handled int, out ended uuid[])
language plpgsql
set search_path = ''
as $$
declare
  v_detached uuid[];
  v_blocked uuid[];
  v_queues uuid[];
  v_locked uuid[];
  v_queue uuid;
begin
  -- They count as published when this transaction commits.
  with marked as (
    update stepbase.outbox o set published_at = stepbase_engine.now()
    where o.id = any(p_outbox_ids)
      and o.event_type in ('run.ended', 'child.detached', 'children.blocked', 'queue.changed')
    returning o.id, o.event_type, o.aggregate_id
  )
  select
    count(*),
    array_agg(m.aggregate_id order by m.id) filter (where m.event_type = 'run.ended'),
    array_agg(m.aggregate_id) filter (where m.event_type = 'child.detached'),
    array_agg(distinct m.aggregate_id) filter (where m.event_type = 'children.blocked'),
    array_agg(distinct m.aggregate_id) filter (where m.event_type = 'queue.changed')
  into handled, ended, v_detached, v_blocked, v_queues
  from marked m;
  if handled = 0 then
    return;
  end if;
  -- All runs are locked here, in the order of their ids. Locking them message by message could deadlock.
  v_locked := stepbase_engine.lock_related_runs(ended, v_detached || v_blocked, v_queues);
  if ended is not null then
    perform stepbase_engine.handle_run_ended(ended);
    perform stepbase_engine.emit_run_events(ended);
    perform stepbase_engine.announce_ends_to_webhooks(ended);
    perform stepbase_engine.finish_items_of_runs(ended);
    perform stepbase_engine.wake_schedules(ended);
  end if;
  if v_detached is not null then
    perform stepbase_engine.close_children(v_detached, 'The parent step ended');
  end if;
  perform stepbase_engine.start_blocked_children(b.id) from unnest(v_blocked) as b (id);
  -- array_agg(distinct …) has sorted the queues, so they are locked in the order of their ids.
  foreach v_queue in array coalesce(v_queues, '{}') loop
    perform stepbase_engine.deliver_items(v_queue, v_locked);
  end loop;
end;
$$;

comment on function stepbase_engine.relay_runs(bigint[]) is
  'Applies those of these messages that are about runs and work queues (run.ended, child.detached, children.blocked, '
  'queue.changed) and marks them as published in the same transaction. Returns their number and the runs of run.ended. '
  'The caller has locked the messages.';

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
  'The messages to publish (run.changed, run.cancel), at most p_limit, oldest first. The worker marks them '
  'after publishing, so they are repeated after a crash. age_ms lets it drop old ones while Redis does not '
  'answer.';

create function stepbase_engine.outbox_apps(p_after text default '', p_limit int default 100)
returns text[]
language sql
stable
set search_path = ''
-- JIT would cost more than the query: the planner overestimates the rows of the recursion.
set jit = off
as $$
  with recursive
  -- A loose index scan.
  app as (
    (
      select o.app_code from stepbase.outbox o
      where o.published_at is null and o.quarantined_at is null
        and o.event_type not in ('run.changed', 'run.cancel')
      order by o.app_code
      limit 1
    )
    union all
    select n.app_code
    from app a
    cross join lateral (
      select o.app_code from stepbase.outbox o
      where o.published_at is null and o.quarantined_at is null
        and o.event_type not in ('run.changed', 'run.cancel') and o.app_code > a.app_code
      order by o.app_code
      limit 1
    ) n
  )
  select coalesce(array_agg(t.app_code order by t.is_past, t.app_code), '{}')
  from (
    select a.app_code, a.app_code <= p_after as is_past from app a order by 2, 1 limit p_limit
  ) t;
$$;

comment on function stepbase_engine.outbox_apps(text, int) is
  'The apps with messages for relay_app, at most p_limit: those after p_after first, then the others.';

create function stepbase_engine.has_messages()
returns boolean
language sql
volatile -- It sees what the statement that calls it has written.
set search_path = ''
as $$
  select exists (select from stepbase.outbox o where o.published_at is null and o.quarantined_at is null);
$$;

comment on function stepbase_engine.has_messages() is
  'Whether messages wait for relay_app or for publishing, including those of the current transaction.';

create function stepbase_engine.relay_app_runs(
  p_app_code text, p_limit int, out handled int, out ended uuid[]
)
language plpgsql
set search_path = ''
as $$
declare
  v_ids bigint[];
begin
  -- The next messages that no other relay has locked.
  select array_agg(t.id) into v_ids
  from (
    select o.id from stepbase.outbox o
    where o.app_code = p_app_code and o.published_at is null and o.quarantined_at is null
      and o.event_type not in ('run.changed', 'run.cancel')
    order by o.id
    limit p_limit
    for update skip locked
  ) t;
  if v_ids is null then
    handled := 0;
    return;
  end if;
  select r.handled, r.ended into handled, ended from stepbase_engine.relay_runs(v_ids) r;
  handled := handled + stepbase_engine.relay_events(v_ids, p_limit) + stepbase_engine.relay_changes(v_ids, p_limit);
end;
$$;

comment on function stepbase_engine.relay_app_runs(text, int) is
  'Handles the oldest messages of an app, at most p_limit. Returns their number, and the runs among them that ended or '
  'started to compensate.';

create function stepbase_engine.relay_app(p_app_code text, p_limit int default 200)
returns int
language sql
set search_path = ''
as $$
  select r.handled from stepbase_engine.relay_app_runs(p_app_code, p_limit) r;
$$;

comment on function stepbase_engine.relay_app(text, int) is
  'Handles the oldest messages of an app, at most p_limit, and returns their number. Call it until it returns 0: '
  'handled messages may have written others.';

create function stepbase_engine.record_relay_failure(p_app_code text, p_error text)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_message stepbase.outbox;
begin
  update stepbase.outbox o
  set
    attempts = o.attempts + 1,
    error = left(p_error, 2000),
    quarantined_at = case when o.attempts + 1 >= 3 then stepbase_engine.now() end
  where o.id = (
    select n.id from stepbase.outbox n
    where n.app_code = p_app_code and n.published_at is null and n.quarantined_at is null
      and n.event_type not in ('run.changed', 'run.cancel')
    order by n.id
    limit 1
    -- Waits: the connection of the failed statement may still hold the message, and the next one has not failed.
    for update
  )
  returning * into v_message;
  if v_message.quarantined_at is null then
    return null;
  end if;
  raise warning 'stepbase: message % of app % is quarantined: %', v_message.id, p_app_code, v_message.error;
  return v_message.id;
end;
$$;

comment on function stepbase_engine.record_relay_failure(text, text) is
  'Counts a failure of relay_app(p_app_code, 1) on the oldest message of the app, and waits until no transaction has locked '
  'it. The third failure quarantines the message; then its id is returned, otherwise null.';

create function stepbase_engine.confirm_published(p_outbox_ids bigint[])
returns void
language sql
set search_path = ''
as $$
  -- In the order of ids: after a lease has ended, two workers may confirm the same messages.
  with unpublished as (
    select o.id from stepbase.outbox o
    where o.id = any(p_outbox_ids) and o.published_at is null
    order by o.id
    for no key update
  )
  update stepbase.outbox o set published_at = stepbase_engine.now() from unpublished u where o.id = u.id;
$$;

comment on function stepbase_engine.confirm_published(bigint[]) is
  'Marks outbox messages as published.';
