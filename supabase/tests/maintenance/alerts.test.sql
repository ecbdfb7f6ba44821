-- Alerts: which incidents become events, that each becomes one, and who hears the failures of every workflow.

begin;
set local search_path = public, extensions;
select plan(40);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;

create function pg_temp.listen(p_event text, p_source uuid default null, p_workflow uuid default tests.sample_id('workflow'))
returns void
language sql
as $$
  insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name, source_workflow_id)
  values ('tap-one', p_workflow, 'event', p_event, p_source);
$$;
create function pg_temp.events()
returns text
language sql
as $$
  select coalesce(string_agg(o.payload ->> 'name', ', ' order by o.id), 'none')
  from stepbase.outbox o where o.event_type = 'event.emitted';
$$;
-- Triggers.
select throws_ok(format('select pg_temp.listen(%L)', e.name), '23514', null, format('%s needs a source', e.name))
from (values ('run.completed'), ('run.cancelled')) e (name);
select throws_ok(
  $$select pg_temp.listen('run.stuck', '00000000-0000-4000-8000-00000000d201')$$, '23514', null, 'run.stuck has none'
);
select lives_ok(format('select pg_temp.listen(%L)', e.name), format('%s may be that of every workflow', e.name))
from (values ('run.failed'), ('run.timed_out')) e (name);
delete from stepbase.workflow_triggers;

-- Stuck runs.
update stepbase.runs r
set
  status = 'running', open_steps = 1, created_at = t.at, started_at = t.at, updated_at = t.at
from (select stepbase_engine.now() - interval '61 minutes' as at) t
where r.id = tests.sample_id('run');
select is(stepbase_engine.emit_alerts(), 0, 'without a trigger there is no event');
select pg_temp.listen('run.stuck');
update stepbase.step_runs s set status = 'running', job_id = gen_random_uuid() where s.id = tests.sample_id('step_run');
update stepbase.step_runs s set status = 'waiting', wait_kind = 'signal', job_id = null where s.id = tests.sample_id('step_run');
select is(stepbase_engine.emit_alerts(), 0, 'a run that waits for a signal is not stuck');
update stepbase.step_runs s set wake_at = stepbase_engine.now() - interval '61 minutes' where s.id = tests.sample_id('step_run');
select is(stepbase_engine.emit_alerts(), 1, 'one whose timer is overdue is');
select is(stepbase_engine.emit_alerts(), 0, 'the incident is one event');
select is(
  (select o.payload - 'at' from stepbase.outbox o where o.payload ->> 'name' = 'run.stuck') #- '{payload,since}',
  jsonb_build_object(
    'name', 'run.stuck', 'depth', 1, 'run_id', tests.sample_id('run'),
    'payload', (
      select jsonb_build_object(
        'workflow', w.kebab_name, 'run_id', r.id, 'status', 'running', 'step', r.current_step, 'minutes', 61
      )
      from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id where r.id = tests.sample_id('run')
    )
  ), 'the event names the run and its workflow'
);
update stepbase.runs r set updated_at = stepbase_engine.now() where r.id = tests.sample_id('run');
select is(stepbase_engine.emit_alerts(), 0, 'a run that changed is not stuck any more');
select is_empty('select 1 from stepbase_engine.alert_incidents', 'its incident has ended');
update stepbase.app_quotas set run_stuck_minutes = 10 where app_code = 'tap-one';
update stepbase.runs r set updated_at = stepbase_engine.now() - interval '11 minutes' where r.id = tests.sample_id('run');
select is(stepbase_engine.maintain() ->> 'alerts', '1', 'maintenance looks for the next one, with the threshold of the application');

-- Deadlines that come near.
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;
select pg_temp.listen('run.deadline_near');
update stepbase.runs r set deadline_at = stepbase_engine.now() + interval '11 minutes' where r.id = tests.sample_id('run');
select is(stepbase_engine.emit_alerts(), 0, 'a deadline that is far away is no incident');
update stepbase.runs r set deadline_at = stepbase_engine.now() + interval '9 minutes' where r.id = tests.sample_id('run');
select is(stepbase_engine.emit_alerts(), 1, 'one within the threshold is');
select is(stepbase_engine.emit_alerts(), 0, 'it is one event');
select is(
  (select o.payload #>> '{payload,minutes}' from stepbase.outbox o where o.payload ->> 'name' = 'run.deadline_near'), '9',
  'the event has the minutes that are left'
);
update stepbase.runs r set deadline_at = null where r.id = tests.sample_id('run');

-- The rate of failures.
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;
delete from stepbase_engine.statistics_buckets where true;
select pg_temp.listen('run.failure_rate_high');
insert into stepbase_engine.statistics_buckets (app_code, workflow_id, bucket_at, slot, completed, failed)
values ('tap-one', tests.sample_id('workflow'), date_trunc('minute', stepbase_engine.now()), 0, 4, 5);
select is(stepbase_engine.emit_alerts(), 0, 'fewer than 10 ended runs show no rate');
update stepbase_engine.statistics_buckets set completed = 5 where true;
select is(stepbase_engine.emit_alerts(), 1, 'a rate at the threshold is an incident');
update stepbase_engine.statistics_buckets set completed = 10 where true;
select is(stepbase_engine.emit_alerts(), 0, 'which lasts above half the threshold');
update stepbase_engine.statistics_buckets set completed = 20 where true;
select stepbase_engine.emit_alerts();
select is_empty('select 1 from stepbase_engine.alert_incidents', 'and ends below it');

-- The age of the queue.
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;
select pg_temp.listen('queue.age_high');
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, created_at)
select '00000000-0000-4000-8000-00000000d099', r.app_code, r.workflow_id, r.workflow_version_id,
  stepbase_engine.now() - interval '4 minutes'
from stepbase.runs r where r.id = tests.sample_id('run');
select is(stepbase_engine.emit_alerts(), 0, 'a pending run below the threshold is no incident');
select is_empty('select 1 from stepbase_engine.alert_incidents', 'and the incidents without a trigger are forgotten');
select stepbase_engine.advance_clock('2 minutes');
update stepbase.runs r set held_by = 'start_at', start_at = stepbase_engine.now() + interval '1 day'
where r.id = '00000000-0000-4000-8000-00000000d099';
select is(stepbase_engine.emit_alerts(), 0, 'a held run is no incident');
update stepbase.runs r set held_by = null, start_at = null where r.id = '00000000-0000-4000-8000-00000000d099';
select is(stepbase_engine.emit_alerts(), 1, 'one that waits too long is');
update stepbase.app_quotas set queue_age_minutes = 11 where app_code = 'tap-one';
select is(stepbase_engine.emit_alerts(), 0, 'above half the threshold the incident lasts');
update stepbase.app_quotas set queue_age_minutes = 5 where app_code = 'tap-one';
select is(stepbase_engine.emit_alerts(), 0, 'so an age around the threshold is one event');
delete from stepbase.runs r where r.id = '00000000-0000-4000-8000-00000000d099';
select is(stepbase_engine.emit_alerts(), 0, 'without pending runs it has ended');
select is_empty('select 1 from stepbase_engine.alert_incidents', 'and is forgotten');

-- Failures of every workflow.
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;
update stepbase.runs r set status = 'failed', error = '{"code": "x"}', completed_at = stepbase_engine.now()
where r.id = tests.sample_id('run');
select pg_temp.listen('run.failed');
select stepbase_engine.emit_run_events(array[tests.sample_id('run')]);
select is(pg_temp.events(), 'none', 'a workflow does not hear its own failures');
select pg_temp.listen('run.failed', p_workflow => '00000000-0000-4000-8000-00000000d101');
select stepbase_engine.announce_ended(array[tests.sample_id('run')]);
select stepbase_engine.emit_run_events(array[tests.sample_id('run')]);
select is(pg_temp.events(), 'run.failed', 'another workflow of the application does');
select results_eq(
  $$select o.event_type from stepbase.outbox o where o.event_type = 'run.ended'$$, $$values ('run.ended')$$,
  'the end of the run is announced for it'
);

-- New tasks.
delete from stepbase.workflow_triggers;
delete from stepbase.outbox;
create function pg_temp.announce(p_type text default 'task.created')
returns void
language sql
as $$
  select stepbase_engine.announce_tasks(array[
    stepbase_engine.step_event(p_type, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, 'waiting')
  ])
  from stepbase.step_runs s where s.id = tests.sample_id('step_run');
$$;
create function pg_temp.started()
returns bigint
language sql
as $$
  select count(*) from stepbase.runs r where r.workflow_id = '00000000-0000-4000-8000-00000000d101' and r.trigger_type = 'event';
$$;
select lives_ok(
  $$select pg_temp.listen('task.created', '00000000-0000-4000-8000-00000000d101')$$, 'task.created may be that of one workflow'
);
select pg_temp.announce();
select is(pg_temp.events(), 'none', 'whose tasks alone are events then');
select pg_temp.listen('task.created', p_workflow => r.workflow_id) from stepbase.runs r where r.id = tests.sample_id('run');
select pg_temp.announce();
select is(pg_temp.events(), 'none', 'a workflow does not hear its own tasks');
select pg_temp.listen('task.created', p_workflow => '00000000-0000-4000-8000-00000000d101');
select pg_temp.announce('step.waiting');
select is(pg_temp.events(), 'none', 'another wait is no task');
select pg_temp.announce();
select is(pg_temp.events(), 'task.created', 'a task is an event for a trigger of every workflow');
select is(
  stepbase_engine.event_of_message(o) - '{id,at}'::text[],
  jsonb_build_object(
    'name', 'task.created', 'run_id', s.run_id, 'step_id', s.step_id,
    'payload', jsonb_build_object('workflow', w.kebab_name) || stepbase_engine.task_data(s)
  ),
  'with the workflow and the task, not the result of the run'
)
from stepbase.outbox o, stepbase.step_runs s
join stepbase.runs r on r.id = s.run_id
join stepbase.workflows w on w.id = r.workflow_id
where s.id = tests.sample_id('step_run');
select stepbase_engine.relay_events(array(select o.id from stepbase.outbox o where o.event_type = 'event.emitted'), 10);
select is(pg_temp.started(), 1::bigint, 'it starts the workflow of the trigger');

-- Workflows with tasks that hear each other's tasks end, as those that emit events do.
update stepbase.runs r set metadata = r.metadata || '{"event_depth": 16}' where r.id = tests.sample_id('run');
select pg_temp.announce();
select stepbase_engine.relay_events(
  array(select o.id from stepbase.outbox o where o.event_type = 'event.emitted' and o.published_at is null), 10
);
select is(pg_temp.started(), 1::bigint, 'the 17th event in a row starts nothing');

select * from finish();
rollback;
