-- What clients call to build workflows and to change the application they work in.

-- Definer: reads the caller's memberships and writes the profile column that clients must not.
create function stepbase_private.switch_app(p_app_code text)
returns stepbase.applications
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app stepbase.applications;
begin
  if auth.uid() is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  select a.* into v_app
  from stepbase.applications a
  where a.app_code = p_app_code
    and a.app_code in (select stepbase_private.my_app_codes());
  -- The same answer for an application that is not there and one that is not theirs.
  if not found then
    perform stepbase_private.raise_error('not_found', 'You are not a member of such an application');
  end if;
  update stepbase.users u set active_app_code = v_app.app_code where u.id = auth.uid();
  return v_app;
end;
$$;

comment on function stepbase_private.switch_app(text) is 'Behind stepbase.switch_app.';
grant execute on function stepbase_private.switch_app(text) to authenticated;

create function stepbase.switch_app(app_code text)
returns stepbase.applications
language sql
set search_path = ''
as $$
  select stepbase_private.switch_app(app_code);
$$;

comment on function stepbase.switch_app(text) is
  'Makes an application of the caller the active one; refresh the session to get its claims.';
grant execute on function stepbase.switch_app(text) to authenticated;
