-- A membership is read on every statement: removed, demoted or switched, the next query knows.

begin;
set local search_path = public, extensions;
select plan(20);
select tests.create_rows();

select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 1', 'a member sees workflows');
delete from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f003';
select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 0', 'removed: nothing, with the same token');
select is(tests.attempt('viewer', 'select 1 from stepbase.runs'), 'ok 0', 'no runs either');

select is(
  tests.attempt('developer', $$update stepbase.workflows set description = 'y'$$), 'ok 1', 'a developer writes'
);
update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$update stepbase.workflows set description = 'y'$$), 'ok 0', 'demoted: no more, with the same token'
);
update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f002';
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 0', 'deactivated: nothing');

select is(
  tests.attempt('admin', $$delete from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f001'$$),
  'SB409', 'the last admin cannot leave while others remain'
);
select is(
  tests.attempt('admin', $$update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f001'$$),
  'SB409', 'nor step down'
);
select is(
  tests.attempt('admin', $$update stepbase.app_members set app_code = 'tap-three'$$), '42501', 'memberships do not move'
);
select is(
  tests.attempt('admin', $$insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-three', '00000000-0000-4000-8000-00000000f001', 'admin')$$),
  '42501', 'nobody joins another application by themselves'
);
select is(
  tests.attempt('stranger', $$insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-one', '00000000-0000-4000-8000-00000000f006', 'admin')$$),
  '42501', 'a stranger does not let themselves in'
);

-- switch_app
select is(tests.attempt('admin', $$select stepbase.switch_app('tap-three')$$), 'SB404', 'no switching to an application of others');
select is(tests.attempt('admin', $$select stepbase.switch_app('tap-nowhere')$$), 'SB404', 'nor to one that is not there');
select is(tests.attempt('anon', $$select stepbase.switch_app('tap-one')$$), '42501', 'anon switches nothing');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-three', '00000000-0000-4000-8000-00000000f001', 'viewer');
select is(tests.attempt('admin', 'select 1 from stepbase.applications'), 'ok 2', 'two memberships, two applications');
select is(
  tests.perform_as('admin', $$select (stepbase.switch_app('tap-three')).app_code$$), 'tap-three', 'switched'
);
select is(
  (select u.active_app_code from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f001'), 'tap-three',
  'the active application is kept'
);
select is(
  stepbase_private.custom_access_token_hook(
    '{"user_id": "00000000-0000-4000-8000-00000000f001", "claims": {}}'
  ) #>> '{claims,app_code}', 'tap-three', 'and the next token is for it'
);
delete from stepbase.app_members where app_code = 'tap-three' and user_id = '00000000-0000-4000-8000-00000000f001';
select is(
  (select u.active_app_code from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f001'), null,
  'a lost membership is no longer active'
);
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(tests.attempt('admin', 'select 1 from stepbase.workflows'), 'ok 0', 'a deleted application can no longer be entered');

select * from finish();
rollback;
