-- Checks of single nodes: config, secrets, retry policy and timeout, also of the step of a for_each and of a
-- compensation.

create function stepbase_private.config_problems(
  p_outer_id text, p_data text, p_place text, p_kind stepbase.step_types, p_config jsonb, p_app_code text
)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_pointer constant text := p_data || '/' || replace(p_place, '.', '/');
begin
  return query
    select
      p_outer_id, v_pointer || (e.problem ->> 'path'),
      case when e.problem ? 'known_keys' then 'unknown_key' else 'invalid_config' end,
      left(p_place || stepbase_private.pointer_words(e.problem ->> 'path'), 200) || ' ' || case
        when e.problem ? 'known_keys' then 'is not a known key of ' || p_kind.name
        else e.problem ->> 'message'
      end,
      case
        when e.problem ? 'known_keys' then stepbase_private.suggestion(
          -- A key at the top of the config may belong beside it.
          k.key, array(select x.key from jsonb_array_elements_text(e.problem -> 'known_keys') x (key)),
          case
            when e.problem ->> 'path' = '/' || k.key and k.key <> 'config' and k.key = any (stepbase_private.data_keys())
              then jsonb_build_object(k.key, format('%s beside config', k.key))
            else '{}'
          end
        )
      end
    from jsonb_array_elements(stepbase_private.json_schema_errors(p_kind.config_schema, p_config, '', true)) e (problem)
    cross join lateral (
      select replace(replace(substring(e.problem ->> 'path', '[^/]*$'), '~1', '/'), '~0', '~') as key
    ) k;
  if p_kind.is_task and p_app_code is not null then
    return query
      select
        p_outer_id, v_pointer || '/role', 'invalid_config',
        format('%s.role must be one of %s', p_place, array_to_string(k.names, ', ')),
        stepbase_private.suggestion(n.name, k.names)
      from jsonb_path_query(p_config -> 'role', 'lax $[*] ? (@.type() == "string")') i (item)
      cross join lateral (select i.item #>> '{}' as name) n
      cross join (
        select array_agg(r.name order by r.ordinal, r.name) as names
        from stepbase.app_roles r
        where r.app_code = p_app_code
      ) k
      where strpos(n.name, '{{') = 0 and n.name <> all (coalesce(k.names, '{}'));
  end if;
  -- JSON Schemas inside the config. One with templates is known only when the step runs.
  if p_config ?| '{form,response_schema}'::text[] then
    return query
      select
        p_outer_id, v_pointer || '/' || k.name || ltrim(q.path, '#'), 'invalid_config',
        format('%s.%s is not a valid JSON Schema: %s %s', p_place, k.name, q.path, q.message), null
      from unnest('{form,response_schema}'::text[]) k (name)
      cross join stepbase_private.json_schema_problems(
        case
          when p_kind.config_schema -> 'properties' ? k.name and jsonb_typeof(p_config -> k.name) = 'object'
            and strpos((p_config -> k.name)::text, '{{') = 0
            then p_config -> k.name
          else '{}'
        end
      ) q (code, path, message);
  end if;
end;
$$;

comment on function stepbase_private.config_problems(text, text, text, stepbase.step_types, jsonb, text) is
  'Problems of a config by the config_schema of its type p_kind; the roles of a task must be app_roles of p_app_code (null: '
  'not checked), a form or response_schema a valid JSON Schema. p_outer_id: node that the problems are reported for. p_data: JSON pointer of the '
  'data of the node. p_place: path of the config below data, as a prefix of messages.';

create function stepbase_private.secret_problems(
  p_outer_id text, p_data text, p_place text, p_kind stepbase.step_types, p_config jsonb
)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  -- A for_each stores its items; the step that it runs is checked separately. Code receives no secrets.
  select
    p_outer_id,
    (
      select min(e.pointer)
      from stepbase_private.expression_pointers(
        p_kind.name, case when p_kind.name = 'for_each' then p_config - 'step' else p_config end,
        p_data || '/' || replace(p_place, '.', '/')
      ) e
      where stepbase_private.names_secrets(e.expression)
    ),
    'secret_not_allowed', format('%s: secrets cannot be used in %s, which is stored', p_place, p_kind.name), null
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

comment on function stepbase_private.secret_problems(text, text, text, stepbase.step_types, jsonb) is
  'A problem if a config reads secrets although the engine stores the resolved config (tasks, items, events, inputs of '
  'child runs). Arguments as for config_problems.';

create function stepbase_private.literal_problems(
  p_outer_id text, p_data text, p_place text, p_kind stepbase.step_types, p_config jsonb
)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  select p_outer_id, e.pointer, 'unsafe_number', format(
    '%s: a double cannot hold the number %s; write its digits as a string', p_place, left(n.literal, 50)), null
  from stepbase_private.expression_pointers(
    p_kind.name, case when p_kind.name = 'for_each' then p_config - 'step' else p_config end,
    p_data || '/' || replace(p_place, '.', '/')
  ) e
  cross join unnest(stepbase_private.unsafe_literals(e.expression)) n (literal)
  -- A cheap test that most configs fail. The grammar of JavaScript is not JSONata's.
  where p_config::text ~ '[0-9.]{16}|[0-9][eE][+-]?[0-9]{3}'
    and not exists (select from jsonb_each_text(p_kind.raw_keys) k where k.value = 'javascript');
$$;

comment on function stepbase_private.literal_problems(text, text, text, stepbase.step_types, jsonb) is
  'One problem for each number in the JSONata expressions of a config that a double cannot hold. Arguments as for '
  'config_problems.';

create function stepbase_private.retry_problems(p_outer_id text, p_data text, p_place text, p_retry jsonb)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  with policy as (
    select
      p_data || '/' || replace(p_place, '.', '/') as pointer,
      '{"type": "object", "required": ["max_attempts"], "properties": {
        "max_attempts": {"type": "integer", "minimum": 1, "maximum": 100},
        "backoff": {"type": "string", "enum": ["fixed", "exponential"]},
        "delay_ms": {"type": "integer", "minimum": 0, "maximum": 86400000},
        "max_delay_ms": {"type": "integer", "minimum": 0, "maximum": 86400000},
        "max_elapsed_ms": {"type": "integer", "minimum": 1, "maximum": 31536000000},
        "jitter": {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]},
        "retry_on": {"type": "array", "maxItems": 50, "items": {"type": ["string", "integer"]}},
        "do_not_retry_on": {"type": "array", "maxItems": 50, "items": {"type": ["string", "integer"]}}}}'::jsonb
        as rules
    where p_retry <> 'null'
  )
  select
    p_outer_id, p.pointer || (e.problem ->> 'path'), 'invalid_retry',
    p_place || stepbase_private.pointer_words(e.problem ->> 'path') || ' ' || (e.problem ->> 'message'), null
  from policy p
  cross join jsonb_array_elements(stepbase_private.json_schema_errors(p.rules, p_retry)) e (problem)
  union all
  select k.*
  from policy p
  cross join lateral stepbase_private.key_problems(
    p_outer_id, p.pointer, p_place || '.', 'a retry policy', p_retry, array(select r.key from jsonb_object_keys(p.rules -> 'properties') r (key))
  ) k;
$$;

comment on function stepbase_private.retry_problems(text, text, text, jsonb) is 'Problems of a retry policy; a null policy has none. Arguments as for config_problems.';

create function stepbase_private.inner_step_problems(
  p_outer_id text, p_data text, p_place text, p_step jsonb, p_compensates boolean, p_app_code text
)
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kind stepbase.step_types;
  v_pointer constant text := p_data || '/' || replace(p_place, '.', '/');
begin
  select t.* into v_kind from stepbase.step_types t where t.name = p_step ->> 'type';
  if v_kind.name is null then
    return query select
      p_outer_id, v_pointer || case when p_step ? 'type' then '/type' else '' end, 'unknown_step_type', format(
        '%s: unknown step type %s', p_place, coalesce(p_step ->> 'type', '(none)')),
      stepbase_private.suggestion(p_step ->> 'type', array(select t.name from stepbase.step_types t));
  elsif not (case when p_compensates then v_kind.allowed_in_compensation else v_kind.allowed_in_for_each end) then
    return query
      select p_outer_id, v_pointer || '/type', 'invalid_config', format('%s.type cannot be %s', p_place, v_kind.name), null;
  else
    return query
      select p.*
      from stepbase_private.config_problems(
        p_outer_id, p_data, p_place || '.config', v_kind, coalesce(p_step -> 'config', '{}'), p_app_code
      ) p
      union all
      select p.*
      from stepbase_private.secret_problems(p_outer_id, p_data, p_place || '.config', v_kind, p_step -> 'config') p
      union all
      select p.*
      from stepbase_private.literal_problems(p_outer_id, p_data, p_place || '.config', v_kind, p_step -> 'config') p;
  end if;
  return query
    select p.* from stepbase_private.retry_problems(p_outer_id, p_data, p_place || '.retry', p_step -> 'retry') p;
  return query
    select p_outer_id, v_pointer || '/timeout_ms', 'invalid_timeout',
      p_place || '.timeout_ms must be a whole number from 1 to 2147483647', null
    where p_step -> 'timeout_ms' <> 'null'
      and stepbase_private.json_schema_errors(
        '{"type": "integer", "minimum": 1, "maximum": 2147483647}', p_step -> 'timeout_ms') <> '[]'
    union all
    select p_outer_id, v_pointer || '/on_error', 'invalid_on_error', p_place || '.on_error must be fail or continue', null
    where coalesce(p_step ->> 'on_error', 'fail') not in ('fail', 'continue');
  -- The config schema of for_each has the keys of its step.
  if p_compensates then
    return query
      select p.*
      from stepbase_private.key_problems(
        p_outer_id, v_pointer, p_place || '.', 'a compensation', p_step, stepbase_private.inner_step_keys()) p;
  end if;
end;
$$;

comment on function stepbase_private.inner_step_problems(text, text, text, jsonb, boolean, text) is
  'Problems of a step inside a node: its compensation (p_compensates) or the step of a for_each. Arguments as for '
  'config_problems.';

create function stepbase_private.component_problems(p_node_id text, p_data text, p_node jsonb, p_app_code text)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  select
    p_node_id, p_data || s.place || '/config/component', 'unknown_component',
    format('Unknown component %s', s.step -> 'config' ->> 'component'), null
  from (
    values
      ('', jsonb_build_object('type', p_node -> 'type', 'config', p_node -> 'data' -> 'config')),
      ('/config/step', p_node -> 'data' -> 'config' -> 'step'),
      ('/compensate', p_node -> 'data' -> 'compensate')
  ) s (place, step)
  join stepbase.step_types t on t.name = s.step ->> 'type' and t.is_component
  where s.step -> 'config' ? 'component'
    and strpos(s.step -> 'config' ->> 'component', '{{') = 0
    and stepbase_private.component_for(p_app_code, s.step -> 'config' ->> 'component') is null;
$$;

comment on function stepbase_private.component_problems(text, text, jsonb, text) is
  'One problem for each component that a node, the step of its for_each or its compensation names, and that the '
  'application cannot use.';

create function stepbase_private.prompt_problems(p_node_id text, p_data text, p_node jsonb, p_app_code text)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
set jit = off
as $$
  with step as (
    select
      s.place, s.step -> 'config' as config,
      coalesce(nullif(s.step #> '{config,variables}', 'null'), '{}') as variables
    from (
      values
        ('', jsonb_build_object('type', p_node -> 'type', 'config', p_node -> 'data' -> 'config')),
        ('/config/step', p_node -> 'data' -> 'config' -> 'step'),
        ('/compensate', p_node -> 'data' -> 'compensate')
    ) s (place, step)
    where s.step ->> 'type' = 'llm_call' and jsonb_typeof(s.step -> 'config') = 'object'
  ),
  named as (
    select s.place, s.variables, k.name as key, s.config ->> k.name as reference
    from step s
    cross join unnest('{prompt_name,system_prompt_name}'::text[]) k (name)
    where jsonb_typeof(s.config -> k.name) = 'string'
  ),
  found as (
    select n.*, p.id, p.prompt_variables, strpos(n.reference, '{{') > 0 as is_template
    from named n
    left join lateral stepbase_private.prompt_for(p_app_code, n.reference) p on true
  )
  select
    p_node_id, format('%s%s/config/%s', p_data, f.place, f.key), 'invalid_config',
    format('%s names a prompt and cannot be a template', f.key), null
  from found f
  where f.is_template
  union all
  select
    p_node_id, format('%s%s/config/%s', p_data, f.place, f.key), 'unknown_prompt',
    format('Unknown prompt %s', f.reference),
    stepbase_private.suggestion(
      f.reference, array(
        select distinct a.name from stepbase.agent_prompts a where a.app_code = p_app_code and a.deleted_at is null
      )
    )
  from found f
  where f.id is null and not f.is_template
  union all
  select
    p_node_id, format('%s%s/config/variables%s', p_data, f.place, e.problem ->> 'path'), 'invalid_prompt_variables',
    format('%s: variables%s %s', f.reference, stepbase_private.pointer_words(e.problem ->> 'path'), e.problem ->> 'message'),
    null
  from found f
  cross join jsonb_array_elements(
    stepbase_private.json_schema_errors(stepbase_private.prompt_schema(f.prompt_variables), f.variables, '', true)
  ) e (problem)
  where f.id is not null and jsonb_typeof(f.variables) = 'object'
  union all
  -- A prompt that declares none accepts every variable.
  select
    p_node_id, format('%s%s/config/variables/%s', p_data, f.place, v.name), 'invalid_prompt_variables',
    format('variables.%s is not declared by %s', v.name, string_agg(f.reference, ' and ' order by f.key)),
    stepbase_private.suggestion(
      v.name, array(
        select k.name from found o cross join jsonb_object_keys(o.prompt_variables) k (name) where o.place = f.place
      )
    )
  from found f
  cross join jsonb_object_keys(case jsonb_typeof(f.variables) when 'object' then f.variables else '{}' end) v (name)
  group by f.place, v.name
  having bool_and(f.id is not null and f.prompt_variables <> '{}' and not f.prompt_variables ? v.name)
  union all
  select p_node_id, format('%s%s/config/%s', p_data, s.place, x.key), 'invalid_config', x.message, null
  from step s
  cross join lateral (
    values
      (
        s.config ? 'system_prompt_name' and coalesce(s.config -> 'system', 'null') <> 'null',
        'system', 'give either system or system_prompt_name'
      ),
      (
        s.variables <> '{}' and not s.config ?| array['prompt_name', 'system_prompt_name'],
        'variables', 'variables are for a stored prompt: give prompt_name or system_prompt_name'
      )
  ) x (applies, key, message)
  where x.applies;
$$;

comment on function stepbase_private.prompt_problems(text, text, jsonb, text) is
  'Problems of the prompts that a node, the step of its for_each or its compensation names: unknown prompts, and variables '
  'that are missing, not declared, or literals of a wrong type. Arguments as for component_problems.';

create function stepbase_private.node_problems(p_node jsonb, p_app_code text, p_pointer text default '')
returns setof stepbase_private.definition_problem
language plpgsql
stable
set search_path = ''
as $$
declare
  v_id constant text := p_node ->> 'id';
  v_at constant text := p_pointer || '/data';
  v_data constant jsonb := coalesce(p_node -> 'data', '{}');
  v_config constant jsonb := coalesce(p_node -> 'data' -> 'config', '{}');
  v_text constant text := v_data::text;
  c_outer constant text[] := '{retry,timeout_ms,on_error}';
  v_kind stepbase.step_types;
begin
  select t.* into v_kind from stepbase.step_types t where t.name = p_node ->> 'type';

  return query select p.* from stepbase_private.config_problems(v_id, v_at, 'config', v_kind, v_config, p_app_code) p;
  -- A definition may have 2,000 nodes: most need no more checks, which a look at their text shows.
  if strpos(v_text, 'secrets') > 0 then
    return query select p.* from stepbase_private.secret_problems(v_id, v_at, 'config', v_kind, v_config) p;
  end if;
  return query select p.* from stepbase_private.literal_problems(v_id, v_at, 'config', v_kind, v_config) p;

  -- Steps inside the node: the step of a for_each, and the compensation.
  if v_kind.name = 'for_each' then
    return query
      select p.* from stepbase_private.inner_step_problems(
        v_id, v_at, 'config.step',
        case jsonb_typeof(v_config -> 'step') when 'object' then (v_config -> 'step') - c_outer end,
        false, p_app_code
      ) p
      union all
      select v_id, v_at || '/config/step/' || k.key, 'invalid_config',
        format('config.step.%s must be set beside config, because it applies to all items', k.key), null
      from unnest(c_outer) as k (key)
      where coalesce(v_config -> 'step' -> k.key, 'null') <> 'null';
  end if;
  if v_data ? 'compensate' and v_data -> 'compensate' <> 'null' then
    return query
      select p.*
      from stepbase_private.inner_step_problems(v_id, v_at, 'compensate', v_data -> 'compensate', true, p_app_code) p;
  end if;

  if v_data -> 'retry' <> 'null' then
    return query select p.* from stepbase_private.retry_problems(v_id, v_at, 'retry', v_data -> 'retry') p;
  end if;
  if strpos(v_text, '"tools"') > 0 then
    return query select p.* from stepbase_private.tool_problems(v_id, v_at, p_node, p_app_code) p;
  end if;
  if p_app_code is not null and strpos(v_text, '"component"') > 0 then
    return query select p.* from stepbase_private.component_problems(v_id, v_at, p_node, p_app_code) p;
  end if;
  if p_app_code is not null and (v_kind.name = 'llm_call' or strpos(v_text, '"llm_call"') > 0) then
    return query select p.* from stepbase_private.prompt_problems(v_id, v_at, p_node, p_app_code) p;
  end if;
end;
$$;

comment on function stepbase_private.node_problems(jsonb, text, text) is
  'Problems of one node: config, secrets, unsafe numbers, retry policy, steps inside it, tools of agents, component, prompts. '
  'p_app_code: application in which components, prompts and the roles of tasks are looked up; null: not checked. p_pointer: '
  'JSON pointer of the node.';
