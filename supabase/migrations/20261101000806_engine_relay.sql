-- The relay: outbox rows become tokens and messages, in order, at least once.

create function engine.relay(p_limit int default 200)
returns table (outbox_id bigint, app_code text, run_id uuid, event_type text, payload jsonb)
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[];
  v_jobs uuid[];
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

  -- Messages: the worker publishes them and then marks them, so a crash in between repeats them.
  return query
  select o.id, o.app_code, o.aggregate_id, o.event_type, o.payload
  from public.outbox o
  where o.published_at is null and o.event_type <> 'run.start'
  order by o.id
  limit p_limit
  for update skip locked;
end;
$$;

comment on function engine.relay(int) is
'Admits waiting runs to the queue and returns the messages to publish, oldest first; confirm them with '
'engine.confirm_published.';

create function engine.confirm_published(p_outbox_ids bigint[])
returns void
language sql
set search_path = ''
as $$
  update public.outbox o set published_at = engine.now()
  where o.id = any(p_outbox_ids) and o.published_at is null;
$$;

comment on function engine.confirm_published(bigint[]) is 'Marks outbox messages as handed over.';
