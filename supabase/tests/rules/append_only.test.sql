-- Histories are append-only for everyone, the owner included.

begin;
set local search_path = public, extensions;
select plan(13);
select tests.create_rows();

select is(tests.attempt('owner', s.statement), 'SB424', s.statement)
from unnest(array[
  $$update public.run_events set payload = '{"x": 1}' where app_code = 'tap-one'$$,
  $$delete from public.run_events where app_code = 'tap-one'$$,
  'truncate public.run_events',
  $$update public.run_context set patch = '{}' where app_code = 'tap-one'$$,
  $$delete from public.run_context where app_code = 'tap-one'$$,
  'truncate public.run_context',
  $$update public.audit_log set row_id = 'x' where app_code = 'tap-one'$$,
  $$delete from public.audit_log where app_code = 'tap-one'$$,
  'truncate public.audit_log'
]) s (statement);
select is(
  tests.attempt('service', $$delete from public.run_events where app_code = 'tap-one'$$), '42501', 'the service role has no right'
);
select is(
  tests.attempt('service', $$update public.audit_log set row_id = 'x'$$), '42501', 'neither to change the log'
);
select is(
  tests.attempt('owner', format('truncate engine.%I', p.relname)), 'SB424', 'a partition cannot be emptied: ' || p.relname
)
from (
  select distinct on (i.inhparent) c.relname
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent in ('public.run_events'::regclass, 'public.audit_log'::regclass)
  order by i.inhparent, c.relname
) p;

select * from finish();
rollback;
