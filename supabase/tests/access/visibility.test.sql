-- Visibility: private is the own application, organization all applications of its organization, public every member.
-- Other applications read the shared views, without drafts and user ids; tables show a client only its own rows.

begin;
set local search_path = public, extensions;
select plan(25);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101', 'organization');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102', 'public');

select is(tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 3', 'the own application sees all three workflows');
select is(tests.attempt('viewer', 'select 1 from stepbase.shared_workflows'), 'ok 0', 'the shared views leave out own workflows');
select is(tests.attempt('sister', 'select 1 from stepbase.shared_workflows'), 'ok 2', 'an application of the same organization sees two shared workflows');
select is(tests.attempt('foreigner', 'select 1 from stepbase.shared_workflows'), 'ok 1', 'an application of another organization sees the public workflow');
select is(tests.attempt('stranger', 'select 1 from stepbase.shared_workflows'), 'ok 0', 'a user without a membership sees no shared workflow');
select is(tests.attempt('removed', 'select 1 from stepbase.shared_workflows'), 'ok 0', 'a removed member sees no shared workflow');
select is(tests.attempt('anon', 'select 1 from stepbase.shared_workflows'), '42501', 'an anonymous caller cannot read the shared views');

-- Everything hangs on a public workflow with a draft; everything that can be shared is public.
insert into stepbase.work_queues (app_code, workflow_id, queue_name) values ('tap-one', '00000000-0000-4000-8000-00000000d102', 'q');
insert into stepbase.workflow_signals (app_code, workflow_id, signal_name)
values ('tap-one', '00000000-0000-4000-8000-00000000d102', 's');
insert into stepbase.workflow_queries (app_code, workflow_id, query_name)
values ('tap-one', '00000000-0000-4000-8000-00000000d102', 'r');
insert into stepbase.workflow_children (app_code, parent_workflow_id, child_workflow_id, child_workflow_name)
values ('tap-one', '00000000-0000-4000-8000-00000000d102', '00000000-0000-4000-8000-00000000d101', 'c');
insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
values ('tap-one', '00000000-0000-4000-8000-00000000d102', 2,
  '{"nodes": [{"id": "unreleased", "type": "delay", "data": {"config": {"ms": 7}}}], "edges": []}');
update stepbase.workflows set visibility = 'public' where app_code = 'tap-one' and id <> '00000000-0000-4000-8000-00000000d101';
update stepbase.components set visibility = 'public';
update stepbase.agent_prompts set visibility = 'public';
select is_empty(
  $$select c.relname, p.who
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'app_code' and not a.attisdropped
    cross join (values ('sister'), ('foreigner'), ('stranger'), ('removed')) p (who)
    where c.relnamespace = 'stepbase'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and tests.attempt(p.who, format($q$select 1 from stepbase.%I where app_code = 'tap-one'$q$, c.relname))
        not in ('ok 0', '42501')$$,
  'no table shows a client rows of another application'
);
select is_empty(
  $$select c.relname, a.attname
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'stepbase'::regnamespace and c.relname like 'shared\_%'
      and a.attname ~ '(_by|_to|user|owner|actor)'$$,
  'the shared views have no ids of users'
);
select is(
  tests.perform_as('foreigner', $$select string_agg(s.version || ' ' || (s.definition #>> '{nodes,0,id}'), ',')
    from stepbase.shared_workflows s where s.workflow_id = '00000000-0000-4000-8000-00000000d102'$$),
  '1 first', 'other applications cannot see a draft'
);
update stepbase.workflows set visibility = 'private' where id = '00000000-0000-4000-8000-00000000d001';
update stepbase.components set visibility = 'private';
update stepbase.agent_prompts set visibility = 'private';

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
select is(tests.attempt('foreigner', 'select 1 from stepbase.shared_workflows'), 'ok 0', 'other applications cannot see a deleted workflow');
select is(
  tests.attempt('developer', $$update stepbase.workflows set deleted_at = null
    where id = '00000000-0000-4000-8000-00000000d102'$$), 'ok 1', 'the own application can restore a deleted workflow'
);

update stepbase.components set visibility = 'organization' where id = '00000000-0000-4000-8000-00000000d004';
select is(
  tests.attempt('sister', $$select 1 from stepbase.shared_components where reference = 'tap-one/component'$$), 'ok 1', 'an application of the same organization sees the component'
);
select is(
  tests.attempt('foreigner', $$select 1 from stepbase.shared_components where name = 'component'$$), 'ok 0', 'an application of another organization cannot see the component'
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
  tests.attempt('foreigner', $$select 1 from stepbase.shared_prompts where name = 'prompt'$$), 'ok 1', 'a public prompt is public'
);

select * from finish();
rollback;
