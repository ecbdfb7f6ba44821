-- Work queues: each has a generated signal and query; items are popped once, in order and within limits.

begin;
set local search_path = public, extensions;
select plan(28);
select tests.create_rows();

select is(
  tests.perform_as('developer', $$with q as (insert into stepbase.work_queues (workflow_id, queue_name, max_size,
    deduplicate, work_item_schema)
    values ('00000000-0000-4000-8000-00000000d001', 'parcels', 2, true,
      '{"type": "object", "required": ["id"]}') returning id)
    select id from q$$) is not null, true, 'a developer can create a queue'
);
create temporary table queue as select q.id from stepbase.work_queues q where q.queue_name = 'parcels' and q.app_code = 'tap-one';
select is(
  (select s.signal_name || ' ' || s.auto_generated from stepbase.workflow_signals s join queue q
    on q.id = s.work_queue_id),
  'parcels_push true', 'a queue has a generated signal'
);
select is(
  (
    select s.query_name || ' ' || s.auto_generated
    from stepbase.workflow_queries s join queue q on q.id = s.work_queue_id
  ),
  'parcels_state true', 'a queue has a generated query'
);
select is((select q.app_code from stepbase.work_queues q join queue x on x.id = q.id), 'tap-one', 'app_code of a queue defaults to that of the caller');

select isnt(stepbase_engine.push_work_item((select id from queue), '{"id": 1}'), null, 'an item can be pushed');
select is(
  stepbase_engine.push_work_item((select id from queue), '{"id": 1}'),
  (select i.id from stepbase.work_queue_items i join queue q on q.id = i.work_queue_id), 'pushing an equal item returns the first one'
);
select is(
  tests.attempt('owner', format('select stepbase_engine.push_work_item(%L, ''{}'')', (select id from queue))), 'SB422', 'an item that does not match the schema is refused'
);
select stepbase_engine.push_work_item((select id from queue), '{"id": 2}');
select is(
  tests.attempt('owner', format('select stepbase_engine.push_work_item(%L, ''{"id": 3}'')', (select id from queue))), 'SB429', 'a full queue raises SB429'
);
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 1}', 'a fifo queue returns the first item');
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 2}', 'a fifo queue then returns the second item');
select is((stepbase_engine.pop_work_item((select id from queue))).id, null, 'an empty queue returns no item');
select lives_ok(
  format('select stepbase_engine.finish_work_item(i.id, true) from stepbase.work_queue_items i where i.work_queue_id = %L', (select id from queue)),
  'taken items can be finished'
);
select is(
  (select string_agg(distinct i.status, ' ') from stepbase.work_queue_items i join queue q
    on q.id = i.work_queue_id), 'done', 'finished items are done'
);

update stepbase.work_queues set ordering = 'lifo', max_size = null where queue_name = 'parcels';
select stepbase_engine.push_work_item((select id from queue), '{"id": 4}');
select stepbase_engine.push_work_item((select id from queue), '{"id": 5}');
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 5}', 'a lifo queue returns the last item');
update stepbase.work_queues set ordering = 'priority' where queue_name = 'parcels';
select stepbase_engine.push_work_item((select id from queue), '{"id": 6}', 9);
select stepbase_engine.push_work_item((select id from queue), '{"id": 7}', 1);
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 6}', 'a priority queue returns the highest priority first');
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 7}', 'a priority queue then returns the next priority');
select is((stepbase_engine.pop_work_item((select id from queue))).item, '{"id": 4}', 'a priority queue returns an item without a priority last');
select is(
  tests.attempt('admin', format('select stepbase_engine.pop_work_item(%L)', (select id from queue))), '42501', 'clients cannot pop items'
);
select is(
  tests.attempt('developer', $$update stepbase.work_queues set queue_name = 'x' where queue_name = 'parcels'$$), '42501', 'the name of a queue cannot change'
);
-- A signal that a step repeats pushes no second item and writes no second event.
create function pg_temp.signal(key text)
returns text
language sql
as $$
  select tests.attempt('owner', format(
    $q$select stepbase_engine.accept_signal(r, 'parcels_push', '{"id": 8}', null, %L) from stepbase.runs r
      where r.id = '00000000-0000-4000-8000-00000000d020'$q$, key))
$$;
create function pg_temp.sent()
returns text
language sql
as $$
  select (select count(*) from stepbase.run_events e
    where e.run_id = '00000000-0000-4000-8000-00000000d020' and e.event_type = 'signal.sent')
    || ' sent, ' || (select count(*) from stepbase.work_queue_items i where i.item = '{"id": 8}') || ' pushed'
$$;
update stepbase.runs set status = 'running', started_at = now(), open_steps = 1
where id = '00000000-0000-4000-8000-00000000d020';
select stepbase_engine.accept_signal(r, 'parcels_push', '{"id": 8}', null, k.key)
from stepbase.runs r
cross join unnest(array['run:step:0', 'run:step:0']) k (key)
where r.id = '00000000-0000-4000-8000-00000000d020';
select is(pg_temp.sent(), '1 sent, 1 pushed', 'a repeated signal pushes one item');
-- The signal of a queue of another workflow would push nothing.
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d109');
insert into stepbase.work_queues (app_code, workflow_id, queue_name)
values ('tap-one', '00000000-0000-4000-8000-00000000d109', 'crates');
select is(
  tests.attempt('developer', format($q$select stepbase.send_signal('00000000-0000-4000-8000-00000000d020', %L)$q$, s.name)),
  s.expected, s.about
)
from (values
  ('crates_push', 'SB404', 'a signal of a queue of another workflow is refused'),
  ('parcels_push', 'SB422', 'a signal of a queue of its own workflow reaches the queue')
) s (name, expected, about);
select is(
  tests.detail_of('developer', $q$select stepbase.send_signal('00000000-0000-4000-8000-00000000d020', 'crates_push')$q$)
  ->> 'workflow', 'w-00d109', 'the error names the workflow of the queue'
);
select is(pg_temp.sent(), '1 sent, 1 pushed', 'a refused signal changes nothing');
update stepbase.runs set status = 'failed', completed_at = now() where id = '00000000-0000-4000-8000-00000000d020';
select is(pg_temp.signal('run:step:0'), 'ok 1', 'a repeated signal is accepted after the run has ended');
select is(pg_temp.signal('run:step:1'), 'SB409', 'a new signal to an ended run is refused');
select is(pg_temp.signal(null), 'SB409', 'a signal without a key to an ended run is refused');

delete from stepbase.work_queues where id = (select id from queue);
select is_empty($$select 1 from stepbase.workflow_signals where signal_name = 'parcels_push' and app_code = 'tap-one'$$, 'deleting the queue deletes its signal');

select * from finish();
rollback;
