-- Database triggers: which changes start which runs, and that the write succeeds whatever happens to the start.

begin;
set local search_path = public, extensions;
select plan(35);
select tests.create_people();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d001');

create table public.tap_orders (id int, app text, status text default 'open', total numeric, tags jsonb, note text);
create table public."tap ""x""; --" ("a b'c" int, "$odd" text, n int, o int, t int, r int);

-- Relays all messages; returns the inputs of the runs that started since the last call, with their applications.
create temporary table seen (id uuid primary key);
create function pg_temp.starts()
returns jsonb
language plpgsql
as $$
declare
  v_app text;
  v_starts jsonb;
begin
  while stepbase_engine.outbox_apps() <> '{}' loop
    foreach v_app in array stepbase_engine.outbox_apps() loop
      perform stepbase_engine.relay_app(v_app);
    end loop;
  end loop;
  with started as (
    insert into seen select r.id from stepbase.runs r where r.trigger_type = 'database' on conflict do nothing
    returning id
  )
  select coalesce(jsonb_agg(jsonb_build_array(r.app_code, r.input) order by r.id), '[]') into v_starts
  from started s join stepbase.runs r on r.id = s.id;
  return v_starts;
end
$$;

-- The refusals since the last call.
create function pg_temp.refusals()
returns jsonb
language sql
as $$
  with refused as (delete from stepbase.refused_starts r returning r.*),
  unassigned as (delete from stepbase_private.unassigned_changes u returning u.*)
  select coalesce(jsonb_agg(x.refusal order by x.refusal), '[]')
  from (
    select jsonb_build_array(r.app_code, r.event, r.changes, r.error ->> 'code') as refusal from refused r
    union all
    select jsonb_build_array(null, null, u.changes, u.error ->> 'code') from unassigned u
  ) x
$$;

-- Columns, JSON paths and constants.
select is(
  stepbase.create_database_trigger(
    'public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one',
    mapping => '{"order": "id", "first": "$.new.tags[0]", "all": "$.new.tags", "none": "$.new.nothing",
      "event": "$.event", "table": "$.table", "fixed": {"value": [1, null]}, "note": "note"}'
  ),
  'tap_orders_w-00d001', 'the name of a database trigger is made of its table and workflow'
);
insert into public.tap_orders (id, tags) values (1, '["a", "b"]'), (2, null);
select is(
  (
    select array[count(*), sum(jsonb_array_length(o.payload -> 'inputs'))]
    from stepbase.outbox o where o.event_type = 'rows.changed'
  ),
  array[1, 2]::bigint[], 'a statement writes one row of the outbox for its changes'
);
select is(
  pg_temp.starts(),
  '[["tap-one", {"order": 1, "first": "a", "all": ["a", "b"], "none": null, "event": "insert", "table": "tap_orders",
      "fixed": [1, null], "note": null}],
    ["tap-one", {"order": 2, "first": null, "all": null, "none": null, "event": "insert", "table": "tap_orders",
      "fixed": [1, null], "note": null}]]',
  'each inserted row starts a run with the mapped input'
);
select results_eq(
  $$select distinct r.trigger_type, r.created_by, r.metadata from stepbase.runs r where r.trigger_type = 'database'$$,
  $$values ('database', null::uuid, '{"database_trigger": "tap_orders_w-00d001", "event": "insert", "event_depth": 1}'::jsonb)$$,
  'the runs name the database trigger'
);
update stepbase.outbox set published_at = null where event_type = 'rows.changed';
select is(pg_temp.starts(), '[]', 'a message that is relayed again starts no further run');
select is(
  (select a.new_row ->> 'table_id' from stepbase.audit_log a where a.table_name = 'database_triggers' and a.app_code = 'tap-one'),
  'public.tap_orders', 'the audit log of the application names the table'
);

-- Only changes that are committed and counted.
select is(tests.attempt('owner', 'insert into public.tap_orders (id) values (3)'), 'ok 1', 'a write is rolled back');
select is(pg_temp.starts(), '[]', 'a rolled-back change starts nothing');
update public.tap_orders set note = 'x';
delete from public.tap_orders where id = 99;
insert into public.tap_orders select t.* from public.tap_orders t where false;
select is(pg_temp.starts(), '[]', 'other events and statements without rows start nothing');
insert into public.tap_orders (id) select g from generate_series(100, 144) g;
select results_eq(
  $$select jsonb_array_length(o.payload -> 'inputs') from stepbase.outbox o
    where o.event_type = 'rows.changed' and o.published_at is null order by o.id$$,
  $$values (20), (20), (5)$$, 'a row of the outbox has at most 20 changes'
);
select is(jsonb_array_length(pg_temp.starts()), 45, 'each of them starts a run');
select stepbase.drop_database_trigger('tap_orders_w-00d001');
select is_empty(
  $$select g.tgname from pg_trigger g where g.tgrelid = 'public.tap_orders'::regclass$$, 'dropping it removes the trigger of the table'
);
truncate public.tap_orders;

-- Updates: pairs of old and new rows, changed columns.
select stepbase.create_database_trigger(
  'public.tap_orders', array['update of status', 'update of total', 'delete'], 'w-00d001', app => 'tap-one', name => 'changes',
  mapping => '{"id": "id", "from": "$.old.status", "to": "$.new.status"}'
);
insert into public.tap_orders (id, status) values (1, 'one'), (2, 'two'), (3, 'three');
update public.tap_orders set note = 'y';
update public.tap_orders set status = status, total = total;
select is(pg_temp.starts(), '[]', 'an update that changes none of its columns starts nothing');
update public.tap_orders set status = case id when 1 then 'three' when 2 then 'two' else 'one' end;
select is(
  pg_temp.starts(),
  '[["tap-one", {"id": 1, "from": "one", "to": "three"}], ["tap-one", {"id": 3, "from": "three", "to": "one"}]]',
  'an update starts a run for each row that it changes, with its old and new version'
);
delete from public.tap_orders where id = 2;
select is(pg_temp.starts(), '[["tap-one", {"id": 2, "from": "two", "to": null}]]', 'a deleted row has an old version only');
select stepbase.drop_database_trigger('changes');

-- Filters.
select stepbase.create_database_trigger(
  'public.tap_orders', '{update}', 'w-00d001', app => 'tap-one', name => 'paid', mapping => '{"id": "id"}',
  filter => '{"old": {"status": "open"}, "new": {"status": "paid"}, "path": "$.new.total > 100"}'
);
select stepbase.create_database_trigger(
  'public.tap_orders', '{update}', 'w-00d001', app => 'tap-one', name => 'large', mapping => '{"large": "id"}',
  filter => '{"path": "$.new ? (@.total > 1000)"}'
);
truncate public.tap_orders;
insert into public.tap_orders (id, total) values (1, 50), (2, 500), (3, 5000), (4, null);
update public.tap_orders set status = 'paid';
select is(
  (select jsonb_agg(s.start -> 1 order by s.start) from jsonb_array_elements(pg_temp.starts()) s (start)),
  '[{"id": 2}, {"id": 3}, {"large": 3}]', 'a filter compares old and new columns and evaluates a path'
);
select stepbase.drop_database_trigger('paid');
select stepbase.drop_database_trigger('large');

-- Names that need quotes.
select stepbase.create_database_trigger(
  'public."tap ""x""; --"', array[$$update of a b'c$$, 'insert'], 'w-00d001', app => 'tap-one', name => 'odd',
  mapping => $${"a b": "a b'c", "path": "$.new.\"$odd\"", "letters": "$.new.n"}$$
);
insert into public."tap ""x""; --" values (7, 'v', 1, 2, 3, 4);
update public."tap ""x""; --" set "a b'c" = 8;
select is(
  pg_temp.starts(),
  '[["tap-one", {"a b": 7, "path": "v", "letters": 1}], ["tap-one", {"a b": 8, "path": "v", "letters": 1}]]',
  'names of tables and columns may need quotes, or be those that the trigger uses itself'
);

-- The application of the row.
select tests.create_workflow('tap-two', '00000000-0000-4000-8000-0000000ad001');
select stepbase.create_database_trigger(
  'public.tap_orders', '{insert}', 'w-00d001', app_column => 'app', name => 'apps', max_rows => 4, mapping => '{"id": "id"}'
);
insert into public.tap_orders (id, app) values (1, 'tap-one'), (2, null), (3, 'nowhere'), (4, 'tap-two'), (5, 'tap-one'), (6, 'tap-one'), (7, null);
select is(pg_temp.starts(), '[["tap-one", {"id": 1}]]', 'a column names the application of the run');
select is(
  pg_temp.refusals(),
  '[[null, null, 1, "limit_reached"], [null, null, 2, "not_found"], ["tap-one", "insert", 2, "limit_reached"],
    ["tap-two", "insert", 1, "not_found"]]',
  'refused are changes without an application, changes beyond max_rows, and workflows that the application does not have'
);
select stepbase.drop_database_trigger('apps');

-- A start that is refused later does not fail the write.
insert into stepbase.workflows (id, app_code, kebab_name, name, created_by)
values ('00000000-0000-4000-8000-00000000d301', 'tap-one', 'strict', 'Strict', null);
insert into stepbase.workflow_versions (id, app_code, workflow_id, version, definition, input_schema, created_by)
values (
  '00000000-0000-4000-8000-00000000d302', 'tap-one', '00000000-0000-4000-8000-00000000d301', 1,
  '{"nodes": [{"id": "a", "type": "transform", "data": {"config": {"expression": "1"}}}], "edges": []}',
  '{"type": "object", "properties": {"total": {"type": "number"}}}', null
);
select stepbase.create_database_trigger(
  'public.tap_orders', '{insert}', 'strict', app => 'tap-one', name => 'strict', mapping => '{"total": "total", "note": "note"}'
);
insert into public.tap_orders (total) values (1);
select is(pg_temp.starts() || pg_temp.refusals(), '[["tap-one", "insert", 1, "conflict"]]', 'a workflow that is not published starts nothing');
update stepbase.workflow_versions set status = 'published', published_at = now() where id = '00000000-0000-4000-8000-00000000d302';
update stepbase.workflows set status = 'published', published_version_id = '00000000-0000-4000-8000-00000000d302'
where kebab_name = 'strict';
insert into public.tap_orders (total) values (1), (null);
select is(
  pg_temp.starts() || pg_temp.refusals(), '[["tap-one", {"note": null, "total": 1}], ["tap-one", "insert", 1, "invalid_input"]]',
  'an input that breaks the schema starts nothing; other rows do'
);
insert into public.tap_orders (total) values (null);
select pg_temp.starts();
select is(
  (select r.input from stepbase.refused_starts r), '{"note": null, "total": null}', 'the refusal has the input'
);
select pg_temp.refusals();
insert into public.tap_orders (total, note) values (1, repeat('x', 70000)), (2, 'short');
select is(
  pg_temp.starts() || pg_temp.refusals(), '[["tap-one", {"note": "short", "total": 2}], ["tap-one", "insert", 1, "invalid_input"]]',
  'an input of more than 64 KB is refused'
);
insert into stepbase.app_quotas (app_code, max_open_runs) values ('tap-one', 1)
on conflict (app_code) do update set max_open_runs = 1;
insert into public.tap_orders (total) values (3);
select is(pg_temp.starts() || pg_temp.refusals(), '[["tap-one", "insert", 1, "limit_reached"]]', 'a quota refuses the start');
select set_config('stepbase_call.event_depth', '16', true);
insert into public.tap_orders (total) values (4);
select pg_temp.starts();
select is(
  (select r.error ->> 'message' from stepbase.refused_starts r), 'The change has depth 17: at most 16 events in a row may start runs',
  'a circle of changes and runs ends'
);
select set_config('stepbase_call.event_depth', '', true);
select pg_temp.refusals();
alter table public.tap_orders drop column note;
select is(
  tests.attempt('owner', $$insert into public.tap_orders (total) values (5), (6)$$), 'ok 2', 'a column that is gone does not fail the write'
);
insert into public.tap_orders (total) values (5), (6);
select is(pg_temp.starts() || pg_temp.refusals(), '[["tap-one", "insert", 2, "conflict"]]', 'its changes are refused');
select stepbase.drop_database_trigger('strict');
delete from stepbase.app_quotas where app_code = 'tap-one';

-- Upserts, MERGE, partitions, cascades.
create table public.tap_parts (k int, v text, unique (k)) partition by list (k);
create table public.tap_part_1 partition of public.tap_parts for values in (1, 2);
create table public.tap_part_2 partition of public.tap_parts for values in (3, 4);
select stepbase.create_database_trigger(
  'public.tap_parts', '{insert, update, delete}', 'w-00d001', app => 'tap-one', name => 'parts',
  mapping => '{"event": "$.event", "old": "$.old.k", "new": "$.new.k"}'
);
insert into public.tap_parts values (1, 'a'), (3, 'b');
insert into public.tap_parts values (1, 'c'), (4, 'd') on conflict (k) do update set v = excluded.v;
update public.tap_parts set k = 2 where k = 3;
merge into public.tap_parts p using (values (2), (3)) as m (k) on p.k = m.k
when matched then delete when not matched then insert values (m.k, 'm');
select is(
  (
    select jsonb_agg(s.start #> '{1}' order by s.start #>> '{1,event}', s.start)
    from jsonb_array_elements(pg_temp.starts()) s (start)
  ),
  '[{"new": null, "old": 2, "event": "delete"},
    {"new": 1, "old": null, "event": "insert"}, {"new": 3, "old": null, "event": "insert"},
    {"new": 3, "old": null, "event": "insert"}, {"new": 4, "old": null, "event": "insert"},
    {"new": 1, "old": 1, "event": "update"}, {"new": 2, "old": 3, "event": "update"}]',
  'upserts, MERGE and rows that move between partitions count as the events that they are'
);
create function public.tap_refuse() returns trigger language plpgsql as 'begin return null; end';
create trigger refuse before insert on public.tap_part_2 for each row execute function public.tap_refuse();
update public.tap_parts set k = 3 where k = 1;
select is(pg_temp.starts() || pg_temp.refusals(), '[["tap-one", "update", 1, "conflict"]]', 'an update whose rows cannot be paired is refused');
drop table public.tap_parts;
select is(
  (select t.table_name from stepbase.database_triggers t where t.name = 'parts'), null, 'the list shows that a table was dropped'
);
select lives_ok($$select stepbase.drop_database_trigger('parts')$$, 'its database trigger can be dropped');

-- Dropped while messages wait.
select stepbase.create_database_trigger('public.tap_orders', '{insert}', 'w-00d001', app => 'tap-one', name => 'late');
select results_eq(
  $$select t.table_name, t.events, t.is_enabled from stepbase.database_triggers t where t.name = 'late'$$,
  $$values ('public.tap_orders', '{insert}'::text[], true)$$, 'the list shows the table and the events'
);
alter table public.tap_orders disable trigger stepbase_late_insert;
select is((select t.is_enabled from stepbase.database_triggers t where t.name = 'late'), false, 'and whether a trigger is disabled');
alter table public.tap_orders enable trigger stepbase_late_insert;
insert into public.tap_orders (id) values (1);
select stepbase.drop_database_trigger('late');
select is(pg_temp.starts(), '[]', 'changes of a dropped trigger start nothing');
insert into stepbase_private.unassigned_changes (database_trigger, changes, error, created_at)
values ('x', 1, '{}', now() - interval '31 days'), ('x', 1, '{}', now() - interval '29 days');
insert into stepbase.refused_starts (app_code, database_trigger, workflow, event, error, created_at)
values ('tap-one', 'x', 'y', 'insert', '{}', now() - interval '10 years'), ('tap-one', 'x', 'y', 'insert', '{}', now());
select is(stepbase_engine.prune_refused_starts(), 2, 'old refusals are deleted');

select * from finish();
rollback;
