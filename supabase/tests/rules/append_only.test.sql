-- Histories are append-only for every role, including the owner.

begin;
set local search_path = public, extensions;
select plan(16);
select tests.create_rows();

select is(tests.attempt('owner', s.statement), 'SB424', 'the owner cannot run: ' || s.statement)
from unnest(array[
  $$update stepbase.run_events set payload = '{"x": 1}' where app_code = 'tap-one'$$,
  $$delete from stepbase.run_events where app_code = 'tap-one'$$,
  'truncate stepbase.run_events',
  $$delete from stepbase.step_runs where app_code = 'tap-one' and context_version is not null$$,
  'truncate stepbase.step_runs cascade',
  $$update stepbase.audit_log set row_id = 'x' where app_code = 'tap-one'$$,
  $$delete from stepbase.audit_log where app_code = 'tap-one'$$,
  'truncate stepbase.audit_log',
  $$update stepbase.audit_seals set row_count = 1 where app_code = 'tap-one'$$,
  $$delete from stepbase.audit_seals where app_code = 'tap-one'$$,
  'truncate stepbase.audit_seals'
]) s (statement);
select is(
  tests.attempt('service', $$delete from stepbase.run_events where app_code = 'tap-one'$$), '42501', 'the service role cannot delete events'
);
select is(
  tests.attempt('service', $$update stepbase.audit_log set row_id = 'x'$$), '42501', 'the service role cannot change the audit log'
);
select is(
  tests.attempt('service', $$insert into stepbase.audit_seals (app_code, seq) values ('tap-one', 2)$$), '42501',
  'the service role cannot seal'
);
select is(
  tests.attempt('owner', format('truncate stepbase_engine.%I', p.relname)), 'SB424', 'a partition cannot be truncated: ' || p.relname
)
from (
  select distinct on (i.inhparent) c.relname
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  where i.inhparent in ('stepbase.run_events'::regclass, 'stepbase.audit_log'::regclass)
  order by i.inhparent, c.relname
) p;

select * from finish();
rollback;
