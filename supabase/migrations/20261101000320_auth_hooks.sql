-- What Supabase Auth asks on every sign-in: the claims of the access token, and whether one more
-- password may be tried. Both run as supabase_auth_admin, with just the rights below.

create function stepbase_private.custom_access_token_hook(event jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_person record;
  v_claims jsonb := coalesce(event -> 'claims', '{}') - '{app_code,org_id,app_role,permissions,api_key_id}'::text[];
  v_membership record;
begin
  select u.is_active, u.deleted_at, u.active_app_code into v_person
  from stepbase.users u
  where u.id = (event ->> 'user_id')::uuid;

  if found and (not v_person.is_active or v_person.deleted_at is not null) then
    return jsonb_build_object('error', jsonb_build_object(
      'http_code', 403, 'message', 'This account is deactivated'));
  end if;

  -- The active application, or the oldest membership when there is none.
  select m.app_code, a.organization_id, m.role, r.permissions into v_membership
  from stepbase.app_members m
  join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  join stepbase.user_roles r on r.name = m.role
  where m.user_id = (event ->> 'user_id')::uuid
  order by (m.app_code is not distinct from v_person.active_app_code) desc, m.created_at, m.app_code
  limit 1;

  if found then
    v_claims := v_claims || jsonb_build_object(
      'app_code', v_membership.app_code,
      'org_id', v_membership.organization_id,
      'app_role', v_membership.role,
      'permissions', to_jsonb(v_membership.permissions)
    );
  end if;
  return jsonb_set(event, '{claims}', v_claims);
end;
$$;

comment on function stepbase_private.custom_access_token_hook(jsonb) is
  'Auth hook: adds app_code, org_id, app_role and permissions of the active membership to the access token; '
  'none of them for a user without a membership.';
grant execute on function stepbase_private.custom_access_token_hook(jsonb) to supabase_auth_admin;

create function stepbase_private.password_verification_hook(event jsonb)
returns jsonb
language plpgsql
volatile
set search_path = ''
as $$
declare
  v_person uuid := (event ->> 'user_id')::uuid;
  v_valid boolean := (event ->> 'valid')::boolean;
  v_locked timestamptz;
begin
  -- One statement, so that parallel guesses are counted one after the other. A lock that has run out
  -- starts the count anew.
  update stepbase.users u
  set
    failed_login_attempts = case
      when u.locked_until > now() then u.failed_login_attempts
      when v_valid then 0
      when u.locked_until is not null then 1
      else u.failed_login_attempts + 1
    end,
    locked_until = case
      when u.locked_until > now() then u.locked_until
      when v_valid or u.locked_until is not null then null
      when u.failed_login_attempts + 1 >= 5 then now() + interval '15 minutes'
    end
  where u.id = v_person
    and not (v_valid and u.failed_login_attempts = 0 and u.locked_until is null);

  select u.locked_until into v_locked from stepbase.users u where u.id = v_person;
  if v_locked > now() then
    return jsonb_build_object(
      'decision', 'reject',
      'message', 'Too many wrong passwords. Try again after '
        || to_char(v_locked at time zone 'UTC', 'HH24:MI') || ' UTC.',
      'should_logout_user', false
    );
  end if;
  return jsonb_build_object('decision', 'continue');
end;
$$;

comment on function stepbase_private.password_verification_hook(jsonb) is
  'Auth hook: counts wrong passwords; the fifth in a row locks the account for 15 minutes, '
  'during which the right password is refused too.';
grant execute on function stepbase_private.password_verification_hook(jsonb) to supabase_auth_admin;

-- The grants that Supabase documents for hooks, narrowed to the columns they use.

grant select, update (failed_login_attempts, locked_until) on stepbase.users to supabase_auth_admin;
grant select on stepbase.app_members, stepbase.applications, stepbase.organizations, stepbase.user_roles
  to supabase_auth_admin;

create policy "The auth server reads users" on stepbase.users
  for select to supabase_auth_admin using (true);
create policy "The auth server counts wrong passwords" on stepbase.users
  for update to supabase_auth_admin using (true) with check (true);
create policy "The auth server reads memberships" on stepbase.app_members
  for select to supabase_auth_admin using (true);
create policy "The auth server reads applications" on stepbase.applications
  for select to supabase_auth_admin using (true);
create policy "The auth server reads organizations" on stepbase.organizations
  for select to supabase_auth_admin using (true);
create policy "The auth server reads roles" on stepbase.user_roles
  for select to supabase_auth_admin using (true);
