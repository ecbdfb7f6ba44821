-- Doctor, part 1: the checks of what the migrations create: functions, the queue, privileges, roles, partitions.
--
-- A check is a function check_<name>() that returns a row {status, finding, fix} for each problem, and none if there is
-- no problem: doctor() adds the row with the status ok. *_rpc_doctor.sql lists the checks.

create type stepbase_engine.finding as (status text, finding text, fix text);

comment on type stepbase_engine.finding is
  'A problem that a check found: status warning or failed; the finding as a sentence; the command that fixes it.';

create function stepbase_engine.check_migrations()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select 'failed', format('The function %s does not exist.', f.name), 'npx supabase db push --remote'
  from unnest(stepbase_engine.worker_functions()) f (name)
  where to_regproc(f.name) is null;
  if found then
    return;
  end if;
  if not stepbase_engine.has_queue() then
    return query select 'failed', 'The queue steps of pg-boss does not exist.', 'npx supabase db push --remote';
  elsif current_setting('server_version_num')::int < 150000 then
    return query select
      'failed', 'Stepbase needs PostgreSQL 15 or later; this is ' || current_setting('server_version') || '.',
      'Upgrade the database in the settings of the project';
  end if;
end;
$$;

comment on function stepbase_engine.check_migrations() is
  'Whether the functions that the worker calls and the queue exist, and the version of PostgreSQL.';

create function stepbase_engine.check_policies()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'failed', format('Row-level security is off for %s.', c.oid::regclass),
    format('alter table %s enable row level security;', c.oid::regclass)
  from pg_catalog.pg_class c
  where c.relnamespace in (
    'stepbase'::regnamespace, 'stepbase_private'::regnamespace, 'stepbase_engine'::regnamespace
  ) and c.relkind in ('r', 'p') and not c.relrowsecurity
  union all
  select
    'failed', format('No policy lets members read %s.', c.oid::regclass),
    'Create the policy again as in supabase/migrations'
  from pg_catalog.pg_class c
  where c.relnamespace = 'stepbase'::regnamespace and c.relkind in ('r', 'p')
    and has_any_column_privilege('authenticated', c.oid, 'select')
    and not exists (
      select 1 from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polcmd in ('r', '*')
    )
  union all
  select
    'failed', format('Everyone may execute %s.', p.oid::regprocedure),
    format('revoke execute on routine %s from public;', p.oid::regprocedure)
  from pg_catalog.pg_proc p
  where p.pronamespace in (
    'stepbase'::regnamespace, 'stepbase_private'::regnamespace, 'stepbase_engine'::regnamespace
  ) and (
    p.proacl is null or exists (select 1 from pg_catalog.aclexplode(p.proacl) a where a.grantee = 0)
  );
end;
$$;

comment on function stepbase_engine.check_policies() is
  'Whether row-level security is on, readable tables have a policy, and PUBLIC executes no function.';

create function stepbase_engine.check_roles()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_role record;
begin
  select r.rolcanlogin, array_to_string(r.rolconfig, ' ') as settings into v_role
  from pg_catalog.pg_roles r where r.rolname = 'stepbase_worker';
  if not found then
    return query select
      'warning', 'The role stepbase_worker does not exist; the functions can only connect as postgres.',
      'create role stepbase_worker nologin noinherit; then run the migration *_worker_role.sql again';
    return;
  end if;
  return query
  select
    'failed', format('The role stepbase_worker may not execute %s.', f.name),
    format('grant execute on function %s to stepbase_worker;', to_regproc(f.name)::regprocedure)
  from unnest(stepbase_engine.worker_functions()) f (name)
  where not has_function_privilege('stepbase_worker', to_regproc(f.name), 'execute')
  union all
  select
    'failed', 'The role stepbase_worker is no member of authenticated: the HTTP API cannot act for its callers.',
    'grant authenticated to stepbase_worker;'
  where not pg_has_role('stepbase_worker', 'authenticated', 'member')
  union all
  select
    'warning', 'The role stepbase_worker cannot log in; the functions connect as another role.',
    'alter role stepbase_worker login password ''…'';'
  where not v_role.rolcanlogin
  union all
  select
    'warning', 'The role stepbase_worker has no statement_timeout: a statement can last for ever.',
    'alter role stepbase_worker set statement_timeout = ''15s'';'
  where coalesce(v_role.settings, '') not like '%statement_timeout=%'
  union all
  select
    'warning', 'Steps of type sql_function fail: stepbase_functions does not own stepbase_engine.execute_call.',
    'create role stepbase_functions nologin noinherit; grant it to postgres and make it the owner of '
    'stepbase_engine.execute_call(text, jsonb, boolean)'
  from pg_catalog.pg_proc p
  join pg_catalog.pg_roles o on o.oid = p.proowner
  where p.oid = 'stepbase_engine.execute_call'::regproc and o.rolname <> 'stepbase_functions';
end;
$$;

comment on function stepbase_engine.check_roles() is
  'Whether the roles stepbase_worker and stepbase_functions exist with their privileges, limits and functions.';

create function stepbase_engine.check_partitions()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  c_fix constant text := 'select stepbase_engine.maintain();';
  v_next constant text := to_char(
    date_trunc('month', stepbase_engine.now() at time zone 'UTC') + interval '1 month', '_YYYY_MM'
  );
begin
  return query
  select 'failed', format('%s has no partition of the next month: maintenance does not run.', t.name), c_fix
  from (values ('run_events'), ('audit_log')) t (name)
  where to_regclass('stepbase_engine.' || t.name || v_next) is null
  union all
  select 'warning', 'Rows of run_events are in the default partition.', c_fix
  where exists (select 1 from stepbase_engine.run_events_default d)
  union all
  select 'warning', 'Rows of audit_log are in the default partition.', c_fix
  where exists (select 1 from stepbase_engine.audit_log_default d);
end;
$$;

comment on function stepbase_engine.check_partitions() is
  'Whether maintenance has made the partition of the next month, and the default partitions are empty.';
