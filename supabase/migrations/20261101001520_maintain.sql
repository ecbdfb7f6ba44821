-- Maintenance: one call a minute expires workers and leases, applies retention, refreshes statistics, creates
-- partitions and sweeps.

create function stepbase_engine.maintain()
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_done jsonb := '{}';
begin
  -- Only one call runs at a time; a concurrent call returns at once.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.maintain')) then
    return jsonb_build_object('skipped', true);
  end if;
  -- Each part has its own exception block: a failure, such as a lock timeout, must not prevent the other parts.
  begin
    v_done := v_done || jsonb_build_object('workers', stepbase_engine.expire_workers());
  exception when others then
    raise warning 'stepbase: expiring workers failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('workers_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('pruned', stepbase_engine.prune());
  exception when others then
    raise warning 'stepbase: pruning failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('prune_error', sqlerrm);
  end;
  begin
    if not exists (
      select 1 from stepbase_private.workflow_statistics s where s.refreshed_at > now() - interval '1 hour'
    ) then
      perform stepbase_engine.refresh_statistics();
      v_done := v_done || jsonb_build_object('statistics', true);
    end if;
  exception when others then
    raise warning 'stepbase: refreshing statistics failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('statistics_error', sqlerrm);
  end;
  -- Last, because these parts lock tokens, runs and tables that every run writes to until the transaction ends.
  begin
    v_done := v_done || jsonb_build_object('partitions_made', stepbase_engine.ensure_partitions());
  exception when others then
    raise warning 'stepbase: creating partitions failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('partitions_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('expired', stepbase_engine.expire_leases(stepbase_engine.longest_lease() * 2));
  exception when others then
    raise warning 'stepbase: expiring leases failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('expire_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('swept', stepbase_engine.sweep() + stepbase_engine.reconcile_admission());
  exception when others then
    raise warning 'stepbase: sweeping failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('sweep_error', sqlerrm);
  end;
  return v_done;
end;
$$;

comment on function stepbase_engine.maintain() is
  'Maintenance, to be called every minute by pg_cron or by the host: expires workers, prunes, refreshes the statistics once '
  'an hour, creates partitions, expires leases and sweeps. Returns a JSON object with the result of each part, or '
  '<part>_error; {skipped: true} if another call is running.';

-- pg_cron makes the call where it is installed; elsewhere the host of the database does.
do $$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    perform cron.schedule('stepbase-maintenance', '* * * * *', 'select stepbase_engine.maintain()');
  end if;
end;
$$;
