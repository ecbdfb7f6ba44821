-- Visibility: private is the own application, organization all of its organization, public every member. Only the own
-- application can write.

begin;
set local search_path = public, extensions;
select plan(25);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 3', 'the own application sees all three workflows');
select is(tests.attempt('sister', 'select 1 from stepbase.workflows'), 'ok 2', 'an application of the same organization sees two workflows');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflows'), 'ok 1', 'an application of another organization sees the public workflow');
select is(tests.attempt('stranger', 'select 1 from stepbase.workflows'), 'ok 0', 'a user without a membership sees no workflow');
select is(tests.attempt('anon', 'select 1 from stepbase.workflows'), '42501', 'an anonymous caller cannot read workflows');
select is(tests.attempt('sister', 'select 1 from stepbase.workflow_versions'), 'ok 2', 'an application of the same organization sees two versions');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_versions'), 'ok 1', 'an application of another organization sees the public version');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_nodes'), 'ok 3', 'an application of another organization sees the nodes of the public version');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_edges'), 'ok 2', 'an application of another organization sees the edges of the public version');
select is(tests.attempt('stranger', 'select 1 from stepbase.workflow_nodes'), 'ok 0', 'a user without a membership sees no nodes');
select is(
  tests.attempt('sister', $$update stepbase.workflows set description = 'x' where visibility = 'organization'$$), 'ok 0',
  'an application of the same organization cannot change a visible workflow'
);
select is(
  tests.attempt('foreigner', $$update stepbase.workflows set description = 'x' where visibility = 'public'$$), 'ok 0',
  'an application of another organization cannot change a public workflow'
);
select is(
  tests.attempt('foreigner', $$insert into stepbase.workflow_signals (app_code, workflow_id, signal_name)
    values ('tap-three', '00000000-0000-4000-8000-00000000d102', 'x')$$),
  '23503', 'a signal cannot refer to a workflow of another application'
);
update stepbase.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d102';
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflows'), 'ok 0', 'other applications cannot see a deleted workflow');
select is(
  tests.attempt('developer', $$update stepbase.workflows set deleted_at = null
    where id = '00000000-0000-4000-8000-00000000d102'$$), 'ok 1', 'the own application can restore a deleted workflow'
);

update stepbase.components set visibility = 'organization' where id = '00000000-0000-4000-8000-00000000d004';
select is(
  tests.attempt('sister', $$select 1 from stepbase.components where name = 'component'$$), 'ok 1', 'an application of the same organization sees the component'
);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.components where name = 'component'$$), 'ok 0', 'an application of another organization cannot see the component'
);
select is(
  tests.attempt('sister', $$delete from stepbase.components where name = 'component'$$), 'ok 0', 'an application of the same organization cannot delete the component'
);
insert into stepbase.components (app_code, name, implementation_type, endpoint, visibility, created_by)
values (null, 'tap-shared', 'service_task', 'https://x.example', 'public', null);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.components where name = 'tap-shared'$$), 'ok 1', 'every member sees a shared component'
);
select is(
  tests.attempt('admin', $$update stepbase.components set description = 'x' where name = 'tap-shared'$$), 'ok 0',
  'no application can change a shared component'
);
select is(
  tests.attempt('admin', $$insert into stepbase.components (app_code, name, implementation_type, endpoint)
    values (null, 'mine', 'service_task', 'https://x.example')$$), '42501', 'no application can create a shared component'
);
select is(stepbase_private.component_for('tap-two', 'tap-one/component'), '00000000-0000-4000-8000-00000000d004', 'steps of an application of the same organization can use the component');
select is(stepbase_private.component_for('tap-three', 'tap-one/component'), null, 'steps of an application of another organization cannot use the component');
select isnt(stepbase_private.component_for('tap-three', 'tap-shared'), null, 'steps of every application can use a shared component');
update stepbase.agent_prompts set visibility = 'public' where id = '00000000-0000-4000-8000-00000000d003';
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.agent_prompts where name = 'prompt'$$), 'ok 1', 'an application of another organization sees a public prompt'
);

select * from finish();
rollback;
