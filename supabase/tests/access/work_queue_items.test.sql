-- Who reads and writes work_queue_items: every role of the own application, others, anonymous.

begin;
set local search_path = public, extensions;
select plan(32);
select tests.create_rows();

-- select
select is(
  tests.attempt('admin', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 1', 'admin reads it'
);
select is(
  tests.attempt('developer', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 1', 'developer reads it'
);
select is(
  tests.attempt('viewer', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 1', 'viewer reads it'
);
select is(
  tests.attempt('sister', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 0', 'sister sees nothing'
);
select is(
  tests.attempt('foreigner', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 0', 'foreigner sees nothing'
);
select is(
  tests.attempt('stranger', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 0', 'stranger sees nothing'
);
select is(
  tests.attempt('removed', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  'ok 0', 'removed sees nothing'
);
select is(
  tests.attempt('anon', $sql$select 1 from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'anon is refused'
);
-- insert
select is(
  tests.attempt('admin', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'admin may not insert'
);
select is(
  tests.attempt('developer', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'developer may not insert'
);
select is(
  tests.attempt('viewer', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'viewer may not insert'
);
select is(
  tests.attempt('sister', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'sister may not insert'
);
select is(
  tests.attempt('foreigner', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'foreigner may not insert'
);
select is(
  tests.attempt('stranger', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'stranger may not insert'
);
select is(
  tests.attempt('removed', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'removed may not insert'
);
select is(
  tests.attempt('anon', $sql$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d008', '1')$sql$),
  '42501', 'anon may not insert'
);
-- update
select is(
  tests.attempt('admin', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'admin may not update'
);
select is(
  tests.attempt('developer', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'developer may not update'
);
select is(
  tests.attempt('viewer', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'viewer may not update'
);
select is(
  tests.attempt('sister', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'sister may not update'
);
select is(
  tests.attempt('foreigner', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'foreigner may not update'
);
select is(
  tests.attempt('stranger', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'stranger may not update'
);
select is(
  tests.attempt('removed', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'removed may not update'
);
select is(
  tests.attempt('anon', $sql$update stepbase.work_queue_items set priority = 1 where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'anon may not update'
);
-- delete
select is(
  tests.attempt('admin', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'admin may not delete'
);
select is(
  tests.attempt('developer', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'developer may not delete'
);
select is(
  tests.attempt('viewer', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'viewer may not delete'
);
select is(
  tests.attempt('sister', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'sister may not delete'
);
select is(
  tests.attempt('foreigner', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'foreigner may not delete'
);
select is(
  tests.attempt('stranger', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'stranger may not delete'
);
select is(
  tests.attempt('removed', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'removed may not delete'
);
select is(
  tests.attempt('anon', $sql$delete from stepbase.work_queue_items where id = '00000000-0000-4000-8000-00000000d014'$sql$),
  '42501', 'anon may not delete'
);

select * from finish();
rollback;
