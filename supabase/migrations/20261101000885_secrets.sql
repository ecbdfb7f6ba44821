-- Secrets for `{{ secrets.<name> }}` in the config of a step: entries of Supabase Vault, one per app and name.
-- A project without Vault sets them in the environment of the worker.

-- A description that looks like JSON must be valid: an error in it must not allow every host.
create function stepbase_private.secret_hosts(p_description text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_hosts jsonb;
begin
  if p_description is null or p_description !~ '^\s*\{' then
    return null;
  end if;
  v_hosts := p_description::jsonb -> 'hosts';
  if jsonb_typeof(v_hosts) is distinct from 'array' or exists (
    select from jsonb_array_elements(v_hosts) host where jsonb_typeof(host) <> 'string'
  ) then
    return '{}';
  end if;
  return array(select jsonb_array_elements_text(v_hosts));
exception when data_exception then
  return '{}';
end;
$$;

comment on function stepbase_private.secret_hosts(text) is
  'Returns the hosts that may receive a secret, from the description of its Vault entry: {"hosts": ["api.example.com"]}. '
  'Null, for any host, if the description is no JSON object; empty, for no host, if the object is not valid.';

create function stepbase_private.secret(p_app_code text, p_name text)
returns table (value text, hosts text[])
language plpgsql
stable
set search_path = ''
as $$
begin
  if to_regclass('vault.decrypted_secrets') is null then
    return;
  end if;
  return query execute
    'select s.decrypted_secret, stepbase_private.secret_hosts(s.description) '
    'from vault.decrypted_secrets s where s.name = $1'
  using 'stepbase/app/' || p_app_code || '/' || p_name;
end;
$$;

comment on function stepbase_private.secret(text, text) is
  'Returns the Vault secret named stepbase/app/<app_code>/<name> and the hosts that may receive it, or no row. Only the '
  'database role of the functions may execute it.';
