-- Suspended runs: a slice of resume_suspended reads the rows that go on, not the others that wait. A throttle counts a
-- suspended start once.

begin;
set local search_path = public, extensions;
select plan(22);
select tests.create_rows();
delete from stepbase.incident_switches where true;
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d102');

create function pg_temp.set_switch(p_call text)
returns uuid
language sql
as $$ select tests.perform_as('developer', format('select (stepbase.set_incident_switch(%s)).id', p_call))::uuid $$;
create function pg_temp.release_all()
returns void
language sql
as $$
  select tests.perform_as('developer', format('select (stepbase.release_incident_switch(%L)).id', i.id))
  from stepbase.incident_switches i where i.released_at is null
$$;
create temporary table made (name text primary key, id uuid);
create function pg_temp.start(p_name text, p_workflow text, p_input jsonb default '{}')
returns void
language sql
as $$
  insert into made
  select p_name, r.id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, p_input) r
  where w.kebab_name = p_workflow
$$;
create function pg_temp.has_token(p_name text)
returns boolean
language sql
as $$
  select exists (
    select 1 from stepbase_queue.job j join made m on (j.data ->> 'run_id')::uuid = m.id where j.name = 'steps' and m.name = p_name
  )
$$;
create function pg_temp.lose_token(p_name text)
returns void
language sql
as $$
  delete from stepbase_queue.job j using made m where j.name = 'steps' and m.name = p_name and (j.data ->> 'run_id')::uuid = m.id
$$;
-- A claim suspends the run and ends its token.
create function pg_temp.suspend(p_name text)
returns void
language plpgsql
as $$
begin
  perform stepbase_engine.suspend_starts(array(select m.id from made m where m.name = p_name));
  perform pg_temp.lose_token(p_name);
end;
$$;
create function pg_temp.reads(p_table text)
returns bigint
language sql
as $$
  select sum(pg_stat_get_xact_tuples_fetched(i.oid) + pg_stat_get_xact_tuples_returned(i.oid))::bigint
  from pg_class i
  where i.oid = p_table::regclass or i.oid in (select x.indexrelid from pg_index x where x.indrelid = p_table::regclass)
$$;
create temporary table reads (what text, before bigint);
create function pg_temp.note_reads(p_table text)
returns void
language sql
as $$ insert into reads values (p_table, pg_temp.reads(p_table)) $$;
create function pg_temp.new_reads(p_table text)
returns bigint
language sql
as $$ select pg_temp.reads(p_table) - max(r.before) from reads r where r.what = p_table $$;

-- 3,000 runs stay suspended, 3,000 go on.
select pg_temp.set_switch($$'workflow', 'x', 'pause', 'w-00d101'$$);
select pg_temp.set_switch($$'workflow', 'x', 'pause', 'w-00d102'$$);
insert into made select 'run' || n, stepbase_engine.new_id() from generate_series(1, 6000) n;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input)
select m.id, w.app_code, w.id, w.published_version_id, '{}'
from made m
join stepbase.workflows w on w.kebab_name = case when substr(m.name, 4)::int % 2 = 0 then 'w-00d101' else 'w-00d102' end;
select stepbase_engine.suspend_starts(array(select m.id from made m));
analyze stepbase_engine.run_backlog, stepbase.runs;
select is((select count(*) from stepbase_engine.run_backlog), 6000::bigint, 'the runs are suspended');
select tests.perform_as('developer', format('select (stepbase.release_incident_switch(%L)).id', i.id))
from stepbase.incident_switches i
where i.workflow_id = '00000000-0000-4000-8000-00000000d102' and i.released_at is null;
select pg_temp.note_reads('stepbase_engine.run_backlog');
select pg_temp.note_reads('stepbase.runs');
select is(stepbase_engine.resume_suspended(10), 10, 'a slice resumes as many runs as its limit');
-- The backlog has 6,000 rows. An index may also return entries of other files' rolled-back transactions.
select ok(pg_temp.new_reads('stepbase_engine.run_backlog') < 2000, 'without reading the backlog: ' || pg_temp.new_reads('stepbase_engine.run_backlog'));
select ok(pg_temp.new_reads('stepbase.runs') < 2000, 'or the runs: ' || pg_temp.new_reads('stepbase.runs'));
select is((select count(*) from made m where pg_temp.has_token(m.name)), 10::bigint, 'they have tokens');
select is(
  array(select m.name from made m where pg_temp.has_token(m.name) order by m.id), array(
    select m.name from made m where substr(m.name, 4)::int % 2 = 1 order by m.id limit 10
  ), 'in the order in which they were started'
);
select pg_temp.release_all();
delete from stepbase_engine.run_backlog where true;
update stepbase.runs r set status = 'cancelled', completed_at = now() from made m where m.id = r.id and r.completed_at is null;
delete from stepbase_queue.job where name = 'steps';
truncate made;

-- A change from pause to drain lets children of open runs in the scope start, and no other run.
select pg_temp.start('parent', 'w-00d101');
update stepbase.runs r set status = 'running', started_at = now() from made m where m.id = r.id and m.name = 'parent';
select pg_temp.start('alone', 'w-00d101');
insert into made values ('child', stepbase_engine.new_id());
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, trigger_type, parent_run_id, parent_close_policy
)
select m.id, p.app_code, p.workflow_id, p.workflow_version_id, 'child', p.id, 'abandon'
from made m
join made o on o.name = 'parent'
join stepbase.runs p on p.id = o.id
where m.name = 'child';
select pg_temp.set_switch($$'workflow', 'x', 'pause', 'w-00d101'$$);
select pg_temp.suspend(n) from unnest(array['alone', 'child']) n;
select is(stepbase_engine.resume_suspended(10), 0, 'a pause suspends children, too');
update stepbase.workflows set max_concurrent_executions = 5 where kebab_name = 'w-00d101';
select stepbase_engine.apply_limit_changes(100000);
select results_eq(
  $$select m.name, b.workflow_limit = stepbase_engine.suspended_group(), count(s.run_id)
    from made m
    join stepbase_engine.run_backlog b on b.run_id = m.id
    left join stepbase_engine.run_slots s on s.run_id = m.id
    group by 1, 2 order by 1$$,
  $$values ('alone', true, 0::bigint), ('child', true, 0::bigint)$$, 'a limit that is set meanwhile leaves them suspended, without a slot'
);
update stepbase.workflows set max_concurrent_executions = null where kebab_name = 'w-00d101';
select pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d101'$$);
select is(stepbase_engine.resume_suspended(10), 1, 'a drain lets one run start');
select ok(pg_temp.has_token('child') and not pg_temp.has_token('alone'), 'the child of the open run');

-- Steps: 2,000 ready ones of a paused workflow do not delay those of another.
insert into made select 'step' || n, stepbase_engine.new_id() from generate_series(1, 2002) n;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input, status, started_at)
select m.id, w.app_code, w.id, w.published_version_id, '{}', 'running', now()
from made m
join stepbase.workflows w on w.kebab_name = case when substr(m.name, 5)::int <= 2000 then 'w-00d101' else 'w-00d102' end
where m.name like 'step%';
insert into stepbase.step_runs (run_id, app_code, workflow_version_id, step_id, step_type, status)
select r.id, r.app_code, r.workflow_version_id, 'first', 'transform', 'ready'
from stepbase.runs r join made m on m.id = r.id where m.name like 'step%';
select pg_temp.set_switch($$'workflow', 'x', 'pause', 'w-00d101'$$);
analyze stepbase.step_runs, stepbase.runs;
select pg_temp.note_reads('stepbase.step_runs');
select is(stepbase_engine.resume_suspended(10), 2, 'the runs of the other workflow go on');
select ok(pg_temp.has_token('step2001') and pg_temp.has_token('step2002'), 'their steps have tokens');
select ok(pg_temp.new_reads('stepbase.step_runs') < 200, 'without reading the other steps: ' || pg_temp.new_reads('stepbase.step_runs'));
select pg_temp.release_all();
select is(stepbase_engine.resume_suspended(10), 11, 'after the release: one start, and as many runs with steps as the limit');
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r join made m on m.id = r.id where r.completed_at is null), 'cancelled', '{}', null, false
);
delete from stepbase_engine.run_backlog where true;
delete from stepbase_queue.job where name = 'steps';

-- A throttle: one start in 100 s. A suspended start is taken back.
truncate made;
insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, max_count, period_seconds)
values ('tap-one', '00000000-0000-4000-8000-00000000d101', 'throttle', 36, 3600);
select pg_temp.start('first', 'w-00d101');
select stepbase_engine.admit();
select is(pg_temp.has_token('first'), true, 'the first run passes the throttle');
select pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d101'$$);
select pg_temp.suspend('first');
select stepbase_engine.advance_clock('10 seconds');
select pg_temp.release_all();
select stepbase_engine.admit();
select stepbase_engine.admit();
select is(pg_temp.has_token('first'), true, 'after the release it starts at once: its first pass does not count');
select is(
  (select round(extract(epoch from f.next_at - stepbase_engine.now())) from stepbase_engine.flow_rates f), 100::numeric,
  'the throttle has counted one start'
);
select pg_temp.start('second', 'w-00d101');
select stepbase_engine.admit();
select is(pg_temp.has_token('second'), false, 'so the next run waits');

-- A suspended start that another one followed: the distance of the other one stays.
select stepbase_engine.advance_clock('101 seconds');
select stepbase_engine.wake();
select is(pg_temp.has_token('second'), true, 'the next run passes when its time has come');
select pg_temp.set_switch($$'workflow', 'x', 'drain', 'w-00d101'$$);
select pg_temp.suspend('first');
select pg_temp.release_all();
select stepbase_engine.admit();
select stepbase_engine.admit();
select is(pg_temp.has_token('first'), false, 'a start that was suspended after another one waits for its turn');

-- The same for a run that is paused before it starts.
select tests.perform_as('developer', format('select (stepbase.pause_run(%L)).status', m.id)) from made m where m.name = 'second';
select pg_temp.lose_token('second');
select tests.perform_as('developer', format('select (stepbase.resume_run(%L)).status', m.id)) from made m where m.name = 'second';
select stepbase_engine.admit();
select is(
  array(select pg_temp.has_token(m.name) from made m order by m.name), '{t,f}', 'a paused start frees the throttle for the next run'
);
select is(
  (select round(extract(epoch from f.next_at - stepbase_engine.now())) from stepbase_engine.flow_rates f), 100::numeric,
  'which counts one start'
);

select * from finish();
rollback;
