-- Who sees and changes tenancy rows.

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
