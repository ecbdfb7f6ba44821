-- What other services do late or never: bans and soft deletions of Supabase Auth, the policy on the table of Realtime,
-- and the history of pg_cron.

begin;
set local search_path = public, extensions;
select plan(15);
select tests.create_rows();

create function pg_temp.profile(p_user_id uuid)
returns text
language sql
as $$
  select format(
    '%s %s %s', case when u.is_active then 'active' else 'inactive' end,
    case when u.banned_until is null then 'free' else 'banned' end,
    case when u.deleted_at is null then 'present' else 'deleted' end
  )
  from stepbase.users u where u.id = p_user_id
$$;

create function pg_temp.ban(p_until timestamptz)
returns void
language sql
as $$update auth.users set banned_until = p_until where id = '00000000-0000-4000-8000-00000000f002'$$;

select pg_temp.ban(now() + interval '1 hour');
select is(pg_temp.profile('00000000-0000-4000-8000-00000000f002'), 'inactive banned present', 'a ban deactivates the account');
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 0', 'its token gives no access any more');
select pg_temp.ban(null);
select is(pg_temp.profile('00000000-0000-4000-8000-00000000f002'), 'active free present', 'lifting the ban activates it');
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 1', 'its token gives access again');
select pg_temp.ban(now() - interval '1 day');
select is(pg_temp.profile('00000000-0000-4000-8000-00000000f002'), 'active free present', 'a ban that is over changes nothing');

select pg_temp.ban(now() + interval '1 hour');
update stepbase.users set banned_until = now() - interval '1 second' where id = '00000000-0000-4000-8000-00000000f002';
select is(stepbase_private.end_bans(), 1, 'maintenance ends a ban when its time has come');
select is(pg_temp.profile('00000000-0000-4000-8000-00000000f002'), 'active free present', 'and the account is active');

update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f002';
select pg_temp.ban(now() + interval '1 hour'), pg_temp.ban(null);
select is(
  pg_temp.profile('00000000-0000-4000-8000-00000000f002'), 'inactive free present',
  'an account that an operator deactivated stays so after a ban'
);

-- As Supabase Auth does it: the address becomes a hash.
update auth.users set email = 'c0ffee', deleted_at = now() where id = '00000000-0000-4000-8000-00000000f003';
select is(pg_temp.profile('00000000-0000-4000-8000-00000000f003'), 'active free deleted', 'a soft deletion reaches the profile');
select isnt(
  (select u.email from stepbase.users u where u.id = '00000000-0000-4000-8000-00000000f003'), 'c0ffee',
  'which keeps its address'
);
select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 0', 'and its token gives no access any more');

select is(stepbase_private.has_realtime_policy(), true, 'the policy on realtime.messages exists');
drop policy if exists "Members receive the run updates they may read" on realtime.messages;
select is(
  stepbase_private.ensure_realtime_policy(), to_regclass('realtime.messages') is not null,
  'maintenance creates a policy that is missing'
);
select is(stepbase_private.has_realtime_policy(), true, 'and it exists again');

create schema if not exists cron;
create table cron.job (jobid bigint, jobname text);
create table cron.job_run_details (runid bigint, jobid bigint, end_time timestamptz);
insert into cron.job values (1, 'stepbase-worker'), (2, 'nightly-report');
insert into cron.job_run_details
select n, 1 + n % 2, now() - n * interval '6 hours' from generate_series(1, 12) n;
select results_eq(
  'select stepbase_engine.prune_cron_history(), (select count(*)::int from cron.job_run_details d where d.jobid = 2)',
  'values (4, 6)',
  'the history of Stepbase''s cron jobs is kept for a day, that of others is left alone'
);

select * from finish();
rollback;
