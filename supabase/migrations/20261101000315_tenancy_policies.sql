-- Who sees and changes tenancy rows.

alter table stepbase.organizations enable row level security;
alter table stepbase.applications enable row level security;
alter table stepbase.users enable row level security;
alter table stepbase.app_members enable row level security;

grant select on stepbase.organizations to authenticated;
grant select,
  update (name, description, settings, run_retention_days, event_retention_days, audit_retention_days)
  on stepbase.applications to authenticated;
grant select, update (display_name, full_name, username, avatar_url) on stepbase.users to authenticated;
grant select, insert (app_code, user_id, role, invited_by), update (role), delete
on stepbase.app_members to authenticated;
grant select, insert, update, delete on stepbase.organizations, stepbase.applications, stepbase.app_members to service_role;
grant select, update on stepbase.users to service_role;

create policy "Members read their organizations" on stepbase.organizations
  for select to authenticated
  using (
    id in (
      select a.organization_id from stepbase.applications a
      where a.app_code in (select stepbase_private.my_app_codes())
    )
  );

create policy "Members read their applications" on stepbase.applications
  for select to authenticated
  using (app_code in (select stepbase_private.my_app_codes()));

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

create policy "Member managers add members" on stepbase.app_members
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')));

create policy "Member managers change roles" on stepbase.app_members
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('member:manage')));

create policy "Member managers remove members, and members leave" on stepbase.app_members
  for delete to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (user_id = (select stepbase_private.user_id()) or (select stepbase_private.has_permission('member:manage')))
  );

-- An application without an admin could never get one again.
-- Definer: counts all members, whatever the caller may read.
create function stepbase_private.require_an_admin()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.role <> 'admin' or (tg_op = 'UPDATE' and new.role = 'admin') then
    return null;
  end if;
  -- A user or an application that goes away takes its memberships with it. The lock makes two admins who
  -- leave at once wait for each other.
  perform 1 from stepbase.users where id = old.user_id;
  if not found then
    return null;
  end if;
  perform 1 from stepbase.applications where app_code = old.app_code for update;
  if found
    and exists (select 1 from stepbase.app_members where app_code = old.app_code)
    and not exists (select 1 from stepbase.app_members where app_code = old.app_code and role = 'admin')
  then
    perform stepbase_private.raise_error(
      'conflict', format('%s would be left without an admin', old.app_code),
      jsonb_build_object('app_code', old.app_code)
    );
  end if;
  return null;
end;
$$;

comment on function stepbase_private.require_an_admin() is
  'Trigger: refuses to remove or demote the last admin while other members remain.';

create trigger app_members_keep_an_admin after update of role or delete on stepbase.app_members
  for each row execute function stepbase_private.require_an_admin();
