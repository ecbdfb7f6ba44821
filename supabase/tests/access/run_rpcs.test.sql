-- Calls on runs and tasks whose outcome depends on more than the caller's role: arguments, assignment, API keys, the
-- state of the task. rpcs.matrix.test.sql has the outcome for each role.

begin;
set local search_path = public, extensions;
select plan(28);
select tests.create_tasks();

select is(
  tests.attempt(p.who, 'select stepbase.rerun(' || quote_literal(tests.sample_id('run')) || ')'), 'SB409',
  format('rerun as %s is refused while the run is in flight', p.who)
)
from (values ('admin'), ('developer')) p (who);

select is(tests.attempt('developer', s.statement), s.answer, s.what)
from (
  values
    ('start_run fails for an unknown workflow', 'SB404', $$select stepbase.start_run('nowhere')$$),
    ('start_run fails for an unknown version', 'SB404', $$select stepbase.start_run('w-00d001', '{}', null, 9)$$),
    ('start_run fails when the input is not an object', 'SB422', $$select stepbase.start_run('w-00d001', '[]')$$),
    ('cancel_run fails for an unknown run', 'SB404', 'select stepbase.cancel_run(gen_random_uuid())'),
    ('decide_approval fails for an unknown task', 'SB404', 'select stepbase.decide_approval(gen_random_uuid(), true)')
) s (what, answer, statement);

-- An assigned task.
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f002' where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1', 'the assignee may decide the approval'
);
update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$select stepbase.cancel_run('00000000-0000-4000-8000-00000000d020')$$), 'SB403', 'a developer who became a viewer may not cancel a run'
);

-- A task for a role, and callers with an API key.
update stepbase.step_runs set assigned_to = null, assigned_roles = '{admin}' where id = '00000000-0000-4000-8000-00000000d023';
update stepbase.app_members set role = 'developer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB403',
  'a developer may not decide an approval that is assigned to admins'
);
update stepbase.step_runs set assigned_roles = '{viewer,developer}' where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'a developer may decide an approval that is assigned to several roles, one of them developer'
);
update stepbase.step_runs set assigned_roles = '{viewer}' where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB403',
  'no role includes another: a developer may not decide an approval that is assigned to viewers'
);
select is(
  tests.attempt('admin', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'a member manager may decide every approval'
);
update stepbase.step_runs set assigned_roles = null where id = '00000000-0000-4000-8000-00000000d023';
create function pg_temp.decide_with_key(scope text)
returns text
language plpgsql
as $$
begin
  insert into stepbase.api_keys (id, app_code, name, prefix, scopes, owner_id)
  select md5(scope)::uuid, 'tap-one', scope, 'x', array[scope], p.user_id from tests.person('admin') p;
  perform set_config(
    'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'api_key_id', md5(scope)::uuid)::text, true
  );
  begin
    set local role authenticated;
    perform stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true);
    raise exception using errcode = 'TAP00';
  exception
    when sqlstate 'TAP00' then
      return 'ok';
    when others then
      return sqlstate;
  end;
end
$$;
select is(pg_temp.decide_with_key('run:read'), 'SB403', 'an API key without task:complete may not decide an approval');
select is(pg_temp.decide_with_key('task:complete'), 'ok', 'an API key with task:complete may decide an approval');
select tests.leave();

-- A step that waits for something other than a person is not a task.
update stepbase.step_runs set wait_kind = 'retry' where run_id in (
  '00000000-0000-4000-8000-00000000d020', '00000000-0000-4000-8000-00000000d022'
) and status = 'waiting';
select is(
  tests.attempt('admin', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB409',
  'an approval that waits for its next attempt cannot be decided'
);
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB409',
  'a user task that waits for its next attempt cannot be completed'
);
update stepbase.step_runs set step_type = 'service_task' where id = '00000000-0000-4000-8000-00000000d024';
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB404',
  'complete_task does not find a service task'
);
update stepbase.step_runs set step_type = 'ai_agent_task' where id = '00000000-0000-4000-8000-00000000d024';
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB404',
  'complete_task does not find an agent task'
);
update stepbase.step_runs set wait_kind = 'task' where id = '00000000-0000-4000-8000-00000000d023';

-- A task whose assignee was deleted does not become open to everyone.
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f003', assigned_at = now()
where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('viewer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'the assignee may decide the approval with any role'
);
delete from auth.users where id = '00000000-0000-4000-8000-00000000f003';
select is(
  (select s.assigned_to from stepbase.step_runs s where s.id = '00000000-0000-4000-8000-00000000d023'), null,
  'deleting the user clears assigned_to'
);
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB403',
  'a developer may not decide the approval of a deleted assignee'
);
select is(pg_temp.decide_with_key('run:execute'), 'SB403', 'an API key may not decide the approval of a deleted assignee');
select tests.leave();
select is(
  tests.attempt('admin', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'an admin may decide the approval of a deleted assignee'
);

-- Workflows that cannot be started.
update stepbase.workflows set status = 'deprecated' where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'ok 1', 'start_run starts a deprecated workflow');
update stepbase.workflows set status = 'archived' where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'SB409', 'start_run refuses an archived workflow');
update stepbase.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'SB404', 'start_run does not find a deleted workflow');

-- An inactive user.
update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f001';
select is(
  tests.attempt('admin', $$select stepbase.cancel_run('00000000-0000-4000-8000-00000000d020')$$), 'SB403', 'a deactivated user may not cancel a run'
);

select * from finish();
rollback;
