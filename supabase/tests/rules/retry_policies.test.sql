-- The engine reads any stored retry policy without an error, even an invalid one.

begin;
set local search_path = public, extensions;
select plan(22);

select is(stepbase_engine.retry_delay(p.policy::jsonb, 3), p.answer::interval, 'retry_delay reads ' || p.policy)
from (
  values
    ('{"max_attempts": 3, "delay_ms": "abc"}', '4 s'),
    ('{"max_attempts": 3.0, "delay_ms": 5.0, "backoff": "fixed"}', '5 ms'),
    ('{"delay_ms": 1000, "max_delay_ms": "soon"}', '4 s'),
    ('{"delay_ms": -5}', '0'),
    ('{"delay_ms": 1e300, "max_delay_ms": 1e300}', '365 days'),
    ('{"jitter": "yes", "backoff": 7}', '4 s'),
    ('{"jitter": -4}', '4 s'),
    ('{"delay_ms": {"a": 1}, "max_delay_ms": []}', '4 s'),
    ('"abc"', '4 s'),
    ('[1]', '4 s'),
    ('null', '4 s')
) p (policy, answer);

select is(stepbase_engine.may_retry(p.policy::jsonb, p.error::jsonb), p.answer, format('may_retry reads the policy %s for the error %s', p.policy, p.error))
from (
  values
    ('{"retry_on": 5}', '{"code": "timeout"}', false),
    ('{"do_not_retry_on": "timeout"}', '{"code": "timeout", "retryable": true}', true),
    ('{"do_not_retry_on": null}', '{"code": "timeout", "retryable": true}', true),
    ('"retry_on"', '{"code": "timeout"}', false),
    ('{}', '{"code": "timeout", "retryable": "perhaps"}', false),
    ('{"retry_on": ["timeout"]}', '{"code": "timeout"}', true)
) p (policy, error, answer);

-- explain_workflow reads the policies of a draft, which have not been checked yet.
select tests.create_rows();
insert into stepbase.workflow_versions (app_code, workflow_id, version, definition, created_by)
values (
  'tap-one', '00000000-0000-4000-8000-00000000d001', 2,
  '{"nodes": [
      {"id": "a", "type": "delay", "data": {"config": {"ms": 1}, "retry": {"max_attempts": "three"}}},
      {"id": "b", "type": "delay", "data": {"config": {"ms": 1}, "timeout_ms": 10.0, "retry": {"max_attempts": 3.0}}},
      {"id": "c", "type": "delay", "data": {"config": {"ms": 1}, "retry": {"max_attempts": 1e9}}},
      {"id": "d", "type": "delay", "data": {"config": {"ms": 1}, "retry": "often"}}],
    "edges": []}',
  null
);
select is(
  (select n.timeout_ms from stepbase.workflow_nodes n join stepbase.workflow_versions v on v.id = n.workflow_version_id
    where v.version = 2 and n.node_id = 'b' and n.app_code = 'tap-one'),
  10, 'a timeout of 10.0 ms is stored as 10 ms'
);
select is(
  tests.attempt('developer', $$select stepbase.explain_workflow('w-00d001', 2)$$), 'ok 1', 'a draft with invalid policies can be explained'
);
select is(stepbase_engine.retry_plan('{"max_attempts": 3.0}') -> 'waits_ms', '[1000, 2000]', 'three attempts have two waits');
select is(stepbase_engine.retry_plan('{"max_attempts": "three"}') -> 'waits_ms', '[]', 'an invalid number of attempts means one attempt');
select is(stepbase_engine.retry_plan('"often"'), null, 'a policy that is not an object is ignored');

select * from finish();
rollback;
