-- Who reads the signals of runs; nobody writes them but the engine.

begin;
set local search_path = public, extensions;
select plan(9);
select tests.create_rows();
insert into stepbase.run_signals (run_id, app_code, signal_name)
values ('00000000-0000-4000-8000-00000000d020', 'tap-one', 'go');

select is(tests.attempt('viewer', 'select 1 from stepbase.run_signals'), 'ok 1', 'viewer reads it');
select is(tests.attempt('sister', 'select 1 from stepbase.run_signals'), 'ok 0', 'sister sees nothing');
select is(tests.attempt('foreigner', 'select 1 from stepbase.run_signals'), 'ok 0', 'foreigner sees nothing');
select is(tests.attempt('removed', 'select 1 from stepbase.run_signals'), 'ok 0', 'removed sees nothing');
select is(tests.attempt('anon', 'select 1 from stepbase.run_signals'), '42501', 'anon is refused');
select is(
  tests.attempt('admin', $$insert into stepbase.run_signals (run_id, app_code, signal_name)
    values ('00000000-0000-4000-8000-00000000d020', 'tap-one', 'go')$$), '42501', 'admin may not insert'
);
select is(tests.attempt('admin', 'update stepbase.run_signals set consumed_at = now()'), '42501', 'admin may not update');
select is(tests.attempt('admin', 'delete from stepbase.run_signals'), '42501', 'admin may not delete');
select is(
  tests.attempt('owner', $$insert into stepbase.run_signals (run_id, app_code, signal_name)
    values ('00000000-0000-4000-8000-00000000d020', 'tap-two', 'go')$$), '23503', 'a signal is of the run''s application'
);

select * from finish();
rollback;
