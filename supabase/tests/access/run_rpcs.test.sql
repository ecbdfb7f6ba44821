-- What clients do with runs: each call as every role, as other applications, and without signing in.

begin;
set local search_path = public, extensions;
select plan(88);
select tests.create_rows();
-- Two tasks that wait, in runs of their own.
update stepbase.runs set status = 'running', started_at = now(), open_steps = 1
where id = '00000000-0000-4000-8000-00000000d020';
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, status, started_at, open_steps, steps_total
)
select '00000000-0000-4000-8000-00000000d022', r.app_code, r.workflow_id, r.workflow_version_id, 'running', now(), 1, 3
from stepbase.runs r
where r.id = '00000000-0000-4000-8000-00000000d020';
insert into stepbase.step_runs (
  id, run_id, app_code, workflow_version_id, step_id, step_type, status, wait_kind, task, started_at
)
select
  t.id::uuid, r.id, r.app_code, r.workflow_version_id, t.step_id, t.step_type, 'waiting', 'task', '{"title": "Go?"}', now()
from (
  values
    ('00000000-0000-4000-8000-00000000d023', '00000000-0000-4000-8000-00000000d020', 'second', 'wait_for_approval'),
    ('00000000-0000-4000-8000-00000000d024', '00000000-0000-4000-8000-00000000d022', 'third', 'user_task')
) t (id, run_id, step_id, step_type)
join stepbase.runs r on r.id = t.run_id::uuid;

create temporary table calls (name text, statement text);
insert into calls
values
  ('start_run', $$select stepbase.start_run('w-00d001', '{}')$$),
  ('cancel_run', $$select stepbase.cancel_run('00000000-0000-4000-8000-00000000d020')$$),
  ('pause_run', $$select stepbase.pause_run('00000000-0000-4000-8000-00000000d020')$$),
  ('decide_approval', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$),
  ('send_signal', $$select stepbase.send_signal('00000000-0000-4000-8000-00000000d020', 'go')$$),
  ('resume_run', $$select stepbase.resume_run('00000000-0000-4000-8000-00000000d020')$$),
  ('rerun', $$select stepbase.rerun('00000000-0000-4000-8000-00000000d020')$$),
  ('complete_task', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$);

select is(tests.attempt(p.who, c.statement), p.answer, format('%s: %s', c.name, p.who))
from calls c
cross join (
  values
    ('viewer', 'SB403'), ('sister', 'SB404'), ('foreigner', 'SB404'), ('stranger', 'SB403'), ('removed', 'SB403'),
    ('anon', '42501')
) p (who, answer);
select is(tests.attempt(p.who, c.statement), 'ok 1', format('%s: %s', c.name, p.who))
from calls c
cross join (values ('admin'), ('developer')) p (who)
where c.name in ('start_run', 'cancel_run', 'pause_run', 'decide_approval', 'send_signal');
-- Resuming what runs changes nothing; only what has ended can be run again.
select is(tests.attempt(p.who, c.statement), c.answer, format('%s: %s', c.name, p.who))
from (
  select calls.*, case calls.name when 'rerun' then 'SB409' else 'ok 1' end as answer from calls
) c
cross join (values ('admin'), ('developer')) p (who)
where c.name in ('resume_run', 'rerun', 'complete_task');

select is(tests.attempt('developer', s.statement), s.answer, s.what)
from (
  values
    ('an unknown workflow', 'SB404', $$select stepbase.start_run('nowhere')$$),
    ('an unknown version', 'SB404', $$select stepbase.start_run('w-00d001', '{}', null, 9)$$),
    ('an input that is no object', 'SB422', $$select stepbase.start_run('w-00d001', '[]')$$),
    ('an unknown run', 'SB404', 'select stepbase.cancel_run(gen_random_uuid())'),
    ('an unknown task', 'SB404', 'select stepbase.decide_approval(gen_random_uuid(), true)')
) s (what, answer, statement);

-- A task that is somebody's: only theirs to decide.
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f002' where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1', 'the assignee decides'
);
update stepbase.app_members set role = 'viewer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$select stepbase.cancel_run('00000000-0000-4000-8000-00000000d020')$$), 'SB403', 'demoted: no longer'
);

-- A task for a role, and machines.
update stepbase.step_runs set assigned_to = null, assigned_role = 'admin' where id = '00000000-0000-4000-8000-00000000d023';
update stepbase.app_members set role = 'developer' where user_id = '00000000-0000-4000-8000-00000000f002';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB403',
  'a task for admins is not a developer''s'
);
update stepbase.step_runs set assigned_role = 'viewer' where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'one for viewers is a developer''s too'
);
update stepbase.step_runs set assigned_role = null where id = '00000000-0000-4000-8000-00000000d023';
create function pg_temp.decide_with_key(scope text)
returns text
language plpgsql
as $$
begin
  insert into stepbase.api_keys (id, app_code, name, prefix, key_hash, scopes)
  values (
    md5(scope)::uuid, 'tap-one', scope, 'x', encode(sha256(convert_to(scope, 'UTF8')), 'hex'), array[scope]
  );
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
select is(pg_temp.decide_with_key('run:read'), 'SB403', 'an API key without task:complete decides nothing');
select is(pg_temp.decide_with_key('task:complete'), 'ok', 'one with it does');
select tests.leave();

-- What waits for anything but a person is no task, whoever asks.
update stepbase.step_runs set wait_kind = 'retry' where run_id in (
  '00000000-0000-4000-8000-00000000d020', '00000000-0000-4000-8000-00000000d022'
) and status = 'waiting';
select is(
  tests.attempt('admin', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB409',
  'an approval that waits for its next attempt is not decided'
);
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB409',
  'nor is such a user task completed'
);
update stepbase.step_runs set step_type = 'service_task' where id = '00000000-0000-4000-8000-00000000d024';
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB404',
  'a service task is nobody''s to complete'
);
update stepbase.step_runs set step_type = 'ai_agent_task' where id = '00000000-0000-4000-8000-00000000d024';
select is(
  tests.attempt('admin', $$select stepbase.complete_task('00000000-0000-4000-8000-00000000d024')$$), 'SB404',
  'nor is that of an agent'
);
update stepbase.step_runs set wait_kind = 'task' where id = '00000000-0000-4000-8000-00000000d023';

-- A task whose assignee is no more does not become everybody's.
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f003', assigned_at = now()
where id = '00000000-0000-4000-8000-00000000d023';
select is(
  tests.attempt('viewer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'the assignee may decide'
);
delete from auth.users where id = '00000000-0000-4000-8000-00000000f003';
select is(
  (select s.assigned_to from stepbase.step_runs s where s.id = '00000000-0000-4000-8000-00000000d023'), null,
  'the assignee is deleted'
);
select is(
  tests.attempt('developer', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'SB403',
  'and the task is not open to others'
);
select is(pg_temp.decide_with_key('run:execute'), 'SB403', 'nor to a machine');
select tests.leave();
select is(
  tests.attempt('admin', $$select stepbase.decide_approval('00000000-0000-4000-8000-00000000d023', true)$$), 'ok 1',
  'but to who manages members'
);

-- A workflow that is not to be started.
update stepbase.workflows set status = 'deprecated' where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'ok 1', 'a deprecated workflow still starts');
update stepbase.workflows set status = 'archived' where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'SB409', 'an archived one does not');
update stepbase.workflows set deleted_at = now() where id = '00000000-0000-4000-8000-00000000d001';
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'SB404', 'a deleted one is not there');

-- A user who is deleted or inactive.
update stepbase.users set is_active = false where id = '00000000-0000-4000-8000-00000000f001';
select is(
  tests.attempt('admin', $$select stepbase.cancel_run('00000000-0000-4000-8000-00000000d020')$$), 'SB403', 'a deactivated user may nothing'
);

select * from finish();
rollback;
