-- Schedules and triggers: valid rows, columns that only the engine writes, and secrets.

begin;
set local search_path = public, extensions;
select plan(42);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');

-- Rules of a trigger.
select is(tests.attempt('owner', s.statement), s.answer, s.what)
from (
  values
    ('a trigger must be an event or a webhook', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'manual')$$),
    ('an event trigger must have a name', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'event')$$),
    ('a webhook must not have a name', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, signature_scheme, event_name) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook', 'stripe', 'x')$$),
    ('an event name must not have spaces', '23514', $$update stepbase.workflow_triggers set event_name = 'a b' where app_code = 'tap-one'$$),
    ('an event name must not start with run.', '23514', $$update stepbase.workflow_triggers set event_name = 'run.started' where app_code = 'tap-one'$$),
    ('a trigger for the end of a run must have a source workflow', '23514', $$update stepbase.workflow_triggers set event_name = 'run.completed' where app_code = 'tap-one'$$),
    ('a trigger for another event must not have a source workflow', '23514', $$update stepbase.workflow_triggers set source_workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('a workflow cannot be triggered by its own runs', '23514', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = workflow_id where app_code = 'tap-one'$$),
    ('a webhook must not have a filter', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, signature_scheme, filter) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook', 'stripe', '{}')$$),
    ('a webhook must have a signature scheme', '23514', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook')$$),
    ('the signature scheme of a webhook must exist', '23503', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, signature_scheme) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 'webhook', 'other')$$),
    ('an event trigger must not have a signature scheme', 'SB424', $$update stepbase.workflow_triggers set signature_scheme = 'stripe' where app_code = 'tap-one'$$),
    ('the input of a trigger must be an object', '23514', $$update stepbase.workflow_triggers set input = '[]' where app_code = 'tap-one'$$),
    ('the workflow of a trigger must be of its application', '23503', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name) values ('tap-one', '00000000-0000-4000-8000-00000000d201', 'event', 'x')$$),
    ('the source workflow of a trigger must be of its application', '23503', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = '00000000-0000-4000-8000-00000000d201' where app_code = 'tap-one'$$),
    ('a workflow can be triggered by runs of another workflow', 'ok 1', $$update stepbase.workflow_triggers set event_name = 'run.failed', source_workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('the type of a trigger cannot change', 'SB424', $$update stepbase.workflow_triggers set trigger_type = 'webhook', event_name = null, signature_scheme = 'stripe' where app_code = 'tap-one'$$),
    ('the workflow of a trigger cannot change', 'SB424', $$update stepbase.workflow_triggers set workflow_id = '00000000-0000-4000-8000-00000000d101' where app_code = 'tap-one'$$),
    ('an event can have at most a hundred triggers', 'SB429', $$insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name) select 'tap-one', '00000000-0000-4000-8000-00000000d001', 'event', 'go' from generate_series(1, 100)$$),
    ('a disabled schedule cannot have a next time', '23514', $$update stepbase.workflow_schedules set is_enabled = false; update stepbase.workflow_schedules set next_run_at = now()$$)
) s (what, answer, statement);

-- Only the engine writes these columns.
select is(
  tests.attempt('admin', format('update stepbase.%s = %s where app_code = ''tap-one''', s.target, s.value)), '42501',
  'an admin cannot update ' || s.target
)
from (
  values
    ('workflow_schedules set next_run_at', 'now()'), ('workflow_schedules set finished_at', 'now()'),
    ('workflow_schedules set runs_started', '0'), ('workflow_schedules set last_error', 'null'),
    ('workflow_triggers set last_fired_at', 'now()'), ('workflow_triggers set last_error', 'null')
) s (target, value);

select is(
  tests.attempt('admin', s.statement), '42501', s.what || ' cannot be created in the name of another user'
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
  (select s.next_run_at from stepbase.workflow_schedules s where s.app_code = 'tap-one'), null, 'a new input does not reset the next time'
);
update stepbase.workflow_schedules set timezone = 'Asia/Tokyo' where app_code = 'tap-one';
select is(
  (select s.next_run_at from stepbase.workflow_schedules s where s.app_code = 'tap-one'), null, 'a new time zone resets the next time'
);
select is((select count(*) from stepbase_engine.due_schedules()), 1::bigint, 'a schedule without a next time is due');

-- Secrets of webhooks.
create temporary table hook as
select tests.perform_as('developer', $$select stepbase.create_webhook('w-00d001')::text$$)::jsonb as made;
select matches((select h.made ->> 'secret' from hook h), '^whsec_[A-Za-z0-9+/]{43}=$', 'create_webhook returns the secret');
select is(
  (select stepbase_private.webhook_secrets_of((h.made ->> 'id')::uuid, 'standard_webhooks') from hook h),
  (select array[h.made ->> 'secret'] from hook h), 'the secret is stored'
);
select is(
  (select stepbase_private.webhook_secrets_of((h.made ->> 'id')::uuid, 'stripe') from hook h),
  '{}'::text[], 'a webhook has no secrets for another signature scheme'
);
select is(
  stepbase_private.webhook_secrets_of(gen_random_uuid(), 'standard_webhooks'), '{}'::text[], 'an unknown webhook has no secrets'
);
create temporary table given as
select tests.perform_as(
  'developer', $$select stepbase.create_webhook('w-00d001', 'Pay', '{}', 'stripe', 'whsec_0123456789abcdef')::text$$
)::jsonb as made;
select is((select g.made -> 'secret' from given g), 'null', 'a given secret is not returned');
select is(
  (select stepbase_private.webhook_secrets_of((g.made ->> 'id')::uuid, 'stripe') from given g),
  array['whsec_0123456789abcdef'], 'a given secret is stored'
);
delete from stepbase.workflow_triggers t using given g where t.id = (g.made ->> 'id')::uuid;
select is(
  tests.attempt('admin', $$select stepbase_private.webhook_secrets_of(gen_random_uuid(), 'stripe')$$), '42501', 'clients cannot call webhook_secrets_of'
);
select is(tests.attempt('admin', 'select * from stepbase_private.signing_secrets'), '42501', 'clients cannot read the secrets');
create function pg_temp.rotate(p_overlap int)
returns text
language sql
as $$
  select tests.attempt('developer', format('select stepbase.rotate_webhook_secret(%L, %s)', h.made ->> 'id', p_overlap)) from hook h
$$;
select tests.perform_as('developer', format('select stepbase.rotate_webhook_secret(%L, 60)::text', h.made ->> 'id')) from hook h;
select is(array[pg_temp.rotate(60), pg_temp.rotate(0)], '{SB409,ok 1}', 'at most two secrets of a webhook are valid');
delete from stepbase.workflow_triggers t using hook h where t.id = (h.made ->> 'id')::uuid;
select is((select count(*) from stepbase_private.signing_secrets), 0::bigint, 'deleting a webhook deletes its secrets');

select * from finish();
rollback;
