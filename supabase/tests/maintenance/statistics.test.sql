-- Maintenance refreshes statistics; members read those of their application only.

begin;
set local search_path = public, extensions;
select plan(21);
select tests.create_rows();
update stepbase.workflows set project_id = '00000000-0000-4000-8000-00000000d005' where id = '00000000-0000-4000-8000-00000000d001';
update stepbase.runs set status = 'running', started_at = now() where id = '00000000-0000-4000-8000-00000000d020';
update stepbase.runs set status = 'completed', completed_at = now() + interval '2 s', steps_completed = 2
where id = '00000000-0000-4000-8000-00000000d020';
insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type, attempt, status,
  context_version, started_at, completed_at)
select s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, 2, 'completed', 2, now(), now() + interval '300 ms'
from stepbase.step_runs s where s.id = '00000000-0000-4000-8000-00000000d021';
delete from stepbase.activity_statistics where app_code = 'tap-one';
select stepbase_engine.collect_statistics();
select lives_ok('select stepbase_engine.refresh_statistics()', 'refresh_statistics succeeds');
select lives_ok('select stepbase_engine.refresh_statistics()', 'refresh_statistics succeeds again');

select is(
  tests.perform_as('viewer', $$select s.total_runs || ' ' || s.completed_runs || ' ' || s.avg_duration_ms from stepbase.workflow_statistics() s$$),
  '1 1 2000', 'workflow_statistics returns the totals of a workflow'
);
select is(
  tests.perform_as('viewer',
    $$select s.workflows || ' ' || s.total_workflow_executions || ' ' || s.total_activity_executions || ' '
    || s.avg_execution_duration_ms from stepbase.project_statistics() s$$), '1 1 2 2000', 'project_statistics returns the totals of a project'
);
select results_eq(
  $$select a.execution_count, a.success_count, a.failure_count, a.avg_duration_ms, a.min_duration_ms
    from stepbase.activity_statistics a
    where a.app_code = 'tap-one' and a.workflow_id is null$$,
  $$values (2::bigint, 2::bigint, 0::bigint, 150::bigint, 1::bigint)$$, 'activity_statistics has one row for all workflows'
);
select ok(
  (select a.max_duration_ms from stepbase.activity_statistics a where a.app_code = 'tap-one' and a.workflow_id is null)
  between 270 and 330, 'the longest duration is at most 10 % off'
);
select is(
  (select count(*) from stepbase.activity_statistics a where a.app_code = 'tap-one' and a.workflow_id is not null),
  1::bigint, 'activity_statistics has one row for the workflow'
);
select is(tests.attempt(s.who, format('select * from stepbase.%I()', f.name)), s.answer, f.name || ' as ' || s.who || ': ' || s.answer)
from unnest(array['workflow_statistics', 'project_statistics']) f (name)
cross join (values ('foreigner', 'ok 0'), ('removed', 'ok 0'), ('anon', '42501')) s (who, answer);
select is(
  tests.attempt('admin', 'select * from stepbase_private.workflow_statistics'), '42501', 'clients cannot read the view itself'
);
select is(
  tests.attempt('admin', 'select stepbase_engine.refresh_statistics()'), '42501', 'clients cannot refresh the statistics'
);

-- The totals are those of the buckets: deleted runs stay in them, open ones are added.
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, input)
select w.app_code, w.id, w.published_version_id, '{}' from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001';
delete from stepbase.runs where id = '00000000-0000-4000-8000-00000000d020';
select stepbase_engine.refresh_statistics();
select is(
  tests.perform_as('viewer',
    $$select concat_ws(' ', s.total_runs, s.completed_runs, s.open_runs, s.avg_duration_ms) from stepbase.workflow_statistics() s$$),
  '2 1 1 2000', 'the totals have deleted and open runs'
);

-- Slices: three runs in the first minute, one in the second, one in the sixth.
create temporary table base as select date_trunc('minute', stepbase_engine.now()) - interval '30 minutes' as at;
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, input, status, started_at, completed_at)
select w.app_code, w.id, w.published_version_id, '{}', 'completed', b.at, b.at + s.seconds * interval '1 s'
from base b
cross join (values (10), (20), (30), (70), (300)) s (seconds)
cross join stepbase.workflows w
where w.id = '00000000-0000-4000-8000-00000000d001';
select is(
  stepbase_engine.slice_end(b.at + s.first * interval '1 minute', b.at + interval '1 hour', s.runs) - b.at, s.until, s.what
)
from base b
cross join (
  values
    (0, 2, interval '1 minute', 'a slice has at least a minute'),
    (1, 1, interval '5 minutes', 'it ends before the run that has no room'),
    (1, 2, interval '1 hour', 'or when its time is over')
) s (first, runs, until, what);
update stepbase_engine.statistics_progress p set settled_at = b.at from base b;
select is(
  stepbase_engine.collect_statistics(p_time => '20 seconds', p_runs => 1) -> 'runs',
  (select to_jsonb(count(*)) from stepbase.runs r, base b where r.completed_at >= b.at), 'slices collect every run once'
);
select is(
  (
    select array_agg(x.completed order by x.bucket_at)
    from (
      select k.bucket_at, sum(k.completed) as completed from stepbase_engine.statistics_buckets k, base b
      where k.step_id is null and k.bucket_at between b.at and b.at + interval '10 minutes'
      group by k.bucket_at
    ) x
  ), '{3,1,1}', 'in their minutes'
);

select * from finish();
rollback;
