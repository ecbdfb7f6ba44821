-- A search finds only rows that the caller may see.

begin;
set local search_path = public, extensions;
select plan(14);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt(s.who, $$select 1 from stepbase.search_workflows('counting seed')$$), s.answer, 'search_workflows as ' || s.who || ': ' || s.answer)
from (
  values
    ('viewer', 'ok 3'), ('sister', 'ok 0'), ('foreigner', 'ok 0'), ('stranger', 'ok 0'), ('removed', 'ok 0'), ('anon', '42501')
) s (who, answer);
select is(tests.attempt(s.who, $$select 1 from stepbase.search_runs('seeds')$$), s.answer, 'search_runs as ' || s.who || ': ' || s.answer)
from (
  values ('viewer', 'ok 1'), ('sister', 'ok 0'), ('foreigner', 'ok 0'), ('removed', 'ok 0'), ('anon', '42501')
) s (who, answer);
select is(tests.attempt('viewer', $$select 1 from stepbase.search_runs('seeds', 'failed')$$), 'ok 0', 'search_runs filters by status');
select is(tests.attempt('viewer', $$select 1 from stepbase.search_runs('seeds', null, (now() - interval '1 day')::text)$$), 'ok 0', 'search_runs filters by time');
select is(tests.attempt('viewer', $$select 1 from stepbase.search_runs('trees')$$), 'ok 0', 'search_runs finds no run for other words');

select * from finish();
rollback;
