-- Callbacks of components: tokens, the race with the worker, fencing by the attempt, deadlines, heartbeats and secrets.

begin;
set local search_path = public, extensions;
select plan(66);
select tests.create_rows();

update stepbase.components
set callback_timeout_ms = 3600000, heartbeat_timeout_ms = 60000, output_schema = '{"type": "object", "required": ["n"]}'
where id = tests.sample_id('component');
select tests.perform_as('developer', $$
  select stepbase.save_workflow('calls', '{
    "nodes": [
      {"id": "call", "type": "service_task", "data": {
        "config": {"component": "component"}, "retry": {"max_attempts": 2, "delay_ms": 1000}
      }},
      {"id": "after", "type": "transform", "data": {"config": {"expression": "1"}}}
    ],
    "edges": [{"id": "e", "source": "call", "target": "after"}]
  }')
$$);
select tests.perform_as('developer', $$
  select stepbase.publish_workflow(v.id)
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where w.kebab_name = 'calls'
$$);

-- The newest run and its step.
create function pg_temp.step(run uuid, attempt int default 1, id text default 'call') returns stepbase.step_runs
language sql as $$
  select s from stepbase.step_runs s where s.run_id = step.run and s.step_id = step.id and s.attempt = step.attempt;
$$;
-- A worker fetches the token of a run and claims its step.
create function pg_temp.claim(run uuid) returns stepbase_engine.work
language plpgsql as $$
declare
  token record;
  work stepbase_engine.work;
begin
  update stepbase_queue.job j set state = 'active', started_on = now(), heartbeat_on = now()
  where j.name = 'steps' and j.data ->> 'run_id' = claim.run::text
  returning j.id, j.retry_count into token;
  select w.* into work from stepbase_engine.claim(array[token.id], array[claim.run], array[token.retry_count]) w;
  return work;
end;
$$;
create function pg_temp.start() returns uuid
language plpgsql as $$
declare
  made uuid;
begin
  perform tests.perform_as('developer', $q$select stepbase.start_run('calls', '{}')$q$);
  select r.id into made from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
  where w.kebab_name = 'calls' order by r.created_at desc, r.id desc limit 1;
  return made;
end;
$$;
create function pg_temp.open(work stepbase_engine.work) returns text
language sql as $$
  select o.token from stepbase_engine.open_callback(
    work.step_run_id, work.fence, tests.sample_id('component'), '{"component": "component"}', 30000, 3600000, 60000
  ) o;
$$;
create function pg_temp.waits(work stepbase_engine.work) returns void
language sql as $$
  select stepbase_engine.wait(
    array[work.run_id], array[work.step_run_id], array[work.fence], array['{"component": "component"}'::jsonb],
    array['{"kind": "callback", "timeout_ms": 3600000, "heartbeat_timeout_ms": 60000}'::jsonb]
  );
$$;
-- The SQLSTATE and the reason of a refused call, 'ok' otherwise.
create function pg_temp.tried(call text) returns text
language plpgsql as $$
declare
  detail text;
begin
  execute 'select stepbase_engine.' || call;
  return 'ok';
exception when others then
  get stacked diagnostics detail = pg_exception_detail;
  return concat_ws(' ', sqlstate, case when detail ~ '^\{' then detail::jsonb ->> 'reason' end);
end;
$$;
create function pg_temp.complete(token text, output text default '{"n": 1}') returns text
language sql as $$
  select pg_temp.tried(format('complete_callback(%L, %L)', token, output));
$$;
create function pg_temp.fails(token text, code text default 'broken', retryable boolean default false) returns text
language sql as $$
  select pg_temp.tried(format('fail_callback(%L, %L, %L, %L)', token, code, 'It broke', retryable));
$$;
create function pg_temp.beats(token text) returns text
language plpgsql as $$
begin
  return stepbase_engine.heartbeat_callback(token) ->> 'cancelled';
exception when others then
  return pg_temp.tried(format('heartbeat_callback(%L)', token));
end;
$$;
create temporary table w (name text primary key, work stepbase_engine.work, token text);
create function pg_temp.begin_call(name text) returns text
language plpgsql as $$
declare
  work stepbase_engine.work := pg_temp.claim(pg_temp.start());
begin
  insert into w values (begin_call.name, work, pg_temp.open(work));
  return (select x.token from w x where x.name = begin_call.name);
end;
$$;
create function pg_temp.token(name text) returns text
language sql as $$ select x.token from w x where x.name = token.name; $$;
create function pg_temp.work(name text) returns stepbase_engine.work
language sql as $$ select x.work from w x where x.name = work.name; $$;
create function pg_temp.of(name text, attempt int default 1, id text default 'call') returns stepbase.step_runs
language sql as $$
  select pg_temp.step((pg_temp.work(of.name)).run_id, of.attempt, of.id);
$$;

-- Constraints.
select is(tests.attempt('owner', s.statement), '23514', s.what)
from (
  values
    ('a component waits for a callback for a second at least', $$update stepbase.components set callback_timeout_ms = 999 where id = '00000000-0000-4000-8000-00000000d004'$$),
    ('and so for heartbeats', $$update stepbase.components set heartbeat_timeout_ms = 0 where id = '00000000-0000-4000-8000-00000000d004'$$),
    ('a callback has the hash of a token', $$insert into stepbase_private.step_callbacks (token_hash, app_code, step_run_id, component_id, timeout_ms, expires_at) values ('x', 'tap-one', gen_random_uuid(), gen_random_uuid(), 1, now())$$),
    ('a delivery has one receiver', $$insert into stepbase.webhook_deliveries (app_code, event_type, payload) values ('tap-one', 'step.cancelled', '{}')$$),
    ('an answer has a time', $$insert into stepbase_private.step_callbacks (token_hash, app_code, step_run_id, component_id, timeout_ms, expires_at, answer) values (repeat('a', 64), 'tap-one', gen_random_uuid(), gen_random_uuid(), 1, now(), 'failed')$$)
) s (what, statement);

-- A callback before the worker has written that the step waits.
select matches(pg_temp.begin_call('early'), '^sbc_[A-Za-z0-9_-]{43}$', 'a call gets a token');
select is(
  (select count(*)::int from stepbase_private.step_callbacks c
    where c.token_hash = stepbase_private.token_hash(pg_temp.token('early'))), 1,
  'the database has its hash'
);
select is_empty(
  $$select 1 from stepbase_private.step_callbacks c where c::text like '%' || pg_temp.token('early') || '%'$$, 'and not the token'
);
select is((pg_temp.of('early')).input, '{"component": "component"}', 'the input is written before the call');
select is(pg_temp.complete(pg_temp.token('early')), 'ok', 'a callback may come before the worker has written 202');
select is(
  concat_ws(' ', (pg_temp.of('early')).status, (pg_temp.of('early')).output, (pg_temp.of('early')).input), 'completed {"n": 1} {"component": "component"}',
  'it completes the step'
);
select is((pg_temp.of('early', 1, 'after')).status, 'ready', 'and the next step is ready');
select is(
  (select count(*)::int from stepbase_queue.job j
    where j.name = 'steps' and j.data ->> 'run_id' = (pg_temp.work('early')).run_id::text), 1,
  'with a new token; that of the worker has ended'
);
select pg_temp.waits(pg_temp.work('early'));
select is((pg_temp.of('early')).status, 'completed', 'what the worker writes afterwards changes nothing');
select is(pg_temp.complete(pg_temp.token('early')), 'ok', 'a repeated callback is no error');
select is(pg_temp.fails(pg_temp.token('early')), 'SB409 already_answered', 'another answer is refused');
select is(
  (select count(*)::int from stepbase.run_events e where e.run_id = (pg_temp.work('early')).run_id and e.event_type = 'step.completed'), 1,
  'the step completed once'
);

select is(
  pg_temp.tried(format('log_callback(%L, %L)', pg_temp.token('early'), '[{"level": "info", "message": "late"}]')), 'SB409 step_ended',
  'an attempt that has ended gets no log lines'
);

-- A heartbeat that is missed during a pause.
select pg_temp.begin_call('paused');
select pg_temp.waits(pg_temp.work('paused'));
select tests.perform_as('developer', format('select status from stepbase.pause_run(%L)', (pg_temp.work('paused')).run_id));
select stepbase_engine.advance_clock('61 seconds');
select stepbase_engine.wake();
select is((pg_temp.of('paused')).status, 'waiting', 'while the run is paused, the step waits on without a heartbeat');
select tests.perform_as('developer', format('select status from stepbase.resume_run(%L)', (pg_temp.work('paused')).run_id));
select stepbase_engine.wake();
select is((pg_temp.of('paused')).error ->> 'message', 'The component sent no heartbeat in time', 'and fails when the run goes on');

-- The worker was lost, and a pause or an incident switch keeps the step from another one.
select pg_temp.begin_call('suspended');
update stepbase.step_runs s set status = 'ready', job_id = null where s.id = (pg_temp.of('suspended')).id;
select is(pg_temp.complete(pg_temp.token('suspended')), 'ok', 'a step that is held without a token accepts its callback');
select is((pg_temp.of('suspended')).status, 'completed', 'and is not executed again');

-- The step waits.
select pg_temp.begin_call('waits');
select pg_temp.waits(pg_temp.work('waits'));
select is(concat_ws(' ', (pg_temp.of('waits')).status, (pg_temp.of('waits')).wait_kind), 'waiting callback', 'after 202 the step waits for a callback');
select is(
  round(extract(epoch from (pg_temp.of('waits')).wake_at - stepbase_engine.now()))::int, 60, 'at first for the heartbeat'
);
select is(
  round(extract(epoch from (pg_temp.of('waits')).deadline_at - stepbase_engine.now()))::int, 3600, 'and in all for callback_timeout_ms'
);
select is(
  stepbase_engine.explain_wait(pg_temp.of('waits')) ->> 'code', 'callback', 'explain_run has the reason'
);
select is(pg_temp.complete(pg_temp.token('waits'), '{"m": 1}'), 'SB422', 'the output must match the output schema');
select is((pg_temp.of('waits')).status, 'waiting', 'the step still waits');
select is(pg_temp.fails(pg_temp.token('waits'), 'Not Snake'), 'SB400', 'the code of a failure is snake_case');
select is(
  stepbase_engine.log_callback(pg_temp.token('waits'), '[{"level": "info", "message": "Half done", "data": {"percent": 50}}]'),
  '{"written": 1}', 'a component writes log lines'
);
select results_eq(
  $$select l.step_id, l.attempt, l.message from stepbase.step_logs l where l.step_run_id = (pg_temp.of('waits')).id$$,
  $$values ('call', 1, 'Half done')$$, 'they belong to the attempt'
);
select is(
  pg_temp.tried(format('log_callback(%L, %L)', pg_temp.token('waits'), '[{"message": 1}]')), 'SB400', 'and have a level and a text'
);
select stepbase_engine.advance_clock('50 seconds');
select is(pg_temp.beats(pg_temp.token('waits')), 'false', 'a heartbeat tells that the work is needed');
select is(
  round(extract(epoch from (pg_temp.of('waits')).wake_at - stepbase_engine.now()))::int, 60, 'and gives time for the next one'
);
select stepbase_engine.advance_clock('61 seconds');
select stepbase_engine.wake();
select is(
  concat_ws(' | ', (pg_temp.of('waits')).status, (pg_temp.of('waits')).error ->> 'code', (pg_temp.of('waits')).error ->> 'message'),
  'failed | timeout | The component sent no heartbeat in time', 'without a heartbeat the attempt fails'
);
select is(concat_ws(' ', (pg_temp.of('waits', 2)).status, (pg_temp.of('waits', 2)).wait_kind), 'waiting retry', 'and is retried');
select is(pg_temp.complete(pg_temp.token('waits')), 'SB409 attempt_superseded', 'the callback of an earlier attempt is refused');
select is(pg_temp.fails(pg_temp.token('waits')), 'SB409 attempt_superseded', 'so is its failure');
select is(pg_temp.beats(pg_temp.token('waits')), 'SB409 attempt_superseded', 'and its heartbeat');
select stepbase_engine.advance_clock('1 minute');
select stepbase_engine.wake();
insert into w select 'second', c, pg_temp.open(c) from pg_temp.claim((pg_temp.work('waits')).run_id) c;
select is((pg_temp.work('second')).attempt, 2, 'the second attempt has a token of its own');
select is(pg_temp.fails(pg_temp.token('second'), 'no_stock', true), 'ok', 'a component can fail its step');
select is(
  (select concat_ws(' ', r.status, r.error ->> 'code') from stepbase.runs r where r.id = (pg_temp.work('waits')).run_id), 'failed no_stock',
  'after the last attempt the run fails with its code'
);
select is(pg_temp.fails(pg_temp.token('second')), 'ok', 'repeating it is no error');
select is(pg_temp.complete(pg_temp.token('second')), 'SB409 already_answered', 'and it cannot be completed any more');

-- A cancelled run.
update stepbase.components set notify_cancel = true where id = tests.sample_id('component');
select tests.perform_as('developer', tests.expand('select rotate_component_secret({component})'));
select pg_temp.begin_call('cancelled');
select pg_temp.waits(pg_temp.work('cancelled'));
select stepbase_engine.end_runs(array[(pg_temp.work('cancelled')).run_id], 'cancelled', null);
create temporary table notice as select * from stepbase_engine.claim_webhook_deliveries('{}', 10);
select is(
  (select n.url || ' ' || cardinality(n.secrets) from notice n), 'https://x.example 1',
  'a component with notify_cancel gets one message, signed by its secret'
);
select is(
  (select n.payload::jsonb - 'timestamp' from notice n),
  jsonb_build_object('type', 'step.cancelled', 'data', jsonb_build_object(
    'run_id', (pg_temp.work('cancelled')).run_id, 'step_id', 'call', 'step_run_id', (pg_temp.of('cancelled')).id, 'attempt', 1,
    'idempotency_key', (pg_temp.work('cancelled')).run_id || ':call:0'
  )), 'that names the attempt'
);
select stepbase_engine.record_webhook_attempt(n.id, 1, 200, '', null, 1) from notice n;
select is(
  (select d.status from stepbase.webhook_deliveries d join notice n on n.id = d.id), 'delivered', 'its delivery is recorded'
);
select is(pg_temp.beats(pg_temp.token('cancelled')), 'true', 'a heartbeat tells that the run was cancelled');
select is(pg_temp.complete(pg_temp.token('cancelled')), 'SB409 run_ended', 'its callback is refused');

-- Lost and stopped workers.
select pg_temp.begin_call('lost');
select stepbase_engine.return_tokens(array[(pg_temp.work('lost')).job_id]);
insert into w select 'again', c, pg_temp.open(c) from pg_temp.claim((pg_temp.work('lost')).run_id) c;
select is(
  array[(pg_temp.work('again')).attempt, (pg_temp.work('again')).fence], array[1, 2], 'another worker repeats the attempt of a lost one'
);
select throws_ok(
  $$select pg_temp.open(pg_temp.work('lost'))$$, 'SB409', null, 'the lost worker gets no token'
);
select is(pg_temp.complete(pg_temp.token('lost')), 'ok', 'the callback of the first call counts');
select is(pg_temp.complete(pg_temp.token('again')), 'SB409 step_ended', 'and that of the second one does not');
select pg_temp.begin_call('stopped');
select stepbase_engine.release(array[(pg_temp.work('stopped')).job_id], array[0]);
select is((pg_temp.of('stopped')).status, 'ready', 'a worker that stops hands the step back');
select is(pg_temp.complete(pg_temp.token('stopped')), 'ok', 'its callback counts');
select is((pg_temp.of('stopped')).output, '{"n": 1}', 'and completes the step');

-- Unknown and expired tokens.
select pg_temp.begin_call('expired');
select is(pg_temp.complete('sbc_unknown'), 'SB401', 'an unknown token is refused');
select stepbase_engine.advance_clock('2 hours');
select is(pg_temp.complete(pg_temp.token('expired')), 'SB401', 'so is an expired one');
select ok(stepbase_engine.prune_step_callbacks() >= 6, 'expired tokens are deleted');

-- Secrets.
delete from stepbase_private.signing_secrets where true;
select is(stepbase_private.signing_secrets_of(tests.sample_id('component')), '{}', 'a component has no secret at first');
select tests.perform_as('developer', tests.expand('select rotate_component_secret({component})'));
select matches(
  (stepbase_private.signing_secrets_of(tests.sample_id('component')))[1], '^whsec_[A-Za-z0-9+/]{43}=$', 'rotating creates it'
);
select tests.perform_as('developer', tests.expand('select rotate_component_secret({component}, 60)'));
select is(cardinality(stepbase_private.signing_secrets_of(tests.sample_id('component'))), 2, 'the earlier one stays for the overlap');
select stepbase_engine.advance_clock('61 seconds');
select is(cardinality(stepbase_private.signing_secrets_of(tests.sample_id('component'))), 1, 'and then expires');
select is(
  (select count(*)::int from stepbase.audit_log l
    where l.table_name = 'signing_secrets' and l.operation = 'insert' and concat(l.old_row, l.new_row) !~ 'whsec|vault'), 3,
  'the audit log has each rotation, without the secret'
);
select tests.perform_as('developer', tests.expand('select rotate_component_secret({component}, 60)'));
select is(
  tests.attempt('developer', tests.expand('select stepbase.rotate_component_secret({component}, 60)')), 'SB409',
  'a component has at most two secrets'
);
select is(
  tests.attempt('developer', tests.expand('select stepbase.rotate_component_secret({component})')), 'ok 1',
  'a rotation without overlap replaces them'
);

select * from finish();
rollback;
