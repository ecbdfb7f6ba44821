-- test_workflow: a definition that is not published runs in a hidden workflow; a refused test writes no rows.

begin;
set local search_path = public, extensions;
select plan(10);
select tests.create_people();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');

create function pg_temp.kebab() returns text language sql
as $$ select w.kebab_name from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001' $$;
create function pg_temp.call(expression text, more text default '') returns text language sql
as $$
  select format(
    'select stepbase.test_workflow(%L, %L %s)', pg_temp.kebab(),
    jsonb_build_object('edges', '[]'::jsonb, 'nodes', jsonb_build_array(jsonb_build_object(
      'id', 'a', 'type', 'transform', 'data', jsonb_build_object('config', jsonb_build_object('expression', expression))
    ))), more
  )
$$;

select is(tests.attempt(s.who, pg_temp.call('1')), s.answer, 'test_workflow as ' || s.who || ': ' || s.answer)
from (values ('developer', 'ok 1'), ('viewer', 'SB403'), ('anon', '42501')) s (who, answer);
select tests.perform_as('developer', pg_temp.call('1'));
select is(
  (select count(*) from stepbase.workflow_versions v where v.workflow_id = '00000000-0000-4000-8000-00000000d001' and v.status = 'draft'),
  0::bigint, 'a test saves no draft'
);
select results_eq(
  $$select w.name, w.deleted_at is not null, v.status, r.tags, r.metadata ->> 'test_of'
    from stepbase.runs r
    join stepbase.workflows w on w.id = r.workflow_id
    join stepbase.workflow_versions v on v.id = r.workflow_version_id
    where w.kebab_name = 'test-of-' || pg_temp.kebab()$$,
  $$select 'Test of ' || w.name, true, 'published', '{test}'::text[], w.kebab_name
    from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001'$$,
  'the run has the tag test and belongs to a hidden workflow'
);
select tests.perform_as('developer', pg_temp.call('1'));
select is(
  (select count(*) from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
    where w.kebab_name = 'test-of-' || pg_temp.kebab()),
  1::bigint, 'tests of the same definition share a version'
);
select tests.perform_as('developer', pg_temp.call('2'));
select is(
  (select max(v.version) from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
    where w.kebab_name = 'test-of-' || pg_temp.kebab()),
  2, 'the version has the next number'
);
select is(
  tests.attempt('developer', pg_temp.call('1', $$, '{}', '{"required": ["x"]}'$$)), 'SB422', 'the input schema checks the input'
);
select is(tests.attempt('developer', pg_temp.call('')), 'SB423', 'a definition with problems is refused');
insert into stepbase.workflows (app_code, kebab_name, name) values ('tap-one', 'test-of-taken', 'Taken');
select is(
  tests.attempt('developer', replace(pg_temp.call('1'), pg_temp.kebab(), 'taken')), 'SB409',
  'a workflow that has the name of the hidden one is left alone'
);

select * from finish();
rollback;
