-- Maintenance: one call a minute expires workers and leases, seals the audit log, applies retention, deletes
-- applications, refreshes statistics, changes partitions and sweeps, ends bans, forgets ended sessions, and repairs
-- what other services made late.

create function stepbase_engine.prune_cron_history(p_keep interval default '1 day', p_limit int default 10000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
begin
  if to_regclass('cron.job_run_details') is null then
    return 0;
  end if;
  -- Only the runs of Stepbase's jobs. pg_cron itself never deletes them: a job each ten seconds leaves 8,640 a day.
  execute $sql$
    delete from cron.job_run_details d
    where d.runid in (
      select x.runid
      from cron.job_run_details x
      join cron.job j on j.jobid = x.jobid
      where j.jobname like 'stepbase-%' and x.end_time < now() - $1
      order by x.runid
      limit $2
    )
  $sql$
  using p_keep, p_limit;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function stepbase_engine.prune_cron_history(interval, int) is
  'Deletes up to p_limit records of runs of Stepbase''s cron jobs that ended before p_keep, and returns how many.';

create function stepbase_engine.maintain()
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_done jsonb := '{}';
  v_partitions jsonb;
begin
  -- Only one call runs at a time; a concurrent call returns at once.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.maintain')) then
    return jsonb_build_object('skipped', true);
  end if;
  -- First, while the transaction holds no other lock. After a change it ends at once, because it has locked tables that
  -- every run writes to.
  begin
    v_partitions := stepbase_engine.change_partitions();
    if v_partitions is not null then
      return v_partitions;
    end if;
  exception when others then
    raise warning 'stepbase: changing partitions failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('partitions_error', sqlerrm);
  end;
  -- Each part has its own exception block: a failure, such as a lock timeout, must not prevent the other parts.
  begin
    v_done := v_done || jsonb_build_object('workers', stepbase_engine.expire_workers());
  exception when others then
    raise warning 'stepbase: expiring workers failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('workers_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('audit_sealed', stepbase_engine.seal_audit_log());
  exception when others then
    raise warning 'stepbase: sealing the audit log failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('audit_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('pruned', stepbase_engine.prune());
  exception when others then
    raise warning 'stepbase: pruning failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('prune_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('applications', stepbase_engine.purge_applications());
  exception when others then
    raise warning 'stepbase: deleting applications failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('applications_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object(
      'bans_ended', stepbase_private.end_bans(), 'realtime_policy_made', stepbase_private.ensure_realtime_policy(),
      'storage_policy_made', stepbase_private.ensure_storage_policy()
    );
  exception when others then
    raise warning 'stepbase: ending bans or creating the policies of Realtime and Storage failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('access_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('sessions_forgotten', stepbase_private.forget_ended_sessions());
  exception when others then
    raise warning 'stepbase: forgetting ended sessions failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('sessions_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('cron_pruned', stepbase_engine.prune_cron_history());
  exception when others then
    raise warning 'stepbase: pruning the history of pg_cron failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('cron_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('statistics_collected', stepbase_engine.collect_statistics());
  exception when others then
    raise warning 'stepbase: collecting statistics failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('collect_error', sqlerrm);
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
  begin
    v_done := v_done || jsonb_build_object('apps_measured', stepbase_engine.measure_storage());
  exception when others then
    raise warning 'stepbase: measuring the stored bytes failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('storage_error', sqlerrm);
  end;
  begin
    v_done := v_done || jsonb_build_object('alerts', stepbase_engine.emit_alerts());
  exception when others then
    raise warning 'stepbase: emitting alerts failed: %', sqlerrm;
    v_done := v_done || jsonb_build_object('alerts_error', sqlerrm);
  end;
  -- Last, because these parts lock tokens and runs until the transaction ends.
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
  'Maintenance, to be called every minute by pg_cron or by the host: expires workers, seals the audit log, prunes, '
  'deletes applications, ends bans, forgets ended sessions, collects counts and durations, refreshes the totals once an '
  'hour, measures the stored bytes, emits alerts, expires leases and sweeps. Returns a JSON object with the result of each '
  'part, or <part>_error; {skipped: true} if another call is running. A call that creates or drops partitions does '
  'nothing else and returns {partitions_made, partitions_dropped}.';

-- pg_cron makes the call where it is installed; elsewhere the host of the database does.
do $$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    perform cron.schedule('stepbase-maintenance', '* * * * *', 'select stepbase_engine.maintain()');
  end if;
end;
$$;
