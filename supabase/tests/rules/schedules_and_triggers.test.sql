-- Schedules and triggers: valid rows, columns that only the engine writes, and secrets.

begin;
set local search_path = public, extensions;
select plan(35);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');

-- Rules of a trigger.
select is(tests.attempt('owner', s.statement), s.answer, s.what)
from (
  values
    ('a trigger is an event or a webhook', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'manual')$$),
    ('an event has a name', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'event')$$),
    ('a webhook has none', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook', 'x')$$),
    ('a name has no spaces', '23514', $$update stepbase.workflow_triggers set event_name = 'a b' where app_code = 'tap-one'$$),
    ('run. is the engine''s', '23514', $$update stepbase.workflow_triggers set event_name = 'run.started' where app_code = 'tap-one'$$),
    ('the end of a run is of a workflow', '23514', $$update stepbase.workflow_triggers set event_name = 'run.failed' where app_code = 'tap-one'$$),
    ('other events are of none', '23514', $$update stepbase.workflow_triggers set source_workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('a workflow does not follow itself', '23514', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = workflow_id where app_code = 'tap-one'$$),
    ('a filter is for events', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, filter) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook', '{}')$$),
    ('an input is an object', '23514', $$update stepbase.workflow_triggers set input = '[]' where app_code = 'tap-one'$$),
    ('trigger → workflow of the app', '23503', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name) values ('tap-one', '00000000-0000-4000-8000-00000000d201', 'event', 'x')$$),
    ('trigger → source of the app', '23503', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = '00000000-0000-4000-8000-00000000d201' where app_code = 'tap-one'$$),
    ('it follows another workflow', 'ok 1', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('a trigger keeps its type', 'SB424', $$update stepbase.workflow_triggers set trigger_type = 'webhook', event_name = null where app_code = 'tap-one'$$),
    ('and its workflow', 'SB424', $$update stepbase.workflow_triggers set workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('a hundred triggers listen to one event', 'SB429', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name) select 'tap-one', '00000000-0000-4000-8000-00000000d001', 'event', 'go' from generate_series(1, 100)$$),
    ('a paused schedule is not due', '23514', $$update stepbase.workflow_schedules set is_enabled = false; update stepbase.workflow_schedules set next_run_at = now()$$)
) s (what, answer, statement);

-- What the engine writes, nobody else does.
select is(
  tests.attempt('admin', format('update stepbase.%s = %s where app_code = ''tap-one''', s.target, s.value)), '42501',
  s.target || ' is the engine''s'
)
from (
  values
    ('workflow_schedules set next_run_at', 'now()'), ('workflow_schedules set finished_at', 'now()'),
    ('workflow_schedules set runs_started', '0'), ('workflow_schedules set last_error', 'null'),
    ('workflow_triggers set last_fired_at', 'now()'), ('workflow_triggers set last_error', 'null')
) s (target, value);

select is(
  tests.attempt('admin', s.statement), '42501', s.what || ' is made in nobody else''s name'
)
from (
  values
    ('a schedule', $$insert into stepbase.workflow_schedules (workflow_id, cron_expression, created_by) values ('00000000-0000-4000-8000-00000000d001', '* * * * *', '00000000-0000-4000-8000-00000000f002')$$),
    ('a trigger', $$insert into stepbase.workflow_triggers (workflow_id, trigger_type, event_name, created_by) values ('00000000-0000-4000-8000-00000000d001', 'event', 'x', '00000000-0000-4000-8000-00000000f002')$$)
) s (what, statement);

-- Planning.
update stepbase.workflow_schedules set next_run_at = '2100-01-01' where app_code = 'tap-one';
select is(
  (select count(*) from stepbase_engine.due_schedules()), 0::bigint, 'a planned schedule is not due before its time'
);
update stepbase.workflow_schedules set input = '{"n": 1}' where app_code = 'tap-one';
select isnt(
  (select s.next_run_at from stepbase.workflow_schedules s where s.app_code = 'tap-one'), null, 'a new input is no new time'
);
update stepbase.workflow_schedules set timezone = 'Asia/Tokyo' where app_code = 'tap-one';
select is(
  (select s.next_run_at from stepbase.workflow_schedules s where s.app_code = 'tap-one'), null, 'a new time zone is'
);
select is((select count(*) from stepbase_engine.due_schedules()), 1::bigint, 'a worker is asked for the next time');

-- Secrets of webhooks.
create temporary table hook as
select tests.perform_as('developer', $$select stepbase.create_webhook('w-00d001')::text$$)::jsonb as made;
select matches((select h.made ->> 'secret' from hook h), '^whsec_[A-Za-z0-9+/]{43}=$', 'the secret is shown');
select is(
  (select stepbase_private.webhook_secrets_of((h.made ->> 'id')::uuid) from hook h),
  (select array[h.made ->> 'secret'] from hook h), 'and kept'
);
select is(stepbase_private.webhook_secrets_of(gen_random_uuid()), '{}'::text[], 'an unknown webhook has none');
select is(
  tests.attempt('admin', 'select stepbase_private.webhook_secrets_of(gen_random_uuid())'), '42501', 'no client asks for secrets'
);
select is(tests.attempt('admin', 'select * from stepbase_private.webhook_secrets'), '42501', 'nor reads where they are');
delete from stepbase.workflow_triggers t using hook h where t.id = (h.made ->> 'id')::uuid;
select is((select count(*) from stepbase_private.webhook_secrets), 0::bigint, 'they go with the webhook');

select * from finish();
rollback;
