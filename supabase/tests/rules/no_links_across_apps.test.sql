-- Composite foreign keys: no row can refer to a row of another application.

begin;
set local search_path = public, extensions;
select plan(26);
select tests.create_rows();
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');
insert into stepbase.projects (id, app_code, name, created_by)
values ('00000000-0000-4000-8000-00000000d205', 'tap-two', 'theirs', null);
insert into stepbase.task_queues (id, app_code, name, created_by)
values ('00000000-0000-4000-8000-00000000d206', 'tap-two', 'theirs', null);
insert into stepbase.agent_prompts (id, app_code, name, prompt_content, created_by)
values ('00000000-0000-4000-8000-00000000d203', 'tap-two', 'theirs', 'x', null);
insert into stepbase.work_queues (id, app_code, workflow_id, queue_name, created_by)
values ('00000000-0000-4000-8000-00000000d208', 'tap-two', '00000000-0000-4000-8000-00000000d201', 'q', null);

select is(tests.attempt('owner', s.statement), '23503', 'no reference across applications: ' || s.what)
from (
  values
    ('workflow → project', $$update stepbase.workflows set project_id = '00000000-0000-4000-8000-00000000d205' where id = '00000000-0000-4000-8000-00000000d001'$$),
    ('workflow → task queue', $$update stepbase.workflows set task_queue_id = '00000000-0000-4000-8000-00000000d206' where id = '00000000-0000-4000-8000-00000000d001'$$),
    ('workflow → published version', $$update stepbase.workflows w set published_version_id = v.id from stepbase.workflow_versions v where v.app_code = 'tap-two' and w.app_code = 'tap-one'$$),
    ('workflow → latest version', $$update stepbase.workflows w set latest_version_id = v.id from stepbase.workflow_versions v where v.app_code = 'tap-two' and w.app_code = 'tap-one'$$),
    ('version → workflow', $$insert into stepbase.workflow_versions (app_code, workflow_id, version) values ('tap-one', '00000000-0000-4000-8000-00000000d201', 5)$$),
    ('flow control → workflow', $$insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count) values ('tap-one', '00000000-0000-4000-8000-00000000d201', 'concurrency', 1)$$),
    ('component → prompt', $$update stepbase.components set agent_prompt_id = '00000000-0000-4000-8000-00000000d203' where id = '00000000-0000-4000-8000-00000000d004'$$),
    ('worker → project', $$update stepbase.workers set project_id = '00000000-0000-4000-8000-00000000d205' where id = '00000000-0000-4000-8000-00000000d007'$$),
    ('signal → work queue', $$update stepbase.workflow_signals set work_queue_id = '00000000-0000-4000-8000-00000000d208' where id = '00000000-0000-4000-8000-00000000d009'$$),
    ('query → work queue', $$update stepbase.workflow_queries set work_queue_id = '00000000-0000-4000-8000-00000000d208' where id = '00000000-0000-4000-8000-00000000d010'$$),
    ('schedule → work queue', $$update stepbase.workflow_schedules set work_queue_id = '00000000-0000-4000-8000-00000000d208' where id = '00000000-0000-4000-8000-00000000d011'$$),
    ('webhook subscription → workflow', $$update stepbase.webhook_subscriptions set workflow_id = '00000000-0000-4000-8000-00000000d201' where app_code = 'tap-one'$$),
    ('delivery → webhook subscription', $$insert into stepbase.webhook_deliveries (app_code, subscription_id, event_type, payload) select 'tap-two', s.id, 'webhook.test', '{}' from stepbase.webhook_subscriptions s where s.app_code = 'tap-one'$$),
    ('child → workflow', $$insert into stepbase.workflow_children (app_code, parent_workflow_id, child_workflow_id, child_workflow_name) values ('tap-one', '00000000-0000-4000-8000-00000000d001', '00000000-0000-4000-8000-00000000d201', 'x')$$),
    ('failure → operation', $$insert into stepbase.run_operation_failures (operation_id, run_id, app_code, code, message) select o.id, o.id, 'tap-two', 'x', 'x' from stepbase.run_operations o where o.app_code = 'tap-one'$$),
    ('item → work queue', $$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-one', '00000000-0000-4000-8000-00000000d208', '1')$$),
    ('run → workflow', $$insert into stepbase.runs (app_code, workflow_id, workflow_version_id) select 'tap-one', v.workflow_id, v.id from stepbase.workflow_versions v where v.app_code = 'tap-two'$$),
    ('run → application', $$insert into stepbase.runs (app_code, workflow_id, workflow_version_id) select 'tap-none', v.workflow_id, v.id from stepbase.workflow_versions v where v.app_code = 'tap-one' limit 1$$),
    ('item → application', $$insert into stepbase.work_queue_items (app_code, work_queue_id, item) values ('tap-none', '00000000-0000-4000-8000-00000000d208', '1')$$),
    ('step run → run', $$insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type, attempt) select s.run_id, 'tap-two', s.workflow_version_id, s.step_id, s.step_type, 2 from stepbase.step_runs s where s.app_code = 'tap-one'$$),
    ('event → run', $$insert into stepbase.run_events (run_id, seq, app_code, event_type) values ('00000000-0000-4000-8000-00000000d020', 2, 'tap-two', 'run.started')$$),
    ('search value → run', $$insert into stepbase.run_values (run_id, app_code, path, value, created_at) values ('00000000-0000-4000-8000-00000000d020', 'tap-two', '#', 'a', now())$$),
    ('log line → run', $$insert into stepbase.step_logs (run_id, app_code, seq, step_run_id, step_id, item_index, attempt, level, message) values ('00000000-0000-4000-8000-00000000d020', 'tap-two', 1, gen_random_uuid(), 'a', 0, 1, 'info', 'm')$$),
    ('turn of an agent → run', $$insert into stepbase.agent_turns (run_id, app_code, step_id, item_index, turn, step_run_id, text, provider, model) values ('00000000-0000-4000-8000-00000000d020', 'tap-two', 'a', 0, 1, gen_random_uuid(), '', 'openai', 'm')$$),
    ('tool call → turn of an agent', $$insert into stepbase.agent_tool_calls (run_id, app_code, step_id, item_index, turn, position, call_id, tool, step_type, input) values ('00000000-0000-4000-8000-00000000d020', 'tap-two', 'a', 0, 1, 1, 'c', 't', 'service_task', '{}')$$),
    ('signal of a run → run', $$insert into stepbase.run_signals (run_id, app_code, signal_name) values ('00000000-0000-4000-8000-00000000d020', 'tap-two', 'go')$$)
) s (what, statement);

select * from finish();
rollback;
