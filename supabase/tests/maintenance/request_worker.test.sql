-- Calls of the worker function by pg_net: at commit of a start, at most once a second, and not while a worker is alive.

begin;
set local search_path = public, extensions;
select plan(25);
select tests.create_rows();

update stepbase.workers set status = 'stopped', stopped_at = now() where status = 'running';
-- Stands in for pg_net, which the test database lacks.
create schema if not exists net;
create table net.requests (url text, headers jsonb, timeout_ms int);
create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds int default 5000
)
returns bigint
language sql
as 'insert into net.requests values ($1, $4, $5) returning 1::bigint';

create function pg_temp.requests()
returns bigint
language sql
as 'with d as (delete from net.requests returning 1) select count(*) from d';

-- As after a second without a call.
create function pg_temp.second_later()
returns void
language sql
as $$update stepbase_engine.worker_calls set called_at = called_at - interval '1 second'$$;

create function pg_temp.beat(p_mode text, p_status text)
returns void
language sql
as $$
  select stepbase_engine.heartbeat(
    jsonb_build_object('worker_id', 'tap:' || p_mode, 'mode', p_mode, 'status', p_status)
  )
$$;

select lives_ok('select stepbase_engine.request_worker()', 'without entries in Vault a request is no error');
select is(pg_temp.requests(), 0::bigint, 'and calls no worker');
select is(stepbase_engine.call_worker(), false, 'a call reports that it was not made');
select vault.create_secret('https://ref.example', 'stepbase_url');
select vault.create_secret('sb_secret_tap', 'stepbase_secret_key');
select pg_temp.second_later();

select is(
  tests.perform_as('admin', $$select (stepbase.start_run('w-00d001')).status$$), 'pending', 'a member starts a run'
);
select results_eq(
  'delete from net.requests returning url, headers ->> ''apikey'', timeout_ms between 2000 and 5000',
  $$values ('https://ref.example/functions/v1/stepbase-worker', 'sb_secret_tap', true)$$,
  'the start calls the worker function, with a short timeout'
);
select tests.perform_as('admin', $$select (stepbase.start_run('w-00d001')).status$$);
select is(pg_temp.requests(), 0::bigint, 'a second start within the second makes no call');
select pg_temp.second_later();
select tests.perform_as('admin', $$select (stepbase.start_run('w-00d001')).status$$);
select is(pg_temp.requests(), 1::bigint, 'a start a second later makes one');
select pg_temp.second_later();
select tests.perform_as('admin', $$select stepbase.emit_event('tap.happened')$$);
select is(pg_temp.requests(), 1::bigint, 'so does an event');

select pg_temp.second_later(), pg_temp.beat('invocation', 'running');
select stepbase_engine.request_worker();
select is(pg_temp.requests(), 0::bigint, 'no worker is called while an invocation runs');
select is(stepbase_engine.has_pending_work(), true, 'work is pending');
select is(stepbase_engine.wake_worker(), false, 'and the cron job does not call either');
select pg_temp.beat('invocation', 'stopped');
select stepbase_engine.request_worker();
select is(pg_temp.requests(), 1::bigint, 'an invocation that has ended does not count');
select is(stepbase_engine.wake_worker(), true, 'the cron job calls then');
select is(pg_temp.requests(), 1::bigint, 'once');

select pg_temp.second_later(), pg_temp.beat('invocation', 'running');
select stepbase_engine.advance_clock('16 seconds');
select stepbase_engine.request_worker();
select is(pg_temp.requests(), 1::bigint, 'an invocation without a heartbeat for 16 seconds does not count');

select pg_temp.second_later(), pg_temp.beat('resident', 'running');
select stepbase_engine.advance_clock('60 seconds');
select stepbase_engine.request_worker();
select is(pg_temp.requests(), 0::bigint, 'a resident worker counts for 90 seconds');
select pg_temp.beat('resident', 'draining');
select stepbase_engine.request_worker();
select is(pg_temp.requests(), 1::bigint, 'one that drains does not count');

-- An invocation that ends with work left.
select pg_temp.second_later(), pg_temp.beat('resident', 'stopped');
select stepbase_engine.continue_worker();
select is(pg_temp.requests(), 1::bigint, 'an invocation that ends with work left calls the next one');
select stepbase_engine.continue_worker();
select is(pg_temp.requests(), 0::bigint, 'at most once a second');
savepoint idle;
create or replace function stepbase_engine.has_pending_work()
returns boolean
language sql
stable
as 'select false';
select pg_temp.second_later();
select stepbase_engine.continue_worker();
select is(
  (pg_temp.requests(), stepbase_engine.has_pending_work()), (0::bigint, false), 'without pending work there is no call'
);
rollback to savepoint idle;

-- A call that fails must not fail the start.
select pg_temp.second_later();
create or replace function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds int default 5000
)
returns bigint
language sql
as 'select 1 / 0::bigint';
set local client_min_messages = error;
select is(
  tests.perform_as('admin', $$select (stepbase.start_run('w-00d001')).status$$), 'pending',
  'a start succeeds although the call fails'
);
select is(
  (select c.called_at < clock_timestamp() - interval '0.9 seconds' from stepbase_engine.worker_calls c), true,
  'a failed call does not count'
);

drop function net.http_post;
select lives_ok('select stepbase_engine.request_worker()', 'without pg_net a request is no error');
select is(stepbase_engine.call_worker(), false, 'and a call reports that it was not made');
select is(tests.attempt('admin', $$select stepbase.start_run('w-00d001')$$), 'ok 1', 'a start succeeds without pg_net');

select * from finish();
rollback;
