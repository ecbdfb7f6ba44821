-- Alarms of tasks: reminders, and the escalation to other persons. Each is a time at which the timer of the task is due
-- (step_runs.wake_at) before its deadline. wait sets the first one, and ring_task_alarms the next one.

create function stepbase_engine.has_alarms(p_task jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(p_task ?| array['remind_every_ms', 'remind_before_ms', 'escalate'], false);
$$;

comment on function stepbase_engine.has_alarms(jsonb) is 'Whether a task has reminders or an escalation.';

create function stepbase_engine.task_time(p_from timestamptz, p_ms jsonb, p_factor numeric default 1)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select p_from + (p_ms #>> '{}')::numeric * p_factor * interval '1 millisecond';
$$;

comment on function stepbase_engine.task_time(timestamptz, jsonb, numeric) is
  'The time p_factor times p_ms milliseconds after another one; null if p_ms is.';

create function stepbase_engine.next_task_alarm(
  p_task jsonb, p_since timestamptz, p_deadline timestamptz, p_is_escalated boolean, p_after timestamptz
)
returns timestamptz
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_every constant numeric := (p_task ->> 'remind_every_ms')::numeric;
  v_before constant timestamptz := stepbase_engine.task_time(p_deadline, p_task -> 'remind_before_ms', -1);
begin
  -- least() and greatest() ignore nulls.
  return least(
    p_deadline,
    stepbase_engine.task_time(
      p_since, p_task -> 'remind_every_ms', floor(extract(epoch from p_after - p_since) * 1000 / v_every) + 1
    ),
    case when v_before > p_after then v_before end,
    case when not p_is_escalated and p_task ? 'escalate' then
      greatest(stepbase_engine.task_time(p_since, p_task #> '{escalate,after_ms}'), p_after)
    end
  );
end;
$$;

comment on function stepbase_engine.next_task_alarm(jsonb, timestamptz, timestamptz, boolean, timestamptz) is
  'When the next alarm of a task is due after p_after: a reminder, the escalation, or the deadline; null if none is. p_since '
  'is the start of the attempt.';

create function stepbase_engine.is_reminder_due(p_step stepbase.step_runs, p_now timestamptz)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- Between the time of the timer and now: a timer that a resumed run made due is no reminder.
  select exists (
    select 1
    from (
      values
        (stepbase_engine.task_time(
          p_step.started_at, p_step.task -> 'remind_every_ms',
          nullif(floor(
            extract(epoch from p_now - p_step.started_at) * 1000 / (p_step.task ->> 'remind_every_ms')::numeric
          ), 0)
        )),
        (stepbase_engine.task_time(p_step.deadline_at, p_step.task -> 'remind_before_ms', -1))
    ) r (due_at)
    where r.due_at between p_step.wake_at and p_now
  );
$$;

comment on function stepbase_engine.is_reminder_due(stepbase.step_runs, timestamptz) is
  'Whether the timer of a task is due because of a reminder.';

create function stepbase_engine.unknown_in_escalation(p_app_code text, p_escalation jsonb)
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when p_escalation ->> 'assigned_to' is not null then (
      select 'escalation assignee'
      where not exists (
        select 1 from stepbase.app_members m
        where m.app_code = p_app_code and m.user_id::text = lower(p_escalation ->> 'assigned_to')
      )
    )
    when (
      select count(*) from stepbase.app_roles a where a.app_code = p_app_code and p_escalation -> 'role' ? a.name
    ) < (
      select count(distinct n.name) from jsonb_path_query(p_escalation -> 'role', 'lax $[*]') n (name)
    ) then 'escalation role'
  end;
$$;

comment on function stepbase_engine.unknown_in_escalation(text, jsonb) is
  'The member or role that the escalation of a task names and the application lacks: escalation assignee, escalation '
  'role, or null.';

create function stepbase_engine.escalate_task(p_task stepbase.step_runs)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_to constant jsonb := p_task.task -> 'escalate';
  v_user uuid;
  v_roles text[];
  v_task stepbase.step_runs;
  v_mails int := 0;
begin
  select m.user_id into v_user
  from stepbase.app_members m
  where m.app_code = p_task.app_code and m.user_id::text = lower(v_to ->> 'assigned_to') and m.accepted_at is not null;
  if v_to ->> 'assigned_to' is null then
    select array_agg(a.name order by a.ordinal, a.name) into v_roles
    from stepbase.app_roles a
    where a.app_code = p_task.app_code and v_to -> 'role' ? a.name;
  end if;
  update stepbase.step_runs s
  set
    escalated_at = stepbase_engine.now(),
    -- Without a new person, because they have left the application, the task stays with the earlier ones.
    assigned_to = case when v_user is null and v_roles is null then s.assigned_to else v_user end,
    assigned_users = case when v_user is null and v_roles is null then s.assigned_users end,
    assigned_roles = case when v_user is null and v_roles is null then s.assigned_roles else v_roles end,
    assigned_at = case
      when v_user is not null then stepbase_engine.now()
      when v_roles is null then s.assigned_at
    end,
    claimed_by = null,
    claimed_at = null
  where s.id = p_task.id
  returning s.* into v_task;
  if v_user is not null or v_roles is not null then
    v_mails := stepbase_engine.mail_task(v_task, 'escalated');
  end if;
  perform stepbase_private.note_task_change(
    v_task, 'task.escalated', null,
    jsonb_build_object(
      'assigned_to', v_user, 'assigned_roles', v_roles, 'mails', v_mails,
      'error', case when v_user is null and v_roles is null then 'unknown_assignee' end
    )
  );
end;
$$;

comment on function stepbase_engine.escalate_task(stepbase.step_runs) is
  'Assigns a task to the person or the roles of its escalation, ends its claim, and mails it to them. If the person has left '
  'the application since, the task stays with the earlier persons. The caller has locked the run.';

create function stepbase_engine.ring_task_alarms(p_step_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_task stepbase.step_runs;
begin
  for v_task in
    select s.* from stepbase.step_runs s where s.id = any (p_step_run_ids) order by s.id
  loop
    if v_task.escalated_at is null
      and stepbase_engine.task_time(v_task.started_at, v_task.task #> '{escalate,after_ms}') <= v_now
    then
      perform stepbase_engine.escalate_task(v_task);
    elsif stepbase_engine.is_reminder_due(v_task, v_now) then
      perform stepbase_private.note_task_change(
        v_task, 'task.reminded', null, jsonb_build_object('mails', stepbase_engine.mail_task(v_task, 'reminder'))
      );
    end if;
    update stepbase.step_runs s
    set
      wake_at = stepbase_engine.next_task_alarm(s.task, s.started_at, s.deadline_at, s.escalated_at is not null, v_now),
      updated_at = v_now
    where s.id = v_task.id;
  end loop;
end;
$$;

comment on function stepbase_engine.ring_task_alarms(uuid[]) is
  'Reminds the persons of tasks whose timer is due before their deadline, or escalates the tasks, and sets their next timer. '
  'The caller has locked the runs.';
