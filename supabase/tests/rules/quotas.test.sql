-- Quotas: open runs of an application, child runs of a root run, runs that one event starts, rows and waiting events.

begin;
set local search_path = public, extensions;
select plan(75);
select tests.create_tasks();

create function pg_temp.start(p_who text, p_workflow text default 'w-00d001')
returns text
language sql
as $$ select tests.attempt(p_who, format('select stepbase.start_run(%L)', p_workflow)); $$;
-- For good, unlike attempt: ok, or the SQLSTATE.
create function pg_temp.start_for_good()
returns text
language plpgsql
as $$
begin
  perform stepbase_engine.start_run('tap-one', w.published_version_id, '{}')
  from stepbase.workflows w where w.id = tests.sample_id('workflow');
  return 'ok';
exception when others then
  return sqlstate;
end;
$$;

select results_eq(
  $$select q.max_open_runs, q.max_descendants, q.max_runs_per_event, q.max_streams from stepbase.app_quotas q where q.app_code = 'tap-two'$$,
  $$values (100000, 10000, 100, 100)$$, 'a new application has the defaults'
);
select is(tests.attempt('owner', $$update stepbase.app_quotas set max_open_runs = 0$$), '23514', 'a quota is positive');
select is(
  tests.attempt('service', $$update stepbase.app_quotas set max_open_runs = 5 where app_code = 'tap-one'$$), 'ok 1',
  'the service role changes quotas'
);
select is(
  tests.attempt('owner', $$update stepbase.app_quotas set app_code = 'tap-new' where app_code = 'tap-one'$$), 'SB424',
  'a quota stays with its application'
);

-- Open runs. Two of the samples are open, one has ended.
update stepbase.app_quotas set max_open_runs = 4 where app_code = 'tap-one';
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d103');
select is(pg_temp.start_for_good(), 'ok', 'below the quota: the third');
select is(pg_temp.start_for_good(), 'ok', 'below the quota: the fourth');
select is(pg_temp.start_for_good(), 'SB429', 'at the quota: refused');
select is(pg_temp.start('developer'), 'SB429', 'for clients, too');
select is(
  tests.detail_of('developer', $$select stepbase.start_run('w-00d001')$$) - 'code',
  '{"quota": "max_open_runs", "limit": 4}', 'the error names the quota'
);
select is(pg_temp.start('sister', 'w-00d103'), 'ok 1', 'another application is not affected');
select is(
  tests.attempt('developer', format('select stepbase.cancel_run(%L)', tests.sample_id('second_run'))), 'ok 1', 'runs can still be cancelled'
);
select tests.perform_as('developer', format('select (stepbase.cancel_run(%L)).status', tests.sample_id('second_run')));
select is(pg_temp.start('developer'), 'ok 1', 'after a run has ended: not refused');

-- A large quota is checked by samples until the application is marked as full.
update stepbase.app_quotas set max_open_runs = 150 where app_code = 'tap-one';
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, steps_total)
select 'tap-one', w.id, w.published_version_id, 3
from stepbase.workflows w
cross join generate_series(1, 150)
where w.id = tests.sample_id('workflow');
select isnt_empty(
  $$select 1 from generate_series(1, 100) where pg_temp.start_for_good() = 'SB429' limit 1$$, 'a large quota holds'
);
select ok(
  (select count(*) < 260 from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'after a few more starts'
);
select isnt_empty($$select 1 from stepbase_engine.full_apps where app_code = 'tap-one'$$, 'the application is marked as full');
select is(pg_temp.start_for_good(), 'SB429', 'then every start is refused');
update stepbase.app_quotas set max_open_runs = 1000 where app_code = 'tap-one';
select is(pg_temp.start_for_good(), 'ok', 'until there is room again');
select is_empty($$select 1 from stepbase_engine.full_apps where app_code = 'tap-one'$$, 'and the mark is removed');

-- Child runs. One run wants three of them at once.
update stepbase.app_quotas set max_descendants = 2 where app_code = 'tap-one';
create temporary table parent as
select gen_random_uuid() as run_id, w.published_version_id as version_id
from stepbase.workflows w where w.id = tests.sample_id('workflow');
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, status, started_at, open_steps, steps_total, trace_id
)
select p.run_id, 'tap-one', tests.sample_id('workflow'), p.version_id, 'running', now(), 3, 3, repeat('ab', 16)
from parent p;
insert into stepbase.step_runs (
  id, run_id, app_code, workflow_version_id, step_id, step_type, status, wait_kind, started_at
)
select md5(s.id)::uuid, p.run_id, 'tap-one', p.version_id, s.id, 'child_workflow', 'waiting', 'child', now()
from parent p
cross join (values ('first'), ('second'), ('third')) s (id);
select stepbase_engine.start_children(
  array[md5('first')::uuid, md5('second')::uuid, md5('third')::uuid],
  array_fill('{"workflow": "w-00d001"}'::jsonb, array[3])
);
select is(
  (select count(*) from stepbase.runs r join parent p on r.parent_run_id = p.run_id), 2::bigint, 'a root run has as many child runs as its quota'
);
select results_eq(
  $$select s.error ->> 'code', s.error #>> '{details,quota}' from stepbase.step_runs s
    where s.id = md5('third')::uuid$$,
  $$values ('child_not_started', 'max_descendants')$$, 'the step that wants one more fails'
);
select is(
  stepbase_engine.descendants_left(repeat('ab', 16), 'tap-one'), 0, 'its children start none either: they have the same root'
);
select is(
  (select stepbase_engine.descendants_left(r.trace_id, 'tap-one') from stepbase.runs r where r.id = tests.sample_id('run')), 2,
  'another root run has a quota of its own'
);

-- Runs that one event starts.
update stepbase.app_quotas set max_runs_per_event = 3 where app_code = 'tap-one';
insert into stepbase.workflow_triggers (app_code, workflow_id, name, trigger_type, event_name)
select 'tap-one', tests.sample_id('workflow'), format('t%s', n), 'event', 'flood.start'
from generate_series(1, 5) n;
select tests.perform_as('developer', $$select stepbase.emit_event('flood.start')$$);
select stepbase_engine.relay_app('tap-one');
select is(
  (select count(*) from stepbase.runs r where r.app_code = 'tap-one' and r.trigger_type = 'event'), 3::bigint,
  'an event starts as many runs as the quota'
);
select is(
  (
    select count(*) from stepbase.workflow_triggers t
    where t.event_name = 'flood.start' and t.last_error ->> 'code' = 'limit_reached'
      and t.last_error ->> 'quota' = 'max_runs_per_event'
  ),
  2::bigint, 'the other triggers record the reason'
);

-- Model calls, tokens and mails per day. The operator changes each quota.
create function pg_temp.use(calls int, mails int)
returns text
language sql
as $$
  select tests.attempt('owner', format(
    'select stepbase_engine.count_use(%L, %s, %s)', tests.sample_id('second_run'), calls, mails
  ));
$$;
select results_eq(
  $$select q.max_llm_calls_per_day, q.max_llm_tokens_per_day, q.max_mails_per_day
    from stepbase.app_quotas q where q.app_code = 'tap-two'$$,
  $$values (10000::bigint, 20000000::bigint, 1000::bigint)$$, 'a new application has default quotas of use'
);
update stepbase.app_quotas set max_llm_calls_per_day = 2, max_mails_per_day = 3 where app_code = 'tap-one';
select stepbase_engine.count_use(tests.sample_id('second_run'), 1, 0) from generate_series(1, 2);
select stepbase_engine.count_use(tests.sample_id('second_run'), 0, 2);
select is(pg_temp.use(1, 0), 'SB429', 'one model call more than the quota is refused');
select is(pg_temp.use(0, 1), 'ok 1', 'mails have a quota of their own');
select is(pg_temp.use(0, 2), 'SB429', 'more recipients than the quota are refused');
create function pg_temp.refusal()
returns jsonb
language plpgsql
as $$
declare
  v_detail text;
begin
  perform stepbase_engine.count_use(tests.sample_id('second_run'), 1, 0);
  return null;
exception when others then
  get stacked diagnostics v_detail = pg_exception_detail;
  return v_detail::jsonb;
end;
$$;
select is(
  pg_temp.refusal() - 'code' - 'retry_after_ms' - 'retry_at', '{"quota": "max_llm_calls_per_day", "limit": 2}',
  'the error names the quota'
);
select ok((pg_temp.refusal() ->> 'retry_after_ms')::bigint between 1 and 86400000, 'and says when to retry');
select results_eq(
  $$select u.llm_calls, u.mails from stepbase_engine.app_usage u where u.app_code = 'tap-one'$$,
  $$values (2::bigint, 2::bigint)$$, 'a refused use is not counted'
);
update stepbase.app_quotas set max_llm_calls_per_day = 10, max_llm_tokens_per_day = 500 where app_code = 'tap-one';
select is(pg_temp.use(1, 0), 'ok 1', 'a larger quota applies at once');
select is(
  (
    select jsonb_agg(stepbase_engine.model_cost(u, p))
    from (
      values
        ('{"input": 1000, "output": 100}'::jsonb, '{"input": 2, "output": 10}'::jsonb),
        ('{"input": 1000, "cached_input": 400, "output": 100}', '{"input": 2, "output": 10, "cached_input": 0.5}'),
        ('{"input": 1000, "cached_input": 400, "output": 100}', '{"input": 2, "output": 10}'),
        ('{"input": 1000, "cached_input": null, "output": 100}', '{"input": 2, "output": 10, "cached_input": 0.5}'),
        ('{"input": 1000, "output": 100}', null),
        ('{"input": null, "output": 100}', '{"input": 2, "output": 10}')
    ) x (u, p)
  ),
  '[0.003, 0.0024, 0.003, 0.003, null, null]'::jsonb,
  'the cost of a call needs the price and both counts; cached input has a price of its own'
);
select is(
  stepbase_engine.count_tokens(
    tests.sample_id('second_run'), '{"input": 400, "output": 100, "total": 500, "price": {"input": 1, "output": 1}}'
  ),
  0.0005, 'counting the tokens of a call returns its cost'
);
select is(pg_temp.use(1, 0), 'SB429', 'no model call after the tokens are used up');
select is(pg_temp.use(0, 1), 'ok 1', 'but mails');
update stepbase_engine.app_usage set day = day - 1 where app_code = 'tap-one';
select is(pg_temp.use(1, 1), 'ok 1', 'the next day has its own quota');

-- Stored bytes. The tests above leave tap-one without a mark.
update stepbase.app_quotas set max_open_runs = 100000, max_stored_bytes = default where app_code = 'tap-one';
select is(
  (select q.max_stored_bytes from stepbase.app_quotas q where q.app_code = 'tap-two'), 10737418240, 'a new application may store 10 GiB'
);
select cmp_ok(stepbase_engine.measure_storage('0'), '>', 2, 'every application is measured');
create temporary table before as select s.* from stepbase_engine.app_storage s;
insert into stepbase.runs (app_code, workflow_id, workflow_version_id, steps_total, input)
select
  'tap-one', w.id, w.published_version_id, 3,
  jsonb_build_object('text', (select string_agg(md5(format('%s-%s', n, i)), '') from generate_series(1, 1000) i))
from stepbase.workflows w
cross join generate_series(1, 40) n
where w.id = tests.sample_id('workflow');
select is(stepbase_engine.measure_storage('1 hour'), 0, 'a recent measurement is not repeated');
select stepbase_engine.measure_storage('-1 second');
select ok(
  s.bytes - b.bytes between 1000000 and 2000000, 'the bytes include values that are stored outside of the row'
)
from stepbase_engine.app_storage s join before b using (app_code) where s.app_code = 'tap-one';
select is(
  (select s.bytes from stepbase_engine.app_storage s where s.app_code = 'tap-three'),
  (select b.bytes from before b where b.app_code = 'tap-three'), 'and no rows of other applications'
);
update stepbase.app_quotas set max_stored_bytes = 1000000 where app_code = 'tap-one';
select stepbase_engine.measure_storage('-1 second');
select is(pg_temp.start_for_good(), 'SB429', 'above the quota of bytes no run starts');
select is(
  tests.detail_of('developer', $$select stepbase.start_run('w-00d001')$$) - 'code',
  '{"quota": "max_stored_bytes", "limit": 1000000}', 'the error names the quota of bytes'
);
select is(pg_temp.start('sister', 'w-00d103'), 'ok 1', 'other applications still start runs');
update stepbase.app_quotas set max_stored_bytes = 1000000000 where app_code = 'tap-one';
select is(pg_temp.start_for_good(), 'ok', 'a larger quota of bytes applies at once');

-- Rows that create work or give access. Each limit is the number of rows that exist, so the next one is refused.
create temporary table limited (quota text, table_name text, condition text, call text);
insert into limited
values
  ('max_schedules', 'workflow_schedules', 'true',
    $$insert into stepbase.workflow_schedules (workflow_id, cron_expression) values (tests.sample_id('workflow'), '0 * * * *')$$),
  ('max_triggers', 'workflow_triggers', 'true', $$select stepbase.create_webhook('w-00d001')$$),
  ('max_triggers', 'workflow_triggers', 'true',
    $$insert into stepbase.workflow_triggers (workflow_id, trigger_type, event_name)
      values (tests.sample_id('workflow'), 'event', 'order.paid')$$),
  ('max_api_keys', 'api_keys', 'revoked_at is null', $$select stepbase.create_api_key('one more')$$),
  ('max_service_accounts', 'service_accounts', 'true', $$select stepbase.create_service_account('one-more', 'viewer')$$);
create function pg_temp.set_limit(p_quota text, p_table text, p_condition text, p_more int)
returns void
language plpgsql
as $$
begin
  execute format(
    'update stepbase.app_quotas set %I = $1 + (select count(*) from stepbase.%I where app_code = $2 and %s) where app_code = $2',
    p_quota, p_table, p_condition
  )
  using p_more, 'tap-one';
end;
$$;
create function pg_temp.outcome(p_limit limited, p_more int)
returns text
language plpgsql
as $$
begin
  perform pg_temp.set_limit(p_limit.quota, p_limit.table_name, p_limit.condition, p_more);
  return tests.attempt('admin', p_limit.call);
end;
$$;
select is(pg_temp.outcome(l, 1), 'ok 1', format('below %s: %s', l.quota, left(l.call, 45))) from limited l;
select is(pg_temp.outcome(l, 0), 'SB429', format('at %s: %s', l.quota, left(l.call, 45))) from limited l;
select pg_temp.set_limit('max_api_keys', 'api_keys', 'revoked_at is null', 0);
select is(
  tests.detail_of('admin', $$select stepbase.create_api_key('one more')$$) ->> 'quota', 'max_api_keys', 'the error names the limit'
);
update stepbase.api_keys set revoked_at = now() where id = tests.sample_id('api_key');
select is(tests.attempt('admin', $$select stepbase.create_api_key('one more')$$), 'ok 1', 'a revoked key does not count');

-- Events and signals that wait.
update stepbase.app_quotas set max_pending_events = 2, max_pending_signals = 2 where app_code = 'tap-one';
update stepbase.outbox set published_at = now() where published_at is null;
select tests.perform_as('developer', $$select stepbase.emit_event('order.paid')$$) from generate_series(1, 2);
select is(
  tests.detail_of('developer', $$select stepbase.emit_event('order.paid')$$) - 'code', '{"quota": "max_pending_events", "limit": 2}',
  'an event above max_pending_events is refused'
);
select is(tests.attempt('sister', $$select stepbase.emit_event('order.paid')$$), 'ok 1', 'events of another application do not count');
update stepbase.outbox set published_at = now() where event_type = 'event.emitted';
select is(tests.attempt('developer', $$select stepbase.emit_event('order.paid')$$), 'ok 1', 'relayed events do not count');
select tests.perform_as('developer', format($$select stepbase.send_signal(%L, 'go')$$, tests.sample_id('run'))) from generate_series(1, 2);
select is(
  tests.detail_of('developer', format($$select stepbase.send_signal(%L, 'go')$$, tests.sample_id('run'))) - 'code',
  '{"quota": "max_pending_signals", "limit": 2}', 'a signal above max_pending_signals is refused'
);
update stepbase.run_signals set consumed_at = now() where run_id = tests.sample_id('run');
select is(
  tests.attempt('developer', format($$select stepbase.send_signal(%L, 'go')$$, tests.sample_id('run'))), 'ok 1',
  'consumed signals do not count'
);

-- Each count has an index that begins with the application, the run or the creator. The planner is not asked: with few
-- rows it may prefer another one.
select matches(
  pg_get_indexdef(to_regclass(c.index_name)), 'USING btree \(' || c.first_column || '\M',
  c.index_name || ' serves a count'
)
from (
  values
    ('stepbase.idx_runs_app_code_status_created_at', 'app_code'),
    ('stepbase.idx_workflow_schedules_app_code', 'app_code'),
    ('stepbase.idx_workflow_triggers_app_code_event_name', 'app_code'),
    ('stepbase.idx_api_keys_app_code_created_at', 'app_code'),
    ('stepbase.idx_service_accounts_app_code_role', 'app_code'),
    ('stepbase.idx_run_signals_run_id_app_code', 'run_id'),
    ('stepbase.idx_outbox_pending', 'app_code'),
    ('stepbase.idx_invitations_open', 'app_code'),
    ('stepbase_private.idx_mails_app_code_created_at', 'app_code'),
    ('stepbase.idx_webhook_subscriptions_app_code', 'app_code'),
    ('stepbase.idx_organizations_created_by', 'created_by'),
    ('stepbase.idx_applications_created_by', 'created_by')
) c (index_name, first_column);

select * from finish();
rollback;
