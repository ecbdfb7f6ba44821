-- Secret values: how they are made, where they are stored, and how long a replaced one stays valid.

create function stepbase_private.random_secret()
returns text
language sql
volatile
set search_path = ''
as $$
  -- Two random UUIDs have 244 random bits; the hash spreads them over 32 bytes.
  select encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64');
$$;

comment on function stepbase_private.random_secret() is '32 random bytes in base64.';

create function stepbase_private.random_token(p_prefix text)
returns text
language sql
volatile
set search_path = ''
as $$
  select p_prefix || rtrim(translate(stepbase_private.random_secret(), '+/', '-_'), '=');
$$;

comment on function stepbase_private.random_token(text) is
  'A new token for URLs and headers: the prefix, and 32 random bytes in base64url.';

create function stepbase_private.token_hash(p_token text)
returns text
language sql
immutable
set search_path = ''
as $$
  select encode(sha256(convert_to(p_token, 'UTF8')), 'hex');
$$;

comment on function stepbase_private.token_hash(text) is 'SHA-256 of a token in hex, as tables store it.';

create function stepbase_private.put_in_vault(p_secret text, p_name text, p_description text)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_vault_id uuid;
begin
  if to_regprocedure('vault.create_secret(text,text,text,uuid)') is not null then
    execute 'select vault.create_secret($1, $2, $3)' into v_vault_id using p_secret, p_name, p_description;
  end if;
  return v_vault_id;
end;
$$;

comment on function stepbase_private.put_in_vault(text, text, text) is
  'Stores a secret in Vault and returns its id there; null in a database without Vault, where the caller stores it.';

create function stepbase_private.read_vault(p_vault_ids uuid[])
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_secrets text[];
begin
  if cardinality(p_vault_ids) > 0 then
    execute 'select array_agg(v.decrypted_secret) from vault.decrypted_secrets v where v.id = any($1)'
    into v_secrets
    using p_vault_ids;
  end if;
  return coalesce(v_secrets, '{}');
end;
$$;

comment on function stepbase_private.read_vault(uuid[]) is 'The secrets with these ids in Vault, in no order.';

-- Security definer: the role that deletes the row has no access to Vault.
create function stepbase_private.forget_vault_secret()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  execute 'delete from vault.secrets s where s.id = $1' using old.vault_id;
  return null;
end;
$$;

comment on function stepbase_private.forget_vault_secret() is 'Trigger: deletes the secret in Vault when its row is deleted.';

create function stepbase_private.require_overlap(p_seconds int)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_seconds not between 0 and 604800 then
    perform stepbase_private.raise_error('invalid_request', 'overlap_seconds must be between 0 and 604800');
  end if;
end;
$$;

comment on function stepbase_private.require_overlap(int) is
  'Raises SB400 unless a replaced secret stays valid for 0 seconds to 7 days.';
