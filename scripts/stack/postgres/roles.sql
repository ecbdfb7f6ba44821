-- The roles of a hosted project, cluster-wide. Run as the superuser; idempotent.

do $roles$
declare
  wanted record;
begin
  for wanted in
    select *
    from (
      values
        ('postgres', 'login createrole createdb bypassrls replication'),
        ('anon', 'nologin noinherit'),
        ('authenticated', 'nologin noinherit'),
        ('service_role', 'nologin noinherit bypassrls'),
        ('authenticator', 'login noinherit'),
        ('dashboard_user', 'nologin createdb createrole replication'),
        -- The superuser of an embedded cluster; elsewhere it only owns the schemas of the services.
        ('supabase_admin', 'nologin'),
        ('supabase_auth_admin', 'login noinherit'),
        ('supabase_realtime_admin', 'nologin noinherit')
    ) as role (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end
$roles$;

grant anon, authenticated, service_role to authenticator;
-- As on a hosted project: the migration role can grant the API roles and switch to them.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;

-- The time limits for requests, as on a hosted project.
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set search_path = 'auth';
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
