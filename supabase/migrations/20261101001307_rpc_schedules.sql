-- RPCs of schedules: run now, next times and backfills. See rpc_runs for the pattern.

create function stepbase_private.require_schedule(p_schedule_id uuid, p_app_code text)
returns stepbase.workflow_schedules
language plpgsql
stable
set search_path = ''
as $$
declare
  v_schedule stepbase.workflow_schedules;
begin
  select s.* into v_schedule from stepbase.workflow_schedules s
  where s.id = p_schedule_id and s.app_code = p_app_code;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'Schedule not found', jsonb_build_object('schedule_id', p_schedule_id)
    );
  end if;
  return v_schedule;
end;
$$;

comment on function stepbase_private.require_schedule(uuid, text) is
  'Returns a schedule of an application; raises SB404 not_found if there is none.';

-- Security definer, as all of this file: clients cannot start runs for a schedule or write its outcomes.
create function stepbase_private.run_schedule_now(p_schedule_id uuid, p_overlap_policy text)
returns stepbase.schedule_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_schedule stepbase.workflow_schedules := stepbase_private.require_schedule(p_schedule_id, v_app_code);
  v_recorded stepbase.schedule_runs;
begin
  if p_overlap_policy not in (select o.name from stepbase.overlap_policies o) then
    perform stepbase_private.raise_error(
      'invalid_request', 'overlap_policy must be allow, skip, queue or cancel_previous'
    );
  end if;
  perform stepbase_engine.lock_schedules(array[p_schedule_id], coalesce(p_overlap_policy, 'allow') <> 'allow');
  v_schedule := stepbase_private.require_schedule(p_schedule_id, v_app_code);
  perform stepbase_engine.start_queued_run(p_schedule_id);
  v_recorded := (
    stepbase_engine.fire_schedule_time(
      v_schedule, stepbase_engine.now(), 'run_now', coalesce(p_overlap_policy, v_schedule.overlap_policy),
      stepbase_private.user_id()
    )
  ).recorded;
  if v_recorded.outcome = 'failed' then
    -- Nothing is recorded: the error undoes the call.
    perform stepbase_private.raise_error(
      coalesce((select e.name from stepbase.error_codes e where e.name = v_recorded.error ->> 'code'), 'conflict'),
      v_recorded.error ->> 'message', v_recorded.error - '{code,message,at}'::text[]
    );
  end if;
  perform stepbase_engine.request_worker();
  return v_recorded;
end;
$$;

comment on function stepbase_private.run_schedule_now(uuid, text) is 'Implements stepbase.run_schedule_now.';
grant execute on function stepbase_private.run_schedule_now(uuid, text) to authenticated;

create function stepbase.run_schedule_now(schedule_id uuid, overlap_policy text default null)
returns stepbase.schedule_runs
language sql
set search_path = ''
as $$
  select stepbase_private.run_schedule_now(run_schedule_now.schedule_id, run_schedule_now.overlap_policy);
$$;

comment on function stepbase.run_schedule_now(uuid, text) is
  'Starts a run of a schedule now, also if the schedule is paused or finished, and returns the outcome: started with '
  'run_id, queued or skipped. overlap_policy replaces the policy of the schedule for this run. The run does not count for '
  'max_runs. Requires schedule:write. Errors: SB400, SB401, SB403, SB404, SB409 the workflow cannot be started, SB422 the '
  'input does not match its schema, SB429.';
grant execute on function stepbase.run_schedule_now(uuid, text) to authenticated;

create function stepbase_private.next_schedule_times(p_schedule_id uuid, p_count int)
returns setof timestamptz
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_schedule constant stepbase.workflow_schedules := stepbase_private.require_schedule(
    p_schedule_id, stepbase_private.require_permission('schedule:read')
  );
begin
  if p_count is null or p_count not between 1 and 10 then
    perform stepbase_private.raise_error('invalid_request', 'count must be between 1 and 10');
  end if;
  return query
  select t.at from unnest(v_schedule.next_times) as t (at)
  order by t.at
  limit least(p_count, v_schedule.max_runs - v_schedule.runs_started);
end;
$$;

comment on function stepbase_private.next_schedule_times(uuid, int) is 'Implements stepbase.next_schedule_times.';
grant execute on function stepbase_private.next_schedule_times(uuid, int) to authenticated;

create function stepbase.next_schedule_times(schedule_id uuid, count int default 5)
returns setof timestamptz
language sql
stable
set search_path = ''
as $$
  select stepbase_private.next_schedule_times(next_schedule_times.schedule_id, next_schedule_times.count);
$$;

comment on function stepbase.next_schedule_times(uuid, int) is
  'The next times of a schedule in its order, without jitter: at most count (1 to 10). Empty while the schedule is paused '
  'or finished, and after a change until a worker has computed them. Requires schedule:read. Errors: SB400, SB401, SB403, '
  'SB404.';
grant execute on function stepbase.next_schedule_times(uuid, int) to authenticated;

create function stepbase_private.backfill_schedule(
  p_schedule_id uuid, p_from_time text, p_to_time text, p_overlap_policy text
)
returns stepbase.schedule_backfills
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_schedule constant stepbase.workflow_schedules := stepbase_private.require_schedule(
    p_schedule_id, stepbase_private.require_permission('schedule:write')
  );
  v_from constant timestamptz := stepbase_private.iso_time(p_from_time, 'from_time');
  v_to constant timestamptz := stepbase_private.iso_time(p_to_time, 'to_time');
  v_policy constant text := coalesce(
    p_overlap_policy, case v_schedule.overlap_policy when 'allow' then 'allow' else 'queue' end
  );
  v_backfill stepbase.schedule_backfills;
begin
  if v_from is null or v_to is null or v_from > v_to or v_to > stepbase_engine.now() then
    perform stepbase_private.raise_error(
      'invalid_request', 'from_time must not be after to_time, and to_time must not be in the future'
    );
  end if;
  if v_policy not in ('allow', 'queue') then
    perform stepbase_private.raise_error('invalid_request', 'overlap_policy of a backfill must be allow or queue');
  end if;
  insert into stepbase.schedule_backfills (
    app_code, schedule_id, from_time, to_time, overlap_policy, created_by, created_at
  )
  values (
    v_schedule.app_code, v_schedule.id, v_from, v_to, v_policy, stepbase_private.user_id(), stepbase_engine.now()
  )
  on conflict (schedule_id) where completed_at is null do nothing
  returning * into v_backfill;
  if v_backfill.id is null then
    select b.* into v_backfill from stepbase.schedule_backfills b
    where b.schedule_id = v_schedule.id and b.completed_at is null;
    perform stepbase_private.raise_error(
      'conflict', 'The schedule has a backfill that has not ended; wait for it or cancel it',
      jsonb_build_object('backfill_id', v_backfill.id)
    );
  end if;
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.request_worker();
  return v_backfill;
end;
$$;

comment on function stepbase_private.backfill_schedule(uuid, text, text, text) is 'Implements stepbase.backfill_schedule.';
grant execute on function stepbase_private.backfill_schedule(uuid, text, text, text) to authenticated;

create function stepbase.backfill_schedule(
  schedule_id uuid, from_time text, to_time text, overlap_policy text default null
)
returns stepbase.schedule_backfills
language sql
set search_path = ''
as $$
  select stepbase_private.backfill_schedule(
    backfill_schedule.schedule_id, backfill_schedule.from_time, backfill_schedule.to_time,
    backfill_schedule.overlap_policy
  );
$$;

comment on function stepbase.backfill_schedule(uuid, text, text, text) is
  'Starts a run for each time of a schedule from from_time to to_time, both included, at most 1000; times that have a run '
  'keep it. Returns the row of schedule_backfills that shows the progress. overlap_policy: allow starts the runs at once, '
  'queue one after the other; default: allow if the schedule allows overlaps, otherwise queue. Requires schedule:write. '
  'Errors: SB400, SB401, SB403, SB404, SB409 a backfill of the schedule has not ended (backfill_id in the details).';
grant execute on function stepbase.backfill_schedule(uuid, text, text, text) to authenticated;

create function stepbase_private.cancel_backfill(p_backfill_id uuid)
returns stepbase.schedule_backfills
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_backfill stepbase.schedule_backfills;
begin
  update stepbase.schedule_backfills b
  set status = 'cancelled', completed_at = stepbase_engine.now()
  where b.id = p_backfill_id and b.app_code = v_app_code and b.completed_at is null
  returning b.* into v_backfill;
  if not found then
    select b.* into v_backfill from stepbase.schedule_backfills b
    where b.id = p_backfill_id and b.app_code = v_app_code;
    if not found then
      perform stepbase_private.raise_error(
        'not_found', 'Backfill not found', jsonb_build_object('backfill_id', p_backfill_id)
      );
    end if;
    if v_backfill.status <> 'cancelled' then
      perform stepbase_private.raise_error('conflict', format('The backfill is already %s', v_backfill.status));
    end if;
  end if;
  return v_backfill;
end;
$$;

comment on function stepbase_private.cancel_backfill(uuid) is 'Implements stepbase.cancel_backfill.';
grant execute on function stepbase_private.cancel_backfill(uuid) to authenticated;

create function stepbase.cancel_backfill(backfill_id uuid)
returns stepbase.schedule_backfills
language sql
set search_path = ''
as $$
  select stepbase_private.cancel_backfill(cancel_backfill.backfill_id);
$$;

comment on function stepbase.cancel_backfill(uuid) is
  'Ends a backfill: it starts no further run, and the runs that it has started go on. Repeated calls have no further '
  'effect. Requires schedule:write. Errors: SB401, SB403, SB404, SB409 the backfill has ended.';
grant execute on function stepbase.cancel_backfill(uuid) to authenticated;
