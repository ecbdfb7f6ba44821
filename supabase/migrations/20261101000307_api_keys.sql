-- API keys: credentials of machines. A key is returned once, when it is created or rotated; its hash is in a table that
-- clients cannot reach.

create table stepbase.api_keys (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  prefix text not null,
  scopes text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  rotated_at timestamptz,
  overlap_ends_at timestamptz,
  revoked_at timestamptz,
  revoked_by uuid references stepbase.users (id) on delete set null,
  owner_id uuid references stepbase.users (id) on delete set null,
  service_account_id uuid,
  created_by uuid references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint expires_after_it_was_made check (expires_at > created_at),
  constraint overlap_follows_a_rotation check (overlap_ends_at >= rotated_at),
  constraint owner_is_a_user_or_a_service_account check (owner_id is null or service_account_id is null),
  constraint api_keys_id_app_code_key unique (id, app_code),
  constraint api_key_service_account_is_of_same_app
    foreign key (service_account_id, app_code) references stepbase.service_accounts (id, app_code) on delete cascade
);

comment on table stepbase.api_keys is 'API keys (sbk_…); created, rotated and revoked by RPC.';
comment on column stepbase.api_keys.prefix is 'The first 12 characters of the newest key, for display.';
comment on column stepbase.api_keys.rotated_at is 'When rotate_api_key last replaced the key.';
comment on column stepbase.api_keys.overlap_ends_at is 'Until when the key before the last rotation is valid, too.';
comment on column stepbase.api_keys.scopes is
  'Permissions that the key may have: a subset of its creator''s at creation. It has those that its owner has, too.';
comment on column stepbase.api_keys.last_used_at is 'When the key was last used, with a resolution of one minute.';
comment on column stepbase.api_keys.owner_id is
  'Member on whose behalf the key acts: its creator, or the one who adopted it. Without a live owner who is a member of '
  'the application, and without a service account, the key gives no access.';
comment on column stepbase.api_keys.service_account_id is 'Service account on whose behalf the key acts, instead of a member.';
comment on column stepbase.api_keys.created_by is 'Creator; null after the user was deleted.';

create index idx_api_keys_app_code_created_at on stepbase.api_keys (app_code, created_at desc);
create index idx_api_keys_created_by on stepbase.api_keys (created_by);
create index idx_api_keys_owner_id on stepbase.api_keys (owner_id);
create index idx_api_keys_service_account_id_app_code on stepbase.api_keys (service_account_id, app_code);
create index idx_api_keys_revoked_by on stepbase.api_keys (revoked_by);

create trigger api_keys_touch_updated_at before update on stepbase.api_keys
  for each row execute function stepbase_private.touch_updated_at();
create trigger api_keys_keep_identity before update on stepbase.api_keys
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'scopes', 'created_at'
  );

create table stepbase_private.api_key_hashes (
  api_key_id uuid not null,
  app_code text not null,
  is_current boolean not null default true,
  key_hash text not null constraint key_hash_is_unique unique
    constraint key_hash_is_sha256 check (key_hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  constraint api_key_hashes_pkey primary key (api_key_id, app_code, is_current),
  constraint hash_api_key_is_of_same_app
    foreign key (api_key_id, app_code) references stepbase.api_keys (id, app_code) on delete cascade
);

comment on table stepbase_private.api_key_hashes is
  'Hashes of API keys: the current one, and after a rotation the one before it. The primary key allows two at most.';
comment on column stepbase_private.api_key_hashes.is_current is
  'False: replaced by a rotation; valid until api_keys.overlap_ends_at.';
comment on column stepbase_private.api_key_hashes.key_hash is 'SHA-256 of the key in hex.';

alter table stepbase_private.api_key_hashes enable row level security;

create function stepbase_private.random_api_key(out key text, out prefix text, out key_hash text)
language plpgsql
set search_path = ''
as $$
begin
  key := stepbase_private.random_token('sbk_');
  prefix := left(key, 12);
  key_hash := stepbase_private.token_hash(key);
end;
$$;

comment on function stepbase_private.random_api_key() is 'A new API key with its prefix and its hash.';

-- Security definer: its callers must not read the tables. PL/pgSQL, because policies call it and its plan is cached.
create function stepbase_private.live_api_key(p_api_key_id uuid, out app_code text, out scopes text[])
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  select
    k.app_code,
    array(
      select s.scope from unnest(k.scopes) with ordinality s (scope, place)
      where s.scope = any (r.permissions)
      order by s.place
    )
  into live_api_key.app_code, live_api_key.scopes
  from stepbase.api_keys k
  cross join lateral (
    select m.role
    from stepbase.app_members m
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.app_code = k.app_code and m.user_id = k.owner_id and m.accepted_at is not null
    union all
    select s.role from stepbase.service_accounts s
    where s.id = k.service_account_id and s.app_code = k.app_code and s.is_active
  ) o
  join stepbase.app_roles r on r.app_code = k.app_code and r.name = o.role
  join stepbase.applications a on a.app_code = k.app_code and a.deleted_at is null
  join stepbase.organizations g on g.id = a.organization_id and g.deleted_at is null
  where k.id = p_api_key_id
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());
end;
$$;

comment on function stepbase_private.live_api_key(uuid) is
  'Application and scopes in effect of an API key: its scopes that the role of its owner has now. Nulls if the key is '
  'unknown, revoked, expired or of a deleted application, or if its owner is neither an active member nor an active '
  'service account.';
grant execute on function stepbase_private.live_api_key(uuid) to service_role;

create function stepbase_private.verify_api_key(p_key_hash text)
returns table (api_key_id uuid, app_code text, scopes text[])
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid;
  v_live record;
begin
  select h.api_key_id into v_id
  from stepbase_private.api_key_hashes h
  join stepbase.api_keys k on k.id = h.api_key_id
  where h.key_hash = p_key_hash and (h.is_current or k.overlap_ends_at > now());
  select l.app_code, l.scopes into v_live from stepbase_private.live_api_key(v_id) l;
  if v_live.app_code is null then
    return;
  end if;
  -- At most one update a minute: a busy key must not become a hot row.
  update stepbase.api_keys k
  set last_used_at = now()
  where k.id = v_id and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
  return query select v_id, v_live.app_code, v_live.scopes;
end;
$$;

comment on function stepbase_private.verify_api_key(text) is
  'The id, application and scopes in effect of the key with this SHA-256 (hex); no row if live_api_key has none, or if a '
  'rotation has replaced the key and its overlap has ended. '
  'Updates last_used_at. The HTTP API calls it.';
grant execute on function stepbase_private.verify_api_key(text) to service_role;
