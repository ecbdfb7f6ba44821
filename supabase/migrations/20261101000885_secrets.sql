-- Secrets that workers fill into `{{ secrets.<name> }}`: kept in Supabase Vault, one entry per app
-- and name. A project without Vault has none here and gives them to the worker's environment.

create function stepbase_private.secret(app_code text, name text)
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
  using 'stepbase/' || secret.app_code || '/' || secret.name;
  return v_secret;
end;
$$;

comment on function stepbase_private.secret(text, text) is
'The Vault secret named stepbase/<app_code>/<name>, or null. For the functions'' database role only: no client may '
'execute it.';
