-- RPCs that create, change and delete roles of an application. See rpc_runs for the pattern. A caller gives no
-- permission that it lacks, and changes no role with a permission that it lacks.

create function stepbase_private.require_held(p_permissions text[])
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lacking constant text[] := array(
    select unnest(p_permissions) except select unnest(stepbase_private.permissions()) order by 1
  );
begin
  if v_lacking <> '{}' then
    perform stepbase_private.raise_error(
      'permission_denied',
      format('You cannot give permissions that you lack: %s', array_to_string(v_lacking, ', ')),
      jsonb_build_object('permissions', v_lacking)
    );
  end if;
end;
$$;

comment on function stepbase_private.require_held(text[]) is
  'Raises SB403 permission_denied if the caller lacks one of these permissions.';

-- Security definer: clients cannot write roles.
create function stepbase_private.create_role(p_name text, p_permissions text[], p_label text, p_description text)
returns stepbase.app_roles
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  c_most_roles constant int := 100;
  v_known constant text[] := array(select unnest(r.permissions) from stepbase.user_roles r);
  v_role stepbase.app_roles;
begin
  if coalesce(p_name, '') !~ '^[a-z][a-z0-9_]{0,62}$' then
    perform stepbase_private.raise_error(
      'invalid_request', 'name must begin with a letter and have at most 63 lower-case letters, digits and _'
    );
  end if;
  if p_permissions is null then
    perform stepbase_private.raise_error('invalid_request', 'permissions must be an array');
  end if;
  -- An unknown permission gets its own error from the trigger.
  if p_permissions <@ v_known then
    perform stepbase_private.require_held(p_permissions);
  end if;
  -- The lock serializes the changes of one application's roles.
  perform 1 from stepbase.applications a where a.app_code = v_app for no key update;
  perform stepbase_private.require_room(
    (select count(*) from stepbase.app_roles r where r.app_code = v_app), c_most_roles, 'max_roles',
    'An application can have %s roles (%s); delete one first'
  );
  insert into stepbase.app_roles (app_code, name, label, description, permissions)
  values (
    v_app, p_name, stepbase_private.require_name(coalesce(p_label, p_name), 'label'), coalesce(p_description, ''),
    p_permissions
  )
  on conflict (app_code, name) do nothing
  returning * into v_role;
  if not found then
    perform stepbase_private.raise_error('conflict', format('The application already has a role %s', p_name));
  end if;
  return v_role;
end;
$$;

comment on function stepbase_private.create_role(text, text[], text, text) is 'Implements stepbase.create_role.';
grant execute on function stepbase_private.create_role(text, text[], text, text) to authenticated;

create function stepbase.create_role(
  name text, permissions text[], label text default null, description text default null
)
returns stepbase.app_roles
language sql
set search_path = ''
as $$
  select stepbase_private.create_role(
    create_role.name, create_role.permissions, create_role.label, create_role.description
  );
$$;

comment on function stepbase.create_role(text, text[], text, text) is
  'Creates a role of the caller''s application and returns it. label: default the name. Requires member:manage and every one '
  'of the permissions. Errors: SB400 invalid name or unknown permission, SB401, SB403, SB409 the name is taken, SB429 more '
  'than 100 roles.';
grant execute on function stepbase.create_role(text, text[], text, text) to authenticated;

create function stepbase_private.require_role(p_name text)
returns stepbase.app_roles
language plpgsql
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_role stepbase.app_roles;
begin
  perform 1 from stepbase.applications a where a.app_code = v_app for no key update;
  select r.* into v_role from stepbase.app_roles r where r.app_code = v_app and r.name = p_name for update;
  if not found then
    perform stepbase_private.raise_error('not_found', format('The application has no role %s', p_name));
  end if;
  perform stepbase_private.require_grantable(p_name);
  return v_role;
end;
$$;

comment on function stepbase_private.require_role(text) is
  'Locks and returns a role of the caller''s application. Raises SB401, SB403 without member:manage or if the role has a '
  'permission that the caller lacks, and SB404 not_found.';

-- Security definer: clients cannot write roles.
create function stepbase_private.update_role(p_name text, p_permissions text[], p_label text, p_description text)
returns stepbase.app_roles
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_role stepbase.app_roles := stepbase_private.require_role(p_name);
  v_known constant text[] := array(select unnest(r.permissions) from stepbase.user_roles r);
begin
  if p_permissions <@ v_known then
    perform stepbase_private.require_held(p_permissions);
    if v_role.name = 'admin' and not 'member:manage' = any (p_permissions) then
      perform stepbase_private.raise_error('conflict', 'The role admin must keep the permission member:manage');
    end if;
  end if;
  update stepbase.app_roles r
  set
    permissions = coalesce(p_permissions, r.permissions),
    label = stepbase_private.require_name(coalesce(p_label, r.label), 'label'),
    description = coalesce(p_description, r.description)
  where r.app_code = v_role.app_code and r.name = v_role.name
  returning r.* into v_role;
  return v_role;
end;
$$;

comment on function stepbase_private.update_role(text, text[], text, text) is 'Implements stepbase.update_role.';
grant execute on function stepbase_private.update_role(text, text[], text, text) to authenticated;

create function stepbase.update_role(
  name text, permissions text[] default null, label text default null, description text default null
)
returns stepbase.app_roles
language sql
set search_path = ''
as $$
  select stepbase_private.update_role(
    update_role.name, update_role.permissions, update_role.label, update_role.description
  );
$$;

comment on function stepbase.update_role(text, text[], text, text) is
  'Changes a role of the caller''s application and returns it; null keeps a value. The permissions take effect with the '
  'members'' next statement. Requires member:manage, and every permission that the role has and will have. Errors: SB400 '
  'unknown permission or blank label, SB401, SB403, SB404 unknown role, SB409 the role admin would lose member:manage.';
grant execute on function stepbase.update_role(text, text[], text, text) to authenticated;

-- Security definer: clients cannot write roles.
create function stepbase_private.delete_role(p_name text)
returns stepbase.app_roles
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_role constant stepbase.app_roles := stepbase_private.require_role(p_name);
  v_members bigint;
  v_tasks bigint;
begin
  if v_role.is_built_in then
    perform stepbase_private.raise_error('conflict', format('The role %s is built in and cannot be deleted', p_name));
  end if;
  select count(*) into v_members from stepbase.app_members m where m.app_code = v_role.app_code and m.role = p_name;
  select count(*) into v_tasks
  from stepbase.step_runs s
  where s.app_code = v_role.app_code and s.status = 'waiting' and s.wait_kind = 'task' and p_name = any (s.assigned_roles);
  if v_members > 0 or v_tasks > 0 then
    perform stepbase_private.raise_error(
      'conflict',
      format('The role %s has %s members and %s open tasks; give the members another role and end the tasks first',
        p_name, v_members, v_tasks),
      jsonb_build_object('members', v_members, 'open_tasks', v_tasks)
    );
  end if;
  begin
    delete from stepbase.app_roles r where r.app_code = v_role.app_code and r.name = p_name;
  exception when foreign_key_violation then
    perform stepbase_private.raise_error('conflict', format('The role %s is still in use', p_name));
  end;
  return v_role;
end;
$$;

comment on function stepbase_private.delete_role(text) is 'Implements stepbase.delete_role.';
grant execute on function stepbase_private.delete_role(text) to authenticated;

create function stepbase.delete_role(name text)
returns stepbase.app_roles
language sql
set search_path = ''
as $$
  select stepbase_private.delete_role(delete_role.name);
$$;

comment on function stepbase.delete_role(text) is
  'Deletes a role that the application created and returns it. Requires member:manage and every permission of the role. '
  'Errors: SB401, SB403, SB404 unknown role, SB409 built in, or members or open tasks have it (the detail has their numbers).';
grant execute on function stepbase.delete_role(text) to authenticated;
