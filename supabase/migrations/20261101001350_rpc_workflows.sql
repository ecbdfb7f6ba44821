-- RPCs that save and publish workflows. See rpc_runs for the pattern.

-- Security definer, as publish_workflow: clients cannot write versions.
create function stepbase_private.save_workflow(
  p_kebab_name text,
  p_definition jsonb,
  p_name text,
  p_description text,
  p_input_schema jsonb,
  p_output_schema jsonb
)
returns stepbase.workflow_versions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:write');
  v_workflow stepbase.workflows;
  v_draft stepbase.workflow_versions;
begin
  if coalesce(p_kebab_name, '') !~ '^[a-z0-9]+(-[a-z0-9]+)*$' or length(p_kebab_name) > 100 then
    perform stepbase_private.raise_error(
      'invalid_request', 'kebab_name must be lower-case words joined by hyphens, with at most 100 characters');
  end if;
  if jsonb_typeof(p_input_schema) not in ('object', 'null') then
    perform stepbase_private.raise_error('invalid_request', 'input_schema must be an object');
  end if;
  if jsonb_typeof(p_output_schema) not in ('object', 'null') then
    perform stepbase_private.raise_error('invalid_request', 'output_schema must be an object');
  end if;
  -- The trigger of the table checks it again; without this, a refused save would wait for the lock of the workflow.
  perform stepbase_private.refuse_problems(array(select p from stepbase_private.structure_problems(p_definition) p));

  -- The row lock serializes saves of the same workflow. Saving a deleted workflow restores it.
  insert into stepbase.workflows (app_code, kebab_name, name, description, created_by)
  values (
    v_app,
    p_kebab_name,
    coalesce(nullif(btrim(p_name), ''), initcap(replace(p_kebab_name, '-', ' '))),
    coalesce(p_description, ''),
    auth.uid()
  )
  on conflict on constraint kebab_name_is_unique_in_app do update set
    name = coalesce(nullif(btrim(p_name), ''), workflows.name),
    description = coalesce(p_description, workflows.description),
    deleted_at = null
  returning * into v_workflow;

  update stepbase.workflow_versions v
  set
    definition = p_definition,
    input_schema = case
      when p_input_schema is null then v.input_schema
      else nullif(p_input_schema, 'null')
    end,
    output_schema = case
      when p_output_schema is null then v.output_schema
      else nullif(p_output_schema, 'null')
    end
  where v.workflow_id = v_workflow.id and v.status = 'draft'
  returning * into v_draft;

  if not found then
    insert into stepbase.workflow_versions
      (app_code, workflow_id, version, definition, input_schema, output_schema, created_by)
    select
      v_app,
      v_workflow.id,
      coalesce(max(v.version), 0) + 1,
      p_definition,
      case
        when p_input_schema is null then (array_agg(v.input_schema order by v.version desc))[1]
        else nullif(p_input_schema, 'null')
      end,
      case
        when p_output_schema is null then (array_agg(v.output_schema order by v.version desc))[1]
        else nullif(p_output_schema, 'null')
      end,
      auth.uid()
    from stepbase.workflow_versions v
    where v.workflow_id = v_workflow.id
    returning * into v_draft;
  end if;
  return v_draft;
end;
$$;

comment on function stepbase_private.save_workflow(text, jsonb, text, text, jsonb, jsonb) is
  'Implements stepbase.save_workflow.';
grant execute on function stepbase_private.save_workflow(text, jsonb, text, text, jsonb, jsonb) to authenticated;

create function stepbase.save_workflow(
  kebab_name text,
  definition jsonb,
  name text default null,
  description text default null,
  input_schema jsonb default null,
  output_schema jsonb default null
)
returns stepbase.workflow_versions
language sql
set search_path = ''
as $$
  select stepbase_private.save_workflow(
    save_workflow.kebab_name, save_workflow.definition, save_workflow.name, save_workflow.description,
    save_workflow.input_schema, save_workflow.output_schema
  );
$$;

comment on function stepbase.save_workflow(text, jsonb, text, text, jsonb, jsonb) is
  'Saves a definition as the draft of a workflow and returns the draft; creates the workflow if it does not exist. Null '
  'arguments keep their values, JSON null removes a schema; a new draft starts with the schemas of the latest version. '
  'output_schema documents the output of runs, which is not checked. Requires workflow:write. Errors: SB400 invalid '
  'kebab_name or schema, SB401, SB403, SB422 or SB425 a schema is no valid or too complex a JSON Schema, SB423 the '
  'definition is no graph, has unknown keys or is too large (detail.errors).';
grant execute on function stepbase.save_workflow(text, jsonb, text, text, jsonb, jsonb) to authenticated;

create function stepbase_private.same_as_published(p_draft stepbase.workflow_versions)
returns stepbase.workflow_versions
language sql
stable
set search_path = ''
as $$
  select v.*
  from stepbase.workflows w
  join stepbase.workflow_versions v on v.id = w.published_version_id
  where w.id = p_draft.workflow_id and v.status = 'published'
    and v.content_hash = p_draft.content_hash
    and v.input_schema is not distinct from p_draft.input_schema
    and v.output_schema is not distinct from p_draft.output_schema
    -- Publishing pins components anew: a component with another id or address is a change, too.
    and not exists (
      select 1
      from stepbase.workflow_nodes n
      cross join lateral stepbase_engine.node_components(n) p
      left join stepbase.components c on c.id = stepbase_private.component_for(n.app_code, p.reference)
      left join stepbase_engine.pinned_components x
        on x.workflow_version_id = n.workflow_version_id and x.component_id = c.id
      where n.workflow_version_id = v.id
        and (c.id is distinct from p.component_id or c.endpoint is distinct from x.endpoint)
    );
$$;

comment on function stepbase_private.same_as_published(stepbase.workflow_versions) is
  'The published version of the workflow if it does the same as the draft: content, schemas and components; else nulls.';

create function stepbase_private.publish_workflow(
  p_workflow_version_id uuid, p_skip_unchanged boolean, p_change_note text
)
returns stepbase.workflow_versions
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:publish');
  v_version stepbase.workflow_versions;
  v_same stepbase.workflow_versions;
  v_canary_id uuid;
begin
  if length(p_change_note) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'change_note must have at most 1000 characters');
  end if;
  -- Lock order: the workflow, then the version, as in save_workflow.
  perform 1
  from stepbase.workflows w
  join stepbase.workflow_versions v on v.workflow_id = w.id
  where v.id = p_workflow_version_id and w.app_code = v_app and w.deleted_at is null
  for update of w;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Workflow version not found');
  end if;
  select v.* into v_version
  from stepbase.workflow_versions v
  where v.id = p_workflow_version_id
  for update;
  -- Publishing a published version has no effect, so that clients can retry.
  if v_version.status = 'published' then
    return v_version;
  end if;
  if v_version.status <> 'draft' then
    perform stepbase_private.raise_error(
      'conflict', format('The version is %s; only a draft can be published', v_version.status),
      jsonb_build_object('version_status', v_version.status));
  end if;
  select c.id into v_canary_id
  from stepbase.workflow_canaries c
  where c.workflow_id = v_version.workflow_id and c.status = 'running';
  if found then
    perform stepbase_private.raise_error(
      'conflict', 'The workflow has a running canary; promote or stop it first', jsonb_build_object('canary_id', v_canary_id)
    );
  end if;
  if coalesce(p_skip_unchanged, false) then
    v_same := stepbase_private.same_as_published(v_version);
    if v_same.id is not null then
      delete from stepbase.workflow_versions v where v.id = v_version.id;
      return v_same;
    end if;
  end if;

  update stepbase.workflow_versions v
  set
    status = 'published', published_at = now(), published_by = auth.uid(),
    change_note = coalesce(btrim(p_change_note), v.change_note)
  where v.id = v_version.id
  returning * into v_version;

  update stepbase.workflows w
  set
    published_version_id = v_version.id,
    -- A paused workflow stays paused.
    status = case when w.status = 'paused' then w.status else 'published' end
  where w.id = v_version.workflow_id;
  return v_version;
end;
$$;

comment on function stepbase_private.publish_workflow(uuid, boolean, text) is 'Implements stepbase.publish_workflow.';
grant execute on function stepbase_private.publish_workflow(uuid, boolean, text) to authenticated;

create function stepbase.publish_workflow(
  workflow_version_id uuid, skip_unchanged boolean default false, change_note text default null
)
returns stepbase.workflow_versions
language sql
set search_path = ''
as $$
  select stepbase_private.publish_workflow(
    publish_workflow.workflow_version_id, publish_workflow.skip_unchanged, publish_workflow.change_note
  );
$$;

comment on function stepbase.publish_workflow(uuid, boolean, text) is
  'Publishes a draft: the version becomes immutable, and new runs use it. Returns the version. skip_unchanged: if the '
  'draft does the same as the published version, deletes the draft and returns the published version. change_note: what '
  'changed, for people, at most 1,000 characters. Requires workflow:publish. Errors: SB400, SB401, SB403, SB404 unknown '
  'version, SB409 not a draft, or a canary is running, SB423 the definition has problems (detail.errors).';
grant execute on function stepbase.publish_workflow(uuid, boolean, text) to authenticated;
