-- Who is calling and what they may do, asked by every policy. The token says which application it is
-- for; whether its bearer still belongs there, and with which role, is read from the membership row on
-- every statement, so that a removed member is out at once and not when the token expires.

create function stepbase_private.user_id()
returns uuid
language sql
stable
set search_path = ''
as $$
  select auth.uid();
$$;

comment on function stepbase_private.user_id() is 'The calling user, null for machines.';
grant execute on function stepbase_private.user_id() to authenticated, service_role;

-- Machines: a token whose claim api_key_id the HTTP API has set acts for the key's application with the
-- key's scopes, as long as the key lives. No user's token can carry that claim: the hook removes it.

-- Definer: reads memberships without the policies that themselves ask this function. In PL/pgSQL, which keeps
-- its plans: before PostgreSQL 18 a function in SQL is planned at every call, for longer than this takes.
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
  end if;
  return (
    select m.app_code
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = auth.uid() and m.app_code = v_claims ->> 'app_code'
  );
end;
$$;

comment on function stepbase_private.app_code() is
  'The application the caller acts for: of the token when the membership still stands, of the API key when '
  'it still lives; null otherwise.';
grant execute on function stepbase_private.app_code() to authenticated, service_role;

-- Definer, and in PL/pgSQL: as above.
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
  else
    select m.app_code, r.permissions into caller.app_code, caller.permissions
    from stepbase.app_members m
    join stepbase.user_roles r on r.name = m.role
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = auth.uid() and m.app_code = v_claims ->> 'app_code';
  end if;
end;
$$;

comment on function stepbase_private.caller() is
  'stepbase_private.app_code() and stepbase_private.permissions() in one look; nulls when the caller acts for no application.';
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
  'What the caller may do there: by the membership''s role now, or by the API key''s scopes.';
grant execute on function stepbase_private.permissions() to authenticated, service_role;

-- Definer: as above.
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

comment on function stepbase_private.app_role() is 'The caller''s role in the token''s application, null for machines.';
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
  'Whether the caller may do something in the token''s application.';
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
  if auth.jwt() is null or (auth.uid() is null and auth.jwt() ->> 'api_key_id' is null) then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  if v_caller.app_code is null then
    perform stepbase_private.raise_error('permission_denied', 'You are not a member of an application');
  end if;
  if not p_permission = any (v_caller.permissions) then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('This needs the permission %s', p_permission),
      jsonb_build_object('permission', p_permission)
    );
  end if;
  return v_caller.app_code;
end;
$$;

comment on function stepbase_private.require_permission(text) is
  'The caller''s application when the permission is there; SB401 or SB403 otherwise. First line of every RPC.';
grant execute on function stepbase_private.require_permission(text) to authenticated, service_role;

-- Definer: as above.
create function stepbase_private.organization_app_codes()
returns setof text
language sql
stable
security definer
set search_path = ''
as $$
  select sibling.app_code
  from stepbase.applications own
  join stepbase.applications sibling on sibling.organization_id = own.organization_id
  where own.app_code = stepbase_private.app_code();
$$;

comment on function stepbase_private.organization_app_codes() is
  'The applications of the caller''s organization: those whose organization-wide resources are visible.';
grant execute on function stepbase_private.organization_app_codes() to authenticated, service_role;

-- Definer: as above.
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

comment on function stepbase_private.my_app_codes() is 'Every application the caller is a member of: what switch_app offers.';
grant execute on function stepbase_private.my_app_codes() to authenticated, service_role;

-- Definer: as above.
create function stepbase_private.app_user_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select m.user_id
  from stepbase.app_members m
  where m.app_code = stepbase_private.app_code();
$$;

comment on function stepbase_private.app_user_ids() is 'The members of the caller''s application.';
grant execute on function stepbase_private.app_user_ids() to authenticated, service_role;
