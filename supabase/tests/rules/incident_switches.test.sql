-- Incident switches: who may set which, what each scope and mode suspends, and that suspended runs are not admitted.

begin;
set local search_path = public, extensions;
select plan(33);
select tests.create_rows();
delete from stepbase.incident_switches where true;
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');
insert into stepbase.task_queues (
  id, app_code, name, max_concurrent_workflows, max_concurrent_activities, created_by
)
values ('00000000-0000-4000-8000-00000000d601', 'tap-one', 'slow', null, null, null);
update stepbase.workflows set task_queue_id = '00000000-0000-4000-8000-00000000d601'
where id = '00000000-0000-4000-8000-00000000d101';

create temporary table r as
select w.name, (
  stepbase_engine.start_run(w.app, v.id, '{}')
).id
from (
  values
    ('default', 'tap-one', '00000000-0000-4000-8000-00000000d001'::uuid),
    ('slow', 'tap-one', '00000000-0000-4000-8000-00000000d101'), ('other', 'tap-two', '00000000-0000-4000-8000-00000000d201')
) w (name, app, workflow_id)
join stepbase.workflow_versions v on v.workflow_id = w.workflow_id and v.status = 'published';

create function pg_temp.suspended(p_is_start boolean) returns text language sql as $$
  select coalesce(string_agg(r.name, ' ' order by r.name), '') from r
  where stepbase_engine.is_suspended(r.id, p_is_start)
$$;
create function pg_temp.set_switch(p_call text, p_person text default 'developer') returns uuid language sql as $$
  select tests.perform_as(p_person, format('select (stepbase.set_incident_switch(%s)).id', p_call))::uuid
$$;
create function pg_temp.release(p_id uuid) returns void language sql as $$
  select tests.perform_as('developer', format('select (stepbase.release_incident_switch(%L)).id', p_id))
$$;

-- Arguments.
select is(tests.attempt('developer', format('select stepbase.set_incident_switch(%s)', s.call)), s.answer, s.what)
from (
  values
    ($$'everything', 'x'$$, 'SB400', 'an unknown scope is refused'),
    ($$'application', 'x', 'stop'$$, 'SB400', 'an unknown mode is refused'),
    ($$'application', ''$$, 'SB400', 'a switch needs a reason'),
    ($$'application', repeat('x', 1001)$$, 'SB400', 'a reason has at most 1000 characters'),
    ($$'application', 'x', 'drain', 'w-00d101'$$, 'SB400', 'an application has no target'),
    ($$'workflow', 'x'$$, 'SB400', 'a workflow switch needs a target'),
    ($$'workflow', 'x', 'drain', 'w-00d201'$$, 'SB404', 'a workflow of another application is not found'),
    ($$'task_queue', 'x', 'drain', 'fast'$$, 'SB404', 'an unknown task queue is not found'),
    ($$'installation', 'x'$$, 'SB403', 'a member cannot stop the installation')
) s (call, answer, what);

-- Scopes.
create temporary table s (name text primary key, id uuid);
select is(pg_temp.suspended(true), '', 'without a switch nothing is suspended');
insert into s values ('workflow', pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d001'$$));
select is(pg_temp.suspended(true), 'default', 'a workflow switch suspends its runs');
select is(pg_temp.suspended(false), '', 'drain suspends no step');
select pg_temp.release(id) from s where name = 'workflow';
insert into s values ('queue', pg_temp.set_switch($$'task_queue', 'x', 'pause', 'slow'$$));
select is(pg_temp.suspended(true) || '/' || pg_temp.suspended(false), 'slow/slow', 'a task queue switch suspends its runs, pause also their steps');
select pg_temp.release(id) from s where name = 'queue';
insert into s values ('app', pg_temp.set_switch($$'application', 'x'$$));
select is(pg_temp.suspended(true), 'default slow', 'an application switch suspends its runs, and no others');
select is(pg_temp.set_switch($$'application', 'y'$$), (select id from s where name = 'app'), 'a repeated call changes the reason');
select isnt(pg_temp.set_switch($$'application', 'y', 'pause'$$), (select id from s where name = 'app'), 'another mode replaces the switch');
select is((select count(*) from stepbase.incident_switches i where i.released_at is null), 1::bigint, 'one switch of a target is on');
select is(tests.attempt('foreigner', 'select 1 from stepbase.incident_switches'), 'ok 0', 'other applications do not see it');
select pg_temp.release(i.id) from stepbase.incident_switches i where i.released_at is null;
select set_config('request.jwt.claims', '{"role": "service_role"}', true);
insert into s select 'all', (stepbase.set_incident_switch('installation', 'x')).id;
select set_config('request.jwt.claims', '', true);
select is(pg_temp.suspended(true), 'default other slow', 'an operator can stop the installation');
select is(tests.attempt('foreigner', 'select 1 from stepbase.incident_switches'), 'ok 1', 'every application sees a switch of the installation');
select is(
  tests.attempt('admin', format('select stepbase.release_incident_switch(%L)', id)), 'SB404', 'a member cannot release it'
) from s where name = 'all';
update stepbase.incident_switches set released_at = now() where released_at is null;
update stepbase.incident_switches set resumed_at = now() where true;

-- Holding and resuming.
update stepbase.workflows set max_concurrent_executions = 1 where id = '00000000-0000-4000-8000-00000000d001';
select stepbase_engine.apply_limit_changes(100000);
insert into s values ('hold', pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d001'$$));
insert into stepbase_engine.run_slots (run_id, limit_id)
select r.id, '00000000-0000-4000-8000-00000000d001' from r where r.name = 'default'
on conflict do nothing;
select stepbase_engine.suspend_starts(array(select id from r));
select results_eq(
  $$select r.name, b.workflow_limit from stepbase_engine.run_backlog b join r on r.id = b.run_id$$,
  $$values ('default', stepbase_engine.suspended_group())$$, 'a suspended start waits in its own group'
);
select is(
  (select count(*) from stepbase_engine.run_slots p join r on r.id = p.run_id), 0::bigint, 'a suspended run has no concurrency slot'
);
select is((select a.admitted from stepbase_engine.admit() a), 0, 'a suspended run is not admitted');
select is(stepbase_engine.resume_suspended(100), 0, 'a suspended run is not resumed');
-- A child of an open run in the scope starts.
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, trigger_type, parent_run_id, parent_close_policy)
select o.app_code, o.workflow_id, o.workflow_version_id, 'child', o.id, 'abandon'
from stepbase.runs o join r on r.id = o.id and r.name = 'default';
select is(
  (select stepbase_engine.is_suspended(c.id, true) from stepbase.runs c join r on r.id = c.parent_run_id), false, 'drain holds no child of its scope'
);
select is(
  (tests.perform_as('viewer', format('select stepbase.incident_status(%L)', id))::jsonb) ->> 'is_on', 'true', 'a viewer reads the status'
) from s where name = 'hold';
select pg_temp.release(id) from s where name = 'hold';
select is(stepbase_engine.has_pending_work(), true, 'a released switch is work for a worker');
insert into stepbase_engine.run_backlog (run_id, app_code, workflow_limit, queue_limit, priority)
select r.id, 'tap-two', '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 0 from r where r.name = 'other';
select is(
  (select a.admitted from stepbase_engine.admit() a), 2, 'after the release it goes on, beside the runs of other applications'
);
select stepbase_engine.admit();
select isnt(
  (select i.resumed_at from stepbase.incident_switches i join s on s.id = i.id where s.name = 'hold'), null, 'the switch is resumed'
);
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'incident_switches' and l.row_id = s.id::text), 2::bigint,
  'the audit log has the switch and its release'
) from s where name = 'hold';

-- The status: many waiting runs do not hide the open ones.
insert into s values ('status', pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d101'$$));
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, input)
select w.app_code, w.id, w.published_version_id, '{}'
from stepbase.workflows w cross join generate_series(1, 10001)
where w.id = '00000000-0000-4000-8000-00000000d101';
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input, status, started_at)
select '00000000-0000-4000-8000-00000000d901', w.app_code, w.id, w.published_version_id, '{}', 'running', now()
from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d101';
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, fence, started_at
)
select r.id, r.app_code, r.workflow_version_id, 'first', 'transform', 'running', gen_random_uuid(), 1, now()
from stepbase.runs r where r.id = '00000000-0000-4000-8000-00000000d901';
create function pg_temp.status_of(p_name text) returns jsonb language sql as $$
  select tests.perform_as('viewer', format('select stepbase.incident_status(%L)', s.id))::jsonb - 'switch_id'
  from s where s.name = p_name
$$;
select is(
  pg_temp.status_of('status'),
  '{"is_on": true, "open_runs": 1, "waiting_runs": 10000, "steps_in_flight": 1, "is_complete": false}',
  'the status counts each status up to its limit'
);
update stepbase.runs r set status = 'cancelled', completed_at = now()
where r.workflow_id = '00000000-0000-4000-8000-00000000d101' and r.status = 'pending';
select is(
  pg_temp.status_of('status'), '{"is_on": true, "open_runs": 1, "waiting_runs": 0, "steps_in_flight": 1, "is_complete": true}',
  'it is complete with fewer runs'
);

select * from finish();
rollback;
