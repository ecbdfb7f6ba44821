-- The service role may execute what signed-in users may: with the secret key, RPCs act for the application that the
-- header x-stepbase-app names.

do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    cross join lateral pg_catalog.aclexplode(p.proacl) a
    where n.nspname in ('stepbase', 'stepbase_private')
      and a.grantee = 'authenticated'::regrole and a.privilege_type = 'EXECUTE'
  loop
    execute format('grant execute on routine %s to service_role', v_function);
  end loop;
end;
$do$;
