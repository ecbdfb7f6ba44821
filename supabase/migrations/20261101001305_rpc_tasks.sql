-- RPCs that complete user tasks and decide approvals. See rpc_runs for the pattern.

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
    -- Raises the specific error: not signed in (SB401), or no longer a member (SB403).
    v_app_code := stepbase_private.require_permission('task:complete');
  end if;
  select s.* into v_task from stepbase.step_runs s
  where s.id = p_step_run_id and s.app_code = v_app_code and s.step_type = any(p_step_types);
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'Task not found',
      jsonb_build_object('step_run_id', p_step_run_id)
    );
  end if;
  -- Allowed are the assignee, members with member:manage and, for a task that never had an assignee (a deleted
  -- assignee leaves assigned_at), members with task:complete who have one of the assigned roles. An API key is not a
  -- user and has no role.
  if not coalesce(v_task.assigned_to = auth.uid(), false)
    and not stepbase_private.has_permission('member:manage')
    and not (
      v_task.assigned_to is null
      and v_task.assigned_at is null
      and stepbase_private.has_permission('task:complete')
      and (
        v_task.assigned_roles is null
        or coalesce(stepbase_private.app_role() = any (v_task.assigned_roles), false)
      )
    )
  then
    perform stepbase_private.raise_error('permission_denied', 'The task is assigned to someone else');
  end if;
  if v_task.status <> 'waiting' then
    perform stepbase_private.raise_error(
      'conflict', format('The task is already %s', v_task.status),
      jsonb_build_object('task_status', v_task.status)
    );
  end if;
  -- A step also waits between two attempts, but then it waits for no one's decision.
  if v_task.wait_kind <> 'task' then
    perform stepbase_private.raise_error(
      'conflict', format('The step waits for %s, not for a user', v_task.wait_kind),
      jsonb_build_object('task_status', v_task.status, 'wait_kind', v_task.wait_kind)
    );
  end if;
  return v_task;
end;
$$;

comment on function stepbase_private.require_task(uuid, text[]) is
  'Returns a waiting task of the caller''s application that the caller may complete. Raises SB401, SB403, SB404 not_found '
  'or SB409 conflict otherwise.';

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
    perform stepbase_private.raise_error('invalid_request', 'approved must be true or false');
  end if;
  if v_task.task -> 'form' is not null and p_handle is null then
    v_errors := stepbase_private.json_schema_errors(v_task.task -> 'form', p_output);
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input', 'The output does not match the form',
        jsonb_build_object('errors', v_errors)
      );
    end if;
  end if;
  perform stepbase_engine.complete_waiting_steps(
    array[v_task.id], array[p_output], array[p_handle], 'task.completed',
    auth.uid()
  );
  if not found then
    perform stepbase_private.raise_error('conflict', 'The task was completed in the meantime');
  end if;
  perform stepbase_engine.request_worker();
  select s.* into v_task from stepbase.step_runs s where s.id = v_task.id;
  return v_task;
end;
$$;

comment on function stepbase_private.finish_task(uuid, text[], jsonb, text) is 'Implements stepbase.complete_task and stepbase.decide_approval.';
grant execute on function stepbase_private.finish_task(uuid, text[], jsonb, text) to authenticated;

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
  'Completes a waiting user task with the form''s data and continues the run. Allowed for its assignee, for members with '
  'member:manage and, without an assignee, for members with task:complete and one of the assigned roles. Errors: SB401, SB403, '
  'SB404, SB409 not waiting for a user, SB422 output does not match the form, SB425 schema too complex.';
grant execute on function stepbase.complete_task(uuid, jsonb) to authenticated;

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
  'Approves or rejects a waiting approval and continues the run through the handle approved or rejected. Allowed for the '
  'same members as complete_task. Errors: SB400 approved is null, SB401, SB403, SB404, SB409 already decided.';
grant execute on function stepbase.decide_approval(uuid, boolean, text) to authenticated;
