-- Checks of single nodes: config, secrets, retry policy and timeout, also of the step of a for_each and of a
-- compensation.

create function stepbase_private.config_problems(
  p_outer_id text, p_place text, p_kind stepbase.step_types, p_config jsonb
)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select p_outer_id, 'invalid_config', p_place || replace(e.problem ->> 'path', '/', '.') || ' ' || (e.problem ->> 'message')
  from jsonb_array_elements(stepbase_private.json_schema_errors(p_kind.config_schema, p_config, '', true)) e (problem)
  union all
  select p_outer_id, 'invalid_config', format(
    '%s.role must be one of %s', p_place, (select string_agg(r.name, ', ' order by r.ordinal) from stepbase.user_roles r))
  where p_kind.is_task
    and jsonb_typeof(p_config -> 'role') = 'string'
    and strpos(p_config ->> 'role', '{{') = 0
    and not exists (select from stepbase.user_roles r where r.name = p_config ->> 'role')
  union all
  -- JSON Schemas inside the config. One with templates is known only when the step runs.
  select p_outer_id, 'invalid_config', format('%s.%s is not a valid JSON Schema: %s %s', p_place, k.name, q.path, q.message)
  from unnest('{form,response_schema}'::text[]) as k (name)
  cross join stepbase_private.json_schema_problems(
    case
      when p_kind.config_schema -> 'properties' ? k.name and jsonb_typeof(p_config -> k.name) = 'object'
        and strpos((p_config -> k.name)::text, '{{') = 0
        then p_config -> k.name
      else '{}'
    end
  ) as q (code, path, message);
$$;

comment on function stepbase_private.config_problems(text, text, stepbase.step_types, jsonb) is
  'Problems of a config by the config_schema of its type p_kind; the role of a task must be one of user_roles, a form or '
  'response_schema a valid JSON Schema. p_outer_id: node that the problems are reported for. p_place: path of the config, '
  'as a prefix of messages.';

create function stepbase_private.secret_problems(
  p_outer_id text, p_place text, p_kind stepbase.step_types, p_config jsonb
)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  -- A for_each stores its items; the step that it runs is checked separately. Code receives no secrets.
  select p_outer_id, 'secret_not_allowed', format('%s: secrets cannot be used in %s, which is stored', p_place, p_kind.name)
  where not p_kind.may_use_secrets
    and not exists (select from jsonb_each_text(p_kind.raw_keys) k where k.value = 'javascript')
    -- A cheap test that most configs fail.
    and strpos(p_config::text, 'secrets') > 0
    and exists (
      select
      from stepbase_private.config_expressions(
        p_kind.name, case when p_kind.name = 'for_each' then p_config - 'step' else p_config end
      ) x (expression)
      where stepbase_private.names_secrets(x.expression)
    );
$$;

comment on function stepbase_private.secret_problems(text, text, stepbase.step_types, jsonb) is
  'A problem if a config reads secrets although the engine stores the resolved config (tasks, items, events, inputs of '
  'child runs). Arguments as for config_problems.';

create function stepbase_private.literal_problems(
  p_outer_id text, p_place text, p_kind stepbase.step_types, p_config jsonb
)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select p_outer_id, 'unsafe_number', format(
    '%s: a double cannot hold the number %s; write its digits as a string', p_place, left(n.literal, 50))
  from stepbase_private.config_expressions(
    p_kind.name, case when p_kind.name = 'for_each' then p_config - 'step' else p_config end
  ) x (expression)
  cross join unnest(stepbase_private.unsafe_literals(x.expression)) n (literal)
  -- A cheap test that most configs fail. The grammar of JavaScript is not JSONata's.
  where p_config::text ~ '[0-9.]{16}|[0-9][eE][+-]?[0-9]{3}'
    and not exists (select from jsonb_each_text(p_kind.raw_keys) k where k.value = 'javascript');
$$;

comment on function stepbase_private.literal_problems(text, text, stepbase.step_types, jsonb) is
  'One problem for each number in the JSONata expressions of a config that a double cannot hold. Arguments as for '
  'config_problems.';

create function stepbase_private.retry_problems(p_outer_id text, p_place text, p_retry jsonb)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select p_outer_id, 'invalid_retry', p_place || replace(e.problem ->> 'path', '/', '.') || ' ' || (e.problem ->> 'message')
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
    p_retry)) e (problem)
  where p_retry <> 'null';
$$;

comment on function stepbase_private.retry_problems(text, text, jsonb) is 'Problems of a retry policy; a null policy has none. Arguments as for config_problems.';

create function stepbase_private.inner_step_problems(p_outer_id text, p_place text, p_step jsonb, p_compensates boolean)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kind stepbase.step_types;
begin
  select t.* into v_kind from stepbase.step_types t where t.name = p_step ->> 'type';
  if v_kind.name is null then
    return query select p_outer_id, 'unknown_step_type', format(
      '%s: unknown step type %s', p_place, coalesce(p_step ->> 'type', '(none)'));
  elsif not (case when p_compensates then v_kind.allowed_in_compensation else v_kind.allowed_in_for_each end) then
    return query select p_outer_id, 'invalid_config', format('%s.type cannot be %s', p_place, v_kind.name);
  else
    return query
      select p.*
      from stepbase_private.config_problems(
        p_outer_id, p_place || '.config', v_kind, coalesce(p_step -> 'config', '{}')
      ) p
      union all
      select p.* from stepbase_private.secret_problems(p_outer_id, p_place || '.config', v_kind, p_step -> 'config') p
      union all
      select p.* from stepbase_private.literal_problems(p_outer_id, p_place || '.config', v_kind, p_step -> 'config') p;
  end if;
  return query select p.* from stepbase_private.retry_problems(p_outer_id, p_place || '.retry', p_step -> 'retry') p;
  return query
    select p_outer_id, 'invalid_timeout', p_place || '.timeout_ms must be a whole number from 1 to 2147483647'
    where p_step -> 'timeout_ms' <> 'null'
      and stepbase_private.json_schema_errors(
        '{"type": "integer", "minimum": 1, "maximum": 2147483647}', p_step -> 'timeout_ms') <> '[]'
    union all
    select p_outer_id, 'invalid_on_error', p_place || '.on_error must be fail or continue'
    where coalesce(p_step ->> 'on_error', 'fail') not in ('fail', 'continue');
end;
$$;

comment on function stepbase_private.inner_step_problems(text, text, jsonb, boolean) is
  'Problems of a step inside a node: its compensation (p_compensates) or the step of a for_each. Arguments as for '
  'config_problems.';

create function stepbase_private.component_problems(p_node_id text, p_node jsonb, p_app_code text)
returns table (node_id text, code text, message text)
language sql
stable
set search_path = ''
as $$
  select p_node_id, 'unknown_component', format('Unknown component %s', s.step -> 'config' ->> 'component')
  from (
    values
      (jsonb_build_object('type', p_node -> 'type', 'config', p_node -> 'data' -> 'config')),
      (p_node -> 'data' -> 'config' -> 'step'),
      (p_node -> 'data' -> 'compensate')
  ) s (step)
  join stepbase.step_types t on t.name = s.step ->> 'type' and t.is_component
  where s.step -> 'config' ? 'component'
    and strpos(s.step -> 'config' ->> 'component', '{{') = 0
    and stepbase_private.component_for(p_app_code, s.step -> 'config' ->> 'component') is null;
$$;

comment on function stepbase_private.component_problems(text, jsonb, text) is
  'One problem for each component that a node, the step of its for_each or its compensation names, and that the '
  'application cannot use.';

create function stepbase_private.node_problems(p_node jsonb, p_app_code text)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_id constant text := p_node ->> 'id';
  v_data constant jsonb := coalesce(p_node -> 'data', '{}');
  v_config constant jsonb := coalesce(p_node -> 'data' -> 'config', '{}');
  c_outer constant text[] := '{retry,timeout_ms,on_error}';
  v_kind stepbase.step_types;
begin
  select t.* into v_kind from stepbase.step_types t where t.name = p_node ->> 'type';

  return query select p.* from stepbase_private.config_problems(v_id, 'config', v_kind, v_config) p;
  return query select p.* from stepbase_private.secret_problems(v_id, 'config', v_kind, v_config) p;
  return query select p.* from stepbase_private.literal_problems(v_id, 'config', v_kind, v_config) p;

  -- Steps inside the node: the step of a for_each, and the compensation.
  if v_kind.name = 'for_each' then
    return query
      select p.* from stepbase_private.inner_step_problems(
        v_id, 'config.step',
        case jsonb_typeof(v_config -> 'step') when 'object' then (v_config -> 'step') - c_outer end,
        false
      ) p
      union all
      select v_id, 'invalid_config', format('config.step.%s must be set beside config, because it applies to all items', k.key)
      from unnest(c_outer) as k (key)
      where coalesce(v_config -> 'step' -> k.key, 'null') <> 'null';
  end if;
  if v_data ? 'compensate' and v_data -> 'compensate' <> 'null' then
    return query
      select p.* from stepbase_private.inner_step_problems(v_id, 'compensate', v_data -> 'compensate', true) p;
  end if;

  return query select p.* from stepbase_private.retry_problems(v_id, 'retry', v_data -> 'retry') p;

  if p_app_code is not null then
    return query select p.* from stepbase_private.component_problems(v_id, p_node, p_app_code) p;
  end if;
end;
$$;

comment on function stepbase_private.node_problems(jsonb, text) is
  'Problems of one node: config, secrets, unsafe numbers, retry policy, steps inside it, component. p_app_code: application in which the '
  'component is looked up; null: not checked.';
