-- Visibility: private is the own application, organization its sisters, public everybody; writing stays.

begin;
set local search_path = public, extensions;
select plan(25);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt('viewer', 'select 1 from public.workflows'), 'ok 3', 'own: all three');
select is(tests.attempt('sister', 'select 1 from public.workflows'), 'ok 2', 'sister: organization and public');
select is(tests.attempt('foreigner', 'select 1 from public.workflows'), 'ok 1', 'foreigner: public');
select is(tests.attempt('stranger', 'select 1 from public.workflows'), 'ok 0', 'stranger: none');
select is(tests.attempt('anon', 'select 1 from public.workflows'), '42501', 'anon: refused');
select is(tests.attempt('sister', 'select 1 from public.workflow_versions'), 'ok 2', 'versions follow: sister');
select is(tests.attempt('foreigner', 'select 1 from public.workflow_versions'), 'ok 1', 'versions follow: foreigner');
select is(tests.attempt('foreigner', 'select 1 from public.workflow_nodes'), 'ok 3', 'nodes follow');
select is(tests.attempt('foreigner', 'select 1 from public.workflow_edges'), 'ok 2', 'edges follow');
select is(tests.attempt('stranger', 'select 1 from public.workflow_nodes'), 'ok 0', 'stranger: no nodes');
select is(
  tests.attempt('sister', $$update public.workflows set description = 'x' where visibility = 'organization'$$), 'ok 0',
  'sister reads, does not write'
);
select is(
  tests.attempt('foreigner', $$update public.workflows set description = 'x' where visibility = 'public'$$), 'ok 0',
  'foreigner reads, does not write'
);
select is(
  tests.attempt('foreigner', $$insert into public.workflow_signals (app_code, workflow_id, signal_name)
    values ('tap-three', '00000000-0000-4000-8000-00000000d102', 'x')$$),
  '23503', 'nothing hangs itself on another application''s workflow'
);
update public.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d102';
select is(tests.attempt('foreigner', 'select 1 from public.workflows'), 'ok 0', 'a deleted workflow is shown to nobody else');
select is(
  tests.attempt('developer', $$update public.workflows set deleted_at = null
    where id = '00000000-0000-4000-8000-00000000d102'$$), 'ok 1', 'its own application can bring it back'
);

update public.components set visibility = 'organization' where id = '00000000-0000-4000-8000-00000000d004';
select is(
  tests.attempt('sister', $$select 1 from public.components where name = 'component'$$), 'ok 1', 'sister sees the component'
);
select is(
  tests.attempt('foreigner', $$select 1 from public.components where name = 'component'$$), 'ok 0', 'foreigner does not'
);
select is(
  tests.attempt('sister', $$delete from public.components where name = 'component'$$), 'ok 0', 'sister deletes nothing'
);
insert into public.components (app_code, name, implementation_type, endpoint, visibility, created_by)
values (null, 'tap-shared', 'service_task', 'https://x.example', 'public', null);
select is(
  tests.attempt('foreigner', $$select 1 from public.components where name = 'tap-shared'$$), 'ok 1', 'shared: everybody sees it'
);
select is(
  tests.attempt('admin', $$update public.components set description = 'x' where name = 'tap-shared'$$), 'ok 0',
  'shared: no application changes it'
);
select is(
  tests.attempt('admin', $$insert into public.components (app_code, name, implementation_type, endpoint)
    values (null, 'mine', 'service_task', 'https://x.example')$$), '42501', 'no application makes a shared one'
);
select is(private.component_for('tap-two', 'component'), '00000000-0000-4000-8000-00000000d004', 'a sister''s steps may use it');
select is(private.component_for('tap-three', 'component'), null, 'a foreigner''s may not');
select isnt(private.component_for('tap-three', 'tap-shared'), null, 'everybody''s may use a shared one');
update public.agent_prompts set visibility = 'public' where id = '00000000-0000-4000-8000-00000000d003';
select is(
  tests.attempt('foreigner', $$select 1 from public.agent_prompts where name = 'prompt'$$), 'ok 1', 'a public prompt is public'
);

select * from finish();
rollback;
