-- Changing, deactivating and deleting an application: the bounds of the operator, open runs, and the grace period.

begin;
set local search_path = public, extensions;
select plan(43);
select tests.create_tasks();

create function pg_temp.state(p_who text, p_call text)
returns text
language sql
as $$ select tests.perform_as(p_who, format('select stepbase.%s ->> ''status''', p_call)) $$;

-- Names and limits.
select is(
  tests.perform_as(
    'admin', $$select (stepbase.update_application(' Shop ', run_retention_days => 7, max_waiting_runs => 5))::text$$
  ) ~ ',Shop,"",.*,7,90,365,5,',
  true, 'an admin renames the application and changes its limits; the rest stays'
);
select is(
  tests.perform_as('admin', 'select (stepbase.update_application(max_waiting_runs => 0)).max_waiting_runs'), null,
  '0 ends the limit of waiting runs'
);
update stepbase.app_quotas
set
  max_run_retention_days = 30, max_event_retention_days = 60, min_audit_retention_days = 180,
  max_audit_retention_days = 400, max_open_runs = 50
where app_code = 'tap-one';
select is(tests.attempt('admin', t.statement), t.answer, t.what)
from (
  values
    ('a name is not blank', 'SB400', $$select stepbase.update_application('')$$),
    ('runs are not kept longer than the operator allows', 'SB400', $$select stepbase.update_application(run_retention_days => 31)$$),
    ('nor events', 'SB400', $$select stepbase.update_application(event_retention_days => 61)$$),
    ('the audit log is not kept for less', 'SB400', $$select stepbase.update_application(audit_retention_days => 179)$$),
    ('nor for more', 'SB400', $$select stepbase.update_application(audit_retention_days => 401)$$),
    ('no more runs wait than may be open', 'SB400', $$select stepbase.update_application(max_waiting_runs => 51)$$),
    ('values at the bounds are allowed', 'ok 1',
      $$select stepbase.update_application(
        run_retention_days => 30, event_retention_days => 60, audit_retention_days => 180)$$),
    ('an update of the table has the same bounds', 'SB400',
      $$update stepbase.applications set run_retention_days = 31 where app_code = 'tap-one'$$),
    ('a value above a bound that was lowered later may stay', 'ok 1', $$select stepbase.update_application('Other')$$)
) t (what, answer, statement);
select is(
  tests.attempt('owner', $$update stepbase.applications set run_retention_days = 31 where app_code = 'tap-one'$$), 'ok 1',
  'the operator may exceed the bounds'
);

-- Organizations.
select is(
  tests.perform_as('admin', $$select (stepbase.update_organization('00000000-0000-4000-8000-00000000e001', 'Tap Ltd', 'tap-ltd')).slug$$),
  'tap-ltd', 'an admin of one of its applications renames an organization'
);
select is(
  tests.attempt('admin', $$select stepbase.update_organization('00000000-0000-4000-8000-00000000e001', null, 'tap-other-org')$$),
  'SB409', 'a slug is unique'
);
select is(
  tests.attempt('admin', $$select stepbase.update_organization('00000000-0000-4000-8000-00000000e001', null, 'Tap')$$),
  'SB400', 'and kebab-case'
);
select is(
  tests.perform_as('stranger', $$select (stepbase.delete_organization((stepbase.create_organization('brief', 'Brief')).id)).slug$$),
  'brief', 'a creator deletes an organization without applications'
);

-- Deactivation.
insert into stepbase.workflow_schedules (id, app_code, workflow_id, cron_expression, next_run_at)
values ('00000000-0000-4000-8000-00000000c101', 'tap-one', tests.sample_id('workflow'), '0 8 * * *', now());
select is(pg_temp.state('admin', $$deactivate_application('tap-one')$$), 'deactivated', 'an admin deactivates the application');
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 0', 'its members have no access');
select is(
  (select r.status from stepbase.runs r where r.id = tests.sample_id('run')), 'running', 'its open runs continue'
);
select throws_ok(
  format(
    $$select stepbase_engine.start_triggered('tap-one', %L, '{}', 'schedule', null, null, '{}')$$, tests.sample_id('workflow')
  ),
  'SB409', 'The application is deactivated', 'schedules, events and webhooks start nothing'
);
select is(
  tests.perform_as('admin', $$select deactivated_at is not null and purge_at is null and role = 'admin' and not is_current
    from stepbase.my_applications() where app_code = 'tap-one'$$),
  'true', 'my_applications lists it as deactivated'
);
select is(
  stepbase_private.custom_access_token_hook('{"user_id": "00000000-0000-4000-8000-00000000f001", "claims": {}}')
    #>> '{claims,app_code}', null, 'the next token is not for it'
);
select is(tests.attempt(p.who, $$select stepbase.reactivate_application('tap-one')$$), p.answer, p.what)
from (
  values
    ('developer', 'SB403', 'a developer cannot reactivate it'), ('sister', 'SB404', 'nor an admin of another application')
) p (who, answer, what);
select is(pg_temp.state('admin', $$reactivate_application('tap-one')$$), 'active', 'an admin reactivates it');
select is(tests.attempt('developer', 'select 1 from stepbase.workflows'), 'ok 1', 'its members have access again');
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(
  tests.attempt('admin', $$select stepbase.reactivate_application('tap-one')$$), 'SB403',
  'what the operator deactivated only the operator reactivates'
);
update stepbase.applications set deleted_at = null where app_code = 'tap-one';

-- Deletion.
select is(
  tests.detail_of('admin', $$select stepbase.delete_application('tap-one')$$), '{"code": "conflict", "open_runs": 2}',
  'open runs refuse the deletion, with their number'
);
select tests.leave();
select is(pg_temp.state('admin', $$delete_application('tap-one', true)$$), 'deleting', 'force cancels them');
select is_empty(
  $$select 1 from stepbase.runs r where r.app_code = 'tap-one' and r.status in ('pending', 'running', 'paused')$$, 'no run is open'
);
select is(
  (select a.purge_at - stepbase_engine.now() between interval '29 days' and interval '31 days'
   from stepbase.applications a where a.app_code = 'tap-one'),
  true, 'the grace period is that of the installation'
);
select is(
  (stepbase_engine.purge_applications() ->> 'deleted')::int, 0, 'maintenance deletes nothing within the grace period'
);
select is(pg_temp.state('admin', $$reactivate_application('tap-one')$$), 'active', 'an admin cancels the deletion');
select is(
  tests.perform_as('admin', $$select purge_at is null and deactivated_at is null
    from stepbase.my_applications() where app_code = 'tap-one'$$),
  'true', 'nothing of it is left'
);

-- The end of the grace period, with a run that is open nevertheless.
select is(pg_temp.state('admin', $$delete_application('tap-one')$$), 'deleting', 'without open runs, force is not necessary');
select is(
  tests.attempt('owner', $$delete from stepbase.audit_log where app_code = 'tap-one'$$), 'SB424', 'the audit log stays within the grace period'
);
update stepbase.applications set purge_at = stepbase_engine.now() - interval '1 second' where app_code = 'tap-one';
select is(
  tests.attempt('admin', $$select stepbase.reactivate_application('tap-one')$$), 'SB409', 'afterwards the deletion cannot be cancelled'
);
insert into stepbase.runs (id, app_code, workflow_id, workflow_version_id, origin_run_id, status, started_at)
select '00000000-0000-4000-8000-00000000c102', r.app_code, r.workflow_id, r.workflow_version_id, r.id, 'running', now()
from stepbase.runs r where r.id = tests.sample_id('run');
select is(
  (stepbase_engine.purge_applications(3) ->> 'rows')::int, 3, 'one call deletes at most p_limit rows'
);
select isnt_empty($$select 1 from stepbase.applications a where a.app_code = 'tap-one'$$, 'the application stays until its rows are gone');
select is((stepbase_engine.purge_applications() ->> 'deleted')::int, 1, 'a later call deletes the application');
select is_empty(
  $$select 1 from stepbase.runs where app_code = 'tap-one'
    union all select 1 from stepbase.workflows where app_code = 'tap-one'
    union all select 1 from stepbase.audit_log where app_code = 'tap-one'
    union all select 1 from stepbase.app_members where app_code = 'tap-one'$$,
  'with its runs, workflows, members and audit log'
);
select isnt_empty($$select 1 from stepbase.applications where app_code = 'tap-two'$$, 'other applications stay');
select is((stepbase_engine.maintain() -> 'applications' ->> 'deleted')::int, 0, 'maintain() calls it');

select * from finish();
rollback;
