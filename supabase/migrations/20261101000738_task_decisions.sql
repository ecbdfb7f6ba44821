-- Decisions of persons about approvals: one for each person and approval, also when several persons must approve.

create table stepbase.task_decisions (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  run_id uuid not null,
  step_run_id uuid not null,
  user_id uuid references stepbase.users (id) on delete set null,
  via text not null constraint via_is_known check (via in ('session', 'api_key', 'secret_key', 'link')),
  approved boolean not null,
  comment text constraint comment_has_at_most_10000_characters check (length(comment) <= 10000),
  created_at timestamptz not null default stepbase_engine.now(),
  constraint decision_is_of_the_app_of_its_run
    foreign key (run_id, app_code) references stepbase.runs (id, app_code) on delete cascade
);

comment on table stepbase.task_decisions is 'What each person decided about an approval; written by RPCs and mail links only.';
-- No foreign key: it would be checked for each step run that is deleted. The row goes with its run.
comment on column stepbase.task_decisions.step_run_id is 'The approval.';
comment on column stepbase.task_decisions.user_id is
  'The person who decided: the user, or the owner of the API key. Null for machines, and after the user was deleted.';
comment on column stepbase.task_decisions.via is
  'How the person was identified: session, api_key, secret_key, or link: by the single-use link in a mail.';

create unique index idx_task_decisions_step_run_id_user_id
on stepbase.task_decisions (step_run_id, user_id) where user_id is not null;
create index idx_task_decisions_run_id_app_code on stepbase.task_decisions (run_id, app_code);
create index idx_task_decisions_user_id on stepbase.task_decisions (user_id);

alter table stepbase.task_decisions enable row level security;

create policy "Members read the decisions in their app, persons their own" on stepbase.task_decisions
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and ((select stepbase_private.has_permission('run:read')) or user_id = (select auth.uid()))
  );

grant select on stepbase.task_decisions to authenticated, service_role;

create function stepbase_private.task_people(p_task stepbase.step_runs)
returns setof uuid
language sql
stable
set search_path = ''
as $$
  select m.user_id
  from stepbase.app_members m
  join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
  join stepbase.app_roles r on r.app_code = m.app_code and r.name = m.role
  where m.app_code = p_task.app_code
    and m.accepted_at is not null
    and case
      when p_task.assigned_to is not null then m.user_id = p_task.assigned_to
      when p_task.assigned_at is not null then m.user_id = any (p_task.assigned_users)
      else 'task:complete' = any (r.permissions)
        and (p_task.assigned_roles is null or m.role = any (p_task.assigned_roles))
    end;
$$;

comment on function stepbase_private.task_people(stepbase.step_runs) is
  'The members whom a task is for at this time: its assignees, the members with one of its roles, or all with '
  'task:complete. Members with member:manage may complete it as well, but it is not for them.';

create function stepbase_private.continued_from(p_run stepbase.runs)
returns uuid
language sql
stable
set search_path = ''
as $$
  select p_run.origin_run_id
  where p_run.origin_run_id is not null and exists (
    select 1 from stepbase.run_events e
    where e.run_id = p_run.id and e.created_at >= p_run.created_at and e.event_type = 'run.continued'
  );
$$;

comment on function stepbase_private.continued_from(stepbase.runs) is
  'The run that a run continues on another version; null for other runs, also for reruns.';

create function stepbase_private.requester_of(p_run_id uuid)
returns uuid
language sql
stable
set search_path = ''
as $$
  with recursive line as (
    select r.id, r.parent_run_id, r.created_by, r.created_at, 0 as depth, stepbase_private.continued_from(r) as from_id
    from stepbase.runs r where r.id = p_run_id
    union all
    select p.id, p.parent_run_id, p.created_by, p.created_at, l.depth + 1, stepbase_private.continued_from(p)
    from line l
    join stepbase.runs p on p.id = coalesce(l.from_id, l.parent_run_id)
    where l.created_by is null or l.from_id is not null
  )
  select w.user_id
  from (
    select
      l.depth,
      coalesce(l.created_by, (
        -- A run that an API key started has no created_by: its first event names the key.
        select k.owner_id
        from stepbase.run_events e
        join stepbase.api_keys k on k.id = (e.payload #>> '{actor,api_key_id}')::uuid and k.app_code = e.app_code
        where e.run_id = l.id and e.seq = 1 and e.created_at = l.created_at
      )) as user_id
    from line l
    -- Its created_by is the person who continued it.
    where l.from_id is null
  ) w
  where w.user_id is not null
  order by w.depth
  limit 1;
$$;

comment on function stepbase_private.requester_of(uuid) is
  'The person who started a run, or its nearest ancestor that a person started: the user, or the owner of the API key. Null '
  'if only machines and schedules did.';
