-- Outputs in Supabase Storage: only an attempt with its lease registers an object, objects of deleted runs pass to the
-- parent run or to the workers that delete them, and members read those of their application.

begin;
set local search_path = public, extensions;
select plan(24);
select tests.create_rows();
update stepbase.runs r set status = 'running', started_at = now(), open_steps = 1 where r.id = tests.sample_id('run');
insert into stepbase_queue.job (id, name, state) values ('00000000-0000-4000-8000-00000000a001', 'steps', 'active');
update stepbase.step_runs s
set status = 'running', fence = 2, job_id = '00000000-0000-4000-8000-00000000a001'
where s.id = tests.sample_id('step_run');

create function pg_temp.register(p_fence int default 2, p_change text default 'select 1', p_size int default 300000)
returns text
language plpgsql
as $$
begin
  execute p_change;
  return stepbase_engine.register_stored_output(tests.sample_id('step_run'), p_fence, p_size);
exception when others then
  return sqlstate;
end;
$$;
create function pg_temp.path(p_fence int default 2)
returns text
language sql
as $$
  select format('tap-one/%s/%s/%s.json', tests.sample_id('run'), tests.sample_id('step_run'), p_fence);
$$;
create function pg_temp.deletable() returns text language sql as $$
  select coalesce(string_agg(p, ', ' order by p), 'none') from stepbase_engine.take_deletable_outputs() p;
$$;

-- Registering.
select is(pg_temp.register(1), 'SB409', 'an attempt that another worker has claimed registers no output');
select is(
  pg_temp.register(p_change => $$update stepbase_queue.job set state = 'retry' where id = '00000000-0000-4000-8000-00000000a001'$$),
  'SB409', 'nor does one whose lease has expired'
);
select is(
  pg_temp.register(p_change => $$update stepbase.step_runs set status = 'cancelled', completed_at = now()
    where id = tests.sample_id('step_run')$$), 'SB409', 'nor does one that has ended'
);
select is(pg_temp.register(p_size => 0), '23514', 'an empty object is refused');
select is_empty('select 1 from stepbase_engine.stored_outputs', 'a refused attempt leaves no row');
select is(pg_temp.register(), pg_temp.path(), 'the attempt gets a path in the folder of its application');
select is(pg_temp.register(p_size => 400000), pg_temp.path(), 'a repeated call gets the same path');
select results_eq(
  'select app_code, run_id, size_bytes, delete_at from stepbase_engine.stored_outputs',
  $$select 'tap-one', tests.sample_id('run'), 400000, null::timestamptz$$, 'there is one row, with the latest size'
);

-- The quota.
select stepbase_engine.measure_storage('0 seconds');
create temporary table before as select s.bytes from stepbase_engine.app_storage s where s.app_code = 'tap-one';
update stepbase_engine.stored_outputs set size_bytes = 500000;
select stepbase_engine.measure_storage('-1 seconds');
select is(
  (select s.bytes - b.bytes from stepbase_engine.app_storage s, before b where s.app_code = 'tap-one'), 100000::bigint,
  'stored outputs count against max_stored_bytes'
);

-- Deletion.
select ok(not stepbase_engine.has_deletable_outputs(), 'the output of a run that exists is not deletable');
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id)
select '00000000-0000-4000-8000-00000000d099', r.app_code, r.workflow_id, r.workflow_version_id
from stepbase.runs r where r.id = tests.sample_id('run');
update stepbase.runs
set parent_run_id = '00000000-0000-4000-8000-00000000d099', parent_close_policy = 'abandon' where id = tests.sample_id('run');
delete from stepbase.runs where id = tests.sample_id('run');
select results_eq(
  'select run_id, delete_at from stepbase_engine.stored_outputs',
  $$values ('00000000-0000-4000-8000-00000000d099'::uuid, null::timestamptz)$$, 'the outputs of a deleted child pass to its parent'
);
delete from stepbase.runs where id = '00000000-0000-4000-8000-00000000d099';
select isnt((select o.delete_at from stepbase_engine.stored_outputs o), null, 'without a parent they become deletable');
select is(pg_temp.deletable(), 'none', 'but not while a worker may still write them');
select stepbase_engine.advance_clock('11 minutes');
select ok(stepbase_engine.has_deletable_outputs(), 'ten minutes later they are');
select ok(stepbase_engine.has_pending_work(), 'a worker is called for them');
select is(pg_temp.deletable(), pg_temp.path(), 'a worker takes them');
select is(pg_temp.deletable(), 'none', 'and no other worker at the same time');
select stepbase_engine.advance_clock('6 minutes');
select is(pg_temp.deletable(), pg_temp.path(), 'they are taken again if the deletion was not confirmed');
select stepbase_engine.forget_stored_outputs(array[pg_temp.path()]);
select is_empty('select 1 from stepbase_engine.stored_outputs', 'a confirmed deletion leaves no row');

-- The policy, on a table like that of Storage.
create schema if not exists storage;
create table if not exists storage.objects (bucket_id text, name text);
alter table storage.objects enable row level security;
grant usage on schema storage to authenticated;
grant select on storage.objects to authenticated;
select stepbase_private.ensure_storage_policy();
select ok(not stepbase_private.ensure_storage_policy(), 'the policy on storage.objects exists once');
insert into storage.objects (bucket_id, name)
values ('stepbase-outputs', pg_temp.path()), ('stepbase-outputs', 'tap-one-more/x.json'), ('other', pg_temp.path());
select is(
  tests.attempt(w.who, $$select 1 from storage.objects o where o.name like 'tap-one%'$$), w.answer,
  format('%s reads %s', w.who, w.answer)
)
from (values ('viewer', 'ok 1'), ('sister', 'ok 0'), ('removed', 'ok 0'), ('stranger', 'ok 0')) w (who, answer);

select * from finish();
rollback;
