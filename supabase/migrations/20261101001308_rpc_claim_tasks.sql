-- RPCs that claim, release and delegate tasks. See rpc_runs for the pattern, and rpc_tasks for who may complete a task.

-- Security definer: clients cannot write step runs.
create function stepbase_private.claim_task(p_step_run_id uuid)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_person constant uuid := stepbase_private.person_id();
  v_task stepbase.step_runs;
begin
  perform stepbase_private.lock_task(p_step_run_id);
  v_task := stepbase_private.require_task(p_step_run_id);
  if v_person is null then
    perform stepbase_private.raise_error(
      'permission_denied', 'Only a person can claim a task: sign in, or use an API key of a person',
      jsonb_build_object('rule', 'person_required')
    );
  end if;
  if (v_task.task ->> 'approvals_required')::int > 1 then
    perform stepbase_private.raise_error('conflict', 'Several persons decide this approval, so no one can claim it');
  end if;
  if v_task.claimed_by = v_person then
    return v_task;
  end if;
  update stepbase.step_runs s
  set claimed_by = v_person, claimed_at = stepbase_engine.now(), updated_at = stepbase_engine.now()
  where s.id = v_task.id
  returning s.* into v_task;
  perform stepbase_private.note_task_change(v_task, 'task.claimed', auth.uid(), jsonb_build_object('claimed_by', v_person));
  return v_task;
end;
$$;

comment on function stepbase_private.claim_task(uuid) is 'Implements stepbase.claim_task.';
grant execute on function stepbase_private.claim_task(uuid) to authenticated;

create function stepbase.claim_task(step_run_id uuid)
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.claim_task(claim_task.step_run_id);
$$;

comment on function stepbase.claim_task(uuid) is
  'Claims a waiting task or approval for the caller: until they release it, no one else can complete it. Repeated calls have '
  'no further effect. Allowed for the members who may complete it. Errors: SB401, SB403, SB404, SB409 not waiting for a '
  'person, claimed by another person, or an approval that several persons decide.';
grant execute on function stepbase.claim_task(uuid) to authenticated;

-- Security definer: clients cannot write step runs.
create function stepbase_private.release_task(p_step_run_id uuid)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_task stepbase.step_runs;
  v_claimed_by uuid;
begin
  perform stepbase_private.lock_task(p_step_run_id);
  v_task := stepbase_private.require_task(p_step_run_id, p_is_claimed_ok => true);
  v_claimed_by := v_task.claimed_by;
  if v_claimed_by is null then
    return v_task;
  end if;
  if v_claimed_by is distinct from stepbase_private.person_id() then
    perform stepbase_private.require_permission('member:manage');
  end if;
  update stepbase.step_runs s
  set claimed_by = null, claimed_at = null, updated_at = stepbase_engine.now()
  where s.id = v_task.id
  returning s.* into v_task;
  perform stepbase_private.note_task_change(
    v_task, 'task.released', auth.uid(), jsonb_build_object('claimed_by', v_claimed_by)
  );
  return v_task;
end;
$$;

comment on function stepbase_private.release_task(uuid) is 'Implements stepbase.release_task.';
grant execute on function stepbase_private.release_task(uuid) to authenticated;

create function stepbase.release_task(step_run_id uuid)
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.release_task(release_task.step_run_id);
$$;

comment on function stepbase.release_task(uuid) is
  'Ends the claim of a waiting task. Allowed for the person who claimed it and for members with member:manage; a task that no '
  'one has claimed is returned as it is. Errors: SB401, SB403, SB404, SB409 not waiting for a person.';
grant execute on function stepbase.release_task(uuid) to authenticated;

create function stepbase_private.require_delegate(p_task stepbase.step_runs, p_user_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select 1
    from stepbase.app_members m
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.app_code = p_task.app_code and m.user_id = p_user_id and m.accepted_at is not null
  ) then
    perform stepbase_private.raise_error(
      'not_found', 'The application has no member with this id', jsonb_build_object('user_id', p_user_id)
    );
  end if;
  if (p_task.task ->> 'exclude_requester')::boolean and p_user_id = stepbase_private.requester_of(p_task.run_id) then
    perform stepbase_private.raise_error(
      'conflict', 'The person who started the run cannot decide this approval',
      jsonb_build_object('rule', 'exclude_requester')
    );
  end if;
end;
$$;

comment on function stepbase_private.require_delegate(stepbase.step_runs, uuid) is
  'Raises SB404 not_found unless the user is a member of the application of the task, and SB409 conflict if they started '
  'the run and its step has exclude_requester.';

-- Security definer: clients cannot write step runs.
create function stepbase_private.delegate_task(p_step_run_id uuid, p_user_id uuid, p_note text)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_person constant uuid := stepbase_private.person_id();
  v_task stepbase.step_runs;
  v_is_of_several boolean;
begin
  perform stepbase_private.lock_task(p_step_run_id);
  v_task := stepbase_private.require_task(p_step_run_id);
  if p_user_id is null or length(p_note) > 1000 then
    perform stepbase_private.raise_error('invalid_request', 'user_id must be given, and note may have at most 1000 characters');
  end if;
  perform stepbase_private.require_delegate(v_task, p_user_id);
  v_is_of_several := coalesce((v_task.task ->> 'approvals_required')::int, 1) > 1;
  -- One of several approvers gives away their own decision only.
  if v_is_of_several and (
    v_person is null
    or not coalesce(v_person = any (v_task.assigned_users), false)
    or p_user_id = any (v_task.assigned_users)
    or exists (
      select 1 from stepbase.task_decisions d where d.step_run_id = v_task.id and d.user_id in (v_person, p_user_id)
    )
  ) then
    perform stepbase_private.raise_error(
      'conflict',
      'Several persons decide this approval: an assigned person who has not decided can delegate to one who is not assigned'
    );
  end if;
  update stepbase.step_runs s
  set
    assigned_to = case when not v_is_of_several then p_user_id end,
    assigned_users = case when v_is_of_several then array_replace(s.assigned_users, v_person, p_user_id) end,
    assigned_roles = null,
    assigned_at = stepbase_engine.now(),
    claimed_by = null,
    claimed_at = null,
    updated_at = stepbase_engine.now()
  where s.id = v_task.id
  returning s.* into v_task;
  perform stepbase_private.note_task_change(
    v_task, 'task.delegated', auth.uid(),
    jsonb_build_object('from', v_person, 'to', p_user_id, 'note', nullif(btrim(p_note), ''))
  );
  if v_task.task -> 'notify' = 'true' then
    perform stepbase_engine.mail_task(v_task, 'delegated', p_user_id, nullif(btrim(p_note), ''));
  end if;
  return v_task;
end;
$$;

comment on function stepbase_private.delegate_task(uuid, uuid, text) is 'Implements stepbase.delegate_task.';
grant execute on function stepbase_private.delegate_task(uuid, uuid, text) to authenticated;

create function stepbase.delegate_task(step_run_id uuid, user_id uuid, note text default null)
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.delegate_task(delegate_task.step_run_id, delegate_task.user_id, delegate_task.note);
$$;

comment on function stepbase.delegate_task(uuid, uuid, text) is
  'Assigns a waiting task or approval to another member, who may have any role; the note goes to the history of the run. One '
  'of several assigned approvers gives away their own decision. Allowed for the members who may complete it. Errors: SB400, '
  'SB401, SB403, SB404 unknown task or member, SB409 not waiting for a person, claimed by another person, the member started '
  'the run and is excluded, or an approval of several persons that the caller cannot delegate.';
grant execute on function stepbase.delegate_task(uuid, uuid, text) to authenticated;
