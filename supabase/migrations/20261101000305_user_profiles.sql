-- Profiles: a new user of Supabase Auth gets one, and changes of e-mail address, sign-in time, password, ban and soft
-- deletion in auth.users are copied to it.

-- Security definer: runs in a statement of supabase_auth_admin, which may not write stepbase.users.
create function stepbase_private.sync_user_profile()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_address text := lower(nullif(new.email, ''));
  v_is_banned constant boolean := coalesce(new.banned_until > now(), false);
begin
  -- A soft delete in Auth replaces the e-mail address by a hash. The profile keeps the last address.
  if tg_op = 'UPDATE' and new.deleted_at is not null then
    update stepbase.users u set deleted_at = new.deleted_at where u.id = new.id and u.deleted_at is null;
    return null;
  end if;
  -- stepbase.users.email is unique and required. Users without an address (anonymous, phone only) and users of
  -- single sign-on whose address is taken get a placeholder.
  if v_address is null or exists (select 1 from stepbase.users u where u.email = v_address and u.id <> new.id) then
    v_address := new.id::text || '@users.invalid';
  end if;
  insert into stepbase.users (
    id, email, display_name, last_login_at, password_changed_at, is_active, banned_until, deleted_at
  )
  values (
    new.id,
    v_address,
    coalesce(
      new.raw_user_meta_data ->> 'display_name',
      new.raw_user_meta_data ->> 'full_name',
      split_part(coalesce(new.email, ''), '@', 1)
    ),
    new.last_sign_in_at,
    case when new.encrypted_password is not null then now() end,
    not v_is_banned,
    case when v_is_banned then new.banned_until end,
    new.deleted_at
  )
  on conflict (id) do update set
    email = excluded.email,
    last_login_at = coalesce(excluded.last_login_at, users.last_login_at),
    -- The end of a ban does not activate an account that an operator has deactivated.
    is_active = case
      when v_is_banned then false
      else users.is_active or users.banned_until is not null
    end,
    banned_until = case when users.is_active or users.banned_until is not null then excluded.banned_until end,
    deleted_at = case
      when tg_op = 'UPDATE' and new.deleted_at is distinct from old.deleted_at then excluded.deleted_at
      else users.deleted_at
    end,
    password_changed_at = case
      when tg_op = 'UPDATE' and new.encrypted_password is distinct from old.encrypted_password then now()
      else users.password_changed_at
    end;
  return null;
end;
$$;

comment on function stepbase_private.sync_user_profile() is
  'Trigger on auth.users: creates the profile in stepbase.users, or copies the changed columns to it.';

create function stepbase_private.end_bans()
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
begin
  update stepbase.users u set is_active = true, banned_until = null where u.banned_until <= now();
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function stepbase_private.end_bans() is
  'Activates the accounts whose ban in auth.users has ended, and returns how many. Maintenance calls it.';

create trigger on_auth_user_created after insert on auth.users
  for each row execute function stepbase_private.sync_user_profile();

create trigger on_auth_user_changed
  after update of email, last_sign_in_at, encrypted_password, banned_until, deleted_at on auth.users
  for each row execute function stepbase_private.sync_user_profile();

-- Users that already exist when Stepbase is installed.
insert into stepbase.users (id, email, display_name, last_login_at, is_active, banned_until, deleted_at)
select
  id,
  lower(coalesce(nullif(email, ''), id::text || '@users.invalid')),
  split_part(coalesce(email, ''), '@', 1),
  last_sign_in_at,
  coalesce(banned_until <= now(), true),
  case when banned_until > now() then banned_until end,
  deleted_at
from auth.users
on conflict (id) do nothing;
