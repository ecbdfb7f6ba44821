-- Traces: the trace id of a start, what children inherit, and which ends of runs are announced to workers that export.

begin;
set local search_path = public, extensions;
select plan(23);
select tests.create_tasks();
create temporary table caller as
select '4bf92f3577b34da6a3ce929d0e0e4736' as id, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' as header;

select is(stepbase_engine.trace_of(jsonb_build_object('traceparent', t.header)), t.id, 'traceparent: ' || t.what)
from (
  select 'valid' as what, c.id, c.header from caller c
  union all
  select v.what, null, v.header
  from (
    values
      ('empty', ''),
      ('no object of W3C', '{}'),
      ('upper case', '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01'),
      ('trace id of zeros', '00-00000000000000000000000000000000-00f067aa0ba902b7-01'),
      ('span id of zeros', '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01'),
      ('more after the flags', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x'),
      ('another version', '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
  ) v (what, header)
) t;

create function pg_temp.start(p_metadata jsonb)
returns stepbase.runs
language sql
as $$
  select stepbase_engine.start_run('tap-one', w.published_version_id, '{}', p_metadata => p_metadata)
  from stepbase.workflows w where w.id = tests.sample_id('workflow');
$$;
create temporary table run as
select o.what, r.*
from (
  select 'of a caller' as what, jsonb_build_object('traceparent', c.header) as metadata from caller c
  union all
  values ('of an invalid caller', '{"traceparent": "x"}'::jsonb), ('without a caller', '{}')
) o
cross join lateral pg_temp.start(o.metadata) r;
select is((select r.trace_id from run r where r.what = 'of a caller'), (select c.id from caller c), 'a run continues the trace');
select is(
  (select count(*) from run r where r.what <> 'of a caller' and r.trace_id ~ '^0[0-9a-f]{31}$'), 2::bigint,
  'the others start one'
);
select is(
  (
    select stepbase_engine.eager_start(r) #>> '{start,traceparent}'
    from stepbase.runs r
    join run o using (id)
    where o.what = 'of a caller'
  ),
  (select c.header from caller c), 'the token carries the header'
);
select is(
  (select l.traceparent from run o cross join lateral stepbase_engine.load_runs(array[o.id]) l where o.what = 'of a caller'),
  (select c.header from caller c), 'and a worker can read it'
);
select is(
  (select stepbase_engine.child_metadata(o.id, '{"a": 1}') from run o where o.what = 'of a caller'),
  (select jsonb_build_object('a', 1, 'traceparent', c.header) from caller c), 'a child inherits it'
);
select is(
  (select stepbase_engine.child_metadata(o.id, '{"a": 1}') from run o where o.what = 'without a caller'), '{"a": 1}',
  'if there is one'
);
update stepbase.app_quotas set max_descendants = 10 where app_code in ('tap-one', 'tap-two');
select is(
  (
    select array_agg(stepbase_engine.descendants_left(c.id, a.app) order by a.app)
    from caller c, unnest(array['tap-one', 'tap-two']) a (app)
  ),
  array[10, 11], 'a run of another application with the same trace id uses no quota'
);

-- Ends.
create function pg_temp.announced(p_what text)
returns bigint
language plpgsql
as $$
begin
  delete from stepbase.outbox;
  update stepbase.runs r set status = 'cancelled', completed_at = now(), started_at = now()
  where r.id = (select o.id from run o where o.what = p_what) and r.completed_at is null;
  perform stepbase_engine.announce_ended(array(select o.id from run o where o.what = p_what));
  return (select count(*) from stepbase.outbox o where o.event_type = 'run.ended');
end;
$$;
create function pg_temp.exporting(p_threshold text, p_status text default 'running')
returns void
language sql
as $$
  select stepbase_engine.heartbeat(jsonb_build_object(
    'worker_id', 'tap-traces', 'mode', 'resident', 'status', p_status, 'version', '0',
    'metadata', case when p_threshold is null then '{}' else jsonb_build_object('traces', p_threshold) end
  ));
$$;
select pg_temp.exporting(null);
select is(pg_temp.announced('of a caller'), 0::bigint, 'without a worker that exports traces, no end is announced');
select pg_temp.exporting('00000000000000');
select is(pg_temp.announced('without a caller'), 1::bigint, 'with one, the end of a sampled run is');
select pg_temp.exporting('none');
select is(pg_temp.announced('without a caller'), 0::bigint, 'but not that of a run that it does not sample');
select is(pg_temp.announced('of a caller'), 1::bigint, 'unless the caller may have decided');
select results_eq(
  $$select t.handled, t.runs -> 0 ->> 'run_id', t.runs -> 0 ->> 'traceparent', jsonb_array_length(t.runs)
    from stepbase_engine.relay_app_traced('tap-one') t$$,
  $$select 1, o.id::text, c.header, 1 from run o cross join caller c where o.what = 'of a caller'$$,
  'the relay returns the run that ended'
);
select results_eq(
  $$select t.handled, t.runs from stepbase_engine.relay_app_traced('tap-one') t$$, $$values (0, '[]'::jsonb)$$, 'once'
);
select pg_temp.exporting('00000000000000', 'stopped');
select is(pg_temp.announced('without a caller'), 0::bigint, 'a worker that has stopped exports nothing');
create temporary table called as
select s.run_id, s.problem
from caller c
cross join lateral stepbase_engine.start_webhook(tests.sample_id('webhook'), 'tap-traces', '{}', c.header) s;
select results_eq(
  $$select r.trace_id, r.metadata ->> 'traceparent' from called l join stepbase.runs r on r.id = l.run_id$$,
  'select c.id, c.header from caller c', 'the run of a webhook call continues the trace'
);
select * from finish();
rollback;
