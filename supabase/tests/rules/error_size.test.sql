-- Errors are stored with each attempt and again with the run, so they are stored short.

begin;
set local search_path = public, extensions;
select plan(6);
select tests.create_tasks();

select is(
  stepbase_engine.short_error(e.error), e.error, 'an ordinary error is stored as it is'
)
from (values ('{"code": "code_failed", "message": "m", "retryable": false, "details": {"a": 1}}'::jsonb)) e (error);
select cmp_ok(
  octet_length(stepbase_engine.short_error(
    jsonb_build_object('code', 'code_failed', 'message', repeat('é', n), 'details', jsonb_build_object('text', repeat('x', n)))
  )::text),
  '<', 17000, format('an error with %s characters is cut', n)
)
from unnest('{20000,3000000}'::int[]) n;
select is(stepbase_engine.short_error(e.error) ->> 'code', 'x', 'the code is kept')
from (values (jsonb_build_object('code', 'x', 'message', repeat('m', 20000)))) e (error);
select is(stepbase_engine.short_error(null), null, 'no error stays none');
select tests.perform_as(
  'developer',
  format('select (stepbase.cancel_run(%L, repeat(''é'', 100000))).status', tests.sample_id('second_run'))
);
select is(
  (
    select length(coalesce(r.error, r.pending_outcome -> 'error') ->> 'message')
    from stepbase.runs r where r.id = tests.sample_id('second_run')
  ),
  4000, 'the reason of a cancellation is cut'
);

select * from finish();
rollback;
