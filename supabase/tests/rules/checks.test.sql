-- Each named check constraint refuses a violation.

begin;
set local search_path = public, extensions;
select plan(40);
select tests.create_rows();

select is(tests.attempt('owner', s.statement), s.answer, s.what)
from (
  values
    ('slug must be kebab-case', '23514', $$insert into stepbase.organizations (slug, name) values ('No Good', 'x')$$),
    ('slug must be unique', '23505', $$insert into stepbase.organizations (slug, name) values ('tap-org', 'x')$$),
    ('a name must not be blank', '23514', $$update stepbase.organizations set name = ' ' where slug = 'tap-org'$$),
    ('settings must be an object', '23514', $$update stepbase.applications set settings = '[]' where app_code = 'tap-one'$$),
    ('the retention must be positive', '23514', $$update stepbase.applications set run_retention_days = 0 where app_code = 'tap-one'$$),
    ('the retention must be a number', '23514', $$update stepbase.applications set run_retention_days = 'NaN' where app_code = 'tap-one'$$),
    ('the retention of runs must not exceed 100 years', '23514', $$update stepbase.applications set run_retention_days = 'Infinity' where app_code = 'tap-one'$$),
    ('the retention of events must not exceed 100 years', '23514', $$update stepbase.applications set event_retention_days = 2147483647 where app_code = 'tap-one'$$),
    ('the retention of the audit log must not exceed 100 years', '23514', $$update stepbase.applications set audit_retention_days = 36501 where app_code = 'tap-one'$$),
    ('an e-mail address must be lower-case', '23514', $$update stepbase.users set email = 'A@tap.example' where email = 'admin@tap.example'$$),
    ('an e-mail address must be unique', '23505', $$update stepbase.users set email = 'viewer@tap.example' where email = 'admin@tap.example'$$),
    ('the address of an avatar must not be a script', '23514', $$update stepbase.users set avatar_url = 'javascript:alert(1)' where email = 'admin@tap.example'$$),
    ('the address of an avatar must not be data', '23514', $$update stepbase.users set avatar_url = E'\ndata:text/html,https://x' where email = 'admin@tap.example'$$),
    ('the address of an avatar may be on the web', 'ok 1', $$update stepbase.users set avatar_url = 'https://cdn.example/a.png' where email = 'admin@tap.example'$$),
    ('a role must exist', '23503', $$update stepbase.app_members set role = 'king' where role = 'viewer' and app_code = 'tap-one'$$),
    ('the hash of a key must be SHA-256', '23514', $$update stepbase_private.api_key_hashes set key_hash = 'plain'$$),
    ('a permission must have the form resource:action', '23514', $$update stepbase.user_roles set permissions = '{everything}'$$),
    ('a colour must be hexadecimal', '23514', $$update stepbase.run_statuses set color = 'red'$$),
    ('kebab_name must be kebab-case', '23514', $$insert into stepbase.workflows (app_code, kebab_name, name) values ('tap-one', 'Not_Kebab', 'x')$$),
    ('kebab_name must be unique in the application', '23505', $$insert into stepbase.workflows (app_code, kebab_name, name) select app_code, kebab_name, 'x' from stepbase.workflows where id = '00000000-0000-4000-8000-00000000d001'$$),
    ('a limit must be positive', '23514', $$update stepbase.workflows set max_concurrent_executions = 0 where app_code = 'tap-one'$$),
    ('a timeout must be positive', '23514', $$update stepbase.workflows set execution_timeout_seconds = 0 where app_code = 'tap-one'$$),
    ('a visibility must exist', '23503', $$update stepbase.workflows set visibility = 'secret' where app_code = 'tap-one'$$),
    ('metadata must be an object', '23514', $$update stepbase.workflows set metadata = '[]' where app_code = 'tap-one'$$),
    ('a definition must have nodes', '23514', $$insert into stepbase.workflow_versions (app_code, workflow_id, version, definition, status, published_at) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 2, '{"edges": []}', 'archived', null)$$),
    ('a version must be at least 1', '23514', $$insert into stepbase.workflow_versions (app_code, workflow_id, version) values ('tap-one', '00000000-0000-4000-8000-00000000d001', 0)$$),
    ('the version of a component must be semantic', '23514', $$insert into stepbase.components (app_code, name, implementation_type, endpoint, version) values ('tap-one', 'x', 'service_task', 'e', 'new')$$),
    ('the version of a component must be unique', '23505', $$insert into stepbase.components (app_code, name, implementation_type, endpoint) values ('tap-one', 'component', 'service_task', 'e')$$),
    ('a component must implement a step type for components', 'SB400', $$insert into stepbase.components (app_code, name, implementation_type) values ('tap-one', 'x', 'delay')$$),
    ('a service must have an endpoint', '23514', $$insert into stepbase.components (app_code, name, implementation_type) values ('tap-one', 'x', 'service_task')$$),
    ('a cron expression must have five fields', 'SB400', $$update stepbase.workflow_schedules set cron_expression = '* * *' where app_code = 'tap-one'$$),
    ('a time zone must exist', 'SB400', $$update stepbase.workflow_schedules set timezone = 'Mars/Base' where app_code = 'tap-one'$$),
    ('a schedule cannot start more than max_runs runs', '23514', $$update stepbase.workflow_schedules set max_runs = 1, runs_started = 2 where app_code = 'tap-one'$$),
    ('the size of a queue must be positive', '23514', $$update stepbase.work_queues set max_size = 0 where app_code = 'tap-one'$$),
    ('a close policy must exist', '23503', $$update stepbase.workflow_children set parent_close_policy = 'explode' where app_code = 'tap-one'$$),
    ('a version can have only one active compilation', '23505', $$insert into stepbase.workflow_compilations (app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json) select app_code, workflow_version_id, '', '', '', '', '' from stepbase.workflow_compilations where app_code = 'tap-one'$$),
    ('the counts of statistics must add up', '23514', $$update stepbase.activity_statistics set success_count = 3 where app_code = 'tap-one'$$),
    ('an idempotency key must be unique', '23505', $$insert into stepbase.runs (app_code, workflow_id, workflow_version_id, idempotency_key) select r.app_code, r.workflow_id, r.workflow_version_id, 'same' from stepbase.runs r, generate_series(1, 2) where r.id = '00000000-0000-4000-8000-00000000d020'$$),
    ('an attempt of a step must be unique', '23505', $$insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type) select run_id, app_code, workflow_version_id, step_id, step_type from stepbase.step_runs where id = '00000000-0000-4000-8000-00000000d021'$$),
    ('the input of a run must be an object', '23514', $$update stepbase.runs set input = '[]' where id = '00000000-0000-4000-8000-00000000d020'$$)
) s (what, answer, statement);

select * from finish();
rollback;
