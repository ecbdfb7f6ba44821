-- The membership is read in every statement: a removal, demotion or switch takes effect in the next one.

begin;
set local search_path = public, extensions;
select plan(42);
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
-- Adding members. sister shares tap-two with partner, a user who works there and nowhere else.
insert into auth.users (id, aud, role, email)
values
  ('00000000-0000-4000-8000-00000000f00a', 'authenticated', 'authenticated', 'partner@tap.example'),
  ('00000000-0000-4000-8000-00000000f00b', 'authenticated', 'authenticated', 'newcomer@tap.example');
insert into stepbase.organizations (id, slug, name) values ('00000000-0000-4000-8000-00000000e003', 'tap-side', 'Side');
insert into stepbase.applications (app_code, organization_id, name)
values ('tap-side', '00000000-0000-4000-8000-00000000e003', 'Side');
insert into stepbase.app_members (app_code, user_id, role)
values
  ('tap-two', '00000000-0000-4000-8000-00000000f00a', 'viewer'),
  ('tap-three', '00000000-0000-4000-8000-00000000f004', 'admin');
create function pg_temp.add(p_who text, p_app text, p_user uuid)
returns text
language sql
as $$
  select tests.attempt(p_who, format(
    'insert into stepbase.app_members (app_code, user_id, role) values (%L, %L, %L)', p_app, p_user, 'developer'
  ));
$$;
create function pg_temp.claimed_app(p_user uuid)
returns text
language sql
as $$
  select stepbase_private.custom_access_token_hook(
    jsonb_build_object('user_id', p_user, 'claims', '{}'::jsonb)
  ) #>> '{claims,app_code}';
$$;

select is(pg_temp.add('sister', 'tap-two', u.id), '42501', format('a person without a common application is not added: %s', u.what))
from (
  values
    ('a user of no application', '00000000-0000-4000-8000-00000000f00b'::uuid),
    ('an unknown user, with the same error', '99999999-0000-4000-8000-000000000001'::uuid)
) u (what, id);
select is(pg_temp.add('sister', 'tap-three', '00000000-0000-4000-8000-00000000f00a'), '42501', 'the token names the application');
select is(
  pg_temp.add('sister', 'tap-two', '00000000-0000-4000-8000-00000000f005'), 'ok 1', 'a user with whom an admin shares an application is added'
);
select is(
  tests.attempt('sister', $$insert into stepbase.app_members (app_code, user_id, accepted_at)
    values ('tap-two', '00000000-0000-4000-8000-00000000f005', now())$$), '42501', 'no client accepts for others'
);
select is(
  tests.attempt('sister', $$insert into stepbase.app_members (app_code, user_id, invited_by)
    values ('tap-two', '00000000-0000-4000-8000-00000000f005', '99999999-0000-4000-8000-000000000001')$$), '42501',
  'no client writes who invited'
);
select is(
  tests.attempt('sister', 'update stepbase.app_members set accepted_at = now()'), '42501', 'nor changes it later'
);

-- tap-two asks foreigner, who works in tap-three.
select tests.perform_as('sister', $$with added as (
    insert into stepbase.app_members (app_code, user_id, role)
    values ('tap-two', '00000000-0000-4000-8000-00000000f005', 'admin') returning user_id
  ) select user_id from added$$);
select results_eq(
  $$select m.invited_by, m.accepted_at from stepbase.app_members m
    where m.app_code = 'tap-two' and m.user_id = '00000000-0000-4000-8000-00000000f005'$$,
  $$values ('00000000-0000-4000-8000-00000000f004'::uuid, null::timestamptz)$$, 'the membership waits for consent'
);
select is(pg_temp.claimed_app('00000000-0000-4000-8000-00000000f005'), 'tap-three', 'the user stays in the own application');
create function pg_temp.app_of(p_user uuid, p_claimed text)
returns text
language plpgsql
as $$
declare
  v_app text;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', p_user, 'role', 'authenticated', 'app_code', p_claimed)::text, true);
  v_app := stepbase_private.app_code();
  perform set_config('request.jwt.claims', '', true);
  return v_app;
end;
$$;
select is(pg_temp.app_of('00000000-0000-4000-8000-00000000f005', 'tap-two'), null, 'a token for the new application is worth nothing');
update stepbase.app_members set accepted_at = null where app_code = 'tap-three' and user_id = '00000000-0000-4000-8000-00000000f004';
select is(
  tests.attempt('sister', $$select 1 from stepbase.users where id = '00000000-0000-4000-8000-00000000f005'$$), 'ok 0',
  'its admins do not see the user''s profile'
);
select is(
  tests.attempt('sister', $$select 1 from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f005'$$), 'ok 1',
  'they see that the membership waits'
);
select is(
  tests.attempt('sister', $$delete from stepbase.app_members where app_code = 'tap-two'
    and user_id = '00000000-0000-4000-8000-00000000f004'$$), 'SB409', 'an admin who has not accepted does not replace the last one'
);
select is(
  tests.attempt('foreigner', $$delete from stepbase.app_members where app_code = 'tap-two'
    and user_id = '00000000-0000-4000-8000-00000000f005'$$), 'ok 1', 'the user can decline'
);
select is(tests.attempt('foreigner', $$select stepbase.switch_app('tap-side')$$), 'SB404', 'there is nothing to accept elsewhere');
select is(tests.perform_as('foreigner', $$select (stepbase.switch_app('tap-two')).app_code$$), 'tap-two', 'switch_app accepts');
select isnt(
  (
    select m.accepted_at from stepbase.app_members m
    where m.app_code = 'tap-two' and m.user_id = '00000000-0000-4000-8000-00000000f005'
  ), null, 'the membership counts'
);
select is(pg_temp.claimed_app('00000000-0000-4000-8000-00000000f005'), 'tap-two', 'the next token is for it');
select is(pg_temp.app_of('00000000-0000-4000-8000-00000000f005', 'tap-two'), 'tap-two', 'and is worth something');
select is(
  tests.attempt('sister', $$select 1 from stepbase.users where id = '00000000-0000-4000-8000-00000000f005'$$), 'ok 1',
  'members see the profile of a member'
);

-- A new user of whom only an uninvited membership exists.
insert into stepbase.app_members (app_code, user_id, role, accepted_at, created_at)
values ('tap-two', '00000000-0000-4000-8000-00000000f00b', 'viewer', null, '2000-01-01');
select is(pg_temp.claimed_app('00000000-0000-4000-8000-00000000f00b'), null, 'a new user lands in no application unasked');
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-side', '00000000-0000-4000-8000-00000000f00b', 'viewer');
select is(
  pg_temp.claimed_app('00000000-0000-4000-8000-00000000f00b'), 'tap-side', 'a membership by the service role counts at once'
);

update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(tests.attempt('admin', 'select 1 from stepbase.workflows'), 'ok 0', 'a member of a deleted application cannot read its workflows');

select * from finish();
rollback;
