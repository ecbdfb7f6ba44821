-- Signals meet steps: whichever comes second finds the other under the lock of the run.

create function engine.deliver_signals(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_steps uuid[];
  v_payloads jsonb[];
begin
  -- The n-th waiting step of a name gets the n-th kept signal of that name.
  with waiting as (
    select
      s.id, s.run_id, s.signal_name,
      row_number() over (partition by s.run_id, s.signal_name order by s.created_at, s.id) as place
    from public.step_runs s
    where s.run_id = any(p_run_ids) and s.status = 'waiting' and s.wait_kind = 'signal'
  ),
  kept as (
    select
      g.id, g.run_id, g.signal_name, g.payload,
      row_number() over (partition by g.run_id, g.signal_name order by g.created_at, g.id) as place
    from public.run_signals g
    where g.run_id = any(p_run_ids) and g.consumed_at is null
  ),
  consumed as (
    update public.run_signals g
    set consumed_at = engine.now(), step_run_id = w.id
    from kept k
    join waiting w
      on w.run_id = k.run_id and w.signal_name = k.signal_name and w.place = k.place
    where g.id = k.id
    returning w.id as step_run_id, g.payload
  )
  select array_agg(c.step_run_id), array_agg(c.payload)
  into v_steps, v_payloads
  from consumed c;

  if v_steps is not null then
    perform engine.resolve_waiting(
      v_steps, v_payloads, array_fill(null::text, array[cardinality(v_steps)]), 'signal.received'
    );
  end if;
end;
$$;

comment on function engine.deliver_signals(uuid[]) is
'Gives kept signals to the steps that wait for them, oldest first. The caller has locked the runs.';
