-- Database triggers: changes of the rows of a project's own table that start runs. Only operators create them, because
-- the values that they copy into the input of a run bypass the row-level security of that table.

create table stepbase_private.database_triggers (
  id uuid primary key default gen_random_uuid(),
  name text not null constraint database_triggers_name_key unique
    constraint name_is_short_word check (name ~ '^[A-Za-z][A-Za-z0-9_-]{0,39}$'),
  table_id regclass not null,
  events text[] not null constraint events_are_known check (
    events <@ array['insert', 'update', 'delete'] and cardinality(events) between 1 and 3
  ),
  update_columns text[] constraint update_columns_need_update check (
    update_columns is null or ('update' = any (events) and cardinality(update_columns) > 0)
  ),
  app_code text references stepbase.applications (app_code) on delete cascade,
  app_column text,
  workflow text not null
    constraint workflow_is_kebab_case check (workflow ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(workflow) <= 100),
  filter jsonb constraint filter_is_an_object check (jsonb_typeof(filter) = 'object'),
  mapping jsonb not null constraint mapping_is_an_object check (jsonb_typeof(mapping) = 'object'),
  columns text[] not null default '{}',
  max_rows int not null default 1000 constraint max_rows_is_between_1_and_10000 check (max_rows between 1 and 10000),
  created_at timestamptz not null default now(),
  constraint app_is_fixed_or_of_the_row check ((app_code is null) <> (app_column is null))
);

comment on table stepbase_private.database_triggers is
  'Changes of a table that start runs; written by create_database_trigger. The view stepbase.database_triggers lists them.';
comment on column stepbase_private.database_triggers.table_id is 'The table; it may have been dropped since.';
comment on column stepbase_private.database_triggers.update_columns is
  'An update counts only if it changes one of these columns; null: every update.';
comment on column stepbase_private.database_triggers.app_code is 'The application of every run.';
comment on column stepbase_private.database_triggers.app_column is 'The column that contains the application of the run.';
comment on column stepbase_private.database_triggers.filter is
  '{new, old, path}: what a change must fulfil to start a run; null: every change does.';
comment on column stepbase_private.database_triggers.mapping is
  'Keys of the input of a run, each with a column, a JSON path or {value}.';
comment on column stepbase_private.database_triggers.columns is 'The columns that filter, mapping, update_columns and app_column name.';
comment on column stepbase_private.database_triggers.max_rows is 'How many runs one statement may start.';

create index idx_database_triggers_app_code on stepbase_private.database_triggers (app_code);

alter table stepbase_private.database_triggers enable row level security;

create table stepbase.refused_starts (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  database_trigger text not null,
  workflow text not null,
  event text not null constraint event_is_known check (event in ('insert', 'update', 'delete')),
  changes int not null default 1 constraint changes_are_positive check (changes > 0),
  input jsonb,
  error jsonb not null constraint error_is_an_object check (jsonb_typeof(error) = 'object'),
  created_at timestamptz not null default stepbase_engine.now()
);

comment on table stepbase.refused_starts is
  'Changes of tables for which no run started, with the reason. The write that made the change succeeded.';
comment on column stepbase.refused_starts.database_trigger is 'The name of the database trigger, which may have been dropped since.';
comment on column stepbase.refused_starts.event is 'insert, update or delete.';
comment on column stepbase.refused_starts.changes is 'The number of changed rows that this row stands for.';
comment on column stepbase.refused_starts.input is 'The input that the run would have had; null if several or no inputs were made.';
comment on column stepbase.refused_starts.error is 'Why no run started: {code, message, at, …}.';

create index idx_refused_starts_app_code_created_at on stepbase.refused_starts (app_code, created_at desc);

create trigger refused_starts_cut_errors before insert or update of error on stepbase.refused_starts
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');

alter table stepbase.refused_starts enable row level security;

grant select on stepbase.refused_starts to authenticated;
grant select, delete on stepbase.refused_starts to service_role;

create policy "Members read the refused starts of their app" on stepbase.refused_starts
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('schedule:read')));

create table stepbase_private.unassigned_changes (
  id uuid primary key default stepbase_engine.new_id(),
  database_trigger text not null,
  changes int not null constraint changes_are_positive check (changes > 0),
  error jsonb not null constraint error_is_an_object check (jsonb_typeof(error) = 'object'),
  created_at timestamptz not null default stepbase_engine.now()
);

comment on table stepbase_private.unassigned_changes is
  'As stepbase.refused_starts, for changes that belong to no application: app_column is null or names an unknown one.';

create index idx_unassigned_changes_created_at on stepbase_private.unassigned_changes (created_at);

create trigger unassigned_changes_cut_errors before insert or update of error on stepbase_private.unassigned_changes
  for each row when (pg_column_size(new.error) > 12288)
  execute function stepbase_private.cut_errors('error');

alter table stepbase_private.unassigned_changes enable row level security;
