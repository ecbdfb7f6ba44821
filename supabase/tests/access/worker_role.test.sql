-- The role stepbase_worker: its limits, and that it may do what the functions need and nothing else.

begin;
set local search_path = public, extensions;
select plan(10);

select is(
  (select array[r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls, r.rolreplication]
   from pg_roles r where r.rolname = 'stepbase_worker'),
  array_fill(false, array[6]), 'the role has no attribute of an administrator and inherits nothing'
);
select set_eq(
  $$select unnest(s.setconfig) from pg_db_role_setting s
    where s.setdatabase = 0 and s.setrole = 'stepbase_worker'::regrole$$,
  array['statement_timeout=15s', 'lock_timeout=5s', 'idle_in_transaction_session_timeout=30s'],
  'the server limits its statements'
);
select set_eq(
  $$select m.roleid::regrole::text from pg_auth_members m where m.member = 'stepbase_worker'::regrole$$,
  array['authenticated'], 'it may become a signed-in user, and no other role'
);

create temporary view executable as
select n.nspname || '.' || p.proname as name, p.prosecdef, p.proacl, p.oid
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue')
  and has_schema_privilege('stepbase_worker', n.oid, 'usage')
  and has_function_privilege('stepbase_worker', p.oid, 'execute');

select set_eq(
  'select name from executable',
  $$select unnest(stepbase_engine.worker_functions()) union all select 'stepbase_queue.job_now'$$,
  'it may execute the functions that it calls'
);
select is_empty(
  $$select name from executable where not prosecdef and name <> 'stepbase_queue.job_now'$$,
  'they run with the privileges of their owner'
);
select is_empty(
  $$select e.name from executable e cross join lateral aclexplode(e.proacl) a
    where e.name like 'stepbase_engine.%'
      and a.grantee <> 'stepbase_worker'::regrole
      and a.grantee <> (select p.proowner from pg_proc p where p.oid = e.oid)$$,
  'no other role may execute those of the engine'
);

create temporary view reachable as
select n.nspname, c.relname, x.privilege
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as x (privilege)
where c.relkind in ('r', 'p', 'v', 'm')
  and n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue', 'auth', 'realtime', 'vault')
  and has_table_privilege('stepbase_worker', c.oid, x.privilege);

select is_empty(
  $$select * from reachable where nspname <> 'stepbase_queue'$$, 'it reaches no table outside of the queue'
);
select set_eq(
  $$select relname::text, privilege from reachable$$,
  $$values ('version', 'select'), ('queue', 'select'),
    ((select q.table_name from stepbase_queue.queue q where q.name = 'steps'), 'select')$$,
  'of the queue it reads jobs, queues and the version'
);
select set_eq(
  $$select a.attname::text from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relname = (select q.table_name from stepbase_queue.queue q where q.name = 'steps')
      and a.attnum > 0 and not a.attisdropped
      and has_column_privilege('stepbase_worker', a.attrelid, a.attnum, 'update')$$,
  array['state', 'started_on', 'heartbeat_on', 'retry_count'], 'and leases jobs'
);

select ok(
  not pg_has_role('stepbase_worker', 'service_role', 'member'), 'it cannot become the service role'
);

select * from finish();
rollback;
