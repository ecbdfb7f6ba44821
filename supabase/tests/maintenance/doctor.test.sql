-- The doctor: each check is broken once, and the doctor reports exactly that. Savepoints restore the installation.

begin;
set local search_path = public, extensions;
select plan(37);
select tests.create_rows();

-- What another file of the tests or a worker could leave behind.
update stepbase.workers set status = 'stopped', stopped_at = now() where stopped_at is null;
update stepbase.outbox set published_at = now() where published_at is null;
delete from stepbase.runs r where r.app_code like 'tap-%';
update stepbase.workflow_version_checks set checker_version = 1, checked_at = now() where checked_at is null;
update stepbase.workflow_schedules set is_enabled = false where is_enabled;
set constraints all immediate;

-- A hosted installation: pg_cron and pg_net stand in, and Vault has its entries.
create schema cron;
create table cron.job (jobid bigint generated always as identity, jobname text, active boolean default true);
create table cron.job_run_details (
  runid bigint generated always as identity, jobid bigint, status text, return_message text, end_time timestamptz
);
insert into cron.job (jobname) values ('stepbase-worker'), ('stepbase-maintenance'), ('stepbase-retention');
create schema net;
create table net._http_response (id bigint, status_code int, error_msg text, created timestamptz default now());
create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds int default 5000
)
returns bigint
language sql
as 'select 1::bigint';
select vault.create_secret('https://ref.example', 'stepbase_url');
select vault.create_secret('sb_secret_tap', 'stepbase_secret_key');
-- An autovacuum of the same tables gives way after a second.
alter function stepbase_engine.lock_partitions(regclass[]) set lock_timeout = '20s';
select stepbase_engine.ensure_partitions();

-- The findings that are not ok, as 'check status'.
create function pg_temp.findings()
returns text[]
language sql
as $$
  select coalesce(array_agg(d ->> 'check' || ' ' || (d ->> 'status')), '{}')
  from jsonb_array_elements(stepbase_engine.doctor()) d
  where d ->> 'status' <> 'ok';
$$;

select is(pg_temp.findings(), '{}', 'a healthy installation has no findings');
select results_eq(
  $$select distinct d ->> 'check' collate "C" from jsonb_array_elements(stepbase_engine.doctor()) d order by 1$$,
  $$select c collate "C" from unnest(stepbase_engine.installation_checks()) c order by 1$$, 'each check has an answer'
);
select is_empty(
  $$select d from jsonb_array_elements(stepbase_engine.doctor()) d where d ->> 'finding' is null or d -> 'fix' <> 'null'$$,
  'ok is a finding without a fix'
);
select is(
  tests.attempt(p.who, 'select stepbase.doctor()'), p.answer, format('%s may %scall the doctor', p.who, p.negation)
)
from (values ('service', 'ok 1', ''), ('owner', 'ok 1', ''), ('admin', '42501', 'not '), ('anon', '42501', 'not ')) p (
  who, answer, negation
);

-- Breaks the installation with the statements, and returns the findings: '<check> <status>: <finding> => <fix>'.
create function pg_temp.broken(statements text)
returns text
language plpgsql
as $$
declare
  v_found text;
begin
  begin
    execute statements;
    select string_agg(format('%s %s: %s => %s', d ->> 'check', d ->> 'status', d ->> 'finding', d ->> 'fix'), ' | ')
    into v_found
    from jsonb_array_elements(stepbase_engine.doctor()) d
    where d ->> 'status' <> 'ok';
    raise exception using errcode = 'TAP00';
  exception when sqlstate 'TAP00' then
    null;
  end;
  return v_found;
end
$$;

create function pg_temp.run(status text default 'running')
returns void
language sql
as $$
  insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, status, started_at)
  select '00000000-0000-4000-8000-00000000d0d1', w.app_code, w.id, w.published_version_id, run.status, now()
  from stepbase.workflows w where w.id = tests.sample_id('workflow');
$$;

create function pg_temp.step(status text, kind text, due timestamptz)
returns void
language sql
as $$
  insert into stepbase.step_runs (
    run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, wait_kind, wake_at
  )
  select
    r.id, r.app_code, r.workflow_version_id, 'first', 'transform', step.status,
    case when step.status = 'running' then gen_random_uuid() end, step.kind, step.due
  from stepbase.runs r where r.id = '00000000-0000-4000-8000-00000000d0d1';
$$;

create function pg_temp.worker(status text, version text default '0.1.0', mode text default 'resident')
returns void
language sql
as $$
  insert into stepbase.workers (worker_id, status, version, mode, stopped_at, error_message)
  values (
    'tap-doctor', worker.status, worker.version, worker.mode,
    case when worker.status = 'error' then now() + interval '1 hour' end, case when worker.status = 'error' then 'out of memory.' end
  );
$$;

select matches(pg_temp.broken(b.statements), '^' || b.pattern || '$', b.what)
from (
  values
    (
      'a missing function', 'alter function stepbase_engine.count_use rename to gone',
      'migrations failed: The function stepbase_engine.count_use does not exist. => npx supabase db push --remote( \| roles .*)?'
    ),
    (
      'a missing queue', $$update stepbase_queue.queue set name = 'gone' where name = 'steps'$$,
      'migrations failed: The queue steps of pg-boss does not exist. => npx supabase db push --remote'
    ),
    (
      'a table without row-level security', 'alter table stepbase.runs disable row level security',
      'policies failed: Row-level security is off for stepbase.runs. => alter table stepbase.runs enable row level security;'
    ),
    (
      'a table without its policy', $$drop policy "Members read the runs of their app" on stepbase.runs$$,
      'policies failed: No policy lets members read stepbase.runs. => Create the policy again as in supabase/migrations'
    ),
    (
      'a function that everyone may execute', 'grant execute on function stepbase.my_profile() to public',
      'policies failed: Everyone may execute stepbase.my_profile\(\). => revoke execute on routine stepbase.my_profile\(\) from public;'
    ),
    (
      'a privilege of the worker that is missing', 'revoke execute on function stepbase_engine.wake from stepbase_worker',
      'roles failed: The role stepbase_worker may not execute stepbase_engine.wake. => grant execute on function stepbase_engine.wake\(integer\) to stepbase_worker;'
    ),
    (
      'a missing partition', format('drop table stepbase_engine.audit_log%s', to_char(now() at time zone 'UTC' + interval '1 month', '_YYYY_MM')),
      'partitions failed: audit_log has no partition of the next month: maintenance does not run. => select stepbase_engine.maintain\(\);'
    ),
    (
      'rows in a default partition', $$select pg_temp.run();
        insert into stepbase.run_events (run_id, seq, app_code, event_type, created_at)
        values ('00000000-0000-4000-8000-00000000d0d1', 1, 'tap-one', 'run.created', now() + interval '2 years')$$,
      'partitions warning: Rows of run_events are in the default partition. => select stepbase_engine.maintain\(\);'
    ),
    (
      'a hook that Auth may not execute',
      'revoke execute on function stepbase_private.custom_access_token_hook(jsonb) from supabase_auth_admin',
      'hook failed: Supabase Auth may not execute the access-token hook. => grant usage on .*'
    ),
    (
      'a hook that is off', $$update stepbase.app_members set accepted_at = now() - interval '1 day';
        insert into auth.sessions (id, user_id, created_at, updated_at)
        select gen_random_uuid(), p.user_id, now(), now() from tests.person('admin') p$$,
      'hook failed: Of the last 1 sign-ins of members, none got an application: the access-token hook is off. => npx supabase config push'
    ),
    (
      'a missing policy of Realtime', $$drop policy "Members receive the run updates they may read" on realtime.messages$$,
      'realtime failed: The policy on realtime.messages is missing: .* => select stepbase_private.ensure_realtime_policy\(\);'
    ),
    (
      'a cron job that does not exist', $$delete from cron.job where jobname = 'stepbase-worker'$$,
      'cron failed: The cron job stepbase-worker does not exist. => select cron.schedule\(''stepbase-worker'', ''10 seconds'', ''select stepbase_engine.wake_worker\(\)''\);'
    ),
    (
      'a cron job that is not active', $$update cron.job set active = false where jobname = 'stepbase-maintenance'$$,
      'cron failed: The cron job stepbase-maintenance is not active. => select cron.schedule\(.*'
    ),
    (
      'a cron job that fails', $$insert into cron.job_run_details (jobid, status, return_message, end_time)
        select j.jobid, 'failed', 'ERROR: x', now() from cron.job j where j.jobname = 'stepbase-retention'$$,
      'cron failed: The last run of the cron job stepbase-retention failed: ERROR: x => .*'
    ),
    (
      'no pg_cron', 'drop schema cron cascade',
      'cron failed: pg_cron is not installed and no resident worker runs: nothing calls the worker. => create extension pg_cron; .*'
    ),
    (
      'an entry of Vault that is missing', $$delete from vault.secrets where name = 'stepbase_url'$$,
      'vault failed: Vault has no entry stepbase_url: .* => select vault.create_secret\(''https://<ref>.supabase.co'', ''stepbase_url''\);'
    ),
    (
      'an address in Vault that has a path', $$select vault.update_secret(s.id, 'https://ref.example/functions')
        from vault.secrets s where s.name = 'stepbase_url'$$,
      'vault failed: The entry stepbase_url of Vault is not the address of the project without a path. => select vault.update_secret\(.*'
    ),
    (
      'no pg_net', 'drop schema net cascade',
      'pg_net failed: pg_net is not installed and no resident worker runs: .* => create extension pg_net;'
    ),
    (
      'a worker that refuses the key', $$insert into net._http_response (status_code) values (401), (401), (200)$$,
      'pg_net warning: 2 calls of pg_net were answered with status 401 within an hour. => Store a secret key .*'
    ),
    (
      'a clock that a test moved', $$select stepbase_engine.advance_clock('1 minute')$$,
      'clock failed: A test moved the clock of the engine by 00:01:00. => delete from stepbase_engine.clock where id;'
    ),
    (
      'pending work without a worker', $$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
        values ('tap-one', 'run', gen_random_uuid(), 'run.changed')$$,
      'workers failed: Work is pending. No worker has .* => Start a worker. .*'
    ),
    (
      'a worker that stopped with an error', $$select pg_temp.worker('error')$$,
      'workers warning: The worker tap-doctor has the status error: out of memory. => Read the log .*'
    ),
    (
      'a worker of another version', $$select pg_temp.worker('running', '0.0.9', 'invocation')$$,
      'versions warning: The worker tap-doctor has version 0.0.9; the schema has version 0.1.0. => npm run bundle, .*'
    ),
    (
      'an old job in the queue', $$select pg_temp.worker('running'); insert into stepbase_queue.job (name, priority, group_id, start_after)
        select 'steps', -last_value, 'tap-one', now() - interval '11 minutes' from stepbase_engine.queue_next$$,
      'queue failed: The oldest job in the queue waits for 11 min. => Start more workers, .*'
    ),
    (
      'a quarantined message', $$insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, quarantined_at, error)
        values ('tap-one', 'run', gen_random_uuid(), 'run.ended', now(), 'x')$$,
      'outbox failed: 1 messages of the outbox are quarantined. \d+: x => Fix the cause, then: update stepbase.outbox set .* where id = \d+;'
    ),
    (
      'an old message in the outbox', $$select pg_temp.worker('running');
        insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, created_at)
        values ('tap-one', 'run', gen_random_uuid(), 'run.ended', now() - interval '5 minutes')$$,
      'outbox warning: The oldest message of the outbox waits for 5 min. => Start a worker: see the check workers'
    ),
    (
      'a due timer', $$select pg_temp.worker('running'), pg_temp.run();
        select pg_temp.step('waiting', 'delay', now() - interval '3 minutes')$$,
      'timers warning: The oldest due timer waits for .* \(run 00000000-0000-4000-8000-00000000d0d1\). => Start a worker: .*'
    ),
    (
      'a step without a job', $$select pg_temp.run(); select pg_temp.step('running', null, null)$$,
      'steps warning: 1 steps have no job in the queue \(run 00000000-0000-4000-8000-00000000d0d1\); .* => select stepbase_engine.sweep\(\);'
    ),
    (
      'maintenance that does not run', $$delete from stepbase_engine.app_storage s;
        insert into stepbase_engine.app_storage values ('tap-one', 1, now() - interval '3 hours')$$,
      'maintenance failed: Maintenance last measured the stored bytes 3 h ago; .* => select cron.schedule\(.*'
    )
) b (what, statements, pattern);
select is(
  pg_temp.broken($$insert into stepbase.workers (app_code, worker_id, status) values ('tap-one', 'tap-own', 'running')$$), null,
  'a worker of an application has versions of its own'
);

select * from finish();
rollback;
