-- The roles of an application. Each application has its own rows, so that memberships refer to a role of the same
-- application, and an application can change its roles and add others.

create table stepbase.app_roles (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  label text not null constraint label_is_not_blank check (btrim(label) <> ''),
  description text not null default '',
  icon text not null default 'user',
  color text not null default '#64748b' constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null default 100,
  permissions text[] not null constraint permissions_are_resource_and_action
    check (array_to_string(permissions, ' ') ~ '^([a-z]+:[a-z]+( |$))*$'),
  is_built_in boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (app_code, name),
  -- Without this permission no member could appoint an admin or give it back.
  constraint admins_manage_members check (name <> 'admin' or (is_built_in and 'member:manage' = any (permissions)))
);

comment on table stepbase.app_roles is
  'Roles of members of an application, with their permissions. Every request reads them, so a change takes effect at once.';
comment on column stepbase.app_roles.ordinal is 'Order in which clients list the roles.';
comment on column stepbase.app_roles.permissions is
  'Permissions as resource:action, sorted; stepbase_private.has_permission() checks them.';
comment on column stepbase.app_roles.is_built_in is 'Copied from user_roles when the application was created; cannot be deleted by clients.';

alter table stepbase.app_members add constraint app_members_role_fkey
  foreign key (app_code, role) references stepbase.app_roles (app_code, name);

create trigger app_roles_touch_updated_at before update on stepbase.app_roles
  for each row execute function stepbase_private.touch_updated_at();
create trigger app_roles_keep_identity before update on stepbase.app_roles
  for each row execute function stepbase_private.refuse_column_change('app_code', 'name', 'is_built_in', 'created_at');

-- Security definer: no client may write roles.
create function stepbase_private.copy_built_in_roles()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase.app_roles (app_code, name, label, description, icon, color, ordinal, permissions, is_built_in)
  select new.app_code, r.name, r.label, r.description, r.icon, r.color, r.ordinal, r.permissions, true
  from stepbase.user_roles r;
  return null;
end;
$$;

comment on function stepbase_private.copy_built_in_roles() is 'Trigger: gives a new application its copies of the built-in roles.';

create trigger applications_copy_built_in_roles after insert on stepbase.applications
  for each row execute function stepbase_private.copy_built_in_roles();

-- Security definer: the service role may write roles, but not call every function that describes the error.
create function stepbase_private.check_permissions()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_known constant text[] := array(select distinct unnest(r.permissions) from stepbase.user_roles r order by 1);
  v_unknown text;
begin
  select p.name into v_unknown from unnest(new.permissions) p (name)
  where p.name <> all (v_known) or p.name is null
  limit 1;
  if found then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('permissions: %s is not a permission%s', coalesce(v_unknown, 'null'), coalesce(
        '; did you mean ' || stepbase_private.nearest_word(v_unknown, v_known) || '?', ''
      )),
      jsonb_build_object('permission', v_unknown, 'permissions', v_known)
    );
  end if;
  new.permissions := array(
    select p.name from (select distinct unnest(new.permissions)) p (name) order by p.name collate "C"
  );
  return new;
end;
$$;

comment on function stepbase_private.check_permissions() is
  'Trigger: raises SB400 invalid_request for a permission that no built-in role has, and sorts the permissions.';

create trigger app_roles_check_permissions before insert or update of permissions on stepbase.app_roles
  for each row execute function stepbase_private.check_permissions();
