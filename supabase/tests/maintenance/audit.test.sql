-- The audit log records actor, table, and the row before and after a change, without secrets.

begin;
set local search_path = public, extensions;
select plan(14);
select tests.create_rows();

select tests.perform_as('developer', $$with u as (update stepbase.projects set description = 'new' returning id) select id from u$$);
select results_eq(
  $$select l.operation, l.actor_id, l.actor_role, l.changed_columns, l.old_row ->> 'description',
    l.new_row ->> 'description'
    from stepbase.audit_log l where l.table_name = 'projects' and l.operation = 'update' and l.app_code = 'tap-one'$$,
  $$values ('update', '00000000-0000-4000-8000-00000000f002'::uuid, 'authenticated', array['description'], '', 'new')$$,
  'an update is logged with actor, columns, old and new row'
);
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'app_members' and l.operation = 'insert' and l.app_code = 'tap-one'),
  3::bigint, 'each new member is logged'
);
delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005';
select is(
  (select l.old_row ->> 'name' from stepbase.audit_log l where l.table_name = 'projects' and l.operation = 'delete' and l.app_code = 'tap-one'),
  'project', 'a delete is logged with the old row'
);
select is(
  (select l.actor_id from stepbase.audit_log l where l.table_name = 'projects' and l.operation = 'delete' and l.app_code = 'tap-one'),
  null, 'a change without a signed-in user has no actor'
);
select is(
  (select count(*) from stepbase.audit_log l where concat(l.old_row, l.new_row) ~ 'key_hash|aaaaaaaaaa'),
  0::bigint, 'hashes of keys are not logged'
);
update stepbase.api_keys set last_used_at = now() where app_code = 'tap-one';
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'api_keys' and l.operation = 'update' and l.app_code = 'tap-one'),
  0::bigint, 'the use of a key is not logged'
);
update stepbase.projects set name = name;
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'projects' and l.operation = 'update' and l.app_code = 'tap-one'),
  1::bigint, 'an update without a change is not logged'
);
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'workflow_versions' and l.operation = 'update' and l.app_code = 'tap-one'
    and 'status' = any (l.changed_columns)), 1::bigint, 'publishing is logged'
);
select is(
  (
    select count(distinct l.table_name) from stepbase.audit_log l where l.app_code = 'tap-one'
  ), 29::bigint, 'every configuration table is logged'
);
select is(tests.attempt('admin', 'select 1 from stepbase.audit_log limit 1'), 'ok 1', 'an admin can read the log');
select is(tests.attempt('developer', 'select 1 from stepbase.audit_log limit 1'), 'ok 0', 'a developer cannot read the log');
select is(
  tests.attempt('admin', $$select 1 from stepbase.audit_log where app_code <> 'tap-one'$$), 'ok 0', 'an admin cannot read the log of another application'
);
select is(
  (select count(*) from stepbase_engine.audit_log_default), 0::bigint, 'rows are stored in the partition of their month'
);
insert into stepbase.audit_log (app_code, table_name, row_id, operation, actor_role, new_row, created_at)
values ('tap-one', 't', '1', 'insert', 'x', '{}', '1999-01-01');
select is((select count(*) from stepbase_engine.audit_log_default), 1::bigint, 'a row of a month without a partition is stored in the default partition');

select * from finish();
rollback;
