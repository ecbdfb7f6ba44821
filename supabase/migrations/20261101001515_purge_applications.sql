-- Deleting applications: after the grace period of delete_application, maintenance deletes their rows in bounded
-- batches, and at last the application, with the few rows that remain.

create function stepbase_engine.purge_batch(p_app_code text, p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_gone int;
begin
  -- What did not end within the grace period ends now, without compensation. Ending releases its tokens and slots.
  v_ids := array(
    select r.id from stepbase.runs r
    where r.app_code = p_app_code and r.status in ('pending', 'running', 'paused')
    limit p_limit
  );
  if v_ids <> '{}' then
    perform stepbase_engine.stop_compensation(v_ids, null);
    perform stepbase_engine.end_runs(
      v_ids, 'cancelled', jsonb_build_object('code', 'cancelled', 'message', 'the application is being deleted'), null, false
    );
    return cardinality(v_ids);
  end if;
  delete from stepbase.outbox o
  where o.id in (select x.id from stepbase.outbox x where x.app_code = p_app_code limit p_limit);
  get diagnostics v_gone = row_count;
  if v_gone = 0 then
    delete from stepbase.work_queue_items i
    where i.id in (select x.id from stepbase.work_queue_items x where x.app_code = p_app_code limit p_limit);
    get diagnostics v_gone = row_count;
  end if;
  if v_gone = 0 then
    -- Leaves first, as in prune_runs.
    delete from stepbase.runs r
    where r.id in (
      select x.id
      from stepbase.runs x
      where x.app_code = p_app_code
        and not exists (select 1 from stepbase.runs c where c.parent_run_id = x.id and c.app_code = x.app_code)
        and not exists (select 1 from stepbase.runs c where c.origin_run_id = x.id and c.app_code = x.app_code)
      limit p_limit
    );
    get diagnostics v_gone = row_count;
  end if;
  if v_gone = 0 then
    delete from stepbase.audit_log a
    where (a.id, a.created_at) in (
      select x.id, x.created_at from stepbase.audit_log x where x.app_code = p_app_code limit p_limit
    );
    get diagnostics v_gone = row_count;
  end if;
  if v_gone = 0 then
    delete from stepbase.audit_seals s
    where s.app_code = p_app_code
      and s.seq in (select x.seq from stepbase.audit_seals x where x.app_code = p_app_code limit p_limit);
    get diagnostics v_gone = row_count;
  end if;
  return v_gone;
end;
$$;

comment on function stepbase_engine.purge_batch(text, int) is
  'Ends or deletes up to p_limit rows of one of the large tables of an application: runs, outbox, items of work queues, audit '
  'log and its seals. Returns how many; 0: none is left.';

create function stepbase_engine.purge_applications(p_limit int default 20000, p_time interval default '4 seconds')
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  c_batch constant int := 500;
  v_end constant timestamptz := clock_timestamp() + p_time;
  v_app record;
  v_gone int;
  v_rows int := 0;
  v_cancelled int := 0;
  v_deleted int := 0;
begin
  for v_app in
    select a.app_code, a.purge_at <= stepbase_engine.now() as is_due
    from stepbase.applications a
    where a.purge_at is not null
    order by a.purge_at
  loop
    exit when v_rows >= p_limit or clock_timestamp() >= v_end;
    if not v_app.is_due then
      v_cancelled := v_cancelled + stepbase_engine.cancel_open_runs(v_app.app_code);
      continue;
    end if;
    -- The lock waits for reactivate_application, which may have come first.
    perform 1 from stepbase.applications a
    where a.app_code = v_app.app_code and a.purge_at <= stepbase_engine.now()
    for no key update;
    continue when not found;
    loop
      v_gone := stepbase_engine.purge_batch(v_app.app_code, least(c_batch, p_limit - v_rows));
      v_rows := v_rows + v_gone;
      exit when v_gone = 0 or v_rows >= p_limit or clock_timestamp() >= v_end;
    end loop;
    if v_gone = 0 then
      if to_regclass('vault.secrets') is not null then
        execute 'delete from vault.secrets s where starts_with(s.name, $1)' using 'stepbase/app/' || v_app.app_code || '/';
      end if;
      delete from stepbase.applications a where a.app_code = v_app.app_code;
      v_deleted := v_deleted + 1;
    end if;
  end loop;
  return jsonb_build_object('deleted', v_deleted, 'rows', v_rows, 'runs_cancelled', v_cancelled);
end;
$$;

comment on function stepbase_engine.purge_applications(int, interval) is
  'Deletes applications whose purge_at has come, at most p_limit rows and for p_time, the rest in the next call. Cancels open '
  'runs of those that wait for their purge_at. Returns {deleted, rows, runs_cancelled}.';
