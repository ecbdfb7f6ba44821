-- The active application of each Auth session. A user who works in two browsers has two sessions: a switch in one of
-- them does not change the application of the other.

create table stepbase_private.session_apps (
  session_id uuid primary key,
  user_id uuid not null,
  app_code text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint session_app_is_a_membership foreign key (app_code, user_id)
    references stepbase.app_members (app_code, user_id) on delete cascade
);

comment on table stepbase_private.session_apps is
  'Application that the access tokens of an Auth session are for. The access-token hook writes a row with the first token of '
  'a session, switch_app changes it, and maintain() deletes it after the session has ended.';
-- Supabase Auth owns auth.sessions and changes it with its own migrations, which a foreign key could prevent.
comment on column stepbase_private.session_apps.session_id is 'Claim session_id of the token: auth.sessions.id, without a foreign key.';

create index idx_session_apps_app_code_user_id on stepbase_private.session_apps (app_code, user_id);

alter table stepbase_private.session_apps enable row level security;
grant select, insert on stepbase_private.session_apps to supabase_auth_admin;

create policy "The auth server reads the applications of sessions" on stepbase_private.session_apps
  for select to supabase_auth_admin using (true);

create policy "The auth server adds the application of a session" on stepbase_private.session_apps
  for insert to supabase_auth_admin with check (true);

create function stepbase_private.session_id(p_claims jsonb)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when p_claims ->> 'session_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (p_claims ->> 'session_id')::uuid
  end;
$$;

comment on function stepbase_private.session_id(jsonb) is 'Id of the Auth session in the claims of a token; null if there is none.';
grant execute on function stepbase_private.session_id(jsonb) to authenticated, supabase_auth_admin;

create function stepbase_private.forget_ended_sessions(p_limit int default 5000)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
begin
  if to_regclass('auth.sessions') is null then
    return 0;
  end if;
  execute $sql$
    delete from stepbase_private.session_apps s
    where s.session_id in (
      select x.session_id
      from stepbase_private.session_apps x
      where not exists (select 1 from auth.sessions a where a.id = x.session_id)
      limit $1
    )
  $sql$
  using p_limit;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function stepbase_private.forget_ended_sessions(int) is
  'Deletes up to p_limit rows of session_apps whose session has ended, and returns how many. Maintenance calls it.';
