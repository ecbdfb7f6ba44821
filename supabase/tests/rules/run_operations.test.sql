-- Operations on many runs: what a preview counts, when a start is refused, what a slice does and counts, and who
-- receives the messages.

begin;
set local search_path = public, extensions;
select plan(68);
select tests.create_tasks();
delete from stepbase.run_operations where true;
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');

-- Runs a, b, c of a workflow of their own; z of another application.
create temporary table r as
select w.name, (
  stepbase_engine.start_run(w.app, v.id, '{}')
).id
from (
  values
    ('a', 'tap-one', '00000000-0000-4000-8000-00000000d101'::uuid), ('b', 'tap-one', '00000000-0000-4000-8000-00000000d101'),
    ('c', 'tap-one', '00000000-0000-4000-8000-00000000d101'), ('z', 'tap-two', '00000000-0000-4000-8000-00000000d201')
) w (name, app, workflow_id)
join stepbase.workflow_versions v on v.workflow_id = w.workflow_id and v.status = 'published';
create function pg_temp.statuses() returns text language sql as $$
  select string_agg(r.name || ' ' || x.status, ', ' order by r.name) from r join stepbase.runs x on x.id = r.id
$$;

create temporary table f (name text primary key, filter text);
insert into f values ('own', '{"workflow": "w-00d101"}'), ('all', '{}');
create function pg_temp.preview(p_action text, p_filter text, p_more text default '') returns jsonb language sql as $$
  select tests.perform_as('developer', format('select stepbase.preview_operation(%L, %L%s)', p_action, p_filter, p_more))::jsonb
$$;
create function pg_temp.start_op(p_action text, p_filter text, p_more text default '', p_preview text default null)
returns uuid language sql as $$
  select tests.perform_as('developer', format(
    'select (stepbase.start_operation(%L, %L, %L%s)).id', p_action, p_filter,
    coalesce(p_preview, pg_temp.preview(p_action, p_filter) ->> 'preview'), p_more
  ))::uuid
$$;
create function pg_temp.row_of(p_id uuid) returns text language sql as $$
  select concat_ws(' ', o.status, o.total, o.done, o.failed, o.skipped, o.last_error ->> 'code')
  from stepbase.run_operations o where o.id = p_id
$$;
create temporary table o (name text primary key, id uuid);

-- Previews.
select is(
  pg_temp.preview('cancel', f.filter) - 'preview' - 'expires_at',
  jsonb_build_object(
    'action', 'cancel', 'count', 3, 'is_complete', true, 'by_status', '{"pending": 3}'::jsonb, 'excluded', '{}'::jsonb,
    'sample', (
      select jsonb_agg(r.id order by x.created_at, r.id) from r join stepbase.runs x on x.id = r.id where r.name < 'z'
    )
  ),
  'a preview counts the runs that match and shows some ids'
)
from f where f.name = 'own';
select is(pg_temp.preview(p.action, p.filter) ->> 'count', p.count, p.what)
from (
  values
    ('resume', '{"workflow": "w-00d101"}', '0', 'runs that are not paused do not count for resume'),
    ('redrive', '{"workflow": "w-00d101"}', '0', 'open runs do not count for redrive'),
    ('cancel', '{"workflow": "w-00d101", "status": "completed"}', '0', 'a status that cannot be cancelled selects no run'),
    ('cancel', '{"workflow": "w-00d101", "created_before": "2020-01-01"}', '0', 'a time of the filter that is earlier applies'),
    ('cancel', '{"workflow": "w-00d101", "created_before": "2100-01-01"}', '3', 'a later time does not'),
    ('redrive', '{}', '1', 'a dead letter counts for redrive')
) p (action, filter, count, what);
select is(tests.attempt('developer', s.call), s.answer, s.what)
from (
  values
    ($$select stepbase.preview_operation('delete', '{}')$$, 'SB400', 'an unknown action is refused'),
    ($$select stepbase.preview_operation(null, '{}')$$, 'SB400', 'an operation needs an action'),
    ($$select stepbase.preview_operation('cancel', '{"state": "running"}')$$, 'SB400', 'an unknown key of the filter is refused'),
    ($$select stepbase.preview_operation('cancel', '{"workflow": "w-00d201"}')$$, 'SB404', 'workflows of other applications are not found'),
    ($$select stepbase.start_operation('cancel', '{}', null)$$, 'SB400', 'a start needs a preview'),
    ($$select stepbase.start_operation('pause', '{}', 'x', null, true)$$, 'SB400', 'a pause has no force'),
    ($$select stepbase.start_operation('signal', '{}', 'x')$$, 'SB400', 'a signal needs its name and payload'),
    ($$select stepbase.start_operation('signal', '{}', 'x', signal => '{"name": "9", "payload": 1}')$$, 'SB400', 'a signal needs a valid name'),
    ($$select stepbase.start_operation('pause', '{}', 'x', signal => '{"name": "go", "payload": 1}')$$, 'SB400', 'a pause has no signal'),
    ($$select stepbase.search_runs('{"operation": "x"}')$$, 'SB400', 'the operation of a filter is an id'),
    ($$select stepbase.search_runs('{"operation": "00000000-0000-4000-8000-000000000000"}')$$, 'SB404', 'an unknown operation selects no runs'),
    ($$select stepbase.start_operation('cancel', '{}', 'x', '')$$, 'SB400', 'a reason is not empty'),
    ($$select stepbase.start_operation('cancel', '{}', 'x', max_per_minute => 0)$$, 'SB400', 'a rate is positive')
) s (call, answer, what);

-- A start acts on what was previewed.
create function pg_temp.refusal(p_action text, p_filter text, p_preview text) returns text language sql as $$
  select tests.attempt('developer', format('select stepbase.start_operation(%L, %L, %L)', p_action, p_filter, p_preview))
$$;
create temporary table p as
select pg_temp.preview('pause', f.filter) ->> 'preview' as token, f.filter from f where f.name = 'own';
select is(pg_temp.refusal('resume', p.filter, p.token), 'SB400', 'a preview of another action is refused') from p;
select is(pg_temp.refusal('pause', '{}', p.token), 'SB400', 'a preview of another filter is refused') from p;
select is(pg_temp.refusal('pause', p.filter, regexp_replace(p.token, '^....', '2099')), 'SB400', 'a changed preview is refused') from p;
select is(
  tests.attempt('foreigner', format('select stepbase.start_operation(%L, %L, %L)', 'pause', '{}', pg_temp.preview('pause', '{}') ->> 'preview')),
  'SB400', 'a preview of another application is refused'
);
insert into r
select 'd', (stepbase_engine.start_run('tap-one', v.id, '{}')).id from stepbase.workflow_versions v
where v.workflow_id = '00000000-0000-4000-8000-00000000d101' and v.status = 'published';
insert into o select 'pause', pg_temp.start_op('pause', p.filter, '', p.token) from p;
select is(pg_temp.row_of(id), 'running 3 0 0 0', 'a run that was created after the preview is not selected') from o where name = 'pause';
select is(
  (
    select a.actor_id::text || ' ' || a.operation from stepbase.audit_log a
    where a.table_name = 'run_operations' and a.row_id = o.id::text
  ),
  '00000000-0000-4000-8000-00000000f002 insert', 'the audit log has the start'
)
from o where o.name = 'pause';

-- Slices.
select is(
  (select array_agg(d.operation_id order by d.operation_id) from stepbase_engine.due_operations() d), array[o.id],
  'an operation is due'
) from o where o.name = 'pause';
select is(stepbase_engine.advance_operation(o.id, 2), 2, 'a slice acts on so many runs') from o where o.name = 'pause';
select is(pg_temp.statuses(), 'a paused, b paused, c pending, d pending, z pending', 'the oldest runs come first');
select is(pg_temp.row_of(id), 'running 3 2 0 0', 'the row shows the progress') from o where name = 'pause';
select stepbase_engine.end_runs(array[(select r.id from r where r.name = 'c')], 'cancelled', '{"code": "cancelled", "message": "x"}');
select stepbase_engine.advance_operation(o.id, 2) from o where o.name = 'pause';
select is(pg_temp.row_of(id), 'completed 3 2 0 1', 'a run that has ended meanwhile is skipped') from o where name = 'pause';
select is(stepbase_engine.advance_operation(o.id, 2), 0, 'an ended operation has no slice') from o where o.name = 'pause';
select is_empty('select 1 from stepbase_engine.selected_runs', 'the ids are deleted at the end');
select is(
  (select count(*) from stepbase.audit_log a where a.table_name = 'run_operations' and a.row_id = o.id::text and a.operation = 'update'),
  1::bigint, 'of the progress, the audit log has the end'
) from o where o.name = 'pause';

-- The runs that an operation changed, to take it back.
create function pg_temp.effects(p_name text, p_filter text default '{}') returns text language sql as $$
  select string_agg(coalesce(r.name, 'new'), ' ' order by r.name)
  from o
  cross join jsonb_array_elements(tests.perform_as('viewer', format(
    'select stepbase.search_runs(%L)', p_filter::jsonb || jsonb_build_object('operation', o.id)
  ))::jsonb -> 'items') i
  left join r on r.id = (i ->> 'id')::uuid
  where o.name = p_name
$$;
select is(pg_temp.effects('pause'), 'a b', 'a filter selects the runs that an operation changed');
select is(
  pg_temp.effects('pause', format('{"id": %s}', to_json(r.id))), 'a', 'beside other conditions, such as ids'
) from r where r.name = 'a';
select is(
  tests.attempt('foreigner', format('select stepbase.search_runs(%L)', jsonb_build_object('operation', o.id))), 'SB404',
  'an operation of another application selects no runs'
) from o where o.name = 'pause';
select is(
  pg_temp.preview('resume', jsonb_build_object('operation', o.id)::text) ->> 'count', '2',
  'an operation takes another one back'
) from o where o.name = 'pause';

-- A signal to many runs.
insert into o select 'signal', pg_temp.start_op(
  'signal', '{"workflow": "w-00d101"}', $$, signal => '{"name": "go", "payload": {"by": "hand"}}'$$
);
update stepbase.app_quotas set max_pending_signals = 1 where app_code = 'tap-one';
select stepbase_engine.accept_signal(x, 'other', '{}') from stepbase.runs x join r on r.id = x.id where r.name = 'b';
select stepbase_engine.advance_operation(o.id) from o where o.name = 'signal';
select is(
  pg_temp.row_of(id), 'completed 3 2 1 0 limit_reached', 'a run that has no room for a signal does not delay the others'
) from o where name = 'signal';
select is(
  (
    select string_agg(r.name || ' ' || g.payload::text, ', ' order by r.name)
    from stepbase.run_signals g join r on r.id = g.run_id where g.signal_name = 'go'
  ),
  'a {"by": "hand"}, d {"by": "hand"}', 'each run gets the signal with its payload'
);
select is(
  (select count(distinct g.sent_by) from stepbase.run_signals g where g.signal_name = 'go'), 1::bigint,
  'from the person who started the operation'
);

-- More runs than previewed, and a failure.
create temporary table q as
select pg_temp.preview('cancel', '{"workflow": "w-00d101", "status": ["pending", "running"]}') ->> 'preview' as token;
update stepbase.runs set status = 'pending', paused_at = null where id = (select r.id from r where r.name = 'a');
select is(
  pg_temp.refusal('cancel', '{"workflow": "w-00d101", "status": ["pending", "running"]}', q.token), 'SB409',
  'a start is refused if more runs match than the preview counted'
) from q;
insert into o select 'cancel', pg_temp.start_op('cancel', '{"workflow": "w-00d101"}', $$, 'wrong price'$$);
-- The run compensates and will fail, so it cannot be cancelled.
update stepbase.runs r set status = 'running', started_at = now(), paused_at = null
where r.id = (select x.id from r x where x.name = 'b');
update stepbase.runs r set pending_outcome = '{"status": "failed", "error": {"code": "x", "message": "x"}}'
where r.id = (select x.id from r x where x.name = 'b');
select stepbase_engine.advance_operation(o.id) from o where o.name = 'cancel';
select is(pg_temp.row_of(id), 'completed 3 2 1 0 conflict', 'a run that refuses the action is counted, and the others go on') from o where name = 'cancel';
select is(
  (
    select r.name || ' ' || x.code
    from stepbase.run_operation_failures x join r on r.id = x.run_id
    where x.operation_id = o.id
  ),
  'b conflict', 'the failure of a run is recorded'
) from o where o.name = 'cancel';
select is(
  (select x.error ->> 'message' from stepbase.runs x join r on r.id = x.id where r.name = 'd'), 'wrong price',
  'the reason is the error of a cancelled run'
);

-- Redrive, rerun, a full limit.
insert into o select 'redrive', pg_temp.start_op('redrive', '{}');
select stepbase_engine.advance_operation(o.id) from o where o.name = 'redrive';
select is(pg_temp.row_of(id), 'completed 1 1 0 0', 'a dead letter is redriven') from o where name = 'redrive';
select is(pg_temp.effects('redrive'), 'new', 'a filter selects the runs that a redrive started');
select is(pg_temp.preview('redrive', '{}') ->> 'count', '0', 'a redriven run does not count again');
select is(pg_temp.preview('redrive', '{}', ', true') ->> 'count', '1', 'with force it does');
insert into o select 'rerun', pg_temp.start_op('rerun', '{"workflow": "w-00d101"}');
update stepbase.app_quotas set max_open_runs = 1 where app_code = 'tap-one';
select stepbase_engine.advance_operation(o.id) from o where o.name = 'rerun';
select is(pg_temp.row_of(id), 'running 3 0 0 0 limit_reached', 'runs wait for room under a limit') from o where name = 'rerun';
select ok(
  not stepbase_engine.has_due_operations() and stepbase_engine.next_operation_at() > stepbase_engine.now(),
  'an operation that waits is not due, and the worker knows when it is'
);
update stepbase.app_quotas set max_open_runs = 1000 where app_code = 'tap-one';
select stepbase_engine.advance_operation(o.id, 1) from o where o.name = 'rerun';
select stepbase_engine.fail_operation_run(o.id, n.place, 'slow')
from o cross join (values (0), (1)) n (place) where o.name = 'rerun';
select is(pg_temp.row_of(id), 'running 3 1 1 0 engine_timeout', 'a run that takes too long is failed once, at its place') from o where name = 'rerun';

-- Stopping, limits, retention.
select is(tests.attempt('developer', format('select stepbase.stop_operation(%L)', o.id)), 'ok 1', 'a member stops it') from o where o.name = 'rerun';
select tests.perform_as('developer', format('select (stepbase.stop_operation(%L)).status', o.id)) from o where o.name = 'rerun';
select is(stepbase_engine.advance_operation(o.id), 0, 'a stopped operation acts on no further run') from o where o.name = 'rerun';
select is(
  tests.perform_as('developer', format('select (stepbase.stop_operation(%L)).status', o.id)), 'completed', 'a completed one stays as it is'
)
from o where o.name = 'cancel';
insert into stepbase.run_operations (app_code, action, filter, previewed_at, total)
select 'tap-one', 'pause', '{}', now(), 1 from generate_series(1, 5);
select is(
  pg_temp.refusal('redrive', '{}', pg_temp.preview('redrive', '{}') ->> 'preview'), 'SB429', 'an application has at most 5 running operations'
);
create function pg_temp.quota_of(p_action text, p_filter text) returns jsonb language sql as $$
  select tests.detail_of('developer', format(
    'select stepbase.start_operation(%L, %L, %L)', p_action, p_filter, pg_temp.preview(p_action, p_filter) ->> 'preview'
  )) - 'code'
$$;
select is(pg_temp.quota_of('redrive', '{}'), '{"quota": "max_running_operations", "limit": 5}', 'the error names the quota');
update stepbase.app_quotas set max_running_operations = 6, max_operation_runs = 2 where app_code = 'tap-one';
select is(
  pg_temp.quota_of('rerun', '{"workflow": "w-00d101"}'), '{"quota": "max_operation_runs", "limit": 2}',
  'an operation has at most as many runs as the quota allows'
);
select is(
  pg_temp.preview('rerun', '{"workflow": "w-00d101"}') - '{action,by_status,sample,preview,expires_at}'::text[],
  '{"count": 2, "is_complete": false, "excluded": {}}', 'a preview counts up to the quota'
);
-- A run that another one continues on a version is not rerun: its work would happen twice.
update stepbase.app_quotas set max_operation_runs = 10000 where app_code = 'tap-one';
select is(pg_temp.preview('rerun', '{"workflow": "w-00d101"}') ->> 'count', '3', 'three runs have ended');
update stepbase.runs r set error = '{"code": "continued_on_version", "message": "Another run continues it on version 2"}'
where r.id = (select x.id from r x where x.name = 'd');
select is(
  pg_temp.preview('rerun', '{"workflow": "w-00d101"}') - '{action,by_status,sample,preview,expires_at}'::text[],
  '{"count": 2, "is_complete": true, "excluded": {"continued_on_version": 1}}',
  'a run that continues on another version is left out, and the preview says why'
);
select is((select count(*) from stepbase_engine.due_operations()), 1::bigint, 'one operation of an application is due at a time');
-- A rate.
insert into o select 'paced', pg_temp.start_op('rerun', '{"workflow": "w-00d101"}', ', max_per_minute => 10');
select is(stepbase_engine.advance_operation(o.id), 1, 'with a rate, a slice is the share of six seconds') from o where o.name = 'paced';
select is(
  (
    select round(extract(epoch from x.next_slice_at - stepbase_engine.now()))
    from stepbase.run_operations x where x.id = o.id
  ), 6::numeric, 'and the next one waits for its turn'
) from o where o.name = 'paced';
select stepbase_engine.advance_operation(o.id) from o where o.name = 'paced';
select is(
  (select concat_ws(' ', x.status, x.next_slice_at) from stepbase.run_operations x where x.id = o.id), 'completed', 'an ended one does not wait'
) from o where o.name = 'paced';
select throws_ok(
  $$insert into stepbase.run_operations (app_code, action, filter, previewed_at, total, done)
    values ('tap-one', 'pause', '{}', now(), 1, 2)$$,
  '23514', null, 'no run is counted twice'
);

select is(
  tests.perform_as(p.person, $$select stepbase_private.may_receive('stepbase:app:tap-one:operations')$$)::boolean, p.may, p.what
)
from (
  values
    ('viewer', true, 'members with run:read receive the messages'), ('sister', false, 'other applications do not')
) p (person, may, what);

select * from finish();
rollback;
