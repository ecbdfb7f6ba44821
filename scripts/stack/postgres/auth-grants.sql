-- Grants on the tables of the Auth service for the other roles, as on a hosted project. Run after it has created them.

grant all on all tables in schema auth to postgres, dashboard_user;
grant all on all sequences in schema auth to postgres, dashboard_user;
grant all on all routines in schema auth to postgres, dashboard_user;
grant select on all tables in schema auth to service_role;

do $rls$
declare
  auth_table record;
begin
  for auth_table in select tablename from pg_catalog.pg_tables where schemaname = 'auth' loop
    execute format('alter table auth.%I enable row level security', auth_table.tablename);
  end loop;
end
$rls$;
