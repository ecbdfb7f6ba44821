-- Lookup tables of access: built-in roles with their permissions, and visibilities. Lookup tables replace enums and
-- check lists: each has a natural text key and what a client needs to display a value. Only migrations add values.

create table stepbase.user_roles (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  permissions text[] not null constraint permissions_are_resource_and_action
    check (array_to_string(permissions, ' ') ~ '^([a-z]+:[a-z]+( |$))*$'),
  created_at timestamptz not null default now()
);

comment on table stepbase.user_roles is
  'The built-in roles: a new application gets a copy of each in app_roles, which policies and RPCs read.';
comment on column stepbase.user_roles.ordinal is 'Order in which clients list the values.';
comment on column stepbase.user_roles.permissions is
  'Permissions as resource:action. Every permission that exists is in one of these rows.';

insert into stepbase.user_roles
  (name, label, description, icon, color, ordinal, permissions)
values
  ('admin', 'Admin', 'Everything in the application, including members, keys and the audit log.', 'shield', '#dc2626', 1, array[
      'audit:read', 'component:read', 'component:write', 'key:manage', 'key:read', 'member:manage', 'member:read', 'project:read', 'project:write', 'prompt:read', 'prompt:write',
      'queue:read', 'queue:write', 'run:cancel', 'run:execute', 'run:read', 'schedule:read', 'schedule:write', 'secret:manage', 'secret:read', 'stats:read', 'task:complete', 'worker:read', 'workflow:publish', 'workflow:read', 'workflow:write'
    ]),
  ('developer', 'Developer', 'Builds and runs workflows.', 'code', '#2563eb', 2, array[
      'component:read', 'component:write', 'key:read', 'member:read', 'project:read', 'project:write', 'prompt:read', 'prompt:write',
      'queue:read', 'queue:write', 'run:cancel', 'run:execute', 'run:read', 'schedule:read', 'schedule:write', 'secret:read', 'stats:read', 'task:complete', 'worker:read', 'workflow:publish', 'workflow:read', 'workflow:write'
    ]),
  ('viewer', 'Viewer', 'Reads; changes nothing.', 'eye', '#64748b', 3, array[
      'component:read', 'member:read', 'project:read', 'prompt:read',
      'queue:read', 'run:read', 'schedule:read', 'stats:read', 'worker:read', 'workflow:read'
    ]);

create table stepbase.component_visibility (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z0-9_.]*$'),
  label text not null,
  description text not null,
  icon text not null,
  color text not null constraint color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.component_visibility is 'Which other applications may read a resource. Only the owning application may change it.';
comment on column stepbase.component_visibility.ordinal is 'Order in which clients list the values.';

insert into stepbase.component_visibility
  (name, label, description, icon, color, ordinal)
values
  ('private', 'Private', 'Only the owning application.', 'lock', '#64748b', 1),
  ('organization', 'Organization', 'All applications of the same organization.', 'building', '#2563eb', 2),
  ('public', 'Public', 'Members of every application.', 'globe', '#16a34a', 3);

alter table stepbase.user_roles enable row level security;
grant select on stepbase.user_roles to authenticated, service_role;
create policy "Signed-in users read user roles" on stepbase.user_roles
  for select to authenticated using (true);

alter table stepbase.component_visibility enable row level security;
grant select on stepbase.component_visibility to authenticated, service_role;
create policy "Signed-in users read component visibility" on stepbase.component_visibility
  for select to authenticated using (true);
