-- list_workflows: every workflow once in every order, filters, facts of the runs, and what a role may not read.

begin;
set local search_path = public, extensions;
select plan(23);
select tests.create_tasks();

-- Six more workflows of the same name, so that only the id orders them, and one of another application.
select tests.create_workflow('tap-one', ('00000000-0000-4000-8000-00000000d2' || lpad(n::text, 2, '0'))::uuid)
from generate_series(1, 6) n;
update stepbase.workflows set name = 'Same name', tags = '{billing}'
where id between '00000000-0000-4000-8000-00000000d201' and '00000000-0000-4000-8000-00000000d206';
update stepbase.workflows set status = 'archived' where id = '00000000-0000-4000-8000-00000000d206';
update stepbase.workflows set tags = '{billing,eu}', project_id = tests.sample_id('project'), description = 'Parcels to the sea.'
where id = '00000000-0000-4000-8000-00000000d205';

create function pg_temp.list(
  filter jsonb default '{}', sort text default 'name', cursor text default null, size int default 50
)
returns jsonb
language sql
as $$ select tests.perform_as('viewer', format('select stepbase.list_workflows(%L, %L, %L, %s)', filter, sort, cursor, size))::jsonb $$;
create function pg_temp.ids(answer jsonb)
returns uuid[]
language sql
as $$ select array(select (i ->> 'id')::uuid from jsonb_array_elements(answer -> 'items') i) $$;
create function pg_temp.paged(p_sort text, p_size int)
returns uuid[]
language plpgsql
as $$
declare
  v_page jsonb := pg_temp.list(sort => p_sort, size => p_size);
  v_ids uuid[] := pg_temp.ids(v_page);
begin
  while v_page ->> 'next_cursor' is not null loop
    v_page := pg_temp.list(sort => p_sort, cursor => v_page ->> 'next_cursor', size => p_size);
    v_ids := v_ids || pg_temp.ids(v_page);
  end loop;
  return v_ids;
end;
$$;

select is(pg_temp.paged(s.sort, 2), pg_temp.ids(pg_temp.list(sort => s.sort)), 'pages of two are the whole list by ' || s.sort)
from (values ('name'), ('-updated_at'), ('-last_run_at'), ('-open_runs'), ('-failed_runs')) s (sort);
select is(
  cardinality(pg_temp.paged('name', 4)),
  (select count(*)::int from stepbase.workflows where app_code = 'tap-one' and deleted_at is null and status <> 'archived'),
  'archived workflows are left out, all others are listed'
);
select is((pg_temp.ids(pg_temp.list(sort => '-open_runs')))[1], tests.sample_id('workflow'), 'most open runs first');
select is((pg_temp.ids(pg_temp.list(sort => '-failed_runs')))[1], tests.sample_id('workflow'), 'most failed runs first');
select is((pg_temp.ids(pg_temp.list(sort => '-last_run_at')))[1], tests.sample_id('workflow'), 'the latest run first');

select is(
  pg_temp.ids(pg_temp.list('{"status": ["archived"]}')), array['00000000-0000-4000-8000-00000000d206']::uuid[], 'by status'
);
select is(pg_temp.ids(pg_temp.list('{"tag": ["billing", "eu"]}')), array['00000000-0000-4000-8000-00000000d205']::uuid[], 'by all tags');
select is(
  pg_temp.ids(pg_temp.list(jsonb_build_object('project', tests.sample_id('project')))),
  array['00000000-0000-4000-8000-00000000d205']::uuid[], 'by project'
);
select is(pg_temp.ids(pg_temp.list('{"text": "parc"}')), array['00000000-0000-4000-8000-00000000d205']::uuid[], 'by the beginning of a word');
select is(pg_temp.ids(pg_temp.list('{"text": "00d20"}')), pg_temp.ids(pg_temp.list('{"tag": ["billing"]}')), 'by a part of the name in addresses');
select is(pg_temp.list() -> 'tags', '["billing", "eu"]', 'the tags in use');
select is((pg_temp.list('{"tag": ["eu"]}') ->> 'total')::int, 1, 'total counts the matches');

-- One run of each status; only the failed one counts for the success rate.
select is(i -> 'open_runs', '2', 'runs that are pending, running or paused are open')
from jsonb_array_elements(pg_temp.list() -> 'items') i where i ->> 'id' = tests.sample_id('workflow')::text;
select is(
  jsonb_build_array(i -> 'failed_runs', i -> 'counted_runs', i -> 'success_rate', jsonb_array_length(i -> 'results'), i -> 'has_draft'),
  '[1, 1, 0.0000, 3, true]', 'facts of the runs and of the draft'
)
from jsonb_array_elements(pg_temp.list() -> 'items') i where i ->> 'id' = tests.sample_id('workflow')::text;

update stepbase.app_roles set permissions = '{workflow:read}' where app_code = 'tap-one' and name = 'viewer';
select ok(
  not (i ? 'results') and not (i ? 'open_runs') and i -> 'next_start_at' = 'null', 'without run:read there are no facts of runs'
)
from jsonb_array_elements(pg_temp.list() -> 'items') i where i ->> 'id' = tests.sample_id('workflow')::text;

select is(tests.attempt('developer', s.statement), 'SB400', s.statement)
from (
  values
    ($$select stepbase.list_workflows('{"owner": "x"}')$$),
    ($$select stepbase.list_workflows(sort => 'age')$$),
    ($$select stepbase.list_workflows("cursor" => '["-open_runs", "", 1, "00000000-0000-4000-8000-00000000d205"]')$$),
    ($$select stepbase.list_workflows("cursor" => '["name", "", 1, "x"]')$$)
) s (statement);

select * from finish();
rollback;
