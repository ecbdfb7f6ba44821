-- The schemas. Stepbase creates nothing in public, so that it can be installed beside an existing project.

create schema if not exists stepbase;
create schema if not exists stepbase_private;
create schema if not exists stepbase_engine;

comment on schema stepbase is
  'The public interface of Stepbase: tables under row-level security and RPCs. Exposed by the Data API.';
comment on schema stepbase_private is
  'Helpers of policies and RPCs, and the hooks of Supabase Auth. Never exposed by the Data API.';
comment on schema stepbase_engine is 'The state machine of runs. Never exposed by the Data API.';

revoke all on schema stepbase, stepbase_private, stepbase_engine from public;
-- Policies and RPCs run with the caller's privileges, so the caller needs the schemas of their helpers.
grant usage on schema stepbase, stepbase_private to authenticated, service_role, supabase_auth_admin;
grant usage on schema stepbase_engine to authenticated, service_role;
