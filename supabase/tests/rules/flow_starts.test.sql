-- Flow controls of starts: priority, rate_limit, debounce and batch.

begin;
set local search_path = public, extensions;
select plan(67);
select tests.create_rows();
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';

create function pg_temp.control(p_kind text, p_options jsonb)
returns void
language sql
as $$
  delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
  insert into stepbase.workflow_flow_controls (
    app_code, workflow_id, kind, key_path, max_count, period_seconds, burst, timeout_seconds, default_priority
  )
  select
    'tap-one', tests.sample_id('workflow'), p_kind, p_options ->> 'key_path', (p_options ->> 'max_count')::int,
    (p_options ->> 'period_seconds')::int, (p_options ->> 'burst')::int, (p_options ->> 'timeout_seconds')::int,
    (p_options ->> 'default_priority')::int;
$$;
create function pg_temp.try_control(p_kind text, p_options jsonb)
returns text
language plpgsql
as $$
begin
  perform pg_temp.control(p_kind, p_options);
  return 'ok';
exception when others then
  return sqlstate;
end;
$$;
create temporary table started (name text, id uuid);
-- Returns the name of the start whose run this start belongs to, or the SQLSTATE.
create function pg_temp.start(
  p_name text, p_input jsonb, p_key text default null, p_trigger text default 'manual', p_priority int default null,
  p_start_at timestamptz default null
)
returns text
language plpgsql
as $$
declare
  v_id uuid;
begin
  select r.id into v_id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run(
    'tap-one', w.published_version_id, p_input, p_trigger, p_idempotency_key => p_key, p_priority => p_priority,
    p_start_at => p_start_at,
    p_parent_run_id => case when p_trigger = 'child' then tests.sample_id('run') end
  ) r
  where w.id = tests.sample_id('workflow');
  insert into started select p_name, v_id where not exists (select 1 from started s where s.id = v_id);
  return (select s.name from started s where s.id = v_id);
exception when others then
  return sqlstate;
end;
$$;
create function pg_temp.run(p_name text)
returns stepbase.runs
language sql
as $$ select r.* from started s join stepbase.runs r on r.id = s.id where s.name = p_name $$;
create function pg_temp.seconds_left(p_name text)
returns int
language sql
as $$ select round(extract(epoch from (pg_temp.run(p_name)).start_at - stepbase_engine.now())) $$;
-- Whether the run has its token, after the timers have fired.
create function pg_temp.has_started(p_name text)
returns boolean
language plpgsql
as $$
begin
  perform stepbase_engine.wake();
  return exists (
    select 1 from stepbase_queue.job j join started s on (j.data ->> 'run_id')::uuid = s.id
    where j.name = 'steps' and s.name = p_name
  );
end;
$$;

-- Options.
select is(pg_temp.try_control(o.kind, o.options), o.result, o.meaning)
from (
  values
    ('priority', '{"key_path": "$.urgency"}'::jsonb, 'ok', 'priority needs a path'),
    ('priority', '{"default_priority": 7}', 'ok', 'or a default'),
    ('priority', '{}', '23514', 'or both'),
    ('priority', '{"default_priority": 101}', '23514', 'a priority is at most 100'),
    ('rate_limit', '{"max_count": 2, "period_seconds": 60}', 'ok', 'rate_limit needs max_count and period_seconds'),
    ('rate_limit', '{"period_seconds": 60}', '23514', 'max_count is required'),
    ('debounce', '{"period_seconds": 60}', 'ok', 'debounce needs period_seconds'),
    ('debounce', '{"period_seconds": 60, "timeout_seconds": 30}', '23514', 'the timeout is not shorter than the period'),
    ('batch', '{"max_count": 3, "timeout_seconds": 60}', 'ok', 'batch needs max_count and timeout_seconds'),
    ('batch', '{"max_count": 1001, "timeout_seconds": 60}', '23514', 'a batch has at most 1,000 items'),
    ('batch', '{"max_count": 3}', '23514', 'the timeout is required')
) o (kind, options, result, meaning);
select pg_temp.control('debounce', '{"period_seconds": 60}');
select throws_ok(
  $$insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count, timeout_seconds)
    select 'tap-one', tests.sample_id('workflow'), 'batch', 2, 5$$,
  '23505', null, 'a workflow has a debounce or a batch, not both'
);

-- Priority.
select pg_temp.control('priority', '{"key_path": "$.urgency", "default_priority": -5}');
select pg_temp.start(p.name, p.input, p_trigger => p.trigger, p_priority => p.priority)
from (
  values
    ('p1', '{"urgency": 12.4}'::jsonb, 'manual', null::int), ('p2', '{"urgency": 5000}', 'manual', null),
    ('p3', '{"urgency": "high"}', 'manual', null), ('p4', '{}', 'manual', null), ('p5', '{"urgency": 3}', 'manual', 9),
    ('p6', '{"urgency": 3}', 'child', 9)
) p (name, input, trigger, priority);
select results_eq(
  $$select n.name, (pg_temp.run(n.name)).priority::int from unnest('{p1,p2,p3,p4,p5,p6}'::text[]) n (name)$$,
  $$values ('p1', 12), ('p2', 100), ('p3', -5), ('p4', -5), ('p5', 9), ('p6', 3)$$,
  'the path gives the priority within -100 and 100; otherwise the default; a priority of the caller wins, that of a parent does not'
);

-- Rate limit: two at once, then one in 500 s.
select pg_temp.control('rate_limit', '{"max_count": 2, "period_seconds": 1000, "key_path": "$.customer"}');
select is(pg_temp.start('r1', '{"customer": 1}', 'r-1'), 'r1', 'the first start');
select is(pg_temp.start('r2', '{"customer": 1}'), 'r2', 'the second start');
select is(pg_temp.start('r3', '{"customer": 1}'), 'SB429', 'the third one is refused');
select is(pg_temp.start('r3', '{"customer": 1}', 'r-1'), 'r1', 'a repeated idempotency key is not');
select is(pg_temp.start('r4', '{"customer": 2}'), 'r4', 'another key is not');
select is(pg_temp.start('r5', '{"customer": 1}', p_trigger => 'child'), 'SB429', 'children count, too');
select ok(
  (tests.detail_of('developer', $$select stepbase.start_run('w-00d001', '{"customer": 1}')$$) ->> 'retry_after')::int
    between 490 and 500, 'the error tells when to try again'
);
select stepbase_engine.advance_clock('500 seconds');
select is(pg_temp.start('r6', '{"customer": 1}'), 'r6', 'after that it starts');
select is(pg_temp.start('r7', '{"customer": 1}'), 'SB429', 'one only');

-- Debounce: 100 s after the last start, 250 s after the first at the latest.
select pg_temp.control('debounce', '{"period_seconds": 100, "timeout_seconds": 250, "key_path": "$.doc"}');
update stepbase.workflows set searchable_inputs = '{n}' where id = tests.sample_id('workflow');
select is(pg_temp.start('d1', '{"doc": 1, "n": 1}', 'd-1'), 'd1', 'the first start of a key writes a run');
select ok(not pg_temp.has_started('d1'), 'which is held');
select is(pg_temp.seconds_left('d1'), 100, 'for the period');
select is(pg_temp.start('other', '{"doc": 2}'), 'other', 'another key has a run of its own');
select stepbase_engine.advance_clock('80 seconds');
select is(pg_temp.start('d2', '{"doc": 1, "n": 2}', 'd-2'), 'd1', 'a later start returns the run of the first');
select is(pg_temp.seconds_left('d1'), 100, 'and the period begins again');
select is((pg_temp.run('d1')).input, '{"doc": 1, "n": 2}', 'with the later input');
select is(pg_temp.start('d1', '{"doc": 1, "n": 1}', 'd-1'), 'd1', 'a repeated idempotency key returns the run');
select is((pg_temp.run('d1')).input, '{"doc": 1, "n": 2}', 'and changes nothing');
select stepbase_engine.advance_clock('80 seconds');
select is(pg_temp.start('d3', '{"doc": 1, "n": 3}'), 'd1', 'a third start');
select results_eq(
  $$select v.value from stepbase.run_values v where v.run_id = (pg_temp.run('d1')).id$$, $$values ('3')$$,
  'a search finds the run by its latest input'
);
select is(pg_temp.seconds_left('d1'), 90, 'the timeout limits the delay');
select ok(pg_temp.has_started('other'), 'the run of the other key started meanwhile');
select stepbase_engine.advance_clock('91 seconds');
select ok(pg_temp.has_started('d1'), 'then the run starts');
select is(pg_temp.start('d4', '{"doc": 1, "n": 4}'), 'd4', 'a start after that is a run of its own');
select is(pg_temp.start('d5', '{"doc": 1}', 'd-2'), 'd1', 'a repeated key of a replaced start still returns its run');
select is(pg_temp.start('d6', '{"doc": 1}', p_trigger => 'child'), 'd6', 'a child is not debounced');
select is(pg_temp.start('d7', '{"doc": 1}', p_start_at => now() + interval '1 day'), 'SB400', 'start_at cannot be combined with it');
select stepbase_engine.end_runs(array[(pg_temp.run('d4')).id], 'cancelled', '{}');
select is(pg_temp.start('d8', '{"doc": 1}'), 'd8', 'after the held run was cancelled, the next start writes another');
select is(
  tests.attempt('developer', $$select stepbase.start_run('w-00d001', '{"doc": 1, "m": 1}', idempotency_key => 'd-9')$$), 'ok 1', 'clients start the same way'
);

-- Batch: three items, or 100 s.
select pg_temp.control('batch', '{"max_count": 3, "timeout_seconds": 100, "key_path": "$.shop"}');
select is(pg_temp.start('b1', '{"shop": 1, "n": 1}', 'b-1'), 'b1', 'the first item writes a run');
select is(pg_temp.start('b2', '{"shop": 1, "n": 2}', 'b-2'), 'b1', 'the second one joins it');
select is(pg_temp.start('b2', '{"shop": 1, "n": 2}', 'b-2'), 'b1', 'a repeated idempotency key adds no item');
select ok(not pg_temp.has_started('b1'), 'the batch waits');
select is(pg_temp.start('b3', '{"shop": 1, "n": 3}'), 'b1', 'the third item completes it');
select ok(pg_temp.has_started('b1'), 'a full batch starts at once');
select is(
  (pg_temp.run('b1')).input, '{"items": [{"shop": 1, "n": 1}, {"shop": 1, "n": 2}, {"shop": 1, "n": 3}]}', 'with all items, in order'
);
select pg_temp.start('b4', '{"shop": 1, "n": 4}');
select pg_temp.start('b5', '{"shop": 1, "n": 5}');
select pg_temp.start('b6', '{"shop": 2, "n": 6}', p_trigger => 'child');
select is((pg_temp.run('b6')).input, '{"items": [{"shop": 2, "n": 6}]}', 'a child is a batch of one');
select stepbase_engine.advance_clock('101 seconds');
select ok(pg_temp.has_started('b4'), 'a batch that is not full starts after the timeout');
select is((pg_temp.run('b4')).input, '{"items": [{"shop": 1, "n": 4}, {"shop": 1, "n": 5}]}', 'with its items');
select is((select count(*) from stepbase_engine.batch_items), 0::bigint, 'no item is left behind');

select pg_temp.start('b7', '{"shop": 3, "n": 7}');
select pg_temp.start('b8', '{"shop": 3, "n": 8}');
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select stepbase_engine.advance_clock('101 seconds');
select stepbase_engine.wake();
select is(
  (pg_temp.run('b7')).input, '{"items": [{"shop": 3, "n": 7}, {"shop": 3, "n": 8}]}',
  'a batch that is held while the control is deleted keeps its items'
);

-- A held batch that is cancelled, or continues on another version.
select pg_temp.control('batch', '{"max_count": 3, "timeout_seconds": 100, "key_path": "$.shop"}');
select pg_temp.start('b9', '{"shop": 4, "n": 1}');
select pg_temp.start('b10', '{"shop": 4, "n": 2}');
select stepbase_engine.end_runs(array[(pg_temp.run('b9')).id], 'cancelled', '{"code": "x", "message": "x"}');
select is(
  (pg_temp.run('b9')).input, '{"items": [{"shop": 4, "n": 1}, {"shop": 4, "n": 2}]}', 'a cancelled batch keeps its items for a rerun'
);
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, created_by)
select tests.sample_id('draft'), v.app_code, v.workflow_id, 2, v.definition, null
from stepbase.workflow_versions v where v.workflow_id = tests.sample_id('workflow');
update stepbase.workflow_versions set status = 'published', published_at = now() where id = tests.sample_id('draft');
create function pg_temp.continue(p_name text, p_as text)
returns void
language sql
as $$
  insert into started
  select p_as, c.id
  from stepbase_engine.continue_run(pg_temp.run(p_name), tests.sample_id('draft'), null, null) c;
$$;
select pg_temp.start('c1', '{"shop": 5, "n": 1}', 'c-1');
select pg_temp.start('c2', '{"shop": 5, "n": 2}', 'c-2');
update stepbase.runs set tags = '{urgent}' where id = (pg_temp.run('c1')).id;
select stepbase_engine.advance_clock('10 seconds');
select pg_temp.continue('c1', 'c3');
select is((pg_temp.run('c3')).tags, '{urgent}', 'a run that continues keeps its tags');
select is(pg_temp.seconds_left('c3'), 90, 'a held one its time');
select ok(not pg_temp.has_started('c3'), 'so that it waits on');
select is(pg_temp.start('c4', '{"shop": 5, "n": 2}', 'c-2'), 'c3', 'a repeated idempotency key returns the new run');
select is(pg_temp.start('c5', '{"shop": 5, "n": 3}'), 'c3', 'a further start joins it');
select ok(pg_temp.has_started('c3'), 'and completes the batch');
select is(
  (pg_temp.run('c3')).input, '{"items": [{"shop": 5, "n": 1}, {"shop": 5, "n": 2}, {"shop": 5, "n": 3}]}', 'with the items of both runs'
);
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select pg_temp.start('s1', '{}', p_start_at => stepbase_engine.now() + interval '1 hour');
select pg_temp.continue('s1', 's2');
select is(pg_temp.seconds_left('s2'), 3600, 'a run that continues before its start_at keeps it');
select ok(not pg_temp.has_started('s2'), 'and does not start before');
select stepbase_engine.advance_clock('3601 seconds');
select ok(pg_temp.has_started('s2'), 'but then');

-- start_runs: each item is a start.
select pg_temp.control('batch', '{"max_count": 2, "timeout_seconds": 100, "key_path": "$.shop"}');
select results_eq(
  $$select o ->> 'status', o -> 'run_id' = lag(o -> 'run_id') over (order by o -> 'index')
    from jsonb_array_elements(tests.perform_as('developer', $q$select stepbase.start_runs(
      'w-00d001', '[{"input": {"shop": 9, "n": 1}}, {"input": {"shop": 9, "n": 2}}, {"input": 5}]'
    )$q$)::jsonb) o$$,
  $$values ('started', null::boolean), ('existing', true), ('refused', false)$$, 'start_runs joins and refuses by item'
);
select pg_temp.control('concurrency', '{"max_count": 1, "key_path": "$.shop"}');
select tests.perform_as('developer', $$select stepbase.start_runs(
  'w-00d001', '[{"input": {"shop": 7}}, {"input": {"shop": 7}}, {"input": {"shop": 8}}]')$$);
select stepbase_engine.admit();
select is((select count(*) from stepbase_engine.flow_backlog), 1::bigint, 'and holds the runs of a key that has no slot');

select * from finish();
rollback;
