-- PUBLIC may execute none of Stepbase's functions.
--
-- PostgreSQL grants EXECUTE on every new function to PUBLIC. Default privileges could stop that only for
-- all functions of this role, those of the host project included, so each function is revoked here. The
-- grants to single roles in the earlier files stay.

do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue')
  loop
    execute format('revoke execute on routine %s from public', v_function);
  end loop;
end;
$do$;
