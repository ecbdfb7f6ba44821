-- The schemas, and the rule that nothing is open by default: every later migration grants what it
-- means to grant, line by line.

create schema if not exists private;
create schema if not exists engine;

comment on schema private is 'Helpers that policies and public functions reach. Never exposed by the Data API.';
comment on schema engine is 'The state machine. Never exposed by the Data API.';

revoke all on schema private, engine from public;
-- Policies and the thin public functions run as the caller, who must be able to resolve helpers.
grant usage on schema private to authenticated, service_role, supabase_auth_admin;
grant usage on schema engine to authenticated, service_role;

-- PostgreSQL lets PUBLIC execute every new function; older Supabase projects also grant the API
-- roles everything in public. Both end here for objects this project's role creates.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public
  revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public
  revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public
  revoke execute on functions from anon, authenticated, service_role;

create function private.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

comment on function private.touch_updated_at() is
  'Trigger: stamps updated_at on every update.';
