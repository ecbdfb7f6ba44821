-- Operators' SQL: which role may execute it, and that start_run_as makes the checks of start_run.

begin;
set local search_path = public, extensions;
select plan(
  17 + (
    select count(*)::int from tests.operator_functions() o
    cross join pg_roles r where r.rolname !~ '^pg_' and not r.rolsuper
  )
);
select tests.create_rows();

-- Every role of the server: the owner of Stepbase and, for some functions, the service role.
select is(
  has_function_privilege(r.oid, p.oid, 'execute'),
  pg_has_role(r.oid, p.proowner, 'usage') or (o.for_service_role and pg_has_role(r.oid, 'service_role', 'usage')),
  format('%s as %s', o.name, r.rolname)
)
from tests.operator_functions() o
join pg_proc p on p.proname = o.name and p.pronamespace = 'stepbase'::regnamespace
cross join pg_roles r
where r.rolname !~ '^pg_' and not r.rolsuper;

select is(tests.attempt(s.who, s.statement), s.answer, s.what)
from (
  values
    ('service', 'ok 1', 'the service role starts a run', $$select stepbase.start_run_as('tap-one', 'w-00d001')$$),
    ('owner', 'ok 1', 'the owner starts a run', $$select stepbase.start_run_as('tap-one', 'w-00d001')$$),
    ('service', '42501', 'the service role cannot start a run without the checks', $$select stepbase_private.start_run_in('tap-one', 'w-00d001', '{}', null, null, 0, 'manual', null)$$),
    ('owner', 'SB404', 'an unknown application is refused', $$select stepbase.start_run_as('nowhere', 'w-00d001')$$),
    ('owner', 'SB404', 'a null application is refused', $$select stepbase.start_run_as(null, 'w-00d001')$$),
    ('owner', 'SB404', 'an application has only its own workflows', $$select stepbase.start_run_as('tap-two', 'w-00d001')$$),
    ('owner', 'SB404', 'an unknown version is refused', $$select stepbase.start_run_as('tap-one', 'w-00d001', version => 9)$$),
    ('owner', 'SB400', 'a key of the engine is refused', $$select stepbase.start_run_as('tap-one', 'w-00d001', idempotency_key => 'database:1:1')$$),
    ('owner', 'SB400', 'a priority beyond 100 is refused', $$select stepbase.start_run_as('tap-one', 'w-00d001', priority => 101)$$),
    ('owner', 'SB422', 'an input that is no object is refused', $$select stepbase.start_run_as('tap-one', 'w-00d001', '[]')$$),
    ('owner', 'SB409', 'a key of a run with another input is refused', $$select stepbase.start_run_as('tap-one', 'w-00d001', '{"n": 1}', 'k'), stepbase.start_run_as('tap-one', 'w-00d001', '{"n": 2}', 'k')$$),
    ('owner', 'SB404', 'a deleted application is refused', $$update stepbase.applications set deleted_at = now() where app_code = 'tap-one'; select stepbase.start_run_as('tap-one', 'w-00d001')$$),
    ('owner', 'SB404', 'an application of a deleted organization is refused', $$update stepbase.organizations set deleted_at = now() where slug = 'tap-org'; select stepbase.start_run_as('tap-one', 'w-00d001')$$),
    ('owner', 'SB409', 'a workflow that is not runnable is refused', $$update stepbase.workflows set status = 'paused' where id = '00000000-0000-4000-8000-00000000d001'; select stepbase.start_run_as('tap-one', 'w-00d001')$$)
) s (who, answer, what, statement);

create temporary table started as
select (stepbase.start_run_as('tap-one', 'w-00d001', '{"n": 1}', 'nightly', priority => 5)).*;
select results_eq(
  $$select s.app_code, s.trigger_type, s.created_by, s.priority, s.status, s.input from started s$$,
  $$values ('tap-one', 'sql', null::uuid, 5::smallint, 'pending', '{"n": 1}'::jsonb)$$,
  'the run records that an operator''s SQL started it'
);
select is(
  (stepbase.start_run_as('tap-one', 'w-00d001', '{"n": 1}', 'nightly')).id, (select s.id from started s),
  'a repeated key returns the first run'
);
select isnt(
  (stepbase.start_run_as('tap-one', 'w-00d001', '{"n": 1}')).id, (select s.id from started s),
  'without a key each call starts a run'
);

select * from finish();
rollback;
