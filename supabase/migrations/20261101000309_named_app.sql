-- The application of a request with the secret key of the project: the header x-stepbase-app names it. The header
-- counts only if the role of the JWT is service_role, because users and API keys have an application of their own.

create function stepbase_private.named_app()
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when auth.jwt() ->> 'role' = 'service_role'
      then nullif(nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-stepbase-app', '')
  end;
$$;

comment on function stepbase_private.named_app() is
  'The header x-stepbase-app of a request with the secret key, whether the application exists or not; null for every '
  'other caller.';
grant execute on function stepbase_private.named_app() to authenticated, service_role;

-- Security definer: policies call it, and its callers must not read the tables.
create function stepbase_private.service_caller(out app_code text, out permissions text[])
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  select a.app_code, r.permissions into service_caller.app_code, service_caller.permissions
  from stepbase.applications a
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  join stepbase.app_roles r on r.app_code = a.app_code and r.name = 'admin'
  where a.app_code = stepbase_private.named_app() and a.deleted_at is null;
end;
$$;

comment on function stepbase_private.service_caller() is
  'Application and permissions of a caller with the secret key: those of an admin of the application that the request '
  'names; nulls without a live one.';
grant execute on function stepbase_private.service_caller() to authenticated, service_role;

create function stepbase_private.require_app_header()
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.named_app();
begin
  if v_app is null then
    perform stepbase_private.raise_error(
      'invalid_request', 'The secret key belongs to no application; name one in the header x-stepbase-app'
    );
  end if;
  return v_app;
end;
$$;

comment on function stepbase_private.require_app_header() is
  'named_app() of a caller with the secret key. Raises SB400 without the header x-stepbase-app.';
grant execute on function stepbase_private.require_app_header() to authenticated, service_role;

create function stepbase_private.require_named_app()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if auth.jwt() ->> 'role' = 'service_role' and (select c.app_code from stepbase_private.service_caller() c) is null then
    perform stepbase_private.raise_error(
      'not_found', format('Application %s does not exist', stepbase_private.require_app_header()),
      jsonb_build_object('app_code', stepbase_private.named_app())
    );
  end if;
  return true;
end;
$$;

comment on function stepbase_private.require_named_app() is
  'True, unless the caller has the secret key: raises SB400 without the header x-stepbase-app, and SB404 if it names no '
  'application.';
grant execute on function stepbase_private.require_named_app() to authenticated, service_role;

create function stepbase_private.machine_actor()
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims jsonb;
begin
  -- Most calls are those of the engine, which has no claims.
  if coalesce(current_setting('request.jwt.claims', true), '') = '' then
    return null;
  end if;
  v_claims := auth.jwt();
  return case
    when auth.uid() is not null then null
    when v_claims ->> 'api_key_id' is not null
      then jsonb_build_object('actor', jsonb_build_object('api_key_id', v_claims -> 'api_key_id'))
    when v_claims ->> 'role' = 'service_role' then '{"actor": {"role": "service_role"}}'
  end;
end;
$$;

comment on function stepbase_private.machine_actor() is
  'How events name a caller that is no user: {actor: {api_key_id}}, or {actor: {role: service_role}} for the secret key; '
  'null for users and for the engine.';
