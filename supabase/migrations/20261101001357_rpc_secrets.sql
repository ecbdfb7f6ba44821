-- RPCs that set, list, roll back and delete the secrets of an application. No RPC returns a value. See rpc_runs for the
-- pattern.

-- Security definer, as the functions below: clients reach neither the tables nor Vault.
create function stepbase_private.set_secret(p_name text, p_value text, p_allowed_hosts text[])
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('secret:manage');
  v_stored stepbase_private.secret_versions;
begin
  if p_name is null or p_name !~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$' then
    perform stepbase_private.raise_error(
      'invalid_request', 'name must begin with a letter or _ and have at most 128 letters, digits and _'
    );
  end if;
  -- Here, not by a constraint: its message would contain the value.
  if p_value is null or p_value = '' or octet_length(p_value) > 65536 then
    perform stepbase_private.raise_error('invalid_request', 'value must have between 1 and 65536 bytes');
  end if;
  v_stored := stepbase_private.store_secret(v_app, p_name, p_value, p_allowed_hosts);
  return jsonb_build_object('name', p_name, 'version', v_stored.version, 'allowed_hosts', v_stored.allowed_hosts);
end;
$$;

comment on function stepbase_private.set_secret(text, text, text[]) is 'Implements stepbase.set_secret.';
grant execute on function stepbase_private.set_secret(text, text, text[]) to authenticated;

create function stepbase.set_secret(name text, value text, allowed_hosts text[] default null)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.set_secret(set_secret.name, set_secret.value, set_secret.allowed_hosts);
$$;

comment on function stepbase.set_secret(text, text, text[]) is
  'Stores a new version of a secret of the caller''s application for {{ secrets.<name> }} and returns {name, version, '
  'allowed_hosts}; steps that start from now on read it. allowed_hosts: the hosts that may receive it (host, host:port, '
  '*.domain); null keeps those of the version in use, {*} allows every host. Requires secret:manage. Errors: SB400 name, '
  'value (1 to 65536 bytes) or allowed_hosts not valid, SB401, SB403, SB429 max_secrets is reached.';
grant execute on function stepbase.set_secret(text, text, text[]) to authenticated;

create function stepbase_private.secret_references(p_app_code text)
returns table (name text, workflows text[])
language sql
stable
set search_path = ''
as $$
  select u.name, array_agg(distinct u.workflow order by u.workflow)
  from (
    select unnest(f.secrets) as name, w.kebab_name as workflow
    from stepbase.workflows w
    join stepbase.workflow_nodes n on n.workflow_version_id = w.published_version_id
    cross join lateral (
      values (n.node_type, n.config), (n.compensate ->> 'type', n.compensate -> 'config')
    ) c (node_type, config)
    cross join lateral stepbase_engine.expression_facts(c.node_type, c.config) f
    where w.app_code = p_app_code and w.deleted_at is null
      -- A cheap test that most configs fail.
      and strpos(c.config::text, 'secrets') > 0
  ) u
  group by u.name;
$$;

comment on function stepbase_private.secret_references(text) is
  'The names of secrets in the expressions of the published versions of an application, with the workflows that name them.';

-- Security definer for the reason given for set_secret().
create function stepbase_private.list_secrets()
returns table (
  name text, source text, version int, versions int[], allowed_hosts text[], workflows text[], created_at timestamptz,
  updated_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('secret:read');
  v_prefix constant text := 'stepbase/app/' || v_app || '/';
  v_operator jsonb := '[]';
begin
  if to_regclass('vault.secrets') is not null then
    execute
      'select coalesce(jsonb_agg(jsonb_build_object(''name'', substr(s.name, length($1) + 1), ''hosts'', '
      '    stepbase_private.secret_hosts(s.description), ''created_at'', s.created_at, ''updated_at'', s.updated_at)), ''[]'') '
      'from vault.secrets s where starts_with(s.name, $1)'
    into v_operator
    using v_prefix;
  end if;
  return query
  with known as (
    select
      s.name, 'application' as source, s.version, u.allowed_hosts, s.created_at, s.updated_at,
      array(
        select v.version from stepbase_private.secret_versions v where v.secret_id = s.id order by v.version desc
      ) as versions
    from stepbase_private.secrets s
    join stepbase_private.secret_versions u on u.secret_id = s.id and u.version = s.version
    where s.app_code = v_app
    union all
    select o.name, 'operator', null, o.hosts, o.created_at, o.updated_at, '{}'
    from jsonb_to_recordset(v_operator) o (name text, hosts text[], created_at timestamptz, updated_at timestamptz)
  )
  select
    k.name, k.source, k.version, k.versions, k.allowed_hosts, coalesce(r.workflows, '{}'), k.created_at, k.updated_at
  from known k
  left join stepbase_private.secret_references(v_app) r on r.name = k.name
  order by k.name, k.source;
end;
$$;

comment on function stepbase_private.list_secrets() is 'Implements stepbase.list_secrets.';
grant execute on function stepbase_private.list_secrets() to authenticated;

create function stepbase.list_secrets()
returns table (
  name text, source text, version int, versions int[], allowed_hosts text[], workflows text[], created_at timestamptz,
  updated_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select * from stepbase_private.list_secrets();
$$;

comment on function stepbase.list_secrets() is
  'The secrets of the caller''s application without their values, by name. source: application (set_secret) or operator '
  '(an entry of Vault); of two with the same name, steps read that of the application. versions: those that rollback_secret '
  'can bring back, newest first. workflows: published workflows whose expressions name it. Secrets in the environment of the '
  'worker are not listed. Requires secret:read. Errors: SB401, SB403.';
grant execute on function stepbase.list_secrets() to authenticated;

-- Security definer for the reason given for set_secret().
create function stepbase_private.rollback_secret(p_name text, p_version int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('secret:manage');
  v_secret stepbase_private.secrets;
  v_hosts text[];
begin
  perform stepbase_private.lock_secrets(v_app);
  select s.* into v_secret from stepbase_private.secrets s where s.app_code = v_app and s.name = p_name;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Secret not found');
  end if;
  select v.allowed_hosts into v_hosts
  from stepbase_private.secret_versions v where v.secret_id = v_secret.id and v.version = p_version;
  if not found then
    perform stepbase_private.raise_error('not_found', format('The secret has no version %s any more', p_version));
  end if;
  update stepbase_private.secrets s set version = p_version where s.id = v_secret.id and s.version <> p_version;
  return jsonb_build_object('name', p_name, 'version', p_version, 'allowed_hosts', v_hosts);
end;
$$;

comment on function stepbase_private.rollback_secret(text, int) is 'Implements stepbase.rollback_secret.';
grant execute on function stepbase_private.rollback_secret(text, int) to authenticated;

create function stepbase.rollback_secret(name text, version int)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rollback_secret(rollback_secret.name, rollback_secret.version);
$$;

comment on function stepbase.rollback_secret(text, int) is
  'Uses an earlier version of a secret again, with the hosts that were stored with it, and returns {name, version, '
  'allowed_hosts}. Requires secret:manage. Errors: SB401, SB403, SB404 unknown secret, or a version that is not kept.';
grant execute on function stepbase.rollback_secret(text, int) to authenticated;

-- Security definer for the reason given for set_secret().
create function stepbase_private.delete_secret(p_name text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('secret:manage');
begin
  perform stepbase_private.lock_secrets(v_app);
  delete from stepbase_private.secrets s where s.app_code = v_app and s.name = p_name;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Secret not found');
  end if;
end;
$$;

comment on function stepbase_private.delete_secret(text) is 'Implements stepbase.delete_secret.';
grant execute on function stepbase_private.delete_secret(text) to authenticated;

create function stepbase.delete_secret(name text)
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.delete_secret(delete_secret.name);
$$;

comment on function stepbase.delete_secret(text) is
  'Deletes a secret that set_secret stored, with all versions; steps that need it fail with secret_not_found. An entry of '
  'Vault that an operator created stays. Requires secret:manage. Errors: SB401, SB403, SB404 unknown secret.';
grant execute on function stepbase.delete_secret(text) to authenticated;
