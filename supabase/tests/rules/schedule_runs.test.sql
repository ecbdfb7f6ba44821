-- Each time of a schedule has one outcome: by its overlap policy, its catch-up window, by request or by a backfill.

begin;
set local search_path = public, extensions;
select plan(57);
select tests.create_rows();
delete from stepbase.workflow_schedules where true;
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');

create function pg_temp.schedule(p_policy text, p_more text default '') returns uuid language plpgsql as $$
declare v_id uuid;
begin
  execute format(
    'insert into stepbase.workflow_schedules (app_code, workflow_id, cron_expression, overlap_policy, created_by)
    values (''tap-one'', ''00000000-0000-4000-8000-00000000d101'', ''0 * * * *'', %L, null) returning id', p_policy
  ) into v_id;
  if p_more <> '' then
    execute format('update stepbase.workflow_schedules set %s where id = %L', p_more, v_id);
  end if;
  -- Planned for the first hour of 2026.
  perform stepbase_engine.fire_schedules(jsonb_build_array(jsonb_build_object(
    'schedule_id', v_id, 'cron_expression', '0 * * * *', 'timezone', 'UTC',
    'next_times', jsonb_build_array('2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z')
  )));
  return v_id;
end $$;

-- Fires what is due, for these hours of 2026-01-01; the next time is the hour p_next.
create function pg_temp.fire(p_id uuid, p_hours int[], p_next int, p_missed int default null)
returns int language sql as $$
  select stepbase_engine.fire_schedules(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
    'schedule_id', p_id, 'cron_expression', '0 * * * *', 'timezone', 'UTC', 'due_at', s.next_run_at,
    'times', (select coalesce(jsonb_agg('2026-01-01T00:00:00Z'::timestamptz + h * interval '1 hour'), '[]') from unnest(p_hours) h),
    'next_times', jsonb_build_array('2026-01-01T00:00:00Z'::timestamptz + p_next * interval '1 hour'),
    'missed_from', '2026-01-01T00:00:00Z'::timestamptz + p_missed * interval '1 hour'
  ))))
  from stepbase.workflow_schedules s where s.id = p_id
$$;

create function pg_temp.outcomes(p_id uuid) returns text language sql as $$
  select string_agg(concat_ws('/', extract(hour from r.scheduled_at at time zone 'UTC'), r.outcome, r.detail), ' '
  order by r.scheduled_at)
  from stepbase.schedule_runs r where r.schedule_id = p_id
$$;

create function pg_temp.end_all(p_id uuid) returns void language sql as $$
  select stepbase_engine.end_runs(stepbase_engine.open_runs_of_schedules(array[p_id]), 'failed', '{"code": "x", "message": "x"}')
$$;

create temporary table s (name text primary key, id uuid);
grant select on s to authenticated;

-- allow
insert into s select 'allow', pg_temp.schedule('allow');
select is(pg_temp.fire(id, '{0,1,2}', 3), 3, 'allow: every time starts a run') from s where name = 'allow';
select is(pg_temp.outcomes(id), '0/started 1/started 2/started', 'allow: the outcomes name the times') from s where name = 'allow';
select results_eq(
  $$select r.metadata ->> 'scheduled_at', r.trigger_type
  from stepbase.runs r join s on r.metadata ->> 'schedule_id' = s.id::text
    where s.name = 'allow' order by 1$$,
  $$select to_jsonb('2026-01-01T00:00:00Z'::timestamptz + h * interval '1 hour') #>> '{}', 'schedule' from generate_series(0, 2) h$$,
  'the runs have their times'
);
select is(pg_temp.fire(id, '{2,3}', 4), 1, 'a time starts one run') from s where name = 'allow';
select is(s2.runs_started, 4, 'starts are counted') from stepbase.workflow_schedules s2 join s on s.id = s2.id where s.name = 'allow';

-- skip
insert into s select 'skip', pg_temp.schedule('skip');
select is(pg_temp.fire(id, '{0,1,2}', 3), 1, 'skip: only the first starts') from s where name = 'skip';
select is(pg_temp.outcomes(id), '0/started 1/skipped/overlap 2/skipped/overlap', 'skip: the reason is recorded') from s where name = 'skip';
select pg_temp.end_all(id) from s where name = 'skip';
select is(pg_temp.fire(id, '{3}', 4), 1, 'skip: starts when no run is open') from s where name = 'skip';
select is(
  (select count(*)
  from stepbase.outbox o join stepbase.runs r on r.id = o.aggregate_id join s on r.metadata ->> 'schedule_id' = s.id::text
    where s.name = 'skip' and o.event_type = 'run.ended'),
  0::bigint, 'the end of a run that no start waits for is not announced'
);

-- queue
insert into s select 'queue', pg_temp.schedule('queue', 'max_runs = 3');
select is(pg_temp.fire(id, '{0,1,2}', 3), 1, 'queue: the first starts') from s where name = 'queue';
select is(pg_temp.outcomes(id), '0/started 1/queued 2/skipped/queue_full', 'queue: one waits, further times are skipped') from s where name = 'queue';
select is(stepbase_engine.start_queued_runs(), 0, 'queue: nothing starts while a run is open');
update stepbase.workflow_schedules set next_run_at = '2100-01-01' where next_run_at is not null;
select is(stepbase_engine.has_due_schedules(), false, 'queue: a worker has nothing to do meanwhile');
select pg_temp.end_all(id) from s where name = 'queue';
select is(
  (select count(*)
  from stepbase.outbox o join stepbase.runs r on r.id = o.aggregate_id join s on r.metadata ->> 'schedule_id' = s.id::text
    where s.name = 'queue' and o.event_type = 'run.ended'),
  1::bigint, 'queue: the end of the run is announced'
);
select lives_ok($$select stepbase_engine.relay_app('tap-one')$$, 'queue: the relay handles the end');
select is(stepbase_engine.has_due_schedules(), true, 'queue: then a worker has something to do');
select is(stepbase_engine.start_queued_runs(), 1, 'queue: the queued run starts');
select is(pg_temp.outcomes(id), '0/started 1/started 2/skipped/queue_full', 'queue: its outcome changes') from s where name = 'queue';
select is(pg_temp.fire(id, '{3}', 4), 0, 'queue: the next one waits') from s where name = 'queue';
update stepbase.workflow_schedules set is_enabled = false where id = (select id from s where name = 'queue');
select pg_temp.end_all(id) from s where name = 'queue';
select is(stepbase_engine.start_queued_runs(), 0, 'queue: a paused schedule starts no queued run');
select matches(pg_temp.outcomes(id), '3/skipped/paused$', 'queue: the reason is the pause') from s where name = 'queue';
update stepbase.workflow_schedules set is_enabled = true where id = (select id from s where name = 'queue');
select stepbase_engine.fire_schedules(jsonb_build_array(jsonb_build_object(
  'schedule_id', id, 'cron_expression', '0 * * * *', 'timezone', 'UTC', 'next_times', jsonb_build_array('2026-01-01T04:00:00Z')
))) from s where name = 'queue';
select pg_temp.fire(id, '{4,5}', 6) from s where name = 'queue';
select is(
  (select c.finished_at is not null
  from stepbase.workflow_schedules c join s on s.id = c.id where s.name = 'queue'), true, 'queue: the schedule is finished after max_runs'
);
select pg_temp.end_all(id) from s where name = 'queue';
select is(
  (select count(*) from stepbase.schedule_runs r join s on s.id = r.schedule_id where s.name = 'queue' and r.outcome = 'queued'),
  0::bigint, 'queue: a time after the last run is not queued'
);

-- cancel_previous
insert into s select 'cancel', pg_temp.schedule('cancel_previous');
select is(pg_temp.fire(id, '{0,1}', 2), 2, 'cancel_previous: both start') from s where name = 'cancel';
select is(
  (select string_agg(r.status, ' ' order by r.metadata ->> 'scheduled_at')
  from stepbase.runs r join s on r.metadata ->> 'schedule_id' = s.id::text where s.name = 'cancel'),
  'cancelled pending', 'cancel_previous: the first one is cancelled'
);
update stepbase.workflows set status = 'paused' where id = '00000000-0000-4000-8000-00000000d101';
select is(pg_temp.fire(id, '{2}', 3), 0, 'cancel_previous: a start can be refused') from s where name = 'cancel';
select is(
  (select count(*) from stepbase.runs r join s on r.metadata ->> 'schedule_id' = s.id::text where s.name = 'cancel' and r.status = 'pending'),
  1::bigint, 'cancel_previous: a refused start cancels nothing'
);
select is(
  (select r.error ->> 'code'
  from stepbase.schedule_runs r join s on s.id = r.schedule_id where s.name = 'cancel' and r.outcome = 'failed'), 'conflict', 'a refused start has an error'
);
select is(
  tests.attempt('developer', format('select stepbase.run_schedule_now(%L)', id)), 'SB409', 'run_schedule_now raises the error of a refused start'
) from s where name = 'cancel';
update stepbase.workflows set status = 'published' where id = '00000000-0000-4000-8000-00000000d101';

-- cancel_previous and a batch: it cancels a run that the schedule alone started.
select pg_temp.end_all(id) from s where name = 'cancel';
insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count, timeout_seconds)
values ('tap-one', '00000000-0000-4000-8000-00000000d101', 'batch', 3, 600);
insert into s select 'batch', pg_temp.schedule('cancel_previous');
select pg_temp.fire(id, '{0,1}', 2) from s where name = 'batch';
create function pg_temp.batches()
returns text
language sql
as $$
  select string_agg(r.status || ' ' || jsonb_array_length(r.input -> 'items'), ', ' order by r.created_at, r.id)
  from stepbase.runs r where r.workflow_id = '00000000-0000-4000-8000-00000000d101' and r.input ? 'items'
$$;
select is(pg_temp.batches(), 'cancelled 1, pending 1', 'cancel_previous: a batch with starts of the schedule only is cancelled');
select tests.perform_as('developer', format('select (stepbase.start_run(%L, %L)).id', 'w-00d101', '{"mine": true}'));
select pg_temp.fire(id, '{2}', 3) from s where name = 'batch';
select is(pg_temp.batches(), 'cancelled 1, pending 3', 'cancel_previous: a batch that another start joined goes on, with all items');
select pg_temp.fire(id, '{3}', 4) from s where name = 'batch';
select is(pg_temp.batches(), 'cancelled 1, pending 3, pending 1', 'cancel_previous: also when it is released, beside the next run');
select pg_temp.end_all(id) from s where name = 'batch';
delete from stepbase.workflow_flow_controls where workflow_id = '00000000-0000-4000-8000-00000000d101';

-- Missed times.
insert into s select 'missed', pg_temp.schedule('allow');
select pg_temp.fire(id, '{0}', 5, 1) from s where name = 'missed';
select is(pg_temp.outcomes(id), '0/started 1/missed/merged', 'without a window, missed times are merged') from s where name = 'missed';
update stepbase.workflow_schedules set catchup_window_seconds = 7200 where id = (select id from s where name = 'missed');
select pg_temp.fire(id, '{7,8}', 9, 5) from s where name = 'missed';
select is(
  pg_temp.outcomes(id), '0/started 1/missed/merged 5/missed/catchup_window 7/started 8/started', 'times before the window are skipped'
) from s where name = 'missed';
select results_eq(
  $$select extract(hour from r.missed_until at time zone 'UTC')::int
  from stepbase.schedule_runs r join s on s.id = r.schedule_id
    where s.name = 'missed' and r.outcome = 'missed' order by r.scheduled_at$$, array[5, 7], 'the end of the gap is recorded'
);

-- Jitter.
create temporary table jitter as
select h, stepbase_engine.schedule_jitter('00000000-0000-4000-8000-00000000d101', t.at, 600, t.at + interval '5 minutes') as delay
from generate_series(1, 50) h cross join lateral (select '2026-01-01'::timestamptz + h * interval '1 hour' as at) t;
select ok((select min(delay) >= interval '0' and max(delay) < interval '5 minutes' from jitter), 'jitter stays before the following time');
select cmp_ok((select count(distinct delay) from jitter), '>', 40::bigint, 'times have different delays');
select is(
  (select j.delay from jitter j where j.h = 1),
  stepbase_engine.schedule_jitter('00000000-0000-4000-8000-00000000d101', '2026-01-01 01:00+00', 600, '2026-01-01 01:05+00'),
  'a time has the same delay again'
);
insert into s select 'jitter', pg_temp.schedule('allow', 'jitter_seconds = 3600');
select ok(
  (select c.next_run_at > '2026-01-01 00:00+00' and c.next_run_at < '2026-01-01 01:00+00'
  from stepbase.workflow_schedules c join s on s.id = c.id where s.name = 'jitter'),
  'the next start is delayed'
);
select pg_temp.fire(id, '{0}', 1) from s where name = 'jitter';
select is(pg_temp.outcomes(id), '0/started', 'the outcome has the time without jitter') from s where name = 'jitter';

-- Run now and next times.
select is(
  tests.perform_as('developer', format('select (stepbase.run_schedule_now(%L)).outcome', id)), 'started', 'run_schedule_now starts a run'
) from s where name = 'skip' and (select true from pg_temp.end_all(id));
select is(
  tests.perform_as('developer', format('select (stepbase.run_schedule_now(%L)).detail', id)), 'overlap', 'run_schedule_now follows the overlap policy'
) from s where name = 'skip';
select is(
  tests.perform_as('developer', format('select (stepbase.run_schedule_now(%L, ''allow'')).outcome', id)), 'started', 'run_schedule_now can replace it'
) from s where name = 'skip';
select is(
  (select count(*) from stepbase.schedule_runs r join s on s.id = r.schedule_id
    where s.name = 'skip' and r.cause = 'run_now' and r.requested_by = (select user_id from tests.person('developer'))),
  3::bigint, 'the outcome names who asked'
);
select is(c.runs_started, 2, 'runs by request do not count for max_runs') from stepbase.workflow_schedules c join s on s.id = c.id where s.name = 'skip';
select is(tests.attempt('developer', format('select stepbase.run_schedule_now(%L, ''later'')', id)), 'SB400', 'an unknown policy is refused') from s where name = 'skip';
select is(
  tests.perform_as('viewer', format('select stepbase.next_schedule_times(%L)', id))::timestamptz, '2026-01-01 01:00+00', 'next_schedule_times returns planned times'
) from s where name = 'jitter';
select is(tests.attempt('viewer', format('select stepbase.next_schedule_times(%L, 11)', id)), 'SB400', 'next_schedule_times returns at most ten') from s where name = 'jitter';

-- Backfills.
insert into s select 'backfill', pg_temp.schedule('skip');
select pg_temp.fire(id, '{1}', 9) from s where name = 'backfill';
select is(
  tests.perform_as('developer', format('select (stepbase.backfill_schedule(%L, ''2026-01-01T00:00Z'', ''2026-01-01T03:00Z'')).overlap_policy', id)),
  'queue', 'a backfill of a schedule that does not allow overlaps starts one run after the other'
) from s where name = 'backfill';
select is(
  tests.attempt('developer', format('select stepbase.backfill_schedule(%L, ''2026-01-01'', ''2026-01-02'')', id)), 'SB409', 'a schedule has one open backfill'
) from s where name = 'backfill';
select is(tests.attempt('developer', format('select stepbase.backfill_schedule(%L, ''2026-01-02'', ''2026-01-01'')', id)), 'SB400', 'the range of a backfill must not run backwards') from s where name = 'backfill';
create temporary table b as select f.id from stepbase.schedule_backfills f join s on s.id = f.schedule_id
  where s.name = 'backfill';
select stepbase_engine.plan_backfill(
  b.id, array(select '2026-01-01 00:00+00'::timestamptz + h * interval '1 hour' from generate_series(-1, 4) h), null
) from b;
select results_eq(
  $$select f.times_total, f.status from stepbase.schedule_backfills f join b using (id)$$, $$values (4, 'running')$$, 'times outside of the range are left out'
);
select is(stepbase_engine.advance_backfills(), 0, 'a queued backfill waits for the open runs');
select pg_temp.end_all(id) from s where name = 'backfill';
select is(stepbase_engine.advance_backfills(), 1, 'then it starts one run');
select pg_temp.end_all(id) from s where name = 'backfill';
select is(stepbase_engine.advance_backfills(), 1, 'a time that has a run keeps it');
select pg_temp.end_all(id) from s where name = 'backfill';
select stepbase_engine.advance_backfills();
select results_eq(
  $$select f.times_done, f.runs_started, f.times_skipped, f.status, f.completed_at is not null from stepbase.schedule_backfills f join b using (id)$$,
  $$values (4, 3, 1, 'completed', true)$$, 'the backfill shows its progress'
);
select perform_as from tests.perform_as('developer', format('select stepbase.backfill_schedule(%L, ''2025-01-01'', ''2025-12-31'', ''allow'')', (select id from s where name = 'backfill')));
select stepbase_engine.plan_backfill(f.id, array(select '2025-01-01'::timestamptz + h * interval '1 hour'
  from generate_series(0, 1000) h), null)
from stepbase.schedule_backfills f join s on s.id = f.schedule_id where s.name = 'backfill' and f.completed_at is null;
select is(
  (select f.last_error ->> 'code' from stepbase.schedule_backfills f where f.status = 'failed'), 'limit_reached', 'a backfill of more than 1000 times fails'
);

select * from finish();
rollback;
