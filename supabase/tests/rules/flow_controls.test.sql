-- Flow controls: their options, the lines of keys, and when runs pass.

begin;
set local search_path = public, extensions;
select plan(52);
select tests.create_rows();
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
-- The samples, which are open, would count.
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);

create function pg_temp.control(p_kind text, p_options jsonb)
returns void
language sql
as $$
  insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, key_path, max_count, period_seconds, burst)
  select
    'tap-one', tests.sample_id('workflow'), p_kind, p_options ->> 'key_path', (p_options ->> 'max_count')::int,
    (p_options ->> 'period_seconds')::int, (p_options ->> 'burst')::int;
$$;
create function pg_temp.try_control(p_kind text, p_options jsonb)
returns text
language plpgsql
as $$
begin
  perform pg_temp.control(p_kind, p_options);
  delete from stepbase.workflow_flow_controls c where c.app_code = 'tap-one' and c.kind = p_kind;
  return 'ok';
exception when others then
  return sqlstate;
end;
$$;
create temporary table started (name text primary key, id uuid);
create function pg_temp.start(p_name text, p_input jsonb, p_priority int default 0)
returns void
language sql
as $$
  insert into started (name, id)
  select p_name, r.id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run('tap-one', w.published_version_id, p_input, p_priority => p_priority) r
  where w.id = tests.sample_id('workflow');
$$;
-- The runs that wait in a line after all that may start were admitted.
create function pg_temp.waiting()
returns text
language plpgsql
as $$
begin
  perform stepbase_engine.admit();
  return (
    select coalesce(string_agg(s.name, ' ' order by s.name), '-')
    from started s
    join stepbase_engine.flow_backlog b on b.run_id = s.id
  );
end;
$$;
create function pg_temp.finish_run(p_name text)
returns void
language sql
as $$
  select stepbase_engine.end_runs(array[s.id], 'cancelled', '{}', null, false) from started s where s.name = p_name;
$$;
create function pg_temp.change_run(p_rpc text, p_name text)
returns text
language sql
as $$
  select tests.perform_as('developer', format('select (stepbase.%I(%L)).status', p_rpc, s.id))
  from started s where s.name = p_name;
$$;
create function pg_temp.tokens(p_name text)
returns bigint
language sql
as $$
  select count(*) from stepbase_queue.job j join started s on (j.data ->> 'run_id')::uuid = s.id
  where j.name = 'steps' and s.name = p_name;
$$;

-- Options.
select is(pg_temp.try_control(o.kind, o.options), o.result, o.meaning)
from (
  values
    ('concurrency', '{"max_count": 1}'::jsonb, 'ok', 'concurrency needs max_count'),
    ('concurrency', '{"max_count": 1, "key_path": "$.customer.id"}', 'ok', 'a key is a JSON path'),
    ('concurrency', '{"max_count": 1, "key_path": "$.\"customer-id\"[0]"}', 'ok', 'names in quotes and places of arrays'),
    ('concurrency', '{"max_count": 1, "key_path": "$"}', 'ok', 'the whole input'),
    ('concurrency', '{"max_count": 0}', '23514', 'max_count is positive'),
    ('concurrency', '{}', '23514', 'max_count is required'),
    ('concurrency', '{"max_count": 1, "period_seconds": 5}', '23514', 'concurrency has no period'),
    ('concurrency', '{"max_count": 1, "key_path": "customer"}', '23514', 'a path begins with $'),
    ('concurrency', '{"max_count": 1, "key_path": "$.* ? (@ like_regex \"(a+)+\")"}', '23514', 'a path has no filter'),
    ('throttle', '{"max_count": 1, "period_seconds": 60}', 'ok', 'throttle needs max_count and period_seconds'),
    ('throttle', '{"max_count": 1, "period_seconds": 60, "burst": 5}', 'ok', 'throttle may have a burst'),
    ('throttle', '{"max_count": 1}', '23514', 'the period is required'),
    ('throttle', '{"max_count": 1, "period_seconds": 700000}', '23514', 'a period has at most a week'),
    ('other', '{"max_count": 1}', '23514', 'other kinds do not exist')
) o (kind, options, result, meaning);

create function pg_temp.is_marked()
returns boolean
language sql
as $$ select w.has_flow_controls from stepbase.workflows w where w.id = tests.sample_id('workflow') $$;
select ok(not pg_temp.is_marked(), 'a workflow without controls is not marked');
select pg_temp.start('plain', '{"customer": 1}');
select is(pg_temp.tokens('plain'), 1::bigint, 'a run of a workflow without controls has its token at once');
select pg_temp.finish_run('plain');

-- Concurrency keys.
select pg_temp.control('concurrency', '{"max_count": 2, "key_path": "$.customer"}');
select ok(pg_temp.is_marked(), 'a workflow with a control is marked');
select is(tests.attempt('owner', $$insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count)
  select 'tap-one', tests.sample_id('workflow'), 'concurrency', 3$$), '23505', 'one control of a kind');
select is(tests.attempt('developer', $$update stepbase.workflow_flow_controls set kind = 'throttle'$$), '42501', 'the kind stays');
select pg_temp.start('a1', '{"customer": 7}');
select pg_temp.start('a2', '{"customer": "7"}');
select stepbase_engine.admit();
select pg_temp.start('a3', '{"customer": 7}');
select pg_temp.start('a4', '{"customer": 7}', 10);
select pg_temp.start('b1', '{"customer": 8}');
select pg_temp.start('n1', '{}');
select pg_temp.start('n2', '{"customer": null}');
select pg_temp.start('n3', '{"other": 1}');
select is(pg_temp.waiting(), 'a3 a4 n3', 'two runs of a key start; text and number are the same key; a missing value and null are one key');
select is(pg_temp.tokens('b1'), 1::bigint, 'another key does not wait');
select pg_temp.finish_run('a1');
select is(pg_temp.waiting(), 'a3 n3', 'the slot of a run that ends goes to the most urgent run of the key');
select pg_temp.finish_run('a3');
select pg_temp.finish_run('a2');
select pg_temp.start('a5', '{"customer": 7}');
select is(pg_temp.waiting(), 'n3', 'a run that is cancelled while it waits leaves the line');
select pg_temp.start('a6', '{"customer": 7}');
select pg_temp.change_run('pause_run', 'a6');
select pg_temp.start('a7', '{"customer": 7}');
select is(pg_temp.waiting(), 'a7 n3', 'a run that is paused while it waits leaves the line');
select pg_temp.change_run('resume_run', 'a6');
select is(pg_temp.waiting(), 'a6 a7 n3', 'it joins the line again when it is resumed');

update stepbase.workflow_flow_controls set max_count = 3 where app_code = 'tap-one';
select is(pg_temp.waiting(), 'a6', 'a raised limit admits more: the oldest');
update stepbase.workflow_flow_controls set key_path = '$.region' where app_code = 'tap-one';
select is(pg_temp.waiting(), 'a6', 'another key counts the runs in flight under it: all of them have the empty key');
select is(
  (
    select count(distinct p.limit_id) from stepbase_engine.run_slots p join started s on s.id = p.run_id where p.is_key
  ), 1::bigint,
  'their slots change to the new key'
);
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select is(pg_temp.waiting(), '-', 'a deleted control holds nothing back');
select ok(not pg_temp.is_marked(), 'and the workflow is not marked any more');
select pg_temp.control('concurrency', '{"max_count": 1, "key_path": "$.customer"}');
select pg_temp.start('a8', '{"customer": 7}');
select is(pg_temp.waiting(), 'a8', 'a new control counts the runs in flight');
select pg_temp.finish_run(s.name) from started s;
select is(
  (select count(*) from stepbase_engine.run_slots p join started s on s.id = p.run_id)
  + (select count(*) from stepbase_engine.flow_backlog b join started s on s.id = b.run_id), 0::bigint,
  'nothing is left of ended runs'
);

-- A key with many waiting runs delays no other: the cost of a look does not depend on them.
select pg_temp.start('first', '{"customer": "busy"}');
select stepbase_engine.admit();
insert into started (name, id)
select 'busy' || i, stepbase_engine.new_id() from generate_series(1, 5000) i;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input)
select s.id, 'tap-one', w.id, w.published_version_id, '{"customer": "busy"}'
from started s, stepbase.workflows w
where s.name like 'busy%' and w.id = tests.sample_id('workflow');
insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
select r.id, r.app_code, r.workflow_id, 'concurrency', stepbase_engine.flow_key(c, r.input), 0
from started s
join stepbase.runs r on r.id = s.id
join stepbase.workflow_flow_controls c on c.workflow_id = r.workflow_id and c.kind = 'concurrency'
where s.name like 'busy%';
analyze stepbase_engine.flow_backlog;
select pg_temp.start('calm', '{"customer": "calm"}');
create function pg_temp.reads()
returns bigint
language sql
as $$
  select sum(pg_stat_get_xact_tuples_fetched(i.oid) + pg_stat_get_xact_tuples_returned(i.oid))::bigint
  from pg_class i
  where i.oid = 'stepbase_engine.flow_backlog'::regclass
    or i.oid in (select x.indexrelid from pg_index x where x.indrelid = 'stepbase_engine.flow_backlog'::regclass)
$$;
create temporary table reads as select pg_temp.reads() as before;
select stepbase_engine.admit();
select is(pg_temp.tokens('calm'), 1::bigint, 'the run of another key starts at once');
select ok(pg_temp.reads() - r.before < 100, 'without reading the 5,000 waiting runs') from reads r;
delete from stepbase_engine.flow_backlog b using started s where s.id = b.run_id;
update stepbase.runs r set status = 'cancelled', completed_at = now()
from started s where s.id = r.id and r.completed_at is null;
truncate started;
delete from stepbase_engine.run_slots;

-- Throttle: one start in 100 s, for each key. The clock is moved.
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select pg_temp.control('throttle', '{"max_count": 36, "period_seconds": 3600, "key_path": "$.customer"}');
select pg_temp.start('t' || i, '{"customer": 1}') from generate_series(1, 4) i;
select pg_temp.start('u1', '{"customer": 2}');
select is(pg_temp.waiting(), 't2 t3 t4', 'the first start of a key is at once');
select ok(
  stepbase_engine.next_flow_at() - stepbase_engine.now() between interval '90 seconds' and interval '100 seconds', 'the next one is due after period / max_count'
);
select is(stepbase_engine.wake() <= stepbase_engine.next_flow_at(), true, 'workers wake up for it');
select stepbase_engine.advance_clock('80 seconds');
select is(pg_temp.waiting(), 't2 t3 t4', 'not before that');
select stepbase_engine.advance_clock('20 seconds');
select stepbase_engine.wake();
select is(pg_temp.tokens('t2'), 1::bigint, 'wake passes on the run that is due');
select is(pg_temp.waiting(), 't3 t4', 'one run per due time, first in, first out');
select stepbase_engine.advance_clock('1 day');
select is(pg_temp.waiting(), 't4', 'a quiet time does not add up without a burst');
update stepbase.workflow_flow_controls set burst = 3 where app_code = 'tap-one';
select pg_temp.start('t' || i, '{"customer": 1}') from generate_series(5, 7) i;
select is(pg_temp.waiting(), 't6 t7', 'a burst of three allows two more');
select stepbase_engine.advance_clock('1 day');
select is(pg_temp.waiting(), '-', 'the remaining ones follow');
select stepbase_engine.advance_clock('2 days');
select stepbase_engine.reconcile_admission();
select is((select count(*) from stepbase_engine.flow_rates), 0::bigint, 'rates that are over are removed');

-- max_waiting_runs counts the runs in lines.
update stepbase.applications set max_waiting_runs = 2 where app_code = 'tap-one';
select pg_temp.control('concurrency', '{"max_count": 1}');
select pg_temp.start('w' || i, '{}') from generate_series(1, 2) i;
select is(tests.attempt('developer', $$select stepbase.start_run('w-00d001')$$), 'SB429', 'starts are refused when too many runs wait');

-- A long line does not delay another one.
update stepbase.applications set max_waiting_runs = 1000 where app_code = 'tap-one';
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select stepbase_engine.admit();
select pg_temp.control('concurrency', '{"max_count": 1, "key_path": "$.customer"}');
select pg_temp.start(c.name || i, jsonb_build_object('customer', c.name))
from generate_series(1, 5) i cross join (values ('x'), ('y')) c (name);
select is(pg_temp.waiting(), 'x2 x3 x4 x5 y2 y3 y4 y5', 'two lines wait');
update stepbase.workflow_flow_controls set max_count = 10 where app_code = 'tap-one';
select stepbase_engine.apply_flow_changes(100);
select is((select f.admitted from stepbase_engine.admit_flow(4) f), 4, 'a call admits as many runs as it may');
select is(
  array(select count(*) from stepbase_engine.flow_backlog b group by b.key_id), '{2,2}', 'each line gets a share of them'
);
select is(pg_temp.waiting(), '-', 'the next call of admit starts the other runs of both lines');

-- A limit of the workflow that is set while runs wait in a line.
update stepbase.applications set max_waiting_runs = null where app_code = 'tap-one';
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select pg_temp.control('concurrency', '{"max_count": 1}');
select pg_temp.start('l' || i, '{}') from generate_series(1, 3) i;
select is(pg_temp.waiting(), 'l2 l3', 'two runs wait for the concurrency key');
update stepbase.workflows set max_concurrent_executions = 1 where id = tests.sample_id('workflow');
select stepbase_engine.apply_limit_changes(100000);
select is_empty(
  $$select 1 from stepbase_engine.run_slots s join started x on x.id = s.run_id where x.name in ('l2', 'l3')$$,
  'they hold no slot of a limit that is set meanwhile'
);
select pg_temp.finish_run('l1');
select stepbase_engine.admit();
select is(pg_temp.tokens('l2'), 1::bigint, 'so that the next one starts when the first one ends');

select * from finish();
rollback;
