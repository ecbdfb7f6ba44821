-- RPCs that create and change service accounts. See rpc_runs for the pattern.

-- Security definer, as update_service_account: clients cannot write the table.
create function stepbase_private.create_service_account(p_name text, p_role text, p_description text)
returns stepbase.service_accounts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_made stepbase.service_accounts;
begin
  if coalesce(btrim(p_name), '') = '' then
    perform stepbase_private.raise_error('invalid_request', 'name must not be blank');
  end if;
  perform stepbase_private.require_grantable(p_role);
  insert into stepbase.service_accounts (app_code, name, description, role, created_by)
  values (v_app, p_name, coalesce(p_description, ''), p_role, auth.uid())
  on conflict on constraint service_account_name_is_unique_in_app do nothing
  returning * into v_made;
  if not found then
    perform stepbase_private.raise_error('conflict', format('The application has a service account %s already', p_name));
  end if;
  return v_made;
end;
$$;

comment on function stepbase_private.create_service_account(text, text, text) is 'Implements stepbase.create_service_account.';
grant execute on function stepbase_private.create_service_account(text, text, text) to authenticated;

create function stepbase.create_service_account(name text, role text, description text default '')
returns stepbase.service_accounts
language sql
set search_path = ''
as $$
  select stepbase_private.create_service_account(
    create_service_account.name, create_service_account.role, create_service_account.description
  );
$$;

comment on function stepbase.create_service_account(text, text, text) is
  'Creates a service account of the caller''s application and returns it. It cannot sign in: create API keys for it with '
  'create_api_key. Requires member:manage. Errors: SB400 blank name or unknown role, SB401, SB403 also if the role has '
  'permissions that the caller lacks, SB409 the name is taken.';
grant execute on function stepbase.create_service_account(text, text, text) to authenticated;

create function stepbase_private.update_service_account(
  p_service_account_id uuid, p_role text, p_is_active boolean, p_description text
)
returns stepbase.service_accounts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_account stepbase.service_accounts;
begin
  select s.* into v_account from stepbase.service_accounts s
  where s.id = p_service_account_id and s.app_code = v_app
  for update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Service account not found');
  end if;
  if p_role is distinct from v_account.role and p_role is not null then
    perform stepbase_private.require_grantable(v_account.role);
    perform stepbase_private.require_grantable(p_role);
  end if;
  if p_is_active and not v_account.is_active then
    perform stepbase_private.require_grantable(coalesce(p_role, v_account.role));
  end if;
  update stepbase.service_accounts s
  set
    role = coalesce(p_role, s.role), is_active = coalesce(p_is_active, s.is_active),
    description = coalesce(p_description, s.description)
  where s.id = v_account.id
  returning s.* into v_account;
  return v_account;
end;
$$;

comment on function stepbase_private.update_service_account(uuid, text, boolean, text) is
  'Implements stepbase.update_service_account.';
grant execute on function stepbase_private.update_service_account(uuid, text, boolean, text) to authenticated;

create function stepbase.update_service_account(
  service_account_id uuid, role text default null, is_active boolean default null, description text default null
)
returns stepbase.service_accounts
language sql
set search_path = ''
as $$
  select stepbase_private.update_service_account(
    update_service_account.service_account_id, update_service_account.role, update_service_account.is_active,
    update_service_account.description
  );
$$;

comment on function stepbase.update_service_account(uuid, text, boolean, text) is
  'Changes the role of a service account, deactivates it (is_active false: its API keys give no access) or activates it '
  'again, and returns it; null changes nothing. Requires member:manage. Errors: SB400 unknown role, SB401, SB403 also if a '
  'role has permissions that the caller lacks, SB404 unknown service account.';
grant execute on function stepbase.update_service_account(uuid, text, boolean, text) to authenticated;
