-- Profiles: everybody sees themselves and the members of their application, and changes the own profile.

begin;
set local search_path = public, extensions;
select plan(16);
select tests.create_people();

select is(tests.attempt('viewer', 'select 1 from stepbase.users'), 'ok 3', 'viewer sees the three members');
select is(tests.attempt('foreigner', 'select 1 from stepbase.users'), 'ok 1', 'foreigner sees nobody of tap-one');
select is(tests.attempt('stranger', 'select 1 from stepbase.users'), 'ok 1', 'stranger sees only the own profile');
select is(tests.attempt('removed', 'select 1 from stepbase.users'), 'ok 1', 'removed sees only the own profile');
select is(tests.attempt('anon', 'select 1 from stepbase.users'), '42501', 'anon is refused');
select is(
  tests.attempt('viewer', $$update stepbase.users set display_name = 'Me' where id = stepbase_private.user_id()$$),
  'ok 1', 'viewer changes the own name'
);
select is(
  tests.attempt('admin', $$update stepbase.users set display_name = 'You' where id <> stepbase_private.user_id()$$),
  'ok 0', 'admin changes nobody else''s name'
);
select is(
  tests.attempt('viewer', $$update stepbase.users set locked_until = null$$), '42501', 'nobody unlocks themselves'
);
select is(
  tests.attempt('viewer', $$update stepbase.users set active_app_code = 'tap-three'$$), '42501',
  'the active application is set by switch_app only'
);
select is(
  tests.attempt('admin', $$insert into stepbase.users (id, email) values (gen_random_uuid(), 'x@y.example')$$),
  '42501', 'nobody makes profiles'
);
select is(tests.attempt('admin', 'delete from stepbase.users'), '42501', 'nobody deletes profiles');

insert into auth.users (id, aud, role, email, raw_user_meta_data)
values ('00000000-0000-4000-8000-00000000f009', 'authenticated', 'authenticated', 'New@Tap.example', '{"display_name": "Nia"}');
select is(
  (select u.email || ' ' || u.display_name from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  'new@tap.example Nia', 'a new auth user has a profile'
);
update auth.users set email = 'newer@tap.example', last_sign_in_at = '2026-01-01'
where id = '00000000-0000-4000-8000-00000000f009';
select is(
  (select u.email from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  'newer@tap.example', 'the profile follows a change of address'
);
select is(
  (select u.last_login_at from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  '2026-01-01'::timestamptz, 'and the last sign-in'
);
delete from auth.users where id = '00000000-0000-4000-8000-00000000f009';
select is_empty(
  $$select 1 from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'$$, 'a deleted auth user has none'
);
select is(
  tests.attempt('owner', $$update stepbase.users set active_app_code = 'tap-three'
    where id = '00000000-0000-4000-8000-00000000f001'$$),
  '23503', 'the active application is one of the user''s own'
);

select * from finish();
rollback;
