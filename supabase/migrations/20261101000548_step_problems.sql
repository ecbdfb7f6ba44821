-- Is a step sound? Its type, config, secrets, retries and time, also of what it runs for items or to undo it.

create function stepbase_private.config_problems(outer_id text, place text, kind stepbase.step_types, config jsonb)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select outer_id, 'invalid_config', place || replace(e.problem ->> 'path', '/', '.') || ' ' || (e.problem ->> 'message')
  from jsonb_array_elements(stepbase_private.json_schema_errors(kind.config_schema, config, '', true)) e (problem)
  union all
  select outer_id, 'invalid_config', format(
    '%s.role must be one of %s', place, (select string_agg(r.name, ', ' order by r.ordinal) from stepbase.user_roles r))
  where kind.is_task
    and jsonb_typeof(config -> 'role') = 'string'
    and strpos(config ->> 'role', '{{') = 0
    and not exists (select from stepbase.user_roles r where r.name = config ->> 'role')
$$;

comment on function stepbase_private.config_problems(text, text, stepbase.step_types, jsonb) is
  'What is wrong with a config by the schema of its type; the role of a task must be one of user_roles.';

create function stepbase_private.secret_problems(outer_id text, place text, kind stepbase.step_types, config jsonb)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  -- The list of a for_each is kept; the step within it is looked at by itself. Code is given no secrets.
  select outer_id, 'secret_not_allowed', format('%s: secrets cannot be used in %s, which is stored', place, kind.name)
  where not kind.may_use_secrets
    and not exists (select from jsonb_each_text(kind.raw_keys) k where k.value = 'javascript')
    -- Most configs are done with here.
    and strpos(config::text, 'secrets') > 0
    and exists (
      select
      from stepbase_private.config_expressions(
        kind.name, case when kind.name = 'for_each' then config - 'step' else config end
      ) x (expression)
      where stepbase_private.names_secrets(x.expression)
    )
$$;

comment on function stepbase_private.secret_problems(text, text, stepbase.step_types, jsonb) is
  'Refuses secrets in the config of a step whose type keeps it: tasks, items, events, inputs of children.';

create function stepbase_private.retry_problems(outer_id text, place text, retry jsonb)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select outer_id, 'invalid_retry', place || replace(e.problem ->> 'path', '/', '.') || ' ' || (e.problem ->> 'message')
  from jsonb_array_elements(stepbase_private.json_schema_errors(
    '{"type": "object", "required": ["max_attempts"], "additionalProperties": false, "properties": {
      "max_attempts": {"type": "integer", "minimum": 1, "maximum": 100},
      "backoff": {"type": "string", "enum": ["fixed", "exponential"]},
      "delay_ms": {"type": "integer", "minimum": 0, "maximum": 86400000},
      "max_delay_ms": {"type": "integer", "minimum": 0, "maximum": 86400000},
      "max_elapsed_ms": {"type": "integer", "minimum": 1, "maximum": 31536000000},
      "jitter": {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]},
      "retry_on": {"type": "array", "maxItems": 50, "items": {"type": ["string", "integer"]}},
      "do_not_retry_on": {"type": "array", "maxItems": 50, "items": {"type": ["string", "integer"]}}}}',
    retry)) e (problem)
  where retry <> 'null'
$$;

comment on function stepbase_private.retry_problems(text, text, jsonb) is 'What is wrong with a retry policy; none is fine.';

create function stepbase_private.inner_step_problems(outer_id text, place text, step jsonb, compensates boolean)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  kind stepbase.step_types;
begin
  select t.* into kind from stepbase.step_types t where t.name = step ->> 'type';
  if kind.name is null then
    return query select outer_id, 'unknown_step_type', format(
      '%s: there is no step type %s', place, coalesce(step ->> 'type', '(none)'));
  elsif not (case when compensates then kind.allowed_in_compensation else kind.allowed_in_for_each end) then
    return query select outer_id, 'invalid_config', format('%s.type cannot be %s', place, kind.name);
  else
    return query
      select p.* from stepbase_private.config_problems(outer_id, place || '.config', kind, coalesce(step -> 'config', '{}')) p
      union all
      select p.* from stepbase_private.secret_problems(outer_id, place || '.config', kind, step -> 'config') p;
  end if;
  return query select p.* from stepbase_private.retry_problems(outer_id, place || '.retry', step -> 'retry') p;
  return query
    select outer_id, 'invalid_timeout', place || '.timeout_ms must be a whole number from 1 to 2147483647'
    where step -> 'timeout_ms' <> 'null'
      and stepbase_private.json_schema_errors(
        '{"type": "integer", "minimum": 1, "maximum": 2147483647}', step -> 'timeout_ms') <> '[]'
    union all
    select outer_id, 'invalid_on_error', place || '.on_error must be fail or continue'
    where coalesce(step ->> 'on_error', 'fail') not in ('fail', 'continue');
end
$$;

comment on function stepbase_private.inner_step_problems(text, text, jsonb, boolean) is
  'What is wrong with a step that is written inside another one: it compensates that one, or is the step of a for_each.';

create function stepbase_private.node_problems(node jsonb, app_code text)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  id constant text := node ->> 'id';
  data constant jsonb := coalesce(node -> 'data', '{}');
  config constant jsonb := coalesce(node -> 'data' -> 'config', '{}');
  c_outer constant text[] := '{retry,timeout_ms,on_error}';
  kind stepbase.step_types;
begin
  select t.* into kind from stepbase.step_types t where t.name = node ->> 'type';

  return query select p.* from stepbase_private.config_problems(id, 'config', kind, config) p;
  return query select p.* from stepbase_private.secret_problems(id, 'config', kind, config) p;

  -- A step within a step: for_each's, and the one that undoes this one.
  if kind.name = 'for_each' then
    return query
      select p.* from stepbase_private.inner_step_problems(
        id, 'config.step',
        case jsonb_typeof(config -> 'step') when 'object' then (config -> 'step') - c_outer end,
        false
      ) p
      union all
      select id, 'invalid_config', format('config.step.%s must stand beside config: it holds for every item', k.key)
      from unnest(c_outer) as k (key)
      where coalesce(config -> 'step' -> k.key, 'null') <> 'null';
  end if;
  if data ? 'compensate' and data -> 'compensate' <> 'null' then
    return query
      select p.* from stepbase_private.inner_step_problems(id, 'compensate', data -> 'compensate', true) p;
  end if;

  return query select p.* from stepbase_private.retry_problems(id, 'retry', data -> 'retry') p;

  if app_code is not null and kind.is_component and config ? 'component'
    and strpos(config ->> 'component', '{{') = 0
    and stepbase_private.component_for(app_code, config ->> 'component') is null then
    return query select id, 'unknown_component', format('There is no component %s', config ->> 'component');
  end if;
end
$$;

comment on function stepbase_private.node_problems(jsonb, text) is
  'What is wrong with one node by itself: config, retry, the steps within it, its component.';
