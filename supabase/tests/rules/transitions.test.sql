-- Only the changes of status in the transition tables are possible, and timestamps agree with the status.

begin;
set local search_path = public, extensions;
select plan(24);
select tests.create_rows();

select is(tests.attempt('owner', format(
  'update stepbase.runs set status = %L where id = ''00000000-0000-4000-8000-00000000d020''', s.status)), s.answer, 'run pending → ' || s.status || ': ' || s.answer)
from (values ('timed_out', 'SB409'), ('paused', 'ok 1'), ('running', '23514'), ('nonsense', 'SB409')) s (status, answer);
select is(tests.attempt('owner', $$update stepbase.runs set status = 'running', started_at = now()
  where id = '00000000-0000-4000-8000-00000000d020'$$), 'ok 1', 'a run can start with started_at');
update stepbase.runs set status = 'running', started_at = now() where id = '00000000-0000-4000-8000-00000000d020';
select is(tests.attempt('owner', $$update stepbase.runs set status = 'completed'
  where id = '00000000-0000-4000-8000-00000000d020'$$), '23514', 'a run cannot end without completed_at');
select is(tests.attempt('owner', $$update stepbase.runs set status = 'completed', completed_at = started_at - interval '1 s'
  where id = '00000000-0000-4000-8000-00000000d020'$$), '23514', 'a run cannot end before its start');
update stepbase.runs set status = 'completed', completed_at = started_at + interval '1500 ms'
where id = '00000000-0000-4000-8000-00000000d020';
select is((select r.duration_ms from stepbase.runs r where r.id = '00000000-0000-4000-8000-00000000d020'), 1500::bigint, 'the duration of a run is computed');
select is(tests.attempt('owner', $$update stepbase.runs set status = 'running', completed_at = null
  where id = '00000000-0000-4000-8000-00000000d020'$$), 'SB409', 'a run that has ended cannot run again');

select is(tests.attempt('owner', format(
  'update stepbase.step_runs set status = %L where id = ''00000000-0000-4000-8000-00000000d021''', s.status)), s.answer, 'step pending → ' || s.status || ': ' || s.answer)
from (values ('completed', 'SB409'), ('waiting', 'SB409'), ('failed', 'SB409'), ('ready', 'ok 1'), ('skipped', '23514')) s (status, answer);

select is(tests.attempt('owner', format(
  'update stepbase.workflows set status = %L where id = ''00000000-0000-4000-8000-00000000d001''', s.status)), s.answer, 'workflow published → ' || s.status || ': ' || s.answer)
from (values ('draft', 'SB409'), ('paused', 'ok 1'), ('archived', 'ok 1'), ('nonsense', 'SB409')) s (status, answer);
select is(
  tests.attempt('developer', $$update stepbase.workflows set status = 'paused' where id = '00000000-0000-4000-8000-00000000d001'$$),
  'ok 1', 'a developer can pause a workflow'
);
insert into stepbase.workflows (id, app_code, kebab_name, name, created_by)
values ('00000000-0000-4000-8000-00000000d301', 'tap-one', 'empty', 'Empty', null);
select is(
  tests.attempt('owner', $$update stepbase.workflows set status = 'published' where kebab_name = 'empty' and app_code = 'tap-one'$$),
  '23514', 'a workflow without a published version cannot be published'
);
select is(
  tests.attempt('owner', $$insert into stepbase.workflow_versions (app_code, workflow_id, version, status)
    values ('tap-one', '00000000-0000-4000-8000-00000000d301', 1, 'deprecated')$$), '23514', 'a version cannot be deprecated before it was published'
);
insert into stepbase.workflow_versions (app_code, workflow_id, version, created_by)
values ('tap-one', '00000000-0000-4000-8000-00000000d301', 1, null);
select is(
  tests.attempt('owner', $$insert into stepbase.workflow_versions (app_code, workflow_id, version)
    values ('tap-one', '00000000-0000-4000-8000-00000000d301', 2)$$), '23505', 'a workflow can have only one draft'
);
select is(
  tests.attempt('owner', $$update stepbase.workers set status = 'stopped' where worker_id = 'tap-worker'$$), '23514',
  'a stopped worker must have stopped_at'
);
select is(
  tests.attempt('owner', $$update stepbase.work_queue_items set status = 'done' where app_code = 'tap-one'$$), '23514',
  'a finished item must have done_at'
);

select * from finish();
rollback;
