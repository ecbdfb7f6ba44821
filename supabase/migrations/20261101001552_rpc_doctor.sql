-- The RPC that checks an installation, for operators. Each check is a function check_<name>() of the engine
-- (*_doctor_*.sql); a new check is one function, one line in installation_checks() and one in healthy_sentence().

create function stepbase_engine.installation_checks()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    'migrations', 'policies', 'roles', 'partitions', 'hook', 'realtime', 'cron', 'vault', 'pg_net', 'clock', 'workers',
    'versions', 'queue', 'outbox', 'timers', 'steps', 'maintenance', 'transactions'
  ];
$$;

comment on function stepbase_engine.installation_checks() is
  'The names of the checks of stepbase.doctor, in their order: check_<name>().';

create function stepbase_engine.healthy_sentence(p_check text)
returns text
language sql
stable
set search_path = ''
as $$
  select case p_check
    when 'migrations' then format(
      'The schema has version %s, on PostgreSQL %s.', stepbase_engine.schema_version(),
      split_part(current_setting('server_version'), ' ', 1)
    )
    when 'policies' then 'Row-level security is on for all tables, and the policies exist.'
    when 'roles' then 'stepbase_worker has its privileges and limits.'
    when 'partitions' then 'The partitions of this month and the next exist.'
    when 'hook' then
      'The sign-ins of members in the last week show no fault; doctor tests the hook with --email and --password.'
    when 'realtime' then 'Members can join channels, and today has a partition.'
    when 'cron' then case
      when to_regclass('cron.job') is null
        then 'pg_cron is not installed; a resident worker runs, and the host calls maintenance.'
      else 'The cron jobs are active.'
    end
    when 'vault' then case
      when stepbase_engine.has_resident_worker() then 'Vault is installed; a resident worker needs no entries.'
      else 'Vault has the address and a secret key of the project.'
    end
    when 'pg_net' then case
      when to_regproc('net.http_post') is null then 'pg_net is not installed; a resident worker needs no calls.'
      else 'pg_net is installed, and no call failed within an hour.'
    end
    when 'clock' then format('The database has the time %s.', stepbase_engine.time_text(now()))
    when 'workers' then (
      select case
        when s.is_alive then format(
          'The last heartbeat was %s ago.', stepbase_engine.duration_text(stepbase_engine.now() - s.last_heartbeat_at)
        )
        else 'No worker runs, and no work is pending.'
      end
      from stepbase_engine.worker_silence(null) s
    )
    when 'versions' then
      format('The workers have the version of the schema, %s.', stepbase_engine.schema_version())
    when 'queue' then 'No job waits for more than a minute.'
    when 'outbox' then 'No message of the outbox is quarantined or waits for more than a minute.'
    when 'timers' then 'No timer or schedule is overdue.'
    when 'steps' then 'Every open step has its job.'
    when 'maintenance' then 'Maintenance runs.'
    when 'transactions' then 'No transaction is open for more than ten minutes.'
  end;
$$;

comment on function stepbase_engine.healthy_sentence(text) is
  'The sentence of a check of stepbase.doctor that found no problem.';

create function stepbase_engine.doctor()
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_check text;
  v_found jsonb;
  v_all jsonb := '[]';
begin
  foreach v_check in array stepbase_engine.installation_checks() loop
    begin
      execute format(
        'select jsonb_agg(jsonb_build_object(''check'', $1, ''status'', f.status, ''finding'', f.finding, ''fix'', f.fix))'
        ' from stepbase_engine.%I() f',
        'check_' || v_check
      ) into v_found using v_check;
      v_found := coalesce(v_found, jsonb_build_array(jsonb_build_object(
        'check', v_check, 'status', 'ok', 'finding', stepbase_engine.healthy_sentence(v_check), 'fix', null
      )));
    exception when others then
      -- One check must not prevent the others.
      v_found := jsonb_build_array(jsonb_build_object(
        'check', v_check, 'status', 'failed', 'finding', format('The check raised an error: %s', sqlerrm),
        'fix', 'npx supabase db push --remote'
      ));
    end;
    v_all := v_all || v_found;
  end loop;
  return v_all;
end;
$$;

comment on function stepbase_engine.doctor() is 'Implements stepbase.doctor. It changes nothing.';

-- Security definer: the service role has no access to the engine, to Vault and to pg_cron. The answer contains no
-- secret and no data of an application except ids.
create function stepbase_private.doctor()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select stepbase_engine.doctor();
$$;

comment on function stepbase_private.doctor() is 'Implements stepbase.doctor.';
grant execute on function stepbase_private.doctor() to service_role;

create function stepbase.doctor()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.doctor();
$$;

comment on function stepbase.doctor() is
  'Checks the installation: a list of {check, status, finding, fix}, with one or several rows per check. status: ok, warning or '
  'failed; fix: the command that repairs it, null for ok. For operators: only postgres and the service role may execute it. '
  '`npm run doctor` calls it and adds what only a client can check.';
grant execute on function stepbase.doctor() to service_role;
