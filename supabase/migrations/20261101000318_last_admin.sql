-- Every application with members has an admin who has accepted: the last one can be neither removed nor demoted.

-- Without an admin, no member could appoint one.
-- Security definer: counts all members, including those that the caller cannot read.
create function stepbase_private.require_an_admin()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.role <> 'admin' or old.accepted_at is null or (tg_op = 'UPDATE' and new.role = 'admin') then
    return null;
  end if;
  -- Deleting a user or an application deletes its memberships, admins included. The lock serializes two admins
  -- who leave at the same time.
  perform 1 from stepbase.users where id = old.user_id;
  if not found then
    return null;
  end if;
  perform 1 from stepbase.applications where app_code = old.app_code for no key update;
  -- An operator may remove all members. A client may not: no one could enter the application again.
  if found
    and (
      auth.jwt() ->> 'role' = 'authenticated'
      or exists (select 1 from stepbase.app_members where app_code = old.app_code)
    )
    and not exists (
      select 1 from stepbase.app_members
      where app_code = old.app_code and role = 'admin' and accepted_at is not null
    )
  then
    perform stepbase_private.raise_error(
      'conflict', format('%s must keep an admin; make another member admin first, or delete the application', old.app_code),
      jsonb_build_object('app_code', old.app_code)
    );
  end if;
  return null;
end;
$$;

comment on function stepbase_private.require_an_admin() is
  'Trigger: raises SB409 conflict when the last admin is demoted or removed: by a client always, by an operator while '
  'other members remain.';

create trigger app_members_keep_an_admin after update of role or delete on stepbase.app_members
  for each row execute function stepbase_private.require_an_admin();
