-- Which functions an operator can allow to sql_function steps, and what the role that calls them may do.

begin;
set local search_path = public, extensions;
select plan(30);
select tests.create_people();

create function public.tap_plain(a int, b text default 'x') returns text language sql stable as 'select b || a';
create function public.tap_unnamed(int) returns int language sql stable as 'select 1';
create function public.tap_half(a int, text) returns int language sql stable as 'select 1';
create function public.tap_variadic(variadic a int[]) returns int language sql stable as 'select 1';
create function public.tap_any(a anyelement) returns int language sql stable as 'select 1';
create function public.tap_record(a int) returns record language sql stable as 'select 1, 2';
create function public.tap_columns(a int, out b int, inout c int) language sql stable as 'select a, c';
create function public.tap_trigger() returns trigger language plpgsql as 'begin return null; end';
create procedure public.tap_procedure(a int) language sql as 'select 1';
create aggregate public.tap_aggregate(int) (sfunc = int4pl, stype = int);

select is(tests.attempt('owner', format('select stepbase.allow_function(%L)', s.name)), s.answer, s.what)
from (
  values
    ('a function with named arguments can be allowed', 'ok 1', 'public.tap_plain(int, text)'),
    ('results are no arguments', 'ok 1', 'public.tap_columns(int, int)'),
    ('an argument without a name is refused', 'SB400', 'public.tap_unnamed(int)'),
    ('one of two arguments without a name is refused', 'SB400', 'public.tap_half(int, text)'),
    ('a variadic argument is refused', 'SB400', 'public.tap_variadic(int[])'),
    ('an argument of any type is refused', 'SB400', 'public.tap_any(anyelement)'),
    ('a record without columns is refused', 'SB400', 'public.tap_record(int)'),
    ('a trigger function is refused', 'SB400', 'public.tap_trigger()'),
    ('a procedure is refused', 'SB400', 'public.tap_procedure(int)'),
    ('an aggregate is refused', 'SB400', 'public.tap_aggregate(int)'),
    ('a function of PostgreSQL is refused', 'SB403', 'pg_catalog.pg_sleep(double precision)'),
    ('a function of Stepbase is refused', 'SB403', 'stepbase_engine.now()'),
    ('a function of Supabase is refused', 'SB403', 'auth.uid()')
) s (what, answer, name);
select is(
  tests.attempt('owner', $$select stepbase.allow_function('public.tap_plain(int, text)', 'nowhere')$$), 'SB404',
  'an unknown application is refused'
);
select is(
  tests.attempt('owner', $$select stepbase.disallow_function('public.tap_plain(int, text)')$$), 'SB404',
  'a function that was not allowed cannot be disallowed'
);

-- The grants follow the entries.
revoke execute on function public.tap_plain(int, text) from public;
select stepbase.allow_function('public.tap_plain(int, text)', 'tap-one');
select stepbase.allow_function('public.tap_plain(int, text)');
select ok(
  has_function_privilege('stepbase_functions', 'public.tap_plain(int, text)', 'execute'), 'the role may execute an allowed function'
);
select results_eq(
  $$select f.name, f.signature, f.app_code, f.is_present
    from stepbase.allowed_functions f order by f.app_code nulls first$$,
  $$values ('public.tap_plain', 'public.tap_plain(integer,text)', null, true),
    ('public.tap_plain', 'public.tap_plain(integer,text)', 'tap-one', true)$$,
  'the list shows the functions'
);
select stepbase.disallow_function('public.tap_plain(int, text)', 'tap-one');
select ok(
  has_function_privilege('stepbase_functions', 'public.tap_plain(int, text)', 'execute'), 'an entry for all applications keeps the privilege'
);
select stepbase.disallow_function('public.tap_plain(int, text)');
select ok(
  not has_function_privilege('stepbase_functions', 'public.tap_plain(int, text)', 'execute'), 'the last entry takes the privilege along'
);

-- One entry for each name: the last overload counts, and an entry of the application comes first.
create function public.tap_plain(a text) returns text language sql stable as 'select a';
select stepbase.allow_function('public.tap_plain(int, text)');
select stepbase.allow_function('public.tap_plain(text)');
select results_eq(
  $$select f.signature from stepbase.allowed_functions f$$, $$values ('public.tap_plain(text)')$$, 'of overloaded functions the last one counts'
);

-- The role.
select is(
  (
    select array[
      r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolbypassrls, r.rolreplication
    ]
    from pg_roles r where r.rolname = 'stepbase_functions'
  ),
  array_fill(false, array[7]), 'the role has no attribute of an administrator and cannot log in'
);
select is_empty(
  $$select m.roleid::regrole from pg_auth_members m where m.member = 'stepbase_functions'::regrole$$, 'it is a member of no role'
);
select is_empty(
  $$select n.nspname from pg_namespace n
    where n.nspname in (
      'stepbase', 'stepbase_private', 'stepbase_engine', 'stepbase_queue', 'vault', 'storage', 'cron'
    ) and has_schema_privilege('stepbase_functions', n.oid, 'usage, create')$$,
  'it reaches no schema of Stepbase, Vault, Storage or pg_cron'
);
select is(
  (select p.proowner::regrole::text from pg_proc p where p.oid = 'stepbase_engine.execute_call'::regproc),
  'stepbase_functions', 'calls have its rights'
);
select is_empty(
  $$select a.grantee::regrole from pg_proc p cross join lateral aclexplode(p.proacl) a
    where p.oid = 'stepbase_engine.execute_call'::regproc
      and a.grantee not in (
        'stepbase_functions'::regrole,
        (select c.proowner from pg_proc c where c.oid = 'stepbase_engine.call_function'::regproc)
      )$$,
  'only the owner of Stepbase makes them'
);
select is_empty(
  $$select r.rolname from pg_roles r
    where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'stepbase_worker')
      and pg_has_role(r.oid, 'stepbase_functions', 'member')$$,
  'no role of the API and no worker can become the role'
);

-- Without the role as its owner, execute_call would give a function the rights of Stepbase.
create function pg_temp.unrestricted(statement text)
returns text
language plpgsql
as $$
begin
  begin
    execute 'alter function stepbase_engine.execute_call(text, jsonb, boolean) owner to current_user';
    execute statement;
    return 'done';
  exception when others then
    return sqlstate;
  end;
end
$$;
select is(
  pg_temp.unrestricted($$select stepbase.allow_function('public.tap_plain(text)')$$), 'SB409',
  'no function is allowed if calls would have the rights of Stepbase'
);
select is(
  pg_temp.unrestricted($$select stepbase_engine.require_restricted_calls()$$), 'SB409', 'and none is called'
);

-- Whole names: the statement quotes them.
create schema "tap ""s";
create function "tap ""s"."f;--"("a b" int default 1) returns int language sql stable as 'select "a b" + 1';
select stepbase.allow_function('"tap ""s"."f;--"(int)');
select is(
  (select c.statement from stepbase_engine.call_statement('"tap ""s"."f;--"(int)'::regprocedure, '{"a b": 2}') c),
  'select to_jsonb(r.*) from jsonb_to_record($1) as a ("a b" integer), lateral "tap ""s"."f;--"("a b" => a."a b") as r',
  'the statement quotes names'
);
select throws_ok(
  $$select stepbase_engine.call_statement('"tap ""s"."f;--"(int)'::regprocedure, '{"x); drop table y": 2}')$$,
  'SB400', null, 'a name that is no argument is refused'
);

select * from finish();
rollback;
