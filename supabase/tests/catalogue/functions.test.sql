-- Rules for every function: a fixed search_path, a comment, explicit grants, no definer in the exposed schema.

begin;
set local search_path = public, extensions;
select plan(12);

create temporary view our_functions as
select p.oid, n.nspname as schema_name, p.oid::regprocedure::text as signature,
  p.prosecdef, p.proconfig, p.proacl, p.prokind
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine')
  and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e');

select isnt_empty('select 1 from our_functions', 'the view of functions is not empty');
select is_empty(
  $$select signature from our_functions where prokind <> 'a'
    and not coalesce(proconfig::text ~ 'search_path=("")?', false)$$,
  'every function has a fixed search_path'
);
select is_empty(
  $$select signature from our_functions
    where proconfig::text ~ 'enable_[a-z]+=off' and not proconfig @> array['jit=off']$$,
  'functions that disable planner methods also set jit = off, because before PostgreSQL 18 this raises every plan''s cost'
);
select is_empty(
  $$select signature from our_functions where prosecdef and schema_name = 'stepbase'$$, 'no function of the exposed schema is security definer'
);
select is_empty(
  $$select signature from our_functions where obj_description(oid, 'pg_proc') is null$$, 'every function has a comment'
);
select is_empty(
  $$select signature from our_functions where has_function_privilege('anon', oid, 'execute')$$,
  'anonymous users cannot execute any function'
);
select is_empty(
  $$select f.signature from our_functions f
    where f.proacl is null or exists (select 1 from aclexplode(f.proacl) a where a.grantee = 0)$$,
  'PUBLIC cannot execute any function'
);
select is_empty(
  $$select f.signature from our_functions f
    where f.schema_name = 'stepbase' and f.signature !~ 'hook\('
      and has_function_privilege('authenticated', f.oid, 'execute') = (
        split_part(split_part(f.signature, '(', 1), '.', 2) in (select o.name from tests.operator_functions() o)
      )$$,
  'signed-in users can execute every function of the exposed schema except the hooks and those of operators'
);
select is_empty(
  $$select f.signature from our_functions f
    where f.schema_name = 'stepbase_engine' and f.prosecdef
      and has_function_privilege('authenticated', f.oid, 'execute')$$,
  'clients cannot execute the definer functions of the engine'
);
select is_empty(
  $$select p.oid::regprocedure
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'stepbase_queue'
      and has_schema_privilege('authenticated', n.oid, 'usage')
      and has_function_privilege('authenticated', p.oid, 'execute')$$,
  'clients cannot execute functions of the queue'
);
select is_empty(
  $$select n.nspname from pg_namespace n
    where n.nspname in ('stepbase_private', 'stepbase_engine', 'stepbase_queue')
      and has_schema_privilege('anon', n.oid, 'usage')$$,
  'anonymous users have no usage on the unexposed schemas'
);
select is_empty(
  $$select n.nspname, r.role
    from pg_namespace n
    cross join (values ('anon'), ('authenticated'), ('service_role')) as r (role)
    where n.nspname in ('stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue')
      and has_schema_privilege(r.role, n.oid, 'create')$$,
  'no role of the API can create objects in these schemas'
);

select * from finish();
rollback;
