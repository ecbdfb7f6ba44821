-- Canaries: the version of a start, the automatic stop, and the calls that start, change, promote and stop one.

begin;
set local search_path = public, extensions;
select plan(46);
select tests.create_tasks();

create function pg_temp.versions()
returns table (number int, id uuid)
language sql
as $$ select v.version, v.id from stepbase.workflow_versions v where v.workflow_id = tests.sample_id('workflow') $$;
create function pg_temp.version(number int)
returns uuid
language sql
as $$ select v.id from pg_temp.versions() v where v.number = version.number $$;
create function pg_temp.canary()
returns stepbase.workflow_canaries
language sql
as $$
  select c from stepbase.workflow_canaries c
  where c.workflow_id = tests.sample_id('workflow') order by c.ended_at desc limit 1
$$;
create function pg_temp.call(call text)
returns text
language sql
as $$ select tests.attempt('developer', 'select stepbase.' || call) $$;
create function pg_temp.version_of_start(input jsonb default '{}', key text default null)
returns int
language sql
as $$
  select v.number from pg_temp.versions() v
  where v.id = (
    select tests.perform_as('developer', format(
      'select workflow_version_id from stepbase.start_run(%L, %L, idempotency_key => %L)', 'w-00d001', input, key))::uuid
  )
$$;
-- Ends a run as the engine does, and relays its end.
create function pg_temp.end_run(run uuid, status text)
returns void
language plpgsql
as $$
begin
  update stepbase.runs r set status = 'running', started_at = stepbase_engine.now() where r.id = run;
  update stepbase.runs r
  set status = end_run.status, completed_at = stepbase_engine.now(),
    error = case end_run.status when 'failed' then '{"code": "x", "message": "x"}'::jsonb end
  where r.id = run;
  perform stepbase_engine.announce_ended(array[run]);
  perform stepbase_engine.handle_run_ended(array[run]);
end;
$$;
create function pg_temp.end_new(version int, status text, runs int)
returns bigint
language plpgsql
as $$
declare
  v_run uuid;
begin
  for number in 1 .. runs loop
    v_run := tests.perform_as(
      'developer', format('select id from stepbase.start_run(%L, version => %s)', 'w-00d001', version)
    );
    perform pg_temp.end_run(v_run, status);
    perform stepbase_engine.advance_clock('1 second');
  end loop;
  return runs;
end;
$$;

-- Starting one.
select is(pg_temp.call(c.call), c.answer, c.what)
from (
  values
    (format('start_canary(%L, 0)', pg_temp.version(2)), 'SB400', 'percent must be above 0'),
    (format('start_canary(%L, 101)', pg_temp.version(2)), 'SB400', 'percent must be at most 100'),
    (format('start_canary(%L, max_error_rate => 1)', pg_temp.version(2)), 'SB400', 'max_error_rate is below 1'),
    (format('start_canary(%L, min_runs => 0)', pg_temp.version(2)), 'SB400', 'min_runs is positive'),
    (format('start_canary(%L, key => ''$.a b'')', pg_temp.version(2)), 'SB400', 'key must be a JSON path'),
    (
      format('start_canary(%L, key => ''$.** ? (@ like_regex "(a+)+")'')', pg_temp.version(2)), 'SB400',
      'its cost must not depend on the input: no wildcards and filters'
    ),
    (format('start_canary(%L)', pg_temp.version(1)), 'SB409', 'the published version cannot be its own canary'),
    ('start_canary(gen_random_uuid())', 'SB404', 'an unknown version is not found')
) c (call, answer, what);
select is(pg_temp.version_of_start(), 1, 'without a canary, a start gets the published version');
select is(
  (select r.canary_id from stepbase.runs r order by r.created_at desc limit 1), null, 'and its run belongs to no canary'
);
select tests.perform_as('developer', format(
  'select id from stepbase.start_canary(%L, 20, ''$.customer'', 0.5, 4)', pg_temp.version(2)));
select is((pg_temp.canary()).status, 'running', 'a canary starts');
select results_eq(
  $$select v.status, v.published_at is not null, w.published_version_id = pg_temp.version(1),
      w.canary_id = (pg_temp.canary()).id
    from stepbase.workflow_versions v
    join stepbase.workflows w on w.id = v.workflow_id where v.id = pg_temp.version(2)$$,
  $$values ('published', true, true, true)$$, 'its draft is published, and the published version of the workflow stays'
);
select is(pg_temp.call(format('start_canary(%L)', pg_temp.version(2))), 'SB409', 'a workflow has one canary at a time');
select tests.perform_as('developer', $$select (stepbase.save_workflow('w-00d001', '{"nodes": [{"id": "a", "type": "transform",
  "data": {"config": {"expression": "1"}}}], "edges": []}')).id$$);
select is(
  pg_temp.call(format('publish_workflow(%L)', pg_temp.version(3))), 'SB409', 'no other version is published while a canary runs'
);

-- Choosing the version.
create temporary table choices as
select
  n,
  stepbase_engine.version_to_start(
    (pg_temp.canary()).id, pg_temp.version(1), jsonb_build_object('customer', n), null
  ) as chosen
from generate_series(1, 2000) n;
select cmp_ok(
  (select abs(count(*) - 400) from choices c where c.chosen = pg_temp.version(2)), '<', 100::bigint,
  'a fifth of the keys get the canary'
);
select is(
  (
    select count(*) from choices c
    where c.chosen <> stepbase_engine.version_to_start(
      (pg_temp.canary()).id, pg_temp.version(1), jsonb_build_object('customer', c.n, 'other', random()), 'any')
  ), 0::bigint, 'the same key always gets the same version'
);
create temporary table keys as
select
  (select min(c.n) from choices c where c.chosen = pg_temp.version(2)) as canary,
  (select min(c.n) from choices c where c.chosen = pg_temp.version(1)) as stable;
select is(pg_temp.version_of_start(jsonb_build_object('customer', k.canary)), 2, 'start_run uses the key') from keys k;
select is(pg_temp.version_of_start(jsonb_build_object('customer', k.stable)), 1, 'and leaves the other keys alone') from keys k;
select is(
  (select r.workflow_version_id from stepbase_engine.start_triggered(
    'tap-one', tests.sample_id('workflow'), jsonb_build_object('customer', k.canary), 'event', 'event:1', null, '{}') r),
  pg_temp.version(2), 'starts of schedules, events and webhooks use it, too'
) from keys k;
-- A debounced run gets the version of its last start.
insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, period_seconds)
values ('tap-one', tests.sample_id('workflow'), 'debounce', 60);
create temporary table debounced (id uuid);
insert into debounced select tests.perform_as(
  'developer', format('select id from stepbase.start_run(%L, %L)', 'w-00d001', jsonb_build_object('customer', k.canary)))::uuid
from keys k;
select is((select r.canary_id from stepbase.runs r join debounced d using (id)), (pg_temp.canary()).id, 'a held run counts for the canary');
select tests.perform_as(
  'developer', format('select id from stepbase.start_run(%L, %L)', 'w-00d001', jsonb_build_object('customer', k.stable)))
from keys k;
select results_eq(
  'select r.workflow_version_id, r.canary_id from stepbase.runs r join debounced d using (id)',
  'select pg_temp.version(1), null::uuid', 'not after a start of the published version has replaced it'
);
delete from stepbase.workflow_flow_controls where app_code = 'tap-one' and kind = 'debounce';
delete from stepbase.runs r using debounced d where r.id = d.id;
select is(
  stepbase_engine.version_to_start((pg_temp.canary()).id, pg_temp.version(1), '{}', 'k1'),
  stepbase_engine.version_to_start((pg_temp.canary()).id, pg_temp.version(1), '{"customer": null}', 'k1'),
  'without a value in the input, the idempotency key decides'
);
select is(
  (select count(distinct stepbase_engine.version_to_start((pg_temp.canary()).id, pg_temp.version(1), '{}', null))
    from generate_series(1, 500) n), 2::bigint, 'without an idempotency key, chance decides'
);
select results_eq(
  $$select r.workflow_version_id, count(r.canary_id) from stepbase.runs r
    where r.workflow_id = tests.sample_id('workflow') and r.canary_id is not null group by 1$$,
  $$values (pg_temp.version(2), 2::bigint)$$, 'only runs of the version of the canary belong to it'
);

-- Changing it.
select tests.perform_as('developer', format('select id from stepbase.update_canary(%L, 60)', (pg_temp.canary()).id));
select is((pg_temp.canary()).max_error_rate, 0.5::double precision, 'update_canary keeps values that are not given');
select is(
  (
    select count(*) from choices c
    where c.chosen = pg_temp.version(2)
      and stepbase_engine.version_to_start(
        (pg_temp.canary()).id, pg_temp.version(1), jsonb_build_object('customer', c.n), null) <> c.chosen
  ), 0::bigint, 'a larger share keeps the keys that have the version'
);
select is(
  pg_temp.call(format('update_canary(%L, -1)', (pg_temp.canary()).id)), 'SB400', 'update_canary checks the settings'
);

-- The automatic stop: more than half of the last four ended runs failed.
select is(pg_temp.end_new(1, 'failed', 4), 4::bigint, 'runs of the published version fail');
select is((pg_temp.canary()).status, 'running', 'and do not count');
select pg_temp.end_new(2, 'failed', 3);
select is((pg_temp.canary()).status, 'running', 'fewer runs than min_runs do not decide');
select pg_temp.end_new(2, 'completed', 1);
select results_eq(
  'select c.status, c.reason, c.counted_runs, c.failed_runs, c.ended_by from pg_temp.canary() c',
  $$values ('stopped', '3 of the last 4 runs failed; the limit is 50 %', 4, 3, null::uuid)$$, 'then the engine stops the canary, and says why'
);
select is(
  (select w.canary_id from stepbase.workflows w where w.id = tests.sample_id('workflow')), null, 'the workflow has no canary any more'
);
select is(pg_temp.version_of_start(jsonb_build_object('customer', k.canary)), 1, 'new starts get the published version') from keys k;
select results_eq(
  $$select o.payload ->> 'name', o.payload #>> '{payload,workflow}', o.payload #>> '{payload,reason}'
    from stepbase.outbox o where o.event_type = 'event.emitted' and o.app_code = 'tap-one'$$,
  $$values ('canary.stopped', 'w-00d001', '3 of the last 4 runs failed; the limit is 50 %')$$, 'an event is emitted'
);
select is(
  (select l.new_row ->> 'reason' from stepbase.audit_log l where l.table_name = 'workflow_canaries' and l.operation = 'update'
    and 'status' = any (l.changed_columns)), '3 of the last 4 runs failed; the limit is 50 %', 'the stop is in the audit log'
);
select is(
  pg_temp.call(format('%s(%L)', f.name, (pg_temp.canary()).id)), 'SB409', f.name || ' refuses a canary that has ended'
)
from unnest(array['update_canary', 'promote_canary', 'stop_canary']) f (name);

-- Only the last min_runs runs count.
select tests.perform_as('developer', format(
  'select id from stepbase.start_canary(%L, 100, max_error_rate => 0.5, min_runs => 2)', pg_temp.version(2)));
select is(pg_temp.version_of_start(), 2, 'a version can be a canary again, for all starts');
select pg_temp.end_new(2, 'failed', 1);
select pg_temp.end_new(2, 'completed', 3);
select pg_temp.end_new(2, 'failed', 1);
select is((pg_temp.canary()).status, 'running', 'old failures are forgotten');
select pg_temp.end_new(2, 'failed', 1);
select is((pg_temp.canary()).status, 'stopped', 'the latest runs decide');
select is_empty(
  $$select 1 from stepbase.outbox o join stepbase.runs r on r.id = o.aggregate_id
    where o.event_type = 'run.ended' and r.workflow_version_id = pg_temp.version(1)$$,
  'the end of a run without a canary writes no outbox row for it'
);

-- Promoting and stopping.
select tests.perform_as('developer', format('select id from stepbase.start_canary(%L, 50)', pg_temp.version(2)));
select stepbase_engine.advance_clock('1 second');
select tests.perform_as('developer', format('select id from stepbase.stop_canary(%L, ''too slow'')', (pg_temp.canary()).id));
select results_eq(
  'select c.status, c.reason, c.ended_by from pg_temp.canary() c',
  $$values ('stopped', 'too slow', '00000000-0000-4000-8000-00000000f002'::uuid)$$, 'a member stops a canary'
);
select tests.perform_as('developer', format('select id from stepbase.start_canary(%L, 50)', pg_temp.version(2)));
select stepbase_engine.advance_clock('1 second');
select tests.perform_as('developer', format('select id from stepbase.promote_canary(%L)', (pg_temp.canary()).id));
select results_eq(
  $$select (pg_temp.canary()).status, w.published_version_id = pg_temp.version(2), w.canary_id from stepbase.workflows w
    where w.id = tests.sample_id('workflow')$$,
  $$values ('promoted', true, null::uuid)$$, 'promoting a canary publishes its version'
);
select is(pg_temp.version_of_start(), 2, 'and every start gets it');
select is(
  tests.attempt('owner', $$update stepbase.workflow_canaries set key = '$.other'$$), 'SB424', 'the key of a canary is fixed'
);

select * from finish();
rollback;
