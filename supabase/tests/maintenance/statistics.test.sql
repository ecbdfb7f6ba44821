-- Maintenance refreshes statistics; members read those of their application only.

begin;
set local search_path = public, extensions;
select plan(14);
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
  $$select a.execution_count, a.success_count, a.failure_count, a.avg_duration_ms from stepbase.activity_statistics a
    where a.app_code = 'tap-one' and a.workflow_id is null$$,
  $$values (1::bigint, 1::bigint, 0::bigint, 300::bigint)$$, 'activity_statistics has one row for all workflows'
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

select * from finish();
rollback;
