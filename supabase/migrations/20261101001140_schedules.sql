-- Schedules, part 1: one due time of a schedule. A run starts, waits for the end of another one, or does
-- not start; each outcome is a row of schedule_runs. The callers have locked the schedule, and its open runs if the
-- overlap policy depends on them.

create function stepbase_engine.open_runs_of_schedules(p_schedule_ids uuid[])
returns uuid[]
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  return array(
    select r.id from stepbase.runs r
    where r.trigger_type = 'schedule' and r.completed_at is null
      and r.metadata ->> 'schedule_id' = any(p_schedule_ids::text[])
    order by r.id
  );
end;
$$;

comment on function stepbase_engine.open_runs_of_schedules(uuid[]) is
  'The runs of these schedules that have not ended. A run that compensates is open.';

create function stepbase_engine.is_awaited_by_schedule(p_schedule_id text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return
    exists (
      select 1 from stepbase.schedule_runs q where q.schedule_id = p_schedule_id::uuid and q.outcome = 'queued'
    )
    or exists (
      select 1 from stepbase.schedule_backfills b
      where b.schedule_id = p_schedule_id::uuid and b.completed_at is null and b.overlap_policy = 'queue'
    );
end;
$$;

comment on function stepbase_engine.is_awaited_by_schedule(text) is
  'Whether a queued start or a backfill waits for the end of the open runs of a schedule.';

create function stepbase_engine.schedule_key(p_schedule_id uuid, p_scheduled_at timestamptz)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    'schedule:%s:%s', p_schedule_id, to_char(p_scheduled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  );
$$;

comment on function stepbase_engine.schedule_key(uuid, timestamptz) is
  'The idempotency key of the run of a schedule for one time.';

create function stepbase_engine.start_schedule(
  p_schedule stepbase.workflow_schedules, p_scheduled_at timestamptz, p_created_by uuid, out run_id uuid,
  out refused jsonb
)
language plpgsql
set search_path = ''
as $$
declare
  v_input jsonb := p_schedule.input;
  v_item stepbase.work_queue_items;
  v_detail text;
begin
  if p_schedule.work_queue_id is not null then
    v_item := stepbase_engine.pop_work_item(p_schedule.work_queue_id);
    if v_item.id is null then
      return;
    end if;
    v_input := v_input || case jsonb_typeof(v_item.item)
      when 'object' then v_item.item else jsonb_build_object('item', v_item.item) end;
  end if;
  begin
    run_id := (
      stepbase_engine.start_triggered(
        p_schedule.app_code, p_schedule.workflow_id, v_input, 'schedule',
        stepbase_engine.schedule_key(p_schedule.id, p_scheduled_at), p_created_by,
        jsonb_build_object('schedule_id', p_schedule.id, 'scheduled_at', p_scheduled_at)
      )
    ).id;
  exception when sqlstate 'SB422' or sqlstate 'SB425' then
    -- An item that the workflow rejects fails; otherwise it would be the next one forever.
    if v_item.id is null then
      raise;
    end if;
    get stacked diagnostics v_detail = pg_exception_detail;
    refused := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail) || jsonb_build_object('item_id', v_item.id);
    perform stepbase_engine.finish_work_item(v_item.id, false);
    return;
  end;
  update stepbase.work_queue_items i set taken_by_run_id = start_schedule.run_id where i.id = v_item.id;
end;
$$;

comment on function stepbase_engine.start_schedule(stepbase.workflow_schedules, timestamptz, uuid) is
  'Starts the run of a schedule for one time. If the schedule takes its input from a work queue, it pops the next '
  'item: without one nothing starts, and an item that the workflow refuses is marked failed (refused is the '
  'error).';

create function stepbase_engine.record_schedule_run(
  p_schedule stepbase.workflow_schedules, p_scheduled_at timestamptz, p_cause text, p_requested_by uuid,
  p_outcome text, p_detail text default null, p_run_id uuid default null, p_error jsonb default null,
  p_missed_until timestamptz default null
)
returns stepbase.schedule_runs
language plpgsql
set search_path = ''
as $$
declare
  v_recorded stepbase.schedule_runs;
begin
  insert into stepbase.schedule_runs as r (
    app_code, schedule_id, scheduled_at, cause, requested_by, outcome, detail, run_id, error, missed_until, created_at
  )
  values (
    p_schedule.app_code, p_schedule.id, p_scheduled_at, p_cause, p_requested_by, p_outcome, p_detail, p_run_id,
    p_error, p_missed_until, stepbase_engine.now()
  )
  on conflict (schedule_id, app_code, scheduled_at) do update
  set
    cause = excluded.cause, requested_by = excluded.requested_by, outcome = excluded.outcome,
    detail = excluded.detail, run_id = excluded.run_id, error = excluded.error, missed_until = excluded.missed_until
  -- A time that has a run keeps it.
  where r.outcome <> 'started'
  returning r.* into v_recorded;
  if v_recorded.id is null then
    select r.* into strict v_recorded from stepbase.schedule_runs r
    where r.schedule_id = p_schedule.id and r.app_code = p_schedule.app_code and r.scheduled_at = p_scheduled_at;
  end if;
  return v_recorded;
end;
$$;

comment on function stepbase_engine.record_schedule_run(
  stepbase.workflow_schedules, timestamptz, text, uuid, text, text, uuid, jsonb, timestamptz
) is 'Writes the outcome of one time of a schedule, or replaces an earlier one without a run, and returns the row.';

create function stepbase_engine.fire_schedule_time(
  p_schedule stepbase.workflow_schedules, p_scheduled_at timestamptz, p_cause text, p_policy text,
  p_requested_by uuid, out recorded stepbase.schedule_runs, out is_started boolean
)
language plpgsql
set search_path = ''
as $$
declare
  v_open uuid[] := '{}';
  v_run_id uuid;
  v_refused jsonb;
  v_detail text;
begin
  is_started := false;
  select r.* into recorded from stepbase.schedule_runs r
  where r.schedule_id = p_schedule.id and r.app_code = p_schedule.app_code and r.scheduled_at = p_scheduled_at
    and r.outcome = 'started';
  if found then
    return;
  end if;
  select r.id into v_run_id from stepbase.runs r
  where r.app_code = p_schedule.app_code
    and r.idempotency_key = stepbase_engine.schedule_key(p_schedule.id, p_scheduled_at);
  if found then
    recorded := stepbase_engine.record_schedule_run(
      p_schedule, p_scheduled_at, p_cause, p_requested_by, 'started', p_run_id => v_run_id
    );
    return;
  end if;

  if p_policy <> 'allow' then
    v_open := stepbase_engine.open_runs_of_schedules(array[p_schedule.id]);
  end if;
  if v_open <> '{}' and p_policy in ('skip', 'queue') then
    if p_policy = 'skip' then
      v_detail := 'overlap';
    elsif exists (
      select 1 from stepbase.schedule_runs q
      where q.schedule_id = p_schedule.id and q.outcome = 'queued' and q.scheduled_at <> p_scheduled_at
    ) then
      v_detail := 'queue_full';
    end if;
    recorded := stepbase_engine.record_schedule_run(
      p_schedule, p_scheduled_at, p_cause, p_requested_by,
      case when v_detail is null then 'queued' else 'skipped' end, v_detail
    );
    return;
  end if;

  -- One block: a start that is refused cancels no run.
  begin
    -- Only runs that the schedule alone started: a batch that other starts joined has their input, and goes on.
    v_open := array(
      select r.id from stepbase.runs r where r.id = any(v_open) and not coalesce(r.metadata ? 'is_shared', false)
      order by r.id
    );
    if v_open <> '{}' then
      perform stepbase_engine.end_runs(
        v_open, 'cancelled',
        jsonb_build_object(
          'code', 'cancelled', 'message', 'cancelled by the overlap policy of its schedule, for the next start'
        )
      );
      perform stepbase_engine.notify_run(p_schedule.app_code, o.id, 'run.cancel') from unnest(v_open) as o (id);
    end if;
    select s.run_id, s.refused into v_run_id, v_refused
    from stepbase_engine.start_schedule(
      p_schedule, p_scheduled_at, case p_cause when 'schedule' then p_schedule.created_by else p_requested_by end
    ) s;
  exception when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    v_run_id := null;
    v_refused := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
  end;
  is_started := v_run_id is not null;
  recorded := stepbase_engine.record_schedule_run(
    p_schedule, p_scheduled_at, p_cause, p_requested_by,
    case when is_started then 'started' when v_refused is null then 'skipped' else 'failed' end,
    case when not is_started and v_refused is null then 'queue_empty' end, v_run_id, v_refused
  );

  update stepbase.workflow_schedules s
  set
    runs_started = s.runs_started + (is_started and p_cause = 'schedule')::int,
    last_run_at = case when is_started then stepbase_engine.now() else s.last_run_at end,
    last_error = case when is_started then null else coalesce(v_refused, s.last_error) end
  where s.id = p_schedule.id and (is_started or v_refused is not null);
end;
$$;

comment on function stepbase_engine.fire_schedule_time(stepbase.workflow_schedules, timestamptz, text, text, uuid) is
  'Starts the run of a schedule for one time by an overlap policy, or records why none starts. cancel_previous cancels the '
  'open runs that the schedule alone started. A time that has a run keeps it. Only starts with the cause schedule count for max_runs. Transient errors are raised.';

create function stepbase_engine.start_queued_run(p_schedule_id uuid)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_schedule stepbase.workflow_schedules;
  v_queued stepbase.schedule_runs;
  v_fired record;
begin
  select q.* into v_queued from stepbase.schedule_runs q where q.schedule_id = p_schedule_id and q.outcome = 'queued';
  if not found or stepbase_engine.open_runs_of_schedules(array[p_schedule_id]) <> '{}' then
    return 0;
  end if;
  select s.* into strict v_schedule from stepbase.workflow_schedules s where s.id = p_schedule_id;
  if v_queued.cause = 'schedule' and (not v_schedule.is_enabled or v_schedule.runs_started >= v_schedule.max_runs) then
    perform stepbase_engine.record_schedule_run(
      v_schedule, v_queued.scheduled_at, v_queued.cause, v_queued.requested_by, 'skipped',
      case when v_schedule.is_enabled then 'max_runs' else 'paused' end
    );
    return 0;
  end if;
  select f.* into v_fired
  from stepbase_engine.fire_schedule_time(
    v_schedule, v_queued.scheduled_at, v_queued.cause, 'allow', v_queued.requested_by
  ) f;
  update stepbase.workflow_schedules s
  set finished_at = stepbase_engine.now(), next_run_at = null, next_times = '{}'
  where s.id = p_schedule_id and s.finished_at is null and s.runs_started >= s.max_runs;
  return v_fired.is_started::int;
end;
$$;

comment on function stepbase_engine.start_queued_run(uuid) is
  'Starts the queued run of a schedule, if there is one and no run of the schedule is open. Returns the number of runs '
  'started. The caller has locked the schedule.';

create function stepbase_engine.schedule_jitter(
  p_schedule_id uuid, p_scheduled_at timestamptz, p_jitter_seconds int, p_following timestamptz
)
returns interval
language sql
immutable
set search_path = ''
as $$
  select case
    when p_jitter_seconds = 0 then interval '0'
    else interval '1 millisecond' * (
      ('x' || left(md5(p_schedule_id || ':' || extract(epoch from p_scheduled_at)), 8))::bit(32)::bigint
      % greatest(
        least(
          p_jitter_seconds * 1000::bigint, coalesce(extract(epoch from p_following - p_scheduled_at) * 1000, 'Infinity')
        )::bigint, 1
      )
    )
  end;
$$;

comment on function stepbase_engine.schedule_jitter(uuid, timestamptz, int, timestamptz) is
  'The delay of one time: the same for the same schedule and time, less than p_jitter_seconds, and before the following '
  'time.';
