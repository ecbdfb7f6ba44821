-- The caller: user, application, role and permissions. Policies and RPCs ask these functions. The access token names
-- the application; membership and role are read from the tables on every statement, so that removing a member takes
-- effect at once and not when the token expires.

create function stepbase_private.user_id()
returns uuid
language sql
stable
set search_path = ''
as $$
  select auth.uid();
$$;

comment on function stepbase_private.user_id() is 'Id of the calling user; null for API keys and for the service role.';
grant execute on function stepbase_private.user_id() to authenticated, service_role;

-- API keys: the HTTP API signs a token with the claim api_key_id. Such a token acts for the key's application with
-- those of the key's scopes that the owner of the key has at that time. Tokens of users never have this claim, because
-- the hook removes it. The secret key acts for the application that the request names (*_named_app.sql).

-- Security definer: the policies of the tables below call this function. PL/pgSQL caches its plans; before PostgreSQL
-- 18, an SQL function is planned at every call, which takes longer than this query.
create function stepbase_private.app_code()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims constant jsonb := auth.jwt();
begin
  if v_claims ->> 'api_key_id' is not null then
    return (select k.app_code from stepbase_private.live_api_key((v_claims ->> 'api_key_id')::uuid) k);
  elsif v_claims ->> 'role' = 'service_role' then
    return (select s.app_code from stepbase_private.service_caller() s);
  end if;
  return (
    select m.app_code
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = auth.uid() and m.app_code = v_claims ->> 'app_code' and m.accepted_at is not null
  );
end;
$$;

comment on function stepbase_private.app_code() is
  'The application the caller acts for: that of the token if the user is still a member, that of the API key if it is '
  'still valid, or that of the header x-stepbase-app if the caller has the secret key; null otherwise.';
grant execute on function stepbase_private.app_code() to authenticated, service_role;

-- Security definer and PL/pgSQL for the reasons given for app_code().
create function stepbase_private.caller(out app_code text, out permissions text[])
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims constant jsonb := auth.jwt();
begin
  if v_claims ->> 'api_key_id' is not null then
    select k.app_code, k.scopes into caller.app_code, caller.permissions
    from stepbase_private.live_api_key((v_claims ->> 'api_key_id')::uuid) k;
  elsif v_claims ->> 'role' = 'service_role' then
    select s.app_code, s.permissions into caller.app_code, caller.permissions from stepbase_private.service_caller() s;
  else
    select m.app_code, r.permissions into caller.app_code, caller.permissions
    from stepbase.app_members m
    join stepbase.app_roles r on r.app_code = m.app_code and r.name = m.role
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = auth.uid() and m.app_code = v_claims ->> 'app_code' and m.accepted_at is not null;
  end if;
end;
$$;

comment on function stepbase_private.caller() is
  'app_code() and permissions() of the caller with one query; nulls if the caller acts for no application.';
grant execute on function stepbase_private.caller() to authenticated, service_role;

create function stepbase_private.permissions()
returns text[]
language sql
stable
set search_path = ''
as $$
  select coalesce((select c.permissions from stepbase_private.caller() c), '{}');
$$;

comment on function stepbase_private.permissions() is
  'The caller''s permissions: those of the member''s role, or the API key''s scopes; empty without an application.';
grant execute on function stepbase_private.permissions() to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.app_role()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select m.role
  from stepbase.app_members m
  where m.user_id = auth.uid() and m.app_code = stepbase_private.app_code();
$$;

comment on function stepbase_private.app_role() is 'The caller''s role in its application; null for API keys.';
grant execute on function stepbase_private.app_role() to authenticated, service_role;

create function stepbase_private.has_permission(p_permission text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_permission = any (stepbase_private.permissions());
$$;

comment on function stepbase_private.has_permission(text) is
  'Whether the caller has a permission (resource:action) in its application.';
grant execute on function stepbase_private.has_permission(text) to authenticated, service_role;

create function stepbase_private.require_permission(p_permission text)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_caller record;
begin
  select c.app_code, c.permissions into v_caller from stepbase_private.caller() c;
  if v_caller.app_code is null then
    perform stepbase_private.require_named_app();
  end if;
  if auth.jwt() is null or (
    auth.uid() is null and auth.jwt() ->> 'api_key_id' is null and auth.jwt() ->> 'role' is distinct from 'service_role'
  ) then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  if v_caller.app_code is null then
    perform stepbase_private.raise_error(
      'permission_denied',
      'This session acts for no application; create one or accept an invitation, and refresh the session',
      jsonb_build_object('rule', 'application_required')
    );
  end if;
  if not p_permission = any (v_caller.permissions) then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('This requires the permission %s', p_permission),
      jsonb_build_object('permission', p_permission)
    );
  end if;
  return v_caller.app_code;
end;
$$;

comment on function stepbase_private.require_permission(text) is
  'Returns the caller''s application if the caller has the permission. Raises SB401 not_authenticated or SB403 '
  'permission_denied otherwise; for a caller with the secret key, SB400 or SB404 as require_named_app(). Every RPC calls it '
  'first.';
grant execute on function stepbase_private.require_permission(text) to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.my_app_codes()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
  select m.app_code
  from stepbase.app_members m
  join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
  join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
  where m.user_id = auth.uid();
$$;

comment on function stepbase_private.my_app_codes() is
  'Codes of the applications that the calling user can switch to: of all memberships, accepted or not.';
grant execute on function stepbase_private.my_app_codes() to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.app_user_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.user_id
  from stepbase.app_members m
  where m.app_code = stepbase_private.app_code() and m.accepted_at is not null;
$$;

comment on function stepbase_private.app_user_ids() is
  'Ids of the members of the caller''s application, without those who have not accepted yet.';
grant execute on function stepbase_private.app_user_ids() to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.shares_an_app(p_user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select 1
    from stepbase.app_members own
    join stepbase.applications a on a.app_code = own.app_code and a.deleted_at is null
    join stepbase.app_members other on other.app_code = own.app_code and other.accepted_at is not null
    where own.user_id = auth.uid() and own.accepted_at is not null and other.user_id = p_user_id
  );
$$;

comment on function stepbase_private.shares_an_app(uuid) is
  'Whether the calling user and another user are both members of some application.';
grant execute on function stepbase_private.shares_an_app(uuid) to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.apps_that_share()
returns table (app_code text, visibility text)
language sql
stable
security definer
set search_path = ''
as $$
  select a.app_code, v.visibility
  from stepbase.applications own
  join stepbase.applications a on a.app_code <> own.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  cross join (values ('organization'), ('public')) v (visibility)
  where own.app_code = stepbase_private.app_code()
    and (v.visibility = 'public' or a.organization_id = own.organization_id);
$$;

comment on function stepbase_private.apps_that_share() is
  'The other live applications with the visibilities of their rows that the caller''s application may see.';

-- Security definer for the reason given for app_code().
create function stepbase_private.my_new_organizations()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select o.id
  from stepbase.organizations o
  where o.created_by = auth.uid()
    and o.deleted_at is null
    and not exists (select 1 from stepbase.applications a where a.organization_id = o.id);
$$;

comment on function stepbase_private.my_new_organizations() is
  'Ids of the organizations that the calling user created and that have no application yet. Afterwards the members of its '
  'applications see an organization, and its creator only as one of them.';
grant execute on function stepbase_private.my_new_organizations() to authenticated, service_role;

-- Security definer for the reason given for app_code().
create function stepbase_private.may_grant_role(p_role text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select 1
    from stepbase_private.caller() c
    join stepbase.app_roles r on r.app_code = c.app_code and r.name = p_role
    where r.permissions <@ c.permissions
  );
$$;

comment on function stepbase_private.may_grant_role(text) is
  'Whether the caller has every permission of a role of its application. Without them it can neither give the role to a '
  'member, nor change or remove a member who has it.';
grant execute on function stepbase_private.may_grant_role(text) to authenticated, service_role;

create function stepbase_private.require_grantable(p_role text)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.app_code();
  v_names constant text[] := array(
    select r.name from stepbase.app_roles r where r.app_code = v_app order by r.ordinal, r.name
  );
  v_lacking text[];
begin
  if p_role is null or p_role <> all (v_names) then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('The application has no role %s; it has %s', coalesce(p_role, 'null'), array_to_string(v_names, ', ')),
      jsonb_build_object('roles', v_names)
    );
  end if;
  if not stepbase_private.may_grant_role(p_role) then
    v_lacking := array(
      select unnest(r.permissions) from stepbase.app_roles r where r.app_code = v_app and r.name = p_role
      except
      select unnest(stepbase_private.permissions())
      order by 1
    );
    perform stepbase_private.raise_error(
      'permission_denied',
      format('The role %s has permissions that you lack: %s', p_role, array_to_string(v_lacking, ', ')),
      jsonb_build_object('permissions', v_lacking)
    );
  end if;
end;
$$;

comment on function stepbase_private.require_grantable(text) is
  'Raises SB400 invalid_request if the caller''s application has no such role, and SB403 permission_denied if the role has a '
  'permission that the caller lacks.';
