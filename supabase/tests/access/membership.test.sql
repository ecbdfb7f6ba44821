-- The membership is read in every statement: a removal, demotion or switch takes effect in the next one.

begin;
set local search_path = public, extensions;
select plan(20);
select tests.create_rows();

select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 1', 'a member can read workflows');
delete from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f003';
select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 0', 'a removed member cannot read workflows with the same token');
select is(tests.attempt('viewer', 'select 1 from stepbase.runs'), 'ok 0', 'a removed member cannot read runs with the same token');

select is(
  tests.attempt('developer', $$update stepbase.workflows set description = 'y'$$), 'ok 1', 'a developer can change workflows'
);
update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$update stepbase.workflows set description = 'y'$$), 'ok 0', 'a demoted developer cannot change workflows with the same token'
);
update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f002';
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 0', 'a deactivated user cannot read workflows');

select is(
  tests.attempt('admin', $$delete from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f001'$$),
  'SB409', 'the last admin cannot leave while others remain'
);
select is(
  tests.attempt('admin', $$update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f001'$$),
  'SB409', 'the last admin cannot take another role while others remain'
);
select is(
  tests.attempt('admin', $$update stepbase.app_members set app_code = 'tap-three'$$), '42501', 'a membership cannot move to another application'
);
select is(
  tests.attempt('admin', $$insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-three', '00000000-0000-4000-8000-00000000f001', 'admin')$$),
  '42501', 'an admin cannot join another application'
);
select is(
  tests.attempt('stranger', $$insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-one', '00000000-0000-4000-8000-00000000f006', 'admin')$$),
  '42501', 'a user without a membership cannot join an application'
);

-- switch_app
select is(tests.attempt('admin', $$select stepbase.switch_app('tap-three')$$), 'SB404', 'switch_app refuses an application without a membership');
select is(tests.attempt('admin', $$select stepbase.switch_app('tap-nowhere')$$), 'SB404', 'switch_app refuses an unknown application');
select is(tests.attempt('anon', $$select stepbase.switch_app('tap-one')$$), '42501', 'an anonymous caller cannot call switch_app');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-three', '00000000-0000-4000-8000-00000000f001', 'viewer');
select is(tests.attempt('admin', 'select 1 from stepbase.applications'), 'ok 2', 'a user with two memberships sees two applications');
select is(
  tests.perform_as('admin', $$select (stepbase.switch_app('tap-three')).app_code$$), 'tap-three', 'switch_app returns the new membership'
);
select is(
  (select u.active_app_code from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f001'), 'tap-three',
  'switch_app stores the active application'
);
select is(
  stepbase_private.custom_access_token_hook(
    '{"user_id": "00000000-0000-4000-8000-00000000f001", "claims": {}}'
  ) #>> '{claims,app_code}', 'tap-three', 'the next token is for the active application'
);
delete from stepbase.app_members where app_code = 'tap-three' and user_id = '00000000-0000-4000-8000-00000000f001';
select is(
  (select u.active_app_code from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f001'), null,
  'a removed membership is no longer the active one'
);
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(tests.attempt('admin', 'select 1 from stepbase.workflows'), 'ok 0', 'a member of a deleted application cannot read its workflows');

select * from finish();
rollback;
