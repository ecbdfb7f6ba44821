-- Removes Stepbase from a project, and nothing else: run it as postgres, after docs/operations/uninstall.md.
-- All or nothing: an error leaves everything as it was. The rows of all runs and applications are lost.

begin;

-- Jobs of pg_cron; then the running call of each ends.
do $do$
begin
  if exists (select 1 from pg_extension e where e.extname = 'pg_cron') then
    execute $sql$select cron.unschedule(j.jobid) from cron.job j where starts_with(j.jobname, 'stepbase-')$sql$;
  end if;
end;
$do$;
select pg_advisory_xact_lock(hashtext('stepbase.maintain')), pg_advisory_xact_lock(hashtext('stepbase.prune'));

-- An object of the project that needs Stepbase would be dropped with its schemas. The triggers on auth.users and on
-- tables of the project, and the policies on tables of Realtime and Storage, shall be dropped with them: postgres does
-- not own all of these tables, so it cannot drop them by name.
do $do$
declare
  v_needed text;
begin
  with ours as (
    select n.oid from pg_namespace n
    where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue')
  ),
  target as (
    select 'pg_class'::regclass as class, c.oid from pg_class c where c.relnamespace in (select o.oid from ours o)
    union all
    select 'pg_proc'::regclass, p.oid from pg_proc p where p.pronamespace in (select o.oid from ours o)
    union all
    select 'pg_type'::regclass, t.oid from pg_type t where t.typnamespace in (select o.oid from ours o)
  ),
  dependent as (
    select distinct d.classid, d.objid, d.objsubid
    from pg_depend d
    join target t on t.class = d.refclassid and t.oid = d.refobjid
    where d.deptype in ('n', 'a')
  ),
  located as (
    select
      d.*,
      coalesce(
        case d.classid
          when 'pg_rewrite'::regclass then (select r.ev_class from pg_rewrite r where r.oid = d.objid)
          when 'pg_policy'::regclass then (select p.polrelid from pg_policy p where p.oid = d.objid)
          when 'pg_constraint'::regclass then (select nullif(c.conrelid, 0) from pg_constraint c where c.oid = d.objid)
          when 'pg_attrdef'::regclass then (select a.adrelid from pg_attrdef a where a.oid = d.objid)
          when 'pg_trigger'::regclass then (select t.tgrelid from pg_trigger t where t.oid = d.objid)
          when 'pg_class'::regclass then d.objid
        end
      ) as relation
    from dependent d
  )
  select string_agg(distinct i.identity, ', ')
  into v_needed
  from located l
  cross join lateral pg_identify_object(l.classid, l.objid, l.objsubid) i
  left join pg_class c on c.oid = l.relation
  where l.classid <> 'pg_trigger'::regclass
    and not exists (
      select 1 from pg_policy p
      where l.classid = 'pg_policy'::regclass and p.oid = l.objid
        and p.polname in (
          'Members receive the run updates they may read', 'Members read the stored outputs of their application'
        )
    )
    and case
      when c.oid is not null then c.relnamespace not in (select o.oid from ours o)
      else i.schema is not null
        and i.schema not in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue', 'pg_toast')
    end;
  if v_needed is not null then
    raise exception 'These objects of the project need Stepbase; drop them first: %', v_needed;
  end if;
end;
$do$;

-- Secrets in Vault.
do $do$
begin
  if to_regclass('vault.secrets') is not null then
    execute $sql$
      delete from vault.secrets s
      where starts_with(s.name, 'stepbase/') or s.name in ('stepbase_url', 'stepbase_secret_key')
    $sql$;
  end if;
end;
$do$;

drop schema if exists stepbase, stepbase_private, stepbase_engine, stepbase_queue cascade;

-- Roles belong to the server: one that another database uses stays, without its privileges in this one.
do $do$
declare
  v_role text;
begin
  foreach v_role in array array['stepbase_worker', 'stepbase_functions'] loop
    continue when to_regrole(v_role) is null;
    begin
      if not pg_has_role(v_role, 'usage') then
        execute format('grant %I to %I', v_role, current_user);
      end if;
      execute format('drop owned by %I', v_role);
      execute format('drop role %I', v_role);
    exception
      when insufficient_privilege or dependent_objects_still_exist then
        raise notice 'The role % stays: %', v_role, sqlerrm;
    end;
  end loop;
end;
$do$;

-- The list of the Supabase CLI, so that a later installation applies the migrations again.
do $do$
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $sql$
      delete from supabase_migrations.schema_migrations m
      where m.version ~ '^2026110100[01][0-9]{3}$' or m.name = 'stepbase_access_token_hook'
    $sql$;
  end if;
end;
$do$;

commit;
