-- Schedules: workers compute the next time of a cron expression; the database decides which run starts when.
-- A due schedule is locked, started and given its next time in one transaction, so any number of workers start
-- it once. If several times were missed, one run starts.

create function stepbase_engine.next_schedule_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.next_run_at) from stepbase.workflow_schedules s
  where s.is_enabled and s.finished_at is null;
$$;

comment on function stepbase_engine.next_schedule_at() is
  'The earliest time at which a schedule is due; null if there is none.';

create function stepbase_engine.has_due_schedules()
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    exists (
      select 1 from stepbase.workflow_schedules s
      where s.is_enabled and s.finished_at is null and s.next_run_at is null
    )
    or coalesce(stepbase_engine.next_schedule_at() <= stepbase_engine.now(), false);
$$;

comment on function stepbase_engine.has_due_schedules() is
  'Whether a schedule is due or has no time yet. Costs two index look-ups.';

create function stepbase_engine.due_schedules(p_limit int default 100)
returns table (
  schedule_id uuid, cron_expression text, timezone text, due_at text, asked_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  -- The n-th schedules of all apps come before any (n+1)-th one, so that an app with many schedules does not
  -- delay the others.
  with due as (
    select
      s.id, s.cron_expression, s.timezone, s.next_run_at,
      row_number() over (partition by s.app_code order by s.next_run_at, s.id) as round
    from stepbase.workflow_schedules s
    where s.is_enabled and s.finished_at is null
      and (s.next_run_at is null or s.next_run_at <= stepbase_engine.now())
  )
  select d.id, d.cron_expression, d.timezone, d.next_run_at::text, stepbase_engine.now()
  from due d
  order by d.round, d.next_run_at
  limit p_limit;
$$;

comment on function stepbase_engine.due_schedules(int) is
  'Schedules whose next time after asked_at a worker has to compute: those that are due, and those without a '
  'time (due_at null), at most p_limit. The worker passes the times to stepbase_engine.fire_schedules.';

create function stepbase_engine.start_schedule(
  p_schedule stepbase.workflow_schedules, out is_started boolean, out refused jsonb
)
language plpgsql
set search_path = ''
as $$
declare
  v_input jsonb := p_schedule.input;
  v_item stepbase.work_queue_items;
  v_run_id uuid;
  v_detail text;
begin
  is_started := false;
  if p_schedule.work_queue_id is not null then
    v_item := stepbase_engine.pop_work_item(p_schedule.work_queue_id);
    if v_item.id is null then
      return;
    end if;
    v_input := v_input || case jsonb_typeof(v_item.item)
      when 'object' then v_item.item else jsonb_build_object('item', v_item.item) end;
  end if;
  begin
    v_run_id := (
      stepbase_engine.start_triggered(
        p_schedule.app_code, p_schedule.workflow_id, v_input, 'schedule',
        format(
          'schedule:%s:%s', p_schedule.id,
          to_char(p_schedule.next_run_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ),
        p_schedule.created_by,
        jsonb_build_object('schedule_id', p_schedule.id, 'scheduled_at', p_schedule.next_run_at)
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
  update stepbase.work_queue_items i set taken_by_run_id = v_run_id where i.id = v_item.id;
  is_started := true;
end;
$$;

comment on function stepbase_engine.start_schedule(stepbase.workflow_schedules) is
  'Starts the run of a due schedule. If the schedule takes its input from a work queue, it pops the next '
  'item: without one nothing starts, and an item that the workflow refuses is marked failed (refused is the '
  'error).';

create function stepbase_engine.fire_schedules(p_computed jsonb)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_computed record;
  v_schedule stepbase.workflow_schedules;
  v_now timestamptz := stepbase_engine.now();
  v_is_started boolean;
  v_error jsonb;
  v_detail text;
  v_started int := 0;
begin
  for v_computed in
    select a.*
    from jsonb_to_recordset(p_computed) as a (
      schedule_id uuid, cron_expression text, timezone text, due_at timestamptz,
      next_at timestamptz, problem text
    )
    order by a.schedule_id
  loop
    -- Skips a schedule that was changed since, or that another worker has fired.
    select s.* into v_schedule
    from stepbase.workflow_schedules s
    where s.id = v_computed.schedule_id
      and s.is_enabled
      and s.finished_at is null
      and s.cron_expression = v_computed.cron_expression
      and s.timezone = v_computed.timezone
      and s.next_run_at is not distinct from v_computed.due_at
    for no key update;
    continue when not found;

    v_is_started := false;
    v_error := null;
    if v_computed.problem is not null then
      v_error := jsonb_build_object(
        'code', 'invalid_schedule', 'message', v_computed.problem, 'at', v_now
      );
    elsif v_schedule.next_run_at is not null then
      begin
        select f.is_started, f.refused into v_is_started, v_error from stepbase_engine.start_schedule(v_schedule) f;
      exception when others then
        get stacked diagnostics v_detail = pg_exception_detail;
        v_error := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
      end;
    end if;

    update stepbase.workflow_schedules s
    set
      runs_started = s.runs_started + v_is_started::int,
      last_run_at = case when v_is_started then v_now else s.last_run_at end,
      last_error = case when v_is_started then null else coalesce(v_error, s.last_error) end,
      next_run_at = case when s.runs_started + v_is_started::int < s.max_runs or s.max_runs is null
        then v_computed.next_at end,
      finished_at = case
        when v_computed.next_at is null or s.runs_started + v_is_started::int >= s.max_runs then v_now
      end
    where s.id = v_schedule.id;
    v_started := v_started + v_is_started::int;
  end loop;
  return v_started;
end;
$$;

comment on function stepbase_engine.fire_schedules(jsonb) is
  'Takes [{schedule_id, cron_expression, timezone, due_at, next_at, problem}], starts the due schedules and '
  'stores next_at (null: the schedule is finished). An error is stored in last_error of its schedule and does '
  'not affect the others. Entries for schedules that have changed are ignored. Returns the number of runs it '
  'started.';
