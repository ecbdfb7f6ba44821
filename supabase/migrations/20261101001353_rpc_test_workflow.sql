-- The RPC test_workflow: runs a definition that is not published. Its run belongs to a workflow of its own, which is
-- deleted from the start: lists, statistics by name, schedules and triggers do not see it.

create function stepbase_private.test_workflow_of(p_app_code text, p_kebab_name text)
returns stepbase.workflows
language plpgsql
set search_path = ''
as $$
declare
  v_name constant text := 'test-of-' || left(p_kebab_name, 92);
  v_tested stepbase.workflows;
  v_workflow stepbase.workflows;
begin
  select w.* into v_tested from stepbase.workflows w
  where w.app_code = p_app_code and w.kebab_name = p_kebab_name;
  insert into stepbase.workflows (app_code, kebab_name, name, created_by, deleted_at, metadata)
  values (
    p_app_code, v_name, 'Test of ' || coalesce(v_tested.name, p_kebab_name), auth.uid(), now(),
    jsonb_build_object('test_of', p_kebab_name)
  )
  on conflict on constraint kebab_name_is_unique_in_app do update set
    execution_timeout_seconds = coalesce(v_tested.execution_timeout_seconds, workflows.execution_timeout_seconds)
  returning * into v_workflow;
  if not v_workflow.metadata ? 'test_of' then
    perform stepbase_private.raise_error(
      'conflict', format('The name %s is in use, so %s cannot be tested', v_name, p_kebab_name),
      jsonb_build_object('workflow', v_name)
    );
  end if;
  return v_workflow;
end;
$$;

comment on function stepbase_private.test_workflow_of(text, text) is
  'The hidden workflow to which test runs of a workflow belong, locked; it is created by the first test. SB409 if a workflow '
  'has its name.';

-- Security definer, as save_workflow: clients cannot write versions.
create function stepbase_private.test_workflow(
  p_kebab_name text, p_definition jsonb, p_input jsonb, p_input_schema jsonb
)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('run:execute');
  v_workflow stepbase.workflows;
  v_version stepbase.workflow_versions;
begin
  -- A test does what a published version would do.
  perform stepbase_private.require_permission('workflow:publish');
  if coalesce(p_kebab_name, '') !~ '^[a-z0-9]+(-[a-z0-9]+)*$' or length(p_kebab_name) > 100 then
    perform stepbase_private.raise_error(
      'invalid_request', 'kebab_name must be lower-case words joined by hyphens, with at most 100 characters');
  end if;
  if jsonb_typeof(p_input_schema) not in ('object', 'null') then
    perform stepbase_private.raise_error('invalid_request', 'input_schema must be an object');
  end if;
  perform stepbase_private.refuse_problems(array(select p from stepbase_private.structure_problems(p_definition) p));
  v_workflow := stepbase_private.test_workflow_of(v_app, p_kebab_name);
  -- Repeated tests of the same definition share a version.
  select v.* into v_version
  from stepbase.workflow_versions v
  where v.id = v_workflow.latest_version_id and v.status = 'published'
    and v.content_hash = stepbase_private.content_hash(stepbase_private.without_session_keys(p_definition))
    and v.input_schema is not distinct from nullif(p_input_schema, 'null');
  if not found then
    insert into stepbase.workflow_versions (app_code, workflow_id, version, definition, input_schema, created_by)
    select v_app, v_workflow.id, coalesce(max(v.version), 0) + 1, p_definition, nullif(p_input_schema, 'null'), auth.uid()
    from stepbase.workflow_versions v
    where v.workflow_id = v_workflow.id
    returning * into v_version;
    update stepbase.workflow_versions v
    set status = 'published', published_at = now(), published_by = auth.uid()
    where v.id = v_version.id;
  end if;
  return stepbase_engine.start_run(
    v_app, v_version.id, coalesce(p_input, '{}'), 'manual', null, 0, stepbase_private.user_id(),
    p_metadata => jsonb_build_object('test_of', p_kebab_name), p_tags => array['test']
  );
end;
$$;

comment on function stepbase_private.test_workflow(text, jsonb, jsonb, jsonb) is 'Implements stepbase.test_workflow.';
grant execute on function stepbase_private.test_workflow(text, jsonb, jsonb, jsonb) to authenticated;

create function stepbase.test_workflow(
  kebab_name text, definition jsonb, input jsonb default '{}', input_schema jsonb default null
)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.test_workflow(
    test_workflow.kebab_name, test_workflow.definition, test_workflow.input, test_workflow.input_schema
  );
$$;

comment on function stepbase.test_workflow(text, jsonb, jsonb, jsonb) is
  'Starts a test run of a definition that is not published, such as a draft or a part of one, and returns the run. It does '
  'what a run of a published version does, with all effects. It has the tag test and belongs to a hidden workflow '
  'test-of-<kebab_name>. kebab_name: the workflow that is tested. input_schema: checks the input; null: every object is '
  'accepted. Requires run:execute and workflow:publish. Errors: SB400, SB401, SB403, SB409, SB422 the input does not match, '
  'SB423 the definition has problems (detail.errors), SB429.';
grant execute on function stepbase.test_workflow(text, jsonb, jsonb, jsonb) to authenticated;
