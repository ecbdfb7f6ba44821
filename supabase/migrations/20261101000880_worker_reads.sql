-- The reads of workers: the plan of a version (once per version), the input of a run (once per run), and those
-- outputs of the run's context that the expressions of a step name.

create function stepbase_engine.component_facts(p_app_code text, p_component_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', c.id, 'name', c.name, 'version', c.version, 'type', c.implementation_type,
    'is_active', stepbase_private.may_use_component(p_app_code, c),
    'endpoint', c.endpoint, 'timeout_ms', c.timeout_ms,
    'callback_timeout_ms', c.callback_timeout_ms, 'heartbeat_timeout_ms', c.heartbeat_timeout_ms, 'model', c.model_name,
    'input_schema', c.input_schema, 'output_schema', c.output_schema,
    'ui_widget_id', c.ui_widget_id, 'ui_definitions', c.ui_definitions, 'prompt', p.prompt_content,
    'prompt_variables', coalesce(p.prompt_variables, '{}')
  )
  from stepbase.components c
  left join stepbase.agent_prompts p on p.id = c.agent_prompt_id
  where c.id = p_component_id;
$$;

comment on function stepbase_engine.component_facts(text, uuid) is
  'Returns the fields of a component that a worker needs, with the content and the variables of its prompt; null when it '
  'does not exist. is_active: the application may still use it.';

create function stepbase_engine.load_plans(p_workflow_version_ids uuid[])
returns table (workflow_version_id uuid, workflow text, version int, nodes jsonb, prompts jsonb)
language sql
stable
set search_path = ''
as $$
  select
    v.id, w.kebab_name, v.version,
    (
      select jsonb_agg(jsonb_build_object(
        'id', n.node_id, 'type', n.node_type, 'label', n.label, 'config', n.config,
        'timeout_ms', n.timeout_ms, 'in_degree', n.in_degree,
        'max_elapsed_ms', stepbase_engine.policy_number(n.retry, 'max_elapsed_ms', null, 0, 31536000000),
        'compensate', n.compensate,
        'undo_max_elapsed_ms', stepbase_engine.policy_number(
          nullif(n.compensate -> 'retry', 'null'), 'max_elapsed_ms', null, 0, 31536000000
        ),
        'undo_component', stepbase_engine.component_facts(n.app_code, n.compensation_component_id),
        'component', stepbase_engine.component_facts(n.app_code, coalesce(n.component_id, n.item_component_id)),
        'tools', stepbase_engine.tool_facts(n),
        'next', (
          select coalesce(
            jsonb_agg(jsonb_build_object('id', e.target_node_id, 'handle', e.source_handle)), '[]'
          )
          from stepbase.workflow_edges e
          where e.workflow_version_id = v.id and e.source_node_id = n.node_id
        )
      ))
      from stepbase.workflow_nodes n
      where n.workflow_version_id = v.id
    ),
    (
      select jsonb_object_agg(
        p.reference, jsonb_build_object('version', p.version, 'content', p.content, 'variables', p.variables)
      )
      from stepbase_engine.pinned_prompts p
      where p.workflow_version_id = v.id
    )
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = any(p_workflow_version_ids);
$$;

comment on function stepbase_engine.load_plans(uuid[]) is
  'Returns the nodes of published versions as workers execute them, with their outgoing edges, components and tools, and the '
  'prompts that were pinned, by reference (null: none). A worker '
  'may cache a version without components forever, and others for a short time, because components can change.';

create function stepbase_engine.load_runs(p_run_ids uuid[])
returns table (run_id uuid, input jsonb, trace_id text, traceparent text)
language sql
stable
set search_path = ''
as $$
  select r.id, r.input, r.trace_id, r.metadata ->> 'traceparent'
  from stepbase.runs r
  where r.id = any(p_run_ids);
$$;

comment on function stepbase_engine.load_runs(uuid[]) is
  'Returns the immutable part of runs: input and trace id, which expressions can read, and the traceparent of the caller.';

create function stepbase_engine.ended_runs(p_run_ids uuid[])
returns setof uuid
language sql
stable
set search_path = ''
as $$
  select r.id from stepbase.runs r
  where r.id = any(p_run_ids) and (r.completed_at is not null or r.pending_outcome is not null);
$$;

comment on function stepbase_engine.ended_runs(uuid[]) is
  'Returns those of the given runs that have ended or compensate, so that their steps in flight are of no use. Workers '
  'poll it, because they can miss the notification of a cancellation.';

create function stepbase_engine.load_elapsed(p_step_run_ids uuid[])
returns table (step_run_id uuid, elapsed_ms float8)
language sql
stable
set search_path = ''
as $$
  select s.id, extract(epoch from stepbase_engine.now() - f.started_at)::float8 * 1000
  from stepbase.step_runs s
  join stepbase.step_runs f
    on f.run_id = s.run_id and f.step_id = s.step_id and f.item_index = s.item_index and f.attempt = 1
  where s.id = any(p_step_run_ids);
$$;

comment on function stepbase_engine.load_elapsed(uuid[]) is
  'Returns how many milliseconds ago the first attempt of each step started.';

create function stepbase_engine.load_outputs(p_run_ids uuid[], p_step_ids text[])
returns table (run_id uuid, step_id text, output jsonb)
language sql
stable
set search_path = ''
as $$
  select s.run_id, s.step_id, case s.status when 'failed' then jsonb_build_object('error', s.error) else s.output end
  from unnest(p_run_ids, p_step_ids) as w (run_id, step_id)
  join stepbase.step_runs s on s.run_id = w.run_id and s.step_id = w.step_id and s.item_index = 0
    -- Not only "context_version is not null": on young statistics the planner would take the index of versions, and
    -- read every result of the run.
    and (s.status = 'completed' or s.context_version is not null)
  union all
  select s.run_id, s.step_id, case s.status when 'failed' then jsonb_build_object('error', s.error) else s.output end
  from (select distinct a.run_id from unnest(p_run_ids, p_step_ids) as a (run_id, step_id) where a.step_id is null) w
  join stepbase.step_runs s on s.run_id = w.run_id and s.context_version is not null;
$$;

comment on function stepbase_engine.load_outputs(uuid[], text[]) is
  'Returns the newest outputs of steps by (run, step) pairs; a null step means all outputs of that run.';
