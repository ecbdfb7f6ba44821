-- A changed flow control applies to the open runs of its workflow in slices, beside the admission of other runs.

begin;
set local search_path = public, extensions;
select plan(23);
select tests.create_rows();
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
delete from stepbase_engine.flow_changes where true;
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');

create temporary table made (name text primary key, id uuid);
create function pg_temp.start(p_name text, p_input jsonb, p_workflow_id uuid default tests.sample_id('workflow'))
returns void
language sql
as $$
  insert into made
  select p_name, r.id
  from stepbase.workflows w
  cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, p_input) r
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
as $$ select count(*) from stepbase_engine.run_slots s join made m on m.id = s.run_id where s.is_key $$;
create function pg_temp.lines()
returns bigint
language sql
as $$ select count(*) from stepbase_engine.flow_backlog b join made m on m.id = b.run_id $$;
create function pg_temp.changes()
returns text
language sql
as $$
  select coalesce(string_agg(h.kind || ' ' || h.stage, ', ' order by h.kind), 'none') from stepbase_engine.flow_changes h
$$;
create function pg_temp.admit_all()
returns void
language plpgsql
as $$
begin
  for i in 1..100 loop
    perform stepbase_engine.admit(100);
    exit when not stepbase_engine.has_flow_work();
  end loop;
end;
$$;

-- 1,200 runs are in flight and 600 wait in the backlog, of ten customers. A run of another application waits, too.
insert into made select 'busy' || n, stepbase_engine.new_id() from generate_series(1, 1800) n;
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, input, status, started_at)
select
  m.id, 'tap-one', w.id, w.published_version_id, jsonb_build_object('customer', m.place % 10),
  case when m.place <= 1200 then 'running' else 'pending' end, case when m.place <= 1200 then now() end
from (select o.id, substr(o.name, 5)::int as place from made o) m
join stepbase.workflows w on w.id = tests.sample_id('workflow');
insert into stepbase_engine.run_backlog (run_id, app_code, priority)
select r.id, r.app_code, -50 from stepbase.runs r join made m on m.id = r.id where r.status = 'pending';
select pg_temp.start('other', '{}', '00000000-0000-4000-8000-00000000d201');
select pg_temp.start('sister', '{}', '00000000-0000-4000-8000-00000000d101');

insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, key_path, max_count)
values ('tap-one', tests.sample_id('workflow'), 'concurrency', '$.customer', 2);
select is(pg_temp.slots() + pg_temp.lines(), 0::bigint, 'setting a control changes no run');
select is(pg_temp.changes(), 'concurrency pending', 'it notes the change');
select is(stepbase_engine.has_pending_work(), true, 'a change is work for a worker');
select pg_temp.start('new', '{"customer": "new"}');
select stepbase_engine.apply_flow_changes(250);
select is(pg_temp.lines(), 251::bigint, 'a slice moves as many waiting runs as its limit into the lines of their keys');
select stepbase_engine.admit(20);
select is(pg_temp.slots() + pg_temp.lines(), 351::bigint, 'a call of admit applies one slice');
select is(pg_temp.has_token('new'), false, 'the lines of the control wait until the change is complete');
select is(pg_temp.has_token('other') and pg_temp.has_token('sister'), true, 'runs of other applications and workflows start meanwhile');
update stepbase.workflow_flow_controls set max_count = 1 where app_code = 'tap-one';
select is(pg_temp.changes(), 'concurrency pending', 'another number does not end the change');
select pg_temp.admit_all();
select is(pg_temp.changes(), 'none', 'the slices come to an end');
select is(
  (
    select count(*) from made m join stepbase.runs r on r.id = m.id
    where r.status = 'running' and not exists (select 1 from stepbase_engine.run_slots s where s.run_id = m.id and s.is_key)
  ), 0::bigint, 'every run in flight has a slot of its key'
);
select is(
  pg_temp.slots() + pg_temp.lines(), 1801::bigint, 'and the runs that waited are in the lines of their keys, if they have not started'
);
select is(pg_temp.has_token('new'), true, 'a key without runs in flight admits a run');

-- Another key.
update stepbase.workflow_flow_controls set key_path = '$.region' where app_code = 'tap-one';
select pg_temp.admit_all();
select is(
  (select count(distinct b.key_id) from stepbase_engine.flow_backlog b), 1::bigint, 'after a change of the key, all runs wait in its line'
);
select is(
  (select count(distinct s.limit_id) from stepbase_engine.run_slots s where s.is_key), 1::bigint, 'and the runs in flight have its slots'
);

-- Only the lines: a changed number and a deletion. Each slice asks for some lines.
delete from stepbase_engine.flow_changes where true;
update stepbase_engine.flow_backlog b set key_id = md5('line' || m.n)::uuid
from (
  select o.id, row_number() over (order by o.id) as n from made o join stepbase_engine.flow_backlog f on f.run_id = o.id
) m
where m.id = b.run_id;
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
select is(pg_temp.changes(), 'concurrency lines', 'a deletion concerns the lines only');
select stepbase_engine.apply_flow_changes(100);
select is((select count(*) from stepbase_engine.flow_checks), 100::bigint, 'a slice has as many lines looked at as its limit');
select pg_temp.admit_all();
select is(pg_temp.lines(), 0::bigint, 'at the end no line is left');

-- Applications take turns.
insert into stepbase_engine.flow_changes (workflow_id, kind, app_code, stage, worked_at)
select gen_random_uuid(), 'throttle', 'tap-one', 'pending', '-infinity' from generate_series(1, 30);
insert into stepbase_engine.flow_changes (workflow_id, kind, app_code, stage, worked_at)
values ('00000000-0000-4000-8000-00000000d201', 'throttle', 'tap-two', 'lines', now());
select stepbase_engine.apply_flow_changes(20);
select is(
  (select count(*) from stepbase_engine.flow_changes h where h.app_code = 'tap-two'), 0::bigint,
  'many changes of one application do not delay the change of another'
);
select pg_temp.admit_all();

-- A throttle that is due while its change is under way: workers wait for the change, not for a time that has passed.
insert into stepbase_engine.flow_rates (key_id, app_code, workflow_id, kind, next_at, due_at)
values (md5('due')::uuid, 'tap-one', '00000000-0000-4000-8000-00000000d101', 'throttle', now(), now());
insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
values (gen_random_uuid(), 'tap-one', '00000000-0000-4000-8000-00000000d101', 'throttle', md5('due')::uuid, 0);
insert into stepbase_engine.flow_changes (workflow_id, kind, app_code, stage)
values ('00000000-0000-4000-8000-00000000d101', 'throttle', 'tap-one', 'pending');
select stepbase_engine.admit_due_flow();
select is(stepbase_engine.next_flow_at(), null, 'a line whose control is being changed is not due');
delete from stepbase_engine.flow_backlog where key_id = md5('due')::uuid;
select pg_temp.admit_all();

-- A child shares the slot of an open parent with the same key, so it does not wait for it.
select stepbase_engine.end_runs(
  array(select r.id from stepbase.runs r where r.app_code = 'tap-one' and r.completed_at is null), 'cancelled', '{}', null, false
);
delete from stepbase_queue.job where name = 'steps';
select pg_temp.start('parent', '{"customer": 1}');
update stepbase.runs r set status = 'running', started_at = now() from made m where m.id = r.id and m.name = 'parent';
insert into made values ('child', stepbase_engine.new_id()), ('stranger', stepbase_engine.new_id());
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, input, trigger_type, parent_run_id, parent_close_policy
)
select m.id, p.app_code, p.workflow_id, p.workflow_version_id, jsonb_build_object('customer', i.customer), 'child', p.id, 'abandon'
from stepbase.runs p
join made o on o.id = p.id and o.name = 'parent'
cross join (values ('child', 1), ('stranger', 2)) i (name, customer)
join made m on m.name = i.name;
insert into stepbase_engine.run_backlog (run_id, app_code, priority)
select m.id, 'tap-one', 0 from made m where m.name in ('child', 'stranger');
insert into stepbase.workflow_flow_controls (app_code, workflow_id, kind, key_path, max_count)
values ('tap-one', tests.sample_id('workflow'), 'concurrency', '$.customer', 1);
select pg_temp.admit_all();
select is(pg_temp.has_token('child'), true, 'a child of the same key starts');
select is(
  (select count(*) from stepbase_engine.run_slots s join made m on m.id = s.run_id where m.name = 'child'), 0::bigint,
  'without a slot of its own'
);
select is(
  (select count(*) from stepbase_engine.run_slots s join made m on m.id = s.run_id where m.name in ('parent', 'stranger')), 2::bigint,
  'a child of another key has one'
);

-- A lost event: the maintenance has every line looked at.
select pg_temp.start('late', '{"customer": 1}');
delete from stepbase_engine.flow_checks where true;
select stepbase_engine.reconcile_admission();
select is(pg_temp.changes(), 'concurrency lines', 'the maintenance has lines looked at, in slices');

select * from finish();
rollback;
