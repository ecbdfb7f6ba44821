-- Who may create a database trigger, on which tables, and with which arguments; and that the trigger function gives no
-- rights to the owner of a table or to the role that writes it.

begin;
set local search_path = public, extensions;
select plan(61);
select tests.create_people();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');

create role tap_owner nologin;
create role tap_writer nologin;
create schema tap_own;
grant usage, create on schema tap_own to tap_owner;
grant usage on schema tap_own to tap_writer;
create table public.tap_orders (id int, app text, status text);
grant insert, update, delete, select on public.tap_orders to tap_writer, authenticated;
create view public.tap_view as select t.id from public.tap_orders t;
create temporary table tap_temporary (id int);
create table public.tap_parts (id int) partition by list (id);
create table public.tap_part partition of public.tap_parts for values in (1);
grant tap_owner to current_user;
set local role tap_owner;
create table tap_own.secret (id int);
reset role;
revoke tap_owner from current_user;

create function pg_temp.made(args text)
returns text
language sql
as $$ select tests.attempt('owner', format('select stepbase.create_database_trigger(%s)', args)) $$;

-- Tables of the system.
select is(
  pg_temp.made(format($$%L, '{insert}', 'w-00d001', app => 'tap-one'$$, t.name)), 'SB403', format('a trigger on %s is refused', t.name)
)
from unnest(array[
  'stepbase.runs', 'stepbase_private.signing_secrets', 'stepbase_engine.clock', 'stepbase_queue.job', 'auth.users',
  'pg_catalog.pg_class', 'information_schema.sql_features', 'realtime.messages', 'vault.secrets'
]) t (name);
create schema supabase_tap;
create table supabase_tap.extra (id int);
select is(
  pg_temp.made($$'supabase_tap.extra', '{insert}', 'w-00d001', app => 'tap-one'$$), 'SB403',
  'a trigger on a table of a schema that begins with supabase_ is refused'
);

-- Arguments.
select is(pg_temp.made(s.args), s.answer, s.what)
from (
  values
    ('a trigger on a table', 'ok 1', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('a workflow that does not exist yet', 'ok 1', $$'public.tap_orders', '{insert}', 'later', app => 'tap-one'$$),
    ('a view', 'SB400', $$'public.tap_view', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('a partition', 'SB400', $$'public.tap_part', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('a partitioned table', 'ok 1', $$'public.tap_parts', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('a temporary table', 'SB403', $$'pg_temp.tap_temporary', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('no table', 'SB400', $$null, '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('a table on which the caller has no privilege', '42501', $$'tap_own.secret', '{insert}', 'w-00d001', app => 'tap-one'$$),
    ('no events', 'SB400', $$'public.tap_orders', '{}', 'w-00d001', app => 'tap-one'$$),
    ('an unknown event', 'SB400', $$'public.tap_orders', '{truncate}', 'w-00d001', app => 'tap-one'$$),
    ('an event twice', 'SB400', $$'public.tap_orders', '{insert, insert}', 'w-00d001', app => 'tap-one'$$),
    ('every update and those of a column', 'SB400', $$'public.tap_orders', '{update, update of status}', 'w-00d001', app => 'tap-one'$$),
    ('updates of an unknown column', 'SB400', $$'public.tap_orders', '{update of nothing}', 'w-00d001', app => 'tap-one'$$),
    ('neither app nor app_column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001'$$),
    ('app and app_column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', app_column => 'app'$$),
    ('an unknown application', 'SB404', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'nowhere'$$),
    ('an unknown app_column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app_column => 'nothing'$$),
    ('a system column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app_column => 'ctid'$$),
    ('an invalid workflow', 'SB400', $$'public.tap_orders', '{insert}', 'W 1', app => 'tap-one'$$),
    ('max_rows beyond 10000', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', max_rows => 10001$$),
    ('an invalid name', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', name => 'a"b'$$),
    ('a filter that is no object', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '[]'$$),
    ('a filter with another key', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '{"status": "x"}'$$),
    ('a filter with an unknown column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '{"new": {"x": 1}}'$$),
    ('a filter on the new version of deleted rows', 'SB400', $$'public.tap_orders', '{update, delete}', 'w-00d001', app => 'tap-one', filter => '{"new": {"id": 1}}'$$),
    ('a filter on the old version of inserted rows', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '{"old": {"id": 1}}'$$),
    ('SQL as a path', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '{"path": "true; drop table x"}'$$),
    ('a path with a variable', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', filter => '{"path": "$id"}'$$),
    ('a mapping that is no object', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', mapping => '[]'$$),
    ('a mapping to an unknown column', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', mapping => '{"a": "now()"}'$$),
    ('a mapping to an invalid path', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', mapping => '{"a": "$.new["}'$$),
    ('a mapping to a number', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', mapping => '{"a": 1}'$$),
    ('a mapping to an object with more than value', 'SB400', $$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', mapping => '{"a": {"value": 1, "x": 2}}'$$)
) s (what, answer, args);

select lives_ok(
  $$select stepbase.create_database_trigger('public.tap_orders', '{insert, update}', 'w-00d001', app => 'tap-one', name => 'orders')$$,
  'the owner of Stepbase creates a trigger'
);
select is(
  pg_temp.made($$'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', name => 'orders'$$), 'SB409', 'a name is used once'
);

-- The writer needs no right on Stepbase.
create function pg_temp.as_role(name text, statement text)
returns text
language plpgsql
as $$
declare
  touched bigint;
begin
  begin
    -- Only for this statement: a member inherits the rights of the role.
    if name like 'tap%' then
      execute format('grant %I to current_user', name);
    end if;
    perform set_config('role', name, true);
    execute statement;
    get diagnostics touched = row_count;
    perform set_config('role', 'none', true);
    if name like 'tap%' then
      execute format('revoke %I from current_user', name);
    end if;
    return 'ok ' || touched;
  exception when others then
    return sqlstate;
  end;
end
$$;
select is(pg_temp.as_role('tap_writer', 'insert into public.tap_orders values (1)'), 'ok 1', 'a role without rights on Stepbase writes');
select is(pg_temp.as_role('authenticated', 'insert into public.tap_orders values (2)'), 'ok 1', 'a signed-in user without an application writes');
select is(
  (select count(*) from stepbase.outbox o where o.event_type = 'rows.changed'), 2::bigint, 'both writes request a run'
);

-- The owner of a table cannot attach the function, nor reuse the trigger of another table.
select is(
  pg_temp.as_role(
    'tap_owner',
    format(
      'create trigger forged after insert on tap_own.secret referencing new table as stepbase_new_rows for each statement '
      'execute function stepbase_engine.capture_changes(%L)', t.id
    )
  ),
  '42501', 'the owner of a table cannot attach the trigger function'
)
from stepbase.database_triggers t where t.name = 'orders';
grant usage on schema stepbase_engine to tap_owner;
select is(
  pg_temp.as_role(
    'tap_owner',
    format(
      'create trigger forged after insert on tap_own.secret referencing new table as stepbase_new_rows for each statement '
      'execute function stepbase_engine.capture_changes(%L)', t.id
    )
  ),
  '42501', 'also not with usage on the schema'
)
from stepbase.database_triggers t where t.name = 'orders';
do $$
begin
  execute format(
    'create trigger forged after delete on public.tap_orders referencing old table as stepbase_old_rows for each statement '
    'execute function stepbase_engine.capture_changes(%L)',
    (select t.id from stepbase.database_triggers t where t.name = 'orders')
  );
  execute format(
    'create table public.tap_copy (id int); create trigger forged after insert on public.tap_copy '
    'referencing new table as stepbase_new_rows for each statement execute function stepbase_engine.capture_changes(%L)',
    (select t.id from stepbase.database_triggers t where t.name = 'orders')
  );
end;
$$;
select is(tests.attempt('owner', 'insert into public.tap_copy values (1)'), '42501', 'a trigger that was attached to another table is refused');
select is(tests.attempt('owner', 'delete from public.tap_orders'), '42501', 'and so is one of another event');

-- A cast of the owner of the table is not executed with the rights of Stepbase.
grant tap_owner to current_user;
set local role tap_owner;
create table tap_own.evidence (role_name text);
grant insert on tap_own.evidence to public;
create type tap_own.bait as (a int);
create function tap_own.bite(tap_own.bait) returns json language plpgsql as $$
begin
  insert into tap_own.evidence values (current_user);
  return '{}';
end
$$;
create cast (tap_own.bait as json) with function tap_own.bite(tap_own.bait);
create table tap_own.baited (id int, baits tap_own.bait[]);
grant trigger on tap_own.baited to postgres;
grant usage on schema tap_own to postgres;
reset role;
revoke tap_owner from current_user;
select lives_ok(
  $$select stepbase.create_database_trigger('tap_own.baited', '{insert}', 'w-00d001', app => 'tap-one', name => 'baited')$$,
  'the privilege TRIGGER is enough to create a database trigger'
);
select is(
  pg_temp.as_role('tap_owner', $$insert into tap_own.baited values (1, array[row(1)::tap_own.bait])$$), 'ok 1', 'the write succeeds'
);
grant tap_owner to current_user;
set local role tap_owner;
create temporary table found as select e.role_name from tap_own.evidence e;
grant select on found to public;
reset role;
revoke tap_owner from current_user;
select is_empty('select role_name from found', 'the cast was not executed');
select results_eq(
  $$select r.error ->> 'code', r.changes from stepbase.refused_starts r where r.database_trigger = 'baited'$$,
  $$values ('permission_denied', 1)$$, 'the refusal names the reason'
);

-- Only the owner of a table can remove its triggers; without them the database trigger starts nothing.
select lives_ok($$select stepbase.drop_database_trigger('baited')$$, 'a database trigger on a table of another owner can be dropped');
select is(
  (select count(*) from pg_trigger g where g.tgrelid = 'tap_own.baited'::regclass), 1::bigint, 'the trigger of the table remains'
);
select is(
  pg_temp.as_role('tap_owner', 'insert into tap_own.baited values (2, null)'), 'ok 1', 'and writes still succeed'
);
select is(
  (select count(*) from stepbase.outbox o where o.event_type = 'rows.changed'), 2::bigint, 'but request no run'
);
select is(tests.attempt('owner', $$select stepbase.drop_database_trigger('baited')$$), 'SB404', 'it can be dropped once');

select * from finish();
rollback;
