-- start_runs: many runs at once, with one outcome for each.

begin;
set local search_path = public, extensions;
select plan(29);
select tests.create_tasks();
update stepbase.runs set completed_at = now(), status = 'cancelled' where id = tests.sample_id('second_run');

create function pg_temp.start(p_items jsonb, p_who text default 'developer')
returns jsonb
language sql
as $$
  select tests.perform_as(p_who, format('select stepbase.start_runs(%L, %L)', 'w-00d001', p_items))::jsonb;
$$;
create function pg_temp.outcomes(p_answer jsonb)
returns text
language sql
as $$
  select string_agg(
    concat_ws(' ', i.value ->> 'index', i.value ->> 'status', i.value #>> '{error,code}'), ', ' order by i.place
  )
  from jsonb_array_elements(p_answer) with ordinality i (value, place);
$$;

-- The whole call.
select is(tests.attempt('developer', format('select stepbase.start_runs(%s)', s.arguments)), s.answer, s.what)
from (
  values
    ('items must be an array', 'SB400', $$'w-00d001', '{}'$$),
    ('items must not be null', 'SB400', $$'w-00d001', null$$),
    ('1,001 items are too many', 'SB400', $$'w-00d001', (select jsonb_agg('{}'::jsonb) from generate_series(1, 1001))$$),
    ('an empty array is accepted', 'ok 1', $$'w-00d001', '[]'$$),
    ('an unknown workflow is refused', 'SB404', $$'nowhere', '[{}]'$$),
    ('an unknown version is refused', 'SB404', $$'w-00d001', '[{}]', 9$$),
    ('a version can be named', 'ok 1', $$'w-00d001', '[{}]', 1$$)
) s (what, answer, arguments);
select is(pg_temp.start('[]'), '[]'::jsonb, 'the answer to no items is empty');
select throws_ok(
  $$update stepbase.workflows set status = 'archived' where id = tests.sample_id('workflow');
    select pg_temp.start('[{}]')$$,
  'SB409', null, 'an archived workflow is refused'
);
select tests.leave();

-- Outcomes of items.
create temporary table answer as
select pg_temp.start(jsonb_build_array(
  '{"input": {"n": 1}, "idempotency_key": "k1", "tags": ["a", "b"], "metadata": {"m": 1}, "priority": 5}'::jsonb,
  '{"input": {"n": 1}, "idempotency_key": "k1"}'::jsonb,
  '{"input": {"n": 2}, "idempotency_key": "k1"}'::jsonb,
  '{"start_at": "2999-01-01"}'::jsonb,
  '{}'::jsonb,
  '{"input": []}'::jsonb,
  '{"inputs": {}}'::jsonb,
  '{"idempotency_key": "schedule:x"}'::jsonb,
  '{"priority": 1.5}'::jsonb,
  '{"priority": 101}'::jsonb,
  '{"tags": ["a", 1]}'::jsonb,
  '{"tags": "a"}'::jsonb,
  '{"metadata": {"event_depth": 1}}'::jsonb,
  '{"start_at": "tomorrow"}'::jsonb,
  '"text"'::jsonb,
  '{"input": null, "idempotency_key": null}'::jsonb
)) as value;
select is(
  pg_temp.outcomes(a.value),
  '0 started, 1 existing, 2 refused conflict, 3 started, 4 started, 5 refused invalid_input, 6 refused invalid_request, '
  '7 refused invalid_request, 8 refused invalid_request, 9 refused invalid_request, 10 refused invalid_request, '
  '11 refused invalid_request, 12 refused invalid_request, 13 refused invalid_request, 14 refused invalid_request, 15 started',
  'each item has an outcome'
)
from answer a;
select is(a.value #>> '{0,run_id}', a.value #>> '{1,run_id}', 'a repeated key within a call is the same run') from answer a;
select is(a.value #>> '{2,error,run_id}', a.value #>> '{0,run_id}', 'a conflict names the run of the key') from answer a;
select results_eq(
  $$select r.status, r.trigger_type, r.input, r.tags, r.metadata, r.priority, r.created_by, r.event_seq, r.steps_total
    from answer a join stepbase.runs r on r.id = (a.value #>> '{0,run_id}')::uuid$$,
  $$select
      'pending', 'manual', '{"n": 1}'::jsonb, '{a,b}'::text[], '{"m": 1}'::jsonb, 5::smallint, p.user_id, 1::bigint, 3
    from tests.person('developer') p$$,
  'a run has the options of its item'
);
select is(
  (
    select count(*) from stepbase.run_events e join answer a on e.run_id = (a.value #>> '{0,run_id}')::uuid
    where e.event_type = 'run.created'
  ),
  1::bigint, 'a run has its first event'
);
select ok(
  (a.value #>> '{0,run_id}')::uuid in (select q.run_id from stepbase_engine.queued_runs() as q (run_id)), 'and a token'
)
from answer a;
select results_eq(
  $$select r.held_by, r.id in (select q.run_id from stepbase_engine.queued_runs() as q (run_id))
    from answer a join stepbase.runs r on r.id = (a.value #>> '{3,run_id}')::uuid$$,
  $$values ('start_at', false)$$, 'a future start_at holds the run'
);
select is(
  pg_temp.outcomes(pg_temp.start('[{"input": {"n": 1}, "idempotency_key": "k1"}, {"idempotency_key": "k2"}]')),
  '0 existing, 1 started', 'a later call finds the run of a key'
);

-- Five hundred, of which some exceed the room in the queue.
create temporary table many as
select pg_temp.start((select jsonb_agg(jsonb_build_object('idempotency_key', 'm' || n)) from generate_series(1, 500) n)) as value;
select is(
  (select count(*) from many m, jsonb_array_elements(m.value) i where i.value ->> 'status' = 'started'), 500::bigint,
  '500 runs start'
);
select is(
  (
    select count(*) from many m, jsonb_array_elements(m.value) i
    where (i.value ->> 'run_id')::uuid in (
      select q.run_id from stepbase_engine.queued_runs() as q (run_id)
      union
      select b.run_id from stepbase_engine.run_backlog b
    )
  ),
  500::bigint, 'each is in the queue or in the backlog'
);
select cmp_ok((select count(*) from stepbase_engine.run_backlog), '>', 250::bigint, 'the queue takes as many as it has room for');
select is(stepbase_engine.queue_capacity('tap-one'), 0, 'and is full then');
select is(
  pg_temp.outcomes(pg_temp.start('[{}]')), '0 started', 'further runs wait behind them'
);
select is(stepbase_engine.queue_capacity('tap-one'), 0, 'in the backlog');

-- Limits.
update stepbase.workflows set max_concurrent_executions = 1 where id = tests.sample_id('workflow');
create temporary table limited as select pg_temp.start('[{}, {}]') as value;
select results_eq(
  $$select r.is_limited, b.workflow_limit
    from limited l, jsonb_array_elements(l.value) i
    join stepbase.runs r on r.id = (i.value ->> 'run_id')::uuid
    join stepbase_engine.run_backlog b on b.run_id = r.id$$,
  $$select true, tests.sample_id('workflow') from generate_series(1, 2)$$, 'runs under a limit wait for its slots'
);
update stepbase.applications
set max_waiting_runs = (select count(*) from stepbase_engine.run_backlog) + 2
where app_code = 'tap-one';
select is(
  tests.attempt('developer', format('select stepbase.start_runs(%L, %L)', 'w-00d001', i.items)), i.answer, i.what
)
from (
  values
    ('[{}, {}]', 'SB429', 'more than max_waiting_runs are refused: a held run counts'),
    ('[{}]', 'ok 1', 'as many as that are not'),
    ('[{"start_at": "2999-01-01"}, {"start_at": "2999-01-01"}]', 'SB429', 'held runs, too')
) i (items, answer, what);
update stepbase.applications set max_waiting_runs = null where app_code = 'tap-one';
update stepbase.app_quotas q
set max_open_runs = 1 + (
  select count(*) from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null
)
where q.app_code = 'tap-one';
select is(
  pg_temp.outcomes(pg_temp.start('[{"idempotency_key": "k2"}, {}, {}, {"idempotency_key": "m1"}]')),
  '0 existing, 1 started, 2 refused limit_reached, 3 existing',
  'items beyond max_open_runs are refused, except those that start nothing'
);
select is(
  pg_temp.outcomes(pg_temp.start('[{}, {"input": []}]')), '0 refused limit_reached, 1 refused invalid_input',
  'without room no item starts'
);

select * from finish();
rollback;
