-- The access matrix of the RPCs: the outcome of each function of the exposed schema for each person.
--
-- One row for each function: the outcome for each of eight people, and the call. tables.matrix.test.sql explains the
-- people and the outcomes; SB403 is permission_denied, SB404 is not_found (a row of another application, which the
-- caller cannot distinguish from one that does not exist). A call that creates something creates it in the caller's own
-- application, so sister and foreigner succeed. To add a function, add its row; a function without one fails this
-- test. Calls that depend on more than the role have their own tests (run_rpcs, api_keys, membership).

begin;
set local search_path = public, extensions;

create temporary table matrix (function_name text, outcomes text, statement text);
insert into matrix (function_name, outcomes, statement)
values
  ('adopt_api_key',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select adopt_api_key({api_key})$$),
  ('cancel_run',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select cancel_run({run})$$),
  ('complete_task',              '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select complete_task({user_task})$$),
  ('context',                    '1 1 1 | 0 0 0 0 | -',                          $$select context(r) from runs r where r.id = {run}$$),
  ('context_at',                 '1 1 1 | 0 0 0 0 | -',                          $$select 1 from context_at({run}, 1) c where c <> '{}'$$),
  ('create_api_key',             '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_api_key('fresh')$$),
  -- The caller has no organization there.
  ('create_application',         'SB404 SB404 SB404 | SB404 SB404 SB404 SB404 | -',
    $$select create_application('tap-fresh', 'Fresh', '00000000-0000-4000-8000-00000000e00f')$$),
  ('create_organization',        '1 1 1 | 1 1 1 1 | -',                          $$select create_organization('tap-fresh', 'Fresh')$$),
  ('create_role',                '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_role('finance', '{run:read}')$$),
  ('create_webhook',             '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select create_webhook('w-00d001')$$),
  ('deactivate_application',     '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select deactivate_application('tap-one')$$),
  ('decide_approval',            '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select decide_approval({approval}, true)$$),
  ('delete_application',         '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select delete_application('tap-one', true)$$),
  -- It has applications.
  ('delete_organization',        'SB409 SB403 SB403 | SB409 SB404 SB404 SB404 | -',
    $$select delete_organization('00000000-0000-4000-8000-00000000e001')$$),
  ('delete_role',                '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select delete_role('auditor')$$),
  ('emit_event',                 '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select emit_event('order.paid')$$),
  ('erase_person',               '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select erase_person({viewer})$$),
  ('create_service_account',     '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_service_account('fresh', 'viewer')$$),
  ('explain_workflow',           '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select explain_workflow('w-00d001')$$),
  ('export_application',         '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select export_application('runs')$$),
  -- The last admin cannot leave.
  ('leave_application',          'SB409 1 1 | SB409 SB409 SB403 SB403 | -',      $$select leave_application()$$),
  ('my_applications',            '1 1 1 | 0 0 0 0 | -',                          $$select 1 from my_applications() where app_code = 'tap-one'$$),
  ('my_profile',                 '1 1 1 | 1 1 1 1 | -',                          $$select my_profile()$$),
  ('pause_run',                  '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select pause_run({run})$$),
  ('delete_secret',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select delete_secret('tap_key')$$),
  ('project_statistics',         '1 1 1 | 0 0 0 0 | -',                          $$select 1 from project_statistics() where project_id = {project}$$),
  ('publish_workflow',           '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select publish_workflow({draft})$$),
  ('list_secrets',               '1 1 SB403 | 0 0 SB403 SB403 | -',              $$select 1 from list_secrets()$$),
  ('query_run',                  '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select query_run({run}, 'status')$$),
  ('reactivate_application',     '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select reactivate_application('tap-one')$$),
  ('redrive',                    '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select redrive(array[{failed_run}]::uuid[])$$),
  ('remove_member',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select remove_member({viewer})$$),
  ('rerun',                      '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select rerun({failed_run})$$),
  ('resume_run',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select resume_run({run})$$),
  ('revoke_api_key',             '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select revoke_api_key({api_key})$$),
  ('rotate_webhook_secret',      '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select rotate_webhook_secret({webhook})$$),
  ('save_workflow',              '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select save_workflow('w-00d001', '{"nodes": [], "edges": []}')$$),
  ('search_runs',                '1 1 1 | 0 0 0 0 | -',                          $$select 1 from search_runs('sample') where id = {run}$$),
  ('rotate_api_key',             '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select rotate_api_key({api_key})$$),
  ('search_workflows',           '1 1 1 | 0 0 0 0 | -',                          $$select 1 from search_workflows('seeds') where id = {workflow}$$),
  ('rollback_secret',            '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select rollback_secret('tap_key', 1)$$),
  ('send_signal',                '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select send_signal({run}, 'go')$$),
  ('set_member_role',            '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select set_member_role({viewer}, 'developer')$$),
  ('start_run',                  '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select start_run('w-00d001', '{}')$$),
  ('switch_app',                 '1 1 1 | SB404 SB404 SB404 SB404 | -',          $$select switch_app('tap-one')$$),
  ('update_application',         '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select update_application('Renamed')$$),
  ('update_organization',        '1 SB403 SB403 | 1 SB404 SB404 SB404 | -',
    $$select update_organization('00000000-0000-4000-8000-00000000e001', 'Renamed')$$),
  ('update_role',                '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select update_role('auditor', '{run:read}')$$),
  ('workflow_statistics',        '1 1 1 | 0 0 0 0 | -',                          $$select 1 from workflow_statistics() where workflow_id = {workflow}$$),
  -- Only the auth server calls these.
  ('custom_access_token_hook',   '- - - | - - - - | -',                          $$select stepbase_private.custom_access_token_hook('{}')$$),
  ('set_secret',                 '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select set_secret('fresh', 'value')$$),
  ('update_service_account',     '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select update_service_account({service_account}, 'admin')$$),
  ('password_verification_hook', '- - - | - - - - | -',                          $$select stepbase_private.password_verification_hook('{}')$$);

create temporary view cells as
select m.function_name, o.who, tests.expand(m.statement) as statement, o.answer, o.meaning
from matrix m
cross join lateral tests.outcomes(m.outcomes) o;

select plan(3 + (select count(*)::int from cells));
select tests.create_tasks();
select stepbase_engine.refresh_statistics();

select is_empty(
  $$select p.proname from pg_proc p
    where p.pronamespace = tests.exposed_schema()::regnamespace
      and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    except
    select m.function_name from matrix m$$,
  'every function of the exposed schema has a row'
);
select is_empty(
  $$select p.proname from pg_proc p
    where p.pronamespace = tests.exposed_schema()::regnamespace
      and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    group by p.proname having count(*) > 1$$,
  'no function of the exposed schema is overloaded: one row covers each'
);
select is_empty(
  $$select m.function_name from matrix m
    where m.statement !~ format('^select (1 from )?(\w+\.)?%s\(', m.function_name)
      or (select count(*) from tests.outcomes(m.outcomes) o where o.who is not null and o.answer is not null) <> 8$$,
  'every row calls its function and has an outcome for each of the eight people'
);

select is(tests.attempt(c.who, c.statement), c.answer, format('%s as %s: %s', c.function_name, c.who, c.meaning))
from cells c;

select * from finish();
rollback;
