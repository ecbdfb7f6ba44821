-- RPCs that start, change, promote and stop canaries. See rpc_runs for the pattern. Lock order: the workflow, then the
-- canary.

create function stepbase_private.check_canary_arguments(
  p_percent double precision, p_key text, p_max_error_rate double precision, p_min_runs int
)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_percent <= 0 or p_percent > 100 then
    perform stepbase_private.raise_error('invalid_request', 'percent must be above 0 and at most 100');
  end if;
  if p_max_error_rate < 0 or p_max_error_rate >= 1 then
    perform stepbase_private.raise_error('invalid_request', 'max_error_rate must be at least 0 and below 1 (0.1 is 10 %)');
  end if;
  if p_min_runs not between 1 and 1000 then
    perform stepbase_private.raise_error('invalid_request', 'min_runs must be between 1 and 1000');
  end if;
  if length(p_key) > 500 then
    perform stepbase_private.raise_error('invalid_request', 'key must have at most 500 characters');
  end if;
  if p_key !~ '^\$(\.[A-Za-z_][A-Za-z0-9_]*|\."[^"\\[:cntrl:]]+"|\[[0-9]{1,4}\])*$' then
    perform stepbase_private.raise_error(
      'invalid_request', 'key must be a JSON path of names and places of arrays, such as $.customer_id'
    );
  end if;
end;
$$;

comment on function stepbase_private.check_canary_arguments(double precision, text, double precision, int) is
  'Raises SB400 unless the settings of a canary are valid. Nulls are valid.';

create function stepbase_private.require_canary(p_canary_id uuid)
returns stepbase.workflow_canaries
language plpgsql
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:publish');
  v_canary stepbase.workflow_canaries;
begin
  perform 1
  from stepbase.workflows w
  join stepbase.workflow_canaries c on c.workflow_id = w.id
  where c.id = p_canary_id and c.app_code = v_app
  for no key update of w;
  select c.* into v_canary
  from stepbase.workflow_canaries c
  where c.id = p_canary_id and c.app_code = v_app
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Canary not found');
  end if;
  if v_canary.status <> 'running' then
    perform stepbase_private.raise_error(
      'conflict', format('The canary is already %s', v_canary.status),
      jsonb_strip_nulls(jsonb_build_object('canary_status', v_canary.status, 'reason', v_canary.reason))
    );
  end if;
  return v_canary;
end;
$$;

comment on function stepbase_private.require_canary(uuid) is
  'Locks a running canary of the caller''s application, and its workflow, and returns it. Requires workflow:publish; SB404, or '
  'SB409 if it has ended.';

create function stepbase_private.start_canary(
  p_workflow_version_id uuid, p_percent double precision, p_key text, p_max_error_rate double precision, p_min_runs int
)
returns stepbase.workflow_canaries
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: clients cannot write versions and canaries; application and permission are checked first.
declare
  v_app constant text := stepbase_private.require_permission('workflow:publish');
  v_workflow stepbase.workflows;
  v_version stepbase.workflow_versions;
  v_canary stepbase.workflow_canaries;
begin
  perform stepbase_private.check_canary_arguments(p_percent, p_key, p_max_error_rate, p_min_runs);
  select w.* into v_workflow
  from stepbase.workflows w
  join stepbase.workflow_versions v on v.workflow_id = w.id
  where v.id = p_workflow_version_id and w.app_code = v_app and w.deleted_at is null
  for no key update of w;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Workflow version not found');
  end if;
  select v.* into v_version from stepbase.workflow_versions v where v.id = p_workflow_version_id for update;
  if v_workflow.published_version_id is null or v_workflow.published_version_id = v_version.id then
    perform stepbase_private.raise_error(
      'conflict', 'A canary needs another version that is published: publish one, then start a canary with a newer version'
    );
  end if;
  if v_workflow.canary_id is not null then
    perform stepbase_private.raise_error(
      'conflict', 'The workflow already has a running canary; promote or stop it first',
      jsonb_build_object('canary_id', v_workflow.canary_id)
    );
  end if;
  if v_version.status = 'draft' then
    -- Triggers check the definition and pin its components, as for publish_workflow. published_version_id stays.
    update stepbase.workflow_versions v
    set status = 'published', published_at = now(), published_by = auth.uid()
    where v.id = v_version.id;
  elsif v_version.status <> 'published' then
    perform stepbase_private.raise_error(
      'conflict', format('The version is %s; a canary needs a draft or a published version', v_version.status),
      jsonb_build_object('version_status', v_version.status)
    );
  end if;
  insert into stepbase.workflow_canaries (
    app_code, workflow_id, workflow_version_id, percent, key, max_error_rate, min_runs, created_by
  )
  values (
    v_app, v_workflow.id, v_version.id, coalesce(p_percent, 10), p_key, p_max_error_rate, coalesce(p_min_runs, 20),
    stepbase_private.user_id()
  )
  returning * into v_canary;
  update stepbase.workflows w set canary_id = v_canary.id where w.id = v_workflow.id;
  return v_canary;
end;
$$;

comment on function stepbase_private.start_canary(uuid, double precision, text, double precision, int) is
  'Implements stepbase.start_canary.';
grant execute on function stepbase_private.start_canary(uuid, double precision, text, double precision, int)
  to authenticated;

create function stepbase.start_canary(
  workflow_version_id uuid,
  percent double precision default 10,
  key text default null,
  max_error_rate double precision default null,
  min_runs int default 20
)
returns stepbase.workflow_canaries
language sql
set search_path = ''
as $$
  select stepbase_private.start_canary(
    start_canary.workflow_version_id, start_canary.percent, start_canary.key, start_canary.max_error_rate,
    start_canary.min_runs
  );
$$;

comment on function stepbase.start_canary(uuid, double precision, text, double precision, int) is
  'Gives percent of the starts of a workflow to a version, chosen by a stable hash of key (a JSON path into the input), and '
  'returns the canary. A draft is published for it; the published version of the workflow stays. If more than max_error_rate '
  '(0.1 is 10 %) of its last min_runs ended runs fail, the engine stops it. Requires workflow:publish. Errors: SB400, SB401, '
  'SB403, SB404, SB409 no other published version, a canary is running, or the version is archived, SB423 the definition has '
  'problems.';
grant execute on function stepbase.start_canary(uuid, double precision, text, double precision, int) to authenticated;

create function stepbase_private.update_canary(
  p_canary_id uuid, p_percent double precision, p_max_error_rate double precision, p_min_runs int
)
returns stepbase.workflow_canaries
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_canary stepbase.workflow_canaries := stepbase_private.require_canary(p_canary_id);
begin
  perform stepbase_private.check_canary_arguments(p_percent, null, p_max_error_rate, p_min_runs);
  update stepbase.workflow_canaries c
  set
    percent = coalesce(p_percent, c.percent),
    max_error_rate = coalesce(p_max_error_rate, c.max_error_rate),
    min_runs = coalesce(p_min_runs, c.min_runs)
  where c.id = v_canary.id
  returning * into v_canary;
  return v_canary;
end;
$$;

comment on function stepbase_private.update_canary(uuid, double precision, double precision, int) is
  'Implements stepbase.update_canary.';
grant execute on function stepbase_private.update_canary(uuid, double precision, double precision, int)
  to authenticated;

create function stepbase.update_canary(
  canary_id uuid,
  percent double precision default null,
  max_error_rate double precision default null,
  min_runs int default null
)
returns stepbase.workflow_canaries
language sql
set search_path = ''
as $$
  select stepbase_private.update_canary(
    update_canary.canary_id, update_canary.percent, update_canary.max_error_rate, update_canary.min_runs
  );
$$;

comment on function stepbase.update_canary(uuid, double precision, double precision, int) is
  'Changes a running canary and returns it; null keeps a value. A larger percent adds keys and keeps those that have the '
  'version. Requires workflow:publish. Errors: SB400, SB401, SB403, SB404, SB409 the canary has ended.';
grant execute on function stepbase.update_canary(uuid, double precision, double precision, int) to authenticated;

create function stepbase_private.end_canary(p_canary_id uuid, p_status text, p_reason text)
returns stepbase.workflow_canaries
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_canary stepbase.workflow_canaries := stepbase_private.require_canary(p_canary_id);
begin
  if length(p_reason) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'reason must have at most 1000 characters');
  end if;
  update stepbase.workflow_canaries c
  set status = p_status, reason = p_reason, ended_by = stepbase_private.user_id(), ended_at = stepbase_engine.now()
  where c.id = v_canary.id
  returning * into v_canary;
  update stepbase.workflows w
  set
    canary_id = null,
    published_version_id = case p_status
      when 'promoted' then v_canary.workflow_version_id else w.published_version_id
    end
  where w.id = v_canary.workflow_id;
  return v_canary;
end;
$$;

comment on function stepbase_private.end_canary(uuid, text, text) is
  'Implements stepbase.promote_canary and stepbase.stop_canary.';
grant execute on function stepbase_private.end_canary(uuid, text, text) to authenticated;

create function stepbase.promote_canary(canary_id uuid)
returns stepbase.workflow_canaries
language sql
set search_path = ''
as $$
  select stepbase_private.end_canary(promote_canary.canary_id, 'promoted', null);
$$;

comment on function stepbase.promote_canary(uuid) is
  'Makes the version of a running canary the published version of its workflow, and returns the canary. Requires '
  'workflow:publish. Errors: SB401, SB403, SB404, SB409 the canary has ended.';
grant execute on function stepbase.promote_canary(uuid) to authenticated;

create function stepbase.stop_canary(canary_id uuid, reason text default null)
returns stepbase.workflow_canaries
language sql
set search_path = ''
as $$
  select stepbase_private.end_canary(stop_canary.canary_id, 'stopped', stop_canary.reason);
$$;

comment on function stepbase.stop_canary(uuid, text) is
  'Stops a running canary: new starts get the published version; its open runs continue. Returns the canary. Requires '
  'workflow:publish. Errors: SB400, SB401, SB403, SB404, SB409 the canary has ended.';
grant execute on function stepbase.stop_canary(uuid, text) to authenticated;
