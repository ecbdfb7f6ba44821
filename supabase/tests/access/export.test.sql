-- export_application: every row of the application once, page by page, without secrets and other applications' rows.

begin;
set local search_path = public, extensions;
select plan(16);
select tests.create_tasks();
select tests.create_workflow('tap-three', gen_random_uuid());

-- All rows of a table, read in pages of one size.
create function pg_temp.exported(p_who text, p_table text, p_size int)
returns setof jsonb
language plpgsql
as $$
declare
  v_after jsonb;
  v_page jsonb;
begin
  loop
    perform tests.become(p_who);
    v_page := stepbase.export_application(p_table, v_after, p_size);
    perform tests.leave();
    return query select r.value from jsonb_array_elements(v_page -> 'rows') r;
    v_after := nullif(v_page -> 'next', 'null');
    exit when v_after is null;
  end loop;
end;
$$;
create function pg_temp.stored(p_table text)
returns bigint
language plpgsql
as $$
declare
  v_count bigint;
begin
  execute format('select count(*) from stepbase.%I where app_code = ''tap-one''', p_table) into v_count;
  return v_count;
end;
$$;

create temporary table pages as
select t.table_name, s.size, e.row
from stepbase_private.export_tables() t
cross join (values (1), (2), (1000)) s (size)
cross join lateral pg_temp.exported('admin', t.table_name, s.size) e (row)
-- The audit log grows with each call of the test.
where t.table_name <> 'audit_log';

select is_empty(
  $$select t.table_name, s.size from stepbase_private.export_tables() t cross join (values (1), (2), (1000)) s (size)
    where t.table_name <> 'audit_log'
      and pg_temp.stored(t.table_name)
        <> (select count(*) from pages p where p.table_name = t.table_name and p.size = s.size)$$,
  'pages of one, two or all rows have every row'
);
select is_empty(
  'select p.table_name, p.size, p.row from pages p group by p.table_name, p.size, p.row having count(*) > 1', 'and none of them twice'
);
select is_empty($$select 1 from pages p where p.row ->> 'app_code' is distinct from 'tap-one'$$, 'and no row of another application');
select isnt_empty($$select 1 from pages p where p.table_name = 'step_runs' and p.row ->> 'output' is not null$$, 'rows have their values');
select is_empty(
  $$select 1 from pages p where p.row ? 'key_hash' or p.row ? 'search'$$, 'no row has a hash of a key or a derived column'
);
select is(
  (select array_agg(t.table_name) @> '{applications,app_members,app_roles,runs,run_events,workflow_versions}' and not 'outbox' = any (array_agg(t.table_name))
   from stepbase_private.export_tables() t),
  true, 'the tables are those of the application, without the outbox'
);
select is(
  (select array_agg(a.row -> 'table_name') @> array['"workflows"'::jsonb] from pg_temp.exported('admin', 'audit_log', 3) a (row)), true,
  'the audit log is exported'
);

update stepbase.runs set input = jsonb_build_object('text', repeat(md5('x'), 100000)) where app_code = 'tap-one';
select is(
  jsonb_array_length(stepbase_private.export_page('tap-one', 'runs', null, 1000) -> 'rows'), 1, 'a page has at most 4 MB'
);
select is((select count(*) from pg_temp.exported('admin', 'runs', 1000)), pg_temp.stored('runs'), 'large rows follow on other pages');

select is(tests.attempt(t.who, t.statement), t.answer, t.what)
from (
  values
    ('admin', 'ok 1', 'without a table the answer has the names', 'select stepbase.export_application()'),
    ('admin', 'SB400', 'an unknown table is refused', $$select stepbase.export_application('outbox')$$),
    ('admin', 'SB400', 'a table of another schema is refused', $$select stepbase.export_application('pg_class')$$),
    ('admin', 'SB400', 'a cursor of another form is refused', $$select stepbase.export_application('runs', '["a", "b"]')$$),
    ('admin', 'SB400', 'a cursor is an array', $$select stepbase.export_application('runs', '{}')$$),
    ('admin', 'SB400', 'a page has at most 1000 rows', $$select stepbase.export_application('runs', null, 1001)$$),
    ('developer', 'SB403', 'a developer exports nothing', $$select stepbase.export_application('runs')$$)
) t (who, answer, what, statement);

select * from finish();
rollback;
