-- The row of a type in step_types decides where a definition may use it.

begin;
set local search_path = public, extensions;
select plan(13);

create function pg_temp.refused(compensates boolean)
returns text
language sql
as $$
  select string_agg(t.name, ' ' order by t.ordinal)
  from stepbase.step_types t
  where exists (
    select from stepbase_private.inner_step_problems(
      'a', '/nodes/0/data', 'inner', jsonb_build_object('type', t.name, 'config', '{}'::jsonb), compensates, null) p
    where p.message = format('inner.type cannot be %s', t.name)
  )
$$;

select is(
  pg_temp.refused(false), 'condition wait_for_approval user_task delay wait_for_signal for_each',
  'these types cannot be the step of a for_each'
);
select is(
  pg_temp.refused(true), 'condition delay wait_for_signal for_each child_workflow', 'these types cannot compensate a step'
);
select is(
  pg_temp.refused(false),
  (select string_agg(name, ' ' order by ordinal) from stepbase.step_types where not allowed_in_for_each),
  'allowed_in_for_each decides which types can be the step of a for_each'
);
select is(
  pg_temp.refused(true),
  (select string_agg(name, ' ' order by ordinal) from stepbase.step_types where not allowed_in_compensation),
  'allowed_in_compensation decides which types can compensate a step'
);

create function pg_temp.role_problem(type text, role jsonb)
returns text
language sql
as $$
  select coalesce(string_agg(p.message, ' '), 'valid')
  from stepbase_private.node_problems(
    jsonb_build_object('id', 'a', 'type', type, 'data', jsonb_build_object('config', jsonb_build_object(
      'title', 'Pay?', 'role', role))), 'tap-one') p
$$;
select tests.create_people();
insert into stepbase.app_roles (app_code, name, label, permissions) values ('tap-one', 'finance', 'Finance', '{task:complete}');
insert into stepbase.app_roles (app_code, name, label, permissions) values ('tap-two', 'legal', 'Legal', '{task:complete}');

select is(
  pg_temp.role_problem(s.type, s.role::jsonb), s.answer, format('a %s with the role %s: %s', s.type, s.role, s.answer)
)
from (
  values
    ('wait_for_approval', '"developer"', 'valid'),
    ('wait_for_approval', '"finance"', 'valid'),
    ('wait_for_approval', '["finance", "admin", "{{ input.role }}"]', 'valid'),
    ('wait_for_approval', '["finance", "legal"]', 'config.role must be one of admin, developer, viewer, finance'),
    ('wait_for_approval', '[]', 'config.role must have at least 1 items'),
    ('wait_for_approval', '"king"', 'config.role must be one of admin, developer, viewer, finance'),
    ('user_task', '""', 'config.role must be one of admin, developer, viewer, finance'),
    ('user_task', '"{{ input.role }}"', 'valid'),
    ('user_task', 'null', 'valid')
) s (type, role, answer);

select * from finish();
rollback;
