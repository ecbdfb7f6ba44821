-- Secrets of applications for `{{ secrets.<name> }}`, as set_secret stores them: a row for each name, and one for each
-- version. A value is in Vault if the database has it, otherwise in the table of versions. Clients reach neither.

create table stepbase_private.secrets (
  id uuid primary key default gen_random_uuid(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_an_identifier check (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
  version int not null constraint version_is_positive check (version > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint secret_name_is_unique_in_app unique (app_code, name),
  constraint secrets_id_app_code_key unique (id, app_code)
);

comment on table stepbase_private.secrets is 'Secrets of applications, without their values.';
comment on column stepbase_private.secrets.version is 'The version in use: the newest, or an earlier one after rollback_secret.';
comment on column stepbase_private.secrets.updated_at is 'When the version in use last changed.';

create table stepbase_private.secret_versions (
  id uuid primary key default gen_random_uuid(),
  secret_id uuid not null,
  app_code text not null,
  version int not null,
  allowed_hosts text[] constraint allowed_hosts_is_not_empty check (allowed_hosts <> '{}'),
  value text,
  vault_id uuid,
  created_at timestamptz not null default now(),
  constraint secret_versions_secret_version_key unique (secret_id, app_code, version),
  constraint secret_version_secret_is_of_same_app
    foreign key (secret_id, app_code) references stepbase_private.secrets (id, app_code) on delete cascade,
  constraint value_is_in_one_place check ((value is null) <> (vault_id is null))
);

comment on table stepbase_private.secret_versions is
  'Values of secrets; set_secret keeps the newest ten of each.';
comment on column stepbase_private.secret_versions.allowed_hosts is
  'The hosts that may receive this value; null: every host.';
comment on column stepbase_private.secret_versions.value is 'The value, in databases without Vault.';
comment on column stepbase_private.secret_versions.vault_id is
  'Id of the value in vault.secrets, where it is named stepbase/secret/<app_code>/<name>/<version>.';

alter table stepbase_private.secrets enable row level security;
alter table stepbase_private.secret_versions enable row level security;

create trigger secrets_touch_updated_at before update on stepbase_private.secrets
  for each row execute function stepbase_private.touch_updated_at();
create trigger secrets_keep_identity before update on stepbase_private.secrets
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'name', 'created_at');
create trigger secret_versions_forget after delete on stepbase_private.secret_versions
  for each row when (old.vault_id is not null) execute function stepbase_private.forget_vault_secret();

create function stepbase_private.checked_hosts(p_hosts text[])
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_host text;
begin
  if array_length(p_hosts, 1) is null or array_ndims(p_hosts) > 1 or cardinality(p_hosts) > 50 then
    perform stepbase_private.raise_error(
      'invalid_request', 'allowed_hosts must have between 1 and 50 hosts; null keeps the present ones, and * alone allows every host'
    );
  end if;
  if p_hosts = '{*}' then
    return null;
  end if;
  foreach v_host in array p_hosts loop
    if v_host is null or length(v_host) > 260
      or lower(v_host) !~ '^((\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$'
    then
      perform stepbase_private.raise_error(
        'invalid_request',
        'allowed_hosts must contain hosts such as api.example.com, api.example.com:8443 or *.example.com',
        jsonb_build_object('host', left(v_host, 260))
      );
    end if;
  end loop;
  return array(select distinct lower(h.host) from unnest(p_hosts) h (host) order by 1);
end;
$$;

comment on function stepbase_private.checked_hosts(text[]) is
  'The hosts that may receive a secret in lower case and in order; null if the list is only *, for every host. '
  'Errors: SB400 an empty list, more than 50 hosts, or an entry that is not host, host:port or *.domain.';

create function stepbase_private.lock_secrets(p_app_code text)
returns void
language sql
set search_path = ''
as $$
  select pg_advisory_xact_lock(hashtextextended('stepbase_private.secrets ' || p_app_code, 0));
$$;

comment on function stepbase_private.lock_secrets(text) is
  'Serializes the changes of the secrets of an application until the end of the transaction, so that their count and the '
  'numbers of their versions are exact.';

create function stepbase_private.store_secret(p_app_code text, p_name text, p_value text, p_allowed_hosts text[])
returns stepbase_private.secret_versions
language plpgsql
set search_path = ''
as $$
declare
  v_kept constant int := 10;
  v_limit constant int := (select q.max_secrets from stepbase.app_quotas q where q.app_code = p_app_code);
  v_hosts text[] := case when p_allowed_hosts is not null then stepbase_private.checked_hosts(p_allowed_hosts) end;
  v_version int := 1;
  v_secret_id uuid;
  v_vault_id uuid;
  v_stored stepbase_private.secret_versions;
begin
  perform stepbase_private.lock_secrets(p_app_code);
  select s.id into v_secret_id from stepbase_private.secrets s where s.app_code = p_app_code and s.name = p_name;
  if found then
    if p_allowed_hosts is null then
      select v.allowed_hosts into v_hosts
      from stepbase_private.secrets s
      join stepbase_private.secret_versions v on v.secret_id = s.id and v.version = s.version
      where s.id = v_secret_id;
    end if;
    v_version := (select max(v.version) + 1 from stepbase_private.secret_versions v where v.secret_id = v_secret_id);
    update stepbase_private.secrets s set version = v_version where s.id = v_secret_id;
  else
    if (select count(*) from stepbase_private.secrets s where s.app_code = p_app_code) >= v_limit then
      perform stepbase_private.raise_error(
        'limit_reached', format('%s has %s secrets, its limit; delete one first', p_app_code, v_limit),
        jsonb_build_object('quota', 'max_secrets', 'limit', v_limit)
      );
    end if;
    insert into stepbase_private.secrets (app_code, name, version) values (p_app_code, p_name, v_version)
    returning id into v_secret_id;
  end if;
  v_vault_id := stepbase_private.put_in_vault(
    p_value, format('stepbase/secret/%s/%s/%s', p_app_code, p_name, v_version),
    format('Secret %s of application %s', p_name, p_app_code)
  );
  insert into stepbase_private.secret_versions (secret_id, app_code, version, allowed_hosts, value, vault_id)
  values (
    v_secret_id, p_app_code, v_version, v_hosts, case when v_vault_id is null then p_value end, v_vault_id
  )
  returning * into v_stored;
  delete from stepbase_private.secret_versions v
  where v.secret_id = v_secret_id and v.version <= v_version - v_kept;
  return v_stored;
end;
$$;

comment on function stepbase_private.store_secret(text, text, text, text[]) is
  'Stores a new version of a secret, which is in use from now on, and deletes versions beyond the newest ten. Hosts: as for '
  'set_secret. Errors: SB400 hosts not valid, SB429 max_secrets is reached.';

create function stepbase_private.stored_secret(p_app_code text, p_name text)
returns table (value text, hosts text[], version int)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_stored stepbase_private.secret_versions;
begin
  select v.* into v_stored
  from stepbase_private.secrets s
  join stepbase_private.secret_versions v on v.secret_id = s.id and v.version = s.version
  where s.app_code = p_app_code and s.name = p_name;
  if v_stored.vault_id is not null then
    v_stored.value := (stepbase_private.read_vault(array[v_stored.vault_id]))[1];
  end if;
  if v_stored.value is not null then
    return query select v_stored.value, v_stored.allowed_hosts, v_stored.version;
  end if;
end;
$$;

comment on function stepbase_private.stored_secret(text, text) is
  'The value in use of a secret that set_secret stored, the hosts that may receive it and its version, or no row.';
