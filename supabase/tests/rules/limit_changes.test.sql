-- A changed limit on concurrent runs applies to the open runs of its workflows in slices, and locks nothing else.

begin;
set local search_path = public, extensions;
select plan(15);
select tests.create_rows();
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);
delete from stepbase_engine.limit_changes where true;
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');

create temporary table made (name text primary key, id uuid);
create function pg_temp.start(p_name text, p_workflow_id uuid)
returns void
language sql
as $$
  insert into made
  select p_name, r.id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, '{}') r
  where w.id = p_workflow_id
$$;
create function pg_temp.has_token(p_name text)
returns boolean
language sql
as $$
  select exists (
    select 1 from stepbase_queue.job j join made m on (j.data ->> 'run_id')::uuid = m.id where j.name = 'steps' and m.name = p_name
  )
$$;
create function pg_temp.slots()
returns bigint
language sql
as $$
  select count(*) from stepbase_engine.run_slots s join made m on m.id = s.run_id
  where s.limit_id = tests.sample_id('workflow')
$$;
create function pg_temp.waiting()
returns bigint
language sql
as $$
  select count(*) from stepbase_engine.run_backlog b join made m on m.id = b.run_id
  where b.workflow_limit = tests.sample_id('workflow')
$$;
create function pg_temp.stages()
returns text
language sql
as $$
  select coalesce(string_agg(h.app_code || ' ' || h.stage, ', ' order by h.app_code), 'none')
  from stepbase_engine.limit_changes h
$$;
create function pg_temp.admit_all()
returns void
language plpgsql
as $$
begin
  for i in 1..100 loop
    perform stepbase_engine.admit(100);
    exit when not exists (select 1 from stepbase_engine.limit_changes);
  end loop;
end;
$$;

-- 1,200 runs are in flight and 600 wait in the backlog. A run of another application waits, too.
insert into made select 'busy' || n, stepbase_engine.new_id() from generate_series(1, 1800) n;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input, status, started_at)
select
  m.id, 'tap-one', w.id, w.published_version_id, '{}',
  case when m.place <= 1200 then 'running' else 'pending' end, case when m.place <= 1200 then now() end
from (select o.id, substr(o.name, 5)::int as place from made o) m
join stepbase.workflows w on w.id = tests.sample_id('workflow');
insert into stepbase_engine.run_backlog (run_id, app_code, priority)
select r.id, r.app_code, -50 from stepbase.runs r join made m on m.id = r.id where r.status = 'pending';
select pg_temp.start('other', '00000000-0000-4000-8000-00000000d201');

update stepbase.workflows set max_concurrent_executions = 1201 where id = tests.sample_id('workflow');
select is(pg_temp.slots() + pg_temp.waiting(), 0::bigint, 'setting a limit changes no run');
select is(pg_temp.stages(), 'tap-one pending', 'it notes the change');
select is(stepbase_engine.has_pending_work(), true, 'a change is work for a worker');
select stepbase_engine.apply_limit_changes(250);
select is(pg_temp.waiting(), 250::bigint, 'a slice moves as many waiting runs as its limit into the group of the limit');
select pg_temp.start('sister', '00000000-0000-4000-8000-00000000d101');
select is((select a.more_wait from stepbase_engine.admit(20) a), true, 'a call of admit applies one slice, and asks for another');
select is(pg_temp.slots() + pg_temp.waiting(), 350::bigint, 'of five times its own limit');
select is(pg_temp.has_token('other'), true, 'runs of other applications start meanwhile');
update stepbase.workflows set max_concurrent_executions = 1202 where id = tests.sample_id('workflow');
select is(pg_temp.stages(), 'tap-one pending', 'another number neither ends nor repeats the change');
select pg_temp.admit_all();
select is(pg_temp.stages(), 'none', 'the slices come to an end');
select is(pg_temp.slots(), 1202::bigint, 'each run in flight has a slot, and the free slots go to waiting runs');
select is(pg_temp.waiting(), 598::bigint, 'the others wait in the group of the limit');
select is(pg_temp.has_token('sister'), true, 'a run of a workflow without a limit starts');

-- A limit that is removed.
update stepbase.workflows set max_concurrent_executions = null where id = tests.sample_id('workflow');
select pg_temp.admit_all();
select is(pg_temp.waiting(), 0::bigint, 'without the limit no run waits in its group');

-- Applications take turns, and two changes of an application are one.
insert into stepbase_engine.limit_changes (app_code, workflow_ids, worked_at)
select 'app' || n, array[gen_random_uuid()], '-infinity' from generate_series(1, 3) n;
select stepbase_engine.note_changed_limits('tap-one', array[tests.sample_id('workflow')]);
select stepbase_engine.note_changed_limits('tap-one', array['00000000-0000-4000-8000-00000000d101'::uuid]);
select is(
  (select cardinality(h.workflow_ids) from stepbase_engine.limit_changes h where h.app_code = 'tap-one'), 2, 'the workflows add up'
);
select stepbase_engine.apply_limit_changes(100);
select is(pg_temp.stages(), 'tap-one pending', 'a change of an application without open runs ends with its first slice');

select * from finish();
rollback;
