-- RPCs that start and cancel runs.
--
-- Each RPC is a thin security invoker function in schema stepbase. The function of the same name in stepbase_private
-- does the work: it checks the caller's permission first, and is security definer because clients cannot write run
-- tables.

create function stepbase_private.start_problem(
  p_idempotency_key text, p_priority int, p_tags text[], p_metadata jsonb
)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when length(p_idempotency_key) not between 1 and 255 then 'idempotency_key must have 1 to 255 characters'
    -- A client that used the key of, say, a schedule's next run would prevent that run from starting.
    when p_idempotency_key ~ '^(schedule|child|event|webhook|database):' then
      'idempotency_key must not begin with schedule:, child:, event:, webhook: or database:; the engine uses these prefixes'
    when p_priority not between -100 and 100 then 'priority must be between -100 and 100'
    when cardinality(p_tags) > 16 then 'tags must have at most 16 elements'
    when cardinality(p_tags) > 0 and (
      array_ndims(p_tags) <> 1 or array_position(p_tags, null) is not null
      or exists (select 1 from unnest(p_tags) t (tag) where t.tag !~ '^[^[:cntrl:]]{1,64}$')
    ) then 'each of tags must have 1 to 64 characters and no control characters'
    when p_metadata = '{}' then null
    when jsonb_typeof(p_metadata) <> 'object' then 'metadata must be a JSON object'
    when octet_length(p_metadata::text) > 16384 then 'metadata must have at most 16,384 bytes as text'
    -- The engine counts the events that led to a run there.
    when p_metadata ? 'event_depth' then 'metadata must not contain event_depth; the engine uses this name'
  end;
end;
$$;

comment on function stepbase_private.start_problem(text, int, text[], jsonb) is
  'What is wrong with the options of a start; null if they are valid.';

create function stepbase_private.startable_version(
  p_app_code text, p_workflow text, p_version int, out workflow_id uuid, out version_id uuid
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_workflow stepbase.workflows;
begin
  select w.* into v_workflow
  from stepbase.workflows w
  where w.app_code = p_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  perform stepbase_engine.require_runnable(v_workflow);
  workflow_id := v_workflow.id;
  version_id := v_workflow.published_version_id;
  if p_version is not null then
    select v.id into version_id from stepbase.workflow_versions v
    where v.workflow_id = v_workflow.id and v.version = p_version and v.status in ('published', 'deprecated');
  end if;
  if version_id is null then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s has no published version of this number', p_workflow)
    );
  end if;
end;
$$;

comment on function stepbase_private.startable_version(text, text, int) is
  'The version of a workflow (kebab_name) that a start uses: the one with the number p_version, or the published one. '
  'Errors: SB404 unknown workflow or version, SB409 the workflow is not runnable.';

create function stepbase_private.start_run_in(
  p_app_code text,
  p_workflow text,
  p_input jsonb,
  p_idempotency_key text,
  p_version int,
  p_priority int,
  p_trigger_type text,
  p_created_by uuid,
  p_tags text[] default null,
  p_metadata jsonb default '{}',
  p_start_at timestamptz default null
)
returns stepbase.runs
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_workflow_id uuid;
  v_version_id uuid;
  v_canary_id uuid;
  v_run stepbase.runs;
  v_problem text;
begin
  -- A start without options is the most frequent one: it does not pay for a call.
  if p_idempotency_key is not null or p_priority <> 0 or p_tags <> '{}' or p_metadata <> '{}' then
    v_problem := stepbase_private.start_problem(p_idempotency_key, p_priority, p_tags, p_metadata);
    if v_problem is not null then
      perform stepbase_private.raise_error('invalid_request', v_problem);
    end if;
  end if;
  -- Most starts name no version: one look-up. startable_version finds the others, and raises the errors.
  select w.id, w.published_version_id, w.canary_id into v_workflow_id, v_version_id, v_canary_id
  from stepbase.workflows w
  join stepbase.workflow_statuses s on s.name = w.status and s.is_runnable
  where w.app_code = p_app_code and w.kebab_name = p_workflow and w.deleted_at is null and p_version is null;
  if v_version_id is null then
    select v.workflow_id, v.version_id into v_workflow_id, v_version_id
    from stepbase_private.startable_version(p_app_code, p_workflow, p_version) v;
  elsif v_canary_id is not null then
    v_version_id := stepbase_engine.version_to_start(v_canary_id, v_version_id, p_input, p_idempotency_key);
  end if;
  v_run := stepbase_engine.start_run(
    p_app_code, v_version_id, coalesce(p_input, '{}'), p_trigger_type, p_idempotency_key,
    p_priority, p_created_by, p_metadata => coalesce(p_metadata, '{}'), p_tags => p_tags,
    p_start_at => p_start_at
  );
  -- The run of a repeated key must be the run that was asked for, or the caller would take it for a start.
  if v_run.workflow_id <> v_workflow_id
    or v_run.input <> coalesce(p_input, '{}') and not exists (
      -- Then the run has the input of another start as well, or instead.
      select 1 from stepbase.workflow_flow_controls c
      where c.workflow_id = v_workflow_id and c.kind in ('debounce', 'batch')
    )
  then
    perform stepbase_private.raise_error(
      'conflict',
      format(
        'The idempotency key was used for a run %s: %s',
        case when v_run.workflow_id <> v_workflow_id then 'of another workflow' else 'with another input' end, v_run.id
      ),
      jsonb_build_object('run_id', v_run.id)
    );
  end if;
  return v_run;
end;
$$;

comment on function stepbase_private.start_run_in(
  text, text, jsonb, text, int, int, text, uuid, text[], jsonb, timestamptz
) is
  'Starts a run of a workflow (kebab_name) of an application, after all checks but those of the caller. For start_run and '
  'start_run_as, which document the errors.';

create function stepbase_private.start_run(
  p_workflow text, p_input jsonb, p_idempotency_key text, p_version int, p_priority int, p_tags text[],
  p_metadata jsonb, p_start_at text
)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
begin
  return stepbase_private.start_run_in(
    stepbase_private.require_permission('run:execute'), p_workflow, p_input, p_idempotency_key, p_version, p_priority,
    'manual', auth.uid(), p_tags, p_metadata, stepbase_private.iso_time(p_start_at, 'start_at')
  );
end;
$$;

comment on function stepbase_private.start_run(text, jsonb, text, int, int, text[], jsonb, text) is
  'Implements stepbase.start_run.';
grant execute on function stepbase_private.start_run(text, jsonb, text, int, int, text[], jsonb, text) to authenticated;

create function stepbase.start_run(
  workflow text,
  input jsonb default '{}',
  idempotency_key text default null,
  version int default null,
  priority int default null,
  tags text[] default '{}',
  metadata jsonb default '{}',
  start_at text default null
)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.start_run(
    start_run.workflow, start_run.input, start_run.idempotency_key, start_run.version,
    start_run.priority, start_run.tags, start_run.metadata, start_run.start_at
  );
$$;

comment on function stepbase.start_run(text, jsonb, text, int, int, text[], jsonb, text) is
  'Starts a run of a workflow (kebab_name) of the caller''s application and returns it; requires run:execute. A repeated '
  'idempotency_key returns the first run if workflow and input are the same. version: the version''s number, default the '
  'published one. priority: -100 to 100, higher starts first; default: 0, or what the workflow''s flow control decides. '
  'tags: at most 16 of 1 to 64 characters. metadata: an object of at most 16,384 bytes. start_at: a time of ISO 8601; the '
  'run waits as pending until then. Errors: SB400 invalid option, SB401, SB403, SB404 unknown workflow or version, SB409 '
  'not published, or the key belongs to a run of another workflow or input (run_id in the detail), SB422 input does not '
  'match input_schema, SB425 schema too complex, SB429 too many runs wait, or the rate limit of the workflow refuses the '
  'start (retry_after in the detail).';
grant execute on function stepbase.start_run(text, jsonb, text, int, int, text[], jsonb, text) to authenticated;

create function stepbase_private.cancel_run(p_run_id uuid, p_reason text, p_force boolean)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run constant stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:cancel')
  );
begin
  perform stepbase_engine.cancel_run(v_run, p_reason, coalesce(p_force, false), auth.uid());
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.cancel_run(uuid, text, boolean) is 'Implements stepbase.cancel_run.';
grant execute on function stepbase_private.cancel_run(uuid, text, boolean) to authenticated;

create function stepbase.cancel_run(run_id uuid, reason text default null, force boolean default false)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.cancel_run(cancel_run.run_id, cancel_run.reason, cancel_run.force);
$$;

comment on function stepbase.cancel_run(uuid, text, boolean) is
  'Cancels a run that has not ended, with its open steps, and compensates its completed steps; requires run:cancel. '
  'Repeated calls have no further effect. force: the run ends at once without (further) compensation; a run that is '
  'already compensating ends with its pending outcome. Errors: SB401, SB403, SB404, SB409 the run has ended or will end '
  'with another status.';
grant execute on function stepbase.cancel_run(uuid, text, boolean) to authenticated;
