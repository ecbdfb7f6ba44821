-- Applications: members see their own, admins change its settings, and no client can create or delete one.

begin;
set local search_path = public, extensions;
select plan(16);
select tests.create_people();

select is(tests.attempt('viewer', 'select 1 from stepbase.applications'), 'ok 1', 'a viewer sees only their own application');
select is(tests.attempt('sister', 'select 1 from stepbase.applications'), 'ok 1', 'an application of the same organization sees only itself');
select is(tests.attempt('stranger', 'select 1 from stepbase.applications'), 'ok 0', 'a user without a membership sees no application');
select is(tests.attempt('removed', 'select 1 from stepbase.applications'), 'ok 0', 'a removed member sees no application');
select is(tests.attempt('anon', 'select 1 from stepbase.applications'), '42501', 'an anonymous caller cannot read applications');
select is(
  tests.attempt('admin', $$update stepbase.applications set run_retention_days = 30 where app_code = 'tap-one'$$),
  'ok 1', 'an admin can change the retention'
);
select is(
  tests.attempt('developer', $$update stepbase.applications set run_retention_days = 30 where app_code = 'tap-one'$$),
  'ok 0', 'a developer cannot change the retention'
);
select is(
  tests.attempt('viewer', $$update stepbase.applications set name = 'x'$$), 'ok 0', 'a viewer cannot change the name'
);
select is(
  tests.attempt('foreigner', $$update stepbase.applications set name = 'x' where app_code = 'tap-one'$$),
  'ok 0', 'an application of another organization cannot change the name'
);
select is(
  tests.attempt('admin', $$update stepbase.applications set deleted_at = now()$$), '42501', 'an admin cannot soft-delete the application'
);
select is(
  tests.attempt('admin', $$insert into stepbase.applications (app_code, organization_id, name)
    values ('tap-new', '00000000-0000-4000-8000-00000000e001', 'New')$$),
  '42501', 'an admin cannot create an application'
);
select is(tests.attempt('admin', 'delete from stepbase.applications'), '42501', 'an admin cannot delete an application');
select is(
  tests.attempt('owner', $$update stepbase.applications set app_code = 'tap-uno' where app_code = 'tap-one'$$),
  'SB424', 'app_code cannot change, even for the owner'
);
select is(
  tests.attempt('owner', $$insert into stepbase.applications (app_code, organization_id, name)
    values ('Not Kebab', '00000000-0000-4000-8000-00000000e001', 'New')$$),
  '23514', 'app_code must be kebab-case'
);
select is(
  (select q.is_system_queue from stepbase.task_queues q where q.app_code = 'tap-one' and q.name = 'default'),
  true, 'a new application has a default task queue'
);
select is(
  tests.attempt('admin', $$delete from stepbase.task_queues where name = 'default'$$), 'ok 0',
  'the default task queue cannot be deleted'
);

select * from finish();
rollback;
