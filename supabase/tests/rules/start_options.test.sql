-- Options of a start: tags, metadata and start_at; runs that are held until a time.

begin;
set local search_path = public, extensions;
select plan(50);
select tests.create_tasks();

-- Refusals.
select is(
  tests.attempt('developer', format('select stepbase.start_run(%L, %s)', 'w-00d001', s.options)), s.answer, s.what
)
from (
  values
    ('16 tags are accepted', 'ok 1', 'tags => array(select ''t'' || n from generate_series(1, 16) n)'),
    ('17 tags are refused', 'SB400', 'tags => array(select ''t'' || n from generate_series(1, 17) n)'),
    ('a tag of 64 characters is accepted', 'ok 1', 'tags => array[repeat(''é'', 64)]'),
    ('a tag of 65 characters is refused', 'SB400', 'tags => array[repeat(''x'', 65)]'),
    ('an empty tag is refused', 'SB400', $$tags => array['']$$),
    ('a null tag is refused', 'SB400', $$tags => array[null]$$),
    ('a control character in a tag is refused', 'SB400', $$tags => array['a' || chr(31) || 'b']$$),
    ('an array of arrays is refused', 'SB400', $$tags => array[array['a'], array['b']]$$),
    ('metadata must be an object', 'SB400', $$metadata => '[]'$$),
    ('metadata must not be JSON null', 'SB400', $$metadata => 'null'$$),
    ('metadata has a maximum size', 'SB400', $$metadata => jsonb_build_object('x', repeat('x', 16384))$$),
    ('metadata cannot forge the number of events in a row', 'SB400', $$metadata => '{"event_depth": -9}'$$),
    ('start_at is a time of ISO 8601', 'SB400', $$start_at => 'tomorrow'$$),
    ('start_at may have passed', 'ok 1', $$start_at => '2020-01-01T00:00:00Z'$$)
) s (what, answer, options);
select is(tests.attempt('owner', format('update stepbase.runs set tags = %L', s.tags)), s.answer, 'the table itself: ' || s.tags)
from (
  values ('{a}', 'ok 3'), ('{}', '23514'), ('{""}', '23514'), ('{a,NULL}', '23514'), (array[repeat('x', 65)]::text, '23514'),
    (array_fill('x'::text, array[17])::text, '23514')
) s (tags, answer);

-- Without options, and with a time that has passed.
create function pg_temp.start(options text default '')
returns uuid
language sql
as $$
  select tests.perform_as('developer', format('select (stepbase.start_run(%L%s)).id', 'w-00d001', options))::uuid;
$$;
create function pg_temp.queued(p_run uuid)
returns boolean
language sql
as $$
  select p_run in (select q.run_id from stepbase_engine.queued_runs() as q (run_id))
    or exists (select 1 from stepbase_engine.run_backlog b where b.run_id = p_run);
$$;
create temporary table made (name text primary key, id uuid);
insert into made
values
  ('plain', pg_temp.start()),
  ('past', pg_temp.start(', start_at => ''2020-01-01'', tags => ''{}''')),
  ('later', pg_temp.start(', start_at => (now() + interval ''1 hour'')::text, tags => ''{b,a}'', metadata => ''{"o": 1}''')),
  ('paused', pg_temp.start(', start_at => (now() + interval ''1 hour'')::text')),
  ('cancelled', pg_temp.start(', start_at => (now() + interval ''1 hour'')::text'));

select results_eq(
  $$select r.tags, r.start_at is null, r.held_by from stepbase.runs r join made m using (id) where m.name in ('plain', 'past') order by m.name desc$$,
  $$values (null::text[], true, null::text), (null, false, null)$$, 'a run without a future start_at is not held'
);
select ok(pg_temp.queued(m.id), m.name || ' is in the queue') from made m where m.name in ('plain', 'past') order by 1;
select results_eq(
  $$select r.status, r.tags, r.metadata, r.held_by from stepbase.runs r join made m using (id) where m.name = 'later'$$,
  $$values ('pending', '{b,a}'::text[], '{"o": 1}'::jsonb, 'start_at')$$, 'a run with a future start_at is held'
);
select ok(not pg_temp.queued(m.id), 'and is in neither the queue nor the backlog') from made m where m.name = 'later';
select is(
  (select e.payload ? 'start_at' from stepbase.run_events e join made m on m.id = e.run_id where m.name = 'later'), true,
  'its first event has the time'
);
select is(
  stepbase_engine.next_start_at(), (select r.start_at from stepbase.runs r join made m using (id) where m.name = 'later'),
  'the timer of the worker is set to it'
);
select ok(stepbase_engine.wake() is not null, 'wake reports it');
select is(stepbase_engine.has_pending_work() is not null, true, 'has_pending_work has an answer while a run is held');

-- Repair does not enqueue held runs.
update stepbase.runs r set created_at = now() - interval '1 hour' from made m where m.id = r.id and m.name = 'later';
select stepbase_engine.reconcile_admission();
select ok(not pg_temp.queued(m.id), 'reconcile_admission leaves a held run alone') from made m where m.name = 'later';

-- Cancel, pause and resume before the time.
select is(
  tests.perform_as('developer', format('select (stepbase.cancel_run(%L)).status', (select m.id from made m where m.name = 'cancelled'))),
  'cancelled', 'a held run can be cancelled'
);
select is(
  tests.perform_as('developer', format('select (stepbase.pause_run(%L)).status', (select m.id from made m where m.name = 'paused'))),
  'paused', 'a held run can be paused'
);

-- The time comes. The workflow has a limit, which a held run does not use up.
update stepbase.workflows set max_concurrent_executions = 1 where id = tests.sample_id('workflow');
select stepbase_engine.apply_limit_changes(100000);
select is(
  (select count(*) from stepbase_engine.run_slots s join made m on m.id = s.run_id where m.name = 'later'), 0::bigint,
  'a held run holds no concurrency slot'
);
select stepbase_engine.advance_clock('2 hours');
select stepbase_engine.wake();
select ok(pg_temp.queued(m.id), 'the run is enqueued when its time has come') from made m where m.name = 'later';
select is(
  (select r.held_by from stepbase.runs r join made m using (id) where m.name = 'later'), null, 'and is not held any more'
);
select ok(not pg_temp.queued(m.id), 'not the ' || m.name || ' one') from made m where m.name in ('paused', 'cancelled') order by m.name;
select is(
  tests.perform_as('developer', format('select (stepbase.resume_run(%L)).held_by', (select m.id from made m where m.name = 'paused'))),
  'start_at', 'a paused run is still held when it is resumed'
);
select stepbase_engine.wake();
select ok(pg_temp.queued(m.id), 'the next wake enqueues it') from made m where m.name = 'paused';
select is(stepbase_engine.next_start_at(), null, 'no timer is left');

-- release_run, for other features that hold a run.
insert into made
select 'held', (stepbase_engine.start_run('tap-one', w.published_version_id, '{}', p_start_at => now() + interval '1 day')).id
from stepbase.workflows w where w.id = tests.sample_id('workflow');
update stepbase.runs r set status = 'paused', paused_at = now() from made m where m.id = r.id and m.name = 'held';
select ok(stepbase_engine.release_run(m.id), 'release_run ends the hold of a paused run') from made m where m.name = 'held';
select ok(not pg_temp.queued(m.id), 'which is enqueued later') from made m where m.name = 'held';
select is(stepbase_engine.release_run(m.id), false, 'a second call has no effect') from made m where m.name = 'held';
select tests.perform_as('developer', format('select (stepbase.resume_run(%L)).id', m.id)) from made m where m.name = 'held';
select ok(pg_temp.queued(m.id), 'when it is resumed') from made m where m.name = 'held';

-- Held runs count as waiting runs.
update stepbase.applications set max_waiting_runs = 6 where app_code = 'tap-one';
select is(
  (
    select array_agg(tests.attempt('developer', format(
      'select count(stepbase.start_run(%L, start_at => %L)) from generate_series(1, %s)', 'w-00d001', '2999-01-01', n
    )) order by n)
    from unnest(array[1, 20]) n
  )::text,
  '{"ok 1",SB429}', 'max_waiting_runs counts held runs'
);

-- A rerun has the tags of its origin.
update stepbase.runs set tags = '{vip}' where id = tests.sample_id('failed_run');
select is(
  tests.perform_as('developer', format('select (stepbase.rerun(%L)).tags', tests.sample_id('failed_run'))), '{vip}',
  'a rerun has the tags of its origin'
);

-- A fault at the due time: after a temporary one the run starts soon, after another one later.
create function pg_temp.fault()
returns trigger
language plpgsql
as $$
begin
  raise exception 'a fault' using errcode = current_setting('tests.fault');
end;
$$;
create trigger fault before update of held_by on stepbase.runs
for each row when (new.held_by is null) execute function pg_temp.fault();
update stepbase.applications set max_waiting_runs = null where app_code = 'tap-one';
create temporary table faults as
select f.state, f.seconds, pg_temp.start(', start_at => ''2999-01-01''') as id
from (values ('40P01', 10), ('40001', 10), ('55P03', 10), ('22012', 300)) f (state, seconds);
create function pg_temp.delay_after(p_state text, p_run uuid)
returns int
language plpgsql
as $$
begin
  perform set_config('tests.fault', p_state, true);
  update stepbase.runs r set start_at = stepbase_engine.now() - interval '1 s' where r.id = p_run;
  perform stepbase_engine.release_due_runs(10);
  return (select round(extract(epoch from r.start_at - stepbase_engine.now())) from stepbase.runs r where r.id = p_run);
end;
$$;
select is(pg_temp.delay_after(f.state, f.id), f.seconds, format('after the fault %s, the start is tried again in %s s', f.state, f.seconds))
from faults f;

select * from finish();
rollback;
