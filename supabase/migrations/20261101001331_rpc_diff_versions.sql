-- The RPC that shows what changes from one version to another, and what depends on the workflow.

create function stepbase_private.diff_elements(p_a jsonb, p_b jsonb, p_shown text[])
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- For the whole answer and for each element, so that it stays small.
  v_places_left int := 300;
  c_places_of_element constant int := 30;
  c_elements constant int := 500;
  v_element record;
  v_differences jsonb;
  v_shown jsonb;
  v_lists jsonb := '{"added": [], "removed": [], "changed": []}';
begin
  for v_element in
    select coalesce(a.element, b.element) ->> 'id' as id, a.element as a, b.element as b
    from jsonb_array_elements(p_a) with ordinality a (element, place)
    full join jsonb_array_elements(p_b) with ordinality b (element, place)
      on b.element ->> 'id' = a.element ->> 'id'
    where a.element is distinct from b.element
    order by 1
    limit c_elements
  loop
    select jsonb_object_agg(s.key, coalesce(v_element.b, v_element.a) -> s.key) into v_shown
    from unnest(p_shown) s (key)
    where coalesce(v_element.b, v_element.a) ? s.key;
    if v_element.a is null then
      v_lists := jsonb_set(v_lists, '{added}', v_lists -> 'added' || jsonb_build_array(v_shown));
    elsif v_element.b is null then
      v_lists := jsonb_set(v_lists, '{removed}', v_lists -> 'removed' || jsonb_build_array(v_shown));
    else
      v_differences := stepbase_private.json_differences(
        v_element.a, v_element.b, least(c_places_of_element, v_places_left)
      );
      v_places_left := v_places_left - jsonb_array_length(v_differences);
      v_lists := jsonb_set(v_lists, '{changed}',
        v_lists -> 'changed' || jsonb_build_array(v_shown || jsonb_build_object('differences', v_differences)));
    end if;
  end loop;
  return v_lists;
end;
$$;

comment on function stepbase_private.diff_elements(jsonb, jsonb, text[]) is
  'The nodes or edges that two definitions do not share, by id: {added, removed, changed}. Each has its keys p_shown; a changed '
  'one also the differences as JSON pointers.';

create function stepbase_private.version_side(p_version stepbase.workflow_versions)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_open constant int := 10000;
  v_open int;
begin
  -- By the index of the open runs of the application, which its quota bounds: a version may have many ended runs.
  select count(*) into v_open
  from (
    select 1 from stepbase.runs r
    where r.app_code = p_version.app_code and r.status in ('pending', 'running', 'paused')
      and r.workflow_version_id = p_version.id
    limit c_open + 1
  ) o;
  return jsonb_build_object(
    'workflow_version_id', p_version.id, 'version', p_version.version, 'status', p_version.status,
    'content_hash', p_version.content_hash, 'published_at', p_version.published_at,
    'open_runs', least(v_open, c_open), 'has_more_open_runs', v_open > c_open
  );
end;
$$;

comment on function stepbase_private.version_side(stepbase.workflow_versions) is
  'A version in a comparison: its number, status, hash and open runs (at most 10,000 are counted).';

create function stepbase_private.diff_versions(p_a uuid, p_b uuid)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: it counts runs, for which the caller needs no permission. Application and permission come first.
declare
  c_listed constant int := 100;
  v_app constant text := stepbase_private.require_permission('workflow:read');
  v_a stepbase.workflow_versions;
  v_b stepbase.workflow_versions;
  v_old jsonb;
  v_new jsonb;
begin
  select v.* into v_a from stepbase.workflow_versions v where v.id = p_a and v.app_code = v_app;
  select v.* into v_b from stepbase.workflow_versions v where v.id = p_b and v.app_code = v_app;
  if v_a.id is null or v_b.id is null then
    perform stepbase_private.raise_error('not_found', 'Workflow version not found');
  end if;
  if v_a.workflow_id <> v_b.workflow_id then
    perform stepbase_private.raise_error('invalid_request', 'Pass two versions of the same workflow');
  end if;
  v_old := stepbase_private.content_of(v_a.definition);
  v_new := stepbase_private.content_of(v_b.definition);
  return jsonb_build_object(
    'workflow', (select w.kebab_name from stepbase.workflows w where w.id = v_a.workflow_id),
    'a', stepbase_private.version_side(v_a),
    'b', stepbase_private.version_side(v_b),
    'same_content', v_a.content_hash = v_b.content_hash,
    'nodes', stepbase_private.diff_elements(v_old -> 'nodes', v_new -> 'nodes', '{id,type}'),
    'edges', stepbase_private.diff_elements(
      v_old -> 'edges', v_new -> 'edges', '{id,source,target,sourceHandle}'
    ),
    'input_schema', stepbase_private.schema_difference(v_a.input_schema, v_b.input_schema, false),
    'output_schema', stepbase_private.schema_difference(v_a.output_schema, v_b.output_schema, true),
    -- They start the published version, so they follow when another one is published.
    'schedules', coalesce(
      (
        select jsonb_agg(to_jsonb(s) order by s.name, s.id)
        from (
          select x.id, x.name, x.cron_expression, x.timezone, x.is_enabled, x.next_run_at
          from stepbase.workflow_schedules x where x.workflow_id = v_a.workflow_id order by x.name, x.id limit c_listed
        ) s
      ), '[]'
    ),
    'triggers', coalesce(
      (
        select jsonb_agg(to_jsonb(t) order by t.name, t.id)
        from (
          select x.id, x.name, x.trigger_type, x.event_name, x.is_enabled
          from stepbase.workflow_triggers x where x.workflow_id = v_a.workflow_id order by x.name, x.id limit c_listed
        ) t
      ), '[]'
    ),
    'parents', coalesce(
      (
        select jsonb_agg(p.kebab_name order by p.kebab_name)
        from (
          select w.kebab_name
          from stepbase.workflow_children c
          join stepbase.workflows w on w.id = c.parent_workflow_id and w.deleted_at is null
          where c.child_workflow_id = v_a.workflow_id
          group by w.kebab_name order by w.kebab_name limit c_listed
        ) p
      ), '[]'
    )
  );
end;
$$;

comment on function stepbase_private.diff_versions(uuid, uuid) is 'Implements stepbase.diff_versions.';
grant execute on function stepbase_private.diff_versions(uuid, uuid) to authenticated;

create function stepbase.diff_versions(a uuid, b uuid)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.diff_versions(diff_versions.a, diff_versions.b);
$$;

comment on function stepbase.diff_versions(uuid, uuid) is
  'What changes from version a to version b of a workflow (ids of versions): nodes and edges that were added, removed or '
  'changed (with JSON pointers), the input and the output schema with a verdict (equal, compatible, breaking, unknown) and '
  'its reasons, the open runs of both, and the schedules, triggers and declared parents of the workflow, which follow the '
  'published version. Layout does not count. Requires workflow:read. Errors: SB400 versions of two workflows, SB401, SB403, '
  'SB404.';
grant execute on function stepbase.diff_versions(uuid, uuid) to authenticated;
