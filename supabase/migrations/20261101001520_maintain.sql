-- Keeping the house: months are made ahead and dropped behind, finished runs are pruned, and one call a
-- minute does it all.

create function stepbase_engine.maintain()
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_done jsonb := '{}';
begin
  -- One at a time; who comes second has nothing to do.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.maintain')) then
    return jsonb_build_object('skipped', true);
  end if;
  -- Each part on its own: one that fails (a lock it does not get) must not keep the others from running.
  begin
    v_done := v_done || jsonb_build_object('workers', stepbase_engine.expire_workers());
  exception when others then
    raise warning 'stepbase: watching the workers failed: %', sqlerrm;
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
    raise warning 'stepbase: statistics failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('statistics_error', sqlerrm);
  end;
  -- Last, so that nobody waits for all of the above: these lock tables that every run writes to, tokens, and runs.
  begin
    v_done := v_done || jsonb_build_object('partitions_made', stepbase_engine.ensure_partitions());
  exception when others then
    raise warning 'stepbase: making partitions failed: %', sqlerrm;
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
    raise warning 'stepbase: sweep failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('sweep_error', sqlerrm);
  end;
  return v_done;
end;
$$;

comment on function stepbase_engine.maintain() is
  'To be called every minute (pg_cron, the stack''s tick): watches the workers, prunes (old partitions go whole), '
  'refreshes the statistics once an hour, makes partitions, returns what dead workers hold, and sweeps. Returns what it did.';

-- Where pg_cron is installed it makes the call; elsewhere whoever runs the stack does.
do $$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    perform cron.schedule('stepbase-maintenance', '* * * * *', 'select stepbase_engine.maintain()');
  end if;
end;
$$;
