-- The access-token hook: adds the claims of the active membership, and returns an error for a deactivated user.

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

select is(pg_temp.claims('developer') ->> 'app_code', 'tap-one', 'the hook adds app_code');
select is(pg_temp.claims('developer') ->> 'org_id', '00000000-0000-4000-8000-00000000e001', 'the hook adds org_id');
select is(pg_temp.claims('developer') ->> 'app_role', 'developer', 'the hook adds app_role');
select is(
  pg_temp.claims('developer') -> 'permissions',
  (select to_jsonb(r.permissions) from stepbase.app_roles r where r.app_code = 'tap-one' and r.name = 'developer'), 'the hook adds permissions'
);
select is(pg_temp.claims('developer') ->> 'role', 'authenticated', 'the hook keeps the claim role');
select is(pg_temp.claims('developer') ->> 'aal', 'aal1', 'the hook keeps the claim aal');
select is(pg_temp.claims('stranger'), '{"sub": "x", "role": "authenticated", "aal": "aal1"}', 'a user without a membership gets no claims');
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "00000000-0000-4000-8000-00000000f006",
    "claims": {"sub": "x", "app_code": "tap-one", "permissions": ["audit:read"], "api_key_id": "y"}}') -> 'claims',
  '{"sub": "x"}', 'the hook removes forged values of its claims'
);
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "99999999-0000-4000-8000-000000000000", "claims": {"sub": "x"}}') -> 'claims',
  '{"sub": "x"}', 'an unknown user gets no claims'
);

insert into stepbase.app_members (app_code, user_id, role, created_at)
select 'tap-three', p.user_id, 'viewer', '2000-01-01' from tests.person('developer') p;
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-three', 'without an active application the claims are those of the oldest membership');
update stepbase.users set active_app_code = 'tap-one' where id = (select p.user_id from tests.person('developer') p);
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-one', 'the active application has precedence');
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(pg_temp.claims('developer') ->> 'app_code', 'tap-three', 'a deleted application is ignored');
update stepbase.organizations set deleted_at = now() where slug = 'tap-other-org';
select is(pg_temp.claims('developer') ->> 'app_code', null, 'an application of a deleted organization is ignored');

update stepbase.users set is_active = false where id = (select p.user_id from tests.person('admin') p);
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "00000000-0000-4000-8000-00000000f001", "claims": {}}') #>> '{error,http_code}',
  '403', 'a deactivated user gets no token'
);

select is(tests.attempt('anon', $$select stepbase_private.custom_access_token_hook('{}')$$), '42501', 'an anonymous caller cannot call the hook');
select is(tests.attempt('admin', $$select stepbase_private.custom_access_token_hook('{}')$$), '42501', 'a user cannot call the hook');
select ok(
  has_function_privilege('supabase_auth_admin', 'stepbase_private.custom_access_token_hook(jsonb)', 'execute')
    and has_schema_privilege('supabase_auth_admin', 'stepbase', 'usage')
    and has_table_privilege('supabase_auth_admin', 'stepbase.app_members', 'select')
    and has_table_privilege('supabase_auth_admin', 'stepbase.users', 'select'),
  'the auth server can call the hook and read its tables'
);

select * from finish();
rollback;
