-- The run context is a view of the results in step_runs: which rows have a version, who sees them, and that none of
-- them ever changes.

begin;
set local search_path = public, extensions;
select plan(33);
select tests.create_rows();

create function pg_temp.insert_step(columns text, vals text)
returns text
language sql
as $$
  select format(
    'insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_type, step_id, %s)
     select s.run_id, s.app_code, s.workflow_version_id, s.step_type, ''next'', %s from stepbase.step_runs s
     where s.id = tests.sample_id(''result'')',
    columns, vals
  );
$$;

-- Which rows have a version.
select is(tests.attempt('owner', pg_temp.insert_step(r.columns, r.vals)), r.answer, r.what || ': ' || r.answer)
from (
  values
    ('status, completed_at, context_version', $$'completed', now(), 2$$, 'ok 1', 'a completed step with a version'),
    ('status, completed_at', $$'completed', now()$$, '23514', 'a completed step without a version'),
    ('status, completed_at, context_version', $$'completed', now(), 0$$, '23514', 'version 0'),
    ('status, completed_at, context_version', $$'completed', now(), 1$$, '23505', 'a version that the run has already'),
    ('status, completed_at, error, context_version', $$'failed', now(), '{}', 2$$, 'ok 1', 'a failed step that the run continued after'),
    ('status, completed_at, error', $$'failed', now(), '{}'$$, 'ok 1', 'a failed attempt'),
    ('status, completed_at, context_version', $$'skipped', now(), 2$$, '23514', 'a skipped step with a version'),
    ('status, completed_at, item_index', $$'completed', now(), 1$$, 'ok 1', 'an item'),
    ('status, completed_at, item_index, context_version', $$'completed', now(), 1, 2$$, '23514', 'an item with a version'),
    ('status, completed_at, item_index, context_version', $$'completed', now(), -1, 2$$, '23514', 'a compensation with a version'),
    ('context_version', '2', '23514', 'a pending step with a version')
) r (columns, vals, answer, what);

-- The patches.
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_type, step_id, status, completed_at, error, context_version
)
select s.run_id, s.app_code, s.workflow_version_id, s.step_type, 'handled', 'failed', now(), '{"code": "x"}', 2
from stepbase.step_runs s where s.id = tests.sample_id('result');
select results_eq(
  $$select c.version, c.app_code, c.step_id, c.patch from stepbase.run_context c
    where c.run_id = tests.sample_id('run') order by c.version$$,
  $$values (1, 'tap-one', 'before', '{"before": 1}'::jsonb), (2, 'tap-one', 'handled', '{"handled": {"error": {"code": "x"}}}')$$,
  'a result is a patch with the output, or with the error that the run continued after'
);
select is(stepbase.context_at(tests.sample_id('run'), v.version), v.context::jsonb, 'the context at version ' || v.version)
from (
  values (0, '{}'), (1, '{"before": 1}'), (2, '{"before": 1, "handled": {"error": {"code": "x"}}}')
) v (version, context);

-- Results never change.
select is(
  tests.attempt(w.who, format('update stepbase.step_runs set %s where id = %L', c.change, tests.sample_id('result'))),
  'SB424', format('the %s cannot run: set %s', w.who, c.change)
)
from unnest(array['owner', 'service']) w (who)
cross join unnest(array[
  $$output = '2'$$, $$error = '{}'$$, 'context_version = 3', $$step_id = 'other'$$
]) c (change);
select is(
  tests.attempt('service', format('delete from stepbase.step_runs where id = %L', tests.sample_id(d.name))), d.answer,
  format('the service role deletes the step %s: %s', d.name, d.answer)
)
from (values ('result', 'SB424'), ('step_run', 'ok 1')) d (name, answer);
select is(
  tests.attempt('service', s.statement), '42501', 'the service role cannot run: ' || s.statement
)
from unnest(array[
  $$update stepbase.run_context set step_id = 'x'$$, 'delete from stepbase.run_context', 'truncate stepbase.step_runs'
]) s (statement);
select lives_ok(
  format('update stepbase.step_runs set completed_by = null where id = %L', tests.sample_id('result')),
  'other columns of a result can change'
);

-- Assignees see their tasks, also without run:read, but not the context.
update stepbase.step_runs s set assigned_to = tests.sample_id('viewer')
where s.id in (tests.sample_id('result'), tests.sample_id('step_run'));
update stepbase.app_roles r set permissions = array_remove(r.permissions, 'run:read') where r.name = 'viewer';
select is(
  tests.attempt('viewer', s.statement), s.answer, format('an assignee without run:read: %s: %s', s.statement, s.answer)
)
from (
  values
    ('select 1 from stepbase.step_runs', 'ok 2'),
    ('select 1 from stepbase.run_context', 'ok 0'),
    ($$select 1 from stepbase.context_at('00000000-0000-4000-8000-00000000d020', 2) c where c <> '{}'$$, 'ok 0')
) s (statement, answer);

-- A deleted run takes its results along.
delete from stepbase.runs r where r.id = tests.sample_id('run');
select is_empty(
  $$select 1 from stepbase.step_runs s where s.run_id = tests.sample_id('run')$$, 'a run is deleted with its results'
);

select * from finish();
rollback;
