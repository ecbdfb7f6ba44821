-- Workers of an application's own code: they register themselves and serve a project; only their application sees them.

begin;
set local search_path = public, extensions;
select plan(17);
select tests.create_rows();
update stepbase.projects p set name = 'Orders' where p.id = tests.sample_id('project');

create function pg_temp.register(p_who text, p_arguments text)
returns jsonb
language plpgsql
as $$
declare
  v_worker jsonb;
begin
  perform tests.become(p_who);
  execute format('select to_jsonb(w) from stepbase.register_worker(%s) w', p_arguments) into v_worker;
  perform tests.leave();
  return v_worker;
end;
$$;

select is(
  pg_temp.register(
    'developer', $$'w-1', 'q', 'Orders', executing => 2, concurrency => 10, version => '1.0', hostname => 'h'$$
  ) - array['id', 'metadata', 'last_heartbeat_at', 'started_at', 'created_at', 'updated_at', 'project_id'],
  '{"app_code": "tap-one", "worker_id": "w-1", "task_queue_name": "q", "status": "running", "hostname": "h",
    "version": "1.0", "mode": "resident", "executing": 2, "concurrency": 10, "stopped_at": null,
    "error_message": null}',
  'a worker registers with what it reports'
);
select is(
  (select w.project_id from stepbase.workers w where w.worker_id = 'w-1'), tests.sample_id('project'),
  'and serves a project'
);
update stepbase.workers w set last_heartbeat_at = now() - interval '1 hour', started_at = now() - interval '2 hours'
where w.worker_id = 'w-1';
select pg_temp.register('developer', $$'w-1', executing => 3$$);
select results_eq(
  $$select w.executing, w.project_id, w.last_heartbeat_at > now() - interval '1 minute',
      w.started_at < now() - interval '1 hour'
    from stepbase.workers w where w.worker_id = 'w-1'$$,
  'values (3, null::uuid, true, true)', 'a repeated call is its heartbeat'
);
select isnt(
  pg_temp.register('developer', $$'w-1', status => 'stopped'$$) ->> 'stopped_at', null, 'its last one says that it ends'
);
select is(stepbase_engine.is_worker_alive(), false, 'it is no worker of Stepbase: starts still ask for one');
select is(tests.attempt('viewer', $$select 1 from stepbase.workers where worker_id = 'w-1'$$), 'ok 1', 'members see it');
select is(
  tests.attempt('sister', $$select 1 from stepbase.workers where worker_id = 'w-1'$$), 'ok 0', 'other applications do not'
);
select is(tests.attempt('sister', $$select stepbase.register_worker('w-1')$$), 'SB409', 'nor can they take its name');
select is(
  tests.attempt('developer', $$select stepbase.register_worker('w-2', project => 'None')$$), 'SB404',
  'an unknown project is refused'
);
select is(
  tests.attempt('developer', $$select stepbase.register_worker('w-2', status => 'x')$$), 'SB400', 'so is an unknown status'
);
select is(
  tests.attempt('developer', $$select stepbase.register_worker('w-2', metadata => '[]')$$), 'SB400',
  'and metadata without names'
);
-- What an application reports concerns no other one.
select pg_temp.register(
  'developer', $$'w-3', metadata => '{"lease_seconds": "none", "traces": "0", "mail": true}'$$
);
select is(stepbase_engine.longest_lease(), interval '1 minute', 'its metadata has no effect on the leases of Stepbase');
select pg_temp.register('developer', $$'invocation:default'$$);
select stepbase_engine.heartbeat('{"worker_id": "invocation:default", "mode": "invocation", "status": "running"}');
select is(stepbase_engine.is_worker_alive(), true, 'a worker of Stepbase takes its name back');

select stepbase_engine.heartbeat('{
  "app_code": "tap-one", "project": "Orders", "task_queue": "stepbase-tap-one-x_v1", "worker_id": "compiled",
  "mode": "resident", "status": "running", "version": "1"
}');
select results_eq(
  $$select w.app_code, w.project_id, w.task_queue_name from stepbase.workers w where w.worker_id = 'compiled'$$,
  $$values ('tap-one', tests.sample_id('project'), 'stepbase-tap-one-x_v1')$$,
  'the worker of a compiled workflow serves an application and a project'
);
select throws_ok(
  $$select stepbase_engine.heartbeat('{
    "app_code": "tap-one", "project": "None", "worker_id": "compiled", "mode": "resident", "status": "running"
  }')$$,
  'SB404', null, 'whose name must be known'
);
select stepbase_engine.heartbeat('{"app_code": "tap-two", "worker_id": "w-1", "mode": "resident", "status": "running"}');
select is(
  (select w.app_code from stepbase.workers w where w.worker_id = 'w-1'), 'tap-one',
  'and cannot take the name of another application''s worker'
);

insert into stepbase.workers (app_code, worker_id) select 'tap-one', 'many-' || n from generate_series(1, 500) n;
select is(
  tests.attempt('developer', $$select stepbase.register_worker('w-2')$$), 'SB429', 'an application has a bounded number of them'
);

select * from finish();
rollback;
