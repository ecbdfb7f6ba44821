-- Who reads and writes projects: every role of the own application, others, anonymous.

begin;
set local search_path = public, extensions;
select plan(32);
select tests.create_rows();

-- select
select is(
  tests.attempt('admin', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'admin reads it'
);
select is(
  tests.attempt('developer', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'developer reads it'
);
select is(
  tests.attempt('viewer', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'viewer reads it'
);
select is(
  tests.attempt('sister', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'sister sees nothing'
);
select is(
  tests.attempt('foreigner', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'foreigner sees nothing'
);
select is(
  tests.attempt('stranger', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'stranger sees nothing'
);
select is(
  tests.attempt('removed', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'removed sees nothing'
);
select is(
  tests.attempt('anon', $sql$select 1 from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  '42501', 'anon is refused'
);
-- insert
select is(
  tests.attempt('admin', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  'ok 1', 'admin inserts'
);
select is(
  tests.attempt('developer', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  'ok 1', 'developer inserts'
);
select is(
  tests.attempt('viewer', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'viewer may not insert'
);
select is(
  tests.attempt('sister', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'sister may not insert'
);
select is(
  tests.attempt('foreigner', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'foreigner may not insert'
);
select is(
  tests.attempt('stranger', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'stranger may not insert'
);
select is(
  tests.attempt('removed', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'removed may not insert'
);
select is(
  tests.attempt('anon', $sql$insert into stepbase.projects (app_code, name) values ('tap-one', 'fresh')$sql$),
  '42501', 'anon may not insert'
);
-- update
select is(
  tests.attempt('admin', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'admin updates'
);
select is(
  tests.attempt('developer', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'developer updates'
);
select is(
  tests.attempt('viewer', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'viewer updates nothing'
);
select is(
  tests.attempt('sister', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'sister updates nothing'
);
select is(
  tests.attempt('foreigner', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'foreigner updates nothing'
);
select is(
  tests.attempt('stranger', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'stranger updates nothing'
);
select is(
  tests.attempt('removed', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'removed updates nothing'
);
select is(
  tests.attempt('anon', $sql$update stepbase.projects set description = 'x' where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  '42501', 'anon may not update'
);
-- delete
select is(
  tests.attempt('admin', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'admin deletes'
);
select is(
  tests.attempt('developer', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 1', 'developer deletes'
);
select is(
  tests.attempt('viewer', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'viewer deletes nothing'
);
select is(
  tests.attempt('sister', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'sister deletes nothing'
);
select is(
  tests.attempt('foreigner', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'foreigner deletes nothing'
);
select is(
  tests.attempt('stranger', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'stranger deletes nothing'
);
select is(
  tests.attempt('removed', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  'ok 0', 'removed deletes nothing'
);
select is(
  tests.attempt('anon', $sql$delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005'$sql$),
  '42501', 'anon may not delete'
);

select * from finish();
rollback;
