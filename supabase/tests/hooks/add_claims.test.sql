-- add_claims in a project's own access-token hook: it adds Stepbase's claims and keeps all others.

begin;
set local search_path = public, extensions;
select plan(11);
select tests.create_people();

-- The hook of a project beside Stepbase: it adds a claim before and one after.
create function public.own_hook(event jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  event := jsonb_set(event, '{claims,plan}', '"pro"');
  event := stepbase_private.add_claims(event);
  return jsonb_set(event, '{claims,region}', '"eu"', true);
end;
$$;
create function pg_temp.answer(p_who text)
returns jsonb
language sql
as $$
  select public.own_hook(jsonb_build_object(
    'user_id', (select p.user_id from tests.person(p_who) p),
    'authentication_method', 'password',
    'claims', '{"sub": "x", "aal": "aal1", "app_role": "admin", "permissions": ["audit:read"], "api_key_id": "y"}'::jsonb
  ));
$$;

select is(pg_temp.answer('viewer') #>> '{claims,app_code}', 'tap-one', 'add_claims adds the application');
select is(
  pg_temp.answer('viewer') #>> '{claims,org_id}', '00000000-0000-4000-8000-00000000e001', 'add_claims adds the organization'
);
select is(pg_temp.answer('viewer') #>> '{claims,app_role}', 'viewer', 'add_claims replaces a forged role');
select is(
  pg_temp.answer('viewer') #> '{claims,permissions}',
  (select to_jsonb(r.permissions) from stepbase.app_roles r where r.app_code = 'tap-one' and r.name = 'viewer'), 'add_claims replaces forged permissions'
);
select is(
  (pg_temp.answer('viewer') -> 'claims') - '{app_code,org_id,app_role,permissions}'::text[],
  '{"sub": "x", "aal": "aal1", "plan": "pro", "region": "eu"}',
  'add_claims keeps the claims of Auth and of the project, and removes a forged api_key_id'
);
select is(
  pg_temp.answer('stranger') -> 'claims', '{"sub": "x", "aal": "aal1", "plan": "pro", "region": "eu"}',
  'a user without a membership gets none of its claims, not even forged ones'
);
select is(
  pg_temp.answer('viewer') ->> 'authentication_method', 'password', 'add_claims keeps the other members of the event'
);

update stepbase.users set is_active = false where id = (select p.user_id from tests.person('viewer') p);
select is(
  pg_temp.answer('viewer'), '{"error": {"http_code": 403, "message": "This account is deactivated"}}',
  'a deactivated account is refused, although the project adds a claim afterwards'
);

select is(tests.attempt('anon', $$select stepbase_private.add_claims('{}')$$), '42501', 'an anonymous caller cannot call add_claims');
select is(tests.attempt('admin', $$select stepbase_private.add_claims('{}')$$), '42501', 'a user cannot call add_claims');
select ok(
  has_function_privilege('supabase_auth_admin', 'stepbase_private.add_claims(jsonb)', 'execute'),
  'the auth server can call add_claims'
);

select * from finish();
rollback;
