-- Runs in Temporal: which runs they are, what the bridge takes, how a history becomes rows and events, and what the
-- database sends to the workflow.

begin;
set local search_path = public, extensions;
select plan(64);
select tests.create_rows();
delete from stepbase.incident_switches where true;
delete from stepbase.workflow_flow_controls where app_code = 'tap-one';
delete from stepbase.workflow_compilations where true;
delete from stepbase.temporal_runs where true;

create temporary table made (name text primary key, id uuid);
-- A workflow of these nodes and edges ('a>b', 'a>b:handle'), compiled, whose runs execute in Temporal.
create function pg_temp.publish(p_name text, p_nodes jsonb, p_edges text[], p_is_compiled boolean default true)
returns uuid
language plpgsql
as $$
declare
  v_workflow uuid := gen_random_uuid();
  v_version uuid := gen_random_uuid();
begin
  insert into stepbase.workflows (id, app_code, kebab_name, name, execution_engine)
  values (v_workflow, 'tap-one', p_name, p_name, 'temporal');
  insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition)
  values (
    v_version, 'tap-one', v_workflow, 1,
    jsonb_build_object('nodes', p_nodes, 'edges', (
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'id', e, 'source', split_part(e, '>', 1), 'target', split_part(split_part(e, '>', 2), ':', 1),
        'sourceHandle', nullif(split_part(e, ':', 2), '')
      ))), '[]') from unnest(p_edges) e
    ))
  );
  update stepbase.workflow_versions v set status = 'published', published_at = now() where v.id = v_version;
  update stepbase.workflows w set status = 'published', published_version_id = v_version where w.id = v_workflow;
  if p_is_compiled then
    insert into stepbase.workflow_compilations (
      app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
      temporal_workflow_type
    ) values ('tap-one', v_version, '', '', '', '', '', p_name || 'V1');
  end if;
  return v_version;
end;
$$;
create function pg_temp.step(p_id text, p_type text, p_config jsonb, p_more jsonb default '{}')
returns jsonb
language sql
as $$ select jsonb_build_object('id', p_id, 'type', p_type, 'data', jsonb_build_object('config', p_config) || p_more) $$;
create function pg_temp.value(p_id text, p_more jsonb default '{}')
returns jsonb
language sql
as $$ select pg_temp.step(p_id, 'transform', '{"expression": "1"}', p_more) $$;
create function pg_temp.start(p_name text, p_workflow text, p_input jsonb default '{}')
returns void
language sql
as $$
  insert into made
  select p_name, r.id from stepbase.workflows w
  cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, p_input) r
  where w.kebab_name = p_workflow
$$;
create function pg_temp.id(p_name text) returns uuid language sql as $$
  select m.id from made m where m.name = p_name
$$;
create function pg_temp.run(p_name text) returns stepbase.runs language sql as $$
  select r.* from stepbase.runs r where r.id = pg_temp.id(p_name)
$$;
create function pg_temp.take() returns text language sql as $$
  select string_agg(t.kind, ' ' order by t.id) from stepbase_engine.take_temporal_commands('t-{app}') t
$$;
-- The commands of a run that wait, without their ids.
create function pg_temp.commands_of(p_name text) returns jsonb language sql as $$
  select jsonb_agg(jsonb_build_object('kind', c.kind) || c.payload order by c.id)
  from stepbase_engine.temporal_commands c where c.run_id = pg_temp.id(p_name)
$$;
create function pg_temp.confirm() returns void language sql as $$
  select stepbase_engine.confirm_temporal_commands(array(select c.id from stepbase_engine.temporal_commands c))
$$;
-- Mirrors the next entries of a run; the event ids grow by one for each call.
create function pg_temp.mirror(p_name text, variadic p_entries jsonb[]) returns boolean language sql as $$
  select m.is_applied
  from stepbase.temporal_runs t
  cross join lateral stepbase_engine.mirror_temporal(
    t.run_id, 'exec-1', t.last_event_id, t.last_event_id + 1, to_jsonb(p_entries)
  ) m
  where t.run_id = pg_temp.id(p_name)
$$;
create function pg_temp.entry(p_kind text, p_node text, p_more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object('kind', p_kind, 'node', p_node, 'item', 0, 'attempt', 1) || p_more
$$;
-- 'first=completed second=ready', with item and attempt where they are not 0 and 1.
create function pg_temp.steps(p_name text) returns text language sql as $$
  select string_agg(
    s.step_id || case when s.item_index <> 0 then '/' || s.item_index else '' end
    || case when s.attempt > 1 then '.' || s.attempt else '' end || '=' || s.status,
    ' ' order by s.step_id, s.item_index, s.attempt
  )
  from stepbase.step_runs s where s.run_id = pg_temp.id(p_name)
$$;
create function pg_temp.events(p_name text) returns text language sql as $$
  select string_agg(e.event_type || coalesce(':' || e.step_id, ''), ' ' order by e.seq)
  from stepbase.run_events e where e.run_id = pg_temp.id(p_name)
$$;

-- The choice of the engine.
select is(stepbase_engine.engine_of('tap-one', null, null), null, 'without a choice the workers of Stepbase execute a run');
update stepbase.task_queues q set execution_engine = 'temporal' where q.id = tests.sample_id('task_queue');
select is(
  stepbase_engine.engine_of('tap-one', null, tests.sample_id('task_queue')), 'temporal', 'a workflow has the engine of its task queue'
);
select is(
  stepbase_engine.engine_of('tap-one', 'postgres', tests.sample_id('task_queue')), null, 'a workflow can choose another one'
);
update stepbase.task_queues q set execution_engine = 'temporal' where q.app_code = 'tap-one' and q.name = 'default';
select is(
  stepbase_engine.engine_of('tap-one', null, null), 'temporal', 'the queue default is that of workflows without a task queue'
);
update stepbase.task_queues q set execution_engine = 'postgres' where q.app_code = 'tap-one';

-- A chain: value, approval, value.
select pg_temp.publish(
  'chain', jsonb_build_array(pg_temp.value('a'), pg_temp.step('ask', 'wait_for_approval', '{"title": "Go?"}'), pg_temp.value('z')),
  '{a>ask,ask>z:approved}'
);
select pg_temp.start('chain', 'chain', '{"n": 1}');
select is((pg_temp.run('chain')).execution_engine, 'temporal', 'the run has the engine of its workflow');
select is(
  (select count(*) from stepbase_queue.job j where j.data ->> 'run_id' = pg_temp.id('chain')::text), 0::bigint,
  'a run in Temporal has no job in the queue'
);
select is((pg_temp.run('chain')).status, 'pending', 'it waits for the bridge');
select is(
  stepbase_engine.explain_run(pg_temp.id('chain')) #>> '{run,code}', 'no_bridge', 'explain_run says that no bridge is alive'
);
select stepbase_engine.report_bridge('{"bridge_id": "b", "address": "x", "version": "1"}');
select is(
  stepbase_engine.explain_run(pg_temp.id('chain')) #>> '{run,code}', 'temporal_start', 'with a bridge the start is its next work'
);
create temporary table taken as select * from stepbase_engine.take_temporal_commands('t-{app}');
select results_eq(
  'select kind, namespace, task_queue from taken', $$values ('start', 't-tap-one', 'stepbase-tap-one-chainV1')$$,
  'the bridge takes the start, with namespace and task queue'
);
select is((select t.payload ->> 'workflow_type' from taken t), 'chainV1', 'it names the compiled workflow');
select is((select t.payload #> '{args,input}' from taken t), '{"n": 1}', 'and has the input');
select is((select t.payload #>> '{args,run,id}' from taken t), pg_temp.id('chain')::text, 'and the run');
select is((pg_temp.run('chain')).status, 'running', 'the take starts the run');
select is(pg_temp.steps('chain'), 'a=ready', 'its first step is ready');
select is(pg_temp.take(), null, 'a leased command is not taken again');
select is((select count(*) from stepbase_engine.open_temporal_runs()), 0::bigint, 'a run whose start is not confirmed is not followed');
update stepbase_engine.temporal_commands c set leased_until = now() where true;
select is(pg_temp.take(), 'start', 'but after its lease: the bridge may have crashed');
select pg_temp.confirm();
select is((select count(*) from stepbase_engine.open_temporal_runs()), 1::bigint, 'then the bridge follows the run');

select is(
  stepbase_engine.explain_run(pg_temp.id('chain')) #>> '{steps,0,code}', 'temporal_queued', 'a ready step waits for Temporal'
);
select ok(pg_temp.mirror('chain', pg_temp.entry('completed', 'a', '{"output": 7}')), 'a batch is applied');
select is(pg_temp.steps('chain'), 'a=completed ask=ready', 'the engine follows the edges');
select is(
  (select m.is_applied from stepbase_engine.mirror_temporal(
    pg_temp.id('chain'), 'exec-1', 0, 1, jsonb_build_array(pg_temp.entry('completed', 'a', '{"output": 8}'))
  ) m), false, 'the same events again are refused'
);
select is(
  (select m.last_event_id from stepbase_engine.mirror_temporal(pg_temp.id('chain'), 'exec-2', 1, 2, '[]') m), 1::bigint,
  'so are those of another execution; the answer names the position'
);
select ok(
  pg_temp.mirror('chain', pg_temp.entry('waiting', 'ask', '{"wait": {"kind": "task", "task": {"title": "Go?"}}}')),
  'the wait of an approval is applied'
);
select is(pg_temp.steps('chain'), 'a=completed ask=waiting', 'it waits for a person');
select is(pg_temp.commands_of('chain'), null, 'and sends the workflow no command');
select tests.perform_as('developer', format(
  'select (stepbase.decide_approval(%L, true)).id', (
    select s.id from stepbase.step_runs s where s.run_id = pg_temp.id('chain') and s.step_id = 'ask'
  )
));
select is(pg_temp.steps('chain'), 'a=completed ask=completed z=ready', 'the decision counts at once');
select is(
  pg_temp.commands_of('chain') #- '{0,output}', '[{"kind": "resolve", "node": "ask", "item": 0, "attempt": 1, "handle": "approved"}]',
  'and is sent to the workflow'
);
select is(pg_temp.commands_of('chain') #> '{0,output,approved}', 'true', 'with its output');
select is(pg_temp.take(), 'resolve', 'the bridge takes it');
select is(
  (select count(*) from stepbase_engine.enter_activity(pg_temp.id('chain'), 'z', 0, 2)), 0::bigint,
  'an activity whose attempt has no row yet asks again'
);
select is(
  (select w.fence from stepbase_engine.enter_activity(pg_temp.id('chain'), 'z', 0, 1) w), 1,
  'one whose attempt is ready enters it, before the bridge has seen it'
);
select ok(pg_temp.mirror('chain', pg_temp.entry('entered', 'z')), 'an activity is scheduled');
select is(pg_temp.steps('chain'), 'a=completed ask=completed z=running', 'its step is running');
select ok(pg_temp.mirror('chain', pg_temp.entry('completed', 'z', '{"output": "end"}')), 'and completes');
select is((pg_temp.run('chain')).status, 'completed', 'the last step completes the run');
select is((pg_temp.run('chain')).output, '{"z": "end"}', 'with the output of its end nodes');
select is(
  pg_temp.events('chain'),
  'run.created run.started step.ready:a step.completed:a step.ready:ask step.started:ask task.created:ask task.completed:ask '
  'step.ready:z step.started:z step.completed:z run.completed',
  'the events are those of every run'
);
select is(
  (select w.fence from stepbase_engine.enter_activity(pg_temp.id('chain'), 'z', 0, 1) w), 0,
  'an activity learns that its run has ended'
);
select ok(pg_temp.mirror('chain', '{"kind": "closed", "code": "engine_closed", "message": "x"}'), 'the workflow closes');
select results_eq(
  format('select c.execution_count, c.temporal_workflow_id, c.avg_execution_duration_ms::bigint, c.last_executed_at
    from stepbase.workflow_compilations c
    join stepbase.temporal_runs t on t.compilation_id = c.id where t.run_id = %L', pg_temp.id('chain')),
  format(
    'select 1::bigint, r.id::text, r.duration_ms::bigint, r.completed_at from stepbase.runs r where r.id = %L',
    pg_temp.id('chain')
  ), 'the compilation counts the execution'
);
select is((select count(*) from stepbase_engine.open_temporal_runs()), 0::bigint, 'a closed workflow is not followed');

-- A retry, and a failure that the workflow decides; a delay has no timer in the database.
select pg_temp.confirm();
select pg_temp.publish(
  'retry', jsonb_build_array(
    pg_temp.value('a', '{"retry": {"max_attempts": 2, "delay_ms": 1000}, "compensate": null}'),
    pg_temp.step('d', 'delay', '{"ms": 60000}')
  ), '{a>d}'
);
select pg_temp.start('retry', 'retry');
select pg_temp.take();
select pg_temp.mirror(
  'retry', pg_temp.entry('failed', 'a', '{"error": {"code": "x", "message": "y"}, "retry_at": "2100-01-01T00:00:00Z"}')
);
select is(pg_temp.steps('retry'), 'a=failed a.2=waiting', 'a failure with retry_at has another attempt');
select results_eq(
  format($$select s.wake_at, s.deadline_at from stepbase.step_runs s where s.run_id = %L and s.attempt = 2$$, pg_temp.id('retry')),
  $$values (null::timestamptz, '2100-01-01T00:00:00Z'::timestamptz)$$, 'whose timer is in Temporal'
);
select pg_temp.mirror('retry', pg_temp.entry('entered', 'a', '{"attempt": 2}'));
select is(pg_temp.steps('retry'), 'a=failed a.2=running', 'it starts by its activity');
select pg_temp.mirror(
  'retry', pg_temp.entry('completed', 'a', '{"attempt": 2, "output": 1}'),
  pg_temp.entry('waiting', 'd', '{"wait": {"kind": "delay", "wake_at": "2100-01-01T00:00:00Z"}}')
);
select is(pg_temp.steps('retry'), 'a=failed a.2=completed d=waiting', 'a delay waits');
select tests.perform_as('developer', format('select (stepbase.pause_run(%L)).id', pg_temp.id('retry')));
select tests.perform_as('developer', format('select (stepbase.resume_run(%L)).id', pg_temp.id('retry')));
select is(pg_temp.commands_of('retry') #>> '{1,kind}', 'pause', 'a pause is sent');
select is(pg_temp.commands_of('retry') #>> '{2,kind}', 'resume', 'and so is its end');
select is(
  (select s.wake_at from stepbase.step_runs s where s.run_id = pg_temp.id('retry') and s.step_id = 'd'), null,
  'the delay still has no timer in the database'
);
select pg_temp.mirror('retry', pg_temp.entry('completed', 'd', '{"output": {}}'));
select is((pg_temp.run('retry')).status, 'completed', 'the workflow ends the delay');

-- A cancellation, with a compensation that the workflow executes.
select pg_temp.publish(
  'undo', jsonb_build_array(
    pg_temp.value('a', '{"compensate": {"type": "transform", "config": {"expression": "0"}}}'), pg_temp.value('b')
  ), '{a>b}'
);
select pg_temp.start('undo', 'undo');
select pg_temp.take();
select pg_temp.confirm();
select pg_temp.mirror('undo', pg_temp.entry('completed', 'a', '{"output": 1}'), pg_temp.entry('entered', 'b'));
select tests.perform_as('developer', format('select (stepbase.cancel_run(%L, ''stop'')).id', pg_temp.id('undo')));
select is(pg_temp.commands_of('undo') #>> '{0,kind}', 'end', 'a cancellation ends the workflow');
select is(pg_temp.commands_of('undo') #> '{0,compensate}', 'true', 'which compensates');
select is(pg_temp.steps('undo'), 'a/-1=ready a=completed b=cancelled', 'the compensation is ready');
select pg_temp.mirror('undo', pg_temp.entry('completed', 'b', '{"output": 2}'));
select is(pg_temp.steps('undo'), 'a/-1=ready a=completed b=cancelled', 'a result after the cancellation changes nothing');
select pg_temp.mirror('undo', pg_temp.entry('completed', 'a', '{"item": -1, "output": 0}'));
select is((pg_temp.run('undo')).status, 'cancelled', 'the run ends after its compensation');

-- A list, a failure on an error edge, and a workflow that is terminated in Temporal.
select pg_temp.publish(
  'list', jsonb_build_array(
    pg_temp.step('each', 'for_each', '{"items": "{{ [1,2,3] }}", "concurrency": 2, "step": {"type": "transform", "config": {"expression": "item"}}}'),
    pg_temp.value('f'), pg_temp.value('g')
  ), '{each>f,f>g:error}'
);
select pg_temp.start('list', 'list');
select pg_temp.take();
select pg_temp.mirror('list', pg_temp.entry('waiting', 'each', '{"wait": {"kind": "items", "items": [1, 2, 3], "concurrency": 2}}'));
select is(
  pg_temp.steps('list'), 'each=waiting each/1=ready each/2=ready each/3=pending', 'a list starts as many items as it may'
);
select pg_temp.mirror(
  'list', pg_temp.entry('completed', 'each', '{"item": 2, "output": 20}'), pg_temp.entry('completed', 'each', '{"item": 1, "output": 10}'),
  pg_temp.entry('completed', 'each', '{"item": 3, "output": 30}')
);
select is(
  (select s.output from stepbase.step_runs s where s.run_id = pg_temp.id('list') and s.step_id = 'each' and s.item_index = 0),
  '[10, 20, 30]', 'its last item completes it'
);
select pg_temp.mirror('list', pg_temp.entry('entered', 'g'), pg_temp.entry('failed', 'f', '{"error": {"code": "x", "message": "y"}}'));
select is(
  (select string_agg(s.step_id || '=' || s.status, ' ' order by s.step_id) from stepbase.step_runs s
   where s.run_id = pg_temp.id('list') and s.step_id in ('f', 'g')),
  'f=failed g=running', 'an activity that comes before the record of its predecessor is applied after it'
);
select pg_temp.mirror('list', '{"kind": "closed", "code": "engine_closed", "message": "terminated"}');
select is((pg_temp.run('list')).error ->> 'code', 'engine_closed', 'a workflow that closes too early fails its run');

-- A version that is not compiled waits; a paused start is dropped and comes again.
select pg_temp.publish('bare', jsonb_build_array(pg_temp.value('a')), '{}', false);
select pg_temp.start('bare', 'bare');
select is(pg_temp.take(), null, 'a version that is not compiled does not start');
select is(
  stepbase_engine.explain_run(pg_temp.id('bare')) #>> '{run,code}', 'not_compiled', 'explain_run says why'
);
select is(
  tests.attempt('viewer', format('select 1 from stepbase.temporal_runs where run_id = %L', pg_temp.id('chain'))), 'ok 1',
  'members read where their runs execute'
);

-- One application with many commands does not delay another.
select pg_temp.confirm();
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d201');
insert into made
select 'other', r.id from stepbase.workflows w
cross join lateral stepbase_engine.start_run(w.app_code, w.published_version_id, '{}') r
where w.id = '00000000-0000-4000-8000-00000000d201';
insert into stepbase.temporal_runs (run_id, app_code, namespace, task_queue)
select r.id, r.app_code, 'n', 'q' from stepbase.runs r where r.id in (pg_temp.id('other'), pg_temp.id('retry'))
on conflict do nothing;
update stepbase.temporal_runs t set closed_at = null where t.run_id in (pg_temp.id('other'), pg_temp.id('retry'));
select stepbase_engine.tell_temporal(pg_temp.id('retry'), 'pause') from generate_series(1, 10);
select stepbase_engine.tell_temporal(pg_temp.id('other'), 'pause');
select results_eq(
  $$select t.app_code, count(*) from stepbase_engine.take_temporal_commands('t-{app}', 4) t group by 1 order by 1$$,
  $$values ('tap-one', 2::bigint), ('tap-two', 1::bigint)$$, 'each application has its share of the commands that are taken'
);

select * from finish();
rollback;
