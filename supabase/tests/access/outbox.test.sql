-- Who reads and writes outbox: every role of the own application, others, anonymous.

begin;
set local search_path = public, extensions;
select plan(28);
select tests.create_rows();

-- select
select is(
  tests.attempt('anon', $sql$select 1 from stepbase.outbox where aggregate_id = '00000000-0000-4000-8000-00000000d020'$sql$),
  '42501', 'anon is refused'
);
select is(
  tests.attempt('admin', $sql$select 1 from stepbase.outbox where aggregate_id = '00000000-0000-4000-8000-00000000d020'$sql$),
  '42501', 'admin is refused'
);
select is(
  tests.attempt('viewer', $sql$select 1 from stepbase.outbox where aggregate_id = '00000000-0000-4000-8000-00000000d020'$sql$),
  '42501', 'viewer is refused'
);
select is(
  tests.attempt('foreigner', $sql$select 1 from stepbase.outbox where aggregate_id = '00000000-0000-4000-8000-00000000d020'$sql$),
  '42501', 'foreigner is refused'
);
-- insert
select is(
  tests.attempt('admin', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'admin may not insert'
);
select is(
  tests.attempt('developer', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'developer may not insert'
);
select is(
  tests.attempt('viewer', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'viewer may not insert'
);
select is(
  tests.attempt('sister', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'sister may not insert'
);
select is(
  tests.attempt('foreigner', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'foreigner may not insert'
);
select is(
  tests.attempt('stranger', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'stranger may not insert'
);
select is(
  tests.attempt('removed', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'removed may not insert'
);
select is(
  tests.attempt('anon', $sql$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type) values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed')$sql$),
  '42501', 'anon may not insert'
);
-- update
select is(
  tests.attempt('admin', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'admin may not update'
);
select is(
  tests.attempt('developer', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'developer may not update'
);
select is(
  tests.attempt('viewer', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'viewer may not update'
);
select is(
  tests.attempt('sister', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'sister may not update'
);
select is(
  tests.attempt('foreigner', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'foreigner may not update'
);
select is(
  tests.attempt('stranger', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'stranger may not update'
);
select is(
  tests.attempt('removed', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'removed may not update'
);
select is(
  tests.attempt('anon', $sql$update stepbase.outbox set published_at = now() where app_code = 'tap-one'$sql$),
  '42501', 'anon may not update'
);
-- delete
select is(
  tests.attempt('admin', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'admin may not delete'
);
select is(
  tests.attempt('developer', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'developer may not delete'
);
select is(
  tests.attempt('viewer', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'viewer may not delete'
);
select is(
  tests.attempt('sister', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'sister may not delete'
);
select is(
  tests.attempt('foreigner', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'foreigner may not delete'
);
select is(
  tests.attempt('stranger', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'stranger may not delete'
);
select is(
  tests.attempt('removed', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'removed may not delete'
);
select is(
  tests.attempt('anon', $sql$delete from stepbase.outbox where app_code = 'tap-one'$sql$),
  '42501', 'anon may not delete'
);

select * from finish();
rollback;
