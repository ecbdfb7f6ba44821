-- Roles are data of an application: members with member:manage create, change and delete them, within their own
-- permissions.

begin;
set local search_path = public, extensions;
select plan(26);
select tests.create_tasks();

insert into stepbase.app_roles (app_code, name, label, permissions)
values ('tap-one', 'office', 'Office', '{member:manage,run:read}');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-one', '00000000-0000-4000-8000-00000000f007', 'office');

select is(
  tests.perform_as('admin', $$select (stepbase.create_role('finance', '{run:read,task:complete,run:read}', null, 'Pays'))::text$$)
    ~ 'finance,finance,Pays,.*"\{run:read,task:complete\}",f,',
  true, 'a role has a label, and its permissions sorted and once each'
);
select is(
  tests.perform_as('admin', format(
    'select (stepbase.set_member_role(%L, %L)).role', '00000000-0000-4000-8000-00000000f003', 'finance'
  )),
  'finance', 'a member can have it'
);
select is(
  tests.attempt('viewer', format('select stepbase.decide_approval(%L, true)', tests.sample_id('approval'))), 'ok 1',
  'and has its permissions at once'
);
select is(
  tests.perform_as('admin', $$select (stepbase.update_role('finance', '{run:read}')).description$$), 'Pays',
  'an update keeps what it does not name'
);
select is(
  tests.attempt('viewer', format('select stepbase.decide_approval(%L, true)', tests.sample_id('approval'))), 'SB403',
  'a permission that the role loses is lost at once'
);
select is(
  tests.perform_as('admin', $$select (stepbase.update_role('viewer', null, 'Guest')).permissions @> '{run:read}'$$), 'true',
  'a built-in role can have another label'
);

select is(tests.attempt(t.who, t.statement), t.answer, t.what)
from (
  values
    ('admin', 'SB409', 'a name is unique in the application', $$select stepbase.create_role('finance', '{}')$$),
    ('sister', 'ok 1', 'another application can have the same name', $$select stepbase.create_role('finance', '{}')$$),
    ('admin', 'SB400', 'a name is snake_case', $$select stepbase.create_role('Finance', '{}')$$),
    ('admin', 'SB400', 'permissions are an array', $$select stepbase.create_role('x', null)$$),
    ('admin', 'SB400', 'a permission must exist', $$select stepbase.create_role('x', '{run:reed}')$$),
    ('admin', 'SB400', 'also in an update', $$select stepbase.update_role('finance', '{run:reed}')$$),
    ('admin', 'SB400', 'a label is not blank', $$select stepbase.update_role('finance', null, ' ')$$),
    ('admin', 'SB409', 'admin keeps member:manage', $$select stepbase.update_role('admin', '{run:read}')$$),
    ('admin', 'SB409', 'a built-in role cannot be deleted', $$select stepbase.delete_role('developer')$$),
    ('admin', 'SB409', 'a role with members cannot be deleted', $$select stepbase.delete_role('finance')$$),
    ('removed', 'ok 1', 'a member manager creates a role within their permissions', $$select stepbase.create_role('x', '{run:read}')$$),
    ('removed', 'SB403', 'but none with a permission that they lack', $$select stepbase.create_role('x', '{run:read,run:execute}')$$),
    ('removed', 'SB403', 'nor adds one to their own role', $$select stepbase.update_role('office', '{member:manage,key:manage}')$$),
    ('removed', 'SB403', 'nor takes one from a role that has more', $$select stepbase.update_role('developer', '{run:read}')$$),
    ('removed', 'SB403', 'nor deletes a role that has more', $$select stepbase.delete_role('auditor')$$)
) t (who, answer, what, statement);
select matches(
  (tests.detail_of('admin', $$select stepbase.create_role('x', '{run:reed}')$$) ->> 'permission'), 'run:reed',
  'the error has the unknown permission'
);
select tests.leave();

select tests.perform_as('admin', $$select (stepbase.set_member_role('00000000-0000-4000-8000-00000000f003', 'viewer')).role$$);
update stepbase.step_runs set assigned_roles = '{auditor,finance}' where id = tests.sample_id('approval');
select is(
  tests.detail_of('admin', $$select stepbase.delete_role('finance')$$), '{"code": "conflict", "members": 0, "open_tasks": 1}',
  'a role with open tasks cannot be deleted'
);
select tests.leave();
update stepbase.step_runs set assigned_roles = null where id = tests.sample_id('approval');
select is(tests.attempt('admin', $$select stepbase.delete_role('finance')$$), 'ok 1', 'a role without members and open tasks can be deleted');
select is(
  tests.attempt('owner', $$update stepbase.app_roles set permissions = '{run:read}' where name = 'admin'$$), '23514',
  'admin keeps member:manage, even for the owner'
);
select isnt_empty(
  $$select 1 from stepbase.audit_log where table_name = 'app_roles' and row_id = 'finance' and operation = 'update'$$,
  'the audit log has changes of roles'
);

select * from finish();
rollback;
