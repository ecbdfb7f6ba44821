-- API keys: how machines come in. Only a hash of the key is kept; the key itself is shown once.

create table stepbase.api_keys (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_not_blank check (btrim(name) <> ''),
  prefix text not null,
  key_hash text not null constraint key_hash_is_unique unique
    constraint key_hash_is_sha256 check (key_hash ~ '^[0-9a-f]{64}$'),
  scopes text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by uuid references stepbase.users (id) on delete set null,
  created_by uuid references stepbase.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint expires_after_it_was_made check (expires_at > created_at)
);

comment on table stepbase.api_keys is 'Keys for machines (sbk_…). Stored hashed; made and revoked by RPC.';
comment on column stepbase.api_keys.prefix is 'The first characters of the key, to tell keys apart.';
comment on column stepbase.api_keys.key_hash is 'SHA-256 of the key, hex. No client may read it.';
comment on column stepbase.api_keys.scopes is 'Permissions of the key: never more than its maker had.';
comment on column stepbase.api_keys.last_used_at is 'To the minute.';
comment on column stepbase.api_keys.created_by is 'Its keys go when the user is deleted.';

create index idx_api_keys_app_code_created_at on stepbase.api_keys (app_code, created_at desc);
create index idx_api_keys_created_by on stepbase.api_keys (created_by);
create index idx_api_keys_revoked_by on stepbase.api_keys (revoked_by);

create trigger api_keys_touch_updated_at before update on stepbase.api_keys
  for each row execute function stepbase_private.touch_updated_at();
create trigger api_keys_keep_identity before update on stepbase.api_keys
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'prefix', 'key_hash', 'scopes', 'created_at'
  );

alter table stepbase.api_keys enable row level security;

grant select (
  id, app_code, name, prefix, scopes, expires_at, last_used_at, revoked_at, revoked_by, created_by, created_at,
  updated_at
),
update (name)
on stepbase.api_keys to authenticated;
grant select, insert, update, delete on stepbase.api_keys to service_role;

create policy "Key readers read their keys" on stepbase.api_keys
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:read')));

create policy "Key managers rename keys" on stepbase.api_keys
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:manage')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('key:manage')));

-- Definer: the hash is written by nobody else.
create function stepbase_private.create_api_key(p_name text, p_scopes text[], p_expires_at timestamptz)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_allowed constant text[] := stepbase_private.permissions();
  v_wanted constant text[] := coalesce(p_scopes, v_allowed);
  -- Two random UUIDs are 244 random bits; the hash spreads them over 32 bytes.
  v_secret constant text := 'sbk_' || rtrim(translate(encode(
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '+/', '-_'), '=');
  v_made stepbase.api_keys;
begin
  if not v_wanted <@ v_allowed then
    perform stepbase_private.raise_error(
      'invalid_request', 'A key cannot do more than its maker',
      jsonb_build_object('scopes', array(select unnest(v_wanted) except select unnest(v_allowed)))
    );
  end if;
  if p_expires_at <= now() then
    perform stepbase_private.raise_error('invalid_request', 'The key would have expired already');
  end if;
  if coalesce(btrim(p_name), '') = '' then
    perform stepbase_private.raise_error('invalid_request', 'The key needs a name');
  end if;
  insert into stepbase.api_keys (app_code, name, prefix, key_hash, scopes, expires_at, created_by)
  values (
    v_app, p_name, left(v_secret, 12), encode(sha256(convert_to(v_secret, 'UTF8')), 'hex'),
    v_wanted, p_expires_at, auth.uid()
  )
  returning * into v_made;
  return jsonb_build_object(
    'id', v_made.id, 'key', v_secret, 'prefix', v_made.prefix, 'name', v_made.name,
    'scopes', v_made.scopes, 'expires_at', v_made.expires_at, 'created_at', v_made.created_at
  );
end;
$$;

comment on function stepbase_private.create_api_key(text, text[], timestamptz) is 'Behind stepbase.create_api_key.';

create function stepbase.create_api_key(name text, scopes text[] default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_api_key(name, scopes, expires_at);
$$;

comment on function stepbase.create_api_key(text, text[], timestamptz) is
  'Creates an API key of the application of the caller and returns it once: {id, key, prefix, …}. Needs key:manage. '
  'scopes: by default all permissions of the caller. Errors: SB400 no name, expired, or scopes that the caller does '
  'not have, SB401, SB403.';

-- Definer: clients have no right to write the column.
create function stepbase_private.revoke_api_key(p_api_key_id uuid)
returns timestamptz
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_revoked timestamptz;
begin
  update stepbase.api_keys k
  set revoked_at = coalesce(k.revoked_at, now()), revoked_by = coalesce(k.revoked_by, auth.uid())
  where k.id = p_api_key_id and k.app_code = v_app
  returning k.revoked_at into v_revoked;
  if not found then
    perform stepbase_private.raise_error('not_found', 'There is no such key');
  end if;
  return v_revoked;
end;
$$;

comment on function stepbase_private.revoke_api_key(uuid) is 'Behind stepbase.revoke_api_key.';

create function stepbase.revoke_api_key(api_key_id uuid)
returns timestamptz
language sql
set search_path = ''
as $$
  select stepbase_private.revoke_api_key(api_key_id);
$$;

comment on function stepbase.revoke_api_key(uuid) is
  'Revokes an API key at once and returns the time. A second call changes nothing. Needs key:manage. Errors: SB401, '
  'SB403, SB404.';

create function stepbase_private.live_api_key(p_api_key_id uuid)
returns stepbase.api_keys
language sql
stable
security definer
set search_path = ''
as $$
  select k
  from stepbase.api_keys k
  join stepbase.applications a on a.app_code = k.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where k.id = p_api_key_id
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());
$$;

-- Definer: reads a table that its callers must not read.
comment on function stepbase_private.live_api_key(uuid) is 'The key when it is neither revoked nor expired and its application lives.';

create function stepbase_private.verify_api_key(p_key_hash text)
returns table (api_key_id uuid, app_code text, scopes text[])
language plpgsql
set search_path = ''
as $$
declare
  v_live stepbase.api_keys;
begin
  select (stepbase_private.live_api_key(k.id)).* into v_live
  from stepbase.api_keys k
  where k.key_hash = p_key_hash;
  if v_live.id is null then
    return;
  end if;
  -- To the minute: a busy key must not become a hot row.
  update stepbase.api_keys k
  set last_used_at = now()
  where k.id = v_live.id and (k.last_used_at is null or k.last_used_at < now() - interval '1 minute');
  return query select v_live.id, v_live.app_code, v_live.scopes;
end;
$$;

comment on function stepbase_private.verify_api_key(text) is
  'Whose key it is, by its SHA-256 (hex); no row when unknown, revoked or expired. For the HTTP API.';

grant execute on function
  stepbase.create_api_key(text, text[], timestamptz),
  stepbase.revoke_api_key(uuid),
  stepbase_private.create_api_key(text, text[], timestamptz),
  stepbase_private.revoke_api_key(uuid)
to authenticated;
grant execute on function stepbase_private.verify_api_key(text), stepbase_private.live_api_key(uuid) to service_role;
