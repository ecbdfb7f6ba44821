-- Privileges and policies of the tenancy tables, of service accounts and of API keys.

alter table stepbase.organizations enable row level security;
alter table stepbase.applications enable row level security;
alter table stepbase.users enable row level security;
alter table stepbase.app_members enable row level security;
alter table stepbase.app_roles enable row level security;

grant select on stepbase.organizations to authenticated;
grant select,
  update (name, description, settings, run_retention_days, event_retention_days, audit_retention_days)
  on stepbase.applications to authenticated;
-- Of other members, clients read no more than these columns; my_profile returns the whole row of the caller.
grant select (id, email, display_name, avatar_url),
  update (display_name, full_name, avatar_url)
  on stepbase.users to authenticated;
grant select, insert (app_code, user_id, role), update (role), delete
on stepbase.app_members to authenticated;
grant select on stepbase.app_roles to authenticated;
grant select, insert, update, delete
  on stepbase.organizations, stepbase.applications, stepbase.app_members, stepbase.app_roles to service_role;
grant select, update on stepbase.users to service_role;

create policy "Members read their organizations" on stepbase.organizations
  for select to authenticated
  using (
    id in (
      select a.organization_id from stepbase.applications a
      where a.app_code in (select stepbase_private.my_app_codes())
    )
    or id in (select stepbase_private.my_new_organizations())
  );

-- An API key has no memberships, and reads the application that it acts for.
create policy "Members read their applications" on stepbase.applications
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code()) or app_code in (select stepbase_private.my_app_codes())
  );

create policy "Member managers change their application" on stepbase.applications
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')));

create policy "Users read themselves and the members of their application" on stepbase.users
  for select to authenticated
  using (
    id = (select stepbase_private.user_id())
    or (
      (select stepbase_private.has_permission('member:read'))
      and id in (select stepbase_private.app_user_ids())
    )
  );

create policy "Users change their own profile" on stepbase.users
  for update to authenticated
  using (id = (select stepbase_private.user_id()))
  with check (id = (select stepbase_private.user_id()));

create policy "Members read the members of their application" on stepbase.app_members
  for select to authenticated
  using (
    user_id = (select stepbase_private.user_id())
    or (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:read')))
  );

-- The last condition also hides which user ids exist: the policy refuses an unknown id as it refuses a stranger's.
create policy "Member managers add people with whom they share an application" on stepbase.app_members
  for insert to authenticated
  with check (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('member:manage'))
    and stepbase_private.shares_an_app(user_id)
    and stepbase_private.may_grant_role(role)
  );

create policy "Member managers change roles without permissions that they lack" on stepbase.app_members
  for update to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('member:manage'))
    and stepbase_private.may_grant_role(role)
  )
  with check (
    app_code = (select stepbase_private.app_code())
    and (select stepbase_private.has_permission('member:manage'))
    and stepbase_private.may_grant_role(role)
  );

create policy "Member managers remove members, and members leave or decline" on stepbase.app_members
  for delete to authenticated
  using (
    user_id = (select stepbase_private.user_id())
    or (
      app_code = (select stepbase_private.app_code())
      and (select stepbase_private.has_permission('member:manage'))
      and stepbase_private.may_grant_role(role)
    )
  );

create policy "Members read the roles of their application" on stepbase.app_roles
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()));

alter table stepbase.service_accounts enable row level security;

grant select on stepbase.service_accounts to authenticated;
grant select, insert, update, delete on stepbase.service_accounts to service_role;

create policy "Members read the service accounts of their application" on stepbase.service_accounts
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:read')));

alter table stepbase.api_keys enable row level security;

grant select, update (name) on stepbase.api_keys to authenticated;
grant select, insert, update, delete on stepbase.api_keys to service_role;

create policy "Key readers read their keys" on stepbase.api_keys
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:read')));

create policy "Key managers rename keys" on stepbase.api_keys
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:manage')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:manage')));
