-- Saved views of runs: who sees, changes and shares them; and the reads behind the list of runs, the failures and the
-- queues: count_runs, dead_letter_groups, read_statistics_series, read_queues, list_waiting_runs.

begin;
set local search_path = public, extensions;
select plan(29);
select tests.create_rows();
delete from stepbase.run_views where true;

create function pg_temp.save(p_person text, p_name text, p_shared boolean) returns text language sql as $$
  select tests.perform_as(p_person, format(
    'with v as (insert into stepbase.run_views (name, filter, is_shared) values (%L, %L, %L) returning name) select name from v',
    p_name, '{"status": "failed"}', p_shared
  ))
$$;
create function pg_temp.seen(p_person text) returns text language sql as $$
  select tests.perform_as(p_person, 'select coalesce(string_agg(name, '' '' order by name), '''') from stepbase.run_views')
$$;

-- Views.
select is(pg_temp.save('viewer', 'mine', false), 'mine', 'a viewer saves a view');
select throws_ok($$select pg_temp.save('viewer', 'all', true)$$, '42501', null, 'a viewer shares no view');
select is(pg_temp.save('developer', 'team', true), 'team', 'a developer shares a view');
select is(pg_temp.save('developer', 'own', false), 'own', 'a developer saves a view');
select is(pg_temp.seen('viewer'), 'mine team', 'a viewer sees the own and the shared views');
select is(pg_temp.seen('admin'), 'team', 'an admin sees the shared views only');
select is(pg_temp.seen('sister'), '', 'an admin of another application sees none');
select is(
  tests.perform_as('admin', $$with v as (update stepbase.run_views set name = 'x' where true returning name) select string_agg(name, ' ') from v$$),
  'x', 'an admin changes the shared view only'
);
select throws_ok(
  $$select tests.perform_as('viewer', 'update stepbase.run_views set is_shared = true where name = ''mine''')$$,
  '42501', null, 'a viewer does not share a view later'
);
select throws_ok(
  $$insert into stepbase.run_views (app_code, name, filter) values ('tap-one', ' ', '{}')$$, '23514', null, 'a view has a name'
);
update stepbase.run_views set created_by = null where name in ('own', 'x');
select results_eq(
  'select name from stepbase.run_views order by 1', $$values ('mine'), ('x')$$,
  'a view of a person who is erased is deleted unless it is shared'
);

-- Runs of a workflow of their own: two fail, one of them is redriven.
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
create temporary table r as
select n.name, (stepbase_engine.start_run('tap-one', v.id, '{}')).id
from (values ('a'), ('b'), ('c')) n (name)
join stepbase.workflow_versions v
  on v.workflow_id = '00000000-0000-4000-8000-00000000d101' and v.status = 'published';
update stepbase.runs x set status = 'running', started_at = now() from r where x.id = r.id and r.name < 'c';
update stepbase.runs x
set status = 'failed', completed_at = now(), error = '{"code": "http_error", "message": "no", "step_id": "a"}'
from r where x.id = r.id and r.name < 'c';

create function pg_temp.count_of(p_filter text) returns jsonb language sql as $$
  select tests.perform_as('viewer', format('select stepbase.count_runs(%L)', p_filter))::jsonb
$$;
select is(
  pg_temp.count_of('{"workflow": "w-00d101", "status": "failed"}'),
  '{"by_status": {"pending": 1, "running": 0, "paused": 0, "completed": 0, "failed": 2, "cancelled": 0, "timed_out": 0},
    "capped": [], "is_complete": true}'::jsonb,
  'count_runs counts the runs of a filter by status, without its status'
);
select is(
  pg_temp.count_of('{}') -> 'by_status',
  (
    select jsonb_object_agg(s.name, (
      select count(*) from stepbase.runs x where x.app_code = 'tap-one' and x.status = s.name
    ))
    from stepbase.run_statuses s
  ),
  'without conditions it counts all runs of the application and no others'
);
select is(
  pg_temp.count_of('{"created_from": "2999-01-01T00:00:00Z"}') #>> '{by_status,failed}', '0', 'it counts the runs of a time'
);
select is(
  stepbase_private.count_by_status(
    jsonb_populate_record(null::stepbase_private.run_filter, '{"app_code": "tap-one"}'), 1
  ) ->> 'failed', '2',
  'the number of a status is bounded'
);

create function pg_temp.group_of() returns jsonb language sql as $$
  select jsonb_path_query_first(
    tests.perform_as('viewer', format('select stepbase.dead_letter_groups(null, %L)', to_json(now() + interval '1 minute') #>> '{}'))::jsonb,
    '$.items[*] ? (@.workflow == "w-00d101")'
  )
$$;
select is(
  pg_temp.group_of() - '{first_at,last_at,created_from,created_to,series,sample,workflow_name}'::text[],
  '{"workflow": "w-00d101", "version": 1, "error_code": "http_error", "total": 2, "redriven": 0, "children": 0}'::jsonb,
  'dead letters are grouped by workflow, version and code'
);
select is(
  (select sum(s.runs::int) from jsonb_array_elements_text(pg_temp.group_of() -> 'series') s (runs)), 2::bigint,
  'the series counts each run once'
);
select ok(
  (pg_temp.group_of() #>> '{sample,run_id}')::uuid in (select r.id from r where r.name < 'c'), 'the sample is a run of the group'
);

create function pg_temp.groups_of(p_workflow text) returns jsonb language sql as $$
  select tests.perform_as('viewer', format(
    'select stepbase.dead_letter_groups(null, %L, %L)', to_json(now() + interval '1 minute') #>> '{}', p_workflow
  ))::jsonb
$$;
select is(
  jsonb_path_query_array(pg_temp.groups_of('w-00d101'), '$.items[*].workflow'), '["w-00d101"]', 'they are read of one workflow'
);
select throws_ok($$select pg_temp.groups_of('unknown')$$, 'SB404', 'Workflow unknown does not exist', 'of one that exists');
select throws_ok(
  $$select tests.perform_as('sister', 'select stepbase.dead_letter_groups(null, null, ''w-00d101'')')$$,
  'SB404', null, 'in the caller''s application'
);
select is(pg_temp.groups_of('w-00d101') -> 'is_complete', 'true', 'and the answer is complete');

-- More groups than an answer has: each run has a code of its own, so no group is larger than the one of two runs.
create temporary table many as
select (stepbase_engine.start_run('tap-one', v.id, '{}')).id
from generate_series(1, 200) n
join stepbase.workflow_versions v
  on v.workflow_id = '00000000-0000-4000-8000-00000000d101' and v.status = 'published';
update stepbase.runs x set status = 'running', started_at = now() from many m where x.id = m.id;
update stepbase.runs x
set status = 'failed', completed_at = now(), error = jsonb_build_object('code', 'e_' || replace(x.id::text, '-', ''), 'message', 'no')
from many m where x.id = m.id;
select is(
  (select jsonb_build_array(
    jsonb_array_length(g.answer -> 'items'), g.answer -> 'is_complete', g.answer #> '{items,0,error_code}'
  ) from (values (pg_temp.groups_of('w-00d101'))) g (answer)),
  '[200, false, "http_error"]', 'the largest 200 groups are returned, and the answer is not complete'
);

-- Statistics over time.
select stepbase_engine.collect_statistics();
create function pg_temp.series(p_arguments text) returns jsonb language sql as $$
  select tests.perform_as('viewer', format('select stepbase.read_statistics_series(%s)', p_arguments))::jsonb
$$;
select is(
  jsonb_array_length(pg_temp.series($$'2026-01-01T00:30:00Z', '2026-01-02T00:00:00Z', 60$$) -> 'points'), 24,
  'a series has a point for each step, and begins with a whole one'
);
select throws_ok(
  $$select pg_temp.series($a$'2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', 1$a$)$$, 'SB400', null, 'a series has at most 500 steps'
);

-- Queues.
create function pg_temp.queue() returns jsonb language sql as $$
  select jsonb_path_query_first(
    tests.perform_as('viewer', 'select stepbase.read_queues()')::jsonb, '$[*] ? (@.name == "default")'
  )
$$;
select is(
  (select q - '{id,workflows,display_name,description}'::text[] from pg_temp.queue() q),
  '{"name": "default", "is_system_queue": true, "max_runs": null, "max_steps": null, "busy_runs": null,
    "waiting_runs": null, "busy_steps": null, "waiting_steps": null, "oldest_waiting_since": null,
    "switch": null}'::jsonb,
  'a queue without limits counts nothing'
);
update stepbase.task_queues set max_concurrent_workflows = 2 where app_code = 'tap-one' and name = 'default';
select stepbase_engine.apply_limit_changes(100000);
-- The runs that are open take their slots.
select is(
  (select concat_ws(' ', q ->> 'busy_runs', q ->> 'waiting_runs', q ->> 'max_runs') from pg_temp.queue() q),
  (
    select concat_ws(
      ' ', greatest(count(*), 1),
      (select count(*) from stepbase_engine.run_backlog b where b.queue_limit = q.id), q.max_concurrent_workflows
    )
    from stepbase.task_queues q
    join stepbase_engine.run_slots s on s.limit_id = q.id
    where q.app_code = 'tap-one' and q.name = 'default'
    group by q.id
  ),
  'a queue counts the slots and the backlog under its limit'
);

update stepbase.task_queues set max_concurrent_workflows = 1 where app_code = 'tap-one' and name = 'default';
create temporary table w as
select n.priority, (stepbase_engine.start_run('tap-one', v.id, '{}', 'manual', null, n.priority)).id
from (values (0), (5)) n (priority)
join stepbase.workflow_versions v
  on v.workflow_id = '00000000-0000-4000-8000-00000000d101' and v.status = 'published';
create temporary table waiting as
select x.* from jsonb_to_recordset(tests.perform_as('viewer', $$select stepbase.list_waiting_runs('default')$$)::jsonb) as x (
  place int, run_id uuid, workflow text, priority int
);
select is(
  (select string_agg(x.workflow || ' ' || x.priority, ', ' order by x.place) from waiting x join w on w.id = x.run_id),
  'w-00d101 5, w-00d101 0', 'runs that wait for a queue are in the order in which they start'
);
select results_eq(
  'select x.place from waiting x order by 1',
  $$select generate_series(1, count(*)::int) from stepbase_engine.run_backlog b
    join stepbase.task_queues q on q.id = b.queue_limit where q.app_code = 'tap-one' and q.name = 'default'$$,
  'and each has its place'
);

select * from finish();
rollback;
