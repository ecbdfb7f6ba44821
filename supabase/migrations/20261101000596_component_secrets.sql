-- Secrets that sign the calls of components with an endpoint. Signing needs the secret itself, so it is stored and not
-- hashed: in Vault if the database has it, otherwise in this table, which clients cannot reach.

create table stepbase_private.component_secrets (
  id uuid primary key default gen_random_uuid(),
  app_code text not null,
  component_id uuid not null,
  value text,
  vault_id uuid,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint secret_is_in_one_place check ((value is null) <> (vault_id is null)),
  constraint component_secret_is_of_same_app
    foreign key (component_id, app_code) references stepbase.components (id, app_code) on delete cascade
);

comment on table stepbase_private.component_secrets is
  'Secrets that sign the calls of components; a component has several while a new one replaces an old one.';
comment on column stepbase_private.component_secrets.value is 'The secret, in databases without Vault.';
comment on column stepbase_private.component_secrets.vault_id is 'Id of the secret in vault.secrets.';
comment on column stepbase_private.component_secrets.expires_at is 'When a replaced secret expires; null for the current one.';

create index idx_component_secrets_component_id_app_code
  on stepbase_private.component_secrets (component_id, app_code);

alter table stepbase_private.component_secrets enable row level security;

create trigger component_secrets_forget after delete on stepbase_private.component_secrets
  for each row when (old.vault_id is not null) execute function stepbase_private.forget_vault_secret();

create function stepbase_private.make_component_secret(p_component_id uuid, p_app_code text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_secret constant text := stepbase_private.random_webhook_secret();
  v_id constant uuid := gen_random_uuid();
  v_vault_id constant uuid := stepbase_private.put_in_vault(
    v_secret, 'stepbase/component/' || v_id, 'Signs calls of component ' || p_component_id
  );
begin
  insert into stepbase_private.component_secrets (id, app_code, component_id, value, vault_id)
  values (v_id, p_app_code, p_component_id, case when v_vault_id is null then v_secret end, v_vault_id);
  return v_secret;
end;
$$;

comment on function stepbase_private.make_component_secret(uuid, text) is
  'Stores a new secret of a component and returns it.';

create function stepbase_private.component_secrets_of(p_component_id uuid)
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
  from stepbase_private.component_secrets s
  where s.component_id = p_component_id and (s.expires_at is null or s.expires_at > stepbase_engine.now());
  return v_kept || stepbase_private.read_vault(v_vault_ids);
end;
$$;

comment on function stepbase_private.component_secrets_of(uuid) is
  'Secrets that sign the calls of a component; empty if it has none.';
