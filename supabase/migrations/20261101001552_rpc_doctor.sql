-- The RPC that checks an installation, for operators. Each check is a function check_<name>() of the engine
-- (*_doctor_*.sql); a new check is one function and one line in installation_checks().

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
