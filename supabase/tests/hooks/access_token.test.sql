-- The access-token hook: claims of the active membership, none without one, an error for the deactivated.

begin;
set local search_path = public, extensions;
select plan(17);
select tests.create_people();

create function pg_temp.claims(who text)
returns jsonb
language sql
as $$
  select stepbase_private.custom_access_token_hook(jsonb_build_object(
    'user_id', (select p.user_id from tests.person(who) p),
    'claims', '{"sub": "x", "role": "authenticated", "aal": "aal1"}'::jsonb,
    'authentication_method', 'password'
  )) -> 'claims'
$$;

select is(pg_temp.claims('developer') ->> 'app_code', 'tap-one', 'app_code');
select is(pg_temp.claims('developer') ->> 'org_id', '00000000-0000-4000-8000-00000000e001', 'org_id');
select is(pg_temp.claims('developer') ->> 'app_role', 'developer', 'app_role');
select is(
  pg_temp.claims('developer') -> 'permissions',
  (select to_jsonb(r.permissions) from stepbase.user_roles r where r.name = 'developer'), 'permissions'
);
select is(pg_temp.claims('developer') ->> 'role', 'authenticated', 'the required claims stay');
select is(pg_temp.claims('developer') ->> 'aal', 'aal1', 'all of them');
select is(pg_temp.claims('stranger'), '{"sub": "x", "role": "authenticated", "aal": "aal1"}', 'no membership: nothing added');
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "00000000-0000-4000-8000-00000000f006",
    "claims": {"sub": "x", "app_code": "tap-one", "permissions": ["audit:read"], "api_key_id": "y"}}') -> 'claims',
  '{"sub": "x"}', 'forged values of its claims are removed'
);
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "99999999-0000-4000-8000-000000000000", "claims": {"sub": "x"}}') -> 'claims',
  '{"sub": "x"}', 'an unknown user: nothing added'
);

insert into stepbase.app_members (app_code, user_id, role, created_at)
select 'tap-three', p.user_id, 'viewer', '2000-01-01' from tests.person('developer') p;
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-three', 'without an active application: the oldest membership');
update stepbase.users set active_app_code = 'tap-one' where id = (select p.user_id from tests.person('developer') p);
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-one', 'the active application comes first');
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-three', 'a deleted application does not count');
update stepbase.organizations set deleted_at = now() where slug = 'tap-other-org';
select is(pg_temp.claims('developer') ->> 'app_code', null, 'an application of a deleted organization does not count');

update stepbase.users set is_active = false where id = (select p.user_id from tests.person('admin') p);
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "00000000-0000-4000-8000-00000000f001", "claims": {}}') #>> '{error,http_code}',
  '403', 'a deactivated user gets no token'
);

select is(tests.attempt('anon', $$select stepbase_private.custom_access_token_hook('{}')$$), '42501', 'anon may not call it');
select is(tests.attempt('admin', $$select stepbase_private.custom_access_token_hook('{}')$$), '42501', 'users may not call it');
select ok(
  has_function_privilege('supabase_auth_admin', 'stepbase_private.custom_access_token_hook(jsonb)', 'execute')
    and has_schema_privilege('supabase_auth_admin', 'stepbase', 'usage')
    and has_table_privilege('supabase_auth_admin', 'stepbase.app_members', 'select')
    and has_table_privilege('supabase_auth_admin', 'stepbase.users', 'select'),
  'the auth server may, and may read what it needs'
);

select * from finish();
rollback;
