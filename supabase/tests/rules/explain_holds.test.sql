-- explain_run for runs that may not start yet: later start times, debounces and batches, concurrency keys, throttles
-- and incident switches. The runs are started as clients start them.

begin;
set local search_path = public, extensions;
select plan(14);
select tests.create_rows();
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
delete from stepbase.incident_switches where true;
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);
-- Without a living worker each of these reasons would be no_worker.
delete from stepbase.workers where true;
insert into stepbase.workers (worker_id, last_heartbeat_at, started_at) values ('tap-shared', now(), now());

create function pg_temp.control(p_kind text, p_options jsonb)
returns void
language sql
as $$
  delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
  insert into stepbase.workflow_flow_controls (
    app_code, workflow_id, kind, key_path, max_count, period_seconds, timeout_seconds
  )
  select
    'tap-one', tests.sample_id('workflow'), p_kind, p_options ->> 'key_path', (p_options ->> 'max_count')::int,
    (p_options ->> 'period_seconds')::int, (p_options ->> 'timeout_seconds')::int;
$$;
create function pg_temp.start(p_input jsonb, p_start_at timestamptz default null)
returns uuid
language sql
as $$
  select r.id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run('tap-one', w.published_version_id, p_input, p_start_at => p_start_at) r
  where w.id = tests.sample_id('workflow');
$$;
create function pg_temp.why(p_run_id uuid)
returns text
language sql
as $$
  select e.run ->> 'code' || ': ' || (e.run ->> 'sentence')
  from (select stepbase_engine.explain_run(p_run_id) -> 'run' as run) e;
$$;
create function pg_temp.at(p_passed interval default '0')
returns text
language sql
as $$ select stepbase_engine.time_text(now() + p_passed); $$;
-- The time of a start that the engine chose.
create function pg_temp.start_at(p_run_id uuid)
returns text
language sql
as $$ select stepbase_engine.time_text(r.start_at) from stepbase.runs r where r.id = p_run_id; $$;

create temporary table held as select pg_temp.start('{}', now() + interval '5 minutes') as id;
select is(
  pg_temp.why(h.id), format('start_at: Starts at %s.', pg_temp.at('5 min')), 'a later start'
)
from held h;
select is(
  (stepbase_engine.explain_run(h.id) #>> '{run,until}')::timestamptz, now() + interval '5 minutes',
  'until is the time of the start'
)
from held h;
update stepbase.runs r set start_at = now() - interval '1 second' from held h where h.id = r.id;
select is(
  pg_temp.why(h.id), format('start_due: The start was due at %s.', pg_temp.at('-1 s')), 'a start that is due'
)
from held h;
update stepbase.workers set last_heartbeat_at = now() - interval '1 hour';
select matches(pg_temp.why(h.id), '^no_worker: .* The start was due at ', 'a start that is due, and no worker') from held h;
update stepbase.workers set last_heartbeat_at = now();

select pg_temp.control('debounce', '{"period_seconds": 60, "key_path": "$.key"}');
create temporary table debounced as select pg_temp.start('{"key": 1}') as id;
select is(
  pg_temp.why(d.id),
  format(
    'debounce: Starts at %s, unless another start with the same key comes first and replaces its input.',
    pg_temp.start_at(d.id)
  ),
  'a debounced run'
)
from debounced d;
select pg_temp.control('batch', '{"max_count": 3, "timeout_seconds": 60, "key_path": "$.key"}');
select pg_temp.start('{"key": 1}');
select pg_temp.start('{"key": 2}');
create temporary table batched as select pg_temp.start('{"key": 1}') as id;
select is(
  pg_temp.why(b.id),
  format('batch: Collects a batch: 2 of 3 items. It starts with the last one, or at %s.', pg_temp.start_at(b.id)),
  'a batch counts the items of its own key'
)
from batched b;

select pg_temp.control('concurrency', '{"max_count": 1, "key_path": "$.key"}');
create temporary table keyed as
select n, pg_temp.start(jsonb_build_object('key', n / 10)) as id from unnest('{1,2,11,3}'::int[]) n;
select stepbase_engine.admit();
select is(
  pg_temp.why(k.id), 'concurrency_key: Place 2 of 2 for a slot of its concurrency key; 1 of 1 slots are busy.',
  'a line has the runs of one key'
)
from keyed k where k.n = 3;
select is(
  stepbase_engine.explain_run(k.id) #>> '{run,key_path}', '$.key', 'the path of the key is a fact'
)
from keyed k where k.n = 3;

select stepbase_engine.end_runs(array(select k.id from keyed k), 'cancelled', '{}', null, false);
select pg_temp.control('throttle', '{"max_count": 1, "period_seconds": 60}');
create temporary table throttled as select n, pg_temp.start('{}') as id from generate_series(1, 2) n;
select stepbase_engine.admit();
select is(
  pg_temp.why(t.id),
  format(
    'throttle: Place 1 of 1 of the throttle: 1 start in 60 s for this key. The next start is at %s.', stepbase_engine.time_text(f.due_at)
  ),
  'a throttled run'
)
from throttled t
join stepbase_engine.flow_backlog b on b.run_id = t.id
join stepbase_engine.flow_rates f on f.key_id = b.key_id
where t.n = 2;

delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
create temporary table stopped as select pg_temp.start('{}') as id;
insert into stepbase.incident_switches (app_code, scope, mode, reason, created_at)
values ('tap-one', 'application', 'drain', 'The payment service is down.', now());
select is(
  pg_temp.why(s.id),
  format(
    'incident_switch: An incident switch of the application (drain) has stopped it since %s: The payment service is down. '
    'release_incident_switch continues it.', pg_temp.at()
  ),
  'a switch that suspends starts'
)
from stopped s;
-- A run with a step that is ready: drain lets it go on, pause does not.
update stepbase.runs set status = 'running', started_at = now()
where id = (select s.id from stopped s);
insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type, status, job_id)
select r.id, r.app_code, r.workflow_version_id, 'first', 'transform', 'ready', gen_random_uuid()
from stepbase.runs r join stopped s on s.id = r.id;
select isnt(
  stepbase_engine.explain_run(s.id) #>> '{steps,0,code}', 'incident_switch', 'drain suspends no step'
)
from stopped s;
update stepbase.incident_switches set mode = 'pause';
select is(
  stepbase_engine.explain_run(s.id) #>> '{steps,0,code}', 'incident_switch', 'pause suspends the next step'
)
from stopped s;
select is(
  stepbase_engine.explain_run(s.id) #>> '{steps,0,scope}', 'application', 'the scope of the switch is a fact'
)
from stopped s;
update stepbase.incident_switches set released_at = now();
select isnt(
  stepbase_engine.explain_run(s.id) #>> '{steps,0,code}', 'incident_switch', 'a released switch suspends nothing'
)
from stopped s;

select * from finish();
rollback;
