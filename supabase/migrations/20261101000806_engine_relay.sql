-- The relay: outbox rows become consequences and messages, in order, at least once.

create function engine.relay_ended(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_ended uuid[];
begin
  with taken as (
    select o.id
    from public.outbox o
    where o.published_at is null and o.event_type = 'run.ended'
    order by o.id
    limit p_limit
    for update skip locked
  ),
  marked as (
    update public.outbox o set published_at = engine.now()
    from taken t
    where o.id = t.id
    returning o.id, o.aggregate_id
  )
  select array_agg(m.aggregate_id order by m.id) into v_ended from marked m;
  if v_ended is null then
    return 0;
  end if;
  perform engine.follow_ended(v_ended);
  perform engine.follow_with_triggers(v_ended);
  perform engine.finish_items_of(v_ended);
  return cardinality(v_ended);
end;
$$;

comment on function engine.relay_ended(int) is
'What the end of runs means for their parents and children, for what it triggers and for items they took, in the transaction that marks '
'the rows; returns how many ends there were.';

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
  followed := engine.relay_ended(p_limit);
  followed := greatest(
    followed, engine.relay_events(p_limit), engine.relay_work_queues(p_limit)
  );
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
