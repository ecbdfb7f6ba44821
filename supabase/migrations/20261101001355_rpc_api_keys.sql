-- RPCs that create, rotate, adopt and revoke API keys. See rpc_runs for the pattern.

create function stepbase_private.require_service_account(p_id uuid, p_app_code text)
returns stepbase.service_accounts
language plpgsql
stable
set search_path = ''
as $$
declare
  v_account stepbase.service_accounts;
begin
  select s.* into v_account
  from stepbase.service_accounts s where s.id = p_id and s.app_code = p_app_code;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Service account not found');
  end if;
  if not v_account.is_active then
    perform stepbase_private.raise_error('conflict', 'The service account is deactivated');
  end if;
  return v_account;
end;
$$;

comment on function stepbase_private.require_service_account(uuid, text) is
  'Returns an active service account of an application. Errors: SB404 unknown, SB409 deactivated.';

-- Security definer: clients cannot write hashes.
create function stepbase_private.create_api_key(
  p_name text, p_scopes text[], p_expires_at text, p_service_account_id uuid
)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_allowed constant text[] := stepbase_private.permissions();
  v_caller constant stepbase.api_keys := (
    select k from stepbase.api_keys k where k.id = (auth.jwt() ->> 'api_key_id')::uuid
  );
  v_new constant record := stepbase_private.random_api_key();
  v_expires_at constant timestamptz := stepbase_private.iso_time(p_expires_at, 'expires_at');
  v_account stepbase.service_accounts;
  v_wanted text[] := coalesce(p_scopes, v_allowed);
  v_made stepbase.api_keys;
begin
  if p_service_account_id is not null then
    v_account := stepbase_private.require_service_account(p_service_account_id, v_app);
    if p_scopes is null then
      v_wanted := array(
        select unnest(v_allowed) intersect select unnest(r.permissions) from stepbase.app_roles r
        where r.app_code = v_app and r.name = v_account.role
        order by 1
      );
    end if;
  elsif auth.uid() is null and v_caller.id is null then
    perform stepbase_private.raise_error(
      'invalid_request', 'The secret key cannot own an API key; name the service account that owns it in service_account_id'
    );
  end if;
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
  insert into stepbase.api_keys (
    app_code, name, prefix, scopes, expires_at, created_by, owner_id, service_account_id
  )
  values (
    v_app, p_name, v_new.prefix, v_wanted, v_expires_at, auth.uid(),
    -- A key that is created with a key has the same owner.
    case when v_account.id is null then coalesce(auth.uid(), v_caller.owner_id) end,
    coalesce(v_account.id, case when auth.uid() is null then v_caller.service_account_id end)
  )
  returning * into v_made;
  insert into stepbase_private.api_key_hashes (api_key_id, app_code, key_hash)
  values (v_made.id, v_app, v_new.key_hash);
  return jsonb_build_object(
    'id', v_made.id, 'key', v_new.key, 'prefix', v_made.prefix, 'name', v_made.name,
    'scopes', v_made.scopes, 'expires_at', v_made.expires_at, 'created_at', v_made.created_at
  );
end;
$$;

comment on function stepbase_private.create_api_key(text, text[], text, uuid) is 'Implements stepbase.create_api_key.';
grant execute on function stepbase_private.create_api_key(text, text[], text, uuid) to authenticated;

create function stepbase.create_api_key(
  name text, scopes text[] default null, expires_at text default null, service_account_id uuid default null
)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_api_key(
    create_api_key.name, create_api_key.scopes, create_api_key.expires_at, create_api_key.service_account_id
  );
$$;

comment on function stepbase.create_api_key(text, text[], text, uuid) is
  'Creates an API key of the caller''s application and returns {id, key, prefix, name, scopes, expires_at, created_at}; '
  'the key itself is returned only here. scopes: default all of the caller''s permissions; the key has those of them that '
  'its owner has at the time of use. The owner is the service account, or else the caller. expires_at: default never. '
  'Requires key:manage. Errors: SB400 blank name, scopes beyond the caller''s, expires_at in the past or not of ISO 8601, or '
  'no service account for the secret key; SB401, SB403, SB404 unknown service account, SB409 deactivated.';
grant execute on function stepbase.create_api_key(text, text[], text, uuid) to authenticated;

-- Security definer: clients cannot write hashes.
create function stepbase_private.rotate_api_key(p_api_key_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_new constant record := stepbase_private.random_api_key();
  v_key stepbase.api_keys;
begin
  perform stepbase_private.require_overlap(p_overlap_seconds);
  select k.* into v_key from stepbase.api_keys k where k.id = p_api_key_id and k.app_code = v_app for update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'API key not found');
  end if;
  if v_key.revoked_at is not null or v_key.expires_at <= now() then
    perform stepbase_private.raise_error(
      'conflict',
      format('The API key is %s; create a new one', case when v_key.revoked_at is null then 'expired' else 'revoked' end)
    );
  end if;
  -- The caller receives the key, so that it must not have more permissions than the caller.
  if not v_key.scopes <@ stepbase_private.permissions() then
    perform stepbase_private.raise_error(
      'permission_denied', 'The API key has permissions that you do not have; create a new one',
      jsonb_build_object(
        'scopes', array(select unnest(v_key.scopes) except select unnest(stepbase_private.permissions()))
      )
    );
  end if;
  if p_overlap_seconds > 0 and v_key.overlap_ends_at > now() then
    perform stepbase_private.raise_error(
      'conflict',
      'The key before the last rotation is still valid; wait for the end of the overlap, or rotate without overlap',
      jsonb_build_object('overlap_ends_at', v_key.overlap_ends_at)
    );
  end if;
  delete from stepbase_private.api_key_hashes h
  where h.api_key_id = v_key.id and (p_overlap_seconds = 0 or not h.is_current);
  update stepbase_private.api_key_hashes h set is_current = false where h.api_key_id = v_key.id;
  insert into stepbase_private.api_key_hashes (api_key_id, app_code, key_hash) values (v_key.id, v_app, v_new.key_hash);
  update stepbase.api_keys k
  set
    prefix = v_new.prefix, rotated_at = now(),
    overlap_ends_at = case when p_overlap_seconds > 0 then now() + p_overlap_seconds * interval '1 second' end
  where k.id = v_key.id
  returning k.* into v_key;
  return jsonb_build_object(
    'id', v_key.id, 'key', v_new.key, 'prefix', v_key.prefix, 'overlap_ends_at', v_key.overlap_ends_at,
    'expires_at', v_key.expires_at
  );
end;
$$;

comment on function stepbase_private.rotate_api_key(uuid, int) is 'Implements stepbase.rotate_api_key.';
grant execute on function stepbase_private.rotate_api_key(uuid, int) to authenticated;

create function stepbase.rotate_api_key(api_key_id uuid, overlap_seconds int default 86400)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rotate_api_key(
    rotate_api_key.api_key_id, coalesce(rotate_api_key.overlap_seconds, 86400)
  );
$$;

comment on function stepbase.rotate_api_key(uuid, int) is
  'Replaces an API key by a new one with the same id, owner and scopes, and returns {id, key, prefix, overlap_ends_at, '
  'expires_at}; the key itself is returned only here. The replaced key stays valid for overlap_seconds (0 to 604800, '
  'default a day). Requires key:manage. Errors: SB400 overlap_seconds out of range, SB401, SB403 also if the key has '
  'scopes beyond the caller''s, SB404 unknown key, SB409 revoked, expired, or the overlap of the last rotation has not '
  'ended (0 ends it).';
grant execute on function stepbase.rotate_api_key(uuid, int) to authenticated;

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

-- Security definer: clients cannot write the columns.
create function stepbase_private.adopt_api_key(p_api_key_id uuid, p_service_account_id uuid)
returns text[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('key:manage');
  v_key stepbase.api_keys;
  v_account stepbase.service_accounts;
begin
  if p_service_account_id is not null then
    v_account := stepbase_private.require_service_account(p_service_account_id, v_app);
    perform stepbase_private.require_grantable(v_account.role);
  elsif auth.uid() is null then
    perform stepbase_private.raise_error(
      'permission_denied', 'Only a member or a service account can own an API key; sign in, or name a service account'
    );
  end if;
  select k.* into v_key from stepbase.api_keys k where k.id = p_api_key_id and k.app_code = v_app for update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'API key not found');
  end if;
  if v_key.revoked_at is not null then
    perform stepbase_private.raise_error('conflict', 'The API key is revoked; create a new one');
  end if;
  update stepbase.api_keys k
  set owner_id = case when v_account.id is null then auth.uid() end, service_account_id = v_account.id
  where k.id = v_key.id;
  return (select l.scopes from stepbase_private.live_api_key(v_key.id) l);
end;
$$;

comment on function stepbase_private.adopt_api_key(uuid, uuid) is 'Implements stepbase.adopt_api_key.';
grant execute on function stepbase_private.adopt_api_key(uuid, uuid) to authenticated;

create function stepbase.adopt_api_key(api_key_id uuid, service_account_id uuid default null)
returns text[]
language sql
set search_path = ''
as $$
  select stepbase_private.adopt_api_key(adopt_api_key.api_key_id, adopt_api_key.service_account_id);
$$;

comment on function stepbase.adopt_api_key(uuid, uuid) is
  'Makes the caller, or a service account, the owner of an API key, for example after its owner has left, and returns the '
  'scopes that it now has (null if it has expired); the audit log records the change. Requires key:manage. Errors: SB401, '
  'SB403 also for a machine that names no service account, and for a service account with permissions that the caller '
  'lacks, SB404 unknown key or service account, SB409 revoked or deactivated.';
grant execute on function stepbase.adopt_api_key(uuid, uuid) to authenticated;
