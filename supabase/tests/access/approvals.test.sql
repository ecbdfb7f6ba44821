-- Approvals of several persons: how many must approve, what a rejection means, and who is excluded.

begin;
set local search_path = public, extensions;
select plan(37);
select tests.create_tasks();
delete from stepbase.task_decisions where true;

create function pg_temp.id_of(who text) returns uuid language sql as $$ select p.user_id from tests.person(who) p; $$;
-- Sets the rules of the sample approval.
create function pg_temp.rules(rules jsonb, users text[] default null, roles text[] default null) returns void
language sql as $$
  update stepbase.step_runs
  set
    task = '{"title": "Go?"}' || rules, assigned_roles = roles,
    assigned_users = (select array_agg(pg_temp.id_of(u)) from unnest(users) u),
    assigned_at = case when users is not null then now() end
  where id = tests.sample_id('approval');
$$;
create function pg_temp.call(approved text) returns text language sql as $$
  select format('stepbase.decide_approval(%L, %s, ''c'')', tests.sample_id('approval'), approved);
$$;
create function pg_temp.tried(who text, approved text default 'true') returns text language sql as $$
  select tests.attempt(who, 'select ' || pg_temp.call(approved));
$$;
-- The status and the handle of the approval after a decision.
create function pg_temp.decided(who text, approved text default 'true') returns text language sql as $$
  select tests.perform_as(who, 'select concat_ws('' '', d.status, d.handle) from ' || pg_temp.call(approved) || ' d');
$$;
-- What decisions, one after the other, lead to; they are rolled back.
create function pg_temp.outcome(variadic decisions text[]) returns text language plpgsql as $$
declare
  v_outcome text;
  v_decision text;
begin
  foreach v_decision in array decisions loop
    v_outcome := pg_temp.decided(split_part(v_decision, ' ', 1), split_part(v_decision, ' ', 2));
  end loop;
  raise exception using errcode = 'TAP00', message = v_outcome;
exception
  when sqlstate 'TAP00' then
    perform tests.leave();
    return sqlerrm;
end;
$$;

select is(pg_temp.outcome('developer true'), 'completed approved', 'without rules the first decision counts');
select is(pg_temp.outcome('developer false'), 'completed rejected', 'a rejection too');
select is(pg_temp.tried('developer', 'null'), 'SB400', 'a decision is yes or no');
select is(
  tests.attempt('developer', format(
    'select stepbase.decide_approval(%L, true, repeat(''x'', 10001))', tests.sample_id('approval')
  )), 'SB400', 'a comment has at most 10,000 characters'
);

-- Two of three.
insert into stepbase.app_members (app_code, user_id, role) values ('tap-one', pg_temp.id_of('removed'), 'developer');
select pg_temp.rules('{"approvals_required": 2}', '{developer,viewer,removed}');
select is(pg_temp.outcome('developer true'), 'waiting', 'one approval of two is not enough');
select is(pg_temp.outcome('developer true', 'viewer true'), 'completed approved', 'two are');
select is(pg_temp.outcome('developer true', 'viewer false'), 'completed rejected', 'the first rejection decides');
select is(pg_temp.tried('stranger'), 'SB403', 'a person without a membership cannot decide');
select is(
  pg_temp.outcome('admin true', 'viewer true'), 'completed approved', 'a member manager counts as one approver'
);
select is(pg_temp.decided('developer'), 'waiting', 'a first approval');
select is(pg_temp.tried('developer'), 'SB409', 'a person decides once');
select is(pg_temp.tried('developer', 'false'), 'SB409', 'and cannot take it back');
select is(
  (select array_agg(e.payload ->> 'approved') from stepbase.run_events e where e.event_type = 'task.decided'), '{true}',
  'the history has the decision'
);
select results_eq(
  $$select d.user_id, d.via, d.approved, d.comment from stepbase.task_decisions d$$,
  $$select pg_temp.id_of('developer'), 'session', true, 'c'$$, 'it is a row'
);
select is(
  (select l.actor_id from stepbase.audit_log l where l.table_name = 'task_decisions' and l.operation = 'insert' and l.new_row ->> 'comment' = 'c'),
  pg_temp.id_of('developer'), 'of which the audit log has the person'
);
select is(
  tests.attempt('owner', $$insert into stepbase.task_decisions (app_code, run_id, step_run_id, user_id, via, approved)
    select app_code, run_id, step_run_id, user_id, 'link', true from stepbase.task_decisions$$), '23505',
  'the database has one decision for each person'
);
select is(
  tests.attempt('owner', $$insert into stepbase.task_decisions (app_code, run_id, step_run_id, via, approved)
    select 'tap-two', run_id, step_run_id, 'link', true from stepbase.task_decisions$$), '23503',
  'in the application of the run'
);
select is(
  tests.attempt('developer', format('select stepbase.claim_task(%L)', tests.sample_id('approval'))), 'SB409',
  'an approval of several persons cannot be claimed'
);
select is(
  tests.attempt('developer', format('select stepbase.delegate_task(%L, %L)', tests.sample_id('approval'), pg_temp.id_of('admin'))),
  'SB409', 'a person who has decided cannot delegate'
);
select lives_ok(
  format(
    'select tests.perform_as(''viewer'', %L)',
    format('select (stepbase.delegate_task(%L, %L)).id', tests.sample_id('approval'), pg_temp.id_of('admin'))
  ), 'one of several persons delegates their decision'
);
select is(
  (select s.assigned_users from stepbase.step_runs s where s.id = tests.sample_id('approval')),
  array[pg_temp.id_of('developer'), pg_temp.id_of('admin'), pg_temp.id_of('removed')], 'and only theirs'
);
select is(pg_temp.tried('viewer'), 'SB403', 'so that they cannot decide any more');
select matches(
  pg_temp.outcome('admin true'), '^completed approved$', 'the new person can'
);
delete from stepbase.task_decisions where true;

-- A rejection that does not decide.
select pg_temp.rules('{"approvals_required": 2, "reject_on": "unreachable"}', '{developer,viewer,removed}');
select is(pg_temp.outcome('developer false'), 'waiting', 'with reject_on unreachable, two of three can still approve after a rejection');
select is(pg_temp.outcome('developer false', 'viewer true', 'removed true'), 'completed approved', 'and if they do, it is approved');
select is(pg_temp.outcome('developer false', 'viewer false'), 'completed rejected', 'two rejections of three leave too few');
delete from stepbase.app_members where user_id = pg_temp.id_of('removed');
select is(pg_temp.outcome('developer false'), 'completed rejected', 'a person who left the application is not counted');
select pg_temp.rules('{"approvals_required": 2, "reject_on": "unreachable"}', null, '{developer,admin}');
select is(pg_temp.outcome('developer false'), 'completed rejected', 'of a role, its members are counted');
select pg_temp.rules('{"approvals_required": 1, "reject_on": "unreachable"}', null, '{developer,admin}');
select is(pg_temp.outcome('developer false', 'admin true'), 'completed approved', 'and one of them is enough if one is required');

-- The requester.
update stepbase.runs set created_by = pg_temp.id_of('admin') where id = tests.sample_id('run');
select pg_temp.rules('{"exclude_requester": true}');
select is(pg_temp.tried('admin'), 'SB403', 'the person who started the run cannot decide, not even as a member manager');
select is(pg_temp.tried('developer'), 'ok 1', 'others can');
update stepbase.runs set created_by = null where id = tests.sample_id('run');
select is(pg_temp.tried('admin'), 'ok 1', 'a run that no person started excludes no one');
-- The first event of a run names the key that started it.
insert into stepbase.run_events (run_id, seq, app_code, event_type, created_at, payload)
select r.id, 1, r.app_code, 'run.created', r.created_at, jsonb_build_object('actor', jsonb_build_object('api_key_id', tests.sample_id('api_key')))
from stepbase.runs r
where r.id = tests.sample_id('second_run');
select is(
  stepbase_private.requester_of(tests.sample_id('second_run')), pg_temp.id_of('admin'),
  'the owner of an API key is the person who started its runs'
);
update stepbase.runs set parent_run_id = tests.sample_id('second_run') where id = tests.sample_id('run');
select is(pg_temp.tried('admin'), 'SB403', 'for a child run, the person who started the parent is excluded');
-- The failed run is the one that continues: the developer continued the run of the admin.
update stepbase.runs set created_by = pg_temp.id_of('developer'), origin_run_id = tests.sample_id('second_run')
where id = tests.sample_id('failed_run');
select is(
  stepbase_private.requester_of(tests.sample_id('failed_run')), pg_temp.id_of('developer'), 'the person who reruns a run is its requester'
);
insert into stepbase.run_events (run_id, seq, app_code, event_type, created_at, payload)
select r.id, 2, r.app_code, 'run.continued', r.created_at, '{}' from stepbase.runs r where r.id = tests.sample_id('failed_run');
select is(
  stepbase_private.requester_of(tests.sample_id('failed_run')), pg_temp.id_of('admin'),
  'a run that continues on another version keeps the requester of the run before it'
);
select set_config('request.headers', '{"x-stepbase-app": "tap-one"}', true);
select is(pg_temp.tried('service'), 'SB403', 'a machine without a person cannot decide such an approval');

select * from finish();
rollback;
