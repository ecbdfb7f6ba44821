-- RPCs by which a user creates an organization and applications, without an operator. See rpc_runs for the pattern.
-- installation_settings decides who may; the creator of an application becomes its first admin.

create function stepbase_private.require_user()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
  if auth.jwt() ->> 'api_key_id' is not null then
    perform stepbase_private.raise_error(
      'permission_denied', 'An API key cannot do this; sign in as a user', jsonb_build_object('rule', 'users_only')
    );
  end if;
  if auth.uid() is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  return auth.uid();
end;
$$;

comment on function stepbase_private.require_user() is
  'Id of the calling user. Raises SB403 permission_denied for API keys and SB401 not_authenticated without a user.';

create function stepbase_private.require_creator(p_thing text)
returns stepbase_private.installation_settings
language plpgsql
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_settings stepbase_private.installation_settings;
begin
  select s.* into strict v_settings from stepbase_private.installation_settings s;
  if v_settings.tenant_creation = 'operators' then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('Only operators create an %s on this installation (tenant_creation); ask the operator', p_thing),
      jsonb_build_object('rule', 'tenant_creation')
    );
  end if;
  if coalesce((auth.jwt() ->> 'is_anonymous')::boolean, false) then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('An anonymous user cannot create an %s; add an e-mail address to the account first', p_thing),
      jsonb_build_object('rule', 'named_users_only')
    );
  end if;
  -- The lock serializes the calls of one user, so that two of them cannot exceed a limit together.
  perform 1 from stepbase.users u
  where u.id = v_user_id and u.is_active and u.deleted_at is null
  for no key update;
  if not found then
    perform stepbase_private.raise_error('permission_denied', 'This account is deactivated');
  end if;
  return v_settings;
end;
$$;

comment on function stepbase_private.require_creator(text) is
  'The settings of the installation, if the caller may create an organization or application, within the limits that they '
  'name. Raises SB401, or SB403 with the rule that refuses it. Locks the user''s row.';

create function stepbase_private.require_room(p_count bigint, p_limit int, p_setting text, p_message text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_count >= p_limit then
    perform stepbase_private.raise_error(
      'limit_reached', format(p_message, p_limit, p_setting), jsonb_build_object('quota', p_setting, 'limit', p_limit)
    );
  end if;
end;
$$;

comment on function stepbase_private.require_room(bigint, int, text, text) is
  'Raises SB429 limit_reached if p_count rows exist already. p_message has a place for the limit and one for the name of the setting.';

create function stepbase_private.require_name(p_name text, p_argument text default 'name')
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  if coalesce(btrim(p_name), '') = '' or length(p_name) > 200 then
    perform stepbase_private.raise_error('invalid_request', format('%s must have 1 to 200 characters and not be blank', p_argument));
  end if;
  return btrim(p_name);
end;
$$;

comment on function stepbase_private.require_name(text, text) is
  'A name without spaces around it. Raises SB400 invalid_request if it is blank or longer than 200 characters.';

create function stepbase_private.require_slug(p_slug text)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if coalesce(p_slug, '') !~ '^[a-z0-9]+(-[a-z0-9]+)*$' or length(p_slug) > 63 then
    perform stepbase_private.raise_error(
      'invalid_request', 'slug must have 1 to 63 lower-case letters, digits and single hyphens between them'
    );
  end if;
end;
$$;

comment on function stepbase_private.require_slug(text) is 'Raises SB400 invalid_request for a slug that is not kebab-case or too long.';

create function stepbase_private.require_organization(p_organization_id uuid)
returns stepbase.organizations
language plpgsql
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_organization stepbase.organizations;
  v_is_new constant boolean := p_organization_id in (select stepbase_private.my_new_organizations());
begin
  select o.* into v_organization
  from stepbase.organizations o
  where o.id = p_organization_id
    and o.deleted_at is null
    and (v_is_new or exists (
      select 1 from stepbase.applications a
      where a.organization_id = o.id and a.app_code in (select stepbase_private.my_app_codes())
    ));
  -- Unknown organizations and those of others raise the same error.
  if not found then
    perform stepbase_private.raise_error('not_found', 'Organization not found among yours');
  end if;
  if not v_is_new and not exists (
    select 1
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where a.organization_id = p_organization_id
      and m.user_id = v_user_id and m.role = 'admin' and m.accepted_at is not null
  ) then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('This requires the role admin in an application of the organization %s; ask one of its admins', v_organization.slug),
      jsonb_build_object('rule', 'organization_admin')
    );
  end if;
  return v_organization;
end;
$$;

-- A creator who was removed from all applications must not come back through a new one: it would see what they share.
comment on function stepbase_private.require_organization(uuid) is
  'The organization, if the caller is an admin of one of its applications, or created it and it has no application. Raises '
  'SB401, SB404 for an organization that the caller does not belong to, SB403 otherwise.';

-- Security definer: clients cannot write organizations.
create function stepbase_private.create_organization(p_slug text, p_name text)
returns stepbase.organizations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_settings constant stepbase_private.installation_settings := stepbase_private.require_creator('organization');
  v_name constant text := stepbase_private.require_name(p_name);
  v_organization stepbase.organizations;
begin
  perform stepbase_private.require_slug(p_slug);
  perform stepbase_private.require_room(
    (select count(*) from stepbase.organizations o where o.created_by = auth.uid()),
    v_settings.max_organizations_per_user, 'max_organizations_per_user',
    'A user can create %s organizations (%s); delete one or ask the operator'
  );
  insert into stepbase.organizations (slug, name, created_by)
  values (p_slug, v_name, auth.uid())
  on conflict (slug) do nothing
  returning * into v_organization;
  if not found then
    perform stepbase_private.raise_error(
      'conflict', format('The slug %s is taken; choose another', p_slug), jsonb_build_object('slug', p_slug)
    );
  end if;
  return v_organization;
end;
$$;

comment on function stepbase_private.create_organization(text, text) is 'Implements stepbase.create_organization.';
grant execute on function stepbase_private.create_organization(text, text) to authenticated;

create function stepbase.create_organization(slug text, name text)
returns stepbase.organizations
language sql
set search_path = ''
as $$
  select stepbase_private.create_organization(create_organization.slug, create_organization.name);
$$;

comment on function stepbase.create_organization(text, text) is
  'Creates an organization and returns it; create_application adds its first application. Allowed for signed-in users, '
  'unless the operator keeps it to operators (installation_settings.tenant_creation). Errors: SB400 invalid slug or name, '
  'SB401, SB403 also for API keys and anonymous users, SB409 the slug is taken, SB429 the user has created the most '
  'organizations that a user can.';
grant execute on function stepbase.create_organization(text, text) to authenticated;

-- Security definer: clients cannot write applications.
create function stepbase_private.create_application(p_app_code text, p_name text, p_organization_id uuid)
returns stepbase.applications
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_settings constant stepbase_private.installation_settings := stepbase_private.require_creator('application');
  v_name constant text := stepbase_private.require_name(p_name);
  v_organization stepbase.organizations;
  v_app stepbase.applications;
begin
  if coalesce(p_app_code, '') !~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' or length(p_app_code) > 63 then
    perform stepbase_private.raise_error(
      'invalid_request',
      'app_code must begin with a letter and have at most 63 lower-case letters, digits and single hyphens between them'
    );
  end if;
  -- The lock serializes the creations in one organization, and makes the checks see one that has just ended.
  perform 1 from stepbase.organizations o where o.id = p_organization_id for no key update;
  v_organization := stepbase_private.require_organization(p_organization_id);
  perform stepbase_private.require_room(
    (select count(*) from stepbase.applications a where a.created_by = auth.uid()),
    v_settings.max_applications_per_user, 'max_applications_per_user',
    'A user can create %s applications (%s); delete one or ask the operator'
  );
  perform stepbase_private.require_room(
    (select count(*) from stepbase.applications a where a.organization_id = v_organization.id),
    v_settings.max_applications_per_organization, 'max_applications_per_organization',
    'An organization can have %s applications (%s); delete one or ask the operator'
  );
  insert into stepbase.applications (app_code, organization_id, name, created_by)
  values (p_app_code, v_organization.id, v_name, auth.uid())
  on conflict (app_code) do nothing
  returning * into v_app;
  if not found then
    perform stepbase_private.raise_error(
      'conflict', format('The app_code %s is taken; choose another', p_app_code), jsonb_build_object('app_code', p_app_code)
    );
  end if;
  insert into stepbase.app_members (app_code, user_id, role, invited_by, accepted_at)
  values (v_app.app_code, auth.uid(), 'admin', null, now());
  return v_app;
end;
$$;

comment on function stepbase_private.create_application(text, text, uuid) is 'Implements stepbase.create_application.';
grant execute on function stepbase_private.create_application(text, text, uuid) to authenticated;

create function stepbase.create_application(app_code text, name text, organization_id uuid)
returns stepbase.applications
language sql
set search_path = ''
as $$
  select stepbase_private.create_application(
    create_application.app_code, create_application.name, create_application.organization_id
  );
$$;

comment on function stepbase.create_application(text, text, uuid) is
  'Creates an application of an organization, makes the caller its admin, and returns it. Call switch_app and refresh the '
  'session to work in it. Allowed for admins of an application of the organization, and for the creator of an organization '
  'without one, unless the operator keeps it to operators (installation_settings.tenant_creation). Errors: SB400 invalid '
  'app_code or name, SB401, SB403 also for API keys and anonymous users, SB404 unknown organization, SB409 the app_code is '
  'taken, SB429 the user or the organization has the most applications that it can.';
grant execute on function stepbase.create_application(text, text, uuid) to authenticated;
