-- RPCs of incident switches. See rpc_runs for the pattern.

create function stepbase_private.is_operator()
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(auth.jwt() ->> 'role', session_user) in ('service_role', 'postgres');
$$;

comment on function stepbase_private.is_operator() is
  'Whether the caller has the secret key of the project, or is its database owner.';

-- Security definer, as all of this file: clients cannot write switches.
create function stepbase_private.set_incident_switch(p_scope text, p_target text, p_mode text, p_reason text)
returns stepbase.incident_switches
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code text;
  v_workflow_id uuid;
  v_queue_id uuid;
  v_switch stepbase.incident_switches;
begin
  if p_scope = 'installation' then
    if not stepbase_private.is_operator() then
      perform stepbase_private.raise_error(
        'permission_denied', 'Only operators may stop the whole installation; use the secret key of the project'
      );
    end if;
  else
    v_app_code := stepbase_private.require_permission('workflow:publish');
  end if;
  if coalesce(p_scope not in ('installation', 'application', 'workflow', 'task_queue'), true)
    or coalesce(p_mode not in ('drain', 'pause'), true)
    or coalesce(length(p_reason) not between 1 and 1000, true)
    or (p_target is null) <> (p_scope in ('installation', 'application'))
  then
    perform stepbase_private.raise_error(
      'invalid_request',
      'scope must be application, workflow, task_queue or installation; mode must be drain or pause; reason must have 1 to '
      '1000 characters; only a workflow and a task queue have a target'
    );
  end if;
  if p_scope = 'workflow' then
    select w.id into v_workflow_id from stepbase.workflows w
    where w.app_code = v_app_code and w.kebab_name = p_target and w.deleted_at is null;
  elsif p_scope = 'task_queue' then
    select q.id into v_queue_id from stepbase.task_queues q where q.app_code = v_app_code and q.name = p_target;
  end if;
  if p_target is not null and coalesce(v_workflow_id, v_queue_id) is null then
    perform stepbase_private.raise_error(
      'not_found', format('%s %s does not exist', initcap(replace(p_scope, '_', ' ')), p_target),
      jsonb_build_object('target', p_target)
    );
  end if;
  update stepbase.incident_switches i set reason = p_reason
  where i.released_at is null and i.scope = p_scope and i.app_code is not distinct from v_app_code
    and i.workflow_id is not distinct from v_workflow_id and i.task_queue_id is not distinct from v_queue_id
    and i.mode = p_mode
  returning i.* into v_switch;
  if found then
    return v_switch;
  end if;
  -- Another mode is another switch, so that steps go on after a change from pause to drain.
  update stepbase.incident_switches i
  set released_at = stepbase_engine.now(), released_by = stepbase_private.user_id()
  where i.released_at is null and i.scope = p_scope and i.app_code is not distinct from v_app_code
    and i.workflow_id is not distinct from v_workflow_id and i.task_queue_id is not distinct from v_queue_id;
  insert into stepbase.incident_switches as i (
    app_code, scope, mode, reason, workflow_id, task_queue_id, created_by, created_at
  )
  values (
    v_app_code, p_scope, p_mode, p_reason, v_workflow_id, v_queue_id, stepbase_private.user_id(), stepbase_engine.now()
  )
  on conflict (
    scope, coalesce(app_code, ''), coalesce(workflow_id, task_queue_id, '00000000-0000-0000-0000-000000000000')
  ) where released_at is null
  do update set mode = excluded.mode, reason = excluded.reason
  returning i.* into v_switch;
  perform pg_notify('stepbase', 'admit');
  return v_switch;
end;
$$;

comment on function stepbase_private.set_incident_switch(text, text, text, text) is 'Implements stepbase.set_incident_switch.';
grant execute on function stepbase_private.set_incident_switch(text, text, text, text) to authenticated, service_role;

create function stepbase.set_incident_switch(
  scope text, reason text, mode text default 'drain', target text default null
)
returns stepbase.incident_switches
language sql
set search_path = ''
as $$
  select stepbase_private.set_incident_switch(
    set_incident_switch.scope, set_incident_switch.target, set_incident_switch.mode, set_incident_switch.reason
  );
$$;

comment on function stepbase.set_incident_switch(text, text, text, text) is
  'Stops the caller''s application, a workflow (target: its kebab_name), a task queue (target: its name) or, for '
  'operators, the installation. mode drain: new runs are accepted and wait, open runs go on; pause: also no further step '
  'starts, and steps in flight finish. A repeated call for the same target changes the reason, or replaces a switch with '
  'the other mode. Requires workflow:publish; the scope installation requires the secret key. Errors: SB400, SB401, '
  'SB403, SB404 unknown target.';
grant execute on function stepbase.set_incident_switch(text, text, text, text) to authenticated, service_role;

create function stepbase_private.require_incident_switch(p_switch_id uuid, p_permission text)
returns stepbase.incident_switches
language plpgsql
stable
set search_path = ''
as $$
declare
  v_switch stepbase.incident_switches;
  v_app_code text;
begin
  select i.* into v_switch from stepbase.incident_switches i where i.id = p_switch_id;
  if v_switch.scope = 'installation' and stepbase_private.is_operator() then
    return v_switch;
  end if;
  v_app_code := stepbase_private.require_permission(p_permission);
  if v_switch.app_code is distinct from v_app_code then
    perform stepbase_private.raise_error(
      'not_found', 'Incident switch not found', jsonb_build_object('switch_id', p_switch_id)
    );
  end if;
  return v_switch;
end;
$$;

comment on function stepbase_private.require_incident_switch(uuid, text) is
  'Returns a switch of the caller''s application; for operators also one of the installation. Raises SB401, SB403 or SB404 '
  'otherwise.';

create function stepbase_private.release_incident_switch(p_switch_id uuid)
returns stepbase.incident_switches
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_switch stepbase.incident_switches := stepbase_private.require_incident_switch(p_switch_id, 'workflow:publish');
begin
  update stepbase.incident_switches i
  set released_at = stepbase_engine.now(), released_by = stepbase_private.user_id()
  where i.id = p_switch_id and i.released_at is null
  returning i.* into v_switch;
  if found then
    perform pg_notify('stepbase', 'admit');
    perform stepbase_engine.request_worker();
  else
    select i.* into strict v_switch from stepbase.incident_switches i where i.id = p_switch_id;
  end if;
  return v_switch;
end;
$$;

comment on function stepbase_private.release_incident_switch(uuid) is 'Implements stepbase.release_incident_switch.';
grant execute on function stepbase_private.release_incident_switch(uuid) to authenticated, service_role;

create function stepbase.release_incident_switch(switch_id uuid)
returns stepbase.incident_switches
language sql
set search_path = ''
as $$
  select stepbase_private.release_incident_switch(release_incident_switch.switch_id);
$$;

comment on function stepbase.release_incident_switch(uuid) is
  'Releases a switch: the runs that it suspended continue in their order, unless another switch suspends them. Repeated '
  'calls have no further effect. Requires workflow:publish; a switch of the installation requires the secret key. Errors: '
  'SB401, SB403, SB404.';
grant execute on function stepbase.release_incident_switch(uuid) to authenticated, service_role;

create function stepbase_private.incident_status(p_switch_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most constant int := 10000;
  v_switch constant stepbase.incident_switches := stepbase_private.require_incident_switch(p_switch_id, 'run:read');
  v_status jsonb;
begin
  with scope as materialized (
    select w.app_code, array_agg(w.id) as workflow_ids
    from stepbase.workflows w
    where (v_switch.app_code is null or w.app_code = v_switch.app_code)
      and stepbase_engine.switch_applies(v_switch, w.app_code, w.id)
    group by w.app_code
  ),
  -- Each status has its own limit: many waiting runs must not hide those that are open.
  found as materialized (
    select s.status, r.id
    from (values ('pending'), ('running'), ('paused')) s (status)
    cross join lateral (
      select o.id
      from scope c
      join stepbase.runs o on o.app_code = c.app_code and o.status = s.status and o.workflow_id = any(c.workflow_ids)
      limit c_most + 1
    ) r
  ),
  counted as (
    select f.status, least(count(*), c_most) as runs, count(*) > c_most as is_cut from found f group by f.status
  )
  select jsonb_build_object(
    'switch_id', v_switch.id,
    'is_on', v_switch.released_at is null,
    'open_runs', coalesce(sum(c.runs) filter (where c.status <> 'pending'), 0),
    'waiting_runs', coalesce(sum(c.runs) filter (where c.status = 'pending'), 0),
    'steps_in_flight', (
      select count(*)
      from found f
      join stepbase.step_runs s on s.run_id = f.id and s.status = 'running'
      where f.status <> 'pending'
    ),
    'is_complete', not coalesce(bool_or(c.is_cut), false)
  )
  into v_status
  from counted c;
  return v_status;
end;
$$;

comment on function stepbase_private.incident_status(uuid) is 'Implements stepbase.incident_status.';
grant execute on function stepbase_private.incident_status(uuid) to authenticated, service_role;

create function stepbase.incident_status(switch_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.incident_status(incident_status.switch_id);
$$;

comment on function stepbase.incident_status(uuid) is
  'How far a switch has drained its scope: {switch_id, is_on, open_runs, waiting_runs, steps_in_flight, is_complete}. It '
  'counts at most 10000 runs of each status; is_complete is false if there are more. Requires run:read. Errors: SB401, SB403, SB404.';
grant execute on function stepbase.incident_status(uuid) to authenticated, service_role;
