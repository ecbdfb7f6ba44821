-- read_overview: open runs by status, runs that stand still, and the oldest run that waits for its start.

begin;
set local search_path = public, extensions;
select plan(6);
select tests.create_tasks();

create function pg_temp.overview(who text)
returns jsonb
language sql
as $$ select tests.perform_as(who, 'select stepbase.read_overview()')::jsonb $$;

select is(pg_temp.overview('viewer') -> 'open_runs', '{"running": 2}', 'open runs by status; the failed run is not open');
select is(pg_temp.overview('viewer') -> 'stuck_runs', '[]', 'runs that wait for a person are not stuck');
select is(pg_temp.overview('viewer') #>> '{waiting_runs,runs}', '0', 'no run waits for its start');

-- A running run that changed two hours ago and whose timer is overdue.
update stepbase.runs r set created_at = t.at, started_at = t.at, updated_at = t.at
from (select stepbase_engine.now() - interval '2 hours' as at) t
where r.id = tests.sample_id('second_run');
update stepbase.step_runs s set wake_at = stepbase_engine.now() - interval '2 hours' where s.id = tests.sample_id('user_task');
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, created_at)
select '00000000-0000-4000-8000-00000000d099', r.app_code, r.workflow_id, r.workflow_version_id,
  stepbase_engine.now() - interval '4 minutes'
from stepbase.runs r where r.id = tests.sample_id('run');
select is(
  (pg_temp.overview('viewer') #> '{stuck_runs,0}') - 'since' - 'step' - 'minutes',
  jsonb_build_object('workflow', 'w-00d001', 'run_id', tests.sample_id('second_run'), 'status', 'running'),
  'a running run without a change for an hour is stuck'
);
select is((pg_temp.overview('viewer') #>> '{waiting_runs,runs}')::int, 1, 'a pending run waits for its start');
select is(pg_temp.overview('sister') -> 'stuck_runs', '[]', 'another application sees none of them');

select * from finish();
rollback;
