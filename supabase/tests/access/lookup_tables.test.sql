-- Lookup tables: every signed-in user reads them, nobody writes them, anonymous sees nothing.

begin;
set local search_path = public, extensions;
select plan(56);
select tests.create_people();

select is(tests.attempt('admin', format('insert into stepbase.%I (name) values (''fresh'')', t.name)), '42501', 'admin may not insert into ' || t.name)
from unnest(array[
  'user_roles', 'component_types', 'step_types', 'component_visibility', 'workflow_statuses', 'run_statuses',
  'step_statuses', 'trigger_types', 'run_event_types', 'parent_close_policies', 'work_queue_orderings',
  'work_item_statuses', 'worker_statuses', 'error_codes'
]) t (name);

select is(tests.attempt('admin', format('delete from stepbase.%I', t.name)), '42501', 'admin may not delete from ' || t.name)
from unnest(array[
  'user_roles', 'component_types', 'step_types', 'component_visibility', 'workflow_statuses', 'run_statuses',
  'step_statuses', 'trigger_types', 'run_event_types', 'parent_close_policies', 'work_queue_orderings',
  'work_item_statuses', 'worker_statuses', 'error_codes'
]) t (name);

select is(tests.attempt('anon', format('select 1 from stepbase.%I', t.name)), '42501', 'anon may not read ' || t.name)
from unnest(array[
  'user_roles', 'component_types', 'step_types', 'component_visibility', 'workflow_statuses', 'run_statuses',
  'step_statuses', 'trigger_types', 'run_event_types', 'parent_close_policies', 'work_queue_orderings',
  'work_item_statuses', 'worker_statuses', 'error_codes'
]) t (name);

select matches(tests.attempt('viewer', format('select 1 from stepbase.%I', t.name)), '^ok [1-9]', 'viewer reads ' || t.name)
from unnest(array[
  'user_roles', 'component_types', 'step_types', 'component_visibility', 'workflow_statuses', 'run_statuses',
  'step_statuses', 'trigger_types', 'run_event_types', 'parent_close_policies', 'work_queue_orderings',
  'work_item_statuses', 'worker_statuses', 'error_codes'
]) t (name);

select * from finish();
rollback;
