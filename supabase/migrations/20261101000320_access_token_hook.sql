-- The claims that Stepbase adds to access tokens. A project without a hook of its own configures
-- custom_access_token_hook; a project with one calls add_claims in it. Auth calls hooks as
-- supabase_auth_admin, so the functions run with that role's privileges, which are granted below.

create function stepbase_private.add_claims(event jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  -- No other source may set these claims. api_key_id is set only by the HTTP API, in tokens of its own.
  c_own_claims constant text[] := '{app_code,org_id,app_role,permissions,api_key_id}';
  v_claims jsonb := coalesce(event -> 'claims', '{}') - c_own_claims;
  v_user_id constant uuid := (event ->> 'user_id')::uuid;
  v_session_id constant uuid := stepbase_private.session_id(event -> 'claims');
  v_session_app text;
  v_person record;
  v_membership record;
begin
  select u.is_active, u.deleted_at, u.active_app_code into v_person
  from stepbase.users u
  where u.id = v_user_id;

  if found and (not v_person.is_active or v_person.deleted_at is not null) then
    return jsonb_build_object('error', jsonb_build_object(
      'http_code', 403, 'message', 'This account is deactivated'));
  end if;

  select s.app_code into v_session_app
  from stepbase_private.session_apps s where s.session_id = v_session_id and s.user_id = v_user_id;

  -- The application of the session; in a new session the one that the user chose last; without one, the oldest
  -- membership. A membership that the user has not accepted never counts, so a user never works in an application
  -- without having switched to it.
  select m.app_code, a.organization_id, m.role, r.permissions into v_membership
  from stepbase.app_members m
  join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  join stepbase.app_roles r on r.app_code = m.app_code and r.name = m.role
  where m.user_id = v_user_id and m.accepted_at is not null
  order by
    (m.app_code is not distinct from v_session_app) desc,
    (m.app_code is not distinct from v_person.active_app_code) desc,
    m.created_at, m.app_code
  limit 1;

  if found then
    -- From now on, a switch in another session does not change this one.
    if v_session_id is not null and v_session_app is null then
      begin
        insert into stepbase_private.session_apps (session_id, user_id, app_code)
        values (v_session_id, v_user_id, v_membership.app_code)
        on conflict (session_id) do nothing;
      exception when foreign_key_violation then
        -- The membership has just ended: the next token finds another application.
        null;
      end;
    end if;
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

comment on function stepbase_private.add_claims(jsonb) is
  'Adds Stepbase''s claims to the event of a custom access token hook and returns the event. Input: {user_id, claims, …}. '
  'Sets app_code, org_id, app_role and permissions of the session''s membership (in a new session of the active one, or of the '
  'oldest accepted one), which it stores in session_apps for the claim session_id, and removes '
  'values of these claims and of api_key_id that the event already had; all other claims stay. A user without a '
  'membership gets none of them. For a deactivated account it returns {error: {http_code: 403, message}}, which a hook '
  'must return unchanged. Callers: supabase_auth_admin, and security definer hooks owned by the owner of Stepbase''s tables.';
grant execute on function stepbase_private.add_claims(jsonb) to supabase_auth_admin;

create function stepbase_private.custom_access_token_hook(event jsonb)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.add_claims(event);
$$;

comment on function stepbase_private.custom_access_token_hook(jsonb) is
  'Hook of Supabase Auth for each access token, for projects that have none of their own: stepbase_private.add_claims().';
grant execute on function stepbase_private.custom_access_token_hook(jsonb) to supabase_auth_admin;

grant select on stepbase.users, stepbase.app_members, stepbase.applications, stepbase.organizations, stepbase.app_roles
  to supabase_auth_admin;

create policy "The auth server reads users" on stepbase.users
  for select to supabase_auth_admin using (true);

create policy "The auth server reads memberships" on stepbase.app_members
  for select to supabase_auth_admin using (true);

create policy "The auth server reads applications" on stepbase.applications
  for select to supabase_auth_admin using (true);

create policy "The auth server reads organizations" on stepbase.organizations
  for select to supabase_auth_admin using (true);

create policy "The auth server reads roles" on stepbase.app_roles
  for select to supabase_auth_admin using (true);
