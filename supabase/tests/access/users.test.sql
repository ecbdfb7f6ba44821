-- Profiles: users see themselves and the members of their application, and can change only their own profile.

begin;
set local search_path = public, extensions;
select plan(26);
select tests.create_people();

select is(tests.attempt('viewer', 'select 1 from stepbase.users'), 'ok 3', 'a viewer sees the three members of the application');
select is(tests.attempt('foreigner', 'select 1 from stepbase.users'), 'ok 1', 'an application of another organization sees no member of tap-one');
select is(tests.attempt('stranger', 'select 1 from stepbase.users'), 'ok 1', 'a user without a membership sees only their own profile');
select is(tests.attempt('removed', 'select 1 from stepbase.users'), 'ok 1', 'a removed member sees only their own profile');
select is(tests.attempt('anon', 'select 1 from stepbase.users'), '42501', 'an anonymous caller cannot read profiles');
select is(
  tests.attempt('viewer', $$update stepbase.users set display_name = 'Me' where id = stepbase_private.user_id()$$),
  'ok 1', 'a viewer can change their own name'
);
select is(
  tests.attempt('admin', $$update stepbase.users set display_name = 'You' where id <> stepbase_private.user_id()$$),
  'ok 0', 'an admin cannot change the name of another user'
);
select is(
  tests.attempt('viewer', $$update stepbase.users set locked_until = null$$), '42501', 'a user cannot unlock their own account'
);
select is(
  tests.attempt('viewer', $$update stepbase.users set active_app_code = 'tap-three'$$), '42501',
  'only switch_app can set the active application'
);
select is(
  tests.attempt('admin', $$insert into stepbase.users (id, email) values (gen_random_uuid(), 'x@y.example')$$),
  '42501', 'an admin cannot create a profile'
);
select is(tests.attempt('admin', 'delete from stepbase.users'), '42501', 'an admin cannot delete profiles');

-- Of other members: id, e-mail, display name and avatar. The own row: my_profile.
select is(
  tests.attempt('admin', 'select id, email, display_name, avatar_url from stepbase.users'), 'ok 3', 'members read four columns'
);
select is_empty(
  $$select a.attname
    from pg_attribute a
    where a.attrelid = 'stepbase.users'::regclass and a.attnum > 0 and not a.attisdropped
      and a.attname <> all (array['id', 'email', 'display_name', 'avatar_url'])
      and has_column_privilege('authenticated', a.attrelid, a.attnum, 'select')$$,
  'and no others'
);
select is(tests.attempt('admin', 'select * from stepbase.users'), '42501', 'not by a star either');
update stepbase.users set full_name = 'Vi Ewer', active_app_code = 'tap-one' where email = 'viewer@tap.example';
select is(
  tests.perform_as('viewer', $$select p.full_name || ' ' || p.active_app_code from stepbase.my_profile() p$$), 'Vi Ewer tap-one',
  'everybody reads the own profile whole'
);
select is(tests.attempt('anon', 'select stepbase.my_profile()'), '42501', 'anon has none');
select is(
  tests.attempt('viewer', $$update stepbase.users set username = 'taken' where id = stepbase_private.user_id()$$), '42501',
  'no client can try usernames'
);

-- A foreign key to users tells whether an id exists, if a client can write the column.
select is_empty(
  $$select c.conrelid::regclass, a.attname
    from pg_constraint c
    cross join unnest(c.conkey) k (attnum)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
    cross join unnest(array['authenticated', 'anon']) r (role)
    where c.contype = 'f' and c.confrelid = 'stepbase.users'::regclass
      and c.conrelid <> 'stepbase.app_members'::regclass
      and (
        has_column_privilege(r.role, c.conrelid, a.attnum, 'insert')
        or has_column_privilege(r.role, c.conrelid, a.attnum, 'update')
      )$$,
  'clients write no reference to a user, but for memberships'
);
select ok(
  not has_column_privilege('authenticated', 'stepbase.app_members', 'invited_by', 'insert')
    and not has_column_privilege('authenticated', 'stepbase.app_members', 'user_id', 'update'),
  'of a membership, clients write the user once, under a policy'
);

insert into auth.users (id, aud, role, email, raw_user_meta_data)
values ('00000000-0000-4000-8000-00000000f009', 'authenticated', 'authenticated', 'New@Tap.example', '{"display_name": "Nia"}');
select is(
  (select u.email || ' ' || u.display_name from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  'new@tap.example Nia', 'a new auth user gets a profile'
);
update auth.users set email = 'newer@tap.example', last_sign_in_at = '2026-01-01'
where id = '00000000-0000-4000-8000-00000000f009';
select is(
  (select u.email from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  'newer@tap.example', 'the profile follows a change of the e-mail address'
);
select is(
  (select u.last_login_at from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'),
  '2026-01-01'::timestamptz, 'the profile follows the last sign-in'
);
insert into stepbase.app_members (app_code, user_id, role, accepted_at)
values ('tap-one', '00000000-0000-4000-8000-00000000f009', 'viewer', now());
create function pg_temp.sign_in() returns text language sql as $$
  select tests.perform_as('admin', $a$
    select string_agg(to_char(s.last_login_at at time zone 'UTC', 'YYYY-MM-DD'), ' ') from stepbase.list_sign_ins() s
    where s.user_id = '00000000-0000-4000-8000-00000000f009'
  $a$)
$$;
select is(pg_temp.sign_in(), '2026-01-01', 'an admin reads when a member last signed in');
update stepbase.app_members set accepted_at = null where user_id = '00000000-0000-4000-8000-00000000f009';
select is(pg_temp.sign_in(), null, 'but not of a person who has not accepted');
delete from auth.users where id = '00000000-0000-4000-8000-00000000f009';
select is_empty(
  $$select 1 from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f009'$$, 'a deleted auth user has no profile'
);
select is(
  tests.attempt('owner', $$update stepbase.users set active_app_code = 'tap-three'
    where id = '00000000-0000-4000-8000-00000000f001'$$),
  '23503', 'the active application must be one of the user''s memberships'
);

select * from finish();
rollback;
