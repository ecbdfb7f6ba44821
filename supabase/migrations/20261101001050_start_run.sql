-- start_run: a run is written as pending, together with its token or its row in the backlog. The worker that fetches
-- the token starts it. Where no worker is alive, the start calls one.

create function stepbase_engine.start_run(
  p_app_code text,
  p_workflow_version_id uuid,
  p_input jsonb,
  p_trigger_type text default 'manual',
  p_idempotency_key text default null,
  p_priority int default null,
  p_created_by uuid default null,
  p_parent_run_id uuid default null,
  p_parent_step_run_id uuid default null,
  p_origin_run_id uuid default null,
  p_rerun_from_step text default null,
  p_metadata jsonb default '{}',
  p_parent_close_policy text default null,
  p_tags text[] default null,
  p_start_at timestamptz default null,
  p_held_by text default null
)
returns stepbase.runs
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_run stepbase.runs;
  -- Not the whole version: a definition may be large.
  v_version record;
  v_errors jsonb;
  -- The debounce or batch control of the workflow, and its rate limit.
  v_collect_id uuid;
  v_rate_limit_id uuid;
  v_start_input jsonb := p_input;
  v_held_run_id uuid;
  v_canary uuid;
  v_now timestamptz := stepbase_engine.now();
begin
  if p_idempotency_key is not null then
    select r.* into v_run from stepbase.runs r
    where r.app_code = p_app_code and r.idempotency_key = p_idempotency_key;
    if found then
      return v_run;
    end if;
  end if;

  select
    v.workflow_id, v.input_schema, v.steps_total, w.kebab_name, w.execution_timeout_seconds, w.has_flow_controls,
    w.searchable_inputs, w.canary_id, q.max_open_runs, f.app_code is not null as is_full,
    stepbase_engine.engine_of(w.app_code, w.execution_engine, w.task_queue_id) as execution_engine
  into strict v_version
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  left join stepbase.app_quotas q on q.app_code = v.app_code
  left join stepbase_engine.full_apps f on f.app_code = v.app_code
  where v.id = p_workflow_version_id and v.app_code = p_app_code;

  if jsonb_typeof(p_input) is distinct from 'object' then
    perform stepbase_private.raise_error('invalid_input', 'The input of a run must be a JSON object');
  end if;
  if v_version.has_flow_controls and p_origin_run_id is null then
    select f.p_input, f.p_priority, f.collect_id, f.rate_limit_id
    into p_input, p_priority, v_collect_id, v_rate_limit_id
    from stepbase_engine.prepare_flow_start(v_version.workflow_id, p_trigger_type = 'child', p_input, p_priority) f;
  end if;
  p_priority := coalesce(p_priority, 0);
  if v_version.input_schema is not null then
    v_errors := stepbase_private.json_schema_errors(v_version.input_schema, p_input);
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input',
        format('The input does not match the input schema of workflow %s', v_version.kebab_name),
        jsonb_build_object('errors', v_errors)
      );
    end if;
  end if;

  if v_collect_id is not null then
    if p_start_at is not null then
      perform stepbase_private.raise_error(
        'invalid_request', 'start_at cannot be used with a workflow that has a debounce or batch control'
      );
    end if;
    select j.run_id, j.start_at into v_held_run_id, p_start_at
    from stepbase_engine.join_held_run(
      v_collect_id, v_rate_limit_id, p_workflow_version_id, p_input, p_idempotency_key, p_priority, p_metadata, p_tags
    ) j;
    if v_held_run_id is not null then
      select r.* into strict v_run from stepbase.runs r where r.id = v_held_run_id;
      -- A full batch has been released.
      if v_run.held_by is null and to_regproc('net.http_post') is not null then
        perform stepbase_engine.request_worker();
      end if;
      return v_run;
    end if;
  elsif v_rate_limit_id is not null then
    perform stepbase_engine.take_rate(v_rate_limit_id, v_start_input);
  end if;

  -- Counting up to a large limit at every start would cost more than the start, so one start of limit/100 counts, which
  -- reads 100 index entries per start on average.
  if v_version.is_full or random() * v_version.max_open_runs <= 100 then
    perform stepbase_engine.check_open_runs(p_app_code);
  end if;
  if v_version.canary_id is not null then
    v_canary := stepbase_engine.canary_of(v_version.canary_id, p_workflow_version_id);
  end if;
  insert into stepbase.runs (
    app_code, workflow_id, workflow_version_id, trigger_type, priority, input, metadata,
    idempotency_key, parent_run_id, parent_step_run_id, origin_run_id, rerun_from_step, created_by,
    trace_id, parent_close_policy, canary_id, execution_engine, steps_total, event_seq, deadline_at, tags, start_at,
    held_by, created_at, updated_at
  )
  values (
    p_app_code, v_version.workflow_id, p_workflow_version_id, p_trigger_type, p_priority, p_input,
    case
      when p_parent_run_id is null then p_metadata else stepbase_engine.child_metadata(p_parent_run_id, p_metadata)
    end,
    p_idempotency_key, p_parent_run_id, p_parent_step_run_id, p_origin_run_id,
    p_rerun_from_step, p_created_by,
    coalesce(
      (select r.trace_id from stepbase.runs r where r.id = p_parent_run_id),
      -- The look-up is cheaper than the call.
      case when p_metadata ? 'traceparent' then stepbase_engine.trace_of(p_metadata) end,
      replace(stepbase_engine.new_id()::text, '-', '')
    ),
    p_parent_close_policy,
    v_canary,
    v_version.execution_engine,
    v_version.steps_total,
    1,
    v_now + v_version.execution_timeout_seconds * interval '1 second',
    nullif(p_tags, '{}'), p_start_at, coalesce(p_held_by, case when p_start_at > v_now then 'start_at' end),
    v_now, v_now
  )
  on conflict (app_code, idempotency_key) where idempotency_key is not null do nothing
  returning * into v_run;

  -- Another transaction used the key meanwhile: return its run.
  if v_run.id is null then
    select r.* into strict v_run from stepbase.runs r
    where r.app_code = p_app_code and r.idempotency_key = p_idempotency_key;
    return v_run;
  end if;

  perform stepbase_engine.append_run_created(v_run);
  if v_run.tags is not null or v_version.searchable_inputs <> '{}' then
    perform stepbase_engine.write_run_values(array[v_run.id], v_version.searchable_inputs);
  end if;
  if v_collect_id is not null then
    perform stepbase_engine.note_held_run(v_collect_id, v_run);
  end if;
  if v_run.held_by is not null then
    perform stepbase_engine.hold_run(v_run, p_trigger_type in ('manual', 'webhook', 'sql'));
    return v_run;
  end if;
  v_run.is_limited := stepbase_engine.enqueue_run(v_run, p_trigger_type in ('manual', 'webhook', 'sql'));
  -- Most starts are where a worker is resident and pg_net is absent: the look-up is cheaper than the call.
  if to_regproc('net.http_post') is not null then
    perform stepbase_engine.request_worker();
  end if;
  return v_run;
end;
$$;

comment on function stepbase_engine.start_run(
  text, uuid, jsonb, text, text, int, uuid, uuid, uuid, uuid, text, jsonb, text, text[], timestamptz, text
) is
  'Writes a pending run of a workflow version and puts it into the queue or the backlog, or holds it until p_start_at, or '
  'for p_held_by until release_run. If a run of the app has the same idempotency key already, returns that run. Errors: '
  'SB422 if the input is not an object or does not match the input schema; SB429 for the triggers manual, webhook and sql '
  'if the backlog of the app is full, and for every trigger if the app has max_open_runs open runs, or the rate limit of '
  'the workflow refuses the start. A start that a debounce or batch control adds to a held run returns that run.';
