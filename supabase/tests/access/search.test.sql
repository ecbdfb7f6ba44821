-- A search finds only rows that the caller may see, by each condition of a filter, and in pages.

begin;
set local search_path = public, extensions;
select plan(78);
select tests.create_tasks();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt(s.who, $$select 1 from stepbase.search_workflows('counting seed')$$), s.answer, 'search_workflows as ' || s.who || ': ' || s.answer)
from (
  values
    ('viewer', 'ok 3'), ('sister', 'ok 0'), ('foreigner', 'ok 0'), ('stranger', 'ok 0'), ('removed', 'ok 0'), ('anon', '42501')
) s (who, answer);
select is(
  tests.attempt(s.who, $$select 1 from jsonb_array_elements(stepbase.search_runs() -> 'items')$$), s.answer,
  'search_runs as ' || s.who || ': ' || s.answer
)
from (
  values
    ('viewer', 'ok 3'), ('sister', 'ok 0'), ('foreigner', 'ok 0'), ('stranger', 'SB403'), ('removed', 'SB403'), ('anon', '42501')
) s (who, answer);

-- Runs to find: of the workflow w-00d101, one minute after another.
update stepbase.workflows
set searchable_inputs = '{order_id,customer.id,flag}', name = 'Shipping parcels', description = 'Sends it''s goods.'
where id = '00000000-0000-4000-8000-00000000d101';
create function pg_temp.start(p_n int, p_input jsonb, p_tags text[], p_who text default 'developer')
returns void
language plpgsql
as $$
declare
  v_id uuid := tests.perform_as(p_who, format(
    'select (stepbase.start_run(%L, %L, %L, tags => %L)).id', 'w-00d101', p_input, 'find-' || p_n, p_tags
  ));
begin
  update stepbase.runs set created_at = '2020-01-01 00:00:00Z'::timestamptz + p_n * interval '1 minute' where id = v_id;
  update stepbase.run_values set created_at = '2020-01-01 00:00:00Z'::timestamptz + p_n * interval '1 minute' where run_id = v_id;
end;
$$;
select pg_temp.start(1, '{"order_id": 777, "customer": {"id": "c-1"}}', '{vip,eu}');
select pg_temp.start(2, '{"order_id": "777", "customer": {"id": "c-2"}}', '{vip}');
select pg_temp.start(3, '{"order_id": 777.0, "flag": true}', null, 'admin');
select pg_temp.start(4, '{"order_id": 778, "customer": [1]}', '{eu}');
select pg_temp.start(5, jsonb_build_object('order_id', repeat('x', 201)), null);
update stepbase.runs
set status = 'failed', started_at = created_at, completed_at = created_at, error = '{"code": "http_timeout", "message": "x"}'
where idempotency_key = 'find-4';

create function pg_temp.keys(p_filter jsonb, p_sort text default 'created_at')
returns text
language sql
as $$
  select string_agg(coalesce(substr(i.value ->> 'idempotency_key', 6), 'other'), ',' order by i.place)
  from jsonb_array_elements(
    tests.perform_as('viewer', format('select stepbase.search_runs(%L, %L)', p_filter, p_sort))::jsonb -> 'items'
  ) with ordinality i (value, place);
$$;
select is(pg_temp.keys(s.filter::jsonb), s.answer, s.filter)
from (
  values
    ('{"input": {"order_id": 777}}', '1,2,3'),
    ('{"input": {"order_id": "777"}}', '1,2,3'),
    ('{"input": {"order_id": 778}}', '4'),
    ('{"input": {"order_id": 7}}', null),
    ('{"input": {"customer.id": "c-1"}}', '1'),
    ('{"input": {"flag": true}}', '3'),
    ('{"input": {"order_id": 777, "customer.id": "c-2"}}', '2'),
    ('{"tag": "vip"}', '1,2'),
    ('{"tag": ["eu", "vip"]}', '1'),
    ('{"tag": "nowhere"}', null),
    ('{"tag": "eu", "status": "failed"}', '4'),
    ('{"idempotency_key": "find-2"}', '2'),
    ('{"idempotency_key": "find-2", "status": "failed"}', null),
    ('{"error_code": "http_timeout"}', '4'),
    ('{"status": "failed", "workflow": "w-00d101"}', '4'),
    ('{"status": ["pending", "failed"], "workflow": "w-00d101"}', '1,2,3,4,5'),
    ('{"status": ["pending", "failed"], "created_before": "2020-01-02"}', '1,2,3,4,5'),
    ('{"workflow": ["w-00d101", "w-00d102"]}', '1,2,3,4,5'),
    ('{"workflow": "w-00d101", "version": 1}', '1,2,3,4,5'),
    ('{"created_from": "2020-01-01T00:02:00Z", "created_before": "2020-01-01T00:04:00Z"}', '2,3'),
    ('{"created_by": "00000000-0000-4000-8000-00000000f001"}', '3'),
    ('{"trigger_type": ["schedule", "webhook"]}', null),
    ('{"trigger_type": "manual", "created_before": "2020-01-01T00:02:00Z"}', '1'),
    ('{"text": "shipp"}', '1,2,3,4,5'),
    ('{"text": "ship parcel"}', '1,2,3,4,5'),
    ('{"text": "it''s"}', '1,2,3,4,5'),
    ('{"text": "\"shipping parc\""}', '1,2,3,4,5'),
    ('{"text": "shipping -parcels"}', null),
    ('{"text": "elsewhere"}', null),
    ('{"status": null, "idempotency_key": "find-5"}', '5')
) s (filter, answer);
select is(pg_temp.keys('{"tag": "vip"}', '-created_at'), '2,1', 'the newest first');
select is(
  pg_temp.keys(jsonb_build_object('id', tests.sample_id('failed_run'))), 'other', 'by id'
);
select is(
  tests.perform_as('sister', $$select stepbase.search_runs('{"tag": "vip"}') -> 'items'$$), '[]', 'values of another application are not found'
);

select results_eq(
  $$select k.name collate "C" as name
    from jsonb_object_keys(tests.perform_as('viewer', 'select stepbase.search_runs()')::jsonb #> '{items,0}') k (name)
    order by name$$,
  $$select a.attname::text collate "C" as name
    from pg_attribute a
    where a.attrelid = 'stepbase.runs'::regclass and a.attnum > 0 and not a.attisdropped
      and a.attname <> all('{input,output,pending_outcome}'::name[])
    union all
    select unnest('{workflow,version,created_by_name,input_preview}'::text[])
    order by name$$,
  'an item has all columns of a run but the large ones, and what a list shows beside them'
);

-- Refusals.
select is(
  tests.attempt('viewer', format('select stepbase.search_runs(%L)', s.filter)), s.answer, 'refused: ' || s.filter
)
from (
  values
    ('[]', 'SB400'), ('{"state": "failed"}', 'SB400'), ('{"status": "done"}', 'SB400'), ('{"status": []}', 'SB400'),
    ('{"status": 1}', 'SB400'), ('{"id": "x"}', 'SB400'), ('{"created_from": "yesterday"}', 'SB400'),
    ('{"version": 1}', 'SB400'), ('{"workflow": "w-00d101", "version": 9}', 'SB404'), ('{"workflow": "nowhere"}', 'SB404'),
    ('{"input": {"undeclared": 1}}', 'SB400'), ('{"input": {"order_id": {}}}', 'SB400'), ('{"input": {}}', 'SB400'),
    (jsonb_build_object('text', repeat('a b c d e ', 11))::text, 'SB400')
) s (filter, answer);
select is(tests.attempt('viewer', $$select stepbase.search_runs(sort => 'id')$$), 'SB400', 'an unknown sort is refused');
select is(
  tests.attempt('viewer', $$select stepbase.search_runs("cursor" => '+2020-01-01T00:01:00.000000Z_00000000-0000-4000-8000-00000000d101')$$),
  'SB400', 'a cursor of the other order is refused'
);
select is(tests.attempt('viewer', $$select stepbase.search_runs("cursor" => 'x')$$), 'SB400', 'another text is refused as a cursor');

-- Pages: each run once, in order.
create function pg_temp.pages(p_filter jsonb, p_sort text, p_size int)
returns text
language plpgsql
as $$
declare
  v_page jsonb;
  v_cursor text;
  v_keys text;
begin
  for v_n in 1 .. 20 loop
    v_page := tests.perform_as(
      'viewer', format('select stepbase.search_runs(%L, %L, %L, %s)', p_filter, p_sort, v_cursor, p_size)
    );
    v_keys := concat_ws(
      ',', v_keys,
      (select string_agg(substr(i.value ->> 'idempotency_key', 6), ',' order by i.place)
       from jsonb_array_elements(v_page -> 'items') with ordinality i (value, place))
    );
    v_cursor := v_page ->> 'next_cursor';
    exit when v_cursor is null;
  end loop;
  return v_keys;
end;
$$;
select is(
  pg_temp.pages(s.filter::jsonb, s.sort, s.size), s.answer, format('pages of %s of %s by %s', s.size, s.filter, s.sort)
)
from (
  values
    ('{"workflow": "w-00d101"}', 'created_at', 2, '1,2,3,4,5'),
    ('{"workflow": "w-00d101"}', '-created_at', 2, '5,4,3,2,1'),
    ('{"status": ["failed", "pending"], "created_before": "2020-01-02"}', '-created_at', 1, '5,4,3,2,1'),
    ('{"input": {"order_id": 777}}', '-created_at', 1, '3,2,1'),
    ('{"tag": "vip"}', 'created_at', 1, '1,2')
) s (filter, sort, size, answer);

-- Plans: a filter that names few runs must not read the others in order.
create function pg_temp.plan_of(p_filter jsonb)
returns text
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_filter stepbase_private.run_filter := stepbase_private.read_filter('tap-one', p_filter);
  v_line text;
  v_plan text := '';
begin
  for v_line in
    execute 'explain (costs off) '
      || (
        select stepbase_private.run_scan(s.source, v_filter, true, false) from stepbase_private.run_sources(v_filter) s
      )
    using v_filter, 'find-2', null::timestamptz, null::uuid, 100
  loop
    v_plan := v_plan || v_line || e'\n';
  end loop;
  return v_plan;
end;
$$;
select doesnt_match(
  pg_temp.plan_of('{"idempotency_key": "find-2"}'), 'Presorted', 'a key is not looked for in the order of all runs'
);
select doesnt_match(
  pg_temp.plan_of(jsonb_build_object('id', tests.sample_id('failed_run'))), 'Presorted', 'nor are ids'
);

-- Of several values, the rarest one is the source.
select is(s.source || ' ' || s.value, v.source, v.filter || ': the value with the fewest runs comes first')
from (
  values
    ('{"tag": "vip", "input": {"order_id": 777}}', 't.path = ''#'' vip'),
    ('{"tag": "eu", "input": {"order_id": 778}}', 't.path = ''order_id'' 778')
) v (filter, source)
cross join lateral stepbase_private.run_sources(stepbase_private.read_filter('tap-one', v.filter::jsonb)) s;

-- A language for each application.
select is(
  tests.attempt('admin', $$select stepbase.update_application(search_language => 'klingon')$$), 'SB400', 'an unknown language is refused'
);
update stepbase.workflows set description = 'Versendet Pakete' where id = '00000000-0000-4000-8000-00000000d102';
select is(
  tests.attempt('viewer', $$select 1 from stepbase.search_workflows('paketen')$$), 'ok 0', 'English does not know German forms'
);
select is(
  tests.perform_as('admin', $$select (stepbase.update_application(search_language => 'german')).search_language$$), 'german',
  'an admin sets the language'
);
select is(
  tests.attempt('viewer', $$select 1 from stepbase.search_workflows('paketen')$$), 'ok 1', 'the words of existing workflows are in it, too'
);
select is(
  tests.attempt('owner', $$update stepbase.workflows set searchable_inputs = '{a b}'$$), '23514', 'a searchable input is a path'
);
select is(
  tests.attempt('owner', $$update stepbase.workflows set searchable_inputs = array_fill('a'::text, array[9])$$), '23514',
  'a workflow has at most eight'
);

select * from finish();
rollback;
