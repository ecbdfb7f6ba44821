-- send_step_texts: sends the text that a model is writing to the watchers of its run. No table keeps the text: each
-- message is deleted in the transaction that inserts it, and Realtime reads the insert from the replication stream. The
-- output of the step remains the truth.

create function stepbase_engine.send_step_texts(p_pieces jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_times timestamp[];
begin
  if to_regclass('realtime.messages') is null then
    return;
  end if;
  with sent as (
    insert into realtime.messages (id, topic, extension, payload, event, private)
    select
      stepbase_engine.new_id(), 'stepbase:run:' || s.run_id, 'broadcast',
      jsonb_build_object(
        'run_id', s.run_id, 'step_id', s.step_id, 'item_index', s.item_index, 'attempt', s.attempt, 'call', p.call,
        'seq', p.seq, 'offset', p.offset, 'text', p.text, 'done', p.done
      ) || case when p.truncated then '{"truncated": true}'::jsonb else '{}' end,
      'text', true
    from rows from (
      jsonb_to_recordset(p_pieces) as (
        step_run_id uuid, fence int, call int, seq int, "offset" int, text text, done boolean, truncated boolean
      )
    ) with ordinality as p (step_run_id, fence, call, seq, "offset", text, done, truncated, place)
    join stepbase.step_runs s on s.id = p.step_run_id and s.fence = p.fence
    order by p.place
    returning id, inserted_at
  )
  select array_agg(s.id), array_agg(s.inserted_at) into v_ids, v_times from sent s;
  begin
    delete from realtime.messages m
    using unnest(v_ids, v_times) as s (id, inserted_at)
    where m.id = s.id and m.inserted_at = s.inserted_at;
  exception
    -- Then Realtime deletes them after some days, as its other messages.
    when insufficient_privilege then
      null;
  end;
exception
  -- There is no partition for today. Realtime creates it when the first client joins: no client listens yet.
  when check_violation then
    return;
  when others then
    raise warning 'stepbase: a broadcast of texts failed: %', sqlerrm;
end;
$$;

comment on function stepbase_engine.send_step_texts(jsonb) is
  'Sends one private Realtime message for each piece [{step_run_id, fence, call, seq, offset, text, done, truncated}] of an '
  'attempt: topic stepbase:run:<id>, event text, payload {run_id, step_id, item_index, attempt, call, seq, offset, text, '
  'done}. Pieces of an attempt that was claimed again since (another fence) are dropped.';
