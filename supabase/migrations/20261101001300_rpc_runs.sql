-- What clients do with runs and tasks. Each public function is security invoker and thin; the work
-- is done by its namesake in private, which checks the caller's app and permission first.
-- The private ones are security definer because clients have no write access to any run table.

create function stepbase_private.start_run(
  p_workflow text, p_input jsonb, p_idempotency_key text, p_version int, p_priority int
)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  v_app_code text := stepbase_private.require_permission('run:execute');
  v_workflow record;
  v_version_id uuid;
begin
  if length(p_idempotency_key) not between 1 and 255 then
    perform stepbase_private.raise_error('invalid_request', 'an idempotency key has 1 to 255 characters');
  end if;
  -- Whoever took the key of a schedule's next run, say, would keep that from starting.
  if p_idempotency_key ~ '^(schedule|child|event|webhook):' then
    perform stepbase_private.raise_error(
      'invalid_request',
      'keys that begin with schedule:, child:, event: or webhook: are made by the engine alone'
    );
  end if;
  if p_priority not between -100 and 100 then
    perform stepbase_private.raise_error('invalid_request', 'priority is between -100 and 100');
  end if;
  select w.id, w.status, w.published_version_id, s.is_runnable into v_workflow
  from stepbase.workflows w
  join stepbase.workflow_statuses s on s.name = w.status
  where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('there is no workflow %s', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  if not v_workflow.is_runnable or v_workflow.published_version_id is null then
    perform stepbase_engine.require_runnable(w) from stepbase.workflows w where w.id = v_workflow.id;
  end if;
  if p_version is null then
    v_version_id := v_workflow.published_version_id;
  else
    select v.id into v_version_id from stepbase.workflow_versions v
    where v.workflow_id = v_workflow.id and v.version = p_version
      and v.status in ('published', 'deprecated');
  end if;
  if v_version_id is null then
    perform stepbase_private.raise_error(
      'not_found',
      format('workflow %s has no such published version', p_workflow)
    );
  end if;
  return stepbase_engine.start_run(
    v_app_code, v_version_id, coalesce(p_input, '{}'), 'manual', p_idempotency_key,
    p_priority, auth.uid()
  );
end;
$$;

comment on function stepbase_private.start_run(text, jsonb, text, int, int) is 'Behind stepbase.start_run.';
grant execute on function stepbase_private.start_run(text, jsonb, text, int, int) to authenticated;

create function stepbase.start_run(
  workflow text,
  input jsonb default '{}',
  idempotency_key text default null,
  version int default null,
  priority int default 0
)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.start_run(
    start_run.workflow, start_run.input, start_run.idempotency_key, start_run.version,
    start_run.priority
  );
$$;

comment on function stepbase.start_run(text, jsonb, text, int, int) is
  'Starts a run of a workflow (kebab_name) of the caller''s app and returns it; needs run:execute. A repeated '
  'idempotency_key returns the first run. version: default the published one. priority: -100 to 100, higher first. '
  'Errors: SB400 bad key or priority, SB401, SB403, SB404 unknown workflow or version, SB409 not published, SB422 input breaks input_schema, SB429 '
  'too many wait.';
grant execute on function stepbase.start_run(text, jsonb, text, int, int) to authenticated;

create function stepbase_private.cancel_run(p_run_id uuid, p_reason text, p_force boolean)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:cancel')
  );
  v_is_forced constant boolean := coalesce(p_force, false);
begin
  if v_is_forced then
    -- Under one lock: it must not begin to be undone between the two.
    perform 1 from stepbase.runs r where r.id = v_run.id for no key update;
    perform stepbase_engine.stop_compensation(array[v_run.id], auth.uid());
    if found then
      perform stepbase_engine.notify_run(v_run.app_code, v_run.id, 'run.cancel');
      return stepbase_private.require_run(v_run.id, v_run.app_code);
    end if;
  end if;
  perform stepbase_engine.end_runs(
    array[v_run.id], 'cancelled',
    jsonb_build_object(
      'code', 'cancelled', 'message', coalesce(p_reason, 'cancelled by a member')
    ),
    auth.uid(), not v_is_forced
  );
  if not found then
    -- It ended meanwhile, perhaps by another cancel.
    v_run := stepbase_private.require_run(v_run.id, v_run.app_code);
    if coalesce(v_run.pending_outcome ->> 'status', v_run.status) <> 'cancelled' then
      perform stepbase_private.raise_error(
        'conflict',
        case when v_run.pending_outcome is null then format('the run is already %s', v_run.status)
          else format(
            'the run is being undone and will be %s: force ends that at once', v_run.pending_outcome ->> 'status'
          ) end,
        jsonb_strip_nulls(jsonb_build_object('pending_outcome', v_run.pending_outcome -> 'status'))
      );
    end if;
    return v_run;
  end if;
  perform stepbase_engine.notify_run(v_run.app_code, v_run.id, 'run.cancel');
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.cancel_run(uuid, text, boolean) is 'Behind stepbase.cancel_run.';
grant execute on function stepbase_private.cancel_run(uuid, text, boolean) to authenticated;

create function stepbase.cancel_run(run_id uuid, reason text default null, force boolean default false)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.cancel_run(cancel_run.run_id, cancel_run.reason, cancel_run.force);
$$;

comment on function stepbase.cancel_run(uuid, text, boolean) is
  'Cancels a run that has not ended, with everything it still does, and undoes what it had done; needs run:cancel. '
  'Cancelling twice is the same as once. force: it ends at once and nothing (more) is undone; a run that is being undone '
  'ends as it was to end. Errors: SB401, SB403, SB404, SB409 when it already ended otherwise, or will.';
grant execute on function stepbase.cancel_run(uuid, text, boolean) to authenticated;
