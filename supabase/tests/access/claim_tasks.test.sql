-- Claims and delegations of tasks: who holds a task, who may end a claim, and to whom a task can be given.

begin;
set local search_path = public, extensions;
select plan(26);
select tests.create_tasks();

create function pg_temp.task() returns stepbase.step_runs language sql as $$
  select s from stepbase.step_runs s where s.id = tests.sample_id('user_task');
$$;
create function pg_temp.id_of(who text) returns uuid language sql as $$ select p.user_id from tests.person(who) p; $$;
create function pg_temp.tried(who text, call text) returns text language sql as $$
  select tests.attempt(who, 'select stepbase.' || replace(call, '{task}', quote_literal(tests.sample_id('user_task'))));
$$;
create function pg_temp.done(who text, call text) returns text language sql as $$
  select tests.perform_as(who, 'select (stepbase.' || replace(call, '{task}', quote_literal(tests.sample_id('user_task'))) || ').id');
$$;
create function pg_temp.event_types() returns text[] language sql as $$
  select array_agg(e.event_type order by e.seq) from stepbase.run_events e
  where e.run_id = tests.sample_id('second_run') and e.event_type like 'task.%';
$$;

-- Claiming.
select lives_ok($$select pg_temp.done('developer', 'claim_task({task})')$$, 'a member who may complete a task claims it');
select is((pg_temp.task()).claimed_by, pg_temp.id_of('developer'), 'and others see who has it');
select isnt((pg_temp.task()).claimed_at, null, 'and since when');
select lives_ok($$select pg_temp.done('developer', 'claim_task({task})')$$, 'a second claim of the same person changes nothing');
select is(pg_temp.event_types(), '{task.claimed}', 'and is no event');
select is(
  tests.detail_of('admin', format('select stepbase.claim_task(%L)', tests.sample_id('user_task'))) ->> 'claimed_by',
  pg_temp.id_of('developer')::text, 'another claim is refused, and the error names the person'
);
select is(pg_temp.tried('admin', 'complete_task({task})'), 'SB409', 'not even a member manager completes a claimed task');
select is(pg_temp.tried('admin', $$delegate_task({task}, '00000000-0000-4000-8000-00000000f003')$$), 'SB409', 'or delegates it');
select is(pg_temp.tried('service', 'complete_task({task})'), 'SB400', 'the secret key needs an application');
select is(pg_temp.tried('developer', 'complete_task({task})'), 'ok 1', 'the person who claimed it completes it');

-- Releasing.
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-one', '00000000-0000-4000-8000-00000000f007', 'developer');
select is(pg_temp.tried('removed', 'release_task({task})'), 'SB403', 'another member cannot release it');
select lives_ok($$select pg_temp.done('admin', 'release_task({task})')$$, 'a member manager releases it');
select is((pg_temp.task()).claimed_by, null, 'and then no one has it');
select lives_ok($$select pg_temp.done('admin', 'release_task({task})')$$, 'a task that no one has is released without an effect');
select is(pg_temp.event_types(), '{task.claimed,task.released}', 'each change is an event');
select lives_ok($$select pg_temp.done('removed', 'claim_task({task})')$$, 'and another member claims it');
delete from stepbase.app_members where user_id = pg_temp.id_of('removed');
select is(pg_temp.tried('developer', 'claim_task({task})'), 'ok 1', 'the claim of a person who left the application does not count');

-- Delegating.
select is(pg_temp.tried('developer', $$delegate_task({task}, null)$$), 'SB400', 'a delegation names a person');
select is(
  pg_temp.tried('developer', format('delegate_task({task}, %L)', pg_temp.id_of('sister'))), 'SB404',
  'who is a member of the application'
);
select is(
  pg_temp.tried('developer', format('delegate_task({task}, %L, repeat(''x'', 1001))', pg_temp.id_of('viewer'))), 'SB400',
  'with a note of at most 1000 characters'
);
select lives_ok(
  $$select pg_temp.done('developer', format('delegate_task({task}, %L, ''please'')', pg_temp.id_of('viewer')))$$,
  'a member delegates a task to another one with any role'
);
select is((pg_temp.task()).assigned_to, pg_temp.id_of('viewer'), 'who is then its assignee');
select is(
  (
    select e.payload - 'from' from stepbase.run_events e
    where e.run_id = tests.sample_id('second_run') and e.event_type = 'task.delegated'
  ),
  jsonb_build_object('to', pg_temp.id_of('viewer'), 'note', 'please'), 'the history has the note'
);
select is(pg_temp.tried('developer', 'complete_task({task})'), 'SB403', 'the member who delegated cannot complete it any more');
select is(pg_temp.tried('viewer', 'complete_task({task})'), 'ok 1', 'the new assignee can');
select is(
  tests.attempt('owner', format(
    'update stepbase.step_runs set claimed_by = %L, claimed_at = null where id = %L', pg_temp.id_of('viewer'),
    tests.sample_id('user_task')
  )), '23514', 'a claim has a person and a time'
);

select * from finish();
rollback;
