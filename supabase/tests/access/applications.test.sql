-- Applications: members see theirs, admins change settings, nobody makes or deletes them through the API.

begin;
set local search_path = public, extensions;
select plan(16);
select tests.create_people();

select is(tests.attempt('viewer', 'select 1 from stepbase.applications'), 'ok 1', 'viewer sees the own application only');
select is(tests.attempt('sister', 'select 1 from stepbase.applications'), 'ok 1', 'sister sees the own application only');
select is(tests.attempt('stranger', 'select 1 from stepbase.applications'), 'ok 0', 'stranger sees none');
select is(tests.attempt('removed', 'select 1 from stepbase.applications'), 'ok 0', 'removed sees none');
select is(tests.attempt('anon', 'select 1 from stepbase.applications'), '42501', 'anon is refused');
select is(
  tests.attempt('admin', $$update stepbase.applications set run_retention_days = 30 where app_code = 'tap-one'$$),
  'ok 1', 'admin changes retention'
);
select is(
  tests.attempt('developer', $$update stepbase.applications set run_retention_days = 30 where app_code = 'tap-one'$$),
  'ok 0', 'developer changes nothing'
);
select is(
  tests.attempt('viewer', $$update stepbase.applications set name = 'x'$$), 'ok 0', 'viewer changes nothing'
);
select is(
  tests.attempt('foreigner', $$update stepbase.applications set name = 'x' where app_code = 'tap-one'$$),
  'ok 0', 'foreigner changes nothing'
);
select is(
  tests.attempt('admin', $$update stepbase.applications set deleted_at = now()$$), '42501', 'admin may not delete it softly'
);
select is(
  tests.attempt('admin', $$insert into stepbase.applications (app_code, organization_id, name)
    values ('tap-new', '00000000-0000-4000-8000-00000000e001', 'New')$$),
  '42501', 'admin may not make one'
);
select is(tests.attempt('admin', 'delete from stepbase.applications'), '42501', 'admin may not delete one');
select is(
  tests.attempt('owner', $$update stepbase.applications set app_code = 'tap-uno' where app_code = 'tap-one'$$),
  'SB424', 'app_code cannot change, for the owner either'
);
select is(
  tests.attempt('owner', $$insert into stepbase.applications (app_code, organization_id, name)
    values ('Not Kebab', '00000000-0000-4000-8000-00000000e001', 'New')$$),
  '23514', 'app_code is kebab-case'
);
select is(
  (select q.is_system_queue from stepbase.task_queues q where q.app_code = 'tap-one' and q.name = 'default'),
  true, 'a new application has its default queue'
);
select is(
  tests.attempt('admin', $$delete from stepbase.task_queues where name = 'default'$$), 'ok 0',
  'the default queue cannot be deleted'
);

select * from finish();
rollback;
