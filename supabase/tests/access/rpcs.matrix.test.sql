-- The access matrix of the RPCs: the outcome of each function of the exposed schema for each person.
--
-- One row for each function: the outcome for each of eight people, and the call. tables.matrix.test.sql explains the
-- people and the outcomes; SB403 is permission_denied, SB404 is not_found (a row of another application, which the
-- caller cannot distinguish from one that does not exist). A call that creates something creates it in the caller's own
-- application, so sister and foreigner succeed. To add a function, add its row; a function without one fails this
-- test. Calls that depend on more than the role have their own tests (run_rpcs, api_keys, membership).
--
-- With the secret key and the header x-stepbase-app, a call has the outcome of an admin of that application; the table
-- of exceptions lists the others. For the people the header has no effect, so it names tap-one in all of their calls.

begin;
set local search_path = public, extensions;

create temporary table matrix (function_name text, outcomes text, statement text);
insert into matrix (function_name, outcomes, statement)
values
  ('accept_invitation',          'SB413 SB413 SB413 | SB413 SB413 1 SB413 | -',  $$select accept_invitation('sbi_sample')$$),
  ('adopt_api_key',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select adopt_api_key({api_key})$$),
  ('audit_anchor',               '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select audit_anchor()$$),
  ('backfill_schedule',          '1 1 SB403 | SB404 SB404 SB403 SB403 | -',
    $$select backfill_schedule({workflow_schedule}, '2026-01-01', '2026-01-02')$$),
  ('cancel_backfill',            '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select cancel_backfill({schedule_backfill})$$),
  ('cancel_run',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select cancel_run({run})$$),
  ('compare_runs',               '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select compare_runs({run}, {failed_run})$$),
  ('claim_task',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select claim_task({user_task})$$),
  ('comment_task',               '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select comment_task({user_task}, 'Why?')$$),
  ('complete_task',              '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select complete_task({user_task})$$),
  ('context',                    '1 1 1 | 0 0 0 0 | -',                          $$select context(r) from runs r where r.id = {run}$$),
  ('context_at',                 '1 1 1 | 0 0 0 0 | -',                          $$select 1 from context_at({run}, 1) c where c <> '{}'$$),
  -- The run already has the published version.
  ('continue_on_version',        'SB409 SB409 SB403 | SB404 SB404 SB403 SB403 | -', $$select continue_on_version({run})$$),
  ('count_items',                '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select count_items({run}, 'first')$$),
  ('count_runs',                 '1 1 1 | 1 1 SB403 SB403 | -',                  $$select count_runs()$$),
  ('create_api_key',             '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_api_key('fresh')$$),
  -- The caller has no organization there.
  ('create_application',         'SB404 SB404 SB404 | SB404 SB404 SB404 SB404 | -',
    $$select create_application('tap-fresh', 'Fresh', '00000000-0000-4000-8000-00000000e00f')$$),
  ('create_organization',        '1 1 1 | 1 1 1 1 | -',                          $$select create_organization('tap-fresh', 'Fresh')$$),
  ('create_role',                '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_role('finance', '{run:read}')$$),
  ('create_service_account',     '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select create_service_account('fresh', 'viewer')$$),
  ('create_webhook',             '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select create_webhook('w-00d001')$$),
  ('create_webhook_subscription', '1 1 SB403 | 1 1 SB403 SB403 | -',
    $$select create_webhook_subscription('https://x.example', '{run.failed}')$$),
  ('deactivate_application',     '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select deactivate_application('tap-one')$$),
  ('dead_letter_groups',         '1 1 1 | 1 1 SB403 SB403 | -',                  $$select dead_letter_groups()$$),
  ('decide_approval',            '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select decide_approval({approval}, true)$$),
  ('decline_invitation',         'SB413 SB413 SB413 | SB413 SB413 1 SB413 | -',  $$select decline_invitation('sbi_sample')$$),
  ('delegate_task',              '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select delegate_task({user_task}, {viewer})$$),
  ('delete_ai_budget',           '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select delete_ai_budget('day')$$),
  ('delete_application',         '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select delete_application('tap-one', true)$$),
  -- It has applications.
  ('delete_organization',        'SB409 SB403 SB403 | SB409 SB404 SB404 SB404 | -',
    $$select delete_organization('00000000-0000-4000-8000-00000000e001')$$),
  ('delete_role',                '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select delete_role('auditor')$$),
  ('delete_secret',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select delete_secret('tap_key')$$),
  ('diff_versions',              '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select diff_versions({draft}, {draft})$$),
  ('emit_event',                 '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select emit_event('order.paid')$$),
  ('erase_person',               '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select erase_person({viewer})$$),
  ('explain_run',                '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select explain_run({run})$$),
  ('explain_workflow',           '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select explain_workflow('w-00d001')$$),
  ('export_application',         '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select export_application('runs')$$),
  ('export_person',              '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select export_person({viewer})$$),
  ('incident_status',            '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select incident_status({incident_switch})$$),
  ('invite_member',              '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select invite_member('fresh@tap.example')$$),
  -- The last admin cannot leave.
  ('leave_application',          'SB409 1 1 | SB409 SB409 SB403 SB403 | -',      $$select leave_application()$$),
  ('list_database_triggers',     '0 0 0 | 0 0 SB403 SB403 | -',                  $$select 1 from list_database_triggers()$$),
  ('list_organization_members',  '3 3 3 | 1 SB404 SB404 SB404 | -',
    $$select 1 from list_organization_members('00000000-0000-4000-8000-00000000e001')$$),
  ('list_events',                '1 1 1 | 1 1 SB403 SB403 | -',                  $$select list_events()$$),
  ('list_items',                 '0 0 0 | SB404 SB404 SB403 SB403 | -',          $$select 1 from list_items({run}, 'first')$$),
  ('list_secrets',               '1 1 SB403 | 0 0 SB403 SB403 | -',              $$select 1 from list_secrets()$$),
  ('list_sign_ins',              '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select 1 from list_sign_ins() limit 1$$),
  ('list_waiting_runs',          '1 1 1 | 1 1 SB403 SB403 | -',                  $$select list_waiting_runs('default')$$),
  ('list_workflows',             '1 1 1 | 0 0 SB403 SB403 | -',                  $$select 1 from list_workflows() s where s::text ~ {workflow}$$),
  ('my_applications',            '1 1 1 | 0 0 0 0 | -',                          $$select 1 from my_applications() where app_code = 'tap-one'$$),
  ('my_invitations',             '0 0 0 | 0 0 1 0 | -',                          $$select my_invitations()$$),
  ('my_profile',                 '1 1 1 | 1 1 1 1 | -',                          $$select my_profile()$$),
  ('next_schedule_times',        '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select 1 from next_schedule_times({workflow_schedule})$$),
  ('pause_run',                  '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select pause_run({run})$$),
  ('preview_continue',           'SB409 SB409 SB409 | SB404 SB404 SB403 SB403 | -', $$select preview_continue({run})$$),
  ('preview_operation',          '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select preview_operation('cancel', '{}')$$),
  ('preview_rerun',              '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select preview_rerun({failed_run})$$),
  ('project_statistics',         '1 1 1 | 0 0 0 0 | -',                          $$select 1 from project_statistics() where project_id = {project}$$),
  ('publish_workflow',           '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select publish_workflow({draft})$$),
  ('promote_canary',             '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select promote_canary({canary})$$),
  ('query_run',                  '1 1 1 | SB404 SB404 SB403 SB403 | -',          $$select query_run({run}, 'status')$$),
  ('reactivate_application',     '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',  $$select reactivate_application('tap-one')$$),
  ('read_ai_usage',              '1 1 1 | 1 1 SB403 SB403 | -',                  $$select read_ai_usage()$$),
  ('read_invitation',            'SB413 SB413 SB413 | SB413 SB413 1 SB413 | -',  $$select read_invitation('sbi_sample')$$),
  ('read_overview',              '1 1 1 | 1 1 SB403 SB403 | -',                  $$select read_overview()$$),
  ('read_queues',                '1 1 1 | 1 1 SB403 SB403 | -',                  $$select read_queues()$$),
  ('read_statistics_series',     '1 1 1 | 1 1 SB403 SB403 | -',                  $$select read_statistics_series()$$),
  ('read_statistics',            '1 1 1 | 1 1 SB403 SB403 | -',                  $$select read_statistics()$$),
  ('redrive',                    '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select redrive(array[{failed_run}]::uuid[])$$),
  ('release_task',               '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select release_task({user_task})$$),
  ('release_incident_switch',    '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select release_incident_switch({incident_switch})$$),
  ('register_worker',            '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select register_worker('fresh')$$),
  ('remove_member',              '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select remove_member({viewer})$$),
  ('replay_webhook_call',        '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select replay_webhook_call({webhook_call})$$),
  ('rerun',                      '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select rerun({failed_run})$$),
  ('resend_invitation',          '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select resend_invitation({invitation})$$),
  ('resume_run',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select resume_run({run})$$),
  ('retry_delivery',             '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select retry_delivery({webhook_delivery})$$),
  ('revoke_api_key',             '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select revoke_api_key({api_key})$$),
  ('revoke_invitation',          '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select revoke_invitation({invitation})$$),
  ('rollback_secret',            '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select rollback_secret('tap_key', 1)$$),
  ('rotate_api_key',             '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select rotate_api_key({api_key})$$),
  ('rotate_component_secret',    '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select rotate_component_secret({component})$$),
  ('rotate_webhook_secret',      '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select rotate_webhook_secret({webhook})$$),
  ('rotate_webhook_subscription_secret', '1 1 SB403 | SB404 SB404 SB403 SB403 | -',
    $$select rotate_webhook_subscription_secret({webhook_subscription})$$),
  ('run_schedule_now',           '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select run_schedule_now({workflow_schedule})$$),
  ('save_workflow',              '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select save_workflow('w-00d001', '{"nodes": [], "edges": []}')$$),
  ('search_runs',                '1 1 1 | 0 0 SB403 SB403 | -',
    $$select 1 from search_runs() s where s @? '$.items[*].id'::jsonpath and s::text ~ {run}$$),
  ('search_workflows',           '1 1 1 | 0 0 0 0 | -',                          $$select 1 from search_workflows('seeds') where id = {workflow}$$),
  ('send_signal',                '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select send_signal({run}, 'go')$$),
  ('send_test_event',            '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select send_test_event({webhook_subscription})$$),
  ('set_ai_budget',              '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select set_ai_budget('month', 5)$$),
  ('set_incident_switch',        '1 1 SB403 | 1 1 SB403 SB403 | -',              $$select set_incident_switch('application', 'test')$$),
  ('set_member_role',            '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select set_member_role({viewer}, 'developer')$$),
  ('set_secret',                 '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select set_secret('fresh', 'value')$$),
  ('start_canary',               '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select start_canary({draft})$$),
  -- It needs a preview.
  ('start_operation',            'SB400 SB400 SB403 | SB400 SB400 SB403 SB403 | -', $$select start_operation('pause', '{}', 'x')$$),
  ('stop_canary',                '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select stop_canary({canary})$$),
  ('test_workflow',              '1 1 SB403 | 1 1 SB403 SB403 | -',
    $$select test_workflow('w-00d001', '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}], "edges": []}')$$),
  ('start_run',                  '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select start_run('w-00d001', '{}')$$),
  ('start_runs',                 '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select start_runs('w-00d001', '[{}]')$$),
  -- Operators' SQL; operator_sql.test.sql has the roles that may execute it.
  ('allow_function',             '- - - | - - - - | -',                          $$select allow_function('pg_catalog.now()')$$),
  ('create_database_trigger',    '- - - | - - - - | -',                          $$select create_database_trigger('pg_class', '{insert}', 'w-00d001')$$),
  ('disallow_function',          '- - - | - - - - | -',                          $$select disallow_function('pg_catalog.now()')$$),
  ('doctor',                     '- - - | - - - - | -',                          $$select doctor()$$),
  ('drop_database_trigger',      '- - - | - - - - | -',                          $$select drop_database_trigger('orders')$$),
  ('start_run_as',               '- - - | - - - - | -',                          $$select start_run_as('tap-one', 'w-00d001')$$),
  ('stop_operation',             '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select stop_operation({run_operation})$$),
  ('switch_app',                 '1 1 1 | SB404 SB404 SB404 SB404 | -',          $$select switch_app('tap-one')$$),
  ('task_counts',                '1 1 1 | 1 1 1 1 | -',                          $$select task_counts()$$),
  -- It is in that organization already.
  ('transfer_application',       '1 SB403 SB403 | SB404 SB404 SB404 SB404 | -',
    $$select transfer_application('tap-one', '00000000-0000-4000-8000-00000000e001')$$),
  ('update_application',         '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select update_application('Renamed')$$),
  ('update_canary',              '1 1 SB403 | SB404 SB404 SB403 SB403 | -',      $$select update_canary({canary}, 20)$$),
  ('update_organization',        '1 SB403 SB403 | 1 SB404 SB404 SB404 | -',
    $$select update_organization('00000000-0000-4000-8000-00000000e001', 'Renamed')$$),
  ('update_role',                '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select update_role('auditor', '{run:read}')$$),
  ('update_service_account',     '1 SB403 SB403 | SB404 SB404 SB403 SB403 | -',  $$select update_service_account({service_account}, 'admin')$$),
  ('version',                    '1 1 1 | 1 1 1 1 | -',                          $$select version()$$),
  ('verify_audit_log',           '1 SB403 SB403 | 1 1 SB403 SB403 | -',          $$select verify_audit_log()$$),
  ('workflow_statistics',        '1 1 1 | 0 0 0 0 | -',                          $$select 1 from workflow_statistics() where workflow_id = {workflow}$$),
  -- Only the auth server calls these.
  ('custom_access_token_hook',   '- - - | - - - - | -',                          $$select stepbase_private.custom_access_token_hook('{}')$$),
  ('password_verification_hook', '- - - | - - - - | -',                          $$select stepbase_private.password_verification_hook('{}')$$);

-- With the secret key: the outcomes for tap-one, for tap-two, and without the header, where they are not those of
-- admin, of sister, and SB400.
create temporary table with_secret_key (function_name text, own text, other text, none text);
insert into with_secret_key (function_name, own, other, none)
values
  -- Only a member or a service account owns a key.
  ('adopt_api_key', 'SB403', 'SB403', 'SB400'),
  ('create_api_key', 'SB400', 'SB400', 'SB400'),
  -- Without the header, the secret key reads them as it reads the tables.
  ('context', '1', '1', '1'),
  ('context_at', '1', '0', '1'),
  ('task_counts', '1', '1', '1'),
  -- Only a person claims a task.
  ('claim_task', 'SB403', 'SB404', 'SB400'),
  -- They are about the account of a user.
  ('accept_invitation', 'SB401', 'SB401', 'SB401'),
  ('create_application', 'SB401', 'SB401', 'SB401'),
  ('create_organization', 'SB401', 'SB401', 'SB401'),
  ('decline_invitation', 'SB401', 'SB401', 'SB401'),
  ('delete_organization', 'SB401', 'SB401', 'SB401'),
  ('leave_application', 'SB401', 'SB401', 'SB401'),
  ('list_organization_members', 'SB401', 'SB401', 'SB401'),
  ('my_applications', 'SB401', 'SB401', 'SB401'),
  ('my_invitations', 'SB401', 'SB401', 'SB401'),
  ('my_profile', 'SB401', 'SB401', 'SB401'),
  ('read_invitation', 'SB401', 'SB401', 'SB401'),
  ('switch_app', 'SB401', 'SB401', 'SB401'),
  ('transfer_application', 'SB401', 'SB401', 'SB401'),
  ('update_organization', 'SB401', 'SB401', 'SB401'),
  -- It names the application itself, so that functions and jobs of the operator need no header.
  ('start_run_as', 'ok 1', 'leak', 'leak'),
  -- It is about the installation.
  ('doctor', '1', '1', '1'),
  ('version', '1', '1', '1'),
  -- Only the operator's own role.
  ('allow_function', '42501', '42501', '42501'),
  ('create_database_trigger', '42501', '42501', '42501'),
  ('disallow_function', '42501', '42501', '42501'),
  ('drop_database_trigger', '42501', '42501', '42501'),
  ('custom_access_token_hook', '42501', '42501', '42501'),
  ('password_verification_hook', '42501', '42501', '42501');

create temporary view secret_key_cells as
select
  m.function_name, tests.expand(m.statement) as statement, h.app,
  regexp_replace(h.outcome, '^(?=\d{1,4}$)', 'ok ') as answer
from matrix m
cross join lateral regexp_split_to_array(trim(m.outcomes), '[ |]+') o (codes)
left join with_secret_key e on e.function_name = m.function_name
cross join lateral (
  values
    ('tap-one', coalesce(e.own, o.codes[1])), ('tap-two', coalesce(e.other, o.codes[4])), (null, coalesce(e.none, 'SB400'))
) h (app, outcome);

-- The rows of all tables that do not belong to an application.
create function pg_temp.rows_beyond(p_app text)
returns text
language plpgsql
as $$
declare
  v_table record;
  v_rows text;
  v_all text := '';
begin
  for v_table in
    select c.oid::regclass as name
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'app_code' and not a.attisdropped
    where c.relnamespace::regnamespace::text in ('stepbase', 'stepbase_private', 'stepbase_engine')
      and c.relkind in ('r', 'p') and not c.relispartition
    order by 1
  loop
    execute format(
      'select md5(string_agg(t::text, chr(10) order by t::text)) from %s t where t.app_code is distinct from $1', v_table.name
    ) into v_rows using p_app;
    v_all := v_all || v_table.name || coalesce(v_rows, '-');
  end loop;
  return v_all;
end;
$$;

-- The outcome of a call with the secret key, as tests.attempt(); 'leak' if it changes a row of another application.
create function pg_temp.with_secret_key(p_app text, p_statement text)
returns text
language plpgsql
as $$
declare
  v_before constant text := pg_temp.rows_beyond(p_app);
  v_count bigint;
begin
  perform set_config(
    'request.headers', jsonb_strip_nulls(jsonb_build_object('x-stepbase-app', p_app, 'accept', '*/*'))::text, true
  );
  perform tests.become('service');
  execute p_statement;
  get diagnostics v_count = row_count;
  perform tests.leave();
  raise exception using
    errcode = 'TAP00',
    message = case when pg_temp.rows_beyond(p_app) = v_before then 'ok ' || v_count else 'leak' end;
exception
  when sqlstate 'TAP00' then
    return sqlerrm;
  when others then
    return sqlstate;
end;
$$;

create temporary view cells as
select m.function_name, o.who, tests.expand(m.statement) as statement, o.answer, o.meaning
from matrix m
cross join lateral tests.outcomes(m.outcomes) o;

select plan(9 + (select count(*)::int from cells) + (select count(*)::int from secret_key_cells));
select tests.create_tasks();
select tests.create_canary();
select stepbase_engine.refresh_statistics();
select tests.create_workflow('tap-two', gen_random_uuid());
select set_config('request.headers', '{"x-stepbase-app": "tap-one"}', true);

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

select is(
  pg_temp.with_secret_key(c.app, c.statement), c.answer,
  format('%s with the secret key, %s', c.function_name, coalesce('for ' || c.app, 'without an application'))
)
from secret_key_cells c;
select is(pg_temp.with_secret_key('tap-none', $$select stepbase.emit_event('order.paid')$$), 'SB404', 'an unknown application is refused');
select is(pg_temp.with_secret_key('', $$select stepbase.emit_event('order.paid')$$), 'SB400', 'an empty name counts as none');
update stepbase.applications set deleted_at = now() where app_code = 'tap-two';
select is(
  pg_temp.with_secret_key('tap-two', $$select stepbase.emit_event('order.paid')$$), 'SB404', 'a deleted application is refused'
);
update stepbase.applications set deleted_at = null where app_code = 'tap-two';

-- What the header gives to callers with other roles: the application of the caller, before and after.
create function pg_temp.app_of(p_claims jsonb, p_role text)
returns text
language plpgsql
as $$
declare
  v_app text;
begin
  perform set_config('request.headers', '{"x-stepbase-app": "tap-two"}', true);
  perform set_config('request.jwt.claims', p_claims::text, true);
  perform set_config('role', p_role, true);
  v_app := concat_ws(' ', stepbase_private.app_code(), (select c.app_code from stepbase_private.caller() c));
  perform tests.leave();
  return v_app;
end;
$$;
select is(
  pg_temp.app_of(
    jsonb_build_object('role', 'authenticated', 'sub', (select p.user_id from tests.person('viewer') p), 'app_code', 'tap-one'),
    'authenticated'
  ), 'tap-one tap-one', 'the header is ignored for users'
);
select is(
  pg_temp.app_of(
    jsonb_build_object('role', 'authenticated', 'api_key_id', tests.sample_id('api_key')), 'authenticated'
  ), 'tap-one tap-one', 'the header is ignored for API keys'
);
select is(
  pg_temp.app_of('{"role": "authenticated", "app_role": "service_role", "user_role": "service_role"}', 'authenticated'), '',
  'the header is ignored for other claims with the name of the role'
);

select * from finish();
rollback;
