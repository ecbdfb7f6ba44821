-- erase_person: the membership ends, and no row of the application refers to the person any more.

begin;
set local search_path = public, extensions;
select plan(9);
select tests.create_tasks();

-- The developer is named in every column, in tap-one and in tap-two.
insert into stepbase.app_members (app_code, user_id, role)
values ('tap-two', '00000000-0000-4000-8000-00000000f002', 'viewer');
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-00000000d0f0');
update stepbase.workflows set created_by = '00000000-0000-4000-8000-00000000f002';
update stepbase.workflow_versions set created_by = '00000000-0000-4000-8000-00000000f002' where status = 'draft';
update stepbase.runs set created_by = '00000000-0000-4000-8000-00000000f002' where app_code = 'tap-one';
update stepbase.step_runs set assigned_to = '00000000-0000-4000-8000-00000000f002', assigned_at = now()
where id = tests.sample_id('approval');
update stepbase.api_keys set owner_id = '00000000-0000-4000-8000-00000000f002' where id = tests.sample_id('api_key');

create function pg_temp.references_in(p_app text)
returns bigint
language plpgsql
as $$
declare
  v_column record;
  v_count bigint;
  v_total bigint := 0;
begin
  for v_column in select c.* from stepbase_private.person_columns() c loop
    execute format('select count(*) from stepbase.%I t where t.app_code = $1 and t.%I = $2', v_column.table_name, v_column.column_name)
    into v_count
    using p_app, '00000000-0000-4000-8000-00000000f002'::uuid;
    v_total := v_total + v_count;
  end loop;
  return v_total;
end;
$$;

select cmp_ok(pg_temp.references_in('tap-one'), '>=', 6::bigint, 'the person is named in several tables');
select is(
  tests.perform_as('admin', $$select stepbase.erase_person('00000000-0000-4000-8000-00000000f002') ->> 'is_complete'$$), 'true',
  'an admin erases the person'
);
select is(pg_temp.references_in('tap-one'), 0::bigint, 'no row names the person');
select is_empty(
  $$select 1 from stepbase.app_members where app_code = 'tap-one' and user_id = '00000000-0000-4000-8000-00000000f002'$$,
  'the membership has ended'
);
select is(pg_temp.references_in('tap-two'), 1::bigint, 'rows of another application still name the person');
select is(
  (
    select s.assigned_at is not null and s.assigned_to is null
    from stepbase.step_runs s where s.id = tests.sample_id('approval')
  ), true,
  'their task is left to member managers'
);
select is(
  tests.perform_as('admin', $$select stepbase.erase_person('00000000-0000-4000-8000-00000000f002') ->> 'erased'$$), '{}',
  'another call finds nothing'
);
select is(tests.attempt(t.who, format('select stepbase.erase_person(%L)', t.person::uuid)), t.answer, t.what)
from (
  values
    ('admin', '00000000-0000-4000-8000-00000000f001', 'SB409', 'the last admin cannot be erased'),
    ('viewer', '00000000-0000-4000-8000-00000000f003', 'SB403', 'member:manage is required')
) t (who, person, answer, what);

select * from finish();
rollback;
