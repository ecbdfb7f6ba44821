-- The active application belongs to the Auth session: a switch changes the tokens of one session and of new ones only.

begin;
set local search_path = public, extensions;
select plan(13);
select tests.create_people();
insert into stepbase.app_members (app_code, user_id, role, created_at)
values ('tap-two', '00000000-0000-4000-8000-00000000f001', 'viewer', now() + interval '1 hour');

-- The application in the next token of a session (1, 2, …) of admin.
create function pg_temp.next_app(p_session int)
returns text
language sql
as $$
  select stepbase_private.custom_access_token_hook(jsonb_build_object(
    'user_id', '00000000-0000-4000-8000-00000000f001',
    'claims', jsonb_build_object('sub', 'x', 'session_id', '00000000-0000-4000-8000-00000000510' || p_session)
  )) #>> '{claims,app_code}';
$$;
create function pg_temp.switch(p_session int, p_app text, p_user text default '00000000-0000-4000-8000-00000000f001')
returns text
language plpgsql
as $$
begin
  perform set_config('request.jwt.claims', jsonb_build_object(
    'sub', p_user, 'role', 'authenticated', 'app_code', 'tap-one',
    'session_id', '00000000-0000-4000-8000-00000000510' || p_session
  )::text, true);
  perform set_config('role', 'authenticated', true);
  perform stepbase.switch_app(p_app);
  perform tests.leave();
  return p_app;
end;
$$;

select is(pg_temp.next_app(1), 'tap-one', 'a session begins in the oldest membership');
select is(pg_temp.next_app(2), 'tap-one', 'so does a second one');
select is(pg_temp.switch(2, 'tap-two'), 'tap-two', 'the second session switches');
select is(pg_temp.next_app(2), 'tap-two', 'its next token is for the other application');
select is(pg_temp.next_app(1), 'tap-one', 'a refresh of the first session stays in its application');
select is(pg_temp.next_app(3), 'tap-two', 'a new session begins in the application that the user chose last');
select is(pg_temp.switch(1, 'tap-one'), 'tap-one', 'the first session switches to where it is');
select is(pg_temp.next_app(2), 'tap-two', 'the second session stays');

select is(
  pg_temp.switch(2, 'tap-three', '00000000-0000-4000-8000-00000000f005'), 'tap-three', 'another user names the same session'
);
select is(pg_temp.next_app(2), 'tap-two', 'which changes nothing for the user of the session');

delete from stepbase.app_members where app_code = 'tap-two' and user_id = '00000000-0000-4000-8000-00000000f001';
select is(pg_temp.next_app(2), 'tap-one', 'after the membership has ended the session gets another application');

-- Sessions that have ended.
insert into auth.sessions (id, user_id)
values ('00000000-0000-4000-8000-000000005101', '00000000-0000-4000-8000-00000000f001');
select is(stepbase_private.forget_ended_sessions(), 1, 'maintenance forgets a session that has ended');
select results_eq(
  'select right(s.session_id::text, 1) from stepbase_private.session_apps s', $$values ('1')$$, 'and keeps the others'
);

select * from finish();
rollback;
