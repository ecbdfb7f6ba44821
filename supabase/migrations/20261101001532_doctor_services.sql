-- Doctor, part 2: the checks of the services of Supabase: the access-token hook, Realtime, pg_cron, pg_net and Vault,
-- and the clock. Their schemas can be absent, so the statements on them are dynamic.

create function stepbase_engine.has_resident_worker()
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1 from stepbase.workers w
    where w.mode = 'resident' and w.status = 'running' and w.app_code is null
      and w.last_heartbeat_at > stepbase_engine.now() - interval '90 seconds'
  );
$$;

comment on function stepbase_engine.has_resident_worker() is
  'Whether a resident worker is alive. Without one, pg_cron, pg_net and Vault have to call the worker function.';

create function stepbase_engine.check_hook()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_sessions bigint;
  v_with_app bigint;
begin
  if to_regrole('supabase_auth_admin') is null then
    return query select
      'warning', 'The role supabase_auth_admin does not exist: this database has no Supabase Auth.',
      'Install Supabase Auth, then apply the migrations again';
    return;
  end if;
  if not has_schema_privilege('supabase_auth_admin', 'stepbase_private', 'usage')
    or not has_function_privilege(
      'supabase_auth_admin', 'stepbase_private.custom_access_token_hook(jsonb)', 'execute'
    )
  then
    return query select
      'failed', 'Supabase Auth may not execute the access-token hook.',
      'grant usage on schema stepbase_private to supabase_auth_admin; '
      'grant execute on function stepbase_private.custom_access_token_hook(jsonb) to supabase_auth_admin;';
    return;
  end if;
  if to_regclass('auth.sessions') is not null then
    -- The hook stores the application of each new session of a member.
    execute $sql$
      select count(*), count(a.session_id)
      from (
        select s.id, s.user_id from auth.sessions s
        where s.created_at > now() - interval '7 days'
          and exists (
            select 1 from stepbase.app_members m
            join stepbase.applications p on p.app_code = m.app_code and p.deleted_at is null
            where m.user_id = s.user_id and m.accepted_at < s.created_at
          )
        order by s.created_at desc
        limit 20
      ) s
      left join stepbase_private.session_apps a on a.session_id = s.id
    $sql$ into v_sessions, v_with_app;
  end if;
  if v_sessions > 0 and v_with_app = 0 then
    return query select
      'failed', format('Of the last %s sign-ins of members, none got an application: the access-token hook is off.', v_sessions),
      'npx supabase config push';
  end if;
end;
$$;

comment on function stepbase_engine.check_hook() is
  'Whether Supabase Auth may execute the access-token hook, and whether the sessions of members have an application.';

create function stepbase_engine.check_realtime()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  if to_regclass('realtime.messages') is null then
    return query select
      'warning', 'The table realtime.messages does not exist: pages do not update by themselves.',
      'Enable Realtime in the settings of the project';
    return;
  end if;
  return query
  select
    'failed', 'The policy on realtime.messages is missing: no member can join a channel.',
    'select stepbase_private.ensure_realtime_policy();'
  where not stepbase_private.has_realtime_policy()
  union all
  select
    'warning', 'realtime.messages has no partition for today: broadcasts are dropped until a client joins a channel.',
    'Open a page with live updates: Realtime creates the partition when a client joins'
  where not exists (
    select 1
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass('realtime.messages') and (
      pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
      or strpos(pg_get_expr(c.relpartbound, c.oid), 'FROM (''' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD')) > 0
    )
  );
end;
$$;

comment on function stepbase_engine.check_realtime() is
  'Whether the policy on realtime.messages and the partition of today exist.';

create function stepbase_engine.check_cron()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_resident constant boolean := stepbase_engine.has_resident_worker();
begin
  if to_regclass('cron.job') is null then
    if not v_resident then
      return query select
        'failed', 'pg_cron is not installed and no resident worker runs: nothing calls the worker.',
        'create extension pg_cron; select cron.schedule(''stepbase-worker'', ''10 seconds'', ''select stepbase_engine.wake_worker()'');';
    end if;
    return;
  end if;
  return query execute $sql$
    select
      'failed',
      format('The cron job %s %s.', n.name, case when j.jobid is null then 'does not exist' else 'is not active' end),
      format('select cron.schedule(%L, %L, %L);', n.name, n.schedule, n.command)
    from (
      values
        ('stepbase-worker', '10 seconds', 'select stepbase_engine.wake_worker()'),
        ('stepbase-maintenance', '* * * * *', 'select stepbase_engine.maintain()'),
        ('stepbase-retention', '10 seconds', 'select stepbase_engine.prune()')
    ) n (name, schedule, command)
    left join cron.job j on j.jobname = n.name
    where j.active is not true and (n.name <> 'stepbase-worker' or not $1)
  $sql$ using v_resident;
  if found then
    return;
  end if;
  if to_regclass('cron.job_run_details') is not null then
    return query execute $sql$
      select
        'failed', format('The last run of the cron job %s failed: %s', j.jobname, left(d.return_message, 300)),
        'select * from cron.job_run_details order by runid desc limit 20; fix the cause that it names'
      from cron.job j
      cross join lateral (
        select x.status, x.return_message from cron.job_run_details x
        where x.jobid = j.jobid and x.end_time is not null
        order by x.runid desc
        limit 1
      ) d
      where j.jobname like 'stepbase-%' and d.status = 'failed'
    $sql$;
  end if;
end;
$$;

comment on function stepbase_engine.check_cron() is
  'Whether the cron jobs exist, are active and succeed. A resident worker needs no job stepbase-worker.';

create function stepbase_engine.check_vault()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_resident constant boolean := stepbase_engine.has_resident_worker();
begin
  if to_regclass('vault.decrypted_secrets') is null then
    return query select
      'failed', 'Vault is not installed: secrets cannot be stored, and the database cannot call the worker.',
      'create extension supabase_vault;';
    return;
  end if;
  return query execute $sql$
    select
      'failed',
      case when s.decrypted_secret is null
        then format('Vault has no entry %s: the database cannot call the worker.', n.name)
        else format('The entry %s of Vault is not %s.', n.name, n.content)
      end,
      case when s.decrypted_secret is null
        then format('select vault.create_secret(%L, %L);', n.example, n.name)
        else format('select vault.update_secret(%L, %L);', s.id, n.example)
      end
    from (
      values
        ('stepbase_url', 'the address of the project without a path', 'https://<ref>.supabase.co', '^https?://[^/ ]+$'),
        ('stepbase_secret_key', 'a secret key of the project', 'sb_secret_…', '^(sb_secret_|eyJ)[^ ]+$')
    ) n (name, content, example, pattern)
    left join vault.decrypted_secrets s on s.name = n.name
    where coalesce(s.decrypted_secret !~ n.pattern, not $1)
  $sql$ using v_resident;
end;
$$;

comment on function stepbase_engine.check_vault() is
  'Whether Vault is installed and has stepbase_url and stepbase_secret_key in their form. The answer contains no secret.';

create function stepbase_engine.check_pg_net()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
declare
  v_resident constant boolean := stepbase_engine.has_resident_worker();
begin
  if to_regproc('net.http_post') is null then
    if not v_resident then
      return query select
        'failed', 'pg_net is not installed and no resident worker runs: the database cannot call the worker.',
        'create extension pg_net;';
    end if;
    return;
  end if;
  if to_regclass('net._http_response') is not null then
    -- pg_net does not store the address of a call, so calls of others can be among these.
    return query execute $sql$
      select
        'warning',
        case
          when r.status_code is null
            then format('%s calls of pg_net got no answer within an hour: %s', r.calls, left(r.error, 200))
          else format('%s calls of pg_net were answered with status %s within an hour.', r.calls, r.status_code)
        end,
        case
          when r.status_code in (401, 403)
            then 'Store a secret key of the project in Vault as stepbase_secret_key: select vault.update_secret(…);'
          when r.status_code = 404
            then 'npm run bundle, then npx supabase functions deploy --use-api stepbase-api stepbase-worker'
          else 'Read the log of the function stepbase-worker'
        end
      from (
        select h.status_code, count(*) as calls, max(h.error_msg) as error
        from net._http_response h
        where h.created > now() - interval '1 hour' and (h.status_code >= 400 or h.status_code is null)
        group by h.status_code
        order by h.status_code
        limit 5
      ) r
    $sql$;
  end if;
end;
$$;

comment on function stepbase_engine.check_pg_net() is
  'Whether pg_net is installed where the database has to call the worker, and how its calls of the last hour ended.';

create function stepbase_engine.check_clock()
returns setof stepbase_engine.finding
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    'failed', format('A test moved the clock of the engine by %s.', c.clock_offset),
    'delete from stepbase_engine.clock where id;'
  from stepbase_engine.clock c
  where c.clock_offset <> interval '0';
end;
$$;

comment on function stepbase_engine.check_clock() is 'Whether the clock of the engine is that of the server.';
