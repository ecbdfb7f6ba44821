-- The password hook of Supabase Auth: it counts wrong passwords and locks the account for a while. Auth
-- calls it as supabase_auth_admin.

create function stepbase_private.password_verification_hook(event jsonb)
returns jsonb
language plpgsql
volatile
set search_path = ''
as $$
declare
  v_person uuid := (event ->> 'user_id')::uuid;
  v_valid boolean := (event ->> 'valid')::boolean;
  v_locked timestamptz;
begin
  -- One statement, so that the row lock serializes parallel guesses. An expired lock restarts the count.
  update stepbase.users u
  set
    failed_login_attempts = case
      when u.locked_until > now() then u.failed_login_attempts
      when v_valid then 0
      when u.locked_until is not null then 1
      else u.failed_login_attempts + 1
    end,
    locked_until = case
      when u.locked_until > now() then u.locked_until
      when v_valid or u.locked_until is not null then null
      when u.failed_login_attempts + 1 >= 5 then now() + interval '15 minutes'
    end
  where u.id = v_person
    and not (v_valid and u.failed_login_attempts = 0 and u.locked_until is null);

  select u.locked_until into v_locked from stepbase.users u where u.id = v_person;
  if v_locked > now() then
    return jsonb_build_object(
      'decision', 'reject',
      'message', 'Too many wrong passwords. Try again after '
        || to_char(v_locked at time zone 'UTC', 'HH24:MI') || ' UTC.',
      'should_logout_user', false
    );
  end if;
  return jsonb_build_object('decision', 'continue');
end;
$$;

comment on function stepbase_private.password_verification_hook(jsonb) is
  'Hook of Supabase Auth for each password attempt. Input: {user_id, valid}. Output: {decision: continue} or '
  '{decision: reject, message, should_logout_user}. The fifth wrong password in a row locks the account for 15 minutes; '
  'the right password is refused during that time, too.';
grant execute on function stepbase_private.password_verification_hook(jsonb) to supabase_auth_admin;

grant update (failed_login_attempts, locked_until) on stepbase.users to supabase_auth_admin;

create policy "The auth server counts wrong passwords" on stepbase.users
  for update to supabase_auth_admin using (true) with check (true);
