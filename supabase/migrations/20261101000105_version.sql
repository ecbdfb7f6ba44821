-- The version of the schema. The functions and the clients compare it with their own (functions/_shared/handshake/).
--
-- A later release replaces version() in a migration of its own, which `npm run release -- version` writes; the other
-- parts of a version are files, and `npm run release -- check` compares all of them.
--
-- The functions are stable, not immutable: a prepared statement would keep the constant of an immutable one, and a
-- worker would not notice the upgrade.

create function stepbase.version()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('version', '0.1.0', 'oldest_functions', '0.1.0', 'oldest_client', '0.1.0');
$$;

comment on function stepbase.version() is
  'The version of Stepbase that the migrations belong to, the oldest functions (stepbase-api, stepbase-worker) that work with '
  'them, and the oldest SDK and CLI: {version, oldest_functions, oldest_client}, each as major.minor.patch.';
grant execute on function stepbase.version() to authenticated, service_role;

create function stepbase_engine.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  select stepbase.version() ->> 'version';
$$;

comment on function stepbase_engine.schema_version() is
  'The version of Stepbase that the migrations belong to, as in package.json.';

create function stepbase_engine.version()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase.version();
$$;

comment on function stepbase_engine.version() is
  'stepbase.version() for the functions, whose role has no access to the exposed schema.';
