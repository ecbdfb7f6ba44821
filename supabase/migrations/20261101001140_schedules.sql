-- Schedules: workers compute times from cron expressions, the database decides who starts what.
-- A due schedule is locked, started and given its next time in one transaction, so that any number of
-- workers start it once; a time that nobody was there for is started once, whatever was missed.

create function stepbase_engine.start_triggered(
  p_app_code text,
  p_workflow_id uuid,
  p_input jsonb,
  p_trigger_type text,
  p_idempotency_key text,
  p_created_by uuid,
  p_metadata jsonb
)
returns stepbase.runs
language plpgsql
set search_path = ''
as $$
declare
  v_workflow stepbase.workflows;
begin
  select w.* into strict v_workflow
  from stepbase.workflows w where w.id = p_workflow_id and w.app_code = p_app_code;
  perform stepbase_engine.require_runnable(v_workflow);
  return stepbase_engine.start_run(
    p_app_code => p_app_code,
    p_workflow_version_id => v_workflow.published_version_id,
    p_input => p_input,
    p_trigger_type => p_trigger_type,
    p_idempotency_key => p_idempotency_key,
    p_created_by => p_created_by,
    p_metadata => p_metadata
  );
end;
$$;

comment on function stepbase_engine.start_triggered(text, uuid, jsonb, text, text, uuid, jsonb) is
  'Starts the published version of a workflow for a schedule, an event or a webhook. SB404 deleted, SB409 not '
  'published, SB422 the input breaks the input schema.';

create function stepbase_engine.next_schedule_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.next_run_at) from stepbase.workflow_schedules s
  where s.is_enabled and s.finished_at is null;
$$;

comment on function stepbase_engine.next_schedule_at() is 'When the next schedule is due, or null.';

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
  'Whether a schedule is due or has no time yet: two index look-ups.';

create function stepbase_engine.due_schedules(p_limit int default 100)
returns table (
  schedule_id uuid, cron_expression text, timezone text, due_at text, asked_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  -- Apps in turn: who has ten thousand schedules for midnight delays nobody else's.
  with due as (
    select
      s.id, s.cron_expression, s.timezone, s.next_run_at,
      row_number() over (partition by s.app_code order by s.next_run_at, s.id) as turn
    from stepbase.workflow_schedules s
    where s.is_enabled and s.finished_at is null
      and (s.next_run_at is null or s.next_run_at <= stepbase_engine.now())
  )
  select d.id, d.cron_expression, d.timezone, d.next_run_at::text, stepbase_engine.now()
  from due d
  order by d.turn, d.next_run_at
  limit p_limit;
$$;

comment on function stepbase_engine.due_schedules(int) is
  'Schedules that a worker has to compute the next time of, after asked_at: those that are due, and (due_at null) '
  'those that have no time yet. Hand the answers to stepbase_engine.fire_schedules.';

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
  exception when sqlstate 'SB422' then
    -- An item that the workflow does not take is given up: it would be the next one for ever.
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
  'Starts the run of a schedule that is due; not when the queue it takes its input from is empty, or its next item breaks '
  'the input schema: then that has failed, and refused says why.';

create function stepbase_engine.fire_schedules(p_answers jsonb)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_answer record;
  v_schedule stepbase.workflow_schedules;
  v_now timestamptz := stepbase_engine.now();
  v_is_started boolean;
  v_error jsonb;
  v_detail text;
  v_started int := 0;
begin
  for v_answer in
    select a.*
    from jsonb_to_recordset(p_answers) as a (
      schedule_id uuid, cron_expression text, timezone text, due_at timestamptz,
      next_at timestamptz, problem text
    )
    order by a.schedule_id
  loop
    -- Changed meanwhile, or done by another worker: the answer is to a question of yesterday.
    select s.* into v_schedule
    from stepbase.workflow_schedules s
    where s.id = v_answer.schedule_id
      and s.is_enabled
      and s.finished_at is null
      and s.cron_expression = v_answer.cron_expression
      and s.timezone = v_answer.timezone
      and s.next_run_at is not distinct from v_answer.due_at
    for no key update;
    continue when not found;

    v_is_started := false;
    v_error := null;
    if v_answer.problem is not null then
      v_error := jsonb_build_object(
        'code', 'invalid_schedule', 'message', v_answer.problem, 'at', v_now
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
        then v_answer.next_at end,
      finished_at = case
        when v_answer.next_at is null or s.runs_started + v_is_started::int >= s.max_runs then v_now
      end
    where s.id = v_schedule.id;
    v_started := v_started + v_is_started::int;
  end loop;
  return v_started;
end;
$$;

comment on function stepbase_engine.fire_schedules(jsonb) is
  'Takes [{schedule_id, cron_expression, timezone, due_at, next_at, problem}]: starts the due ones and writes the next '
  'time (none: the schedule is finished); what went wrong is kept on the schedule and holds up no other. Returns how '
  'many runs it started. An answer to a schedule that has changed since is ignored.';
