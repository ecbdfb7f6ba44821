-- Agents: what publishing refuses, turns under a lease, tools side by side, approvals, failures, deadlines, pauses and
-- ends.

begin;
set local search_path = public, extensions;
select plan(66);
select tests.create_rows();

update stepbase.components set retry_count = 1, input_schema = '{"type": "object"}', description = 'Counts the stock'
where id = tests.sample_id('component');
insert into stepbase.components (app_code, name, implementation_type, agent_prompt_id, model_name, created_by)
values ('tap-one', 'helper', 'ai_agent_task', tests.sample_id('agent_prompt'), 'm', null);
insert into stepbase.components (app_code, name, implementation_type, endpoint, created_by)
values ('tap-one', 'remote', 'ai_agent_task', 'https://x.example', null);

create function pg_temp.save(name text, definition jsonb) returns void
language plpgsql as $$
begin
  perform tests.perform_as('developer', format('select stepbase.save_workflow(%L, %L)', save.name, save.definition));
  perform tests.perform_as('developer', format(
    'select stepbase.publish_workflow(v.id) from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id where w.kebab_name = %L',
    save.name
  ));
end;
$$;
create function pg_temp.agent(config jsonb, data jsonb default '{}') returns jsonb
language sql as $$
  select jsonb_build_object(
    'nodes', jsonb_build_array(
      jsonb_build_object('id', 'agent', 'type', 'ai_agent_task', 'data', data || jsonb_build_object(
        'config', '{"component": "helper"}'::jsonb || config
      )),
      '{"id": "after", "type": "transform", "data": {"config": {"expression": "1"}}}'::jsonb
    ),
    'edges', '[{"id": "e", "source": "agent", "target": "after"}]'::jsonb
  );
$$;
create function pg_temp.problems(definition jsonb) returns text
language sql as $$
  select coalesce(string_agg(p.code || ' ' || p.pointer, ', ' order by p.pointer, p.code), 'none')
  from stepbase_private.definition_problems(definition, 'tap-one') p;
$$;

select pg_temp.save('child', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}], "edges": []}');

-- Publishing.
select is(pg_temp.problems(pg_temp.agent(s.config::jsonb)), s.answer, s.what)
from (
  values
    ('a component and a workflow can be tools', '{"tools": [{"component": "component", "approval": true}, {"workflow": "child"}], "max_turns": 50, "max_cost": 1.5}', 'none'),
    ('an unknown component', '{"tools": [{"component": "nothing"}]}', 'unknown_tool /nodes/0/data/config/tools/0/component'),
    ('an unknown workflow', '{"tools": [{"component": "component"}, {"workflow": "nothing"}]}', 'unknown_tool /nodes/0/data/config/tools/1/workflow'),
    ('two tools of one name', '{"tools": [{"component": "component"}, {"workflow": "child", "name": "component"}]}', 'duplicate_tool /nodes/0/data/config/tools/1/name'),
    ('a name of its own makes a tool another one', '{"tools": [{"workflow": "child"}, {"workflow": "child", "name": "again"}]}', 'none'),
    ('a name that is known only when the step runs', '{"tools": [{"workflow": "{{ input.w }}"}]}', 'invalid_config /nodes/0/data/config/tools/0/workflow'),
    ('a tool that is known only when the step runs', '{"tools": ["{{ input.tool }}"]}', 'invalid_config /nodes/0/data/config/tools'),
    ('a name that models refuse', '{"tools": [{"workflow": "child", "name": "a b"}]}', 'invalid_config /nodes/0/data/config/tools/0/name'),
    ('neither a component nor a workflow', '{"tools": [{"name": "x"}]}', 'invalid_config /nodes/0/data/config/tools/0'),
    ('an agent with an endpoint', '{"component": "remote", "tools": [{"workflow": "child"}]}', 'tool_not_allowed /nodes/0/data/config/tools'),
    ('more turns than 50', '{"max_turns": 51}', 'invalid_config /nodes/0/data/config/max_turns'),
    ('an unknown role of an approval', '{"tools": [{"workflow": "child", "approval": {"role": "king"}}]}', 'invalid_config /nodes/0/data/config/tools/0/approval/role')
) s (what, config, answer);
select is(
  pg_temp.problems(pg_temp.agent('{}', '{"compensate": {"type": "ai_agent_task", "config": {"component": "helper", "tools": [{"workflow": "child"}]}}}')),
  'tool_not_allowed /nodes/0/data/compensate/config/tools', 'an agent that compensates has no tools'
);
select is(
  pg_temp.problems(
    '{"nodes": [{"id": "each", "type": "for_each", "data": {"config": {"items": [1], "step": {"type": "ai_agent_task", "config": {"component": "helper", "tools": [{"component": "nothing"}]}}}}}], "edges": []}'
  ),
  'unknown_tool /nodes/0/data/config/step/config/tools/0/component', 'the agent of a for_each is checked'
);
select is(stepbase_private.tool_name('{"component": "acme/stock.count"}'), 'stock_count', 'a name has the characters that models allow');

select pg_temp.save('agents', pg_temp.agent(
  '{"tools": [{"component": "component", "description": "x"}, {"workflow": "child", "approval": true}]}',
  '{"retry": {"max_attempts": 2, "delay_ms": 1000, "retry_on": ["timeout"]}}'
));
select is(
  (
    select jsonb_agg(jsonb_build_array(t -> 'name', t -> 'target', t -> 'description', t #> '{component,name}'))
    from stepbase.workflow_nodes n
    cross join jsonb_array_elements(stepbase_engine.tool_facts(n)) t
    where n.node_id = 'agent'
  ),
  '[["component", "component", "Counts the stock", "component"], ["child", "child", "", null]]',
  'the plan has the tools, and the component that the version was published with'
);
select is(
  (
    select jsonb_agg(t -> 'asks')
    from jsonb_array_elements(stepbase_engine.tool_facts(jsonb_populate_record(
      null::stepbase.workflow_nodes,
      '{"node_type": "ai_agent_task", "config": {"tools": [
        {"workflow": "w", "approval": "{{ input.a }}"}, {"workflow": "w", "approval": true}, {"workflow": "w"}]}}'
    ))) t
  ),
  '[true, null, null]', 'and which approvals are templates'
);
select is(
  (select count(*)::int from stepbase_engine.pinned_components p
    join stepbase.components c on c.id = p.component_id where c.name = 'component'),
  1, 'explain knows the component of a tool'
);
select is(
  (
    select string_agg(concat_ws(' ', x.part, x.reference, c.name), ', ' order by x.part)
    from stepbase.workflow_nodes n
    cross join stepbase_engine.node_components(n) x
    left join stepbase.components c on c.id = x.component_id
    where n.node_id = 'agent'
  ),
  'step helper helper, tool component component', 'as a component of its step'
);
insert into stepbase.components (app_code, name, version, implementation_type, endpoint, created_at, created_by)
values ('tap-one', 'component', '2.0.0', 'service_task', 'https://x.example', now() + interval '1 second', null);
select is(
  (
    select (stepbase_private.same_as_published(v)).id from stepbase.workflow_versions v
    join stepbase.workflows w on w.id = v.workflow_id where w.kebab_name = 'agents'
  ),
  null, 'a newer component of a tool is a reason to publish again'
);
delete from stepbase.components where name = 'component' and version = '2.0.0';

-- Runs.
create function pg_temp.start() returns uuid
language plpgsql as $$
declare
  made uuid;
begin
  perform tests.perform_as('developer', $q$select stepbase.start_run('agents', '{}')$q$);
  select r.id into made from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
  where w.kebab_name = 'agents' order by r.created_at desc, r.id desc limit 1;
  return made;
end;
$$;
-- The newest attempt of the agent (place 0) or of a tool.
create function pg_temp.at(run uuid, place int default 0) returns stepbase.step_runs
language sql as $$
  select s from stepbase.step_runs s
  where s.run_id = at.run and s.step_id = 'agent' and s.item_index = at.place
  order by s.attempt desc limit 1;
$$;
-- A worker fetches the token of a step, or the first token of a run, and claims it.
create function pg_temp.claim(run uuid, place int default 0) returns stepbase_engine.work
language plpgsql as $$
declare
  token record;
  work stepbase_engine.work;
begin
  update stepbase_queue.job j set state = 'active', started_on = now(), heartbeat_on = now()
  where j.name = 'steps' and j.data ->> 'run_id' = claim.run::text
    and j.id = coalesce((pg_temp.at(claim.run, claim.place)).job_id, j.id)
  returning j.id, j.retry_count into token;
  select w.* into work from stepbase_engine.claim(array[token.id], array[claim.run], array[token.retry_count]) w;
  return work;
end;
$$;
create function pg_temp.store(work stepbase_engine.work, turn int, calls jsonb) returns text
language plpgsql as $$
declare
  detail text;
begin
  perform stepbase_engine.store_agent_turn(work.step_run_id, work.fence, jsonb_build_object(
    'turn', store.turn, 'text', 'Hm.', 'provider', 'openai', 'model', 'm', 'usage', '{"total_tokens": 3}'::jsonb, 'cost', 0.5, 'calls', store.calls
  ));
  return 'stored';
exception when others then
  get stacked diagnostics detail = pg_exception_detail;
  return concat_ws(' ', sqlstate, case when detail ~ '^\{' then detail::jsonb ->> 'reason' end);
end;
$$;
create function pg_temp.waits(work stepbase_engine.work, more jsonb default '{}') returns void
language sql as $$
  select stepbase_engine.wait(
    array[work.run_id], array[work.step_run_id], array[work.fence], array['{}'::jsonb], array['{"kind": "tools"}'::jsonb || more]
  );
$$;
create function pg_temp.finish(work stepbase_engine.work, output jsonb) returns void
language sql as $$
  select stepbase_engine.complete(
    array[work.run_id], array[work.step_run_id], array[work.fence], array[null::jsonb], array[finish.output],
    array[null::text],
    array[null::jsonb], array[null::text], array[null::text], array[null::uuid]
  );
$$;
create function pg_temp.break(work stepbase_engine.work, code text, retryable boolean) returns void
language sql as $$
  select stepbase_engine.fail(
    array[work.run_id], array[work.step_run_id], array[work.fence], array[null::jsonb],
    array[jsonb_build_object('code', break.code, 'message', 'It broke', 'retryable', break.retryable)]
  );
$$;
create function pg_temp.calls(run uuid) returns text
language sql as $$
  select string_agg(
    concat_ws(' ', c.tool, c.status, c.approval_item_index, c.tool_item_index, c.output, c.error ->> 'code'), ', '
    order by c.turn, c.position
  )
  from stepbase.agent_tool_calls c where c.run_id = calls.run;
$$;
-- A call of the component, and one of the workflow that a person has to approve.
create function pg_temp.two() returns jsonb
language sql as $$
  select jsonb_build_array(
    jsonb_build_object(
      'id', 'c1', 'tool', 'component', 'input', '{"n": 1}'::jsonb, 'step_type', 'service_task', 'target', 'component',
      'component_id', tests.sample_id('component'), 'config', '{"component": "component", "input": {"n": 1}}'::jsonb
    ),
    jsonb_build_object(
      'id', 'c2', 'tool', 'child', 'input', '{}'::jsonb, 'step_type', 'child_workflow', 'target', 'child',
      'config', '{"workflow": "child", "input": {}}'::jsonb, 'approval', '{"title": "Approve?"}'::jsonb
    )
  );
$$;
create temporary table w (name text primary key, work stepbase_engine.work);
create function pg_temp.begin_agent(name text) returns void
language sql as $$ insert into w values (begin_agent.name, pg_temp.claim(pg_temp.start())); $$;
create function pg_temp.work(name text) returns stepbase_engine.work
language sql as $$ select x.work from w x where x.name = work.name; $$;
create function pg_temp.run(name text) returns uuid
language sql as $$ select (pg_temp.work(run.name)).run_id; $$;

-- A turn is stored under the lease.
select pg_temp.begin_agent('one');
select is(
  pg_temp.store(
    row(
      (pg_temp.work('one')).job_id, (pg_temp.work('one')).run_id, 'tap-one', null, (pg_temp.work('one')).step_run_id,
      'agent', 0, 1, 9
    ),
    1, '[]'
  ),
  'SB409 lease_lost', 'a worker that lost its lease stores no turn'
);
select is(pg_temp.store(pg_temp.work('one'), 1, pg_temp.two() || '[{"id": "c3", "tool": "none", "input": 1, "error": {"code": "unknown_tool", "message": "m"}}]'), 'stored', 'the worker stores a turn');
select is(pg_temp.store(pg_temp.work('one'), 1, '[]'), 'stored', 'a repeated call is no error');
select is(pg_temp.calls(pg_temp.run('one')), 'component pending, child pending, none failed unknown_tool', 'and changes nothing; a call with an error has ended');
select is(
  tests.attempt('owner', s.statement), s.answer, s.what
)
from (
  values
    ('a turn never changes', 'SB424', $$update stepbase.agent_turns set text = 'x'$$),
    ('turns count from 1 to 50', '23514', $$insert into stepbase.agent_turns (run_id, app_code, step_id, item_index, turn, step_run_id, text, provider, model) values ('00000000-0000-4000-8000-00000000d020', 'tap-one', 'a', 0, 51, gen_random_uuid(), '', 'p', 'm')$$),
    ('a failed call has an error', '23514', $$update stepbase.agent_tool_calls set status = 'failed', completed_at = now() where status = 'pending'$$),
    ('a call that has ended has a time', '23514', $$update stepbase.agent_tool_calls set status = 'completed' where status = 'pending'$$)
) s (what, answer, statement);

-- Tools run side by side; the agent waits without a token.
select pg_temp.waits(pg_temp.work('one'));
select is(pg_temp.calls(pg_temp.run('one')), 'component running -2, child approval -3, none failed unknown_tool', 'each tool is a step below -1; an approval comes first');
select is(
  (select string_agg(
      concat_ws(' ', s.item_index, s.step_type, s.status, s.job_id is not null), ', ' order by s.item_index desc
    )
    from stepbase.step_runs s where s.run_id = pg_temp.run('one')),
  '0 ai_agent_task waiting f, -2 service_task ready t, -3 wait_for_approval ready t', 'with tokens of their own, and the agent has none'
);
select is((pg_temp.at(pg_temp.run('one'), -2)).item -> 'config', '{"component": "component", "input": {"n": 1}}', 'a tool has the config of its call');
select is((select r.open_steps from stepbase.runs r where r.id = pg_temp.run('one')), 3, 'the run counts them as open');
select is(
  stepbase_engine.explain_wait(pg_temp.at(pg_temp.run('one'))) ->> 'sentence', 'Waits for 2 tools: component, child (a person has to approve it).',
  'explain_run says which tools are open'
);
select is(
  (select stepbase_engine.explain_step(pg_temp.at(r.id, -2), r) ->> 'tool'
    from stepbase.runs r where r.id = pg_temp.run('one')), 'component',
  'and which tool a step is'
);
insert into w values ('one tool', pg_temp.claim(pg_temp.run('one'), -2));
select pg_temp.break(pg_temp.work('one tool'), 'http_server_error', true);
select is((pg_temp.at(pg_temp.run('one'), -2)).wait_kind, 'retry', 'a tool has the retries of its component');
select is((pg_temp.at(pg_temp.run('one'), -2)).item -> 'config' ->> 'component', 'component', 'with the same config');
select stepbase_engine.advance_clock('2 minutes');
select stepbase_engine.wake();
update w set work = pg_temp.claim(pg_temp.run('one'), -2) where name = 'one tool';
select pg_temp.finish(pg_temp.work('one tool'), '{"left": 4}');
select is(pg_temp.calls(pg_temp.run('one')), 'component completed -2 {"left": 4}, child approval -3, none failed unknown_tool', 'the output of a tool is stored with its call');
select is((pg_temp.at(pg_temp.run('one'))).status, 'waiting', 'the agent waits for the other tool');

-- An approval that is rejected.
insert into w values ('one approval', pg_temp.claim(pg_temp.run('one'), -3));
select stepbase_engine.wait(
  array[pg_temp.run('one')], array[(pg_temp.work('one approval')).step_run_id], array[(pg_temp.work('one approval')).fence], array['{}'::jsonb],
  array['{"kind": "task", "task": {"title": "Approve?"}}'::jsonb]
);
select tests.perform_as('developer', format('select status from stepbase.pause_run(%L)', pg_temp.run('one')));
select tests.perform_as('admin', format('select status from stepbase.decide_approval(%L, false, ''Too dear'')', (pg_temp.at(pg_temp.run('one'), -3)).id));
select is(pg_temp.calls(pg_temp.run('one')), 'component completed -2 {"left": 4}, child rejected -3 rejected, none failed unknown_tool', 'a rejection is the result of the call');
select is(
  concat_ws(' ', (pg_temp.at(pg_temp.run('one'))).status, (pg_temp.at(pg_temp.run('one'))).job_id), 'ready', 'the agent of a paused run is ready without a token'
);
select tests.perform_as('developer', format('select status from stepbase.resume_run(%L)', pg_temp.run('one')));
update w set work = pg_temp.claim(pg_temp.run('one')) where name = 'one';
select is(
  concat_ws(' ', (pg_temp.work('one')).attempt, (pg_temp.work('one')).fence), '1 1001', 'a worker continues the same attempt, and the claim counts as no crash'
);
select is(
  (select jsonb_agg(jsonb_build_array(t.turn, t.cost, c -> 'status', c -> 'output', c #> '{error,comment}'))
    from stepbase_engine.load_agent_turns((pg_temp.work('one')).step_run_id) t cross join jsonb_array_elements(t.calls) c),
  '[[1, 0.5, "completed", {"left": 4}, null], [1, 0.5, "rejected", null, "Too dear"], [1, 0.5, "failed", null, null]]',
  'and reads the turns with the results'
);
update stepbase.agent_tool_calls c set output = to_jsonb(repeat('x', 67108864))
where c.run_id = pg_temp.run('one') and c.status = 'completed';
select is(
  (select c ->> 'output'
    from stepbase_engine.load_agent_turns((pg_temp.work('one')).step_run_id) t cross join jsonb_array_elements(t.calls) c
    where c ->> 'status' = 'completed'),
  '(left out: the results of all tools are too long)', 'but not more of them than fit into memory'
);
update stepbase.agent_tool_calls c set output = '{"left": 4}'
where c.run_id = pg_temp.run('one') and c.status = 'completed';
select is(pg_temp.store(pg_temp.work('one'), 2, '[]'), 'stored', 'the next turn');
select pg_temp.finish(pg_temp.work('one'), '{"text": "Done"}');
select is(
  (select string_agg(s.step_id || ' ' || s.status, ', ' order by s.step_id, s.item_index desc)
    from stepbase.step_runs s where s.run_id = pg_temp.run('one') and s.status <> 'failed'),
  'after running, agent completed, agent completed, agent completed', 'the run goes on after the agent'
);
select is((select r.open_steps from stepbase.runs r where r.id = pg_temp.run('one')), 1, 'and counts its open steps right');

-- An approval that is given: the tool runs, and its failure is no failure of the agent.
select pg_temp.begin_agent('two');
select pg_temp.store(pg_temp.work('two'), 1, jsonb_build_array(pg_temp.two() -> 1));
select pg_temp.waits(pg_temp.work('two'));
insert into w values ('two approval', pg_temp.claim(pg_temp.run('two'), -2));
select stepbase_engine.wait(
  array[pg_temp.run('two')], array[(pg_temp.work('two approval')).step_run_id], array[(pg_temp.work('two approval')).fence], array['{}'::jsonb],
  array['{"kind": "task", "task": {"title": "Approve?"}}'::jsonb]
);
select tests.perform_as('admin', format('select status from stepbase.decide_approval(%L, true)', (pg_temp.at(pg_temp.run('two'), -2)).id));
select is(pg_temp.calls(pg_temp.run('two')), 'child running -2 -3', 'an approved tool runs');
insert into w values ('two child', pg_temp.claim(pg_temp.run('two'), -3));
select stepbase_engine.wait(
  array[pg_temp.run('two')], array[(pg_temp.work('two child')).step_run_id], array[(pg_temp.work('two child')).fence],
  array['{"workflow": "child"}'::jsonb], array['{"kind": "child", "child": {"workflow": "child", "input": {}, "wait": true}}'::jsonb]
);
select is(
  (select count(*)::int from stepbase.runs r
    where r.parent_run_id = pg_temp.run('two')
      and r.parent_step_run_id = (pg_temp.at(pg_temp.run('two'), -3)).id), 1,
  'a workflow runs as a child'
);
select stepbase_engine.fail(
  array[pg_temp.run('two')], array[(pg_temp.work('two child')).step_run_id], array[null::int], array[null::jsonb],
  array['{"code": "child_failed", "message": "It broke", "retryable": false}'::jsonb]
);
select is(pg_temp.calls(pg_temp.run('two')), 'child failed -2 -3 child_failed', 'its failure is the result of the call');
select is(
  concat_ws(
    ' ', (pg_temp.at(pg_temp.run('two'))).status,
    (select r.status from stepbase.runs r where r.id = pg_temp.run('two'))
  ),
  'ready running',
  'the agent continues'
);

-- A worker that was lost after it stored a turn: another one waits for the tools, and asks no model.
select pg_temp.begin_agent('lost');
select pg_temp.store(pg_temp.work('lost'), 1, pg_temp.two());
update w set work = pg_temp.claim(pg_temp.run('lost')) where name = 'lost';
select is((pg_temp.work('lost')).fence, 2, 'a claim after a crash');
select is((select count(*)::int from stepbase_engine.load_agent_turns((pg_temp.work('lost')).step_run_id)), 1, 'finds the stored turn');

-- The deadline of the wait ends the attempt and its tools; the next attempt has the turns.
select pg_temp.waits(pg_temp.work('lost'), '{"timeout_ms": 60000}');
insert into w values ('lost tool', pg_temp.claim(pg_temp.run('lost'), -2));
select stepbase_engine.advance_clock('2 minutes');
select stepbase_engine.wake();
select is(pg_temp.calls(pg_temp.run('lost')), 'component cancelled -2 cancelled, child cancelled -3 cancelled', 'a deadline ends the open tools');
select is(
  (select string_agg(
      concat_ws(' ', s.item_index, s.attempt, s.status, s.wait_kind, s.error ->> 'code'), ', '
      order by s.item_index desc, s.attempt
    )
    from stepbase.step_runs s where s.run_id = pg_temp.run('lost')),
  '0 1 failed tools timeout, 0 2 waiting retry, -2 1 cancelled, -3 1 cancelled', 'and the attempt; the retry policy decides what follows'
);
select is((select r.open_steps from stepbase.runs r where r.id = pg_temp.run('lost')), 1, 'the run counts its open steps right');
select pg_temp.finish(pg_temp.work('lost tool'), '{}');
select is((pg_temp.at(pg_temp.run('lost'), -2)).status, 'cancelled', 'a late result of a tool changes nothing');
select is((select count(*)::int from stepbase_engine.load_agent_turns((pg_temp.at(pg_temp.run('lost'))).id)), 1, 'the second attempt has the turns of the first');

-- The end of the run ends its tools.
select tests.perform_as('developer', format('select status from stepbase.cancel_run(%L)', pg_temp.run('two')));
select pg_temp.begin_agent('ends');
select pg_temp.store(pg_temp.work('ends'), 1, pg_temp.two());
select pg_temp.waits(pg_temp.work('ends'));
select tests.perform_as('developer', format('select status from stepbase.cancel_run(%L)', pg_temp.run('ends')));
select is(pg_temp.calls(pg_temp.run('ends')), 'component cancelled -2 cancelled, child cancelled -3 cancelled', 'a cancelled run has no open tools');
select is(
  (select string_agg(distinct s.status, ', ') from stepbase.step_runs s where s.run_id = pg_temp.run('ends')), 'cancelled', 'nor open steps'
);
delete from stepbase.runs where id = pg_temp.run('ends');
select is_empty(format('select 1 from stepbase.agent_turns where run_id = %L', pg_temp.run('ends')), 'turns are deleted with their run');

-- An agent under a limit of its task queue waits for a slot again.
select pg_temp.begin_agent('limited');
select pg_temp.store(pg_temp.work('limited'), 1, jsonb_build_array(pg_temp.two() -> 0));
update stepbase.step_runs s set limited_by = tests.sample_id('task_queue') where s.id = (pg_temp.work('limited')).step_run_id;
select pg_temp.waits(pg_temp.work('limited'));
insert into w values ('limited tool', pg_temp.claim(pg_temp.run('limited'), -2));
select pg_temp.finish(pg_temp.work('limited tool'), '1');
select is(
  (select count(*)::int from stepbase_engine.step_backlog b where b.step_run_id = (pg_temp.at(pg_temp.run('limited'))).id), 1,
  'an agent under a limit waits for a slot again'
);

-- Items of a for_each.
select pg_temp.save(
  'each',
  '{"nodes": [{"id": "agent", "type": "for_each", "data": {"config": {"items": [1, 2], "step": {"type": "ai_agent_task", "config": {"component": "helper", "tools": [{"component": "component"}]}}}}}], "edges": []}'
);
select tests.perform_as('developer', $$select stepbase.start_run('each', '{}')$$);
create temporary table each_run as
  select r.id from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id where w.kebab_name = 'each';
insert into w select 'each', pg_temp.claim(e.id) from each_run e;
select stepbase_engine.wait(
  array[pg_temp.run('each')], array[(pg_temp.work('each')).step_run_id], array[(pg_temp.work('each')).fence], array['{}'::jsonb],
  array['{"kind": "items", "items": [1, 2], "concurrency": 2}'::jsonb]
);
create function pg_temp.take(place int) returns stepbase_engine.work
language sql as $$
  update stepbase.step_runs s set status = 'running', fence = 1, started_at = now()
  where s.id = (pg_temp.at(pg_temp.run('each'), place)).id;
  update stepbase_queue.job j set state = 'active' where j.id = (pg_temp.at(pg_temp.run('each'), place)).job_id;
  select row(
    s.job_id, s.run_id, s.app_code, s.workflow_version_id, s.id, s.step_id, s.item_index, s.attempt, 1
  )::stepbase_engine.work
  from stepbase.step_runs s where s.id = (pg_temp.at(pg_temp.run('each'), place)).id;
$$;
insert into w select 'item ' || i, pg_temp.take(i) from generate_series(1, 2) i;
select pg_temp.store(pg_temp.work('item ' || i), 1, jsonb_build_array(pg_temp.two() -> 0)) from generate_series(1, 2) i;
select pg_temp.waits(pg_temp.work('item 1'));
select pg_temp.waits(pg_temp.work('item 2'));
select is(
  (select string_agg(concat_ws(' ', c.item_index, c.tool_item_index), ', ' order by c.item_index)
    from stepbase.agent_tool_calls c where c.run_id = pg_temp.run('each')),
  '1 -2, 2 -3', 'the tools of items have places of their own'
);
insert into w values ('item tool', pg_temp.take(-2));
select pg_temp.finish(pg_temp.work('item tool'), '1');
select is(
  concat_ws(' ', (pg_temp.at(pg_temp.run('each'), 1)).status, (pg_temp.at(pg_temp.run('each'), 2)).status), 'ready waiting', 'a tool continues its own agent'
);
insert into w values ('item again', pg_temp.take(1));
select pg_temp.break(pg_temp.work('item again'), 'agent_max_turns', false);
select is(
  (select string_agg(concat_ws(' ', s.item_index, s.status), ', ' order by s.item_index desc)
    from stepbase.step_runs s where s.run_id = pg_temp.run('each')),
  '2 cancelled, 1 failed, 0 failed, -2 completed, -3 cancelled', 'an item that fails ends the tools of the others'
);

-- An attempt that fails between its turn and the wait for the tools.
select pg_temp.save('lenient', pg_temp.agent('{"tools": [{"component": "component"}]}', '{"on_error": "continue"}'));
select tests.perform_as('developer', $$select stepbase.start_run('lenient', '{}')$$);
insert into w
select 'lenient', pg_temp.claim(r.id)
from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id where w.kebab_name = 'lenient';
select is(pg_temp.store(pg_temp.work('lenient'), 1, jsonb_build_array(pg_temp.two() -> 0)), 'stored', 'an agent stores a turn');
select pg_temp.break(pg_temp.work('lenient'), 'timeout', true);
select is(
  concat_ws(' ', pg_temp.calls(pg_temp.run('lenient')), (select r.status from stepbase.runs r where r.id = pg_temp.run('lenient'))),
  'component cancelled cancelled running', 'its tools do not stay pending when it fails and the run goes on'
);

select * from finish();
rollback;
