-- Who may read and write each table: the access matrix.
--
-- One row for each table and verb: the outcome for each of eight people (tests.person), and the statement.
-- The people, in this order:
--
--   admin developer viewer     members of tap-one, the application that owns the sample rows
--   sister                     admin of tap-two, another application of the same organization
--   foreigner                  admin of tap-three, an application of another organization
--   stranger                   a signed-in user without a membership
--   removed                    a user whose membership ended, with a token for tap-one that is still valid
--   anon                       not signed in
--
-- An outcome is the number of rows that the statement returns or changes, - when permission is denied (42501), or
-- another SQLSTATE. {workflow} stands for the id of the sample workflow, and so on
-- (tests.samples); tests.expand adds the exposed schema to the tables of a statement. To add a table or a view, add
-- its four rows; one without them fails this test.

begin;
set local search_path = public, extensions;

create temporary table matrix (table_name text, verb text, outcomes text, statement text);
insert into matrix (table_name, verb, outcomes, statement)
values
  ('activity_statistics',   'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from activity_statistics where id = {activity_statistic}$$),
  ('activity_statistics',   'insert', '- - - | - - - - | -', $$insert into activity_statistics (app_code, step_type) values ('tap-one', 'delay')$$),
  ('activity_statistics',   'update', '- - - | - - - - | -', $$update activity_statistics set execution_count = 1 where id = {activity_statistic}$$),
  ('activity_statistics',   'delete', '- - - | - - - - | -', $$delete from activity_statistics where id = {activity_statistic}$$),
  ('ai_budgets',            'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from ai_budgets where app_code = 'tap-one'$$),
  ('ai_budgets',            'insert', '- - - | - - - - | -',
    $$insert into ai_budgets (app_code, period, max_cost) values ('tap-one', 'month', 5)$$),
  ('ai_budgets',            'update', '- - - | - - - - | -', $$update ai_budgets set max_cost = 7 where app_code = 'tap-one'$$),
  ('ai_budgets',            'delete', '- - - | - - - - | -', $$delete from ai_budgets where app_code = 'tap-one'$$),
  ('allowed_functions',     'select', '- - - | - - - - | -', $$select 1 from allowed_functions$$),
  ('allowed_functions',     'insert', '- - - | - - - - | -', $$insert into allowed_functions (name) values ('x')$$),
  ('allowed_functions',     'update', '- - - | - - - - | -', $$update allowed_functions set name = 'x'$$),
  ('allowed_functions',     'delete', '- - - | - - - - | -', $$delete from allowed_functions$$),
  ('agent_prompts',         'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from agent_prompts where id = {agent_prompt}$$),
  ('agent_prompts',         'insert', '1 1 - | - - - - | -',
    $$insert into agent_prompts (app_code, name, prompt_content)
      values ('tap-one', 'fresh', 'Hi')$$),
  ('agent_prompts',         'update', '1 1 0 | 0 0 0 0 | -', $$update agent_prompts set description = 'x' where id = {agent_prompt}$$),
  ('agent_prompts',         'delete', '1 1 0 | 0 0 0 0 | -', $$delete from agent_prompts where id = {agent_prompt}$$),
  ('api_keys',              'select', '1 1 0 | 0 0 0 0 | -', $$select * from api_keys where id = {api_key}$$),
  ('api_keys',              'insert', '- - - | - - - - | -',
    $$insert into api_keys (app_code, name, prefix, scopes) values ('tap-one', 'fresh', 'x', '{}')$$),
  ('api_keys',              'update', '1 0 0 | 0 0 0 0 | -', $$update api_keys set name = 'x' where id = {api_key}$$),
  ('api_keys',              'delete', '- - - | - - - - | -', $$delete from api_keys where id = {api_key}$$),
  ('app_members',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from app_members where app_code = 'tap-one' and user_id = {viewer}$$),
  -- stranger and tap-one have no member in common; membership.test.sql adds people who have.
  ('app_members',           'insert', '- - - | - - - - | -',
    $$insert into app_members (app_code, user_id, role)
      values ('tap-one', {stranger}, 'viewer')$$),
  ('app_members',           'update', '1 0 0 | 0 0 0 0 | -',
    $$update app_members set role = 'developer' where app_code = 'tap-one' and user_id = {viewer}$$),
  ('app_members',           'delete', '1 0 1 | 0 0 0 0 | -', $$delete from app_members where app_code = 'tap-one' and user_id = {viewer}$$),
  ('app_quotas',            'select', '1 0 0 | 0 0 0 0 | -', $$select 1 from app_quotas where app_code = 'tap-one'$$),
  ('app_quotas',            'insert', '- - - | - - - - | -', $$insert into app_quotas (app_code) values ('tap-one')$$),
  ('app_quotas',            'update', '- - - | - - - - | -', $$update app_quotas set max_open_runs = 7 where app_code = 'tap-one'$$),
  ('app_quotas',            'delete', '- - - | - - - - | -', $$delete from app_quotas where app_code = 'tap-one'$$),
  ('app_roles',             'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from app_roles where app_code = 'tap-one' and name = 'auditor'$$),
  ('app_roles',             'insert', '- - - | - - - - | -',
    $$insert into app_roles (app_code, name, label, permissions)
      values ('tap-one', 'fresh', 'Fresh', '{}')$$),
  ('app_roles',             'update', '- - - | - - - - | -', $$update app_roles set label = 'x' where app_code = 'tap-one'$$),
  ('app_roles',             'delete', '- - - | - - - - | -', $$delete from app_roles where app_code = 'tap-one' and name = 'auditor'$$),
  ('applications',          'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from applications where app_code = 'tap-one'$$),
  ('applications',          'insert', '- - - | - - - - | -',
    $$insert into applications (app_code, organization_id, name)
      select 'tap-new', o.id, 'New' from organizations o$$),
  ('applications',          'update', '1 0 0 | 0 0 0 0 | -', $$update applications set run_retention_days = 30 where app_code = 'tap-one'$$),
  ('applications',          'delete', '- - - | - - - - | -', $$delete from applications where app_code = 'tap-one'$$),
  ('audit_log',             'select', '1 0 0 | 0 0 0 0 | -',
    $$select 1 from audit_log where app_code = 'tap-one' and row_id = {workflow} and operation = 'insert'$$),
  ('audit_log',             'insert', '- - - | - - - - | -',
    $$insert into audit_log (app_code, table_name, row_id, operation, actor_role, new_row)
      values ('tap-one', 't', '1', 'insert', 'x', '{}')$$),
  ('audit_log',             'update', '- - - | - - - - | -', $$update audit_log set row_id = 'x' where app_code = 'tap-one'$$),
  ('audit_log',             'delete', '- - - | - - - - | -', $$delete from audit_log where app_code = 'tap-one'$$),
  ('audit_seals',           'select', '1 0 0 | 0 0 0 0 | -', $$select 1 from audit_seals where app_code = 'tap-one' and seq = 1$$),
  ('audit_seals',           'insert', '- - - | - - - - | -', $$insert into audit_seals (app_code, seq) values ('tap-one', 1)$$),
  ('audit_seals',           'update', '- - - | - - - - | -', $$update audit_seals set seq = 2 where app_code = 'tap-one'$$),
  ('audit_seals',           'delete', '- - - | - - - - | -', $$delete from audit_seals where app_code = 'tap-one'$$),
  ('components',            'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from components where id = {component}$$),
  ('components',            'insert', '1 1 - | - - - - | -',
    $$insert into components (app_code, name, implementation_type, endpoint)
      values ('tap-one', 'fresh', 'service_task', 'https://y.example')$$),
  ('components',            'update', '1 1 0 | 0 0 0 0 | -', $$update components set description = 'x' where id = {component}$$),
  ('components',            'delete', '1 1 0 | 0 0 0 0 | -', $$delete from components where id = {component}$$),
  ('database_triggers',     'select', '- - - | - - - - | -', $$select 1 from database_triggers$$),
  ('database_triggers',     'insert', '- - - | - - - - | -', $$insert into database_triggers (name) values ('x')$$),
  ('database_triggers',     'update', '- - - | - - - - | -', $$update database_triggers set name = 'x'$$),
  ('database_triggers',     'delete', '- - - | - - - - | -', $$delete from database_triggers$$),
  ('dead_letters',          'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from dead_letters where run_id = {run}$$),
  ('dead_letters',          'insert', '- - - | - - - - | -', $$insert into dead_letters (run_id) values ({run})$$),
  ('dead_letters',          'update', '- - - | - - - - | -',
    $$update dead_letters set app_code = 'tap-two' where run_id = {run}$$),
  ('dead_letters',          'delete', '- - - | - - - - | -', $$delete from dead_letters where run_id = {run}$$),
  ('incident_switches',     'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from incident_switches where id = {incident_switch}$$),
  ('incident_switches',     'insert', '- - - | - - - - | -',
    $$insert into incident_switches (app_code, scope, mode, reason)
      values ('tap-one', 'application', 'drain', 'x')$$),
  ('incident_switches',     'update', '- - - | - - - - | -', $$update incident_switches set reason = 'x' where id = {incident_switch}$$),
  ('incident_switches',     'delete', '- - - | - - - - | -', $$delete from incident_switches where id = {incident_switch}$$),
  ('invitations',           'select', '1 0 0 | 0 0 0 0 | -', $$select 1 from invitations where id = {invitation}$$),
  ('invitations',           'insert', '- - - | - - - - | -',
    $$insert into invitations (app_code, email, role, expires_at)
      values ('tap-one', 'fresh@tap.example', 'viewer', now())$$),
  ('invitations',           'update', '- - - | - - - - | -', $$update invitations set role = 'admin' where id = {invitation}$$),
  ('invitations',           'delete', '- - - | - - - - | -', $$delete from invitations where id = {invitation}$$),
  ('model_prices',          'select', '1 1 1 | 1 1 1 1 | -', $$select 1 from model_prices where model = 'tap-model'$$),
  ('model_prices',          'insert', '- - - | - - - - | -', $$insert into model_prices (model, input, output) values ('x', 1, 2)$$),
  ('model_prices',          'update', '- - - | - - - - | -', $$update model_prices set input = 0 where model = 'tap-model'$$),
  ('model_prices',          'delete', '- - - | - - - - | -', $$delete from model_prices where model = 'tap-model'$$),
  ('organizations',         'select', '1 1 1 | 1 0 0 0 | -', $$select 1 from organizations where slug = 'tap-org'$$),
  ('organizations',         'insert', '- - - | - - - - | -', $$insert into organizations (slug, name) values ('x', 'X')$$),
  ('organizations',         'update', '- - - | - - - - | -', $$update organizations set name = 'x' where slug = 'tap-org'$$),
  ('organizations',         'delete', '- - - | - - - - | -', $$delete from organizations where slug = 'tap-org'$$),
  ('outbox',                'select', '- - - | - - - - | -', $$select 1 from outbox where aggregate_id = {run}$$),
  ('outbox',                'insert', '- - - | - - - - | -',
    $$insert into outbox (app_code, aggregate_type, aggregate_id, event_type)
      values ('tap-one', 'run', {run}, 'run.changed')$$),
  ('outbox',                'update', '- - - | - - - - | -', $$update outbox set published_at = now() where app_code = 'tap-one'$$),
  ('outbox',                'delete', '- - - | - - - - | -', $$delete from outbox where app_code = 'tap-one'$$),
  ('projects',              'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from projects where id = {project}$$),
  ('projects',              'insert', '1 1 - | - - - - | -', $$insert into projects (app_code, name) values ('tap-one', 'fresh')$$),
  ('projects',              'update', '1 1 0 | 0 0 0 0 | -', $$update projects set description = 'x' where id = {project}$$),
  ('projects',              'delete', '1 1 0 | 0 0 0 0 | -', $$delete from projects where id = {project}$$),
  ('refused_starts',        'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from refused_starts where id = {refused_start}$$),
  ('refused_starts',        'insert', '- - - | - - - - | -',
    $$insert into refused_starts (app_code, database_trigger, workflow, event, error)
      values ('tap-one', 'orders', 'w-00d001', 'insert', '{}')$$),
  ('refused_starts',        'update', '- - - | - - - - | -', $$update refused_starts set error = '{}' where id = {refused_start}$$),
  ('refused_starts',        'delete', '- - - | - - - - | -', $$delete from refused_starts where id = {refused_start}$$),
  ('run_context',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_context where run_id = {run}$$),
  ('run_context',           'insert', '- - - | - - - - | -',
    $$insert into run_context (run_id, version, app_code, step_id)
      values ({run}, 2, 'tap-one', 'x')$$),
  ('run_context',           'update', '- - - | - - - - | -', $$update run_context set step_id = 'x' where run_id = {run}$$),
  ('run_context',           'delete', '- - - | - - - - | -', $$delete from run_context where run_id = {run}$$),
  ('run_events',            'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_events where run_id = {run}$$),
  ('run_events',            'insert', '- - - | - - - - | -',
    $$insert into run_events (run_id, seq, app_code, event_type)
      values ({run}, 2, 'tap-one', 'run.started')$$),
  ('run_events',            'update', '- - - | - - - - | -', $$update run_events set payload = '{}' where run_id = {run}$$),
  ('run_events',            'delete', '- - - | - - - - | -', $$delete from run_events where run_id = {run}$$),
  ('run_values',            'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_values where run_id = {run}$$),
  ('run_values',            'insert', '- - - | - - - - | -',
    $$insert into run_values (run_id, app_code, path, value, created_at) values ({run}, 'tap-one', '#', 'b', now())$$),
  ('run_values',            'update', '- - - | - - - - | -', $$update run_values set value = 'b' where run_id = {run}$$),
  ('run_values',            'delete', '- - - | - - - - | -', $$delete from run_values where run_id = {run}$$),
  ('agent_turns',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from agent_turns where run_id = {run}$$),
  ('agent_turns',           'insert', '- - - | - - - - | -',
    $$insert into agent_turns (run_id, app_code, step_id, item_index, turn, step_run_id, text, provider, model)
      values ({run}, 'tap-one', 'a', 0, 2, {run}, 't', 'openai', 'm')$$),
  ('agent_turns',           'update', '- - - | - - - - | -', $$update agent_turns set text = 'b' where run_id = {run}$$),
  ('agent_turns',           'delete', '- - - | - - - - | -', $$delete from agent_turns where run_id = {run}$$),
  ('agent_tool_calls',      'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from agent_tool_calls where run_id = {run}$$),
  ('agent_tool_calls',      'insert', '- - - | - - - - | -',
    $$insert into agent_tool_calls (
        run_id, app_code, step_id, item_index, turn, position, call_id, tool, step_type, input
      )
      values ({run}, 'tap-one', 'a', 0, 1, 2, 'c', 't', 'service_task', '{}')$$),
  ('agent_tool_calls',      'update', '- - - | - - - - | -', $$update agent_tool_calls set tool = 'b' where run_id = {run}$$),
  ('agent_tool_calls',      'delete', '- - - | - - - - | -', $$delete from agent_tool_calls where run_id = {run}$$),
  ('step_logs',             'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from step_logs where run_id = {run}$$),
  ('step_logs',             'insert', '- - - | - - - - | -',
    $$insert into step_logs (run_id, app_code, seq, step_run_id, step_id, item_index, attempt, level, message)
      values ({run}, 'tap-one', 2, {run}, 'a', 0, 1, 'info', 'm')$$),
  ('step_logs',             'update', '- - - | - - - - | -', $$update step_logs set message = 'b' where run_id = {run}$$),
  ('step_logs',             'delete', '- - - | - - - - | -', $$delete from step_logs where run_id = {run}$$),
  ('run_signals',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_signals where run_id = {run}$$),
  ('run_signals',           'insert', '- - - | - - - - | -',
    $$insert into run_signals (run_id, app_code, signal_name)
      values ({run}, 'tap-one', 'go')$$),
  ('run_signals',           'update', '- - - | - - - - | -', $$update run_signals set consumed_at = now() where run_id = {run}$$),
  ('run_signals',           'delete', '- - - | - - - - | -', $$delete from run_signals where run_id = {run}$$),
  ('runs',                  'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from runs where id = {run}$$),
  ('runs',                  'insert', '- - - | - - - - | -',
    $$insert into runs (app_code, workflow_id, workflow_version_id)
      select 'tap-one', v.workflow_id, v.id from workflow_versions v where v.workflow_id = {workflow}$$),
  ('runs',                  'update', '- - - | - - - - | -', $$update runs set status = 'cancelled' where id = {run}$$),
  ('runs',                  'delete', '- - - | - - - - | -', $$delete from runs where id = {run}$$),
  ('run_operations',        'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_operations where id = {run_operation}$$),
  ('run_operations',        'insert', '- - - | - - - - | -',
    $$insert into run_operations (app_code, action, filter, previewed_at, total) values ('tap-one', 'cancel', '{}', now(), 0)$$),
  ('run_operations',        'update', '- - - | - - - - | -', $$update run_operations set reason = 'x' where id = {run_operation}$$),
  ('run_operations',        'delete', '- - - | - - - - | -', $$delete from run_operations where id = {run_operation}$$),
  ('run_operation_failures', 'select', '1 1 1 | 0 0 0 0 | -',
    $$select 1 from run_operation_failures where operation_id = {run_operation}$$),
  ('run_operation_failures', 'insert', '- - - | - - - - | -',
    $$insert into run_operation_failures (operation_id, run_id, app_code, code, message)
      values ({run_operation}, gen_random_uuid(), 'tap-one', 'x', 'x')$$),
  ('run_operation_failures', 'update', '- - - | - - - - | -',
    $$update run_operation_failures set code = 'x' where operation_id = {run_operation}$$),
  ('run_operation_failures', 'delete', '- - - | - - - - | -',
    $$delete from run_operation_failures where operation_id = {run_operation}$$),
  -- The sample view is shared; rules/run_views.test.sql has those of one member.
  ('run_views',             'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from run_views where id = {run_view}$$),
  ('run_views',             'insert', '1 1 - | - - - - | -',
    $$insert into run_views (app_code, name, filter, is_shared) values ('tap-one', 'fresh', '{}', true)$$),
  ('run_views',             'update', '1 1 0 | 0 0 0 0 | -', $$update run_views set name = 'x' where id = {run_view}$$),
  ('run_views',             'delete', '1 1 0 | 0 0 0 0 | -', $$delete from run_views where id = {run_view}$$),
  ('schedule_backfills', 'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from schedule_backfills where id = {schedule_backfill}$$),
  ('schedule_backfills', 'insert', '- - - | - - - - | -',
    $$insert into schedule_backfills (app_code, schedule_id, from_time, to_time, overlap_policy)
      values ('tap-one', {workflow_schedule}, now(), now(), 'allow')$$),
  ('schedule_backfills', 'update', '- - - | - - - - | -', $$update schedule_backfills set created_at = now() where id = {schedule_backfill}$$),
  ('schedule_backfills', 'delete', '- - - | - - - - | -', $$delete from schedule_backfills where id = {schedule_backfill}$$),
  ('schedule_runs', 'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from schedule_runs where id = {schedule_run}$$),
  ('schedule_runs', 'insert', '- - - | - - - - | -',
    $$insert into schedule_runs (app_code, schedule_id, scheduled_at, cause, outcome)
      values ('tap-one', {workflow_schedule}, now(), 'schedule', 'queued')$$),
  ('schedule_runs', 'update', '- - - | - - - - | -', $$update schedule_runs set created_at = now() where id = {schedule_run}$$),
  ('schedule_runs', 'delete', '- - - | - - - - | -', $$delete from schedule_runs where id = {schedule_run}$$),
  ('service_accounts',      'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from service_accounts where id = {service_account}$$),
  ('service_accounts',      'insert', '- - - | - - - - | -',
    $$insert into service_accounts (app_code, name, role) values ('tap-one', 'fresh', 'viewer')$$),
  ('service_accounts',      'update', '- - - | - - - - | -', $$update service_accounts set role = 'admin' where id = {service_account}$$),
  ('service_accounts',      'delete', '- - - | - - - - | -', $$delete from service_accounts where id = {service_account}$$),
  ('shared_components',     'select', '0 0 0 | 1 0 0 0 | -', $$select 1 from shared_components where component_id = {component}$$),
  ('shared_components',     'insert', '- - - | - - - - | -', $$insert into shared_components (version) values ('x')$$),
  ('shared_components',     'update', '- - - | - - - - | -', $$update shared_components set version = 'x'$$),
  ('shared_components',     'delete', '- - - | - - - - | -', $$delete from shared_components$$),
  ('shared_prompts',        'select', '0 0 0 | 1 0 0 0 | -', $$select 1 from shared_prompts where prompt_id = {agent_prompt}$$),
  ('shared_prompts',        'insert', '- - - | - - - - | -', $$insert into shared_prompts (version) values ('x')$$),
  ('shared_prompts',        'update', '- - - | - - - - | -', $$update shared_prompts set version = 'x'$$),
  ('shared_prompts',        'delete', '- - - | - - - - | -', $$delete from shared_prompts$$),
  ('shared_workflows',      'select', '0 0 0 | 1 0 0 0 | -', $$select 1 from shared_workflows where workflow_id = {workflow}$$),
  ('shared_workflows',      'insert', '- - - | - - - - | -', $$insert into shared_workflows (kebab_name) values ('x')$$),
  ('shared_workflows',      'update', '- - - | - - - - | -', $$update shared_workflows set kebab_name = 'x'$$),
  ('shared_workflows',      'delete', '- - - | - - - - | -', $$delete from shared_workflows$$),
  ('step_runs',             'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from step_runs where id = {step_run}$$),
  ('step_runs',             'insert', '- - - | - - - - | -',
    $$insert into step_runs (run_id, app_code, workflow_version_id, step_id, step_type, attempt)
      select s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, 2 from step_runs s
      where s.id = {step_run}$$),
  ('step_runs',             'update', '- - - | - - - - | -', $$update step_runs set status = 'skipped' where id = {step_run}$$),
  ('step_runs',             'delete', '- - - | - - - - | -', $$delete from step_runs where id = {step_run}$$),
  ('task_comments',         'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from task_comments where id = {task_comment}$$),
  ('task_comments',         'insert', '- - - | - - - - | -',
    $$insert into task_comments (app_code, run_id, step_run_id, body) values ('tap-one', {run}, {step_run}, 'x')$$),
  ('task_comments',         'update', '- - - | - - - - | -', $$update task_comments set body = 'x' where id = {task_comment}$$),
  ('task_comments',         'delete', '- - - | - - - - | -', $$delete from task_comments where id = {task_comment}$$),
  ('task_decisions',        'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from task_decisions where id = {task_decision}$$),
  ('task_decisions',        'insert', '- - - | - - - - | -',
    $$insert into task_decisions (app_code, run_id, step_run_id, via, approved)
      values ('tap-one', {run}, {step_run}, 'link', true)$$),
  ('task_decisions',        'update', '- - - | - - - - | -', $$update task_decisions set approved = false where id = {task_decision}$$),
  ('task_decisions',        'delete', '- - - | - - - - | -', $$delete from task_decisions where id = {task_decision}$$),
  ('task_queues',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from task_queues where id = {task_queue}$$),
  ('task_queues',           'insert', '1 1 - | - - - - | -', $$insert into task_queues (app_code, name) values ('tap-one', 'fresh')$$),
  ('task_queues',           'update', '1 1 0 | 0 0 0 0 | -', $$update task_queues set description = 'x' where id = {task_queue}$$),
  ('task_queues',           'delete', '1 1 0 | 0 0 0 0 | -', $$delete from task_queues where id = {task_queue}$$),
  ('users',                 'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from users where id = {viewer}$$),
  ('users',                 'insert', '- - - | - - - - | -', $$insert into users (id, email) values (gen_random_uuid(), 'x@y.example')$$),
  ('users',                 'update', '0 0 1 | 0 0 0 0 | -', $$update users set display_name = 'x' where id = {viewer}$$),
  ('users',                 'delete', '- - - | - - - - | -', $$delete from users where id = {viewer}$$),
  -- Only the bridge writes it.
  ('temporal_runs',         'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from temporal_runs where run_id = {run}$$),
  ('temporal_runs',         'insert', '- - - | - - - - | -',
    $$insert into temporal_runs (run_id, app_code, namespace, task_queue) values ({run}, 'tap-one', 'n', 'q')$$),
  ('temporal_runs',         'update', '- - - | - - - - | -', $$update temporal_runs set problem = 'x' where run_id = {run}$$),
  ('temporal_runs',         'delete', '- - - | - - - - | -', $$delete from temporal_runs where run_id = {run}$$),
  ('work_queue_items',      'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from work_queue_items where id = {work_queue_item}$$),
  ('work_queue_items',      'insert', '- - - | - - - - | -',
    $$insert into work_queue_items (app_code, work_queue_id, item)
      values ('tap-one', {work_queue}, '1')$$),
  ('work_queue_items',      'update', '- - - | - - - - | -', $$update work_queue_items set priority = 1 where id = {work_queue_item}$$),
  ('work_queue_items',      'delete', '- - - | - - - - | -', $$delete from work_queue_items where id = {work_queue_item}$$),
  ('work_queues',           'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from work_queues where id = {work_queue}$$),
  ('work_queues',           'insert', '1 1 - | - - - - | -',
    $$insert into work_queues (app_code, workflow_id, queue_name)
      values ('tap-one', {workflow}, 'fresh')$$),
  ('work_queues',           'update', '1 1 0 | 0 0 0 0 | -', $$update work_queues set description = 'x' where id = {work_queue}$$),
  ('work_queues',           'delete', '1 1 0 | 0 0 0 0 | -', $$delete from work_queues where id = {work_queue}$$),
  ('workers',               'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workers where id = {worker}$$),
  ('workers',               'insert', '- - - | - - - - | -', $$insert into workers (app_code, worker_id) values ('tap-one', 'w2')$$),
  ('workers',               'update', '- - - | - - - - | -', $$update workers set hostname = 'x' where id = {worker}$$),
  ('workers',               'delete', '- - - | - - - - | -', $$delete from workers where id = {worker}$$),
  ('workflow_children',     'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_children where id = {workflow_child}$$),
  ('workflow_children',     'insert', '1 1 - | - - - - | -',
    $$insert into workflow_children (app_code, parent_workflow_id, child_workflow_id, child_workflow_name)
      values ('tap-one', {workflow}, {workflow}, 'fresh')$$),
  ('workflow_children',     'update', '1 1 0 | 0 0 0 0 | -', $$update workflow_children set can_signal_parent = true where id = {workflow_child}$$),
  ('workflow_children',     'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_children where id = {workflow_child}$$),
  ('workflow_compilations', 'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_compilations where id = {workflow_compilation}$$),
  ('workflow_compilations', 'insert', '1 1 - | 0 0 0 0 | -',
    $$insert into workflow_compilations (app_code, workflow_version_id, workflow_code, activities_code,
        worker_code, package_json, tsconfig_json, is_active)
      select 'tap-one', c.workflow_version_id, 'w', 'a', 'k', '{}', '{}', false from workflow_compilations c
      where c.id = {workflow_compilation}$$),
  ('workflow_compilations', 'update', '1 1 0 | 0 0 0 0 | -',
    $$update workflow_compilations set temporal_workflow_id = 'x' where id = {workflow_compilation}$$),
  ('workflow_compilations', 'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_compilations where id = {workflow_compilation}$$),
  ('workflow_edges',        'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_edges where app_code = 'tap-one' and edge_id = 'e'$$),
  ('workflow_edges',        'insert', '- - - | - - - - | -',
    $$insert into workflow_edges (workflow_version_id, app_code, edge_id, source_node_id, target_node_id)
      select v.id, v.app_code, 'x', 'first', 'second' from workflow_versions v$$),
  ('workflow_edges',        'update', '- - - | - - - - | -', $$update workflow_edges set label = 'x' where app_code = 'tap-one'$$),
  ('workflow_edges',        'delete', '- - - | - - - - | -', $$delete from workflow_edges where app_code = 'tap-one'$$),
  ('workflow_nodes',        'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_nodes where app_code = 'tap-one' and node_id = 'first'$$),
  ('workflow_nodes',        'insert', '- - - | - - - - | -',
    $$insert into workflow_nodes (workflow_version_id, app_code, node_id, node_type, in_degree, out_degree,
        ordinal)
      select v.id, v.app_code, 'x', 'delay', 0, 0, 0 from workflow_versions v$$),
  ('workflow_nodes',        'update', '- - - | - - - - | -', $$update workflow_nodes set label = 'x' where app_code = 'tap-one'$$),
  ('workflow_nodes',        'delete', '- - - | - - - - | -', $$delete from workflow_nodes where app_code = 'tap-one'$$),
  ('workflow_queries',      'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_queries where id = {workflow_query}$$),
  ('workflow_queries',      'insert', '1 1 - | - - - - | -',
    $$insert into workflow_queries (app_code, workflow_id, query_name)
      values ('tap-one', {workflow}, 'fresh')$$),
  ('workflow_queries',      'update', '1 1 0 | 0 0 0 0 | -', $$update workflow_queries set description = 'x' where id = {workflow_query}$$),
  ('workflow_canaries',     'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_canaries where id = {canary}$$),
  ('workflow_canaries',     'insert', '- - - | - - - - | -',
    $$insert into workflow_canaries (app_code, workflow_id, workflow_version_id, percent)
      select c.app_code, c.workflow_id, c.workflow_version_id, 1 from workflow_canaries c$$),
  ('workflow_canaries',     'update', '- - - | - - - - | -', $$update workflow_canaries set percent = 1 where id = {canary}$$),
  ('workflow_canaries',     'delete', '- - - | - - - - | -', $$delete from workflow_canaries where id = {canary}$$),
  ('webhook_calls',         'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from webhook_calls where id = {webhook_call}$$),
  ('webhook_calls',         'insert', '- - - | - - - - | -',
    $$insert into webhook_calls (app_code, trigger_id, verdict) values ('tap-one', {workflow_trigger}, 'started')$$),
  ('webhook_calls',         'update', '- - - | - - - - | -', $$update webhook_calls set input = '{}' where id = {webhook_call}$$),
  ('webhook_calls',         'delete', '- - - | - - - - | -', $$delete from webhook_calls where id = {webhook_call}$$),
  ('webhook_deliveries',    'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from webhook_deliveries where id = {webhook_delivery}$$),
  ('webhook_deliveries',    'insert', '- - - | - - - - | -',
    $$insert into webhook_deliveries (app_code, subscription_id, event_type, payload)
      values ('tap-one', {webhook_subscription}, 'webhook.test', '{}')$$),
  ('webhook_deliveries',    'update', '- - - | - - - - | -',
    $$update webhook_deliveries set payload = '[]' where id = {webhook_delivery}$$),
  ('webhook_deliveries',    'delete', '- - - | - - - - | -', $$delete from webhook_deliveries where id = {webhook_delivery}$$),
  ('webhook_subscriptions', 'select', '1 1 1 | 0 0 0 0 | -',
    $$select 1 from webhook_subscriptions where id = {webhook_subscription}$$),
  ('webhook_subscriptions', 'insert', '- - - | - - - - | -',
    $$insert into webhook_subscriptions (app_code, url, event_types)
      values ('tap-one', 'https://y.example', '{run.failed}')$$),
  ('webhook_subscriptions', 'update', '1 1 0 | 0 0 0 0 | -',
    $$update webhook_subscriptions set description = 'x' where id = {webhook_subscription}$$),
  ('webhook_subscriptions', 'delete', '1 1 0 | 0 0 0 0 | -',
    $$delete from webhook_subscriptions where id = {webhook_subscription}$$),
  ('workflow_flow_controls', 'select', '1 1 1 | 0 0 0 0 | -',
    $$select 1 from workflow_flow_controls where id = {workflow_flow_control}$$),
  ('workflow_flow_controls', 'insert', '1 1 - | - - - - | -',
    $$insert into workflow_flow_controls (app_code, workflow_id, kind, max_count)
      values ('tap-one', {workflow}, 'concurrency', 1)$$),
  ('workflow_flow_controls', 'update', '1 1 0 | 0 0 0 0 | -',
    $$update workflow_flow_controls set max_count = 2 where id = {workflow_flow_control}$$),
  ('workflow_flow_controls', 'delete', '1 1 0 | 0 0 0 0 | -',
    $$delete from workflow_flow_controls where id = {workflow_flow_control}$$),
  ('workflow_queries',      'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_queries where id = {workflow_query}$$),
  ('workflow_schedules',    'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_schedules where id = {workflow_schedule}$$),
  ('workflow_schedules',    'insert', '1 1 - | - - - - | -',
    $$insert into workflow_schedules (app_code, workflow_id, cron_expression)
      values ('tap-one', {workflow}, '* * * * *')$$),
  ('workflow_schedules',    'update', '1 1 0 | 0 0 0 0 | -', $$update workflow_schedules set name = 'x' where id = {workflow_schedule}$$),
  ('workflow_schedules',    'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_schedules where id = {workflow_schedule}$$),
  ('workflow_signals',      'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_signals where id = {workflow_signal}$$),
  ('workflow_signals',      'insert', '1 1 - | - - - - | -',
    $$insert into workflow_signals (app_code, workflow_id, signal_name)
      values ('tap-one', {workflow}, 'fresh')$$),
  ('workflow_signals',      'update', '1 1 0 | 0 0 0 0 | -', $$update workflow_signals set description = 'x' where id = {workflow_signal}$$),
  ('workflow_signals',      'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_signals where id = {workflow_signal}$$),
  ('workflow_triggers',     'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_triggers where id = {workflow_trigger}$$),
  ('workflow_triggers',     'insert', '1 1 - | - - - - | -',
    $$insert into workflow_triggers (app_code, workflow_id, trigger_type, event_name)
      values ('tap-one', {workflow}, 'event', 'x')$$),
  ('workflow_triggers',     'update', '1 1 0 | 0 0 0 0 | -', $$update workflow_triggers set name = 'x' where id = {workflow_trigger}$$),
  ('workflow_triggers',     'delete', '1 1 0 | 0 0 0 0 | -', $$delete from workflow_triggers where id = {workflow_trigger}$$),
  ('workflow_version_checks', 'select', '1 1 1 | 0 0 0 0 | -',
    $$select 1 from workflow_version_checks where app_code = 'tap-one'$$),
  ('workflow_version_checks', 'insert', '- - - | - - - - | -',
    $$insert into workflow_version_checks (workflow_version_id, app_code) values (gen_random_uuid(), 'tap-one')$$),
  ('workflow_version_checks', 'update', '- - - | - - - - | -',
    $$update workflow_version_checks set findings = '[]' where app_code = 'tap-one'$$),
  ('workflow_version_checks', 'delete', '- - - | - - - - | -',
    $$delete from workflow_version_checks where app_code = 'tap-one'$$),
  ('workflow_versions',     'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflow_versions where workflow_id = {workflow}$$),
  ('workflow_versions',     'insert', '- - - | - - - - | -',
    $$insert into workflow_versions (app_code, workflow_id, version)
      values ('tap-one', {workflow}, 9)$$),
  ('workflow_versions',     'update', '- - - | - - - - | -', $$update workflow_versions set change_note = 'x' where workflow_id = {workflow}$$),
  ('workflow_versions',     'delete', '- - - | - - - - | -', $$delete from workflow_versions where workflow_id = {workflow}$$),
  ('workflows',             'select', '1 1 1 | 0 0 0 0 | -', $$select 1 from workflows where id = {workflow}$$),
  ('workflows',             'insert', '1 1 - | - - - - | -',
    $$insert into workflows (app_code, kebab_name, name)
      values ('tap-one', 'fresh', 'Fresh')$$),
  ('workflows',             'update', '1 1 0 | 0 0 0 0 | -', $$update workflows set description = 'x' where id = {workflow}$$),
  ('workflows',             'delete', '- - - | - - - - | -', $$delete from workflows where id = {workflow}$$);

-- Every signed-in user can read the lookup tables; no client can change them.
insert into matrix (table_name, verb, outcomes, statement)
select t.name, m.verb, m.outcomes, format(m.statement, t.name)
from tests.lookup_tables() t
cross join (
  values
    ('select', '1 1 1 | 1 1 1 1 | -', 'select 1 from %I limit 1'),
    ('insert', '- - - | - - - - | -', $$insert into %I (name) values ('fresh')$$),
    ('update', '- - - | - - - - | -', $$update %I set name = 'fresh'$$),
    ('delete', '- - - | - - - - | -', 'delete from %I')
) m (verb, outcomes, statement);

create temporary view cells as
select m.table_name, m.verb, o.who, tests.expand(m.statement) as statement, o.answer, o.meaning
from matrix m
cross join lateral tests.outcomes(m.outcomes) o;

select plan(4 + (select count(*)::int from cells));
select tests.create_rows();
insert into stepbase.workflow_canaries (id, app_code, workflow_id, workflow_version_id, percent, status, ended_at)
select tests.sample_id('canary'), v.app_code, v.workflow_id, v.id, 10, 'stopped', now()
from stepbase.workflow_versions v
where v.workflow_id = tests.sample_id('workflow');
-- The header is for the secret key: it must change none of the outcomes.
select set_config('request.headers', '{"x-stepbase-app": "tap-one"}', true);
insert into stepbase.run_signals (run_id, app_code, signal_name) values (tests.sample_id('run'), 'tap-one', 'go');
insert into stepbase.run_values (run_id, app_code, path, value, created_at)
values (tests.sample_id('run'), 'tap-one', '#', 'a', now());
insert into stepbase.step_logs (run_id, app_code, seq, step_run_id, step_id, item_index, attempt, level, message)
values (tests.sample_id('run'), 'tap-one', 1, tests.sample_id('step_run'), 'a', 0, 1, 'info', 'm');
insert into stepbase.agent_turns (run_id, app_code, step_id, item_index, turn, step_run_id, text, provider, model)
values (tests.sample_id('run'), 'tap-one', 'a', 0, 1, tests.sample_id('step_run'), 't', 'openai', 'm');
insert into stepbase.agent_tool_calls (
  run_id, app_code, step_id, item_index, turn, position, call_id, tool, step_type, input
)
values (tests.sample_id('run'), 'tap-one', 'a', 0, 1, 1, 'c', 't', 'service_task', '{}');
-- The shared rows are visible to the organization, in the shared views only.
update stepbase.workflows set visibility = 'organization' where id = tests.sample_id('workflow');
update stepbase.components set visibility = 'organization' where id = tests.sample_id('component');
update stepbase.agent_prompts set visibility = 'organization' where id = tests.sample_id('agent_prompt');
update stepbase.runs set status = 'failed', error = '{"code": "x"}', started_at = now(), completed_at = now()
where id = tests.sample_id('run');

select is_empty(
  $$select c.relname as table_name, v.verb
    from pg_class c
    cross join unnest(array['select', 'insert', 'update', 'delete']) v (verb)
    where c.relnamespace = tests.exposed_schema()::regnamespace
      and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
      and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    except
    select m.table_name, m.verb from matrix m$$,
  'every table and view of the exposed schema has a row for select, insert, update and delete'
);
select is_empty(
  $$select c.oid::regclass from pg_class c
    where c.relnamespace = tests.exposed_schema()::regnamespace and c.relispartition$$,
  'no partition is in the exposed schema'
);
select is_empty(
  $$select m.table_name, m.verb from matrix m group by m.table_name, m.verb having count(*) > 1$$,
  'no table has two rows for a verb'
);
select is_empty(
  $$select m.table_name, m.verb from matrix m
    where m.statement !~ format('^%s (1 |\* )?(into |from )?%s\M', m.verb, m.table_name)
      or (select count(*) from tests.outcomes(m.outcomes) o where o.who is not null and o.answer is not null) <> 8$$,
  'every row has a statement of its verb on its table, and an outcome for each of the eight people'
);

select is(
  tests.attempt(c.who, c.statement), c.answer, format('%s, %s as %s: %s', c.table_name, c.verb, c.who, c.meaning)
)
from cells c;

select * from finish();
rollback;
