-- Helpers for the tests: people with every role in three applications of two organizations, and functions that run a
-- statement as one of them. The helpers stay in the database; every other file rolls back its changes.

create schema if not exists extensions;
create extension if not exists pgtap with schema extensions;
create schema if not exists tests;

comment on schema tests is 'Helpers of supabase/tests; not part of the product.';

-- The people: name → user id, application, database role.
create or replace function tests.person(who text)
returns table (user_id uuid, app_code text, db_role text, app_role text)
language sql
immutable
set search_path = ''
as $$
  select p.user_id::uuid, p.app_code, p.db_role, p.app_role
  from (
    values
      ('admin', '00000000-0000-4000-8000-00000000f001', 'tap-one', 'authenticated', 'admin'),
      ('developer', '00000000-0000-4000-8000-00000000f002', 'tap-one', 'authenticated', 'developer'),
      ('viewer', '00000000-0000-4000-8000-00000000f003', 'tap-one', 'authenticated', 'viewer'),
      ('sister', '00000000-0000-4000-8000-00000000f004', 'tap-two', 'authenticated', 'admin'),
      ('foreigner', '00000000-0000-4000-8000-00000000f005', 'tap-three', 'authenticated', 'admin'),
      ('stranger', '00000000-0000-4000-8000-00000000f006', null, 'authenticated', null),
      ('removed', '00000000-0000-4000-8000-00000000f007', 'tap-one', 'authenticated', null),
      ('anon', null, null, 'anon', null),
      ('service', null, null, 'service_role', null)
  ) p (who, user_id, app_code, db_role, app_role)
  where p.who = person.who
$$;

comment on function tests.person(text) is
  'admin, developer and viewer of tap-one; sister: admin of tap-two, same organization; foreigner: admin of '
  'tap-three, another one; stranger: no membership; removed: a token for tap-one without a membership; anon; service.';

create or replace function tests.create_people()
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.organizations (id, slug, name)
  values
    ('00000000-0000-4000-8000-00000000e001', 'tap-org', 'Tap'),
    ('00000000-0000-4000-8000-00000000e002', 'tap-other-org', 'Other');
  insert into stepbase.applications (app_code, organization_id, name)
  values
    ('tap-one', '00000000-0000-4000-8000-00000000e001', 'One'),
    ('tap-two', '00000000-0000-4000-8000-00000000e001', 'Two'),
    ('tap-three', '00000000-0000-4000-8000-00000000e002', 'Three');
  insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at)
  select p.user_id, 'authenticated', 'authenticated', n.who || '@tap.example', 'x', now()
  from unnest(array['admin', 'developer', 'viewer', 'sister', 'foreigner', 'stranger', 'removed']) n (who)
  cross join lateral tests.person(n.who) p;
  insert into stepbase.app_members (app_code, user_id, role)
  select p.app_code, p.user_id, p.app_role
  from unnest(array['admin', 'developer', 'viewer', 'sister', 'foreigner']) n (who)
  cross join lateral tests.person(n.who) p;
end
$$;

comment on function tests.create_people() is 'The organizations, applications, users and memberships behind tests.person().';

create or replace function tests.become(who text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  person record;
begin
  select p.* into strict person from tests.person(who) p;
  perform set_config(
    'request.jwt.claims',
    jsonb_strip_nulls(jsonb_build_object(
      'sub', person.user_id, 'role', person.db_role, 'app_code', person.app_code, 'app_role', person.app_role
    ))::text,
    true
  );
  perform set_config('role', person.db_role, true);
end
$$;

comment on function tests.become(text) is 'Switches role and claims to a person until the end of the (sub)transaction.';

create or replace function tests.leave()
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform set_config('role', 'none', true);
  perform set_config('request.jwt.claims', '', true);
end
$$;

comment on function tests.leave() is 'Switches back to the role of the session, without claims.';

-- The schema that clients reach through the API: that of the table workflows.
create or replace function tests.exposed_schema()
returns text
language sql
stable
set search_path = ''
as $$ select c.relnamespace::regnamespace::text from pg_class c where c.oid = 'stepbase.workflows'::regclass $$;

comment on function tests.exposed_schema() is 'The schema that clients reach through the API.';

-- Runs a statement as a person, rolls it back, and returns 'ok <rows>' or the SQLSTATE.
create or replace function tests.attempt(who text, statement text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  touched bigint;
begin
  begin
    if who <> 'owner' then
      perform tests.become(who);
    end if;
    execute statement;
    get diagnostics touched = row_count;
    raise exception using errcode = 'TAP00', message = 'ok ' || touched;
  exception
    when sqlstate 'TAP00' then
      return sqlerrm;
    when others then
      return sqlstate;
  end;
end
$$;

comment on function tests.attempt(text, text) is
  'Runs a statement as a person (or as the owner) and rolls it back; returns ''ok <rows>'' or the SQLSTATE.';

-- The same without a rollback, for tests that need the change of a person.
create or replace function tests.perform_as(who text, statement text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  answer text;
begin
  perform tests.become(who);
  execute statement into answer;
  perform tests.leave();
  return answer;
end
$$;

comment on function tests.perform_as(text, text) is 'Runs a statement as a person and returns its first value.';

create or replace function tests.detail_of(who text, statement text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  told text;
begin
  begin
    perform tests.become(who);
    execute statement;
  exception
    when others then
      get stacked diagnostics told = pg_exception_detail;
      return nullif(told, '')::jsonb;
  end;
  perform tests.leave();
  return null;
end
$$;

comment on function tests.detail_of(text, text) is 'The JSON detail of the error that a statement raises; null without an error.';

-- A published three-step workflow of an application.
create or replace function tests.create_workflow(app text, id uuid, visibility text default 'private')
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  made uuid := gen_random_uuid();
begin
  insert into stepbase.workflows (id, app_code, kebab_name, name, description, visibility, created_by)
  values (
    create_workflow.id, app, 'w-' || right(create_workflow.id::text, 6), 'Sample', 'Counts seeds.',
    create_workflow.visibility, null
  );
  insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, created_by)
  values (
    made, app, create_workflow.id, 1,
    '{"nodes": [
        {"id": "first", "type": "transform", "data": {"config": {"expression": "input"}}},
        {"id": "second", "type": "wait_for_approval", "data": {"config": {"title": "Go?"}}},
        {"id": "third", "type": "user_task", "data": {"config": {"title": "Fill in"}}}],
      "edges": [
        {"id": "e", "source": "first", "target": "second"}, {"id": "f", "source": "second", "target": "third"}]}',
    null
  );
  update stepbase.workflow_versions v set status = 'published', published_at = now() where v.id = made;
  update stepbase.workflows w
  set status = 'published', published_version_id = made
  where w.id = create_workflow.id;
  return made;
end
$$;

comment on function tests.create_workflow(text, uuid, text) is 'Creates and publishes a small workflow; returns its version.';

-- The ids of the rows that tests.create_rows() and tests.create_tasks() create. In a statement of an access matrix,
-- {workflow} stands for the id of the sample workflow, and so on.
create or replace function tests.samples()
returns table (name text, id uuid)
language sql
immutable
set search_path = ''
as $$
  select s.name, ('00000000-0000-4000-8000-00000000' || s.suffix)::uuid
  from (
    values
      ('workflow', 'd001'),
      ('api_key', 'd002'),
      ('agent_prompt', 'd003'),
      ('component', 'd004'),
      ('project', 'd005'),
      ('task_queue', 'd006'),
      ('worker', 'd007'),
      ('work_queue', 'd008'),
      ('workflow_signal', 'd009'),
      ('workflow_query', 'd010'),
      ('workflow_schedule', 'd011'),
      ('schedule_run', 'd077'),
      ('incident_switch', 'd097'),
      ('run_operation', 'd095'),
      ('run_view', 'd096'),
      ('schedule_backfill', 'd087'),
      ('workflow_child', 'd012'),
      ('workflow_compilation', 'd013'),
      ('work_queue_item', 'd014'),
      ('activity_statistic', 'd015'),
      ('workflow_trigger', 'd016'),
      ('run', 'd020'),
      ('step_run', 'd021'),
      ('second_run', 'd022'),
      ('approval', 'd023'),
      ('user_task', 'd024'),
      ('failed_run', 'd025'),
      ('draft', 'd026'),
      ('webhook', 'd027'),
      ('task_comment', 'd0a1'),
      ('webhook_call', 'd0a2'),
      ('result', 'd028'),
      ('service_account', 'd029'),
      ('invitation', 'd030'),
      ('refused_start', 'd031'),
      ('canary', 'd041'),
      ('webhook_subscription', 'd071'),
      ('webhook_delivery', 'd072'),
      ('workflow_flow_control', 'd073'),
      ('task_decision', 'd078')
  ) s (name, suffix)
  union all
  select p.name, t.user_id
  from unnest(array['viewer', 'stranger']) p (name)
  cross join lateral tests.person(p.name) t
$$;

comment on function tests.samples() is 'The sample rows of tap-one, and two users, by name.';

create or replace function tests.sample_id(name text)
returns uuid
language sql
immutable
set search_path = ''
as $$ select s.id from tests.samples() s where s.name = sample_id.name $$;

comment on function tests.sample_id(text) is 'The id of a sample row.';

-- The statements of an access matrix contain neither ids nor the schema.
create or replace function tests.expand(statement text)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  sample record;
begin
  for sample in select s.* from tests.samples() s loop
    statement := replace(statement, '{' || sample.name || '}', quote_literal(sample.id));
  end loop;
  statement := regexp_replace(
    statement, '\m(from|into|join|update) (\w+)', '\1 ' || tests.exposed_schema() || '.\2', 'g'
  );
  return regexp_replace(statement, '^select (\w+)\(', 'select ' || tests.exposed_schema() || '.\1(');
end
$$;

comment on function tests.expand(text) is
  'Replaces {name} in a statement by the quoted id of that sample row, and puts the exposed schema before the tables '
  'after from, into, join and update and before the function after a first select.';

-- The outcomes in an access matrix: one for each of eight people, always in this order.
create or replace function tests.outcomes(outcomes text)
returns table (who text, answer text, meaning text)
language sql
immutable
set search_path = ''
as $$
  select
    o.who,
    case when o.code = '-' then '42501' when o.code ~ '^\d{1,4}$' then 'ok ' || o.code else o.code end,
    case
      when o.code = '-' then 'permission denied'
      when o.code ~ '^\d{1,4}$' then o.code || case o.code when '1' then ' row' else ' rows' end
      else 'error ' || o.code
    end
  from unnest(
    array['admin', 'developer', 'viewer', 'sister', 'foreigner', 'stranger', 'removed', 'anon'],
    regexp_split_to_array(trim(outcomes.outcomes), '[ |]+')
  ) o (who, code)
$$;

comment on function tests.outcomes(text) is
  'Reads the outcomes of a matrix row: admin developer viewer | sister foreigner stranger removed | anon. A number is '
  'the rows that the statement returns or changes, - is permission denied (42501), anything else a SQLSTATE.';

create or replace function tests.lookup_tables()
returns table (name text)
language sql
immutable
set search_path = ''
as $$
  select unnest(array[
    'user_roles', 'component_types', 'step_types', 'component_visibility', 'workflow_statuses', 'run_statuses',
    'step_statuses', 'trigger_types', 'run_event_types', 'parent_close_policies', 'work_queue_orderings',
    'work_item_statuses', 'worker_statuses', 'overlap_policies', 'execution_engines', 'error_codes', 'webhook_signature_schemes'
  ])
$$;

comment on function tests.lookup_tables() is 'The tables of fixed values to which other tables refer.';

create or replace function tests.operator_functions()
returns table (name text, for_service_role boolean)
language sql
immutable
set search_path = ''
as $$
  values
    ('start_run_as', true), ('create_database_trigger', false), ('drop_database_trigger', false),
    ('allow_function', false), ('disallow_function', false), ('doctor', true)
$$;

comment on function tests.operator_functions() is
  'The functions of the exposed schema that only operators may execute, and whether the service role is one of them.';

-- One row of every kind in tap-one, with the ids of tests.samples().
create or replace function tests.create_rows()
returns void
language plpgsql
set search_path = ''
as $$
declare
  made uuid;
begin
  perform tests.create_people();
  made := tests.create_workflow('tap-one', tests.sample_id('workflow'));
  insert into stepbase.app_roles (app_code, name, label, permissions)
  values ('tap-one', 'auditor', 'Auditor', '{audit:read,run:read}');
  insert into stepbase.api_keys (id, app_code, name, prefix, scopes, owner_id)
  select tests.sample_id('api_key'), 'tap-one', 'key', 'sbk_tap', array['run:read'], p.user_id
  from tests.person('admin') p;
  insert into stepbase_private.api_key_hashes (api_key_id, app_code, key_hash)
  values (tests.sample_id('api_key'), 'tap-one', repeat('a', 64));
  insert into stepbase.service_accounts (id, app_code, name, role)
  values (tests.sample_id('service_account'), 'tap-one', 'machine', 'viewer');
  perform stepbase_private.store_secret('tap-one', 'tap_key', 'sample', null);
  insert into stepbase.agent_prompts (id, app_code, name, prompt_content, created_by)
  values (tests.sample_id('agent_prompt'), 'tap-one', 'prompt', 'Be kind.', null);
  insert into stepbase.components (id, app_code, name, implementation_type, endpoint, created_by)
  values (tests.sample_id('component'), 'tap-one', 'component', 'service_task', 'https://x.example', null);
  insert into stepbase.projects (id, app_code, name, created_by)
  values (tests.sample_id('project'), 'tap-one', 'project', null);
  insert into stepbase.task_queues (id, app_code, name, created_by)
  values (tests.sample_id('task_queue'), 'tap-one', 'queue', null);
  insert into stepbase.workers (id, app_code, worker_id)
  values (tests.sample_id('worker'), 'tap-one', 'tap-worker');
  insert into stepbase.work_queues (id, app_code, workflow_id, queue_name, created_by)
  values (
    tests.sample_id('work_queue'), 'tap-one', tests.sample_id('workflow'), 'items', null
  );
  insert into stepbase.workflow_signals (id, app_code, workflow_id, signal_name, created_by)
  values (
    tests.sample_id('workflow_signal'), 'tap-one', tests.sample_id('workflow'), 'go', null
  );
  -- A row for the tests of access. Without the mark it has no effect on the runs of other tests.
  insert into stepbase.workflow_flow_controls (
    id, app_code, workflow_id, kind, max_count, period_seconds, burst, created_by
  )
  values (
    tests.sample_id('workflow_flow_control'), 'tap-one', tests.sample_id('workflow'), 'throttle', 100000, 1, 100000,
    null
  );
  update stepbase.workflows set has_flow_controls = false where id = tests.sample_id('workflow');
  delete from stepbase_engine.flow_changes h where h.workflow_id = tests.sample_id('workflow');
  insert into stepbase.workflow_queries (id, app_code, workflow_id, query_name, created_by)
  values (
    tests.sample_id('workflow_query'), 'tap-one', tests.sample_id('workflow'), 'state', null
  );
  insert into stepbase.workflow_schedules (id, app_code, workflow_id, cron_expression, created_by)
  values (
    tests.sample_id('workflow_schedule'), 'tap-one', tests.sample_id('workflow'), '0 7 * * *', null
  );
  update stepbase.workflow_schedules set next_times = '{2100-01-01 07:00+00}' where id = tests.sample_id('workflow_schedule');
  insert into stepbase.ai_budgets (app_code, period, max_cost) values ('tap-one', 'day', 5);
  insert into stepbase.model_prices (model, input, output) values ('tap-model', 1, 2);
  -- Released, so that it holds nothing.
  insert into stepbase.incident_switches (id, app_code, scope, mode, reason, released_at, resumed_at)
  values (tests.sample_id('incident_switch'), 'tap-one', 'application', 'drain', 'sample', now(), now());
  insert into stepbase.run_operations (
    id, app_code, action, filter, previewed_at, status, total, done, failed, ended_at
  )
  values (tests.sample_id('run_operation'), 'tap-one', 'cancel', '{}', now(), 'stopped', 3, 1, 1, now());
  insert into stepbase.run_operation_failures (operation_id, run_id, app_code, code, message)
  values (tests.sample_id('run_operation'), gen_random_uuid(), 'tap-one', 'conflict', 'sample');
  insert into stepbase.run_views (id, app_code, name, filter, is_shared, created_by)
  values (tests.sample_id('run_view'), 'tap-one', 'sample', '{"status": "failed"}', true, null);
  insert into stepbase.schedule_runs (id, app_code, schedule_id, scheduled_at, cause, outcome, detail)
  values (
    tests.sample_id('schedule_run'), 'tap-one', tests.sample_id('workflow_schedule'), '2026-01-01', 'schedule',
    'skipped', 'overlap'
  );
  insert into stepbase.schedule_backfills (
    id, app_code, schedule_id, from_time, to_time, overlap_policy, status, completed_at
  )
  values (
    tests.sample_id('schedule_backfill'), 'tap-one', tests.sample_id('workflow_schedule'), '2026-01-01', '2026-01-02',
    'allow', 'cancelled', now()
  );
  insert into stepbase.workflow_triggers (id, app_code, workflow_id, trigger_type, event_name, created_by)
  values (
    tests.sample_id('workflow_trigger'), 'tap-one', tests.sample_id('workflow'), 'event', 'go', null
  );
  -- Disabled, so that ends of runs are not announced because of it.
  insert into stepbase.webhook_subscriptions (id, app_code, url, event_types, is_enabled, created_by)
  values (
    tests.sample_id('webhook_subscription'), 'tap-one', 'https://x.example/events', '{run.failed}', false, null
  );
  insert into stepbase.webhook_deliveries (
    id, app_code, subscription_id, event_type, payload, status, attempts, next_attempt_at, completed_at
  )
  values (
    tests.sample_id('webhook_delivery'), 'tap-one', tests.sample_id('webhook_subscription'), 'run.failed', '{}', 'failed',
    8, null, now()
  );
  insert into stepbase.workflow_children (
    id, app_code, parent_workflow_id, child_workflow_id, child_workflow_name, created_by
  )
  values (
    tests.sample_id('workflow_child'), 'tap-one', tests.sample_id('workflow'),
    tests.sample_id('workflow'), 'self', null
  );
  insert into stepbase.workflow_compilations (
    id, app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
    compiled_by
  )
  values (tests.sample_id('workflow_compilation'), 'tap-one', made, 'w', 'a', 'k', '{}', '{}', null);
  insert into stepbase.work_queue_items (id, app_code, work_queue_id, item)
  values (
    tests.sample_id('work_queue_item'), 'tap-one', tests.sample_id('work_queue'), '{"n": 1}'
  );
  insert into stepbase.refused_starts (id, app_code, database_trigger, workflow, event, error)
  values (tests.sample_id('refused_start'), 'tap-one', 'orders', 'w-00d001', 'insert', '{"code": "conflict"}');
  insert into stepbase.activity_statistics (id, app_code, workflow_id, step_type)
  values (
    tests.sample_id('activity_statistic'), 'tap-one', tests.sample_id('workflow'), 'transform'
  );
  insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, steps_total, event_seq, context_version)
  values (
    tests.sample_id('run'), 'tap-one', tests.sample_id('workflow'), made, 3, 1, 1
  );
  insert into stepbase.temporal_runs (run_id, app_code, namespace, task_queue, closed_at)
  values (tests.sample_id('run'), 'tap-one', 'n', 'q', now());
  insert into stepbase.step_runs (id, run_id, app_code, workflow_version_id, step_id, step_type)
  values (
    tests.sample_id('step_run'), tests.sample_id('run'), 'tap-one', made, 'first',
    'transform'
  );
  insert into stepbase.step_runs (
    id, run_id, app_code, workflow_version_id, step_id, step_type, status, output, context_version, started_at,
    completed_at
  )
  values (
    tests.sample_id('result'), tests.sample_id('run'), 'tap-one', made, 'before', 'transform', 'completed', '1', 1,
    now(), now()
  );
  insert into stepbase.task_decisions (id, app_code, run_id, step_run_id, user_id, via, approved)
  select
    tests.sample_id('task_decision'), 'tap-one', tests.sample_id('run'), tests.sample_id('step_run'), p.user_id, 'session',
    true
  from tests.person('admin') p;
  insert into stepbase.task_comments (id, app_code, run_id, step_run_id, body)
  values (tests.sample_id('task_comment'), 'tap-one', tests.sample_id('run'), tests.sample_id('step_run'), 'Why?');
  insert into stepbase.webhook_calls (id, app_code, trigger_id, verdict, input)
  values (tests.sample_id('webhook_call'), 'tap-one', tests.sample_id('workflow_trigger'), 'started', '{}');
  insert into stepbase.run_events (run_id, seq, app_code, event_type)
  values (tests.sample_id('run'), 1, 'tap-one', 'run.created');
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values ('tap-one', 'run', tests.sample_id('run'), 'run.changed');
  -- For stranger; the token in the mail was sbi_sample.
  insert into stepbase.invitations (id, app_code, email, role, is_by_operator, expires_at)
  values (tests.sample_id('invitation'), 'tap-one', 'stranger@tap.example', 'viewer', true, now() + interval '7 days');
  insert into stepbase_private.invitation_tokens (invitation_id, app_code, token_hash)
  values (tests.sample_id('invitation'), 'tap-one', encode(sha256('sbi_sample'), 'hex'));
  -- Beyond this transaction, whose rows no one else sees yet.
  perform stepbase_engine.seal_audit_app('tap-one', stepbase_engine.system_identifier(), '18446744073709551615', 10000);
end
$$;

comment on function tests.create_rows() is 'tests.create_people() and one row of every kind in tap-one.';

-- The rows for calls on runs, tasks, versions and webhooks.
create or replace function tests.create_tasks()
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform tests.create_rows();
  update stepbase.runs set status = 'running', started_at = now(), open_steps = 1 where id = tests.sample_id('run');
  insert into stepbase.runs (
    id, app_code, workflow_id, workflow_version_id, status, error, started_at, completed_at, open_steps, steps_total
  )
  select
    tests.sample_id(s.name), r.app_code, r.workflow_id, r.workflow_version_id, s.status, s.error::jsonb, now(),
    case when s.error is not null then now() end, s.open_steps, 3
  from stepbase.runs r
  cross join (
    values ('second_run', 'running', null, 1), ('failed_run', 'failed', '{"code": "x", "message": "x"}', 0)
  ) s (name, status, error, open_steps)
  where r.id = tests.sample_id('run');
  insert into stepbase.step_runs (
    id, run_id, app_code, workflow_version_id, step_id, step_type, status, wait_kind, task, started_at
  )
  select
    tests.sample_id(t.name), r.id, r.app_code, r.workflow_version_id, t.step_id, t.step_type, 'waiting', 'task',
    '{"title": "Go?"}', now()
  from (
    values ('approval', 'run', 'second', 'wait_for_approval'), ('user_task', 'second_run', 'third', 'user_task')
  ) t (name, run_name, step_id, step_type)
  join stepbase.runs r on r.id = tests.sample_id(t.run_name);
  insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, created_by)
  select tests.sample_id('draft'), v.app_code, v.workflow_id, 2, v.definition, null
  from stepbase.workflow_versions v
  where v.workflow_id = tests.sample_id('workflow');
  insert into stepbase.workflow_triggers (id, app_code, workflow_id, trigger_type, signature_scheme, created_by)
  values (tests.sample_id('webhook'), 'tap-one', tests.sample_id('workflow'), 'webhook', 'standard_webhooks', null);
  update stepbase.webhook_calls set trigger_id = tests.sample_id('webhook') where id = tests.sample_id('webhook_call');
end
$$;

comment on function tests.create_tasks() is
  'tests.create_rows() with the run in flight and waiting for an approval, a second run that waits for a user task, a '
  'failed run, a draft of the workflow and a webhook.';

-- Not in create_rows: a workflow with a running canary starts and publishes differently.
create or replace function tests.create_canary()
returns void
language plpgsql
set search_path = ''
as $$
declare
  made uuid;
begin
  made := tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d042');
  insert into stepbase.workflow_canaries (id, app_code, workflow_id, workflow_version_id, percent, created_by)
  values (tests.sample_id('canary'), 'tap-one', '00000000-0000-4000-8000-00000000d042', made, 10, null);
  update stepbase.workflows set canary_id = tests.sample_id('canary')
  where id = '00000000-0000-4000-8000-00000000d042';
end
$$;

comment on function tests.create_canary() is 'A workflow of tap-one with a running canary.';

grant usage on schema tests to anon, authenticated, service_role;
grant execute on all functions in schema tests to anon, authenticated, service_role;

begin;
set local search_path = public, extensions;
select plan(3);
select has_schema('tests');
select lives_ok('select tests.create_rows()', 'one row of every kind can be created');
select is(
  tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 1', 'a viewer sees the workflow of the application'
);
select * from finish();
rollback;
