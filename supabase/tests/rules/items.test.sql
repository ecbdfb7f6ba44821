-- The items of a for_each: their counts, by place and in all, and their pages. An item counts with its last attempt.

begin;
set local search_path = public, extensions;
select plan(13);
select tests.create_rows();

-- Ten items, of which nine have started: item 7 (place 6) failed twice, item 3 needed a second attempt.
update stepbase.step_runs s set items_total = 10 where s.id = tests.sample_id('step_run');
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status, error, completed_at
)
select
  s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, i.item_index, i.attempt, i.status,
  case i.status when 'failed' then '{"code": "x"}'::jsonb end, now()
from stepbase.step_runs s
cross join (
  select n as item_index, 1 as attempt, case when n in (3, 7) then 'failed' else 'completed' end as status
  from generate_series(1, 9) n
  union all
  values (3, 2, 'completed'), (7, 2, 'failed')
) i
where s.id = tests.sample_id('step_run');

create function pg_temp.counted(p_buckets int)
returns jsonb
language plpgsql
as $$
declare
  v_answer jsonb;
begin
  perform tests.become('viewer');
  v_answer := stepbase.count_items(tests.sample_id('run'), 'first', p_buckets);
  perform tests.leave();
  return v_answer;
end;
$$;

create function pg_temp.listed(p_who text, p_arguments text)
returns text
language plpgsql
as $$
declare
  v_items text;
begin
  perform tests.become(p_who);
  execute format(
    'select string_agg(l.item_index || ''.'' || l.attempt, '' '' order by l.item_index)
     from stepbase.list_items(%L, %s) l', tests.sample_id('run'), p_arguments
  ) into v_items;
  perform tests.leave();
  return coalesce(v_items, 'none');
end;
$$;

select is(pg_temp.counted(5) -> 'total', '10', 'the total has the items that have not started');
select is(pg_temp.counted(5) -> 'counts', '{"completed": 8, "failed": 1}', 'an item counts with its last attempt');
select is(
  jsonb_path_query_array(pg_temp.counted(5), '$.buckets[*].counts'),
  '[{"completed": 2}, {"completed": 2}, {"completed": 2}, {"failed": 1, "completed": 1}, {"completed": 1}]',
  'the counts by place'
);
select is((pg_temp.counted(5) #> '{buckets,3}') - 'counts', '{"first": 6, "last": 7}', 'a bucket has its places, from 0');
select is((pg_temp.counted(3) #> '{buckets,2}') - 'counts', '{"first": 8, "last": 9}', 'the last bucket ends with the list');
select is(pg_temp.counted(500) -> 'bucket_size', '1', 'more buckets than items: one for each');
select is(
  tests.attempt('viewer', format('select stepbase.count_items(%L, ''none'')', tests.sample_id('run'))), 'ok 1',
  'a step without items has none'
);
select is(
  tests.attempt('viewer', format('select stepbase.count_items(%L, ''first'', 501)', tests.sample_id('run'))), 'SB400',
  'more than 500 buckets are refused'
);

select is(pg_temp.listed('viewer', $$'first'$$), '1.1 2.1 3.2 4.1 5.1 6.1 7.2 8.1 9.1', 'each item with its last attempt');
select is(pg_temp.listed('viewer', $$'first', 'failed'$$), '7.2', 'those of a status: not the attempts that were repeated');
select is(pg_temp.listed('viewer', $$'first', null, 2, 3$$), '3.2 4.1 5.1', 'the page after an item');
select is(
  tests.attempt('viewer', format('select stepbase.list_items(%L, ''first'', page_size => 1001)', tests.sample_id('run'))),
  'SB400', 'a page of more than 1,000 is refused'
);
select is(pg_temp.listed('viewer', $$'before'$$), 'none', 'another step has none');

select * from finish();
rollback;
