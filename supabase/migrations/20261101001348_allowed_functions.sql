-- Operators' SQL that allows functions of the project to sql_function steps. No RPCs: only the owner of Stepbase may
-- execute them. They run with the rights of their caller, who must own the function or hold its grant option.

create function stepbase_private.check_allowed_function(p_function regprocedure)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_function record;
  v_problem text;
begin
  select p.*, n.nspname into v_function
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = p_function;
  if not found then
    perform stepbase_private.raise_error('invalid_request', 'function must be a function with the types of its arguments');
  end if;
  if stepbase_private.is_system_schema(v_function.nspname) then
    perform stepbase_private.raise_error(
      'permission_denied', format('Functions of schema %s cannot be allowed: they belong to the system', v_function.nspname)
    );
  end if;
  v_problem := case
    when v_function.prokind <> 'f' then 'is no ordinary function'
    when v_function.prorettype in ('trigger'::regtype, 'event_trigger'::regtype) then 'is a trigger function'
    when v_function.provariadic <> 0 then 'has a variadic argument'
    when v_function.prorettype = 'record'::regtype and v_function.proallargtypes is null
      then 'returns records without columns; declare them with returns table'
    when exists (
      select from unnest(v_function.proargtypes::oid[]) t (id)
      join pg_catalog.pg_type y on y.oid = t.id and y.typtype = 'p'
    ) then 'has an argument of a pseudo-type'
    when (
      select count(*) from unnest(v_function.proargnames) with ordinality n (name, place)
      where n.name <> '' and coalesce(v_function.proargmodes[n.place], 'i') in ('i', 'b')
    ) <> v_function.pronargs then 'has an argument without a name'
  end;
  if v_problem is not null then
    perform stepbase_private.raise_error('invalid_request', format('%s %s', p_function, v_problem));
  end if;
end;
$$;

comment on function stepbase_private.check_allowed_function(regprocedure) is
  'Raises SB403 permission_denied for a function of the system, and SB400 invalid_request for one that a step cannot call: '
  'every argument needs a name and a type of its own.';

create function stepbase_private.allow_function(p_function regprocedure, p_app_code text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
  v_schema text;
begin
  perform stepbase_private.check_allowed_function(p_function);
  if p_app_code is not null and not exists (
    select from stepbase.applications a where a.app_code = p_app_code and a.deleted_at is null
  ) then
    perform stepbase_private.raise_error('not_found', format('Application %s does not exist', p_app_code));
  end if;
  perform stepbase_engine.require_restricted_calls();
  select format('%I.%I', n.nspname, p.proname) into v_name
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = p_function;
  insert into stepbase_private.allowed_functions (name, signature, app_code)
  values (v_name, p_function::text, p_app_code)
  on conflict (name, app_code) do update set signature = excluded.signature;
  -- The types of arguments may be of other schemas.
  for v_schema in
    select distinct n.nspname
    from (
      select p.pronamespace as id from pg_catalog.pg_proc p where p.oid = p_function
      union all
      select coalesce(e.typnamespace, y.typnamespace)
      from pg_catalog.pg_proc p
      cross join lateral unnest(p.proargtypes::oid[]) t (id)
      join pg_catalog.pg_type y on y.oid = t.id
      left join pg_catalog.pg_type e on e.oid = y.typelem
      where p.oid = p_function
    ) s
    join pg_catalog.pg_namespace n on n.oid = s.id
    where not has_schema_privilege('stepbase_functions', n.oid, 'usage')
  loop
    execute format('grant usage on schema %I to stepbase_functions', v_schema);
  end loop;
  execute format('grant execute on function %s to stepbase_functions', p_function);
end;
$$;

comment on function stepbase_private.allow_function(regprocedure, text) is 'Implements stepbase.allow_function.';

create function stepbase.allow_function(function regprocedure, app_code text default null)
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.allow_function(allow_function.function, allow_function.app_code);
$$;

comment on function stepbase.allow_function(regprocedure, text) is
  'Allows sql_function steps of an application, or of all (null), to call a function of the project, and grants EXECUTE on it '
  'to the role stepbase_functions. Of overloaded functions the last one that was allowed counts. Errors: SB400 not callable '
  'by name, SB403 a function of the system, SB404 unknown application, SB409 the role does not exist or does not own execute_call.';

create function stepbase_private.disallow_function(p_function text, p_app_code text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_function constant regprocedure := to_regprocedure(p_function);
  v_signature constant text := coalesce(v_function::text, p_function);
begin
  delete from stepbase_private.allowed_functions f
  where f.signature = v_signature and f.app_code is not distinct from p_app_code;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('%s is not allowed for %s', p_function, coalesce('application ' || p_app_code, 'all applications'))
    );
  end if;
  if v_function is not null and not exists (
    select from stepbase_private.allowed_functions f where f.signature = v_signature
  ) then
    execute format('revoke execute on function %s from stepbase_functions', v_function);
  end if;
end;
$$;

comment on function stepbase_private.disallow_function(text, text) is 'Implements stepbase.disallow_function.';

create function stepbase.disallow_function(function text, app_code text default null)
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.disallow_function(disallow_function.function, disallow_function.app_code);
$$;

comment on function stepbase.disallow_function(text, text) is
  'Withdraws allow_function for one application, or the entry for all (null). function: schema, name and types of the '
  'arguments, also of a function that was dropped. Errors: SB404 it is not allowed there.';

create view stepbase.allowed_functions
with (security_invoker = true)
as
select f.name, f.signature, f.app_code, to_regprocedure(f.signature) is not null as is_present, f.created_at
from stepbase_private.allowed_functions f;

comment on view stepbase.allowed_functions is
  'The functions that sql_function steps may call, for operators: no role of the API can read it.';
comment on column stepbase.allowed_functions.is_present is 'Whether the function exists; one that was dropped must be allowed again.';

create trigger allowed_functions_refuse_write instead of insert or update or delete on stepbase.allowed_functions
  for each row execute function stepbase_private.refuse_view_write();
