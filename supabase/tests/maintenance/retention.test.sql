-- Retention: partitions are created and dropped, and runs are pruned, by each application's settings.

begin;
set local search_path = public, extensions;
select plan(32);
-- An autovacuum of the same tables gives way after a second.
alter function stepbase_engine.lock_partitions(regclass[]) set lock_timeout = '20s';
select tests.create_rows();
update stepbase.runs
set status = 'running', started_at = now() where id = '00000000-0000-4000-8000-00000000d020';
update stepbase.runs
set status = 'completed', completed_at = now() where id = '00000000-0000-4000-8000-00000000d020';
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id)
select '00000000-0000-4000-8000-00000000d022', r.app_code, r.workflow_id, r.workflow_version_id
from stepbase.runs r where r.id = '00000000-0000-4000-8000-00000000d020';
update stepbase.applications set run_retention_days = 30, event_retention_days = 400 where app_code = 'tap-one';
-- Prevents the applications of the seed from keeping partitions longer.
update stepbase.applications set event_retention_days = 30 where app_code not like 'tap-%';

create function pg_temp.month(table_name text, ahead integer)
returns text
language sql
as $$
  select 'stepbase_engine.' || table_name || to_char(date_trunc('month', stepbase_engine.now() at time zone 'UTC') + ahead * interval '1 month', '_YYYY_MM')
$$;

select stepbase_engine.ensure_partitions();
select isnt(to_regclass(pg_temp.month('run_events', n)), null, format('run_events has a partition for month %s', n)) from unnest(array[0, 3]) n;
select isnt(to_regclass(pg_temp.month('audit_log', n)), null, format('audit_log has a partition for month %s', n)) from unnest(array[0, 3]) n;
select is(stepbase_engine.ensure_partitions(), 0, 'ensure_partitions creates nothing the second time');
select is(stepbase_engine.ensure_partitions(5), 4, 'ensure_partitions(5) creates two more months of two tables');
select is(
  (select relrowsecurity from pg_class where oid = to_regclass(pg_temp.month('run_events', 5))), true, 'a new partition has row-level security'
);
select is(
  tests.attempt('admin', format('select 1 from %s', pg_temp.month('run_events', 0))), '42501', 'a client cannot read a partition directly'
);

select is(stepbase_engine.prune_runs(), 0, 'prune_runs deletes no recent run');
select stepbase_engine.advance_clock('31 days');
select is(
  (select count(*) from stepbase.runs r where r.app_code = 'tap-one'
    and r.completed_at < stepbase_engine.now() - interval '30 days'), 1::bigint, 'a month later one run exceeds the retention'
);
-- The relay and open parents still need old runs.
insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.ended');
select stepbase_engine.prune_runs();
select isnt_empty(
  $$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d020'$$, 'prune_runs keeps a run that the relay has not announced'
);
update stepbase.outbox set published_at = stepbase_engine.now() where aggregate_id = '00000000-0000-4000-8000-00000000d020';
update stepbase.runs
set parent_run_id = '00000000-0000-4000-8000-00000000d022', parent_close_policy = 'abandon'
where id = '00000000-0000-4000-8000-00000000d020';
select stepbase_engine.prune_runs();
select isnt_empty(
  $$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d020'$$, 'prune_runs keeps a child of an open run'
);
update stepbase.runs set parent_run_id = null, parent_close_policy = null where id = '00000000-0000-4000-8000-00000000d020';
select cmp_ok(stepbase_engine.prune_runs(), '>=', 1, 'prune_runs deletes the old run');
select is_empty($$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d020'$$, 'the old run no longer exists');
select is_empty(
  $$select 1 from stepbase.run_events where run_id = '00000000-0000-4000-8000-00000000d020'
    union all select 1 from stepbase.run_context where run_id = '00000000-0000-4000-8000-00000000d020'
    union all select 1 from stepbase.step_runs where run_id = '00000000-0000-4000-8000-00000000d020'$$,
  'the events, context and steps of the old run no longer exist'
);
select isnt_empty($$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d022'$$, 'prune_runs keeps an open run of any age');

-- A fraction of a day.
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, status, started_at, completed_at)
select '00000000-0000-4000-8000-00000000d023', r.app_code, r.workflow_id, r.workflow_version_id, 'completed', n.at, n.at
from stepbase.runs r cross join (select stepbase_engine.now() as at) n where r.id = '00000000-0000-4000-8000-00000000d022';
update stepbase.applications set run_retention_days = 0.25 where app_code = 'tap-one';
select stepbase_engine.advance_clock('5 hours');
select stepbase_engine.prune_runs();
select isnt_empty(
  $$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d023'$$, 'a run is kept for the six hours of its application'
);
select stepbase_engine.advance_clock('2 hours');
select cmp_ok((stepbase_engine.prune() ->> 'runs')::int, '>=', 1, 'prune reports how many runs it deleted');
select is_empty(
  $$select 1 from stepbase.runs where id = '00000000-0000-4000-8000-00000000d023'$$, 'a run is deleted after the six hours of its application'
);
update stepbase.applications set run_retention_days = 30 where app_code = 'tap-one';

-- Items of work queues are kept while they wait, and after that as long as runs.
select is(stepbase_engine.prune_work_items(), 0, 'prune_work_items keeps a waiting item');
update stepbase.work_queue_items i set status = 'done', taken_at = stepbase_engine.now(), done_at = stepbase_engine.now()
where i.app_code = 'tap-one';
select is(stepbase_engine.prune_work_items(), 0, 'prune_work_items keeps a recently finished item');
update stepbase.work_queue_items i set done_at = stepbase_engine.now() - interval '31 days' where i.app_code = 'tap-one';
select cmp_ok(stepbase_engine.prune_work_items(), '>=', 1, 'prune_work_items deletes an old item');

-- Events are as old as their run at most.
update stepbase.runs set created_at = stepbase_engine.now() - interval '301 days' where id = '00000000-0000-4000-8000-00000000d022';
-- Events of a month without a partition are stored in the default partition and moved to their own later.
insert into stepbase.run_events (run_id, seq, app_code, event_type, created_at)
values ('00000000-0000-4000-8000-00000000d022', 1, 'tap-one', 'run.created', stepbase_engine.now() - interval '300 days');
select is((select count(*) from stepbase_engine.run_events_default), 1::bigint, 'an event of a month without a partition is stored in the default partition');
select stepbase_engine.ensure_partitions();
select is((select count(*) from stepbase_engine.run_events_default), 0::bigint, 'ensure_partitions moves the event to the partition of its month');
select stepbase_engine.drop_partitions();
select is(
  (select count(*) from stepbase.run_events e where e.run_id = '00000000-0000-4000-8000-00000000d022'), 1::bigint,
  'drop_partitions keeps a month within the retention of an application'
);
-- An application without a run from that time has no events in it, however long it keeps them.
update stepbase.applications set event_retention_days = 60 where app_code = 'tap-one';
update stepbase.applications set event_retention_days = 400 where app_code = 'tap-two';
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');
insert into stepbase.runs (app_code, workflow_id, workflow_version_id)
select v.app_code, v.workflow_id, v.id from stepbase.workflow_versions v where v.app_code = 'tap-two';
select is(
  (select min(r.created_at) > stepbase_engine.now() - interval '60 days' from stepbase.runs r where r.app_code = 'tap-two'), true,
  'another application has only recent runs'
);
select cmp_ok(stepbase_engine.drop_partitions(), '>=', 1, 'drop_partitions drops a month beyond the retention of all applications');
select is(
  (select count(*) from stepbase.run_events e where e.run_id = '00000000-0000-4000-8000-00000000d022'), 0::bigint, 'the events of a dropped month no longer exist'
);

-- Another application with one old run, after one with many.
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d099');
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, status, started_at, completed_at)
select r.app_code, r.workflow_id, r.workflow_version_id, 'completed', o.at, o.at
from stepbase.runs r
cross join generate_series(1, 40)
cross join (select stepbase_engine.now() - interval '300 days' as at) o
where r.id = '00000000-0000-4000-8000-00000000d022';
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, status, started_at, completed_at)
select v.app_code, v.workflow_id, v.id, 'completed', o.at, o.at
from stepbase.workflow_versions v cross join (select stepbase_engine.now() - interval '299 days' as at) o
where v.workflow_id = '00000000-0000-4000-8000-00000000d099';
select count(stepbase_engine.prune_runs(1)) from generate_series(1, 30);
select is(
  (select count(*) from stepbase.runs r where r.app_code = 'tap-two' and r.completed_at < stepbase_engine.now() - interval '298 days'),
  0::bigint, 'many old runs of an application do not delay those of another'
);

-- A call of maintain() that changes partitions does nothing else, because its locks stay until its transaction ends.
do $$
begin
  execute format(
    'drop table stepbase_engine.audit_log%s', to_char(stepbase_engine.now() at time zone 'UTC' + interval '1 month', '_YYYY_MM')
  );
end;
$$;
select is(
  stepbase_engine.maintain(), '{"partitions_made": 1, "partitions_dropped": 0}'::jsonb,
  'maintain() creates a missing partition and does nothing else'
);
select is(stepbase_engine.maintain() ? 'pruned', true, 'the next call does the other parts');

-- A lock timeout while partitions are changed does not prevent the other parts.
create or replace function stepbase_engine.drop_partitions() returns int language plpgsql set search_path = '' as $$
begin
  raise lock_not_available using message = 'no lock';
end;
$$;
select is(
  (select array[m ->> 'partitions_error', (m ? 'pruned')::text] from stepbase_engine.maintain() m), array['no lock', 'true'],
  'maintain() reports that it changed no partition, and does the other parts'
);

select * from finish();
rollback;
