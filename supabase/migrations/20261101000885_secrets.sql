-- Secrets for `{{ secrets.<name> }}` in the config of a step: entries of Supabase Vault, one per app and name.
-- A project without Vault sets them in the environment of the worker.

create function stepbase_private.secret(p_app_code text, p_name text)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_secret text;
begin
  if to_regclass('vault.decrypted_secrets') is null then
    return null;
  end if;
  execute 'select s.decrypted_secret from vault.decrypted_secrets s where s.name = $1'
  into v_secret
  using 'stepbase/' || p_app_code || '/' || p_name;
  return v_secret;
end;
$$;

comment on function stepbase_private.secret(text, text) is
  'Returns the Vault secret named stepbase/<app_code>/<name>, or null. Only the database role of the functions may '
  'execute it.';
