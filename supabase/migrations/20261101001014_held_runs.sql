-- Held runs: pending runs that are in neither the queue nor the backlog, hold no concurrency slot, and wait for
-- something other than room. runs.held_by names what they wait for; release_run ends the wait.

create function stepbase_engine.hold_run(p_run stepbase.runs, p_may_refuse boolean)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_may_refuse then
    -- The run itself is one of them.
    perform stepbase_engine.check_waiting_runs(p_run.app_code, 0);
  end if;
  -- Workers compute again when the next timer is due.
  perform pg_notify('stepbase', 'due');
end;
$$;

comment on function stepbase_engine.hold_run(stepbase.runs, boolean) is
  'What start_run does instead of enqueue_run with a run that was inserted with held_by. With p_may_refuse it raises SB429 '
  'when more than max_waiting_runs of the application wait.';

create function stepbase_engine.release_run(p_run_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  update stepbase.runs r
  set held_by = null, updated_at = stepbase_engine.now()
  where r.id = p_run_id and r.held_by is not null and r.status in ('pending', 'paused')
  returning r.* into v_run;
  if not found then
    return false;
  end if;
  v_run.input := stepbase_engine.gather_batch(v_run);
  if v_run.status = 'pending' then
    perform stepbase_engine.enqueue_run(v_run);
  end if;
  return true;
end;
$$;

comment on function stepbase_engine.release_run(uuid) is
  'Ends the hold of a run: a pending run enters the queue or the backlog as if it started now; a paused one does when it is '
  'resumed. Returns false if the run is not held or has ended. Locks the run.';

create function stepbase_engine.release_due_runs(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_run_id uuid;
  v_retry_in interval;
begin
  for v_run_id in
    select d.id from stepbase.runs d
    where d.held_by = 'start_at' and d.status = 'pending' and d.start_at <= v_now
    order by d.start_at
    limit p_limit
  loop
    begin
      -- Skips a locked run: it is still due at the next call.
      -- A debounced start may have postponed it meanwhile.
      perform 1 from stepbase.runs r
      where r.id = v_run_id and r.held_by is not null and r.start_at <= v_now
      for no key update skip locked;
      if found then
        perform stepbase_engine.release_run(v_run_id);
      end if;
    exception when others then
      v_retry_in := case
        when stepbase_private.is_temporary_error(sqlstate) then interval '10 seconds' else interval '5 minutes' end;
      raise warning 'stepbase: could not start run %, trying again in %: %', v_run_id, v_retry_in, sqlerrm;
      update stepbase.runs r set start_at = v_now + v_retry_in where r.id = v_run_id;
    end;
  end loop;
end;
$$;

comment on function stepbase_engine.release_due_runs(int) is
  'Releases up to p_limit held runs whose start_at has come, the earliest first. A run that cannot be released is tried '
  'again after five minutes, after a temporary fault in 10 seconds, and does not delay the others. Paused runs stay held until they are resumed.';

create function stepbase_engine.keep_batch()
returns trigger
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_items jsonb;
begin
  with gone as (
    delete from stepbase_engine.batch_items i where i.run_id = new.id returning i.place, i.item
  )
  select jsonb_agg(g.item order by g.place) into v_items from gone g;
  if v_items is not null then
    new.input := jsonb_set(new.input, '{items}', (new.input -> 'items') || v_items);
  end if;
  return new;
end;
$$;

comment on function stepbase_engine.keep_batch() is
  'Trigger: a held batch that ends before its release keeps its items, so that a rerun has all of them.';

create trigger runs_keep_batch before update of status on stepbase.runs
  for each row when (old.held_by is not null and new.completed_at is not null)
  execute function stepbase_engine.keep_batch();

create function stepbase_engine.next_start_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select r.start_at from stepbase.runs r
  where r.held_by = 'start_at' and r.status = 'pending'
  order by r.start_at
  limit 1;
$$;

comment on function stepbase_engine.next_start_at() is 'When the next held run is due; null if no run waits for its start_at.';
