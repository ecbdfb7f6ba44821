-- Several applications of an organization: moving an application, and the members of all of them. Export of a person.

begin;
set local search_path = public, extensions;
select plan(26);
select tests.create_tasks();

-- The admin of tap-one creates an organization and moves tap-one there.
create temporary table target as
select tests.perform_as('admin', $$select (stepbase.create_organization('tap-new-org', 'New')).id$$)::uuid as id;
create function pg_temp.move(p_organization uuid, p_force boolean default false)
returns text
language sql
as $$
  select format(
    'select (stepbase.transfer_application(%L, %L, %L)).organization_id', 'tap-one', p_organization, p_force
  )
$$;

select is(tests.attempt(t.who, pg_temp.move(t.organization)), t.answer, t.what)
from (
  values
    ('admin', 'SB404', 'not to an organization of others', '00000000-0000-4000-8000-00000000e002'::uuid),
    ('admin', 'SB404', 'nor to one that does not exist', '00000000-0000-4000-8000-00000000e0ff'),
    ('developer', 'SB403', 'a developer moves nothing', '00000000-0000-4000-8000-00000000e001'),
    ('sister', 'SB404', 'nor does an admin of another application', '00000000-0000-4000-8000-00000000e001')
) t (who, answer, what, organization);

-- tap-two uses a component that tap-one shares with the organization.
insert into stepbase.components (app_code, name, implementation_type, endpoint, visibility, created_by)
values ('tap-one', 'rates', 'service_task', 'https://rates.example', 'organization', null);
create temporary table made as
select tests.perform_as('sister', $$select (stepbase.save_workflow('prices', '{"nodes": [
  {"id": "one", "type": "service_task", "data": {"config": {"component": "tap-one/rates"}}}
], "edges": []}')).id$$)::uuid as id;
select is(tests.attempt('admin', pg_temp.move(id)), 'ok 1', 'a draft that uses a component does not count') from target;
select tests.perform_as('sister', format('select (stepbase.publish_workflow(%L)).status', id)) from made;
select is(tests.attempt('admin', pg_temp.move(id)), 'SB409', 'a published workflow does') from target;
select is(
  tests.detail_of('admin', pg_temp.move(id)) ->> 'shared_components', '1', 'the error has the number of uses'
)
from target;
update stepbase.components set visibility = 'public' where name = 'rates';
select is(tests.attempt('admin', pg_temp.move(id)), 'ok 1', 'a public component can still be used') from target;
update stepbase.components set visibility = 'organization' where name = 'rates';
update stepbase_private.installation_settings set max_applications_per_organization = 0;
select is(tests.attempt('admin', pg_temp.move(id, true)), 'SB429', 'the organization must have room') from target;
update stepbase_private.installation_settings set max_applications_per_organization = 5;

select is(tests.perform_as('admin', pg_temp.move(id, true))::uuid, id, 'with force the application moves') from target;
select is(
  tests.perform_as('admin', $$select string_agg(m.organization_name, ',') from stepbase.my_applications() m$$), 'New',
  'its members are members of an application there'
);
select is(
  stepbase_private.component_for('tap-two', 'tap-one/rates'), null, 'the former organization no longer sees its components'
);
select is(
  (select count(*) from stepbase.audit_log l
   where l.table_name = 'applications' and l.app_code = 'tap-one' and 'organization_id' = any (l.changed_columns)), 1::bigint,
  'the audit log has the move'
);
select is(tests.attempt('admin', pg_temp.move(id)), 'ok 1', 'a repeated call changes nothing') from target;
update stepbase.applications set organization_id = '00000000-0000-4000-8000-00000000e001' where app_code = 'tap-one';
select tests.perform_as('admin', $$select stepbase.delete_application('tap-one', true) ->> 'status'$$);
select is(tests.attempt('admin', pg_temp.move(id, true)), 'SB409', 'an application that is being deleted stays') from target;
select tests.perform_as('admin', $$select stepbase.reactivate_application('tap-one') ->> 'status'$$);

-- The members of both applications, as far as the caller is a member there.
create function pg_temp.listed(p_who text)
returns text
language sql
as $$
  select tests.perform_as(
    p_who,
    $q$select string_agg(m.app_code || ' ' || m.email || ' ' || m.role, ', ')
       from stepbase.list_organization_members('00000000-0000-4000-8000-00000000e001') m$q$
  )
$$;
select is(
  pg_temp.listed('sister'), 'tap-two sister@tap.example admin', 'a member of one application reads the members of that one'
);
insert into stepbase.app_members (app_code, user_id, role, accepted_at)
values
  ('tap-one', '00000000-0000-4000-8000-00000000f004', 'viewer', now()),
  ('tap-one', '00000000-0000-4000-8000-00000000f006', 'viewer', null);
select is(
  pg_temp.listed('sister'),
  'tap-one admin@tap.example admin, tap-one developer@tap.example developer, tap-one sister@tap.example viewer, '
  'tap-two sister@tap.example admin, tap-one viewer@tap.example viewer',
  'a member of both reads all, without those who have not accepted'
);
update stepbase.app_roles set permissions = array_remove(permissions, 'member:read') where app_code = 'tap-one' and name = 'viewer';
select is(pg_temp.listed('sister'), 'tap-two sister@tap.example admin', 'where the role lacks member:read, it reads nothing');

-- Export of a person.
update stepbase.runs set created_by = '00000000-0000-4000-8000-00000000f002' where id = tests.sample_id('run');
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f002', assigned_at = now()
where id = tests.sample_id('approval');
create function pg_temp.export(p_table text)
returns jsonb
language sql
as $$
  select tests.perform_as(
    'admin', format('select stepbase.export_person(%L, %L)', '00000000-0000-4000-8000-00000000f002', p_table)
  )::jsonb
$$;
select is(
  pg_temp.export(null) -> 'profile' ->> 'email', 'developer@tap.example', 'the answer without a table has the profile of a member'
);
select is(
  array(
    select t.value from jsonb_array_elements_text(pg_temp.export(null) -> 'tables') t
    where t.value in ('app_members', 'audit_log', 'runs', 'step_runs', 'run_events') order by 1
  ),
  '{app_members,audit_log,runs,step_runs}'::text[], 'and the tables that name persons'
);
select is(
  pg_temp.export('runs') #>> '{rows,0,id}', tests.sample_id('run')::text, 'a page has the rows that name the person'
);
select is(jsonb_array_length(pg_temp.export('step_runs') -> 'rows'), 1, 'and no others');
select is(pg_temp.export('app_members') #>> '{rows,0,role}', 'developer', 'such as the membership');
select is(tests.attempt(t.who, t.statement), t.answer, t.what)
from (
  values
    ('admin', 'SB400', 'a table that names no one is refused',
      $$select stepbase.export_person('00000000-0000-4000-8000-00000000f002', 'workflow_edges')$$),
    ('admin', 'SB400', 'the person must be named', $$select stepbase.export_person(null)$$),
    ('developer', 'SB403', 'a developer exports no one',
      $$select stepbase.export_person('00000000-0000-4000-8000-00000000f002')$$)
) t (who, answer, what, statement);

select * from finish();
rollback;
