-- Helpers for the tests: people of every role in three applications of two organizations, and a way to
-- try a statement as one of them. Stays in the database; every other file rolls back what it does.

create schema if not exists extensions;
create extension if not exists pgtap with schema extensions;
create schema if not exists tests;

comment on schema tests is 'Helpers of supabase/tests; not part of the product.';

-- Who is who: name → user id, application, database role.
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
  insert into auth.users (id, aud, role, email, encrypted_password)
  select p.user_id, 'authenticated', 'authenticated', n.who || '@tap.example', 'x'
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

comment on function tests.leave() is 'Back to the role the session came with, without claims.';

-- What happens when somebody tries a statement: 'ok <rows>' or the SQLSTATE. Leaves no trace.
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
  'Runs a statement as a person (or as the owner) and undoes it; returns ''ok <rows>'' or the SQLSTATE.';

-- The same, for good: for tests that need what a person did.
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

comment on function tests.detail_of(text, text) is 'The JSON detail of the error that a statement raises, null when none.';

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

comment on function tests.create_workflow(text, uuid, text) is 'Makes and publishes a small workflow; returns its version.';

-- One row of every kind in tap-one, with ids that end in the number given here.
create or replace function tests.create_rows()
returns void
language plpgsql
set search_path = ''
as $$
declare
  made uuid;
begin
  perform tests.create_people();
  made := tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');
  insert into stepbase.api_keys (id, app_code, name, prefix, key_hash, scopes)
  values (
    '00000000-0000-4000-8000-00000000d002', 'tap-one', 'key', 'sbk_tap', repeat('a', 64), array['run:read']
  );
  insert into stepbase.agent_prompts (id, app_code, name, prompt_content, created_by)
  values ('00000000-0000-4000-8000-00000000d003', 'tap-one', 'prompt', 'Be kind.', null);
  insert into stepbase.components (id, app_code, name, implementation_type, endpoint, created_by)
  values ('00000000-0000-4000-8000-00000000d004', 'tap-one', 'component', 'service_task', 'https://x.example', null);
  insert into stepbase.projects (id, app_code, name, created_by)
  values ('00000000-0000-4000-8000-00000000d005', 'tap-one', 'project', null);
  insert into stepbase.task_queues (id, app_code, name, created_by)
  values ('00000000-0000-4000-8000-00000000d006', 'tap-one', 'queue', null);
  insert into stepbase.workers (id, app_code, worker_id)
  values ('00000000-0000-4000-8000-00000000d007', 'tap-one', 'tap-worker');
  insert into stepbase.work_queues (id, app_code, workflow_id, queue_name, created_by)
  values (
    '00000000-0000-4000-8000-00000000d008', 'tap-one', '00000000-0000-4000-8000-00000000d001', 'items', null
  );
  insert into stepbase.workflow_signals (id, app_code, workflow_id, signal_name, created_by)
  values (
    '00000000-0000-4000-8000-00000000d009', 'tap-one', '00000000-0000-4000-8000-00000000d001', 'go', null
  );
  insert into stepbase.workflow_queries (id, app_code, workflow_id, query_name, created_by)
  values (
    '00000000-0000-4000-8000-00000000d010', 'tap-one', '00000000-0000-4000-8000-00000000d001', 'state', null
  );
  insert into stepbase.workflow_schedules (id, app_code, workflow_id, cron_expression, created_by)
  values (
    '00000000-0000-4000-8000-00000000d011', 'tap-one', '00000000-0000-4000-8000-00000000d001', '0 7 * * *', null
  );
  insert into stepbase.workflow_triggers (id, app_code, workflow_id, trigger_type, event_name, created_by)
  values (
    '00000000-0000-4000-8000-00000000d016', 'tap-one', '00000000-0000-4000-8000-00000000d001', 'event', 'go', null
  );
  insert into stepbase.workflow_children (
    id, app_code, parent_workflow_id, child_workflow_id, child_workflow_name, created_by
  )
  values (
    '00000000-0000-4000-8000-00000000d012', 'tap-one', '00000000-0000-4000-8000-00000000d001',
    '00000000-0000-4000-8000-00000000d001', 'self', null
  );
  insert into stepbase.workflow_compilations (
    id, app_code, workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
    compiled_by
  )
  values ('00000000-0000-4000-8000-00000000d013', 'tap-one', made, 'w', 'a', 'k', '{}', '{}', null);
  insert into stepbase.work_queue_items (id, app_code, work_queue_id, item)
  values (
    '00000000-0000-4000-8000-00000000d014', 'tap-one', '00000000-0000-4000-8000-00000000d008', '{"n": 1}'
  );
  insert into stepbase.activity_statistics (id, app_code, workflow_id, step_type)
  values (
    '00000000-0000-4000-8000-00000000d015', 'tap-one', '00000000-0000-4000-8000-00000000d001', 'transform'
  );
  insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, steps_total, event_seq, context_version)
  values (
    '00000000-0000-4000-8000-00000000d020', 'tap-one', '00000000-0000-4000-8000-00000000d001', made, 3, 1, 1
  );
  insert into stepbase.step_runs (id, run_id, app_code, workflow_version_id, step_id, step_type)
  values (
    '00000000-0000-4000-8000-00000000d021', '00000000-0000-4000-8000-00000000d020', 'tap-one', made, 'first',
    'transform'
  );
  insert into stepbase.run_context (run_id, version, app_code, step_id, patch)
  values ('00000000-0000-4000-8000-00000000d020', 1, 'tap-one', 'first', '{"first": 1}');
  insert into stepbase.run_events (run_id, seq, app_code, event_type)
  values ('00000000-0000-4000-8000-00000000d020', 1, 'tap-one', 'run.created');
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values ('tap-one', 'run', '00000000-0000-4000-8000-00000000d020', 'run.changed');
end
$$;

comment on function tests.create_rows() is 'tests.create_people() and one row of every kind in tap-one.';

grant usage on schema tests to anon, authenticated, service_role;
grant execute on all functions in schema tests to anon, authenticated, service_role;

begin;
set local search_path = public, extensions;
select plan(3);
select has_schema('tests');
select lives_ok('select tests.create_rows()', 'one row of every kind can be made');
select is(
  tests.attempt('viewer', 'select 1 from stepbase.workflows'), 'ok 1', 'a viewer sees the workflow of the application'
);
select * from finish();
rollback;
