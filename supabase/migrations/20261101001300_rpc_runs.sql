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

create function stepbase_private.require_run(p_run_id uuid, p_app_code text)
returns stepbase.runs
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  select r.* into v_run from stepbase.runs r
  where r.id = p_run_id and r.app_code = p_app_code;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'there is no such run',
      jsonb_build_object('run_id', p_run_id)
    );
  end if;
  return v_run;
end;
$$;

comment on function stepbase_private.require_run(uuid, text) is 'A run of the given app, or SB404.';

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

create function stepbase_private.require_task(p_step_run_id uuid, p_step_types text[])
returns stepbase.step_runs
language plpgsql
set search_path = ''
as $$
declare
  v_app_code text := stepbase_private.app_code();
  v_task stepbase.step_runs;
begin
  if v_app_code is null then
    -- Says which it is: not signed in (SB401) or no member any more (SB403).
    v_app_code := stepbase_private.require_permission('task:complete');
  end if;
  select s.* into v_task from stepbase.step_runs s
  where s.id = p_step_run_id and s.app_code = v_app_code and s.step_type = any(p_step_types);
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'there is no such task',
      jsonb_build_object('step_run_id', p_step_run_id)
    );
  end if;
  -- The assignee decides, or whoever manages members of the app; if there never was an assignee (one who
  -- was deleted leaves assigned_at behind), whoever has task:complete and at least the role that is asked
  -- for. An API key is no user and has no role.
  if not coalesce(v_task.assigned_to = auth.uid(), false)
    and not stepbase_private.has_permission('member:manage')
    and not (
      v_task.assigned_to is null
      and v_task.assigned_at is null
      and stepbase_private.has_permission('task:complete')
      and (
        v_task.assigned_role is null
        or exists (
          select 1
          from stepbase.user_roles mine
          join stepbase.user_roles asked on asked.name = v_task.assigned_role
          where mine.name = stepbase_private.app_role() and mine.rank >= asked.rank
        )
      )
    )
  then
    perform stepbase_private.raise_error('permission_denied', 'this task is not yours to complete');
  end if;
  if v_task.status <> 'waiting' then
    perform stepbase_private.raise_error(
      'conflict', format('the task is already %s', v_task.status),
      jsonb_build_object('task_status', v_task.status)
    );
  end if;
  -- Between two attempts a step waits too, but for nobody's answer.
  if v_task.wait_kind <> 'task' then
    perform stepbase_private.raise_error(
      'conflict', format('the step waits for %s, not for a person', v_task.wait_kind),
      jsonb_build_object('task_status', v_task.status, 'wait_kind', v_task.wait_kind)
    );
  end if;
  return v_task;
end;
$$;

comment on function stepbase_private.require_task(uuid, text[]) is
  'A waiting task of the caller''s app that the caller may complete, or SB401, SB403, SB404, SB409.';

create function stepbase_private.finish_task(
  p_step_run_id uuid, p_step_types text[], p_output jsonb, p_handle text
)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_task stepbase.step_runs := stepbase_private.require_task(p_step_run_id, p_step_types);
  v_errors jsonb;
begin
  if p_handle is not null and p_output -> 'approved' = 'null' then
    perform stepbase_private.raise_error('invalid_request', 'approved is true or false');
  end if;
  if v_task.task -> 'form' is not null and p_handle is null then
    v_errors := stepbase_private.json_schema_errors(v_task.task -> 'form', p_output);
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input', 'the answer does not fit the form',
        jsonb_build_object('errors', v_errors)
      );
    end if;
  end if;
  perform stepbase_engine.complete_waiting_steps(
    array[v_task.id], array[p_output], array[p_handle], 'task.completed',
    auth.uid()
  );
  if not found then
    perform stepbase_private.raise_error('conflict', 'the task was completed by someone else');
  end if;
  select s.* into v_task from stepbase.step_runs s where s.id = v_task.id;
  return v_task;
end;
$$;

comment on function stepbase_private.finish_task(uuid, text[], jsonb, text) is 'Behind stepbase.complete_task and stepbase.decide_approval.';

create function stepbase.complete_task(step_run_id uuid, output jsonb default '{}')
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.finish_task(
    complete_task.step_run_id, array['user_task'], coalesce(complete_task.output, '{}'), null
  );
$$;

comment on function stepbase.complete_task(uuid, jsonb) is
  'Completes a waiting user task with the form''s data; the run goes on. For its assignee; without one for whoever has '
  'task:complete and the role it asks for; always for members with member:manage. Errors: SB401, SB403, SB404, SB409 already completed, SB422 the data does not fit the form.';

create function stepbase.decide_approval(step_run_id uuid, approved boolean, comment text default null)
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.finish_task(
    decide_approval.step_run_id, array['wait_for_approval'],
    jsonb_build_object(
      'approved', decide_approval.approved, 'comment', decide_approval.comment,
      'decided_by', auth.uid()
    ),
    case when decide_approval.approved then 'approved' else 'rejected' end
  );
$$;

comment on function stepbase.decide_approval(uuid, boolean, text) is
  'Approves or rejects a waiting approval; the run goes on by the handle approved or rejected. For whom: as '
  'complete_task. Errors: SB400 approved is null, SB401, SB403, SB404, SB409 already decided.';

revoke execute on all functions in schema stepbase_engine from public, anon, authenticated;
revoke execute on function stepbase_private.start_run(text, jsonb, text, int, int) from public;
revoke execute on function stepbase_private.cancel_run(uuid, text, boolean) from public;
revoke execute on function stepbase_private.finish_task(uuid, text[], jsonb, text) from public;
revoke execute on function stepbase.start_run(text, jsonb, text, int, int) from public;
revoke execute on function stepbase.cancel_run(uuid, text, boolean) from public;
revoke execute on function stepbase.complete_task(uuid, jsonb) from public;
revoke execute on function stepbase.decide_approval(uuid, boolean, text) from public;
grant execute on function stepbase_private.start_run(text, jsonb, text, int, int) to authenticated;
grant execute on function stepbase_private.cancel_run(uuid, text, boolean) to authenticated;
grant execute on function stepbase_private.finish_task(uuid, text[], jsonb, text) to authenticated;
grant execute on function stepbase.start_run(text, jsonb, text, int, int) to authenticated;
grant execute on function stepbase.cancel_run(uuid, text, boolean) to authenticated;
grant execute on function stepbase.complete_task(uuid, jsonb) to authenticated;
grant execute on function stepbase.decide_approval(uuid, boolean, text) to authenticated;
