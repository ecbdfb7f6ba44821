-- Secrets for `{{ secrets.<name> }}` in the config of a step. A worker reads one for an attempt whose lease it holds:
-- the value that set_secret stored, or else an entry of Vault that an operator created. Operators can also set secrets
-- in the environment of the worker.

create table stepbase_engine.secret_reads (
  run_id uuid not null,
  app_code text not null,
  name text not null,
  version int,
  step_id text not null,
  read_at timestamptz not null,
  constraint secret_reads_pkey primary key (run_id, app_code, name),
  constraint secret_read_run_is_of_same_app
    foreign key (run_id, app_code) references stepbase.runs (id, app_code) on delete cascade
);

comment on table stepbase_engine.secret_reads is
  'The first read of a secret in a run; a trigger copies it to the audit log, which gets one row per run and secret.';
comment on column stepbase_engine.secret_reads.version is 'Version that was read; null for an entry of Vault that an operator created.';
comment on column stepbase_engine.secret_reads.step_id is 'Node whose attempt read it first.';

alter table stepbase_engine.secret_reads enable row level security;

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

create function stepbase_private.operator_secret(p_app_code text, p_name text)
returns table (value text, hosts text[], version int)
language plpgsql
stable
set search_path = ''
as $$
begin
  if to_regclass('vault.decrypted_secrets') is null then
    return;
  end if;
  return query execute
    'select s.decrypted_secret, stepbase_private.secret_hosts(s.description), null::int '
    'from vault.decrypted_secrets s where s.name = $1'
  using 'stepbase/app/' || p_app_code || '/' || p_name;
end;
$$;

comment on function stepbase_private.operator_secret(text, text) is
  'Returns the Vault entry named stepbase/app/<app_code>/<name>, which an operator created, and the hosts that may '
  'receive it, or no row.';

create function stepbase_engine.read_secret(p_step_run_id uuid, p_fence int, p_name text)
returns table (value text, hosts text[])
language plpgsql
set search_path = ''
as $$
declare
  v_step stepbase.step_runs;
  v_secret record;
begin
  select s.* into v_step
  from stepbase.step_runs s
  where s.id = p_step_run_id and s.status = 'running' and s.fence = p_fence;
  if not found or not stepbase_engine.is_leased(v_step.job_id) then
    perform stepbase_private.raise_error(
      'conflict', 'The attempt does not hold its lease any more', jsonb_build_object('reason', 'lease_lost')
    );
  end if;
  select s.* into v_secret from stepbase_private.stored_secret(v_step.app_code, p_name) s;
  if not found then
    select s.* into v_secret from stepbase_private.operator_secret(v_step.app_code, p_name) s;
    if not found then
      return;
    end if;
  end if;
  insert into stepbase_engine.secret_reads (run_id, app_code, name, version, step_id, read_at)
  values (v_step.run_id, v_step.app_code, p_name, v_secret.version, v_step.step_id, stepbase_engine.now())
  on conflict on constraint secret_reads_pkey do nothing;
  return query select v_secret.value::text, v_secret.hosts::text[];
end;
$$;

comment on function stepbase_engine.read_secret(uuid, int, text) is
  'The value of a secret and the hosts that may receive it (null: every host), for a running step; no row if the '
  'application of the step has no such secret. Records the first read in each run. Errors: SB409 with the reason lease_lost if '
  'the step does not run under this fence, or its token is not leased.';
