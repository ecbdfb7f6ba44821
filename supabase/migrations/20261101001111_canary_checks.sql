-- Canaries, part 2: the engine stops a canary whose runs fail too often. The relay checks it at the end of each of its
-- runs: announce_ended writes the outbox row, and no other run comes here.

create function stepbase_engine.check_canary(p_canary_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_canary stepbase.workflow_canaries;
  v_counted int;
  v_failed int;
  v_reason text;
begin
  select c.* into v_canary
  from stepbase.workflow_canaries c
  where c.id = p_canary_id and c.status = 'running' and c.max_error_rate is not null;
  if not found then
    return false;
  end if;
  -- idx_runs_canary: at most min_runs entries.
  select count(*), count(*) filter (where e.status <> 'completed') into v_counted, v_failed
  from (
    select r.status from stepbase.runs r
    where r.canary_id = v_canary.id and r.status in ('completed', 'failed', 'timed_out')
    order by r.completed_at desc
    limit v_canary.min_runs
  ) e;
  -- Rounded: the product of 0.29 and 100 is a little below 29.
  if v_counted < v_canary.min_runs or v_failed <= round((v_canary.max_error_rate * v_counted)::numeric, 6) then
    return false;
  end if;
  -- The workflow before the canary, as the RPCs lock them. Those may wait for a run, which the relay has locked: the
  -- end of the next run checks again.
  perform 1 from stepbase.workflows w where w.id = v_canary.workflow_id for no key update skip locked;
  if not found then
    return false;
  end if;
  v_reason := format('%s of the last %s runs failed; the limit is %s %%', v_failed, v_counted,
    trim_scale(round((v_canary.max_error_rate * 100)::numeric, 2)));
  update stepbase.workflow_canaries c
  set
    status = 'stopped', reason = v_reason, counted_runs = v_counted, failed_runs = v_failed,
    ended_at = stepbase_engine.now()
  where c.id = v_canary.id and c.status = 'running';
  if not found then
    return false;
  end if;
  update stepbase.workflows w set canary_id = null where w.id = v_canary.workflow_id;
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    v_canary.app_code, 'event', stepbase_engine.new_id(), 'event.emitted',
    jsonb_build_object(
      'name', 'canary.stopped',
      'payload', jsonb_build_object(
        'canary_id', v_canary.id, 'workflow', w.kebab_name, 'version', v.version, 'reason', v_reason,
        'counted_runs', v_counted, 'failed_runs', v_failed
      ),
      'depth', 1, 'at', stepbase_engine.now()
    )
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = v_canary.workflow_version_id;
  perform pg_notify('stepbase', 'outbox');
  return true;
end;
$$;

comment on function stepbase_engine.check_canary(uuid) is
  'Stops a running canary if more than max_error_rate of its last min_runs ended runs failed or timed out: new starts get the '
  'published version. Emits the event canary.stopped of the application. Returns whether it stopped the canary.';
