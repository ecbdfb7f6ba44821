-- Metrics: what is counted, with and without the label app.

begin;
set local search_path = public, extensions;
select plan(8);
select tests.create_tasks();

create function pg_temp.value(p_name text, p_labels jsonb default '{}', p_by_app boolean default false)
returns float8
language sql
as $$
  select sum(m.value) from stepbase_engine.metrics(p_by_app) m where m.name = p_name and m.labels @> p_labels;
$$;

select is(
  pg_temp.value('open_runs'),
  (select count(*)::float8 from stepbase.runs r where r.completed_at is null), 'all open runs are counted'
);
select is(
  pg_temp.value('open_runs', '{"status": "running", "app": "tap-one"}', true),
  (select count(*)::float8 from stepbase.runs r where r.app_code = 'tap-one' and r.status = 'running'),
  'by application, if this is wanted'
);
select is_empty(
  $$select 1 from stepbase_engine.metrics() m where m.labels ? 'app'$$, 'otherwise no metric names an application'
);
select is_empty(
  $$select m.name, m.labels from stepbase_engine.metrics() m group by 1, 2 having count(*) > 1$$, 'each series appears once'
);
delete from stepbase.outbox;
insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, created_at, quarantined_at)
values
  ('tap-one', 'run', tests.sample_id('run'), 'run.ended', now() - interval '90 seconds', null),
  ('tap-one', 'run', tests.sample_id('run'), 'run.ended', now() - interval '1 hour', now());
select is(pg_temp.value('outbox_messages', '{"state": "unpublished"}'), 1::float8, 'messages that wait are counted');
select is(pg_temp.value('outbox_messages', '{"state": "quarantined"}'), 1::float8, 'those in quarantine on their own');
select ok(
  pg_temp.value('outbox_oldest_seconds') between 90 and 3000, 'and do not count for the age of the oldest message'
);
create temporary table before as select pg_temp.value('dead_letters') as count;
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, steps_total, origin_run_id)
select r.app_code, r.workflow_id, r.workflow_version_id, 1, r.id
from stepbase.runs r where r.id = tests.sample_id('failed_run');
select is(pg_temp.value('dead_letters') - b.count, -1::float8, 'a run that was redriven is no dead letter') from before b;
select * from finish();
rollback;
