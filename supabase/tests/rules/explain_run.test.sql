-- explain_run: one reason for each way in which a run or step can stand still. Each case makes the rows of one reason.

begin;
set local search_path = public, extensions;
select plan(51);
select tests.create_tasks();

create function pg_temp.at(passed interval default '0')
returns text
language sql
as $$ select stepbase_engine.time_text(now() + passed); $$;

-- The reason of a step or, without one, of the run.
create function pg_temp.reason(run text, step text default null)
returns jsonb
language sql
as $$
  select case
    when reason.step is null then e.answer -> 'run'
    else (select s from jsonb_array_elements(e.answer -> 'steps') s where s ->> 'step' = reason.step)
  end
  from (select stepbase_engine.explain_run(tests.sample_id(reason.run)) as answer) e;
$$;

create function pg_temp.why(run text, step text default null)
returns text
language sql
as $$ select r ->> 'code' || ': ' || (r ->> 'sentence') from pg_temp.reason(run, step) r; $$;

-- Gives second_run one open step with these columns, and returns its reason.
create function pg_temp.step(facts jsonb)
returns text
language plpgsql
as $$
begin
  delete from stepbase.step_runs s where s.run_id = tests.sample_id('second_run');
  insert into stepbase.step_runs (
    id, run_id, app_code, workflow_version_id, step_id, step_type, status, attempt, pending_in, job_id, items_total,
    next_item, limited_by, input, error, wait_kind, wake_at, signal_name, work_queue_id, task, assigned_to,
    assigned_roles, assigned_at, deadline_at, item_index, created_at, updated_at
  )
  select
    coalesce(s.id, tests.sample_id('user_task')), r.id, r.app_code, r.workflow_version_id, coalesce(s.step_id, 'third'),
    coalesce(s.step_type, 'user_task'), coalesce(s.status, 'waiting'), coalesce(s.attempt, 1),
    coalesce(s.pending_in, 0), s.job_id, s.items_total, s.next_item, s.limited_by, s.input, s.error, s.wait_kind,
    s.wake_at, s.signal_name, s.work_queue_id, s.task, s.assigned_to, s.assigned_roles, s.assigned_at, s.deadline_at,
    coalesce(s.item_index, 0), now(), now()
  from stepbase.runs r, jsonb_populate_record(null::stepbase.step_runs, step.facts) s
  where r.id = tests.sample_id('second_run');
  return pg_temp.why('second_run', coalesce(step.facts ->> 'step_id', 'third'));
end
$$;

create function pg_temp.token(app text, round int, state text default 'created', renewed interval default '0')
returns uuid
language sql
as $$
  insert into stepbase_queue.job (name, priority, group_id, data, state, started_on, heartbeat_on)
  values (
    'steps', -round, app, '{}', token.state::stepbase_queue.job_state, now() - interval '1 hour',
    case when token.state = 'active' then now() - renewed end
  )
  returning id;
$$;

create function pg_temp.heartbeat(silence interval)
returns void
language sql
as $$
  delete from stepbase.workers where worker_id = 'tap-shared';
  insert into stepbase.workers (worker_id, last_heartbeat_at, started_at)
  values ('tap-shared', stepbase_engine.now() - silence, stepbase_engine.now() - silence);
$$;

-- Without a worker.
delete from stepbase.workers;
select is(
  pg_temp.step(jsonb_build_object('status', 'ready', 'job_id', pg_temp.token('tap-one', 1))),
  'no_worker: No worker has ever sent a heartbeat. Place 1 of 1 of the jobs of the application in the queue.',
  'a queued step without a worker'
);
select pg_temp.heartbeat('100 seconds');
select is(
  pg_temp.why('second_run', 'third'),
  'no_worker: No worker has sent a heartbeat for 100 s. Place 1 of 1 of the jobs of the application in the queue.',
  'a worker that has been silent for too long'
);
select is(pg_temp.reason('second_run', 'third') ->> 'waits_for', 'queued', 'the reason without a worker names the wait');
select is(
  pg_temp.step(jsonb_build_object('wait_kind', 'delay', 'wake_at', now() - interval '5 seconds')),
  format(
    'no_worker: No worker has sent a heartbeat for 100 s. The timer was due at %s; a worker continues the step.', pg_temp.at('-5 s')
  ),
  'a due timer without a worker'
);
select pg_temp.heartbeat('1 second');
select is(
  pg_temp.why('second_run', 'third'), format('timer_due: The timer was due at %s; a worker continues the step.', pg_temp.at('-5 s')),
  'a due timer'
);

-- Tokens.
select pg_temp.token('tap-one', 1), pg_temp.token('tap-two', 1), pg_temp.token('tap-two', 2);
select is(
  pg_temp.step(jsonb_build_object('status', 'ready', 'job_id', pg_temp.token('tap-one', 5))),
  'queued: Place 3 of 3 of the jobs of the application in the queue.', 'a place counts only jobs of the own application'
);
select is(
  pg_temp.step(jsonb_build_object('status', 'running', 'job_id', pg_temp.token('tap-one', 1, 'active', '12 seconds'))),
  'executing: A worker executes the step and renewed its lease 12 s ago.', 'a leased token'
);
select is(
  pg_temp.step(jsonb_build_object('status', 'running', 'job_id', pg_temp.token('tap-one', 1, 'active', '3 minutes'))),
  'lease_expired: The worker that executes the step has been silent for 3 min; another one gets its job within a minute.',
  'a lease that expired'
);
select matches(
  pg_temp.step(jsonb_build_object('status', s.status, 'job_id', s.job_id)),
  '^token_missing: The step has no job in the queue; maintenance gives it a new one, next at [-: \d]+:00 UTC\.$',
  s.what
)
from (
  values
    ('a running step whose job was deleted', 'running', gen_random_uuid()),
    ('a ready step without a job', 'ready', null),
    ('a running step whose job another program ended', 'running', pg_temp.token('tap-one', 1, 'completed'))
) s (what, status, job_id);

-- Waits.
select is(
  pg_temp.step(jsonb_build_object('wait_kind', 'task', 'task', '{"title": "Ship?"}'::jsonb) || s.facts), s.answer, s.answer
)
from (
  values
    ('{}'::jsonb, 'task: Waits until a member with the permission task:complete completes "Ship?".'),
    ('{"assigned_roles": ["viewer"]}', 'task: Waits until a member with the role viewer completes "Ship?".'),
    (
      '{"assigned_roles": ["admin", "viewer"], "step_type": "wait_for_approval"}',
      'task: Waits until a member with one of the roles admin, viewer decides "Ship?".'
    ),
    (
      jsonb_build_object('assigned_at', now()),
      'task: Waits until a member with the permission member:manage (the assignee was deleted) completes "Ship?".'
    ),
    (
      jsonb_build_object('assigned_to', '00000000-0000-4000-8000-00000000f003', 'deadline_at', now() + interval '1 minute'),
      format(
        'task: Waits until the user 00000000-0000-4000-8000-00000000f003 completes "Ship?". The deadline is at %s.', pg_temp.at('1 minute')
      )
    )
) s (facts, answer);
select is(
  tests.perform_as('viewer', format('select stepbase.explain_run(%L) #>> %L', tests.sample_id('second_run'), '{steps,0,sentence}')),
  format('Waits until viewer completes "Ship?". The deadline is at %s.', pg_temp.at('1 minute')),
  'a caller who may read the members gets the name of the assignee'
);
select is(
  pg_temp.step(jsonb_build_object('wait_kind', 'delay', 'wake_at', now() + interval '3 days')),
  format('delay: Waits until %s.', pg_temp.at('3 days')), 'a delay; another day has its date'
);
select matches(pg_temp.why('second_run', 'third'), '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC', 'a time of another day has its date');
select is(
  pg_temp.step(jsonb_build_object('wait_kind', 'signal', 'signal_name', 'paid', 'deadline_at', now() + interval '1 hour')),
  format('signal: Waits for the signal paid. The deadline is at %s.', pg_temp.at('1 hour')), 'a signal'
);
select is(
  pg_temp.step('{"wait_kind": "items", "step_type": "for_each", "items_total": 10, "pending_in": 6, "next_item": 8}'),
  'items: 4 of 10 items are finished; 3 are open.', 'items'
);
select is(
  pg_temp.step(jsonb_build_object('wait_kind', 'queue', 'step_type', 'work_queue_pop', 'work_queue_id', tests.sample_id('work_queue'))),
  'work_queue: Waits for an item of the work queue items: place 1 among the waiting steps.', 'an item of a work queue'
);
select is(
  pg_temp.step('{"wait_kind": "child", "step_type": "child_workflow", "input": {"workflow": "self"}}'),
  'child_blocked: The child self starts after other steps.', 'a child that has not started'
);
update stepbase.workflow_children set block_until = '{"signal": "go", "children": ["other"]}'
where id = tests.sample_id('workflow_child');
select is(
  pg_temp.why('second_run', 'third'), 'child_blocked: The child self starts after the signal go and the children other.',
  'a child that block_until holds'
);
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, parent_run_id, parent_step_run_id, parent_close_policy
)
select
  '00000000-0000-4000-8000-00000000d0c1', r.app_code, r.workflow_id, r.workflow_version_id, r.id, tests.sample_id('user_task'),
  'terminate'
from stepbase.runs r where r.id = tests.sample_id('second_run');
select is(
  pg_temp.why('second_run', 'third'),
  'child: Waits for the child run 00000000-0000-4000-8000-00000000d0c1 of w-00d001, which is pending.', 'a child that is open'
);

-- A retry, with the error of the attempt before.
select pg_temp.step(jsonb_build_object('wait_kind', 'retry', 'attempt', 2, 'wake_at', now() + interval '9 seconds'));
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, status, error, completed_at
)
select s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, 'failed', '{"code": "http_server_error"}', now()
from stepbase.step_runs s where s.id = tests.sample_id('user_task');
select matches(
  pg_temp.why('second_run', 'third'),
  format('^retry: Retries at %s after http_server_error \(attempt 2 of 2\)\.$', pg_temp.at('9 seconds')), 'a retry'
);
select is(
  (pg_temp.reason('second_run', 'third') ->> 'until')::timestamptz, now() + interval '9 seconds', 'until is the time of the retry'
);

-- Steps before it.
select is(
  pg_temp.step('{"status": "pending", "pending_in": 1}'), 'predecessors: Waits for the result of second.', 'a join'
);

-- A slot of the task queue.
update stepbase.task_queues set max_concurrent_activities = 1 where id = tests.sample_id('task_queue');
select is(
  pg_temp.step(jsonb_build_object('status', 'ready', 'limited_by', tests.sample_id('task_queue'))),
  'admission: Place 1 of 1 for a slot of task queue queue; a worker admits it next.', 'a free slot'
);
insert into stepbase_engine.step_slots (step_run_id, queue_id) values (gen_random_uuid(), tests.sample_id('task_queue'));
insert into stepbase_engine.step_backlog (step_run_id, run_id, queue_id, priority)
values
  (gen_random_uuid(), gen_random_uuid(), tests.sample_id('task_queue'), 5),
  (gen_random_uuid(), gen_random_uuid(), tests.sample_id('task_queue'), 0),
  (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 9);
select is(
  pg_temp.why('second_run', 'third'),
  'task_queue_steps: Place 2 of 3 for a slot of task queue queue; 1 of 1 slots are busy.', 'all slots are busy'
);
select is(
  pg_temp.why('second_run'),
  'task_queue_steps: Step third: Place 2 of 3 for a slot of task queue queue; 1 of 1 slots are busy.',
  'the reason of a running run is that of its step'
);

-- The run: of several steps, the one that needs attention comes first.
insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, started_at)
select s.run_id, s.app_code, s.workflow_version_id, 'second', 'wait_for_approval', 'running', gen_random_uuid(), now()
from stepbase.step_runs s where s.id = tests.sample_id('user_task');
update stepbase.runs set deadline_at = now() + interval '1 hour' where id = tests.sample_id('second_run');
select matches(
  pg_temp.why('second_run'),
  format('^token_missing: Step second: The step .* 1 more step is open\. The run times out at %s\.$', pg_temp.at('1 hour')),
  'a run with two open steps and a deadline'
);
delete from stepbase.step_runs where run_id = tests.sample_id('second_run');
select matches(pg_temp.why('second_run'), '^no_open_step: ', 'a running run without an open step');

-- Paused.
update stepbase.runs set status = 'paused', paused_at = now() where id = tests.sample_id('second_run');
select is(
  pg_temp.step(s.facts), 'held_by_pause: The run is paused; ' || s.rest, 'a step that the pause holds: ' || s.rest
)
from (
  values
    ('{"status": "ready"}'::jsonb, 'the step starts when the run is resumed.'),
    ('{"wait_kind": "delay"}', 'the timer of the step fires when the run is resumed.')
) s (facts, rest);
select is(
  pg_temp.why('second_run'), format('paused: The run is paused since %s and continues when a member resumes it.', pg_temp.at()), 'a paused run'
);
select is(
  left(pg_temp.step('{"wait_kind": "signal", "signal_name": "paid"}'), 7), 'signal:', 'a paused run still waits for a signal'
);

-- A pending run.
select is(
  pg_temp.why('nowhere'), null, 'an unknown run has no reason'
);
update stepbase.runs set status = 'running', paused_at = null where id = tests.sample_id('second_run');
create function pg_temp.pending(workflow_limit uuid, queue_limit uuid, rank int default 0)
returns text
language plpgsql
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  delete from stepbase_engine.run_backlog b;
  insert into stepbase_engine.run_backlog (run_id, app_code, workflow_limit, queue_limit, priority)
  select
    case n when 3 then '00000000-0000-4000-8000-00000000d0c1' else gen_random_uuid() end, a.app,
    coalesce(pending.workflow_limit, c_none), coalesce(pending.queue_limit, c_none),
    case n when 1 then 5 else 0 end
  from generate_series(1, 4) n
  cross join (values ('tap-one'), ('tap-two')) a (app)
  where n <> 3 or a.app = 'tap-one'
  order by n;
  return (
    select r ->> 'code' || ': ' || (r ->> 'sentence')
    from (select stepbase_engine.explain_run('00000000-0000-4000-8000-00000000d0c1') -> 'run' as r) e
  );
end
$$;
select is(
  pg_temp.pending(null, null), 'admission: Place 3 of 4 in the backlog; a worker admits it next.',
  'a place in the backlog counts only runs of the own application'
);
update stepbase.workflows set max_concurrent_executions = 2 where id = tests.sample_id('workflow');
delete from stepbase_engine.run_slots p;
insert into stepbase_engine.run_slots (run_id, limit_id)
select gen_random_uuid(), l.id
from (values (tests.sample_id('workflow')), (tests.sample_id('workflow')), (tests.sample_id('task_queue'))) l (id);
select is(
  pg_temp.pending(tests.sample_id('workflow'), null),
  'workflow_limit: Place 3 of 4 for a slot of workflow w-00d001; 2 of 2 slots are busy.', 'the limit of the workflow'
);
update stepbase.task_queues set max_concurrent_workflows = 1 where id = tests.sample_id('task_queue');
select is(
  pg_temp.pending(null, tests.sample_id('task_queue')),
  'task_queue_limit: Place 3 of 4 in task queue queue; 1 of 1 slots are busy.', 'the limit of the task queue'
);
select pg_temp.token('tap-one', 250);
select is(
  pg_temp.pending(null, null),
  'application_backlog: Place 3 of 4 in the backlog; 200 starts of the application are in the queue already.',
  'an application that has enough in the queue'
);
insert into stepbase_engine.run_backlog (run_id, app_code, priority)
select gen_random_uuid(), 'tap-one', 9 from generate_series(1, 10001);
select is(
  stepbase_engine.explain_run('00000000-0000-4000-8000-00000000d0c1') #>> '{run,sentence}',
  'Place above 10000 in the backlog; 200 starts of the application are in the queue already.', 'the count of places stops at 10,000'
);
delete from stepbase_engine.run_backlog b;
delete from stepbase_queue.job j where j.name = 'steps';
select is(
  stepbase_engine.explain_run('00000000-0000-4000-8000-00000000d0c1') #>> '{run,code}', 'token_missing',
  'a pending run that is in no line'
);
select pg_temp.token('tap-one', 7);
update stepbase_queue.job j set data = jsonb_build_object('run_id', '00000000-0000-4000-8000-00000000d0c1')
where j.name = 'steps' and j.group_id = 'tap-one';
select is(
  stepbase_engine.explain_run('00000000-0000-4000-8000-00000000d0c1') #>> '{run,sentence}',
  'Place 1 of 1 of the jobs of the application in the queue.', 'a pending run with a token'
);

-- Compensation and ends.
update stepbase.runs
set pending_outcome = '{"status": "failed", "error": {"code": "x"}}', open_steps = 0, deadline_at = null
where id = tests.sample_id('second_run');
select is(
  pg_temp.why('second_run'),
  'compensating: The run compensates its completed steps and will end as failed. It first waits for the end of 1 child run.',
  'a compensation that waits for a child'
);
select is(
  pg_temp.why('failed_run'),
  format('failed: The run failed at %s with x: x. It is a dead letter; redrive continues it.', pg_temp.at()), 'a dead letter'
);
update stepbase.runs set origin_run_id = tests.sample_id('failed_run') where id = '00000000-0000-4000-8000-00000000d0c1';
select matches(
  pg_temp.why('failed_run'), 'Run 00000000-0000-4000-8000-00000000d0c1 redrove it\.$', 'a dead letter that was redriven'
);
update stepbase.runs set status = 'cancelled', completed_at = now() where id = '00000000-0000-4000-8000-00000000d0c1';
select is(
  stepbase_engine.explain_run('00000000-0000-4000-8000-00000000d0c1') #>> '{run,code}', 'cancelled', 'a cancelled run'
);

-- A child that has ended.
select is(
  pg_temp.step('{"wait_kind": "child", "step_type": "child_workflow", "input": {"workflow": "self"}}'),
  'child_ended: The child run 00000000-0000-4000-8000-00000000d0c1 of w-00d001 is cancelled; a worker continues the step.',
  'a child that has ended'
);
insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, quarantined_at)
values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d0c1', 'run.ended', now());
select matches(
  pg_temp.why('second_run', 'third'), '^message_quarantined: .* is quarantined; an operator has to release it\.$',
  'a child whose message is quarantined'
);

select * from finish();
rollback;
