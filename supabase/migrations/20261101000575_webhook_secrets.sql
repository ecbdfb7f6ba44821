-- Secrets that sign webhook calls. Checking a signature needs the secret itself, so it is stored and not hashed: in
-- Vault if the database has it, otherwise in this table, which clients cannot reach. A secret is returned only once.

create table stepbase_private.webhook_secrets (
  id uuid primary key default gen_random_uuid(),
  app_code text not null,
  trigger_id uuid not null,
  secret text,
  vault_id uuid,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint secret_is_in_one_place check ((secret is null) <> (vault_id is null)),
  constraint webhook_secret_trigger_is_of_same_app
    foreign key (trigger_id, app_code) references stepbase.workflow_triggers (id, app_code) on delete cascade
);

comment on table stepbase_private.webhook_secrets is 'Secrets of webhook triggers; a trigger has several while a new one replaces an old one.';
comment on column stepbase_private.webhook_secrets.secret is 'The secret, in databases without Vault.';
comment on column stepbase_private.webhook_secrets.vault_id is 'Id of the secret in vault.secrets.';
comment on column stepbase_private.webhook_secrets.expires_at is 'When a replaced secret expires; null for the current one.';

create index idx_webhook_secrets_trigger_id_app_code on stepbase_private.webhook_secrets (trigger_id, app_code);

alter table stepbase_private.webhook_secrets enable row level security;

-- Security definer: the role that deletes a trigger has no access to Vault.
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

create trigger webhook_secrets_forget after delete on stepbase_private.webhook_secrets
  for each row when (old.vault_id is not null) execute function stepbase_private.forget_vault_secret();

create function stepbase_private.make_webhook_secret(p_trigger_id uuid, p_app_code text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  -- Two random UUIDs have 244 random bits; the hash spreads them over 32 bytes.
  v_secret constant text := 'whsec_' || encode(
    sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'
  );
  v_id constant uuid := gen_random_uuid();
  v_vault_id uuid;
begin
  if to_regprocedure('vault.create_secret(text,text,text,uuid)') is not null then
    execute 'select vault.create_secret($1, $2, $3)'
    into v_vault_id
    using v_secret, 'stepbase/webhook/' || v_id, 'Signs calls of webhook ' || p_trigger_id;
  end if;
  insert into stepbase_private.webhook_secrets (id, app_code, trigger_id, secret, vault_id)
  values (
    v_id, p_app_code, p_trigger_id,
    case when v_vault_id is null then v_secret end, v_vault_id
  );
  return v_secret;
end;
$$;

comment on function stepbase_private.make_webhook_secret(uuid, text) is
  'Creates and stores a secret of a webhook trigger. Returns it as whsec_ and 32 bytes in base64 (Standard Webhooks).';

create function stepbase_private.webhook_secrets_of(p_trigger_id uuid)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kept text[];
  v_vault_ids uuid[];
  v_secrets text[] := '{}';
begin
  select
    coalesce(array_agg(s.secret) filter (where s.secret is not null), '{}'),
    array_agg(s.vault_id) filter (where s.vault_id is not null)
  into v_kept, v_vault_ids
  from stepbase_private.webhook_secrets s
  where s.trigger_id = p_trigger_id
    and (s.expires_at is null or s.expires_at > stepbase_engine.now());
  if v_vault_ids is not null then
    execute 'select array_agg(v.decrypted_secret) from vault.decrypted_secrets v where v.id = any($1)'
    into v_secrets
    using v_vault_ids;
  end if;
  return v_kept || v_secrets;
end;
$$;

comment on function stepbase_private.webhook_secrets_of(uuid) is
  'Secrets that calls of a webhook may be signed with; empty for an unknown webhook. The HTTP API calls it.';
