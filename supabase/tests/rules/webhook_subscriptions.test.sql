-- Webhook subscriptions: valid rows, secrets, and which events of runs become deliveries.

begin;
set local search_path = public, extensions;
select plan(42);
select tests.create_tasks();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');

select is(
  tests.attempt('admin', format('select stepbase.create_webhook_subscription(%L, %L)', s.url, s.event_types)), s.answer, s.what
)
from (
  values
    ('ok 1', 'an https URL is accepted', 'https://a.example/events?x=1@2', '{run.completed,task.created}'),
    ('ok 1', 'an http URL with a port is accepted', 'http://a.example:8080', '{run.paused}'),
    ('SB400', 'other protocols are refused', 'ftp://a.example', '{run.failed}'),
    ('SB400', 'a URL must have a host', 'https:///events', '{run.failed}'),
    ('SB400', 'a URL must not contain a password', 'https://me:secret@a.example/', '{run.failed}'),
    ('SB400', 'a URL must not contain spaces', 'https://a.example/a b', '{run.failed}'),
    ('SB400', 'a URL is bounded', 'https://a.example/' || repeat('x', 2000), '{run.failed}'),
    ('SB400', 'an unknown event type is refused', 'https://a.example', '{run.failed,run.other}'),
    ('SB400', 'a test event cannot be subscribed', 'https://a.example', '{webhook.test}'),
    ('SB400', 'a subscription needs an event type', 'https://a.example', '{}'),
    ('SB400', 'event types are not null', 'https://a.example', null)
) s (answer, what, url, event_types);
select is(
  tests.attempt('admin', $$select stepbase.create_webhook_subscription('https://a.example', '{run.failed}', 'none')$$),
  'SB404', 'the workflow of a subscription must exist'
);
select is(
  tests.attempt(
    'admin', $$select stepbase.create_webhook_subscription('https://a.example', '{run.failed}') from generate_series(1, 50)$$
  ),
  'SB429', 'an application has at most fifty subscriptions'
);
select is(
  tests.attempt('admin', $$update stepbase.webhook_subscriptions set disabled_reason = 'x'$$), '42501',
  'only the engine writes disabled_reason'
);
select is_empty(
  $$select e
    from unnest(array[
      'run.completed', 'run.failed', 'run.cancelled', 'run.timed_out', 'run.paused', 'run.resumed', 'task.created'
    ]) e
    except select t.name from stepbase.run_event_types t$$,
  'the event types are types of run events'
);

-- Secrets.
create temporary table made as
select tests.perform_as(
  'developer',
  $$select stepbase.create_webhook_subscription('https://a.example/all', '{run.completed,run.failed,run.paused,task.created}')::text$$
)::jsonb as answer;
create temporary view made_id as select (m.answer ->> 'id')::uuid as id from made m;
select matches((select m.answer ->> 'secret' from made m), '^whsec_[A-Za-z0-9+/]{43}=$', 'a new subscription returns its secret');
select is(
  (select stepbase_private.signing_secrets_of(m.id) from made_id m), (select array[m.answer ->> 'secret'] from made m),
  'the secret is stored'
);
select is(
  tests.attempt('admin', 'select * from stepbase_private.signing_secrets'), '42501', 'clients cannot read secrets'
);
select tests.perform_as('admin', format('select stepbase.rotate_webhook_subscription_secret(%L, 60)::text', m.id)) from made_id m;
select is(
  (select cardinality(stepbase_private.signing_secrets_of(m.id)) from made_id m), 2,
  'an earlier secret stays valid for its overlap'
);
select is(
  (
    select array_agg(k order by k) from jsonb_object_keys(
      tests.detail_of('admin', format('select stepbase.rotate_webhook_subscription_secret(%L, 60)', m.id))
    ) k
  ), '{code,overlap_ends_at}', 'at most two secrets are valid, and the error says until when'
) from made_id m;
select stepbase_engine.advance_clock('61 seconds');
select is(
  (select cardinality(stepbase_private.signing_secrets_of(m.id)) from made_id m), 1, 'then it expires'
);
select is(
  tests.attempt('admin', format('select stepbase.rotate_webhook_subscription_secret(%L, 604801)', m.id)), 'SB400',
  'an overlap is at most a week'
) from made_id m;

-- Which events become deliveries. The other subscriptions do not match.
insert into stepbase.webhook_subscriptions (app_code, url, event_types, workflow_id, is_enabled)
values
  ('tap-one', 'https://a.example/other-workflow', '{run.failed}', '00000000-0000-4000-8000-00000000d101', true),
  ('tap-one', 'https://a.example/other-event', '{run.cancelled}', null, true),
  ('tap-one', 'https://a.example/disabled', '{run.failed}', null, false),
  ('tap-two', 'https://a.example/other-app', '{run.failed}', null, true),
  ('tap-one', 'https://a.example/one-workflow', '{run.failed}', tests.sample_id('workflow'), true);
create temporary view delivered as
select s.url, d.* from stepbase.webhook_deliveries d
join stepbase.webhook_subscriptions s on s.id = d.subscription_id
where d.id <> tests.sample_id('webhook_delivery');

select is(
  stepbase_engine.announce_to_webhooks(array[tests.sample_id('run')], array['run.paused'], array['{}'::jsonb]), 1,
  'an event is delivered to each subscription that matches'
);
select results_eq(
  'select url, event_type, status, attempts, payload -> ''data'' ->> ''workflow'' from delivered',
  $$values ('https://a.example/all', 'run.paused', 'pending', 0, 'w-00d001')$$, 'with the workflow of the run'
);
delete from stepbase.webhook_deliveries;

-- The end of a run.
delete from stepbase.outbox;
select isnt_empty(
  format('select stepbase_engine.end_runs(array[%L::uuid], %L, %L)', tests.sample_id('run'), 'failed', '{"code": "x", "message": "m"}'),
  'a run fails'
);
select results_eq(
  $$select o.event_type from stepbase.outbox o where o.event_type = 'run.ended'$$, $$values ('run.ended')$$,
  'the relay is asked because of the subscription'
);
select is_empty('select 1 from delivered', 'the transaction of the end writes no delivery');
select is(stepbase_engine.relay_app('tap-one'), 1, 'the relay handles the end');
select results_eq(
  'select url, event_type, payload #>> ''{data,error,code}'' from delivered order by url',
  $$values ('https://a.example/all', 'run.failed', 'x'), ('https://a.example/one-workflow', 'run.failed', 'x')$$,
  'the subscriptions to the event and the workflow get a delivery'
);
select stepbase_engine.announce_ends_to_webhooks(array[tests.sample_id('run')]);
select is((select count(*) from delivered), 2::bigint, 'an end that is relayed twice is delivered once');
select is(
  (select array_agg(k order by k) from jsonb_object_keys((select d.payload from delivered d limit 1)) k),
  array['data', 'timestamp', 'type'], 'the payload has the form of Standard Webhooks'
);

-- Without a matching subscription nothing is written.
update stepbase.webhook_subscriptions set is_enabled = false where app_code = 'tap-one';
delete from stepbase.outbox;
select isnt_empty(
  format('select stepbase_engine.end_runs(array[%L::uuid], %L, %L)', tests.sample_id('second_run'), 'failed', '{"code": "x", "message": "m"}'),
  'another run fails'
);
select is_empty(
  $$select 1 from stepbase.outbox o where o.event_type = 'run.ended'$$, 'an application without a subscription writes nothing'
);
select results_eq(
  'select distinct status, failure from delivered', $$values ('failed', 'The subscription was disabled')$$,
  'the pending deliveries of a disabled subscription fail'
);

-- A run that still compensates has not ended.
update stepbase.webhook_subscriptions set is_enabled = true where app_code = 'tap-one' and url ~ 'all$';
delete from stepbase.webhook_deliveries;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, status, started_at, pending_outcome)
select
  '00000000-0000-4000-8000-00000000d099', w.app_code, w.id, w.published_version_id, 'running', now(), '{"status": "failed"}'
from stepbase.workflows w
where w.id = tests.sample_id('workflow');
update stepbase.webhook_subscriptions s set event_types = s.event_types || array['run.cancelled'] where s.url ~ 'all$';
select stepbase_engine.announce_ends_to_webhooks(array['00000000-0000-4000-8000-00000000d099'::uuid]);
select is_empty('select 1 from delivered', 'the end of a run that still compensates is not delivered');

-- Bounds.
select is(
  stepbase_engine.webhook_run_data(jsonb_populate_record(null::stepbase.runs, b.run)) - 'run_id' - 'workflow_id' - 'workflow', b.data, b.what
)
from (
  values
    ('a short output is part of the event', '{"status": "completed", "output": {"n": 12345678901234567890}}'::jsonb,
      '{"status": "completed", "output": {"n": 12345678901234567890}}'::jsonb),
    ('a long output is left out', jsonb_build_object('status', 'completed', 'output', repeat('x', 20000)),
      '{"status": "completed", "output_omitted": true}'),
    ('a long error keeps its code and the beginning of its message',
      jsonb_build_object('status', 'failed', 'error', jsonb_build_object('code', 'c', 'message', repeat('m', 20000), 'details', '[]'::jsonb)),
      jsonb_build_object('status', 'failed', 'error', jsonb_build_object('code', 'c', 'message', repeat('m', 1000))))
) b (what, run, data);

-- Tasks.
select isnt_empty(
  $$select 1 from stepbase.webhook_subscriptions where app_code = 'tap-one' and is_enabled and 'task.created' = any(event_types)$$,
  'a subscription wants tasks'
);
select stepbase_engine.announce_tasks(array(
  select stepbase_engine.step_event(e.type, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, 'waiting')
  from stepbase.step_runs s
  cross join unnest(array['task.created', 'step.waiting']) as e (type)
  where s.id = tests.sample_id('approval')
));
select results_eq(
  $$select event_type, payload #>> '{data,task_id}', payload #>> '{data,step_type}' from delivered$$,
  format('values (%L, %L, %L)', 'task.created', tests.sample_id('approval'), 'wait_for_approval'),
  'a created task is delivered, with its id and step type'
);

-- Deletion.
delete from stepbase.webhook_subscriptions where app_code = 'tap-one';
select is((select count(*) from stepbase_private.signing_secrets), 0::bigint, 'deleting subscriptions deletes their secrets');
select is_empty('select 1 from stepbase.webhook_deliveries where app_code = ''tap-one''', 'and their deliveries');

select * from finish();
rollback;
