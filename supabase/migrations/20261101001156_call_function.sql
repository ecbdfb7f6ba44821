-- sql_function: a step calls a function of the project that an operator has allowed.
--
-- The call runs as stepbase_functions, a role that may execute the allowed functions and nothing else. execute_call
-- belongs to that role and is security definer: within it PostgreSQL refuses set role, so that a function cannot take
-- the rights of the worker.

do $do$
begin
  create role stepbase_functions nologin noinherit;
exception
  -- Roles belong to the server: another database of it may have the role, or create it at this moment.
  when duplicate_object or unique_violation then
    null;
  when insufficient_privilege then
    raise notice 'stepbase: the role stepbase_functions cannot be created here; steps of type sql_function fail';
end;
$do$;

do $do$
begin
  -- Only a member can give the role a function and grant its privileges.
  if to_regrole('stepbase_functions') is not null and not pg_has_role('stepbase_functions', 'usage') then
    execute format('grant stepbase_functions to %I', current_user);
  end if;
exception
  when insufficient_privilege or unique_violation then
    raise notice 'stepbase: the role % cannot become a member of stepbase_functions: %', current_user, sqlerrm;
  -- Two databases of a server that are migrated at the same time grant the same role.
  when internal_error then
    if sqlerrm not like 'tuple concurrently %' then
      raise;
    end if;
end;
$do$;

-- Security definer: it belongs to stepbase_functions, and the call has the rights of that role.
create function stepbase_engine.execute_call(p_statement text, p_arguments jsonb, p_has_result boolean)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_result jsonb;
begin
  if not p_has_result then
    execute p_statement using p_arguments;
    return null;
  end if;
  execute p_statement into v_result using p_arguments;
  return v_result;
end;
$$;

comment on function stepbase_engine.execute_call(text, jsonb, boolean) is
  'Executes the statement that call_function makes, with the rights of stepbase_functions, and returns its first value.';

do $do$
begin
  if to_regrole('stepbase_functions') is null or not pg_has_role('stepbase_functions', 'usage') then
    return;
  end if;
  -- The new owner needs the privilege to create in the schema, at this moment only.
  grant usage, create on schema stepbase_engine to stepbase_functions;
  alter function stepbase_engine.execute_call(text, jsonb, boolean) owner to stepbase_functions;
  revoke usage, create on schema stepbase_engine from stepbase_functions;
  execute format(
    'grant execute on function stepbase_engine.execute_call(text, jsonb, boolean) to %I', current_user
  );
end;
$do$;

create function stepbase_engine.require_restricted_calls()
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Without the role, calls would have all rights of the owner of Stepbase.
  perform 1
  from pg_catalog.pg_proc p
  join pg_catalog.pg_roles r on r.oid = p.proowner and r.rolname = 'stepbase_functions'
  where p.oid = 'stepbase_engine.execute_call'::regproc;
  if not found then
    perform stepbase_private.raise_error(
      'conflict',
      'Functions cannot be called: create the role stepbase_functions, grant it to the role that migrates, and make it the '
      'owner of stepbase_engine.execute_call',
      '{"reason": "function_not_allowed"}'
    );
  end if;
end;
$$;

comment on function stepbase_engine.require_restricted_calls() is
  'Raises SB409 conflict if the migration could not give execute_call to the role stepbase_functions.';

create function stepbase_engine.call_statement(
  p_function regprocedure, p_arguments jsonb, out statement text, out conversion text, out has_result boolean
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_function record;
  v_types text[] := '{}';
  v_values text[] := '{}';
  v_known text[] := '{}';
  v_argument record;
begin
  select
    format('%I.%I', n.nspname, p.proname) as name, p.pronargs, p.pronargdefaults, p.proargtypes, p.proretset,
    p.prorettype, p.proargnames, p.proargmodes
  into strict v_function
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = p_function;
  for v_argument in
    select a.name, format_type(t.type_id, null) as type_name, t.place
    from unnest(v_function.proargtypes::oid[]) with ordinality as t (type_id, place)
    join (
      -- Arguments that are only results are not in proargtypes.
      select n.name, row_number() over (order by n.place) as place
      from unnest(v_function.proargnames) with ordinality as n (name, place)
      where coalesce(v_function.proargmodes[n.place], 'i') in ('i', 'b')
    ) a on a.place = t.place
    order by t.place
  loop
    v_known := array_append(v_known, v_argument.name);
    if p_arguments ? v_argument.name then
      v_types := array_append(v_types, format('%I %s', v_argument.name, v_argument.type_name));
      v_values := array_append(v_values, format('%1$I => a.%1$I', v_argument.name));
    elsif v_argument.place <= v_function.pronargs - v_function.pronargdefaults then
      perform stepbase_private.raise_error(
        'invalid_request', format('%s needs the argument %s', v_function.name, v_argument.name),
        '{"reason": "invalid_arguments"}'
      );
    end if;
  end loop;
  perform stepbase_private.raise_error(
    'invalid_request', format('%s has no argument %s', v_function.name, min(k.name)), '{"reason": "invalid_arguments"}'
  )
  from jsonb_object_keys(p_arguments) as k (name)
  where k.name <> all (v_known)
  having count(*) > 0;

  has_result := v_function.prorettype <> 'void'::regtype;
  conversion := case when v_types <> '{}' then format('select to_jsonb(true) from jsonb_to_record($1) as a (%s)', array_to_string(v_types, ', ')) end;
  statement := format(
    '%s lateral %s(%s) as r%s',
    'from ' || case when v_types <> '{}' then format('jsonb_to_record($1) as a (%s),', array_to_string(v_types, ', ')) else '' end,
    v_function.name, array_to_string(v_values, ', '), case when v_function.proretset then ' limit 1001' else '' end
  );
  statement := case
    when not has_result then 'select 1 ' || statement
    when v_function.proretset
      then format('select coalesce(jsonb_agg(s.v), ''[]'') from (select to_jsonb(r.*) as v %s) s', statement)
    else 'select to_jsonb(r.*) ' || statement
  end;
end;
$$;

comment on function stepbase_engine.call_statement(regprocedure, jsonb) is
  'The statement that calls a function with named arguments from a JSON object ($1) and returns its result as JSON, and one '
  'that only converts the arguments (null without arguments). Of a set it reads at most 1,001 rows. Errors: SB400 a missing '
  'or an unknown argument.';

create function stepbase_engine.call_function(p_run_id uuid, p_key text, p_function text, p_arguments jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  c_bytes constant int := 262144;
  c_rows constant int := 1000;
  v_run record;
  v_signature text;
  v_function regprocedure;
  v_call record;
  v_result jsonb;
  v_reason text := 'invalid_arguments';
  v_state text;
  v_message text;
begin
  select r.app_code, r.completed_at, w.kebab_name into strict v_run
  from stepbase.runs r
  join stepbase.workflows w on w.id = r.workflow_id
  where r.id = p_run_id;
  if v_run.completed_at is not null then
    perform stepbase_private.raise_error('conflict', 'The run has ended', '{"reason": "conflict"}');
  end if;
  perform stepbase_engine.require_restricted_calls();
  -- A worker that was taken for lost may still be in the call.
  perform pg_advisory_xact_lock(hashtextextended(p_key, 0));
  select f.result into v_result
  from stepbase_engine.function_results f
  where f.run_id = p_run_id and f.app_code = v_run.app_code and f.call_key = p_key;
  if found then
    return v_result;
  end if;

  select f.signature into v_signature
  from stepbase_private.allowed_functions f
  where f.name = p_function and (f.app_code = v_run.app_code or f.app_code is null)
  order by f.app_code nulls last
  limit 1;
  v_function := to_regprocedure(v_signature);
  if v_function is null then
    perform stepbase_private.raise_error(
      'permission_denied',
      case when v_signature is null
        then format('%s is not allowed for this application; an operator allows it by allow_function', p_function)
        else format('%s does not exist any more', v_signature)
      end,
      '{"reason": "function_not_allowed"}'
    );
  end if;
  select c.* into v_call from stepbase_engine.call_statement(v_function, p_arguments) c;

  perform set_config(
    'request.jwt.claims',
    jsonb_build_object(
      'role', 'stepbase_functions', 'app_code', v_run.app_code, 'run_id', p_run_id, 'workflow', v_run.kebab_name,
      'idempotency_key', p_key
    )::text,
    true
  );
  perform set_config('stepbase_call.idempotency_key', p_key, true);
  perform set_config('stepbase_call.event_depth', stepbase_engine.event_depth(p_run_id)::text, true);
  begin
    if v_call.conversion is not null then
      perform stepbase_engine.execute_call(v_call.conversion, p_arguments, true);
    end if;
    v_reason := 'function_failed';
    v_result := stepbase_engine.execute_call(v_call.statement, p_arguments, v_call.has_result);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    -- Transient faults (deadlocks, lock timeouts, missing resources, a shutdown) are raised as they are.
    if stepbase_private.is_temporary_error(v_state) then
      raise;
    end if;
    perform stepbase_private.raise_error(
      'invalid_request', format('%s: %s', p_function, left(v_message, 1000)),
      jsonb_build_object(
        'reason', case when v_state = '42501' and v_reason = 'function_failed' then 'function_denied' else v_reason end,
        'sqlstate', v_state
      )
    );
  end;
  if jsonb_typeof(v_result) = 'array' and jsonb_array_length(v_result) > c_rows
    and (select p.proretset from pg_catalog.pg_proc p where p.oid = v_function)
  then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s returned more than %s rows', p_function, c_rows), '{"reason": "result_too_large"}'
    );
  end if;
  if octet_length(v_result::text) > c_bytes then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s returned more than %s bytes of JSON', p_function, c_bytes),
      '{"reason": "result_too_large"}'
    );
  end if;
  insert into stepbase_engine.function_results (run_id, app_code, call_key, result)
  values (p_run_id, v_run.app_code, p_key, v_result);
  return v_result;
end;
$$;

comment on function stepbase_engine.call_function(uuid, text, text, jsonb) is
  'Calls a function that an operator has allowed for the application of a run, and returns its result as JSON: null for '
  'void, an array for a set. p_key is the same for all attempts of the step: after a call has succeeded, a repeated one '
  'returns its result. The function reads app_code and others from request.jwt.claims. Errors (reason in the detail): SB403 '
  'function_not_allowed, SB400 invalid_arguments, function_failed, function_denied and result_too_large, SB409 the run has '
  'ended.';
