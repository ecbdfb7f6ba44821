-- RPCs that complete user tasks and decide approvals. See rpc_runs for the pattern.
-- Each call first locks the run of the task, so that two persons who act at the same time are served one after the
-- other.

create function stepbase_private.lock_task(p_step_run_id uuid)
returns void
language sql
set search_path = ''
as $$
  select
  from stepbase.runs r
  where r.id = (
    select s.run_id from stepbase.step_runs s where s.id = p_step_run_id and s.app_code = stepbase_private.app_code()
  )
  for no key update;
$$;

comment on function stepbase_private.lock_task(uuid) is
  'Locks the run of a task of the caller''s application. Lock order: runs (2).';

create function stepbase_private.require_open_task(p_task stepbase.step_runs, p_person uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_task.status <> 'waiting' then
    perform stepbase_private.raise_error(
      'conflict', format('The task is already %s', p_task.status),
      jsonb_build_object('task_status', p_task.status)
    );
  end if;
  -- A step also waits between two attempts, but then it waits for no one's decision.
  if p_task.wait_kind <> 'task' then
    perform stepbase_private.raise_error(
      'conflict', format('The step waits for %s, not for a user', p_task.wait_kind),
      jsonb_build_object('task_status', p_task.status, 'wait_kind', p_task.wait_kind)
    );
  end if;
  if p_task.claimed_by is distinct from p_person and exists (
    select 1 from stepbase.app_members m
    where m.app_code = p_task.app_code and m.user_id = p_task.claimed_by and m.accepted_at is not null
  ) then
    perform stepbase_private.raise_error(
      'conflict', 'Another person has claimed the task; they or a member with member:manage can release it',
      jsonb_build_object('task_status', p_task.status, 'claimed_by', p_task.claimed_by)
    );
  end if;
end;
$$;

comment on function stepbase_private.require_open_task(stepbase.step_runs, uuid) is
  'Raises SB409 conflict unless the task waits for a person and no other member has claimed it.';

create function stepbase_private.require_task(
  p_step_run_id uuid, p_step_types text[] default '{user_task,wait_for_approval}', p_is_claimed_ok boolean default false
)
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
  -- Allowed are the assignees, members with member:manage and, for a task that never had an assignee (a deleted
  -- assignee leaves assigned_at), members with task:complete who have one of the assigned roles. An API key is not a
  -- user and has no role.
  if not coalesce(auth.uid() = v_task.assigned_to or auth.uid() = any (v_task.assigned_users), false)
    and not stepbase_private.has_permission('member:manage')
    and not (
      v_task.assigned_at is null
      and stepbase_private.has_permission('task:complete')
      and (
        v_task.assigned_roles is null
        or coalesce(stepbase_private.app_role() = any (v_task.assigned_roles), false)
      )
    )
  then
    perform stepbase_private.raise_error('permission_denied', 'The task is assigned to someone else');
  end if;
  perform stepbase_private.require_open_task(
    v_task, case when p_is_claimed_ok then v_task.claimed_by else stepbase_private.person_id() end
  );
  return v_task;
end;
$$;

comment on function stepbase_private.require_task(uuid, text[], boolean) is
  'Returns a waiting task of the caller''s application that the caller may complete. Raises SB401, SB403, SB404 not_found '
  'or SB409 conflict otherwise, also if another person has claimed it, unless p_is_claimed_ok.';

create function stepbase_private.note_task_change(
  p_task stepbase.step_runs, p_event_type text, p_actor_id uuid, p_payload jsonb default '{}'
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform stepbase_engine.append_events(array[stepbase_engine.step_event(
    p_event_type, p_task.run_id, p_task.app_code, p_task.step_id, p_task.item_index, p_task.attempt, p_task.status,
    p_actor_id => p_actor_id, p_payload => jsonb_strip_nulls(p_payload)
  )]);
  -- No worker publishes this change to Redis, so the relay does.
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  values (p_task.app_code, 'run', p_task.run_id, 'run.changed');
  perform pg_notify('stepbase', 'outbox');
end;
$$;

comment on function stepbase_private.note_task_change(stepbase.step_runs, text, uuid, jsonb) is
  'Writes an event of a task that still waits, and tells watchers of the run. The caller has locked the run.';

create function stepbase_private.finish_task(p_step_run_id uuid, p_output jsonb)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_task stepbase.step_runs;
  v_errors jsonb;
begin
  perform stepbase_private.lock_task(p_step_run_id);
  v_task := stepbase_private.require_task(p_step_run_id, array['user_task']);
  if v_task.task -> 'form' is not null then
    v_errors := stepbase_private.json_schema_errors(v_task.task -> 'form', p_output);
    if jsonb_array_length(v_errors) > 0 then
      perform stepbase_private.raise_error(
        'invalid_input', 'The output does not match the form',
        jsonb_build_object('errors', v_errors)
      );
    end if;
  end if;
  perform stepbase_engine.complete_waiting_steps(
    array[v_task.id], array[p_output], array[null::text], 'task.completed', auth.uid()
  );
  if not found then
    perform stepbase_private.raise_error('conflict', 'The task was completed in the meantime');
  end if;
  perform stepbase_engine.request_worker();
  select s.* into v_task from stepbase.step_runs s where s.id = v_task.id;
  return v_task;
end;
$$;

comment on function stepbase_private.finish_task(uuid, jsonb) is 'Implements stepbase.complete_task.';
grant execute on function stepbase_private.finish_task(uuid, jsonb) to authenticated;

create function stepbase_private.approval_verdict(p_task stepbase.step_runs)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_required constant int := coalesce((p_task.task ->> 'approvals_required')::int, 1);
  v_approvals int;
  v_rejections int;
  v_undecided int;
begin
  select count(*) filter (where d.approved), count(*) filter (where not d.approved)
  into v_approvals, v_rejections
  from stepbase.task_decisions d
  where d.step_run_id = p_task.id;
  if v_approvals >= v_required then
    return true;
  end if;
  if v_rejections = 0 then
    return null;
  end if;
  if coalesce(p_task.task ->> 'reject_on', 'first') = 'first' then
    return false;
  end if;
  select count(*) into v_undecided
  from stepbase_private.task_people(p_task) p (user_id)
  where not exists (
      select 1 from stepbase.task_decisions d where d.step_run_id = p_task.id and d.user_id = p.user_id
    )
    and (
      not coalesce((p_task.task ->> 'exclude_requester')::boolean, false)
      or p.user_id is distinct from stepbase_private.requester_of(p_task.run_id)
    );
  return case when v_approvals + v_undecided < v_required then false end;
end;
$$;

comment on function stepbase_private.approval_verdict(stepbase.step_runs) is
  'What the decisions so far mean: true (enough approvals), false (rejected: by the first rejection, or with reject_on '
  'unreachable when the members whom the approval is for are too few), or null: more decisions are needed.';

create function stepbase_private.record_decision(
  p_task stepbase.step_runs, p_person uuid, p_via text, p_approved boolean, p_comment text
)
returns stepbase.step_runs
language plpgsql
set search_path = ''
as $$
declare
  v_required constant int := coalesce((p_task.task ->> 'approvals_required')::int, 1);
  v_excludes constant boolean := coalesce((p_task.task ->> 'exclude_requester')::boolean, false);
  -- A machine is not the actor of an event: the event names its key.
  v_actor constant uuid := case when p_via in ('session', 'link') then p_person end;
  v_verdict boolean;
  v_task stepbase.step_runs;
begin
  if p_approved is null then
    perform stepbase_private.raise_error('invalid_request', 'approved must be true or false');
  elsif length(p_comment) > 10000 then
    perform stepbase_private.raise_error('invalid_request', 'comment must have at most 10000 characters');
  end if;
  if (v_excludes or v_required > 1) and p_person is null then
    perform stepbase_private.raise_error(
      'permission_denied', 'This approval needs a person: sign in, or use an API key of a person',
      jsonb_build_object('rule', 'person_required')
    );
  end if;
  if v_excludes and p_person = stepbase_private.requester_of(p_task.run_id) then
    perform stepbase_private.raise_error(
      'permission_denied', 'The person who started the run cannot decide this approval',
      jsonb_build_object('rule', 'exclude_requester')
    );
  end if;
  insert into stepbase.task_decisions (app_code, run_id, step_run_id, user_id, via, approved, comment)
  values (p_task.app_code, p_task.run_id, p_task.id, p_person, p_via, p_approved, p_comment)
  on conflict (step_run_id, user_id) where user_id is not null do nothing;
  if not found then
    perform stepbase_private.raise_error(
      'conflict', 'You have already decided this approval', jsonb_build_object('task_status', p_task.status)
    );
  end if;
  v_verdict := stepbase_private.approval_verdict(p_task);
  if v_verdict is null then
    perform stepbase_private.note_task_change(
      p_task, 'task.decided', v_actor, jsonb_build_object('approved', p_approved, 'via', p_via)
    );
    return p_task;
  end if;
  perform stepbase_engine.complete_waiting_steps(
    array[p_task.id],
    array[
      jsonb_build_object('approved', v_verdict, 'comment', p_comment, 'decided_by', v_actor)
      || case when v_required = 1 then '{}' else jsonb_build_object('decisions', (
        select jsonb_agg(
          jsonb_build_object('user_id', d.user_id, 'approved', d.approved, 'comment', d.comment, 'decided_at', d.created_at)
          order by d.created_at, d.id
        )
        from stepbase.task_decisions d
        where d.step_run_id = p_task.id
      )) end
    ],
    array[case when v_verdict then 'approved' else 'rejected' end], 'task.completed', v_actor
  );
  if not found then
    perform stepbase_private.raise_error('conflict', 'The task was completed in the meantime');
  end if;
  perform stepbase_engine.request_worker();
  select s.* into v_task from stepbase.step_runs s where s.id = p_task.id;
  return v_task;
end;
$$;

comment on function stepbase_private.record_decision(stepbase.step_runs, uuid, text, boolean, text) is
  'Writes the decision of a person about an approval, and completes the approval if the decisions suffice. Returns the '
  'step run. Errors: SB400 p_approved is null or p_comment too long, SB403 the requester is excluded, or a person is required, SB409 the person '
  'has already decided. The caller has locked the run and knows that the person may decide.';

create function stepbase_private.decide_approval(p_step_run_id uuid, p_approved boolean, p_comment text)
returns stepbase.step_runs
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.lock_task(p_step_run_id);
  return stepbase_private.record_decision(
    stepbase_private.require_task(p_step_run_id, array['wait_for_approval']),
    stepbase_private.person_id(),
    case
      when auth.uid() is not null then 'session'
      when auth.jwt() ->> 'api_key_id' is not null then 'api_key'
      else 'secret_key'
    end,
    p_approved, p_comment
  );
end;
$$;

comment on function stepbase_private.decide_approval(uuid, boolean, text) is 'Implements stepbase.decide_approval.';
grant execute on function stepbase_private.decide_approval(uuid, boolean, text) to authenticated;

create function stepbase.complete_task(step_run_id uuid, output jsonb default '{}')
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.finish_task(
    complete_task.step_run_id, coalesce(complete_task.output, '{}')
  );
$$;

comment on function stepbase.complete_task(uuid, jsonb) is
  'Completes a waiting user task with the form''s data and continues the run. Allowed for its assignee, for members with '
  'member:manage and, without an assignee, for members with task:complete and one of the assigned roles. Errors: SB401, '
  'SB403, SB404, SB409 not waiting for a user, or claimed by another person, SB422 output does not match the form, SB425 '
  'schema too complex.';
grant execute on function stepbase.complete_task(uuid, jsonb) to authenticated;

create function stepbase.decide_approval(step_run_id uuid, approved boolean, comment text default null)
returns stepbase.step_runs
language sql
set search_path = ''
as $$
  select stepbase_private.decide_approval(
    decide_approval.step_run_id, decide_approval.approved, decide_approval.comment
  );
$$;

comment on function stepbase.decide_approval(uuid, boolean, text) is
  'Records the caller''s decision about a waiting approval. The run continues through the handle approved or rejected as '
  'soon as the decisions suffice: at once unless the step has approvals_required. Allowed for the same members as '
  'complete_task, once for each person. Errors: SB400 approved is null or comment too long, SB401, SB403 also for the person who started the '
  'run if the step has exclude_requester, SB404, SB409 decided, or claimed by another person.';
grant execute on function stepbase.decide_approval(uuid, boolean, text) to authenticated;
