-- What clients do with runs and tasks. Each public function is security invoker and thin; the work
-- is done by its namesake in private, which checks the caller's app and permission first.
-- The private ones are security definer because clients have no write access to any run table.

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
  'Completes a waiting user task with the form''s data; the run goes on. For its assignee; without one for whoever has '
  'task:complete and the role it asks for; always for members with member:manage. Errors: SB401, SB403, SB404, SB409 already completed, SB422 the data does not fit the form.';
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
  'Approves or rejects a waiting approval; the run goes on by the handle approved or rejected. For whom: as '
  'complete_task. Errors: SB400 approved is null, SB401, SB403, SB404, SB409 already decided.';
grant execute on function stepbase.decide_approval(uuid, boolean, text) to authenticated;
