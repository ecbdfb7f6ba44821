-- How the database says no: one helper that raises an error of our own SQLSTATE class with a stable
-- code that clients map, and the trigger that keeps immutable columns immutable.

create function stepbase_private.raise_error(
  error_state text,
  code text,
  message text,
  extra jsonb default '{}'
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = raise_error.error_state,
    message = raise_error.message,
    detail = (jsonb_build_object('code', raise_error.code) || coalesce(raise_error.extra, '{}'))::text;
end
$$;

comment on function stepbase_private.raise_error(text, text, text, jsonb) is
  'Raises an error with a SQLSTATE of class SB; detail is JSON: {"code": <stable code>, …extra}. '
  'SB400 invalid_request, SB401 not_authenticated, SB403 permission_denied, SB404 not_found, '
  'SB409 conflict, SB422 invalid_input, SB423 invalid_definition, SB424 immutable, '
  'SB429 limit_reached.';

grant execute on function stepbase_private.raise_error(text, text, text, jsonb)
  to authenticated, service_role, supabase_auth_admin;

create function stepbase_private.refuse_column_change()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  old_row constant jsonb := to_jsonb(old);
  new_row constant jsonb := to_jsonb(new);
  column_name text;
begin
  foreach column_name in array tg_argv loop
    if old_row -> column_name is distinct from new_row -> column_name then
      perform stepbase_private.raise_error(
        'SB424',
        'immutable',
        format('%s of %s cannot be changed', column_name, tg_table_name),
        jsonb_build_object('table', tg_table_name, 'column', column_name)
      );
    end if;
  end loop;
  return new;
end
$$;

comment on function stepbase_private.refuse_column_change() is
  'Trigger: refuses with SB424 any change to the columns named in the trigger''s arguments.';
