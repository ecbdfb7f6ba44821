-- The relay: one app per call, in turn, and messages that fail three times are quarantined.

begin;
set local search_path = public, extensions;
select plan(10);
select tests.create_people();

insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
select a.app_code, 'event', gen_random_uuid(), 'event.emitted', '{"name": "order.paid", "payload": {}, "depth": 1}'
from unnest(array['tap-one', 'tap-two', 'tap-one', 'tap-three', 'tap-one']) with ordinality as a (app_code, ord)
order by a.ord;

select is(
  stepbase_engine.outbox_apps(), array['tap-one', 'tap-three', 'tap-two'], 'the apps with messages'
);
select is(
  stepbase_engine.outbox_apps('tap-one'), array['tap-three', 'tap-two', 'tap-one'],
  'those after the given app come first'
);
select is(stepbase_engine.outbox_apps('tap-three', 1), array['tap-two'], 'at most so many');

select is(stepbase_engine.record_relay_failure('tap-one', 'first'), null, 'one failure');
select is(stepbase_engine.record_relay_failure('tap-one', 'second'), null, 'two failures');
select is(
  stepbase_engine.record_relay_failure('tap-one', repeat('x', 5000)),
  (select min(o.id) from stepbase.outbox o where o.app_code = 'tap-one'),
  'the third failure quarantines the oldest message of the app'
);
select results_eq(
  $$select o.attempts, length(o.error), o.quarantined_at is not null, o.published_at is null
    from stepbase.outbox o where o.app_code = 'tap-one' order by o.id limit 1$$,
  $$values (3, 2000, true, true)$$,
  'operators see the attempts and the error'
);
select is(stepbase_engine.relay_app('tap-one'), 2, 'the other messages of the app are handled');
select is(
  stepbase_engine.outbox_apps(), array['tap-three', 'tap-two'], 'messages of other apps are not; none of them is blamed'
);

update stepbase.outbox set quarantined_at = null, attempts = 0 where app_code = 'tap-one' and published_at is null;
select is(stepbase_engine.relay_app('tap-one'), 1, 'an operator can release a message');

select * from finish();
rollback;
