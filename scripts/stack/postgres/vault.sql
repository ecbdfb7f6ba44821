-- A small schema vault with the names and grants of a hosted project. Run as the superuser.
-- Secrets are encrypted with a key in a file of the data directory, which no other role can read. A dump of the
-- database does not contain the key, so another server cannot read the secrets of the dump.

do $key$
begin
  if (select pg_catalog.pg_stat_file('stepbase_vault.key', true)) is null then
    execute format(
      'copy (select encode(extensions.gen_random_bytes(32), ''hex'')) to %L',
      current_setting('data_directory') || '/stepbase_vault.key'
    );
  end if;
end
$key$;

create schema if not exists vault;

create table if not exists vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea,
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);

comment on table vault.secrets is 'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index if not exists secrets_name_idx on vault.secrets (name) where name is not null;

-- Security definer: only the superuser reads the file.
create or replace function vault._key()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select btrim(pg_catalog.pg_read_file('stepbase_vault.key'), E'\n')
$$;

-- The id is part of the encrypted text, so a ciphertext is valid in its own row only.
create or replace function vault._encrypt(secret text, id uuid)
returns text
language sql
security definer
set search_path = ''
as $$
  select encode(
    extensions.pgp_sym_encrypt(id || ':' || secret, vault._key(), 'cipher-algo=aes256, s2k-mode=1, compress-algo=0'),
    'base64'
  )
$$;

create or replace function vault._decrypt(secret text, id uuid)
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_text constant text := extensions.pgp_sym_decrypt(decode(secret, 'base64'), vault._key());
begin
  if left(v_text, 37) <> id || ':' then
    raise exception 'the secret % was encrypted for another row', id;
  end if;
  return substr(v_text, 38);
end
$$;

create or replace view vault.decrypted_secrets as
select
  id, name, description, secret, vault._decrypt(secret, id) as decrypted_secret, key_id, nonce, created_at,
  updated_at
from vault.secrets;

create or replace function vault.create_secret(
  new_secret text,
  new_name text default null,
  new_description text default '',
  new_key_id uuid default null
)
returns uuid
language sql
security definer
set search_path = ''
as $$
  insert into vault.secrets (id, secret, name, description, key_id)
  select fresh.id, vault._encrypt(new_secret, fresh.id), new_name, coalesce(new_description, ''), new_key_id
  from (select gen_random_uuid() as id) fresh
  returning id
$$;

create or replace function vault.update_secret(
  secret_id uuid,
  new_secret text default null,
  new_name text default null,
  new_description text default null,
  new_key_id uuid default null
)
returns void
language sql
security definer
set search_path = ''
as $$
  update vault.secrets
  set
    secret = case when new_secret is null then secret else vault._encrypt(new_secret, secret_id) end,
    name = coalesce(new_name, name),
    description = coalesce(new_description, description),
    key_id = coalesce(new_key_id, key_id),
    updated_at = now()
  where id = secret_id
$$;

revoke all on schema vault from public;
revoke execute on function vault._key() from public;
revoke execute on function vault._encrypt(text, uuid) from public;
revoke execute on function vault._decrypt(text, uuid) from public;
revoke execute on function vault.create_secret(text, text, text, uuid) from public;
revoke execute on function vault.update_secret(uuid, text, text, text, uuid) from public;

grant usage on schema vault to postgres with grant option;
grant select, delete, truncate, references on vault.secrets, vault.decrypted_secrets
to postgres with grant option;
-- The view calls it as its reader.
grant execute on function vault._decrypt(text, uuid) to postgres with grant option;
grant execute on function
  vault.create_secret(text, text, text, uuid),
  vault.update_secret(uuid, text, text, text, uuid)
to postgres with grant option;

grant usage on schema vault to service_role;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function vault._decrypt(text, uuid) to service_role;
grant execute on function
  vault.create_secret(text, text, text, uuid),
  vault.update_secret(uuid, text, text, text, uuid)
to service_role;
