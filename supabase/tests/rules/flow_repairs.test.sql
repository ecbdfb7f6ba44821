-- reconcile_flow looks at a page of each table, and continues there in the next call.

begin;
set local search_path = public, extensions;
select plan(12);
select tests.create_rows();
delete from stepbase.workflow_flow_controls where true;
delete from stepbase_engine.flow_changes where true;
delete from stepbase_engine.flow_backlog where true;
delete from stepbase_engine.batch_items where true;
delete from stepbase_engine.flow_holds where true;
update stepbase_engine.repair_places set
  app_code = default, stage = default, after_at = default, after_id = default, after_place = default
where true;

-- 25 rows of runs that do not exist, and one of a pending run.
insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
select gen_random_uuid(), 'tap-one', tests.sample_id('workflow'), 'throttle', gen_random_uuid(), 0 from generate_series(1, 25);
create temporary table pending as
select r.id
from stepbase.workflows w
cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, '{}') r
where w.id = tests.sample_id('workflow');
insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
select p.id, 'tap-one', tests.sample_id('workflow'), 'throttle', gen_random_uuid(), 0 from pending p;
insert into stepbase_engine.batch_items (run_id, place, item)
select md5('batch' || n % 5)::uuid, n, '{}' from generate_series(1, 25) n;
insert into stepbase_engine.flow_holds (key_id, app_code, workflow_id, run_id, opened_at)
select gen_random_uuid(), 'tap-one', tests.sample_id('workflow'), gen_random_uuid(), stepbase_engine.now() - interval '2 hours'
from generate_series(1, 25);

select stepbase_engine.reconcile_flow(10);
select cmp_ok((select count(*) from stepbase_engine.flow_backlog), '>=', 16::bigint, 'a call removes at most a page of the backlog');
select is((select count(*) from stepbase_engine.batch_items), 15::bigint, 'of the items of batches');
select is((select count(*) from stepbase_engine.flow_holds), 15::bigint, 'and of the holds');
select is(
  (select string_agg(h.kind || ' ' || h.stage, ', ') from stepbase_engine.flow_changes h where h.app_code = 'tap-one'),
  'throttle lines', 'and has lines looked at'
);
select stepbase_engine.reconcile_flow(10);
select stepbase_engine.reconcile_flow(10);
select results_eq(
  'select b.run_id from stepbase_engine.flow_backlog b', 'select p.id from pending p', 'the next calls remove the rest, and leave pending runs'
);
select is((select count(*) from stepbase_engine.batch_items), 0::bigint, 'all items are removed');
select is((select count(*) from stepbase_engine.flow_holds), 0::bigint, 'all holds are removed');

-- After the last page the first one follows.
insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
values ('00000000-0000-4000-8000-000000000001', 'tap-one', tests.sample_id('workflow'), 'throttle', gen_random_uuid(), 0);
select stepbase_engine.reconcile_flow(10);
select stepbase_engine.reconcile_flow(10);
select is((select count(*) from stepbase_engine.flow_backlog), 1::bigint, 'a row in front of the last page is seen in the next round');

-- Runs that started while a key was being set.
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, input, status, started_at)
select w.app_code, w.id, w.published_version_id, '{}', 'running', now()
from stepbase.workflows w
cross join generate_series(1, 25)
where w.id = tests.sample_id('workflow');
insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count)
values ('tap-one', tests.sample_id('workflow'), 'concurrency', 1);
delete from stepbase_engine.flow_changes where true;
create function pg_temp.missed()
returns bigint
language sql
as $$
  select count(*) from stepbase.runs r
  where r.workflow_id = tests.sample_id('workflow') and r.status = 'running' and r.started_at is not null
    and not exists (select 1 from stepbase_engine.run_slots s where s.run_id = r.id and s.is_key)
$$;
create temporary table before as select pg_temp.missed() as runs;
select cmp_ok((select b.runs from before b), '>=', 25::bigint, 'runs in flight have no slot of a key');
select stepbase_engine.repair_key_slots(10);
select cmp_ok(pg_temp.missed(), '>=', (select b.runs - 10 from before b), 'a call counts at most a page of them');
select stepbase_engine.repair_key_slots(1000);
select is(pg_temp.missed(), 0::bigint, 'the next one counts the rest');
select is(
  (select p.stage || p.app_code from stepbase_engine.repair_places p where p.task = 'runs'), '', 'and begins again with the first application'
);

select * from finish();
rollback;
