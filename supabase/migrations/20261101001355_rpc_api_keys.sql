-- RPCs that create, adopt and revoke API keys. See rpc_runs for the pattern.

-- Security definer: clients cannot write hashes.
create function stepbase_private.create_api_key(p_name text, p_scopes text[], p_expires_at text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_allowed constant text[] := stepbase_private.permissions();
  v_wanted constant text[] := coalesce(p_scopes, v_allowed);
  -- Two random UUIDs have 244 random bits; the hash spreads them over 32 bytes.
  v_secret constant text := 'sbk_' || rtrim(translate(encode(
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '+/', '-_'), '=');
  v_expires_at constant timestamptz := stepbase_private.iso_time(p_expires_at, 'expires_at');
  v_made stepbase.api_keys;
begin
  if not v_wanted <@ v_allowed then
    perform stepbase_private.raise_error(
      'invalid_request', 'scopes must be a subset of your own permissions',
      jsonb_build_object('scopes', array(select unnest(v_wanted) except select unnest(v_allowed)))
    );
  end if;
  if v_expires_at <= now() then
    perform stepbase_private.raise_error('invalid_request', 'expires_at must be in the future');
  end if;
  if coalesce(btrim(p_name), '') = '' then
    perform stepbase_private.raise_error('invalid_request', 'name must not be blank');
  end if;
  insert into stepbase.api_keys (app_code, name, prefix, key_hash, scopes, expires_at, created_by, owner_id)
  values (
    v_app, p_name, left(v_secret, 12), encode(sha256(convert_to(v_secret, 'UTF8')), 'hex'),
    v_wanted, v_expires_at, auth.uid(),
    -- A key that is created with a key has the same owner.
    coalesce(
      auth.uid(), (select k.owner_id from stepbase.api_keys k where k.id = (auth.jwt() ->> 'api_key_id')::uuid)
    )
  )
  returning * into v_made;
  return jsonb_build_object(
    'id', v_made.id, 'key', v_secret, 'prefix', v_made.prefix, 'name', v_made.name,
    'scopes', v_made.scopes, 'expires_at', v_made.expires_at, 'created_at', v_made.created_at
  );
end;
$$;

comment on function stepbase_private.create_api_key(text, text[], text) is 'Implements stepbase.create_api_key.';
grant execute on function stepbase_private.create_api_key(text, text[], text) to authenticated;

create function stepbase.create_api_key(name text, scopes text[] default null, expires_at text default null)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_api_key(
    create_api_key.name, create_api_key.scopes, create_api_key.expires_at
  );
$$;

comment on function stepbase.create_api_key(text, text[], text) is
  'Creates an API key of the caller''s application and returns {id, key, prefix, name, scopes, expires_at, created_at}; '
  'the key itself is returned only here. scopes: default all of the caller''s permissions; the key has those of them that '
  'its owner (the caller) has at the time of use. expires_at: default never. '
  'Requires key:manage. Errors: SB400 blank name, scopes beyond the caller''s, expires_at in the past or not of ISO 8601; SB401, SB403.';
grant execute on function stepbase.create_api_key(text, text[], text) to authenticated;

-- Security definer: clients cannot write the column.
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
    perform stepbase_private.raise_error('not_found', 'API key not found');
  end if;
  return v_revoked;
end;
$$;

comment on function stepbase_private.revoke_api_key(uuid) is 'Implements stepbase.revoke_api_key.';
grant execute on function stepbase_private.revoke_api_key(uuid) to authenticated;

create function stepbase.revoke_api_key(api_key_id uuid)
returns timestamptz
language sql
set search_path = ''
as $$
  select stepbase_private.revoke_api_key(revoke_api_key.api_key_id);
$$;

comment on function stepbase.revoke_api_key(uuid) is
  'Revokes an API key at once and returns the time of revocation; repeated calls have no further effect. Requires '
  'key:manage. Errors: SB401, SB403, SB404 unknown key.';
grant execute on function stepbase.revoke_api_key(uuid) to authenticated;

-- Security definer: clients cannot write the column.
create function stepbase_private.adopt_api_key(p_api_key_id uuid)
returns text[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_key stepbase.api_keys;
begin
  if auth.uid() is null then
    perform stepbase_private.raise_error('permission_denied', 'An API key cannot own another one; sign in as a member');
  end if;
  select k.* into v_key from stepbase.api_keys k where k.id = p_api_key_id and k.app_code = v_app for update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'API key not found');
  end if;
  if v_key.revoked_at is not null then
    perform stepbase_private.raise_error('conflict', 'The API key is revoked; create a new one');
  end if;
  update stepbase.api_keys k set owner_id = auth.uid() where k.id = v_key.id;
  return (select l.scopes from stepbase_private.live_api_key(v_key.id) l);
end;
$$;

comment on function stepbase_private.adopt_api_key(uuid) is 'Implements stepbase.adopt_api_key.';
grant execute on function stepbase_private.adopt_api_key(uuid) to authenticated;

create function stepbase.adopt_api_key(api_key_id uuid)
returns text[]
language sql
set search_path = ''
as $$
  select stepbase_private.adopt_api_key(adopt_api_key.api_key_id);
$$;

comment on function stepbase.adopt_api_key(uuid) is
  'Makes the caller the owner of an API key, for example after its owner has left, and returns the scopes that it now has '
  '(null if it has expired); the audit log records the change. Requires key:manage. Errors: SB401, SB403 also for '
  'callers with an API key, SB404 unknown key, SB409 revoked.';
grant execute on function stepbase.adopt_api_key(uuid) to authenticated;
