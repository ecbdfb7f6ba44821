-- Profiles follow Supabase Auth: a new auth user gets a profile, and what Auth changes (address, last
-- sign-in, password) is copied at once.

-- Definer: runs inside Auth's own statement, as supabase_auth_admin, which has no rights here.
create function stepbase_private.sync_user_profile()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_address text := lower(nullif(new.email, ''));
begin
  -- Users without an address (anonymous, phone only), and those of single sign-on whose address somebody
  -- else has, still get a profile, with an address that is unique.
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
  'Trigger on auth.users: creates the profile in stepbase.users and keeps it in step.';

create trigger on_auth_user_created after insert on auth.users
  for each row execute function stepbase_private.sync_user_profile();

create trigger on_auth_user_changed
  after update of email, last_sign_in_at, encrypted_password on auth.users
  for each row execute function stepbase_private.sync_user_profile();

-- Users who were there before this migration.
insert into stepbase.users (id, email, display_name, last_login_at)
select
  id,
  lower(coalesce(nullif(email, ''), id::text || '@users.invalid')),
  split_part(coalesce(email, ''), '@', 1),
  last_sign_in_at
from auth.users
on conflict (id) do nothing;
