-- The relay: outbox rows become tokens and messages, in order, at least once.

create function engine.relay(p_limit int default 200)
returns table (admitted int, messages jsonb)
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[];
  v_jobs uuid[];
  v_ended uuid[];
  v_events int := engine.relay_events(p_limit);
begin
  -- Runs to start: the token is in the queue when the row is marked, in one transaction.
  with taken as (
    select o.id
    from public.outbox o
    where o.published_at is null and o.event_type = 'run.start'
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
  select
    array_agg(m.aggregate_id order by m.id),
    array_agg(engine.new_id() order by m.id)
  into v_runs, v_jobs
  from marked m;
  if v_runs is not null then
    perform engine.create_tokens(v_jobs, v_runs);
  end if;

  -- Ended runs: their parents and children follow, in the transaction that marks the row.
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
  if v_ended is not null then
    perform engine.follow_ended(v_ended);
    perform engine.follow_with_triggers(v_ended);
  end if;

  -- Messages: the worker publishes them and then marks them, so a crash in between repeats them.
  return query
  select
    greatest(cardinality(v_runs), cardinality(v_ended), v_events),
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'outbox_id', o.id, 'app_code', o.app_code, 'run_id', o.aggregate_id,
            'event_type', o.event_type, 'payload', o.payload
          ) order by o.id
        ),
        '[]'
      )
      from (
        select m.* from public.outbox m
        where m.published_at is null and m.event_type not in ('run.start', 'run.ended', 'event.emitted')
        order by m.id
        limit p_limit
        for update skip locked
      ) o
    );
end;
$$;

comment on function engine.relay(int) is
'Admits waiting runs to the queue (returns how many) and returns the messages to publish, oldest first; confirm '
'them with engine.confirm_published. Call again while p_limit of either came back.';

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
