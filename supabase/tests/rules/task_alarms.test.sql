-- Alarms of tasks: when a reminder and the escalation are due, what they do, and that the deadline still ends the task.

begin;
set local search_path = public, extensions;
select plan(27);
select tests.create_tasks();

create function pg_temp.id_of(who text) returns uuid language sql as $$ select p.user_id from tests.person(who) p; $$;
create function pg_temp.task() returns stepbase.step_runs language sql as $$
  select s from stepbase.step_runs s where s.id = tests.sample_id('user_task');
$$;
create function pg_temp.events() returns text language sql as $$
  select string_agg(e.event_type, ' ' order by e.seq) from stepbase.run_events e
  where e.run_id = tests.sample_id('second_run') and e.event_type ~ '^task|failed';
$$;
-- The task began some time ago.
create function pg_temp.began(ago interval, rules jsonb, deadline interval default null) returns void language sql as $$
  update stepbase.step_runs s
  set
    task = '{"title": "Fill in"}' || rules, started_at = stepbase_engine.now() - ago,
    deadline_at = stepbase_engine.now() - ago + deadline, wake_at = stepbase_engine.now() - interval '1 second',
    assigned_to = null, assigned_at = null, assigned_roles = null, escalated_at = null
  where s.id = tests.sample_id('user_task');
$$;
create function pg_temp.minutes_to_wake() returns int language sql as $$
  select round(extract(epoch from (pg_temp.task()).wake_at - stepbase_engine.now()) / 60)::int;
$$;
create function pg_temp.next(rules jsonb, deadline text, after text, escalated boolean default false) returns text
language sql as $$
  select to_char(a.due_at at time zone 'utc', 'HH24:MI')
  from stepbase_engine.next_task_alarm(
    rules, '2026-01-01T00:00Z', deadline::timestamptz, escalated, after::timestamptz
  ) a (due_at);
$$;

-- The times.
select is(pg_temp.next(r.rules, r.deadline, r.after, r.escalated), r.due, r.what)
from (
  values
    ('without alarms the deadline is due', '{}'::jsonb, '2026-01-01T05:00Z', '2026-01-01T00:00Z', false, '05:00'),
    ('without a deadline nothing is', '{}', null, '2026-01-01T00:00Z', false, null),
    ('the first reminder', '{"remind_every_ms": 3600000}', null, '2026-01-01T00:00Z', false, '01:00'),
    ('the next reminder', '{"remind_every_ms": 3600000}', null, '2026-01-01T02:00Z', false, '03:00'),
    ('missed reminders are left out', '{"remind_every_ms": 3600000}', null, '2026-01-01T07:10Z', false, '08:00'),
    ('the deadline comes before a later reminder', '{"remind_every_ms": 3600000}', '2026-01-01T02:30Z', '2026-01-01T02:00Z', false, '02:30'),
    ('a reminder before the deadline', '{"remind_before_ms": 1800000}', '2026-01-01T05:00Z', '2026-01-01T00:00Z', false, '04:30'),
    ('is due once', '{"remind_before_ms": 1800000}', '2026-01-01T05:00Z', '2026-01-01T04:30Z', false, '05:00'),
    ('an escalation', '{"escalate": {"after_ms": 7200000}}', '2026-01-01T05:00Z', '2026-01-01T00:00Z', false, '02:00'),
    ('an escalation that was missed is due at once', '{"escalate": {"after_ms": 7200000}}', '2026-01-01T05:00Z', '2026-01-01T03:00Z', false, '03:00'),
    ('a task is escalated once', '{"escalate": {"after_ms": 7200000}}', '2026-01-01T05:00Z', '2026-01-01T01:00Z', true, '05:00')
) r (what, rules, deadline, after, escalated, due);

-- A reminder.
select pg_temp.began('61 minutes', '{"remind_every_ms": 3600000}');
update stepbase.step_runs set wake_at = started_at + interval '1 hour' where id = tests.sample_id('user_task');
select lives_ok('select stepbase_engine.wake()', 'the timer of a reminder is due');
select is((pg_temp.task()).status, 'waiting', 'the task still waits');
select is(pg_temp.events(), 'task.reminded', 'its persons are reminded');
select is(
  (select string_agg(m.recipient || ' ' || (m.data ->> 'kind'), ', ' order by m.recipient) from stepbase_private.mails m),
  'admin@tap.example reminder, developer@tap.example reminder', 'by mail'
);
select is(pg_temp.minutes_to_wake(), 59, 'and again after the interval');

-- A paused run.
update stepbase.runs set status = 'paused', paused_at = now() where id = tests.sample_id('second_run');
update stepbase.step_runs set wake_at = stepbase_engine.now() where id = tests.sample_id('user_task');
select lives_ok('select stepbase_engine.wake()', 'the timer of a paused run is suspended');
update stepbase.runs set status = 'running', paused_at = null where id = tests.sample_id('second_run');
select lives_ok(
  format('select stepbase_engine.resume_timers(%L), stepbase_engine.wake()', tests.sample_id('second_run')), 'and resumed'
);
select is(
  pg_temp.events() || pg_temp.minutes_to_wake(), 'task.reminded59', 'without a reminder between two times of the interval'
);

-- The escalation.
select pg_temp.began(
  '2 hours', jsonb_build_object('escalate', jsonb_build_object('after_ms', 3600000, 'assigned_to', pg_temp.id_of('viewer'))), '3 hours'
);
update stepbase.step_runs set claimed_by = pg_temp.id_of('admin'), claimed_at = now() where id = tests.sample_id('user_task');
select stepbase_engine.wake();
select is((pg_temp.task()).assigned_to, pg_temp.id_of('viewer'), 'after its time the task is for the other person');
select is((pg_temp.task()).claimed_by, null, 'and no one has claimed it');
select is(
  pg_temp.events() || pg_temp.minutes_to_wake(), 'task.reminded task.escalated60', 'it is an event, and the deadline is next'
);
select pg_temp.began('2 hours', '{"escalate": {"after_ms": 3600000, "role": ["admin", "none"]}}');
select stepbase_engine.wake();
select is(
  concat_ws(' ', (pg_temp.task()).assigned_roles, (pg_temp.task()).assigned_at), '{admin}', 'a task can be escalated to a role'
);
select pg_temp.began(
  '2 hours', jsonb_build_object('escalate', jsonb_build_object('after_ms', 3600000, 'assigned_to', pg_temp.id_of('sister')))
);
update stepbase.step_runs set assigned_roles = '{developer}' where id = tests.sample_id('user_task');
select stepbase_engine.wake();
select is(
  (pg_temp.task()).assigned_roles, '{developer}', 'a task whose next person has left the application stays with the earlier ones'
);
select isnt((pg_temp.task()).escalated_at, null, 'and is not escalated again');

-- The deadline.
select pg_temp.began('2 hours', '{"remind_every_ms": 3600000}', '90 minutes');
select stepbase_engine.wake();
select is(concat_ws(' ', (pg_temp.task()).status, (pg_temp.task()).error ->> 'code'), 'failed timeout', 'the deadline ends the task');

select is(
  array[
    stepbase_engine.unknown_in_escalation('tap-one', '{"role": "admin"}'),
    stepbase_engine.unknown_in_escalation('tap-one', '{"role": ["admin", "king"]}'),
    stepbase_engine.unknown_in_escalation('tap-one', jsonb_build_object('assigned_to', pg_temp.id_of('sister')))
  ],
  array[null, 'escalation role', 'escalation assignee'], 'an escalation names roles and members of the application'
);

select * from finish();
rollback;
