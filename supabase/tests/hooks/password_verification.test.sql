-- Five wrong passwords in a row lock an account for 15 minutes, even for the right password.

begin;
set local search_path = public, extensions;
select plan(17);
select tests.create_people();

create function pg_temp.try_password(valid boolean)
returns text
language sql
as $$
  select stepbase_private.password_verification_hook(jsonb_build_object(
    'user_id', '00000000-0000-4000-8000-00000000f003', 'valid', valid
  )) ->> 'decision'
$$;
create function pg_temp.attempts()
returns integer
language sql
as $$
  select u.failed_login_attempts from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f003'
$$;

select is(pg_temp.try_password(true), 'continue', 'the right password passes');
select is(pg_temp.try_password(false), 'continue', 'the hook accepts a first wrong password, which Auth refuses');
select is(pg_temp.try_password(false), 'continue', 'the hook accepts a second wrong password');
select is(pg_temp.attempts(), 2, 'wrong passwords are counted');
select is(pg_temp.try_password(true), 'continue', 'the right password passes after two wrong ones');
select is(pg_temp.attempts(), 0, 'the right password resets the count');
select is(pg_temp.try_password(false), 'continue', 'wrong password ' || n || ' does not lock') from generate_series(1, 4) n;
select is(pg_temp.try_password(false), 'reject', 'the fifth wrong password locks the account');
select is(
  (select u.locked_until from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f003'),
  now() + interval '15 minutes', 'the lock lasts fifteen minutes'
);
select is(pg_temp.try_password(true), 'reject', 'the right password is refused during the lock');
update stepbase.users set locked_until = now() - interval '1 second' where id = '00000000-0000-4000-8000-00000000f003';
select is(pg_temp.try_password(false), 'continue', 'a wrong password after the lock is not refused by the hook');
select is(pg_temp.attempts(), 1, 'an expired lock resets the count');
select is(pg_temp.try_password(true), 'continue', 'the right password passes after the lock');
select is(tests.attempt('admin', $$select stepbase_private.password_verification_hook('{}')$$), '42501', 'a user cannot call the hook');

select * from finish();
rollback;
