-- The RPC that explains a version of a workflow. See rpc_runs for the pattern; `npm run explain` prints the result.

create function stepbase_engine.explain_version(p_workflow_version_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'workflow', w.kebab_name,
    'name', w.name,
    'app_code', w.app_code,
    'version', v.version,
    'status', v.status,
    'limits', jsonb_build_object(
      'execution_timeout_seconds', w.execution_timeout_seconds,
      'max_concurrent_executions', w.max_concurrent_executions,
      'task_queue', (
        select jsonb_build_object(
          'name', q.name,
          'max_concurrent_workflows', q.max_concurrent_workflows,
          'max_concurrent_activities', q.max_concurrent_activities
        )
        from stepbase.task_queues q
        where q.app_code = w.app_code
          and (q.id = w.task_queue_id or (w.task_queue_id is null and q.name = 'default'))
      )
    ),
    'nodes', stepbase_engine.explain_nodes(v.id),
    'problems', (
      select coalesce(jsonb_agg(stepbase_private.problem_json(p.problem)), '[]')
      from (
        select d as problem from stepbase_private.definition_problems(v.definition, v.app_code) d
        union all
        select c from stepbase_private.block_problems(w.id, v.definition) c
      ) p
    ),
    'warnings', (
      select coalesce(jsonb_agg(to_jsonb(x)), '[]')
      from (
        select e.* from stepbase_engine.explain_warnings(v.id) e
        union all
        select c.* from stepbase_engine.component_warnings(v.id) c
        union all
        select u.* from stepbase_engine.url_warnings(v.id) u
      ) x
    ),
    'check', (
      select jsonb_build_object('checked_at', c.checked_at, 'checker_version', c.checker_version, 'findings', c.findings)
      from stepbase.workflow_version_checks c
      where c.workflow_version_id = v.id and c.checked_at is not null
    )
  )
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = p_workflow_version_id;
$$;

comment on function stepbase_engine.explain_version(uuid) is 'The result of stepbase.explain_workflow and `npm run explain` for a version: limits, nodes, problems, warnings and check.';

-- Security definer: clients may not call functions of the engine.
create function stepbase_private.explain_workflow(p_workflow text, p_version int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app_code text := stepbase_private.require_permission('workflow:read');
  v_workflow stepbase.workflows;
  v_version_id uuid;
begin
  select w.* into v_workflow from stepbase.workflows w
  where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  v_version_id := case
    when p_version is null then coalesce(v_workflow.published_version_id, v_workflow.latest_version_id)
    else (
      select v.id from stepbase.workflow_versions v
      where v.workflow_id = v_workflow.id and v.version = p_version
    )
  end;
  if v_version_id is null then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s has no version of this number', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  return stepbase_engine.explain_version(v_version_id);
end;
$$;

comment on function stepbase_private.explain_workflow(text, int) is 'Implements stepbase.explain_workflow.';
grant execute on function stepbase_private.explain_workflow(text, int) to authenticated;

create function stepbase.explain_workflow(workflow text, version int default null)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.explain_workflow(explain_workflow.workflow, explain_workflow.version);
$$;

comment on function stepbase.explain_workflow(text, int) is
  'Explains how the engine executes a workflow (kebab_name): nodes in topological order with reads, edges, limits and '
  'retries, problems {node, pointer, code, message, hint?}, warnings {node_id, code, message}, and check {checked_at, '
  'checker_version, findings}: what a worker found in a published version, null before. version: default the published '
  'one, or else the draft. Requires workflow:read. Errors: SB401, SB403, SB404 unknown workflow or version.';
grant execute on function stepbase.explain_workflow(text, int) to authenticated;
