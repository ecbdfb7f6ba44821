-- app_code cannot change in any table, so no row moves to another application.

begin;
set local search_path = public, extensions;
select plan(22);
select tests.create_rows();

select is(
  tests.attempt('owner', format('update stepbase.%I set app_code = ''tap-two'' where app_code = ''tap-one''', t.name)), 'SB424',
  'app_code of ' || t.name || ' cannot change'
)
from unnest(array[
  'app_members', 'app_roles', 'api_keys', 'agent_prompts', 'components', 'projects', 'workflows', 'workflow_versions', 'workflow_nodes',
  'workflow_edges', 'work_queues', 'workflow_signals', 'workflow_queries', 'workflow_schedules', 'workflow_triggers', 'workflow_children', 'workflow_flow_controls',
  'webhook_subscriptions',
  'workflow_compilations', 'work_queue_items', 'audit_log', 'run_events'
]) t (name);

select * from finish();
rollback;
