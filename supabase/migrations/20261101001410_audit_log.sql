-- The audit log: one row for each change of a configuration row, each decision about an approval, and each secret that
-- a run reads. Triggers write it, no one can change it, and it is partitioned by month. Maintenance seals the rows of
-- ended transactions (audit_seals).

create function stepbase_engine.system_identifier()
returns text
language sql
stable
set search_path = ''
as $$
  select c.system_identifier::text from pg_control_system() c;
$$;

comment on function stepbase_engine.system_identifier() is
  'The identifier of this database cluster, whose transactions have numbers of their own: a dump that is restored into '
  'another cluster keeps the rows and their transaction ids, and the other cluster counts from the beginning.';

create table stepbase.audit_log (
  id uuid not null default stepbase_engine.new_id(),
  created_at timestamptz not null default stepbase_engine.now(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  table_name text not null,
  row_id text not null,
  operation text not null constraint operation_is_known check (operation in ('insert', 'update', 'delete', 'read')),
  actor_id uuid,
  api_key_id uuid,
  actor_role text not null,
  changed_columns text[] not null default '{}',
  old_row jsonb,
  new_row jsonb,
  system_identifier text not null default stepbase_engine.system_identifier(),
  xid xid8 not null default pg_current_xact_id(),
  constraint audit_log_pkey primary key (id, created_at),
  constraint rows_match_operation check (
    (old_row is not null) = (operation in ('update', 'delete')) and (new_row is not null) = (operation <> 'delete')
  )
)
partition by range (created_at);

comment on table stepbase.audit_log is
  'Changes of configuration rows, decisions about approvals, and reads of secrets; append-only, written by triggers, '
  'partitioned by month.';
comment on column stepbase.audit_log.row_id is 'Key of the changed row as text; the name of a secret.';
comment on column stepbase.audit_log.operation is 'insert, update or delete; read: a run read a secret for the first time.';
comment on column stepbase.audit_log.actor_id is 'User who made the change; no foreign key, so that the row outlives the user.';
comment on column stepbase.audit_log.api_key_id is 'API key that made the change.';
comment on column stepbase.audit_log.actor_role is 'Database role of the request: authenticated, service_role, postgres …';
comment on column stepbase.audit_log.old_row is 'The row before the change, without secrets and derived columns.';
comment on column stepbase.audit_log.new_row is 'The row after the change, without secrets and derived columns; of a read: the run, the step and the version.';
comment on column stepbase.audit_log.system_identifier is 'The database cluster in which the row was written.';
comment on column stepbase.audit_log.xid is
  'The transaction that wrote the row. Its rows are sealed when it and every transaction before it have ended.';

create index idx_audit_log_app_code_created_at on stepbase.audit_log (app_code, created_at desc);
create index idx_audit_log_table_name_row_id on stepbase.audit_log (table_name, row_id, created_at desc);
create index idx_audit_log_actor_id on stepbase.audit_log (actor_id, created_at desc);
-- The order of the seals.
create index idx_audit_log_app_code_xid on stepbase.audit_log (app_code, system_identifier, xid, id);

-- As for run_events, partitions are in stepbase_engine, and the default partition takes rows whose month has none yet.
create table stepbase_engine.audit_log_default partition of stepbase.audit_log default;
comment on table stepbase_engine.audit_log_default is 'Audit rows of months without a partition; maintenance moves them.';

alter table stepbase.audit_log enable row level security;
alter table stepbase_engine.audit_log_default enable row level security;

create function stepbase_private.refuse_audit_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- An application whose time has come is deleted in batches; the last rows go by cascade, when it no longer exists.
  if tg_op = 'DELETE' and not exists (
    select 1 from stepbase.applications a
    where a.app_code = old.app_code and (a.purge_at is null or a.purge_at > stepbase_engine.now())
  ) then
    return old;
  end if;
  perform stepbase_private.raise_error(
    'immutable', case tg_table_name when 'audit_seals' then 'audit_seals' else 'audit_log' end || ' is append-only'
  );
  return null;
end;
$$;

comment on function stepbase_private.refuse_audit_change() is
  'Trigger: raises SB424 immutable for update, delete and truncate of the audit log and of its seals, for every role.';

create trigger audit_log_append_only before update or delete on stepbase.audit_log
  for each row execute function stepbase_private.refuse_audit_change();
create trigger audit_log_no_truncate before truncate on stepbase.audit_log
  for each statement execute function stepbase_private.refuse_audit_change();
create trigger audit_log_default_no_truncate before truncate on stepbase_engine.audit_log_default
  for each statement execute function stepbase_private.refuse_audit_change();

grant select on stepbase.audit_log to authenticated, service_role;

create policy "Auditors read the audit log" on stepbase.audit_log
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('audit:read')));

-- Security definer: no client may write the log.
create function stepbase_private.audit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_key_column constant text := tg_argv[0];
  -- Hidden columns are never logged. A change of silent columns alone is not logged, because it is no configuration.
  v_hidden constant text[] := '{search,value,vault_id}';
  v_silent constant text[] := '{updated_at,updated_by,last_used_at,last_run_at,next_run_at,runs_started,finished_at,'
    'last_error,next_times,times,times_total,times_done,times_skipped,times_failed,completed_at,resumed_at,last_fired_at,'
    'has_flow_controls,failing_since,execution_count,avg_execution_duration_ms,last_executed_at,mail_sent_at,mail_error,'
    'done,failed,skipped,next_slice_at,announced_at,ended_at,alerted_for}';
  v_before constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - v_hidden end;
  v_after constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - v_hidden end;
  v_app constant text := coalesce(v_after, v_before) ->> 'app_code';
  v_changed text[] := '{}';
begin
  -- Not logged: shared rows, which belong to no application, and rows of an application that is being deleted.
  if v_app is null or not exists (select 1 from stepbase.applications a where a.app_code = v_app) then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    select coalesce(array_agg(c.key order by c.key), '{}') into v_changed
    from jsonb_each(v_after) c
    where c.value is distinct from v_before -> c.key and c.key <> all (v_silent);
    if v_changed = '{}' then
      return null;
    end if;
  end if;
  insert into stepbase.audit_log (
    app_code, table_name, row_id, operation, actor_id, api_key_id, actor_role, changed_columns, old_row, new_row
  )
  values (
    v_app, tg_table_name, coalesce(v_after, v_before) ->> v_key_column, lower(tg_op), auth.uid(),
    (auth.jwt() ->> 'api_key_id')::uuid, coalesce(auth.jwt() ->> 'role', session_user), v_changed, v_before, v_after
  );
  return null;
end;
$$;

comment on function stepbase_private.audit() is
  'Trigger: writes a row of stepbase.audit_log. Argument: the column that identifies the changed row.';

do $$
declare
  v_audited record;
begin
  for v_audited in
    select *
    from (
      values
        ('applications', 'app_code'), ('app_quotas', 'app_code'), ('app_members', 'user_id'), ('app_roles', 'name'),
        ('invitations', 'id'), ('api_keys', 'id'), ('service_accounts', 'id'), ('components', 'id'),
        ('agent_prompts', 'id'), ('projects', 'id'), ('task_queues', 'id'), ('workflows', 'id'),
        ('workflow_versions', 'id'), ('workflow_canaries', 'id'), ('work_queues', 'id'), ('workflow_signals', 'id'),
        ('workflow_queries', 'id'), ('workflow_schedules', 'id'), ('schedule_backfills', 'id'),
        ('incident_switches', 'id'), ('run_operations', 'id'), ('workflow_triggers', 'id'),
        ('webhook_subscriptions', 'id'), ('workflow_children', 'id'), ('workflow_flow_controls', 'id'),
        ('workflow_compilations', 'id'), ('task_decisions', 'id'), ('ai_budgets', 'period')
    ) t (table_name, key_column)
  loop
    execute format(
      'create trigger %I after insert or update or delete on stepbase.%I for each row execute function stepbase_private.audit(%L)',
      v_audited.table_name || '_audit', v_audited.table_name, v_audited.key_column
    );
  end loop;
end;
$$;

create trigger secrets_audit after insert or update or delete on stepbase_private.secrets
  for each row execute function stepbase_private.audit('name');
create trigger secret_versions_audit after insert on stepbase_private.secret_versions
  for each row execute function stepbase_private.audit('secret_id');

create trigger signing_secrets_audit after insert or delete on stepbase_private.signing_secrets
  for each row execute function stepbase_private.audit('owner_id');

create function stepbase_private.audit_secret_read()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.audit_log (app_code, table_name, row_id, operation, actor_role, new_row)
  values (
    new.app_code, 'secrets', new.name, 'read', session_user,
    jsonb_build_object('run_id', new.run_id, 'step_id', new.step_id, 'version', new.version)
  );
  return null;
end;
$$;

comment on function stepbase_private.audit_secret_read() is 'Trigger: writes the first read of a secret in a run to the audit log.';

create trigger secret_reads_audit after insert on stepbase_engine.secret_reads
  for each row execute function stepbase_private.audit_secret_read();

-- Members of the application see in the audit log which tables start its runs.
create trigger database_triggers_audit after insert or update or delete on stepbase_private.database_triggers
  for each row execute function stepbase_private.audit('name');
