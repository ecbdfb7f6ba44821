-- RPCs that list the sign-ins of members, change the role of a member, remove a member and leave an application. See
-- rpc_runs for the pattern. The trigger of last_admin keeps an admin in each application, also when two admins leave at
-- the same time.

create function stepbase_private.require_member(p_user_id uuid)
returns stepbase.app_members
language plpgsql
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_member stepbase.app_members;
begin
  select m.* into v_member
  from stepbase.app_members m
  where m.app_code = v_app and m.user_id = p_user_id
  for update;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'The application has no such member', jsonb_build_object('user_id', p_user_id)
    );
  end if;
  perform stepbase_private.require_grantable(v_member.role);
  return v_member;
end;
$$;

comment on function stepbase_private.require_member(uuid) is
  'Locks and returns a membership of the caller''s application. Raises SB401, SB403 without member:manage or if the member''s '
  'role has a permission that the caller lacks, and SB404 not_found.';

-- Security definer: the checks above decide, with their own errors, instead of a policy that hides the row.
create function stepbase_private.set_member_role(p_user_id uuid, p_role text)
returns stepbase.app_members
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_member stepbase.app_members := stepbase_private.require_member(p_user_id);
begin
  perform stepbase_private.require_grantable(p_role);
  update stepbase.app_members m
  set role = p_role
  where m.app_code = v_member.app_code and m.user_id = v_member.user_id
  returning m.* into v_member;
  return v_member;
end;
$$;

comment on function stepbase_private.set_member_role(uuid, text) is 'Implements stepbase.set_member_role.';
grant execute on function stepbase_private.set_member_role(uuid, text) to authenticated;

create function stepbase.set_member_role(user_id uuid, role text)
returns stepbase.app_members
language sql
set search_path = ''
as $$
  select stepbase_private.set_member_role(set_member_role.user_id, set_member_role.role);
$$;

comment on function stepbase.set_member_role(uuid, text) is
  'Gives a member of the caller''s application another of its roles and returns the membership; it takes effect with the '
  'member''s next statement. Requires member:manage and every permission of both roles. Errors: SB400 unknown role, SB401, '
  'SB403, SB404 unknown member, SB409 the last admin.';
grant execute on function stepbase.set_member_role(uuid, text) to authenticated;

-- Security definer for the reason given for set_member_role.
create function stepbase_private.remove_member(p_user_id uuid)
returns stepbase.app_members
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_member constant stepbase.app_members := stepbase_private.require_member(p_user_id);
begin
  delete from stepbase.app_members m where m.app_code = v_member.app_code and m.user_id = v_member.user_id;
  return v_member;
end;
$$;

comment on function stepbase_private.remove_member(uuid) is 'Implements stepbase.remove_member.';
grant execute on function stepbase_private.remove_member(uuid) to authenticated;

create function stepbase.remove_member(user_id uuid)
returns stepbase.app_members
language sql
set search_path = ''
as $$
  select stepbase_private.remove_member(remove_member.user_id);
$$;

comment on function stepbase.remove_member(uuid) is
  'Removes a member from the caller''s application and returns the membership that ended. The member loses access with the '
  'next statement, and API keys of which they are the owner stop working. Requires member:manage and every permission of '
  'the member''s role. Errors: SB401, SB403, SB404 unknown member, SB409 the last admin.';
grant execute on function stepbase.remove_member(uuid) to authenticated;

-- Security definer for the reason given for set_member_role.
create function stepbase_private.leave_application()
returns stepbase.app_members
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_member stepbase.app_members;
begin
  delete from stepbase.app_members m
  where m.app_code = stepbase_private.app_code() and m.user_id = v_user_id
  returning m.* into v_member;
  if not found then
    perform stepbase_private.raise_error('permission_denied', 'You are not a member of an application');
  end if;
  return v_member;
end;
$$;

comment on function stepbase_private.leave_application() is 'Implements stepbase.leave_application.';
grant execute on function stepbase_private.leave_application() to authenticated;

create function stepbase.leave_application()
returns stepbase.app_members
language sql
set search_path = ''
as $$
  select stepbase_private.leave_application();
$$;

comment on function stepbase.leave_application() is
  'Ends the caller''s membership of the active application and returns it. Refresh the session afterwards. Errors: SB401, '
  'SB403 not a member, also for API keys, SB409 the caller is the last admin: make another member admin or delete the '
  'application.';
grant execute on function stepbase.leave_application() to authenticated;

-- Security definer: clients cannot read users.last_login_at.
create function stepbase_private.list_sign_ins()
returns table (user_id uuid, last_login_at timestamptz)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
begin
  return query
  select m.user_id, u.last_login_at
  from stepbase.app_members m
  join stepbase.users u on u.id = m.user_id
  -- A person who has not accepted shares nothing with the application yet.
  where m.app_code = v_app and m.accepted_at is not null
  order by m.user_id;
end;
$$;

comment on function stepbase_private.list_sign_ins() is 'Implements stepbase.list_sign_ins.';
grant execute on function stepbase_private.list_sign_ins() to authenticated;

create function stepbase.list_sign_ins()
returns table (user_id uuid, last_login_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select * from stepbase_private.list_sign_ins();
$$;

comment on function stepbase.list_sign_ins() is
  'When each member of the caller''s application last signed in, by user_id: null for a member who never has. Members who have '
  'not accepted are left out. Requires member:manage. Errors: SB401, SB403.';
grant execute on function stepbase.list_sign_ins() to authenticated;
