-- The task inbox: comments on tasks, and the counts of waiting tasks for each person.

begin;
set local search_path = public, extensions;
select plan(12);
select tests.create_tasks();

create function pg_temp.said(who text, body text) returns text language sql as $$
  select tests.attempt(who, format('select stepbase.comment_task(%L, %L)', tests.sample_id('user_task'), body));
$$;
create function pg_temp.counts(who text) returns jsonb language sql as $$
  select tests.perform_as(who, 'select stepbase.task_counts()::text')::jsonb;
$$;
create function pg_temp.id_of(who text) returns uuid language sql as $$ select p.user_id from tests.person(who) p; $$;

select lives_ok(
  $$select tests.perform_as('developer', format(
    'select (stepbase.comment_task(%L, %L)).id', tests.sample_id('user_task'), ' Which order? '
  ))$$,
  'a member who may complete tasks comments'
);
select results_eq(
  format('select c.body, c.user_id from stepbase.task_comments c where c.step_run_id = %L', tests.sample_id('user_task')),
  $$select 'Which order?', pg_temp.id_of('developer')$$, 'the comment names the person'
);
select is(
  (select e.event_type from stepbase.run_events e where e.run_id = tests.sample_id('second_run') order by e.seq desc limit 1),
  'task.commented', 'and is an event of the run'
);
select is(pg_temp.said('developer', '  '), 'SB400', 'an empty comment is refused');
select is(pg_temp.said('developer', repeat('x', 10001)), 'SB400', 'a long one, too');
select is(pg_temp.said('viewer', 'x'), 'SB403', 'a viewer only reads');
update stepbase.step_runs set assigned_to = pg_temp.id_of('viewer'), assigned_at = now()
where id = tests.sample_id('user_task');
select is(pg_temp.said('viewer', 'Mine'), 'ok 1', 'unless the task is theirs');
select is(pg_temp.said('foreigner', 'x'), 'SB404', 'another application cannot see the task');

select is((pg_temp.counts('viewer') ->> 'mine')::int, 1, 'the task counts as theirs');
select is((pg_temp.counts('developer') ->> 'mine')::int, 0, 'and not as that of another member');
update stepbase.step_runs
set assigned_to = null, assigned_at = null, assigned_roles = '{developer}', deadline_at = now() - interval '1 hour'
where id = tests.sample_id('user_task');
select is(
  pg_temp.counts('developer') - 'all' - 'unassigned', '{"mine": 0, "role": 1, "overdue": 1}', 'a task of a role, which is late'
);
select is((pg_temp.counts('foreigner') ->> 'all')::int, 0, 'another application has none of them');
select * from finish();
rollback;
