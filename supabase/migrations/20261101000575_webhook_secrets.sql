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

create trigger webhook_secrets_forget after delete on stepbase_private.webhook_secrets
  for each row when (old.vault_id is not null) execute function stepbase_private.forget_vault_secret();

create function stepbase_private.random_webhook_secret()
returns text
language sql
volatile
set search_path = ''
as $$
  select 'whsec_' || stepbase_private.random_secret();
$$;

comment on function stepbase_private.random_webhook_secret() is
  'A new secret: whsec_ and 32 random bytes in base64, as Standard Webhooks defines.';

create function stepbase_private.check_webhook_secret(p_scheme text, p_secret text)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_scheme stepbase.webhook_signature_schemes;
begin
  select s.* into v_scheme from stepbase.webhook_signature_schemes s where s.name = p_scheme;
  if not found then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('signature_scheme must be one of %s', (
        select string_agg(s.name, ', ' order by s.ordinal) from stepbase.webhook_signature_schemes s
      ))
    );
  end if;
  if p_secret is null and not v_scheme.is_secret_generated then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('secret is missing: %s issues the secret, so copy it from there', v_scheme.label)
    );
  end if;
  -- The message does not contain the secret, because messages are logged.
  if p_secret !~ v_scheme.secret_pattern then
    perform stepbase_private.raise_error(
      'invalid_request', format('secret must be %s (%s)', v_scheme.secret_format, v_scheme.label)
    );
  end if;
end;
$$;

comment on function stepbase_private.check_webhook_secret(text, text) is
  'Raises SB400 if a webhook cannot have this signature scheme, or this scheme with this secret; null: no secret is given.';

create function stepbase_private.store_webhook_secret(p_trigger_id uuid, p_app_code text, p_secret text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_secret constant text := coalesce(p_secret, stepbase_private.random_webhook_secret());
  v_id constant uuid := gen_random_uuid();
  v_vault_id constant uuid := stepbase_private.put_in_vault(
    v_secret, 'stepbase/webhook/' || v_id, 'Signs calls of webhook ' || p_trigger_id
  );
begin
  insert into stepbase_private.webhook_secrets (id, app_code, trigger_id, secret, vault_id)
  values (
    v_id, p_app_code, p_trigger_id,
    case when v_vault_id is null then v_secret end, v_vault_id
  );
  return case when p_secret is null then v_secret end;
end;
$$;

comment on function stepbase_private.store_webhook_secret(uuid, text, text) is
  'Stores a secret of a webhook trigger. Without p_secret it creates one and returns it; a given secret is not returned.';

create function stepbase_private.webhook_secrets_of(p_trigger_id uuid, p_scheme text)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kept text[];
  v_vault_ids uuid[];
begin
  select
    coalesce(array_agg(s.secret) filter (where s.secret is not null), '{}'),
    array_agg(s.vault_id) filter (where s.vault_id is not null)
  into v_kept, v_vault_ids
  from stepbase_private.webhook_secrets s
  join stepbase.workflow_triggers t on t.id = s.trigger_id
  where s.trigger_id = p_trigger_id
    and t.signature_scheme = p_scheme
    and (s.expires_at is null or s.expires_at > stepbase_engine.now());
  return v_kept || stepbase_private.read_vault(v_vault_ids);
end;
$$;

comment on function stepbase_private.webhook_secrets_of(uuid, text) is
  'Secrets that may sign calls of a webhook by a signature scheme; empty for an unknown webhook and for one with another '
  'scheme. The HTTP API calls it.';
