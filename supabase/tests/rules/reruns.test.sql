-- Reruns with another input and other outputs: what they copy and refuse, the preview, and the comparison of runs.

begin;
set local search_path = public, extensions;
select plan(61);
select tests.create_people();

insert into stepbase.workflows (id, app_code, kebab_name, name)
values ('00000000-0000-4000-8000-00000000c001', 'tap-one', 'order', 'Order');
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, input_schema)
values (
  '00000000-0000-4000-8000-00000000c002', 'tap-one', '00000000-0000-4000-8000-00000000c001', 1,
  '{"nodes": [
      {"id": "price", "type": "http_request", "data": {"config": {"url": "https://x.example/"}}},
      {"id": "check", "type": "condition", "data": {"config": {"expression": "steps.price.output > 100"}}},
      {"id": "ask", "type": "wait_for_approval", "data": {"config": {"title": "Go?"}}},
      {"id": "pay", "type": "http_request", "data": {"config": {"url": "https://x.example/", "method": "POST"}}},
      {"id": "refund", "type": "http_request", "data": {"config": {"url": "https://x.example/", "method": "POST"}}},
      {"id": "end", "type": "transform", "data": {"config": {"expression": "1"}}},
      {"id": "side", "type": "emit_event", "data": {"config": {"name": "order.seen"}}}],
    "edges": [
      {"id": "e1", "source": "price", "target": "check"},
      {"id": "e2", "source": "check", "target": "ask", "sourceHandle": "true"},
      {"id": "e3", "source": "check", "target": "pay", "sourceHandle": "false"},
      {"id": "e4", "source": "ask", "target": "refund", "sourceHandle": "rejected"},
      {"id": "e5", "source": "pay", "target": "end"}]}',
  '{"type": "object", "properties": {"amount": {"type": "number"}}}'
);
update stepbase.workflow_versions
set status = 'published', published_at = now() where id = '00000000-0000-4000-8000-00000000c002';
update stepbase.workflows
set status = 'published', published_version_id = '00000000-0000-4000-8000-00000000c002'
where id = '00000000-0000-4000-8000-00000000c001';

-- A failed run: the price was below the limit, so pay ran, twice, and failed.
insert into stepbase.runs (
  id, app_code, workflow_id, workflow_version_id, status, input, started_at, completed_at, error, context_version,
  steps_total, steps_completed
)
values (
  '00000000-0000-4000-8000-00000000c010', 'tap-one', '00000000-0000-4000-8000-00000000c001',
  '00000000-0000-4000-8000-00000000c002', 'failed', '{"amount": 40, "note": null}', now(), now(),
  '{"code": "http_server_error", "message": "no", "step_id": "pay"}', 3, 7, 3
);
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, fence, taken_in, output, handle, error,
  context_version, started_at, completed_at
)
select
  '00000000-0000-4000-8000-00000000c010', 'tap-one', '00000000-0000-4000-8000-00000000c002', s.step_id, s.step_type,
  s.attempt, s.status, s.fence, 1, s.output::jsonb, s.handle, s.error::jsonb, s.context_version, now(), now()
from (
  values
    ('price', 'http_request', 1, 'completed', 1, '{"amount": 40}', null, null, 1),
    ('check', 'condition', 1, 'completed', 1, 'false', 'false', null, 2),
    ('side', 'emit_event', 1, 'completed', 1, '{}', null, null, 3),
    ('ask', 'wait_for_approval', 1, 'skipped', 0, null, null, null, null),
    ('refund', 'http_request', 1, 'skipped', 0, null, null, null, null),
    ('pay', 'http_request', 1, 'failed', 1, null, null, '{"code": "http_server_error", "message": "no"}', null),
    ('pay', 'http_request', 2, 'failed', 2, null, null, '{"code": "http_server_error", "message": "no"}', null)
) s (step_id, step_type, attempt, status, fence, output, handle, error, context_version);

create function pg_temp.rerun(arguments text, who text default 'developer')
returns uuid
language sql
as $$ select tests.perform_as(who, format(
  'select id from stepbase.rerun(''00000000-0000-4000-8000-00000000c010'', %s)', arguments))::uuid $$;
create function pg_temp.refusal(arguments text, who text default 'developer')
returns text
language sql
as $$ select tests.attempt(who, format(
  'select stepbase.rerun(''00000000-0000-4000-8000-00000000c010'', %s)', arguments)) $$;
create function pg_temp.steps(run uuid)
returns text
language sql
as $$
  select string_agg(s.step_id || ' ' || s.status, ', ' order by s.step_id)
  from stepbase.step_runs s where s.run_id = run
$$;
create function pg_temp.edits(run uuid)
returns text
language sql
as $$ select 'run: ' || coalesce(r.edits::text, 'none') from stepbase.runs r where r.id = run $$;
create function pg_temp.handle(run uuid)
returns text
language sql
as $$ select s.handle from stepbase.step_runs s where s.run_id = run and s.step_id = 'check' $$;
create function pg_temp.plan(arguments text)
returns jsonb
language sql
as $$ select tests.perform_as('viewer', format(
  'select stepbase.preview_rerun(''00000000-0000-4000-8000-00000000c010'', %s)', arguments))::jsonb $$;
create function pg_temp.actions(arguments text)
returns text
language sql
as $$ select string_agg((s ->> 'step_id') || ' ' || (s ->> 'action'), ', ' order by s ->> 'step_id')
  from jsonb_array_elements(pg_temp.plan(arguments) -> 'steps') s $$;

-- The input.
select is(pg_temp.refusal($$input => '{"amount": "much"}'$$), 'SB422', 'an input that does not match the schema is refused');
select is(pg_temp.refusal($$input => '[1]'$$), 'SB422', 'an input that is no object is refused');
create temporary table reruns as
select 'input' as name, pg_temp.rerun($$input => '{"amount": 50}', reason => 'wrong amount'$$) as id;
select results_eq(
  $$select r.input, r.edits, r.origin_run_id, r.rerun_from_step, r.created_by from stepbase.runs r join reruns using (id)$$,
  $$values ('{"amount": 50}'::jsonb, '{"input": true, "reason": "wrong amount"}'::jsonb,
    '00000000-0000-4000-8000-00000000c010'::uuid, null::text, '00000000-0000-4000-8000-00000000f002'::uuid)$$,
  'a rerun has the other input, and records that it was edited and why'
);
select is((select pg_temp.steps(r.id) from reruns r), null, 'a rerun with another input copies nothing');
select is(pg_temp.edits(pg_temp.rerun($$input => '{"note": null, "amount": 40}'$$)), 'run: none', 'the same input again is no edit');
select is(pg_temp.edits(pg_temp.rerun($$from_step => 'pay'$$)), 'run: none', 'a rerun without edits has none');
select is(
  pg_temp.steps(pg_temp.rerun($$from_step => 'pay', input => '{"amount": 1}'$$)),
  'ask skipped, check completed, pay ready, price completed, refund skipped, side completed',
  'another input and from_step go together: the results of earlier steps are copied'
);

-- Outputs.
insert into reruns
select 'outputs', pg_temp.rerun($$outputs => '{"check": true}', reason => 'the limit was wrong'$$);
select is(
  (select pg_temp.steps(r.id) from reruns r where r.name = 'outputs'),
  'ask ready, check completed, end skipped, pay skipped, price completed, side completed',
  'the steps after an edited output run again, by the handle that belongs to the output'
);
select results_eq(
  $$select s.output, s.handle, s.context_version, s.fence from stepbase.step_runs s join reruns r on r.id = s.run_id
    where s.step_id = 'check'$$,
  $$values ('true'::jsonb, 'true', 3, 0)$$, 'the edited output is in the context, after the copied ones'
);
select results_eq(
  $$select r.edits, r.rerun_from_step, r.context_version, r.open_steps, r.steps_completed
    from stepbase.runs r join reruns n using (id) where n.name = 'outputs'$$,
  $$values ('{"outputs": ["check"], "reason": "the limit was wrong"}'::jsonb, 'ask', 3, 1, 5)$$,
  'the run names the edited steps, and begins at the first step that runs'
);
select results_eq(
  $$select e.event_type, e.step_id, e.actor_id, e.payload from stepbase.run_events e
    join reruns r on r.id = e.run_id and r.name = 'outputs' and e.event_type like '%.edited' order by e.seq$$,
  $$values
    ('run.edited', null, '00000000-0000-4000-8000-00000000f002'::uuid,
      '{"outputs": ["check"], "reason": "the limit was wrong"}'::jsonb),
    ('step.edited', 'check', '00000000-0000-4000-8000-00000000f002'::uuid,
      '{"handle": "true", "reason": "the limit was wrong"}'::jsonb)$$,
  'events say who edited which output, and why'
);
select results_eq(
  $$select l.actor_id, l.operation, l.changed_columns, l.new_row -> 'outputs', l.new_row -> 'edits' ->> 'reason'
    from stepbase.audit_log l join reruns r on r.id::text = l.row_id where r.name = 'outputs'$$,
  $$values ('00000000-0000-4000-8000-00000000f002'::uuid, 'insert', array['outputs'], '{"check": true}'::jsonb,
    'the limit was wrong')$$,
  'the audit log has the editor, the outputs and the reason'
);
select is(
  (select l.new_row -> 'input' from stepbase.audit_log l join reruns r on r.id::text = l.row_id where r.name = 'input'),
  '{"amount": 50}', 'the audit log has the input'
);
select is(
  (select count(*) from stepbase.audit_log l where l.table_name = 'runs' and l.new_row -> 'edits' is null), 0::bigint,
  'a rerun without edits is not logged'
);
select is(
  pg_temp.steps(pg_temp.rerun($$outputs => '{"pay": {"paid": true}}'$$)),
  'ask skipped, check completed, end ready, pay completed, price completed, refund skipped, side completed',
  'the output of a failed step can be set, and the run continues behind it'
);
select is(
  pg_temp.steps(pg_temp.rerun($$outputs => '{"price": 7, "check": false}'$$, 'admin')),
  'ask skipped, check completed, pay ready, price completed, refund skipped, side completed',
  'outputs of two steps that follow each other can be set'
);
select is(
  pg_temp.steps(pg_temp.rerun($$from_step => 'side', outputs => '{"price": 7}'$$, 'admin')),
  'check ready, price completed, side ready', 'outputs and from_step go together'
);
select is(
  pg_temp.handle(pg_temp.rerun(format($sql$outputs => '{"check": %s}'$sql$, v.value), 'admin')), v.handle,
  format('a condition with the output %s is left by %s', v.value, v.handle)
)
from (values ('0', 'false'), ('[0, [""]]', 'false'), ('[0, [2]]', 'true'), ('{"a": false}', 'true')) v (value, handle);
select is(
  pg_temp.refusal($$outputs => '{"check": "elsewhere"}'$$, 'admin'), 'SB409', 'outputs after which every step is skipped are refused'
);
select is(pg_temp.refusal($$outputs => '{"ask": {"approved": true}}'$$), 'SB404', 'the output of a skipped step cannot be set');
select is(pg_temp.refusal($$outputs => '{"nowhere": 1}'$$), 'SB404', 'the output of an unknown step cannot be set');
select is(pg_temp.refusal($$outputs => '{"end": 1}'$$), 'SB404', 'the output of a step that was never reached cannot be set');
select is(pg_temp.refusal($$outputs => '{"side": 1}', from_step => 'pay'$$), 'ok 1', 'a step beside from_step can be edited');
select is(pg_temp.refusal($$outputs => '{"pay": 1}', from_step => 'pay'$$), 'SB400', 'from_step itself cannot be edited');
select is(
  tests.detail_of('developer', $$select stepbase.rerun('00000000-0000-4000-8000-00000000c010', 'price', outputs => '{"pay": 1}')$$)
    -> 'waits_for',
  '["check"]', 'a step behind one that runs again cannot be edited, and the detail names the latter'
);
select is(pg_temp.refusal($$outputs => '[]'$$), 'SB400', 'outputs must be an object');
select is(pg_temp.refusal($$reason => repeat('x', 1001)$$), 'SB400', 'the reason is limited');
update stepbase.workflow_versions set status = 'deprecated' where id = '00000000-0000-4000-8000-00000000c002';

-- Outputs that may lead around an approval.
select is(pg_temp.refusal(o.arguments), o.answer, o.what)
from (
  values
    ($$outputs => '{"check": false}'$$, 'SB403', 'an output that leads around an approval requires member:manage'),
    ($$outputs => '{"price": 7}'$$, 'SB403', 'so does an output from which the branch to it is computed'),
    ($$outputs => '{"check": true}'$$, 'ok 1', 'an output that leads to the approval does not'),
    ($$outputs => '{"price": 7, "check": true}'$$, 'ok 1', 'nor do two that lead to it together'),
    ($$outputs => '{"pay": {"paid": true}}'$$, 'ok 1', 'nor an output after which no approval comes')
) o (arguments, answer, what);
select is(pg_temp.refusal($$outputs => '{"check": false}'$$, 'admin'), 'ok 1', 'a member manager may lead a run around an approval');

-- An approval: the handle follows the decision.
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, completed_at
)
values (
  '00000000-0000-4000-8000-00000000c010', 'tap-one', '00000000-0000-4000-8000-00000000c002', 'ask', 'wait_for_approval',
  2, 'cancelled', 1, now()
);
create function pg_temp.admin_call(arguments text)
returns text
language sql
as $$ select format('select id from stepbase.rerun(''00000000-0000-4000-8000-00000000c010'', %s)', arguments) $$;
select is(
  pg_temp.refusal($$outputs => '{"ask": {"approved": true}}'$$), 'SB403', 'who may start runs cannot decide approvals by a rerun'
);
select is(
  pg_temp.steps(tests.perform_as('admin', pg_temp.admin_call($$outputs => '{"ask": {"approved": false}}'$$))::uuid),
  'ask completed, check completed, pay ready, price completed, refund ready, side completed',
  'an edited rejection is left by rejected; the failed step runs again'
);
select is(
  tests.attempt('admin', pg_temp.admin_call($$outputs => '{"ask": {}}'$$)), 'SB422', 'an edited approval needs a decision'
);
delete from stepbase.step_runs s
where s.run_id = '00000000-0000-4000-8000-00000000c010' and s.step_id = 'ask' and s.attempt = 2;

-- The preview.
select is(
  pg_temp.actions('null'),
  'ask may_run, check runs_again, end may_run, pay runs_again, price runs_again, refund may_run, side runs_again',
  'a whole rerun runs every step again that ran'
);
select is(pg_temp.plan('null') -> 'repeated_effects', '["side", "pay"]', 'effects are those of steps that are neither pure nor reads');
select is(
  pg_temp.actions($$'pay'$$),
  'ask copied, check copied, end may_run, pay runs_again, price copied, refund copied, side copied', 'from a step, others are copied'
);
select is(
  jsonb_path_query_first(pg_temp.plan($$'pay'$$), '$.steps[*] ? (@.step_id == "pay")') - 'label',
  '{"step_id": "pay", "step_type": "http_request", "action": "runs_again", "status": "failed", "executions": 2,
    "may_have_effects": true, "repeats_effects": true}', 'a step has its executions'
);
select is(
  pg_temp.actions($$outputs => '{"check": true}'$$),
  'ask may_run, check edited, end may_run, pay runs_again, price copied, refund may_run, side copied', 'edited steps are named'
);
select is(
  tests.attempt('viewer', format('select stepbase.preview_rerun(''00000000-0000-4000-8000-00000000c010'', %s)', p.arguments)),
  pg_temp.refusal(p.arguments), format('the preview of %s fails as the rerun', p.arguments)
)
from (values ($$input => '{"amount": "much"}'$$), ($$outputs => '{"end": 1}'$$)) p (arguments);

-- The comparison.
update stepbase.runs r set status = 'running', started_at = now() from reruns n where r.id = n.id;
create temporary table compared as
select n.name, tests.perform_as('viewer', format(
  'select stepbase.compare_runs(''00000000-0000-4000-8000-00000000c010'', %L)', n.id))::jsonb as answer
from reruns n;
select is(
  (select c.answer -> 'input' from compared c where c.name = 'input'),
  '{"is_equal": false, "differences": [{"path": "/amount", "change": "changed", "a": 40, "b": 50},
    {"path": "/note", "change": "removed", "a": null}]}', 'differences of the input are JSON pointers'
);
select is(
  (select c.answer -> 'first_difference' from compared c where c.name = 'outputs'), '"check"',
  'the first step that differs is named'
);
select is(
  (select jsonb_path_query_first(c.answer, '$.steps[*] ? (@.step_id == "pay")') from compared c where c.name = 'outputs'),
  '{"step_id": "pay", "is_equal": false, "output": {"is_equal": true, "differences": []},
    "a": {"step_type": "http_request", "status": "failed", "attempts": 2, "duration_ms": 0,
      "error_code": "http_server_error"},
    "b": {"step_type": "http_request", "status": "skipped", "attempts": 1}}', 'a step has its last attempt in both runs'
);
select is(
  (
    select count(*) from compared c
    where (c.answer ->> 'same_version')::boolean and (c.answer -> 'b' ->> 'version') = '1'
  ), 2::bigint, 'versions are compared'
);
select is(
  jsonb_array_length(stepbase_private.json_differences(
    (select jsonb_object_agg(n, n) from generate_series(1, 100) n),
    (select jsonb_object_agg(n, -n) from generate_series(1, 100) n)
  )), 20, 'at most 20 differences are listed'
);
select is(
  length(stepbase_private.json_differences(to_jsonb(repeat('x', 5000)), '[{"a": {"b": 1}}]') #>> '{0,a}'), 201,
  'long values are cut'
);
select is(
  stepbase_private.json_differences('{"l": [1, {"a/b": 2}, 3]}', '{"l": [1, {"a/b": 3}]}'),
  '[{"path": "/l/1/a~1b", "change": "changed", "a": 2, "b": 3}, {"path": "/l/2", "change": "removed", "a": 3}]',
  'arrays are compared place by place'
);

-- An approval that was decided.
insert into stepbase.step_runs (
  run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, output, handle, task,
  context_version, started_at, completed_at
)
values (
  '00000000-0000-4000-8000-00000000c010', 'tap-one', '00000000-0000-4000-8000-00000000c002', 'ask', 'wait_for_approval',
  2, 'completed', 1, '{"approved": true}', 'approved', '{"title": "Go?", "exclude_requester": true}', 4, now(),
  now()
);
select is(
  pg_temp.refusal($$from_step => 'pay', input => '{"amount": 1}'$$), 'SB403', 'an approval does not apply to another input'
);
select is(pg_temp.refusal($$from_step => 'pay'$$), 'ok 1', 'it applies to the same one');
select is(
  tests.attempt('admin', pg_temp.admin_call($$outputs => '{"ask": {"approved": true}}'$$)), 'ok 1',
  'a member manager may set a decision'
);
update stepbase.runs r set created_by = (select p.user_id from tests.person('admin') p)
where r.id = '00000000-0000-4000-8000-00000000c010';
select is(
  tests.attempt('admin', pg_temp.admin_call($$outputs => '{"ask": {"approved": true}}'$$)), 'SB403',
  'but not for an own run if the approval excludes the requester'
);
select is(
  tests.attempt('admin', pg_temp.admin_call($$outputs => '{"check": false}'$$)), 'SB403',
  'nor may this person lead the run around it'
);

-- Approvals on every path, behind another approval, with an approver from an output, and of the tools of agents.
insert into stepbase.agent_prompts (id, app_code, name, version, prompt_content)
values ('00000000-0000-4000-8000-00000000c103', 'tap-one', 'plain', '1.0.0', 'Help.');
insert into stepbase.components (app_code, name, implementation_type, agent_prompt_id, model_name, created_by)
values ('tap-one', 'helper', 'ai_agent_task', '00000000-0000-4000-8000-00000000c103', 'm', null);
insert into stepbase.workflows (id, app_code, kebab_name, name)
values ('00000000-0000-4000-8000-00000000c101', 'tap-one', 'trip', 'Trip');
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition)
values (
  '00000000-0000-4000-8000-00000000c102', 'tap-one', '00000000-0000-4000-8000-00000000c101', 1,
  '{"nodes": [
      {"id": "book", "type": "http_request", "data": {"config": {"url": "https://x.example/"}}},
      {"id": "ask", "type": "wait_for_approval", "data": {"config": {"title": "Go?"}}},
      {"id": "ask-again", "type": "wait_for_approval", "data": {"config": {"title": "Really?"}}},
      {"id": "find", "type": "http_request", "data": {"config": {"url": "https://x.example/"}}},
      {"id": "ask-chosen", "type": "wait_for_approval",
        "data": {"config": {"title": "Go?", "assigned_to": "{{ steps.find.output.manager }}"}}},
      {"id": "plan", "type": "http_request", "data": {"config": {"url": "https://x.example/"}}},
      {"id": "agent", "type": "ai_agent_task", "data": {"config": {"component": "helper", "tools": [
        {"workflow": "trip", "approval": {"title": "{{ steps.plan.output.title }}", "role": "admin"}}]}}},
      {"id": "agent-alone", "type": "ai_agent_task", "data": {"config": {"component": "helper", "tools": [
        {"workflow": "trip"}, {"workflow": "trip", "name": "x", "approval": "{{ steps.plan.output.asks }}"}]}}},
      {"id": "agents-chosen", "type": "for_each", "data": {"config": {"items": "{{ [1] }}", "step": {
        "type": "ai_agent_task", "config": {"component": "helper", "tools": [
          {"workflow": "trip", "approval": {"role": "{{ steps.plan.output.role }}"}}]}}}}}],
    "edges": [
      {"id": "e1", "source": "book", "target": "ask"},
      {"id": "e2", "source": "ask", "target": "ask-again", "sourceHandle": "approved"},
      {"id": "e3", "source": "find", "target": "ask-chosen"},
      {"id": "e4", "source": "plan", "target": "agent"},
      {"id": "e5", "source": "agent", "target": "agent-alone"},
      {"id": "e6", "source": "agent-alone", "target": "agents-chosen"}]}'
);
update stepbase.workflow_versions
set status = 'published', published_at = now() where id = '00000000-0000-4000-8000-00000000c102';
create function pg_temp.avoidable(outputs jsonb)
returns text
language sql
as $$
  select coalesce(string_agg(a, ' ' order by a), 'none')
  from stepbase_private.avoidable_approvals(
    jsonb_populate_record(null::stepbase.runs, '{"workflow_version_id": "00000000-0000-4000-8000-00000000c102"}'), outputs
  ) a
$$;
select is(pg_temp.avoidable('{"book": 1}'), 'none', 'an approval on every path is asked again, and decides about the one behind it');
select is(pg_temp.avoidable('{"find": 1}'), 'ask-chosen', 'an output may not choose the approver');
select is(
  pg_temp.avoidable('{"plan": 1}'), 'agent-alone agents-chosen', 'nor whether the tools of an agent have one, or whom it asks'
);

select * from finish();
rollback;
