-- Deleting a user, workflow, project or application deletes exactly its dependent rows.

begin;
set local search_path = public, extensions;
select plan(24);
select tests.create_rows();

-- A user who has created a row in every table.
insert into stepbase.api_keys (app_code, name, prefix, scopes, created_by, owner_id)
select 'tap-one', 'mine', 'sbk_mine', '{run:read}', p.user_id, p.user_id from tests.person('admin') p;
update stepbase.workflows set created_by = '00000000-0000-4000-8000-00000000f001', updated_by = '00000000-0000-4000-8000-00000000f001'
where app_code = 'tap-one';
select set_config('stepbase.test', tests.perform_as('admin', $$select (stepbase.save_workflow('mine',
  '{"nodes": [{"id": "a", "type": "delay", "data": {"config": {"ms": 1}}}], "edges": []}')).id$$), true);
select is(
  tests.perform_as('admin', format('select (stepbase.publish_workflow(%L)).published_by', current_setting('stepbase.test'))),
  '00000000-0000-4000-8000-00000000f001', 'the version has the user as its publisher'
);
update stepbase.runs set created_by = '00000000-0000-4000-8000-00000000f001' where app_code = 'tap-one';
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f001' where app_code = 'tap-one';
update stepbase.users set active_app_code = 'tap-one' where id = '00000000-0000-4000-8000-00000000f001';

select lives_ok(
  $$delete from auth.users where id = '00000000-0000-4000-8000-00000000f001'$$, 'a user can be deleted, even the only admin'
);
select is_empty($$select 1 from stepbase.users where id = '00000000-0000-4000-8000-00000000f001'$$, 'deleting a user deletes the profile');
select is_empty($$select 1 from stepbase.app_members where user_id = '00000000-0000-4000-8000-00000000f001'$$, 'deleting a user deletes the memberships');
select results_eq(
  $$select created_by, owner_id from stepbase.api_keys where name = 'mine' and app_code = 'tap-one'$$,
  $$values (null::uuid, null::uuid)$$, 'deleting a user keeps the keys, without an owner'
);
select is_empty($$select 1 from stepbase_private.verify_api_key(repeat('c', 64))$$, 'a key without an owner gives no access');
select is((select count(*) from stepbase.workflows where app_code = 'tap-one'), 2::bigint, 'deleting a user keeps the workflows');
select is((select count(*) from stepbase.runs where app_code = 'tap-one'), 1::bigint, 'deleting a user keeps the runs');
select is(
  (select v.published_by from stepbase.workflow_versions v where v.id = current_setting('stepbase.test')::uuid), null, 'deleting a user clears published_by'
);
select isnt_empty(
  $$select 1 from stepbase.audit_log where actor_id = '00000000-0000-4000-8000-00000000f001'$$, 'the audit log keeps the id of a deleted user'
);

-- A workflow.
select is(
  tests.attempt('owner', $$delete from stepbase.workflows where id = '00000000-0000-4000-8000-00000000d001'$$), '23503',
  'a workflow with runs cannot be deleted'
);
select is(
  tests.attempt('owner', $$delete from stepbase.workflows where kebab_name = 'mine' and app_code = 'tap-one'$$), 'ok 1',
  'a workflow without runs can be deleted, even a published one'
);

-- Rows that refer to a project, a task queue or a prompt.
select is(
  tests.attempt('owner', $$delete from stepbase.projects where app_code = 'tap-one'$$), 'ok 1', 'a project can be deleted'
);
update stepbase.workflows set project_id = '00000000-0000-4000-8000-00000000d005', task_queue_id = '00000000-0000-4000-8000-00000000d006'
where id = '00000000-0000-4000-8000-00000000d001';
delete from stepbase.projects where id = '00000000-0000-4000-8000-00000000d005';
delete from stepbase.task_queues where id = '00000000-0000-4000-8000-00000000d006';
select results_eq(
  $$select w.project_id, w.task_queue_id, w.app_code from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001'$$,
  $$values (null::uuid, null::uuid, 'tap-one')$$, 'deleting a project and a task queue keeps their workflows in their application'
);
update stepbase.components set agent_prompt_id = '00000000-0000-4000-8000-00000000d003' where id = '00000000-0000-4000-8000-00000000d004';
delete from stepbase.agent_prompts where id = '00000000-0000-4000-8000-00000000d003';
select is(
  (select c.agent_prompt_id from stepbase.components c where c.id = '00000000-0000-4000-8000-00000000d004'), null, 'deleting a prompt clears the reference of its components'
);
select is(
  tests.attempt('owner', $$delete from stepbase.organizations where slug = 'tap-org'$$), '23503', 'an organization with applications cannot be deleted'
);

-- An application.
select is(tests.attempt('owner', $$delete from stepbase.applications where app_code = 'tap-one'$$), '23503', 'an application with runs cannot be deleted');
select isnt_empty($$select 1 from stepbase.work_queue_items where app_code = 'tap-one'$$, 'the application has an item in a queue');
delete from stepbase.outbox where app_code = 'tap-one';
delete from stepbase.runs where app_code = 'tap-one';
select lives_ok($$delete from stepbase.applications where app_code = 'tap-one'$$, 'an application without runs can be deleted');
select is_empty($$select 1 from stepbase.workflows where app_code = 'tap-one'$$, 'deleting an application deletes its workflows');
select is_empty($$select 1 from stepbase.workflow_nodes where app_code = 'tap-one'$$, 'deleting an application deletes its nodes');
select is_empty($$select 1 from stepbase.work_queue_items where app_code = 'tap-one'$$, 'deleting an application deletes the items of its queues');
select is_empty($$select 1 from stepbase.audit_log where app_code = 'tap-one'$$, 'deleting an application deletes its audit log');
select isnt_empty($$select 1 from stepbase.applications where app_code = 'tap-two'$$, 'deleting an application keeps other applications');

select * from finish();
rollback;
