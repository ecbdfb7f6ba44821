-- Visibility: private is the own application, organization its sisters, public everybody; writing stays.

begin;
set local search_path = public, extensions;
select plan(25);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 3', 'own: all three');
select is(tests.attempt('sister', 'select 1 from stepbase.workflows'), 'ok 2', 'sister: organization and public');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflows'), 'ok 1', 'foreigner: public');
select is(tests.attempt('stranger', 'select 1 from stepbase.workflows'), 'ok 0', 'stranger: none');
select is(tests.attempt('anon', 'select 1 from stepbase.workflows'), '42501', 'anon: refused');
select is(tests.attempt('sister', 'select 1 from stepbase.workflow_versions'), 'ok 2', 'versions follow: sister');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_versions'), 'ok 1', 'versions follow: foreigner');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_nodes'), 'ok 3', 'nodes follow');
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflow_edges'), 'ok 2', 'edges follow');
select is(tests.attempt('stranger', 'select 1 from stepbase.workflow_nodes'), 'ok 0', 'stranger: no nodes');
select is(
  tests.attempt('sister', $$update stepbase.workflows set description = 'x' where visibility = 'organization'$$), 'ok 0',
  'sister reads, does not write'
);
select is(
  tests.attempt('foreigner', $$update stepbase.workflows set description = 'x' where visibility = 'public'$$), 'ok 0',
  'foreigner reads, does not write'
);
select is(
  tests.attempt('foreigner', $$insert into stepbase.workflow_signals (app_code, workflow_id, signal_name)
    values ('tap-three', '00000000-0000-4000-8000-00000000d102', 'x')$$),
  '23503', 'nothing hangs itself on another application''s workflow'
);
update stepbase.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d102';
select is(tests.attempt('foreigner', 'select 1 from stepbase.workflows'), 'ok 0', 'a deleted workflow is shown to nobody else');
select is(
  tests.attempt('developer', $$update stepbase.workflows set deleted_at = null
    where id = '00000000-0000-4000-8000-00000000d102'$$), 'ok 1', 'its own application can bring it back'
);

update stepbase.components set visibility = 'organization' where id = '00000000-0000-4000-8000-00000000d004';
select is(
  tests.attempt('sister', $$select 1 from stepbase.components where name = 'component'$$), 'ok 1', 'sister sees the component'
);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.components where name = 'component'$$), 'ok 0', 'foreigner does not'
);
select is(
  tests.attempt('sister', $$delete from stepbase.components where name = 'component'$$), 'ok 0', 'sister deletes nothing'
);
insert into stepbase.components (app_code, name, implementation_type, endpoint, visibility, created_by)
values (null, 'tap-shared', 'service_task', 'https://x.example', 'public', null);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.components where name = 'tap-shared'$$), 'ok 1', 'shared: everybody sees it'
);
select is(
  tests.attempt('admin', $$update stepbase.components set description = 'x' where name = 'tap-shared'$$), 'ok 0',
  'shared: no application changes it'
);
select is(
  tests.attempt('admin', $$insert into stepbase.components (app_code, name, implementation_type, endpoint)
    values (null, 'mine', 'service_task', 'https://x.example')$$), '42501', 'no application makes a shared one'
);
select is(stepbase_private.component_for('tap-two', 'component'), '00000000-0000-4000-8000-00000000d004', 'a sister''s steps may use it');
select is(stepbase_private.component_for('tap-three', 'component'), null, 'a foreigner''s may not');
select isnt(stepbase_private.component_for('tap-three', 'tap-shared'), null, 'everybody''s may use a shared one');
update stepbase.agent_prompts set visibility = 'public' where id = '00000000-0000-4000-8000-00000000d003';
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.agent_prompts where name = 'prompt'$$), 'ok 1', 'a public prompt is public'
);

select * from finish();
rollback;
