-- The log of webhook calls: each verdict, the limits of a webhook, replays, and how long calls are kept. And the list
-- of events with what they started.

begin;
set local search_path = public, extensions;
select plan(20);
select tests.create_tasks();
delete from stepbase.webhook_calls where true;

create function pg_temp.hook() returns uuid language sql as $$ select tests.sample_id('webhook') $$;
create function pg_temp.verdicts() returns text[] language sql as $$
  select array_agg(c.verdict order by c.created_at, c.id) from stepbase.webhook_calls c
  where c.trigger_id = pg_temp.hook();
$$;

-- Verdicts.
select is(
  (select s.problem from stepbase_engine.start_webhook(pg_temp.hook(), 'one', '{"body": {"n": 1}}') s), null, 'a call starts a run'
);
select is(
  (select s.is_new from stepbase_engine.start_webhook(pg_temp.hook(), 'one', '{"body": {"n": 1}}') s), false,
  'a second delivery starts none'
);
update stepbase.workflow_triggers set is_enabled = false where id = pg_temp.hook();
select is(
  (select s.problem ->> 'code' from stepbase_engine.start_webhook(pg_temp.hook(), 'two', '{}') s), 'conflict',
  'a disabled webhook refuses a call'
);
update stepbase.workflow_triggers set is_enabled = true where id = pg_temp.hook();
select set_eq(
  $$select c.verdict, c.call_id, c.run_id is not null as has_run, c.error ->> 'code' as code from stepbase.webhook_calls c$$,
  $$values ('started', 'one', true, null::text), ('duplicate', 'one', true, null), ('refused', 'two', false, 'conflict')$$,
  'the log has each call with its verdict'
);
select is(
  (select count(distinct c.run_id) from stepbase.webhook_calls c), 1::bigint, 'a duplicate names the first run'
);
select isnt(
  stepbase_engine.record_webhook_call(pg_temp.hook(), 'bad_signature', p_error => '{"code": "not_authenticated"}'), null,
  'a call without a valid signature is recorded'
);
select is(
  stepbase_engine.record_webhook_call(pg_temp.hook(), 'bad_signature'), null, 'but only one in a second'
);
select is(stepbase_engine.record_webhook_call(gen_random_uuid(), 'handshake'), null, 'an unknown webhook has no log');
select is(
  (
    select c.input from stepbase.webhook_calls c
    where c.id = stepbase_engine.record_webhook_call(
      pg_temp.hook(), 'refused', p_input => jsonb_build_object('body', repeat('x', 70000))
    )
  ), null, 'a large content is not kept'
);

-- Replays.
create temporary table replay as
select tests.perform_as('developer', format(
  $$select to_jsonb(stepbase.replay_webhook_call(%L))::text$$,
  (select c.id from stepbase.webhook_calls c where c.verdict = 'started')
))::jsonb as made;
select is((select r.made ->> 'verdict' from replay r), 'started', 'a replay starts a run');
select isnt(
  (select (r.made ->> 'run_id')::uuid from replay r),
  (select c.run_id from stepbase.webhook_calls c where c.verdict = 'duplicate'), 'which is another one'
);
select is((select r.made -> 'input' from replay r), '{"body": {"n": 1}}', 'with the same content');
select is(
  (select (r.made ->> 'replayed_by')::uuid from replay r), (select p.user_id from tests.person('developer') p), 'and names the member'
);
select is(
  tests.attempt('developer', format(
    'select stepbase.replay_webhook_call(%L)', (select c.id from stepbase.webhook_calls c where c.verdict = 'bad_signature')
  )), 'SB409', 'a call without a valid signature cannot be replayed'
);

-- Limits.
insert into stepbase.webhook_calls (app_code, trigger_id, verdict, created_at)
select 'tap-one', pg_temp.hook(), case when n <= 80 then 'bad_signature' else 'duplicate' end, now() - n * interval '1 minute'
from generate_series(1, 300) n;
select isnt(stepbase_engine.record_webhook_call(pg_temp.hook(), 'handshake'), null, 'a further call');
select is(cardinality(pg_temp.verdicts()) <= 200, true, 'deletes those beyond 200');
select is(
  (select count(*) <= 50 from stepbase.webhook_calls c where c.verdict = 'bad_signature'), true,
  'and of those without a signature beyond 50'
);
update stepbase.webhook_calls set created_at = now() - interval '31 days' where verdict = 'started';
select is(stepbase_engine.prune_webhook_calls(), 2, 'old calls are deleted');

-- Events.
insert into stepbase.workflow_triggers (app_code, workflow_id, trigger_type, event_name)
values ('tap-one', tests.sample_id('workflow'), 'event', 'order.paid');
select tests.perform_as('developer', $$select stepbase.emit_event('order.paid', '{"order": 7}')$$);
select stepbase_engine.relay_events(array(select o.id from stepbase.outbox o where o.event_type = 'event.emitted'), 10);
create temporary table events as
select tests.perform_as('viewer', $$select stepbase.list_events('order.paid')::text$$)::jsonb -> 'items' -> 0 as event;
select is(
  (select jsonb_build_array(e.event -> 'payload', e.event -> 'status', e.event -> 'runs' -> 0 -> 'workflow') from events e),
  '[{"order": 7}, "handled", "w-00d001"]', 'an event is listed with the run that it started'
);
select is(
  tests.perform_as('viewer', $$select stepbase.list_events('other') ->> 'items'$$), '[]', 'the name filters'
);
select * from finish();
rollback;
