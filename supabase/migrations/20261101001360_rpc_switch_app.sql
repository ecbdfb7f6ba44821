-- RPCs of the caller's own account: the active application and the profile. See rpc_runs for the pattern.

-- Security definer: clients cannot write active_app_code.
create function stepbase_private.switch_app(p_app_code text)
returns stepbase.applications
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app stepbase.applications;
  v_session_id constant uuid := stepbase_private.session_id(auth.jwt());
begin
  if auth.uid() is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  select a.* into v_app
  from stepbase.applications a
  where a.app_code = p_app_code
    and a.app_code in (select stepbase_private.my_app_codes());
  -- Unknown applications and those of others raise the same error.
  if not found then
    perform stepbase_private.raise_error('not_found', 'Application not found among your memberships');
  end if;
  update stepbase.app_members m
  set accepted_at = now()
  where m.app_code = v_app.app_code and m.user_id = auth.uid() and m.accepted_at is null;
  -- A session without an id has only the default of new sessions.
  if v_session_id is not null then
    insert into stepbase_private.session_apps as s (session_id, user_id, app_code)
    values (v_session_id, auth.uid(), v_app.app_code)
    on conflict (session_id) do update
    set app_code = excluded.app_code, updated_at = now()
    where s.user_id = excluded.user_id;
  end if;
  update stepbase.users u set active_app_code = v_app.app_code where u.id = auth.uid();
  return v_app;
end;
$$;

comment on function stepbase_private.switch_app(text) is 'Implements stepbase.switch_app.';
grant execute on function stepbase_private.switch_app(text) to authenticated;

create function stepbase.switch_app(app_code text)
returns stepbase.applications
language sql
set search_path = ''
as $$
  select stepbase_private.switch_app(switch_app.app_code);
$$;

comment on function stepbase.switch_app(text) is
  'Makes one of the caller''s applications the active one of this session and of new sessions, and returns it; other '
  'sessions keep theirs. Refresh the session to get its claims. Accepts the membership if another member added the caller. '
  'Errors: '
  'SB401 not signed in, SB404 unknown application or not a member.';
grant execute on function stepbase.switch_app(text) to authenticated;

-- Security definer: clients read only some columns of users.
create function stepbase_private.my_profile()
returns stepbase.users
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user stepbase.users;
begin
  select u.* into v_user from stepbase.users u where u.id = auth.uid();
  if not found then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  return v_user;
end;
$$;

comment on function stepbase_private.my_profile() is 'Implements stepbase.my_profile.';
grant execute on function stepbase_private.my_profile() to authenticated;

create function stepbase.my_profile()
returns stepbase.users
language sql
stable
set search_path = ''
as $$
  select stepbase_private.my_profile();
$$;

comment on function stepbase.my_profile() is
  'The caller''s profile with all columns; of other members, clients read id, email, display_name and avatar_url. '
  'Errors: SB401 not signed in.';
grant execute on function stepbase.my_profile() to authenticated;
