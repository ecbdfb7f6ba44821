-- set_member_role, remove_member and leave_application: no one gives a permission that they lack, and an admin remains.

begin;
set local search_path = public, extensions;
select plan(22);
select tests.create_people();

-- A role that manages members, but runs nothing, and its only member.
insert into stepbase.app_roles (app_code, name, label, permissions)
values ('tap-one', 'office', 'Office', '{member:manage,member:read,run:read,workflow:read}');
insert into stepbase.app_roles (app_code, name, label, permissions)
values ('tap-one', 'reader', 'Reader', '{run:read,workflow:read}');
insert into stepbase.app_roles (app_code, name, label, permissions) values ('tap-two', 'legal', 'Legal', '{run:read}');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-one', '00000000-0000-4000-8000-00000000f007', 'office');

select is(
  tests.attempt(t.who, format('select stepbase.set_member_role(%L, %L)', t.member::uuid, t.role)), t.answer, t.what
)
from (
  values
    ('admin', '00000000-0000-4000-8000-00000000f003', 'office', 'ok 1', 'an admin gives a role'),
    ('admin', '00000000-0000-4000-8000-00000000f003', 'king', 'SB400', 'an unknown role is refused'),
    ('admin', '00000000-0000-4000-8000-00000000f003', 'legal', 'SB400', 'a role of another application is unknown'),
    ('admin', '00000000-0000-4000-8000-00000000f005', 'viewer', 'SB404', 'a member of another application is unknown'),
    ('admin', '00000000-0000-4000-8000-00000000f001', 'viewer', 'SB409', 'the last admin keeps the role'),
    ('developer', '00000000-0000-4000-8000-00000000f003', 'developer', 'SB403', 'member:manage is required'),
    ('removed', '00000000-0000-4000-8000-00000000f007', 'reader', 'ok 1', 'a member manager takes a role with fewer permissions'),
    ('removed', '00000000-0000-4000-8000-00000000f007', 'admin', 'SB403', 'no one gives themselves permissions that they lack'),
    ('removed', '00000000-0000-4000-8000-00000000f002', 'reader', 'SB403', 'a member with more permissions keeps the role')
) t (who, member, role, answer, what);
select is(
  tests.detail_of('removed', $$select stepbase.set_member_role('00000000-0000-4000-8000-00000000f007', 'developer')$$)
    -> 'permissions' ? 'run:execute',
  true, 'the error has the permissions that the caller lacks'
);
select tests.leave();

-- The table has the same rule.
select is(
  tests.attempt('removed', $$update stepbase.app_members set role = 'admin' where user_id = '00000000-0000-4000-8000-00000000f007'$$),
  '42501', 'a direct update gives no permissions that the caller lacks'
);
select is(
  tests.attempt('removed', $$update stepbase.app_members set role = 'reader' where user_id = '00000000-0000-4000-8000-00000000f002'$$),
  'ok 0', 'a direct update changes no member with more permissions'
);
select is(
  tests.attempt('removed', $$delete from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f002'$$), 'ok 0',
  'a direct delete removes no member with more permissions'
);
select is(
  tests.attempt('admin', $$update stepbase.app_members set role = 'legal' where user_id = '00000000-0000-4000-8000-00000000f003'$$),
  '42501', 'a role of another application cannot be given'
);
select is(
  tests.attempt('owner', $$update stepbase.app_members set role = 'legal' where user_id = '00000000-0000-4000-8000-00000000f003'$$),
  '23503', 'not even by the owner'
);

select is(
  tests.attempt(t.who, format('select stepbase.remove_member(%L)', t.member::uuid)), t.answer, t.what
)
from (
  values
    ('admin', '00000000-0000-4000-8000-00000000f002', 'ok 1', 'an admin removes a member'),
    ('admin', '00000000-0000-4000-8000-00000000f001', 'SB409', 'the last admin cannot be removed'),
    ('removed', '00000000-0000-4000-8000-00000000f002', 'SB403', 'a member with more permissions cannot be removed'),
    ('viewer', '00000000-0000-4000-8000-00000000f003', 'SB403', 'member:manage is required, also to remove oneself')
) t (who, member, answer, what);

delete from stepbase.app_members where app_code = 'tap-one' and role <> 'admin';
select is(tests.attempt('admin', 'select stepbase.leave_application()'), 'SB409', 'the only member cannot leave an application without an admin');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-one', '00000000-0000-4000-8000-00000000f002', 'admin');
select is(
  tests.perform_as('admin', 'select (stepbase.leave_application()).app_code'), 'tap-one', 'one of two admins can leave'
);
select is(
  tests.attempt('owner', $$delete from stepbase.app_members where app_code = 'tap-one'$$), 'ok 1', 'an operator can remove all members'
);

select * from finish();
rollback;
