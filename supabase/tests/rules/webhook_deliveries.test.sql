-- Webhook deliveries: workers claim them in turn for the applications, failures are repeated, and a subscription that
-- always fails is disabled.

begin;
set local search_path = public, extensions;
select plan(42);
select tests.create_people();

insert into stepbase.webhook_subscriptions (id, app_code, url, event_types)
values
  ('00000000-0000-4000-8000-00000000d071', 'tap-one', 'https://a.example', '{run.failed}'),
  ('00000000-0000-4000-8000-00000000d072', 'tap-two', 'https://b.example', '{run.failed}');
select stepbase_private.store_signing_secret(s.app_code, 'subscription', s.id) from stepbase.webhook_subscriptions s;

create function pg_temp.add(app text, many int default 1)
returns void
language sql
as $$
  insert into stepbase.webhook_deliveries (app_code, subscription_id, event_type, payload)
  select s.app_code, s.id, 'run.failed', '{"n": 1}'
  from stepbase.webhook_subscriptions s
  cross join generate_series(1, many)
  where s.app_code = app;
$$;

-- Claims.
select is(stepbase_engine.has_due_webhook_deliveries(), false, 'without deliveries none is due');
select pg_temp.add('tap-one', 8);
select pg_temp.add('tap-two', 2);
select is(stepbase_engine.has_due_webhook_deliveries(), true, 'a new delivery is due at once');
select is(stepbase_engine.has_pending_work(), true, 'a worker is called for it');
select is(stepbase_engine.next_webhook_delivery_at(), null, 'a due delivery has no next time');
select results_eq(
  $$select c.app_code, count(*) from stepbase_engine.claim_webhook_deliveries('{}', 2) c group by 1 order by 1$$,
  $$values ('tap-one', 1::bigint), ('tap-two', 1)$$, 'each application gets one before the first gets a second'
);
select results_eq(
  $$select c.app_code, count(*) from stepbase_engine.claim_webhook_deliveries('{tap-one,tap-two}', 20) c group by 1 order by 1$$,
  $$values ('tap-one', 4::bigint), ('tap-two', 1)$$, 'an application has at most five in flight'
);
select is(
  (select count(*) from stepbase_engine.claim_webhook_deliveries(array_fill('tap-one'::text, array[5]), 20)), 0::bigint,
  'and gets none when it has five'
);
select isnt(stepbase_engine.next_webhook_delivery_at(), null, 'a claim that expires is the next time');
update stepbase.webhook_deliveries set status = 'delivered', next_attempt_at = null, completed_at = now() where attempts = 0;
select is((select count(*) from stepbase_engine.claim_webhook_deliveries('{}', 20)), 0::bigint, 'a claimed delivery is not claimed again');
select stepbase_engine.advance_clock('121 seconds');
select is(
  (select count(*) from stepbase_engine.claim_webhook_deliveries('{}', 20)), 7::bigint, 'until its lease has expired'
);
select is((select min(d.attempts) from stepbase.webhook_deliveries d where d.status = 'pending'), 2, 'which counts as an attempt');
delete from stepbase.webhook_deliveries;

select pg_temp.add('tap-one');
create temporary table claim as select * from stepbase_engine.claim_webhook_deliveries('{}', 20);
select results_eq(
  'select url, attempt, payload, cardinality(secrets) from claim', $$values ('https://a.example', 1, '{"n": 1}', 1)$$,
  'a claim returns all that the worker sends'
);

-- Results.
create temporary view delivery as select * from stepbase.webhook_deliveries where id in (select id from claim);
create temporary view subscription as select * from stepbase.webhook_subscriptions where app_code = 'tap-one';
create function pg_temp.record(number int, response int, failure text)
returns void
language sql
as $$
  select stepbase_engine.record_webhook_attempt(c.id, number, response, repeat('b', 2000), failure, 7) from claim c;
$$;
create function pg_temp.claim_again()
returns bigint
language sql
as $$
  update stepbase.webhook_deliveries d set next_attempt_at = stepbase_engine.now() where d.status = 'pending';
  select count(*) from stepbase_engine.claim_webhook_deliveries('{}', 20);
$$;

select pg_temp.record(2, 200, null);
select results_eq('select status, response_status from delivery', $$values ('pending', null::int)$$, 'a result of another attempt is ignored');
select pg_temp.record(1, 503, 'the receiver answered 503');
select results_eq(
  'select status, response_status, length(response_body), failure, duration_ms from delivery',
  $$values ('pending', 503, 1000, 'the receiver answered 503', 7)$$, 'a failure is recorded, with the beginning of the response'
);
select results_eq(
  $$select next_attempt_at - stepbase_engine.now() between interval '9 seconds' and interval '11 seconds' from delivery$$,
  'values (true)', 'the first repetition follows after ten seconds'
);
select isnt((select failing_since from subscription), null, 'the subscription is failing');
select is(pg_temp.claim_again(), 1::bigint, 'it is claimed again');
select pg_temp.record(2, 204, null);
select results_eq(
  'select status, response_status, failure, next_attempt_at from delivery', $$values ('delivered', 204, null::text, null::timestamptz)$$,
  'a success ends the delivery'
);
select is((select failing_since from subscription), null, 'a success ends the failure of the subscription');
select pg_temp.record(2, 500, 'late');
select is((select status from delivery), 'delivered', 'a late result changes nothing');

select is(
  array(
    select round(extract(epoch from stepbase_engine.webhook_backoff(b.n::int)) / b.seconds)
    from unnest(array[10, 60, 300, 1800, 7200, 21600, 50400, 50400]) with ordinality as b (seconds, n)
  ),
  array_fill(1::numeric, array[8]), 'the repetitions are spread over a day'
);

-- Eight attempts.
update stepbase.webhook_deliveries
set status = 'pending', next_attempt_at = stepbase_engine.now(), completed_at = null, attempts = 7;
select is(pg_temp.claim_again(), 1::bigint, 'the eighth attempt begins');
select pg_temp.record(8, null, 'no response within 10000 ms');
select results_eq(
  'select status, attempts, response_status, failure from delivery', $$values ('failed', 8, null::int, 'no response within 10000 ms')$$,
  'the eighth failure is the last'
);

-- Sent again.
select is(
  tests.perform_as('developer', format('select (stepbase.retry_delivery(%L)).status', c.id)), 'pending', 'a failed delivery can be sent again'
) from claim c;
select is(tests.attempt('developer', format('select stepbase.retry_delivery(%L)', c.id)), 'SB409', 'a pending one cannot') from claim c;
select is(pg_temp.claim_again(), 1::bigint, 'it is claimed');
select pg_temp.record(9, 500, 'the receiver answered 500');
select results_eq('select status, attempts from delivery', $$values ('failed', 9)$$, 'and sent once');

-- A receiver that is gone, or fails for days.
select tests.perform_as('developer', format('select (stepbase.retry_delivery(%L)).status', c.id)) from claim c;
select pg_temp.claim_again();
select pg_temp.add('tap-one', 3);
select pg_temp.record(10, 410, 'the receiver answered 410');
select results_eq(
  'select is_enabled, disabled_reason from subscription', $$values (false, 'The receiver answered 410 (gone)')$$, '410 disables the subscription'
);
select is(
  (select count(*) from stepbase.webhook_deliveries d where d.status = 'failed'), 4::bigint, 'and ends its pending deliveries'
);
update stepbase.webhook_subscriptions set is_enabled = true where app_code = 'tap-one';
select results_eq(
  'select is_enabled, disabled_reason, failing_since from subscription', $$values (true, null::text, null::timestamptz)$$,
  'a subscription that is enabled again starts without failures'
);
delete from stepbase.webhook_deliveries;
delete from claim;
select pg_temp.add('tap-one');
insert into claim select * from stepbase_engine.claim_webhook_deliveries('{}', 20);
select pg_temp.record(1, 500, 'the receiver answered 500');
select stepbase_engine.advance_clock('71 hours');
select pg_temp.claim_again();
select pg_temp.record(2, 500, 'the receiver answered 500');
select is((select is_enabled from subscription), true, 'failures of less than three days disable nothing');
select stepbase_engine.advance_clock('2 hours');
select pg_temp.claim_again();
select pg_temp.record(3, 500, 'the receiver answered 500');
select matches((select disabled_reason from subscription), 'three days; the last failure: the receiver answered 500', 'three days of failures disable it');

-- Test events.
select is(
  tests.perform_as('admin', $$select (stepbase.send_test_event('00000000-0000-4000-8000-00000000d071')).event_type$$), 'webhook.test',
  'a disabled subscription can be tested'
);
delete from claim;
insert into claim select * from stepbase_engine.claim_webhook_deliveries('{}', 20);
select is((select count(*) from claim), 1::bigint, 'the test is claimed');
update stepbase.webhook_subscriptions set is_enabled = true where app_code = 'tap-one';
select pg_temp.record(1, 410, 'the receiver answered 410');
select results_eq('select status, attempts from delivery', $$values ('failed', 1)$$, 'a test is attempted once');
select is((select is_enabled from subscription), true, 'a failed test disables nothing');
select is(
  tests.attempt('admin', $$select stepbase.send_test_event('00000000-0000-4000-8000-00000000d071') from generate_series(1, 10)$$), 'SB429',
  'at most ten tests a minute'
);

-- Bounds.
select pg_temp.add('tap-one', 10001);
update stepbase.webhook_subscriptions set event_types = '{run.paused}' where app_code = 'tap-one';
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id)
select '00000000-0000-4000-8000-00000000d020', w.app_code, w.id, w.published_version_id
from stepbase.workflows w where w.id = '00000000-0000-4000-8000-00000000d001';
select stepbase_engine.announce_to_webhooks(
  array['00000000-0000-4000-8000-00000000d020'::uuid], array['run.paused'], array['{}'::jsonb]
);
select is((select disabled_reason from subscription), '10000 deliveries were waiting', 'a queue that grows without end disables the subscription');
select is_empty('select 1 from stepbase.webhook_deliveries where status = ''pending''', 'and is emptied');

-- Retention.
select is(stepbase_engine.prune_webhook_deliveries(), 0, 'recent deliveries are kept');
update stepbase.applications set run_retention_days = 2 where app_code = 'tap-one';
select stepbase_engine.advance_clock('49 hours');
select is(stepbase_engine.prune_webhook_deliveries(6000), 6000, 'old ones are deleted after the retention of the application, a bounded number at once');
select cmp_ok((stepbase_engine.prune() ->> 'webhook_deliveries')::int, '>', 4000, 'prune deletes them');

select * from finish();
rollback;
