-- RPCs of the task inbox: comments on tasks, and how many tasks wait. See rpc_runs for the pattern.

-- Security definer: clients cannot write comments, or events of runs.
create function stepbase_private.comment_task(p_step_run_id uuid, p_body text)
returns stepbase.task_comments
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code text := stepbase_private.app_code();
  v_task stepbase.step_runs;
  v_comment stepbase.task_comments;
begin
  if v_app_code is null then
    -- Raises the specific error: not signed in (SB401), or no longer a member (SB403).
    v_app_code := stepbase_private.require_permission('task:complete');
  end if;
  perform stepbase_private.lock_task(p_step_run_id);
  select s.* into v_task from stepbase.step_runs s
  where s.id = p_step_run_id and s.app_code = v_app_code and s.step_type in ('user_task', 'wait_for_approval');
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'Task not found', jsonb_build_object('step_run_id', p_step_run_id)
    );
  end if;
  if not coalesce(auth.uid() = v_task.assigned_to or auth.uid() = any (v_task.assigned_users), false)
    and not stepbase_private.has_permission('task:complete')
  then
    perform stepbase_private.require_permission('run:execute');
  end if;
  if coalesce(length(btrim(p_body)), 0) not between 1 and 10000 then
    perform stepbase_private.raise_error('invalid_request', 'body must have 1 to 10000 characters');
  end if;
  insert into stepbase.task_comments (app_code, run_id, step_run_id, user_id, body)
  values (v_task.app_code, v_task.run_id, v_task.id, stepbase_private.person_id(), btrim(p_body))
  returning * into v_comment;
  perform stepbase_private.note_task_change(
    v_task, 'task.commented', auth.uid(), jsonb_build_object('comment_id', v_comment.id)
  );
  return v_comment;
end;
$$;

comment on function stepbase_private.comment_task(uuid, text) is 'Implements stepbase.comment_task.';
grant execute on function stepbase_private.comment_task(uuid, text) to authenticated;

create function stepbase.comment_task(step_run_id uuid, body text)
returns stepbase.task_comments
language sql
set search_path = ''
as $$
  select stepbase_private.comment_task(comment_task.step_run_id, comment_task.body);
$$;

comment on function stepbase.comment_task(uuid, text) is
  'Writes a comment (1 to 10000 characters) on a task or approval, also after it was completed, and returns it. Allowed for '
  'its assignees and for members with task:complete or run:execute. Errors: SB400 body empty or too long, SB401, SB403, '
  'SB404.';
grant execute on function stepbase.comment_task(uuid, text) to authenticated;

create function stepbase.task_counts()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'mine', count(*) filter (
      where t.assigned_to = auth.uid() or auth.uid() = any (t.assigned_users) or t.claimed_by = auth.uid()
    ),
    'role', count(*) filter (
      where t.assigned_at is null and stepbase_private.app_role() = any (t.assigned_roles)
    ),
    'unassigned', count(*) filter (
      where t.assigned_at is null and t.assigned_roles is null and t.claimed_by is null
    ),
    'overdue', count(*) filter (where t.deadline_at < now() or t.escalated_at is not null),
    'all', count(*)
  )
  from stepbase.step_runs t
  where t.app_code = stepbase_private.app_code() and t.status = 'waiting' and t.wait_kind = 'task';
$$;

comment on function stepbase.task_counts() is
  'How many waiting tasks the caller can read: {mine, role, unassigned, overdue, all}. mine: assigned to or claimed by the '
  'caller; role: for the role of the caller; unassigned: for everyone with task:complete and not claimed; overdue: the '
  'deadline has passed, or the task was escalated. All are 0 without an application.';
grant execute on function stepbase.task_counts() to authenticated;
