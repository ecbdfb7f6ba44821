-- Signing secrets: those with which senders sign calls of webhooks, and with which Stepbase signs the deliveries of
-- webhook subscriptions and the calls of components. Signing and checking need the secret itself, so it is stored and
-- not hashed: in Vault if the database has it, otherwise in this table, which clients cannot reach. A secret is
-- returned only once.

create table stepbase_private.signing_secrets (
  id uuid primary key default gen_random_uuid(),
  app_code text not null,
  trigger_id uuid,
  subscription_id uuid,
  component_id uuid,
  owner_id uuid not null generated always as (coalesce(trigger_id, subscription_id, component_id)) stored,
  value text,
  vault_id uuid,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint secret_has_one_owner check (num_nonnulls(trigger_id, subscription_id, component_id) = 1),
  constraint secret_is_in_one_place check ((value is null) <> (vault_id is null)),
  constraint secret_trigger_is_of_same_app
    foreign key (trigger_id, app_code) references stepbase.workflow_triggers (id, app_code) on delete cascade,
  constraint secret_subscription_is_of_same_app
    foreign key (subscription_id, app_code) references stepbase.webhook_subscriptions (id, app_code) on delete cascade,
  constraint secret_component_is_of_same_app
    foreign key (component_id, app_code) references stepbase.components (id, app_code) on delete cascade
);

comment on table stepbase_private.signing_secrets is
  'Secrets that sign the calls of a webhook trigger, the deliveries of a webhook subscription or the calls of a component. An '
  'owner has two while a new one replaces an old one.';
comment on column stepbase_private.signing_secrets.owner_id is 'The trigger, subscription or component.';
comment on column stepbase_private.signing_secrets.value is 'The secret, in databases without Vault.';
comment on column stepbase_private.signing_secrets.vault_id is 'Id of the secret in vault.secrets.';
comment on column stepbase_private.signing_secrets.expires_at is 'When a replaced secret expires; null for the current one.';

create unique index idx_signing_secrets_current on stepbase_private.signing_secrets (owner_id) where expires_at is null;
create index idx_signing_secrets_owner_id on stepbase_private.signing_secrets (owner_id);
create index idx_signing_secrets_trigger_id on stepbase_private.signing_secrets (trigger_id, app_code)
where trigger_id is not null;
create index idx_signing_secrets_subscription_id on stepbase_private.signing_secrets (subscription_id, app_code)
where subscription_id is not null;
create index idx_signing_secrets_component_id on stepbase_private.signing_secrets (component_id, app_code)
where component_id is not null;

alter table stepbase_private.signing_secrets enable row level security;

create trigger signing_secrets_forget after delete on stepbase_private.signing_secrets
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

create function stepbase_private.store_signing_secret(
  p_app_code text, p_kind text, p_owner_id uuid, p_secret text default null
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_secret constant text := coalesce(p_secret, stepbase_private.random_webhook_secret());
  v_id constant uuid := gen_random_uuid();
  v_vault_id constant uuid := stepbase_private.put_in_vault(
    v_secret, format('stepbase/%s/%s', p_kind, v_id), format('Signing secret of %s %s', p_kind, p_owner_id)
  );
begin
  insert into stepbase_private.signing_secrets (
    id, app_code, trigger_id, subscription_id, component_id, value, vault_id
  )
  values (
    v_id, p_app_code,
    case p_kind when 'webhook' then p_owner_id end,
    case p_kind when 'subscription' then p_owner_id end,
    case p_kind when 'component' then p_owner_id end,
    case when v_vault_id is null then v_secret end, v_vault_id
  );
  return case when p_secret is null then v_secret end;
end;
$$;

comment on function stepbase_private.store_signing_secret(text, text, uuid, text) is
  'Stores a secret of a webhook (trigger), subscription or component. Without p_secret it creates one and returns it; a given '
  'secret is not returned.';

create function stepbase_private.rotate_signing_secret(
  p_app_code text, p_kind text, p_owner_id uuid, p_overlap_seconds int, p_secret text default null
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_overlap_ends_at timestamptz;
begin
  delete from stepbase_private.signing_secrets s
  where s.owner_id = p_owner_id and (p_overlap_seconds = 0 or s.expires_at <= v_now);
  select s.expires_at into v_overlap_ends_at from stepbase_private.signing_secrets s
  where s.owner_id = p_owner_id and s.expires_at is not null;
  if found then
    perform stepbase_private.raise_error(
      'conflict',
      'The secret before the last rotation is still valid; wait for the end of the overlap, or rotate without overlap',
      jsonb_build_object('overlap_ends_at', v_overlap_ends_at)
    );
  end if;
  update stepbase_private.signing_secrets s
  set expires_at = v_now + p_overlap_seconds * interval '1 second'
  where s.owner_id = p_owner_id;
  return stepbase_private.store_signing_secret(p_app_code, p_kind, p_owner_id, p_secret);
end;
$$;

comment on function stepbase_private.rotate_signing_secret(text, text, uuid, int, text) is
  'Replaces the secret of an owner, which the caller has locked; the replaced one stays valid for the overlap. At most two are '
  'valid: SB409 conflict with overlap_ends_at if an earlier overlap has not ended, unless p_overlap_seconds is 0.';

create function stepbase_private.signing_secrets_of(p_owner_id uuid)
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
    coalesce(array_agg(s.value) filter (where s.value is not null), '{}'),
    array_agg(s.vault_id) filter (where s.vault_id is not null)
  into v_kept, v_vault_ids
  from stepbase_private.signing_secrets s
  where s.owner_id = p_owner_id and (s.expires_at is null or s.expires_at > stepbase_engine.now());
  return v_kept || stepbase_private.read_vault(v_vault_ids);
end;
$$;

comment on function stepbase_private.signing_secrets_of(uuid) is
  'The valid secrets of a trigger, subscription or component; empty if it has none.';

create function stepbase_private.webhook_secrets_of(p_trigger_id uuid, p_scheme text)
returns text[]
language sql
stable
set search_path = ''
as $$
  select case
    when exists (
      select 1 from stepbase.workflow_triggers t where t.id = p_trigger_id and t.signature_scheme = p_scheme
    ) then stepbase_private.signing_secrets_of(p_trigger_id)
    else '{}'
  end;
$$;

comment on function stepbase_private.webhook_secrets_of(uuid, text) is
  'Secrets that may sign calls of a webhook by a signature scheme; empty for an unknown webhook and for one with another '
  'scheme. The HTTP API calls it.';
