-- Profiles: a new user of Supabase Auth gets one, and changes of e-mail address, sign-in time and password in
-- auth.users are copied to it.

-- Security definer: runs in a statement of supabase_auth_admin, which may not write stepbase.users.
create function stepbase_private.sync_user_profile()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_address text := lower(nullif(new.email, ''));
begin
  -- stepbase.users.email is unique and required. Users without an address (anonymous, phone only) and users of
  -- single sign-on whose address is taken get a placeholder.
  if v_address is null or exists (select 1 from stepbase.users u where u.email = v_address and u.id <> new.id) then
    v_address := new.id::text || '@users.invalid';
  end if;
  insert into stepbase.users (id, email, display_name, last_login_at, password_changed_at)
  values (
    new.id,
    v_address,
    coalesce(
      new.raw_user_meta_data ->> 'display_name',
      new.raw_user_meta_data ->> 'full_name',
      split_part(coalesce(new.email, ''), '@', 1)
    ),
    new.last_sign_in_at,
    case when new.encrypted_password is not null then now() end
  )
  on conflict (id) do update set
    email = excluded.email,
    last_login_at = coalesce(excluded.last_login_at, users.last_login_at),
    password_changed_at = case
      when tg_op = 'UPDATE' and new.encrypted_password is distinct from old.encrypted_password then now()
      else users.password_changed_at
    end;
  return null;
end;
$$;

comment on function stepbase_private.sync_user_profile() is
  'Trigger on auth.users: creates the profile in stepbase.users, or copies the changed columns to it.';

create trigger on_auth_user_created after insert on auth.users
  for each row execute function stepbase_private.sync_user_profile();

create trigger on_auth_user_changed
  after update of email, last_sign_in_at, encrypted_password on auth.users
  for each row execute function stepbase_private.sync_user_profile();

-- Users that already exist when Stepbase is installed.
insert into stepbase.users (id, email, display_name, last_login_at)
select
  id,
  lower(coalesce(nullif(email, ''), id::text || '@users.invalid')),
  split_part(coalesce(email, ''), '@', 1),
  last_sign_in_at
from auth.users
on conflict (id) do nothing;
