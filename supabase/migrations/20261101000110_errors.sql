-- Errors: the table of error codes and the function that raises them.

create table stepbase.error_codes (
  name text primary key constraint name_is_snake_case check (name ~ '^[a-z][a-z_]*$'),
  sqlstate text constraint sqlstate_is_of_class_sb check (sqlstate ~ '^SB[0-9]{3}$')
    constraint error_codes_sqlstate_key unique,
  http_status int not null constraint http_status_is_an_error check (http_status between 400 and 599),
  title text not null,
  ordinal int not null,
  created_at timestamptz not null default now()
);

comment on table stepbase.error_codes is
  'The stable error codes of SQL, RPCs and the HTTP API. RPCs raise the SQLSTATE and put the code into the detail; '
  'the HTTP API responds with the HTTP status.';
comment on column stepbase.error_codes.sqlstate is 'SQLSTATE of class SB; null for errors that only the HTTP API reports.';
comment on column stepbase.error_codes.ordinal is 'Order in which clients list the values.';

insert into stepbase.error_codes (name, sqlstate, http_status, title, ordinal)
values
  ('invalid_request', 'SB400', 400, 'The request is not valid', 1),
  ('not_authenticated', 'SB401', 401, 'Sign in first', 2),
  ('permission_denied', 'SB403', 403, 'Permission denied', 3),
  ('not_found', 'SB404', 404, 'Not found', 4),
  ('method_not_allowed', null, 405, 'Method not allowed', 5),
  ('conflict', 'SB409', 409, 'Conflict with the current state', 6),
  ('immutable', 'SB424', 409, 'Cannot be changed', 7),
  ('precondition_failed', 'SB412', 412, 'Changed since it was read', 8),
  ('payload_too_large', null, 413, 'The body is too large', 9),
  ('unsupported_media_type', null, 415, 'The body must be JSON', 10),
  ('invalid_input', 'SB422', 422, 'The input does not match its schema', 11),
  ('invalid_definition', 'SB423', 422, 'The definition is not valid', 12),
  ('schema_too_complex', 'SB425', 422, 'The schema is too complex', 13),
  ('limit_reached', 'SB429', 429, 'A limit is reached', 14),
  ('internal_error', null, 500, 'Internal error', 15),
  ('unavailable', null, 503, 'Temporarily unavailable', 16),
  ('invitation_expired', 'SB410', 410, 'The invitation has expired', 30),
  ('invitation_used', 'SB411', 409, 'The invitation was used', 31),
  ('invitation_not_yours', 'SB413', 403, 'The invitation is for another address', 32),
  ('invitation_revoked', 'SB414', 410, 'The invitation was revoked', 33),
  ('mail_not_configured', 'SB503', 503, 'Mail is not configured', 34),
  ('budget_exceeded', 'SB430', 429, 'The budget is spent', 40),
  ('model_unpriced', 'SB431', 422, 'The model has no price', 41),
  ('schema_too_old', null, 503, 'The database has an older version', 50),
  ('schema_too_new', null, 503, 'The functions have an older version', 51),
  ('client_too_old', null, 426, 'The client is too old', 52);

alter table stepbase.error_codes enable row level security;
grant select on stepbase.error_codes to authenticated, service_role;
create policy "Signed-in users read error codes" on stepbase.error_codes
  for select to authenticated using (true);

create function stepbase_private.is_temporary_error(p_state text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_state ~ '^(40|53|55P03|57|58|XX)';
$$;

comment on function stepbase_private.is_temporary_error(text) is
  'Whether a SQLSTATE tells nothing about the statement, which may succeed when it is repeated: a deadlock or serialization '
  'failure (40), missing resources (53), a lock timeout (55P03), a server that stops (57), system errors (58, XX).';

-- Security definer: any role may cause an error, so every role must be able to look it up.
create function stepbase_private.raise_error(p_code text, p_message text, p_details jsonb default '{}')
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  raise exception using
    errcode = (select e.sqlstate from stepbase.error_codes e where e.name = p_code and e.sqlstate is not null),
    message = p_message,
    detail = (jsonb_build_object('code', p_code) || coalesce(p_details, '{}'))::text;
end;
$$;

comment on function stepbase_private.raise_error(text, text, jsonb) is
  'Raises the error p_code of stepbase.error_codes with its SQLSTATE and the given message. The detail is JSON: '
  '{"code": p_code, …p_details}. An unknown code, or one without a SQLSTATE, raises 22004.';
grant execute on function stepbase_private.raise_error(text, text, jsonb)
  to authenticated, service_role, supabase_auth_admin;
