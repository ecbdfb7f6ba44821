-- Mails about tasks, and the links in them. A link shows what is asked, and decides only when its page confirms it.

create function stepbase_engine.mail_task(
  p_task stepbase.step_runs, p_kind text, p_user_id uuid default null, p_note text default null
)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_requester uuid;
  v_left int;
  v_mails int;
begin
  -- A task waits also if no mail can tell of it.
  if not coalesce(stepbase_private.can_send_mail(), true) then
    return 0;
  end if;
  select q.max_task_mails_per_hour - (
    select count(*) from stepbase_private.mails m
    where m.app_code = q.app_code and m.template = 'task' and m.created_at > stepbase_engine.now() - interval '1 hour'
  )
  into v_left
  from stepbase.app_quotas q
  where q.app_code = p_task.app_code;
  if p_task.task -> 'exclude_requester' = 'true' then
    v_requester := stepbase_private.requester_of(p_task.run_id);
  end if;
  insert into stepbase_private.mails (app_code, template, recipient, data, step_run_id, user_id)
  select
    p_task.app_code, 'task', u.email, jsonb_strip_nulls(jsonb_build_object('kind', p_kind, 'note', p_note)), p_task.id, u.id
  from stepbase_private.task_people(p_task) p (user_id)
  join stepbase.users u on u.id = p.user_id
  where u.email not like '%@users.invalid'
    and (p_user_id is null or u.id = p_user_id)
    and u.id is distinct from v_requester
    and (p_task.claimed_by is null or u.id = p_task.claimed_by)
    and not exists (select 1 from stepbase.task_decisions d where d.step_run_id = p_task.id and d.user_id = u.id)
  order by u.id
  limit greatest(v_left, 0);
  get diagnostics v_mails = row_count;
  if v_mails > 0 then
    perform pg_notify('stepbase', 'due');
    perform stepbase_engine.request_worker();
  end if;
  return v_mails;
end;
$$;

comment on function stepbase_engine.mail_task(stepbase.step_runs, text, uuid, text) is
  'Queues a mail about a task (p_kind: created, reminder, escalated, delegated) for each person whom it is for, or for '
  'p_user_id only, and returns their number. Persons who have decided, or cannot because another one claimed the task, get '
  'none. Without settings for mail, and beyond max_task_mails_per_hour of the application, no mail is queued.';

create function stepbase_engine.is_task_of(p_task stepbase.step_runs, p_user_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_task.status = 'waiting'
    and p_task.wait_kind = 'task'
    and (p_task.claimed_by is null or p_task.claimed_by = p_user_id)
    and p_user_id in (select stepbase_private.task_people(p_task))
    and not exists (
      select 1 from stepbase.task_decisions d where d.step_run_id = p_task.id and d.user_id = p_user_id
    );
$$;

comment on function stepbase_engine.is_task_of(stepbase.step_runs, uuid) is
  'Whether a task waits for a person: it is for them, they have not decided, and no one else has claimed it.';

create function stepbase_engine.task_mail_data(p_step_run_id uuid, p_user_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_task stepbase.step_runs;
  v_expires_at timestamptz;
  v_token text;
  v_decision text;
  v_links jsonb := '{}';
begin
  select s.* into v_task from stepbase.step_runs s where s.id = p_step_run_id;
  if not found or not stepbase_engine.is_task_of(v_task, p_user_id) then
    return null;
  end if;
  if v_task.step_type = 'wait_for_approval' then
    v_expires_at := least(v_task.deadline_at, stepbase_engine.now() + interval '7 days');
    foreach v_decision in array array['approve', 'reject'] loop
      -- The token exists in this answer and in the mail only.
      v_token := stepbase_private.random_token('sbd_');
      insert into stepbase_private.task_links as l (app_code, step_run_id, user_id, decision, token_hash, expires_at)
      values (
        v_task.app_code, v_task.id, p_user_id, v_decision, stepbase_private.token_hash(v_token), v_expires_at
      )
      on conflict (step_run_id, user_id, decision) do update
      set token_hash = excluded.token_hash, expires_at = excluded.expires_at, used_at = null;
      v_links := v_links || jsonb_build_object(v_decision, v_token);
    end loop;
  end if;
  return jsonb_strip_nulls(jsonb_build_object(
    'app_code', v_task.app_code,
    'application', (select a.name from stepbase.applications a where a.app_code = v_task.app_code),
    'title', left(v_task.task ->> 'title', 1000), 'description', left(v_task.task ->> 'description', 4000),
    'run_id', v_task.run_id, 'links', v_links, 'expires_at', v_expires_at, 'deadline_at', v_task.deadline_at
  ));
end;
$$;

comment on function stepbase_engine.task_mail_data(uuid, uuid) is
  'What the mail about a task needs, with new tokens for the links of an approval; null if the task does not wait for the '
  'person any more. A link works for seven days, at most until the deadline of the task.';

create function stepbase_engine.open_task_link(
  p_token text, p_locks boolean, out link stepbase_private.task_links, out task stepbase.step_runs
)
language plpgsql
set search_path = ''
as $$
begin
  if p_locks then
    -- Lock order: runs (2). Afterwards the link shows whether another call has used it.
    perform 1
    from stepbase_private.task_links l
    join stepbase.step_runs s on s.id = l.step_run_id
    join stepbase.runs r on r.id = s.run_id
    where l.token_hash = stepbase_private.token_hash(coalesce(p_token, ''))
    for no key update of r;
  end if;
  select l.* into link
  from stepbase_private.task_links l
  join stepbase.applications a on a.app_code = l.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where l.token_hash = stepbase_private.token_hash(coalesce(p_token, ''))
    and l.used_at is null
    and l.expires_at > stepbase_engine.now();
  select s.* into task from stepbase.step_runs s where s.id = link.step_run_id and s.app_code = link.app_code;
  -- One answer for all, so that it tells nothing about tokens.
  if task.id is null then
    perform stepbase_private.raise_error(
      'not_authenticated', 'The link is unknown, was used, or has expired. Use the link in the newest mail, or sign in'
    );
  end if;
  if link.user_id not in (select stepbase_private.task_people(task)) then
    perform stepbase_private.raise_error(
      'permission_denied', 'The approval is not for you any more: your membership, your role or the assignment has changed',
      jsonb_build_object('rule', 'link_of_an_approver')
    );
  end if;
  perform stepbase_private.require_open_task(task, link.user_id);
end;
$$;

comment on function stepbase_engine.open_task_link(text, boolean) is
  'The link of a token and its approval, for which the person may decide. Errors: SB401 the token is unknown, used or expired, '
  'SB403 the approval is not for the person any more, SB409 it does not wait, or another person has claimed it.';

create function stepbase_engine.read_task_link(p_token text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_open record;
begin
  select o.* into v_open from stepbase_engine.open_task_link(p_token, false) o;
  return (
    select jsonb_build_object(
      'decision', (v_open.link).decision, 'title', (v_open.task).task ->> 'title',
      'description', (v_open.task).task ->> 'description', 'application', a.name, 'workflow', w.name,
      'person', coalesce(nullif(btrim(u.display_name), ''), u.email), 'expires_at', (v_open.link).expires_at,
      'deadline_at', (v_open.task).deadline_at,
      'approvals_required', coalesce(((v_open.task).task ->> 'approvals_required')::int, 1),
      'approvals', (
        select count(*) from stepbase.task_decisions d where d.step_run_id = (v_open.task).id and d.approved
      )
    )
    from stepbase.runs r
    join stepbase.workflows w on w.id = r.workflow_id
    join stepbase.applications a on a.app_code = r.app_code
    join stepbase.users u on u.id = (v_open.link).user_id
    where r.id = (v_open.task).run_id
  );
end;
$$;

comment on function stepbase_engine.read_task_link(text) is
  'What the page of a link shows: {decision, title, description, application, workflow, person, expires_at, deadline_at, '
  'approvals_required, approvals}. Changes nothing. Errors: those of open_task_link.';

create function stepbase_engine.use_task_link(p_token text, p_comment text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_open record;
  v_task stepbase.step_runs;
begin
  select o.* into v_open from stepbase_engine.open_task_link(p_token, true) o;
  v_task := stepbase_private.record_decision(
    v_open.task, (v_open.link).user_id, 'link', (v_open.link).decision = 'approve', nullif(btrim(p_comment), '')
  );
  update stepbase_private.task_links l
  set used_at = stepbase_engine.now()
  where l.step_run_id = (v_open.link).step_run_id and l.user_id = (v_open.link).user_id;
  return jsonb_build_object('decision', (v_open.link).decision, 'status', v_task.status, 'handle', v_task.handle);
end;
$$;

comment on function stepbase_engine.use_task_link(text, text) is
  'Records the decision of a link for its person, and ends the links of the mail. Returns {decision, status, handle} of the '
  'approval, which stays waiting while it needs more decisions. Errors: those of open_task_link and record_decision.';
