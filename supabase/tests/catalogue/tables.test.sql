-- Rules for every table: row-level security, policies, grants, comments, app_code and indexes on foreign keys.

begin;
set local search_path = public, extensions;
select plan(24);

create temporary view our_tables as
select c.oid, n.nspname as schema_name, c.relname as name, c.relkind, c.relrowsecurity, c.relispartition
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine') and c.relkind in ('r', 'p');

select isnt_empty('select 1 from our_tables', 'the view of tables is not empty');
select is_empty(
  'select schema_name, name from our_tables where not relrowsecurity', 'every table, including partitions, has row-level security'
);
select is_empty(
  $$select t.name from our_tables t
    where t.schema_name = 'stepbase' and not exists (select 1 from pg_policy p where p.polrelid = t.oid)$$,
  'every exposed table has a policy'
);
select is_empty(
  $$select p.polrelid::regclass, p.polname from pg_policy p join our_tables t on t.oid = p.polrelid where p.polcmd = '*'$$,
  'every policy is for one command'
);
select is_empty(
  $$select p.polrelid::regclass, p.polname from pg_policy p join our_tables t on t.oid = p.polrelid
    where p.polroles not in (array['authenticated'::regrole::oid], array['supabase_auth_admin'::regrole::oid])$$,
  'every policy is for signed-in users or the auth server'
);
select is_empty(
  $$select polrelid::regclass, polcmd, polroles from pg_policy p join our_tables t on t.oid = p.polrelid
    group by 1, 2, 3 having count(*) > 1$$,
  'a table has at most one policy per role and command'
);
select is_empty(
  $$select t.name from our_tables t
    where t.schema_name = 'stepbase' and not t.relispartition
      and not exists (
        select 1 from pg_policy p where p.polrelid = t.oid and p.polcmd = 'r'
          and 'authenticated'::regrole = any (p.polroles))$$,
  'every exposed table has a select policy'
);
select is_empty(
  $$select t.name from our_tables t where t.schema_name = 'stepbase' and t.name <> 'outbox'
      and not has_any_column_privilege('authenticated', t.oid, 'select')$$,
  'signed-in users can select from every exposed table except the outbox'
);
select is_empty(
  $$select t.name from our_tables t where t.schema_name = 'stepbase' and not has_table_privilege('service_role', t.oid, 'select')$$,
  'the service role can select from every exposed table'
);
select is_empty(
  $$select t.schema_name, t.name from our_tables t
    where has_any_column_privilege('anon', t.oid, 'select, insert, update, references')
      or has_table_privilege('anon', t.oid, 'delete, truncate, trigger')$$,
  'anonymous users have no privilege on any table'
);
select is_empty(
  $$select t.schema_name, t.name from our_tables t
    where has_table_privilege('authenticated', t.oid, 'truncate, trigger')
      or has_any_column_privilege('authenticated', t.oid, 'references')$$,
  'signed-in users can neither truncate a table nor create triggers or references on it'
);
select is_empty(
  $$select c.oid::regclass
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue')
      and case
        when c.relkind in ('v', 'm') then has_any_column_privilege('anon', c.oid, 'select, insert, update')
        when c.relkind = 'S' then has_sequence_privilege('anon', c.oid, 'usage, select, update')
      end$$,
  'anonymous users have no privilege on any view or sequence'
);
select is_empty(
  $$select c.oid::regclass
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'stepbase'
      and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')
      and c.relkind in ('v', 'm')
      and not coalesce(c.reloptions::text ~ 'security_invoker=(true|on)', false)$$,
  'every exposed view is security invoker'
);
select is_empty(
  $$select t.schema_name, t.name from our_tables t
    where t.schema_name in ('stepbase_private', 'stepbase_engine')
      and (has_any_column_privilege('authenticated', t.oid, 'select, insert, update')
        or has_table_privilege('authenticated', t.oid, 'delete'))$$,
  'clients have no privilege on tables of the unexposed schemas'
);
select is_empty(
  $$select t.schema_name, t.name from our_tables t where obj_description(t.oid, 'pg_class') is null$$,
  'every table has a comment'
);
select is_empty(
  $$select t.name from our_tables t
    where t.schema_name = 'stepbase' and t.name not in (select l.name from tests.lookup_tables() l)
      and t.name not in ('organizations', 'users', 'model_prices')
      and not exists (
        select 1 from pg_attribute a where a.attrelid = t.oid and a.attname = 'app_code'
          and (a.attnotnull or t.name in ('components', 'workers', 'incident_switches')))$$,
  'every tenant table has app_code, not null except in tables with shared rows'
);
select is_empty(
  $$select t.name from our_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attname = 'app_code' and not a.attisdropped
    where t.schema_name = 'stepbase' and t.name <> 'applications'
      and not exists (
        select 1 from pg_constraint c
        where c.conrelid = t.oid and c.contype = 'f' and a.attnum = any (c.conkey))$$,
  'every app_code is part of a foreign key'
);
-- A foreign key between two tenant tables contains app_code, so that no row refers to another application. Exceptions:
-- components can be shared by another application; nodes refer to a version that has the app_code; the engine sets the
-- step run of a signal within its run.
select is_empty(
  $$select c.conrelid::regclass, c.conname
    from pg_constraint c
    join our_tables s on s.oid = c.conrelid and s.schema_name = 'stepbase' and not s.relispartition
    join pg_attribute sa on sa.attrelid = c.conrelid and sa.attname = 'app_code'
    join pg_attribute ta on ta.attrelid = c.confrelid and ta.attname = 'app_code'
    where c.contype = 'f' and c.conparentid = 0
      and not (sa.attnum = any (c.conkey) and ta.attnum = any (c.confkey))
      and c.confrelid not in ('stepbase.components'::regclass, 'stepbase.workflow_nodes'::regclass)
      and c.conname <> 'run_signals_step_run_id_fkey'$$,
  'foreign keys between tenant tables contain app_code'
);
-- The engine writes these tables at every run, step or item, so a foreign key that another one implies is only a cost.
select is_empty(
  $$select c.conrelid::regclass, c.conname
    from pg_constraint c
    join pg_constraint other on other.conrelid = c.conrelid and other.contype = 'f' and other.conkey @> c.conkey
      and other.oid <> c.oid
    where c.contype = 'f' and c.confrelid = 'stepbase.applications'::regclass
      and c.conrelid in (
        'stepbase.runs'::regclass, 'stepbase.step_runs'::regclass, 'stepbase.run_events'::regclass,
        'stepbase.run_signals'::regclass, 'stepbase.work_queue_items'::regclass
      )
      -- The other key always applies: none of its columns is null.
      and not exists (
        select 1 from pg_attribute a
        where a.attrelid = c.conrelid and a.attnum = any (other.conkey) and not a.attnotnull
      )$$,
  'tables with rows for each run have no foreign key to applications that another one implies'
);
-- Without an index on the referencing side, each delete in the referenced table reads the whole referencing table. An
-- index covers a foreign key if its first columns are those of the key, in any order, and its predicate at most leaves
-- out nulls of one of them. Keys of lookup tables never change, so an index would only slow down writes.
create temporary view uncovered_keys as
select c.conrelid::regclass as referencing, c.conname::text as name
from pg_constraint c
join our_tables s on s.oid = c.conrelid and not s.relispartition
join pg_class target on target.oid = c.confrelid
where c.contype = 'f' and c.conparentid = 0
  and target.relname not in (select l.name from tests.lookup_tables() l)
  and not exists (
    select 1 from pg_index i
    where i.indrelid = c.conrelid and i.indisvalid
      and (i.indkey::int2[])[0:array_length(c.conkey, 1) - 1] @> c.conkey
      and (i.indkey::int2[])[0:array_length(c.conkey, 1) - 1] <@ c.conkey
      and (
        i.indpred is null
        or exists (
          select 1 from unnest(c.conkey) k (attnum)
          join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
          where pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', a.attname)
        )
      )
  );
create temporary table allowed_keys (name text primary key, leading_column text not null, reason text not null);
insert into allowed_keys values
  ('step_runs_run_fkey', 'run_id', 'run_id identifies the run, and the unique key of step_runs starts with it'),
  ('run_events_run_fkey', 'run_id', 'run_id identifies the run, and the primary key of run_events starts with it');
select is_empty(
  $$select u.referencing, u.name from uncovered_keys u where u.name not in (select k.name from allowed_keys k)$$,
  'every foreign key has an index'
);
select is_empty(
  $$select k.name from allowed_keys k
    where not exists (
      select 1 from uncovered_keys u
      join pg_index i on i.indrelid = u.referencing and i.indpred is null
      join pg_attribute a on a.attrelid = u.referencing and a.attnum = i.indkey[0] and a.attname = k.leading_column
      where u.name = k.name)$$,
  'every exception is needed, and an index starts with its first column'
);
select is_empty(
  $$select 1 from pg_constraint c
    where c.contype = 'f' and c.conrelid = 'stepbase.step_runs'::regclass
      and c.confrelid = 'stepbase.workflow_nodes'::regclass$$,
  'step runs have no foreign key to nodes: saving a draft deletes nodes'
);
select is_empty(
  $$select t.name from our_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attname = 'updated_at'
    where t.schema_name = 'stepbase' and t.name not in ('runs', 'step_runs')
      and not exists (
        select 1 from pg_trigger g join pg_proc p on p.oid = g.tgfoid
        where g.tgrelid = t.oid and p.proname in ('touch_updated_at', 'stamp_updated_by'))$$,
  'a trigger sets updated_at, except in the tables that the engine writes'
);
select is_empty(
  $$select t.name, a.attname from our_tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    where t.schema_name in ('stepbase', 'stepbase_private', 'stepbase_engine')
      and a.atttypid = 'timestamp without time zone'::regtype$$,
  'every timestamp has a time zone'
);

select * from finish();
rollback;
