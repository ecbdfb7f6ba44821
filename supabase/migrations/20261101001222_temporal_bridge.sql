-- What the bridge to Temporal takes from the database: starts and other commands, and the runs that it follows.

create function stepbase_engine.start_temporal_runs(p_run_ids uuid[], p_namespace text)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_locked uuid[];
  v_started uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  -- Lock order: runs (2), skipping locked ones: their starts are taken by the next call.
  v_locked := array(
    select l.id
    from (
      select r.id from stepbase.runs r
      where r.id = any(p_run_ids) and r.status = 'pending' and r.held_by is null
      order by r.id for no key update skip locked
    ) l
  );
  if exists (select 1 from stepbase.incident_switches i where i.released_at is null) then
    -- They request their start again when the switch is released.
    delete from stepbase_engine.temporal_commands c
    where c.run_id = any(v_locked) and c.kind = 'start' and stepbase_engine.is_suspended(c.run_id, true);
    perform stepbase_engine.suspend_starts(v_locked);
  end if;

  with started as (
    insert into stepbase.temporal_runs (run_id, app_code, namespace, task_queue, workflow_type, compilation_id)
    select
      r.id, r.app_code, replace(p_namespace, '{app}', r.app_code),
      'stepbase-' || r.app_code || '-' || c.temporal_workflow_type,
      c.temporal_workflow_type, c.id
    from stepbase.runs r
    -- A version that is not compiled waits until it is.
    join stepbase.workflow_compilations c
      on c.workflow_version_id = r.workflow_version_id and c.is_active and c.temporal_workflow_type is not null
    where r.id = any(v_locked)
      and exists (select 1 from stepbase_engine.temporal_commands s where s.run_id = r.id and s.kind = 'start')
      and not exists (select 1 from stepbase_engine.run_backlog b where b.run_id = r.id)
      and not exists (select 1 from stepbase_engine.flow_backlog f where f.run_id = r.id)
    on conflict on constraint temporal_runs_pkey do nothing
    returning run_id
  )
  select array_agg(s.run_id order by s.run_id) into v_started from started s;
  if v_started is null then
    return;
  end if;

  -- The first steps. Those of a rerun from a step are ready already.
  with root as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, job_id, limited_by, created_at, updated_at
    )
    select
      r.id, r.app_code, r.workflow_version_id, e.target_id, e.step_type, 'ready', stepbase_engine.new_id(), e.limited_by,
      v_now, v_now
    from stepbase.runs r
    join stepbase_engine.plan_edges e on e.workflow_version_id = r.workflow_version_id and e.source_id = ''
    where r.id = any(v_started) and r.rerun_from_step is null
    returning run_id, app_code, step_id
  )
  select array_agg(x.event order by x.run_id, x.place, x.step_id) into strict v_events
  from (
    select
      r.id as run_id, 0 as place, '' as step_id,
      stepbase_engine.run_event('run.started', r.id, r.app_code, 'running') as event
    from stepbase.runs r where r.id = any(v_started)
    union all
    select
      t.run_id, 1, t.step_id,
      stepbase_engine.step_event('step.ready', t.run_id, t.app_code, t.step_id, 0, 1, 'ready', p_open_delta => 1)
    from root t
  ) x;
  perform stepbase_engine.append_events(v_events);
end;
$$;

comment on function stepbase_engine.start_temporal_runs(uuid[], text) is
  'Starts those of these pending runs whose start is requested, whose version is compiled and that nothing holds: writes their '
  'first steps as ready, and where they execute (namespace: p_namespace with the application for {app}). Suspended runs enter the '
  'backlog. Skips locked runs.';

create function stepbase_engine.temporal_start(p_run_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'workflow_type', t.workflow_type,
    'args', jsonb_strip_nulls(jsonb_build_object(
      'run', jsonb_build_object(
        'id', r.id, 'app_code', r.app_code, 'workflow', w.kebab_name, 'version', v.version,
        'workflow_version_id', r.workflow_version_id, 'trace_id', r.trace_id,
        'traceparent', r.metadata -> 'traceparent', 'created_at', r.created_at
      ),
      'taken', (
        select jsonb_agg(
          jsonb_build_object('node', s.step_id, 'status', s.status, 'is_compensable', s.fence > 0)
          || case when s.handle is null then '{}' else jsonb_build_object('handle', s.handle) end
          || case when s.error is null then '{}' else jsonb_build_object('error', s.error) end
          || case when s.status = 'completed' then jsonb_build_object('output', s.output) else '{}' end
          order by s.context_version, s.step_id
        )
        from stepbase.step_runs s
        where r.rerun_from_step is not null and s.run_id = r.id and s.item_index = 0
          and s.status in ('completed', 'skipped', 'failed') and s.created_at <= t.created_at
      )
    )) || jsonb_build_object('input', r.input)
  )
  from stepbase.runs r
  join stepbase.temporal_runs t on t.run_id = r.id
  join stepbase.workflow_versions v on v.id = r.workflow_version_id
  join stepbase.workflows w on w.id = r.workflow_id
  where r.id = p_run_id;
$$;

comment on function stepbase_engine.temporal_start(uuid) is
  'What the bridge needs to start the workflow of a run: {workflow_type, args}, with the StartArgs of temporal/records.ts.';

create function stepbase_engine.apps_with_commands()
returns setof text
language sql
stable
set search_path = ''
set jit = off
as $$
  -- A loose index scan over the applications, without reading their commands.
  with recursive app as (
    (select c.app_code from stepbase_engine.temporal_commands c order by c.app_code limit 1)
    union all
    select n.app_code
    from app a
    cross join lateral (
      select c.app_code from stepbase_engine.temporal_commands c
      where c.app_code > a.app_code
      order by c.app_code
      limit 1
    ) n
  )
  select a.app_code from app a;
$$;

comment on function stepbase_engine.apps_with_commands() is 'The applications that have commands for Temporal.';

create function stepbase_engine.take_temporal_commands(
  p_namespace text, p_limit int default 100, p_lease interval default '30 seconds'
)
returns table (
  id bigint, run_id uuid, app_code text, namespace text, task_queue text, kind text, payload jsonb, attempts int
)
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := stepbase_engine.now();
  v_apps text[];
  -- For each application, so that one with many commands does not delay the others.
  v_share int;
  v_starts uuid[];
  v_ids bigint[];
begin
  -- One bridge at a time: the commands of a run have to leave in their order.
  if not pg_try_advisory_xact_lock(hashtext('stepbase.take_temporal_commands')) then
    return;
  end if;
  v_apps := array(select a from stepbase_engine.apps_with_commands() a);
  v_share := greatest(p_limit / greatest(cardinality(v_apps), 1), 1);
  v_starts := array(
    select s.run_id
    from unnest(v_apps) as a (app_code)
    cross join lateral (
      select c.run_id, c.id from stepbase_engine.temporal_commands c
      where c.app_code = a.app_code and c.kind = 'start' and (c.leased_until is null or c.leased_until <= v_now)
      order by c.id
      limit v_share
    ) s
    order by s.id
  );
  if v_starts <> '{}' then
    perform stepbase_engine.start_temporal_runs(v_starts, p_namespace);
    -- Runs that ended or were paused before they started; resume_run requests the start again.
    delete from stepbase_engine.temporal_commands c
    where c.run_id = any(v_starts) and c.kind = 'start'
      and (select r.status from stepbase.runs r where r.id = c.run_id) <> 'pending'
      and not exists (select 1 from stepbase.temporal_runs t where t.run_id = c.run_id);
    -- Runs that are not compiled or locked: they do not keep the others from their place in the list.
    update stepbase_engine.temporal_commands c
    set leased_until = v_now + interval '2 seconds'
    where c.run_id = any(v_starts) and c.kind = 'start'
      and not exists (select 1 from stepbase.temporal_runs t where t.run_id = c.run_id);
  end if;

  select array_agg(t.id) into v_ids
  from unnest(v_apps) as a (app_code)
  cross join lateral (
    select c.id from stepbase_engine.temporal_commands c
    join stepbase.temporal_runs x on x.run_id = c.run_id and x.app_code = c.app_code
    where c.app_code = a.app_code and (c.leased_until is null or c.leased_until <= v_now)
      and not exists (
        select 1 from stepbase_engine.temporal_commands e
        where e.run_id = c.run_id and e.app_code = c.app_code and e.id < c.id and e.leased_until > v_now
      )
    order by c.id
    limit v_share
  ) t;
  return query
  with leased as (
    update stepbase_engine.temporal_commands c
    set leased_until = v_now + p_lease, attempts = c.attempts + 1
    where c.id = any(v_ids)
    returning c.*
  )
  select
    l.id, l.run_id, l.app_code, x.namespace, x.task_queue, l.kind,
    case l.kind when 'start' then stepbase_engine.temporal_start(l.run_id) else l.payload end, l.attempts
  from leased l
  join stepbase.temporal_runs x on x.run_id = l.run_id
  order by l.id;
end;
$$;

comment on function stepbase_engine.take_temporal_commands(text, int, interval) is
  'Leases about p_limit commands to a bridge, the same number of each application; it delivers those of a run in the order of '
  'their ids and confirms each. The payload of a start is temporal_start(). A command whose run has an earlier leased one '
  'waits. Returns nothing while another bridge takes commands.';

create function stepbase_engine.confirm_temporal_commands(p_ids bigint[])
returns void
language sql
set search_path = ''
as $$
  delete from stepbase_engine.temporal_commands c where c.id = any(p_ids);
$$;

comment on function stepbase_engine.confirm_temporal_commands(bigint[]) is 'Deletes commands that Temporal has accepted.';

create function stepbase_engine.postpone_temporal_commands(p_run_id uuid, p_by interval, p_problem text)
returns void
language sql
set search_path = ''
as $$
  with postponed as (
    update stepbase_engine.temporal_commands c set leased_until = stepbase_engine.now() + p_by
    where c.id = (
      select f.id from stepbase_engine.temporal_commands f where f.run_id = p_run_id order by f.id limit 1
    )
  ),
  returned as (
    update stepbase_engine.temporal_commands c set leased_until = null
    where c.run_id = p_run_id and c.id > (
      select f.id from stepbase_engine.temporal_commands f where f.run_id = p_run_id order by f.id limit 1
    )
  )
  update stepbase.temporal_runs t set problem = left(p_problem, 1000) where t.run_id = p_run_id;
$$;

comment on function stepbase_engine.postpone_temporal_commands(uuid, interval, text) is
  'The bridge could not deliver the first command of a run: it is taken again after p_by, and the others after it. p_problem: why.';

create function stepbase_engine.open_temporal_runs(p_after uuid default null, p_limit int default 1000)
returns table (run_id uuid, app_code text, namespace text, temporal_run_id text, last_event_id bigint)
language sql
stable
set search_path = ''
as $$
  select t.run_id, t.app_code, t.namespace, t.temporal_run_id, t.last_event_id
  from stepbase.temporal_runs t
  where t.closed_at is null and (p_after is null or t.run_id > p_after)
    -- Not before Temporal has accepted the start.
    and not exists (
      select 1 from stepbase_engine.temporal_commands c
      where c.run_id = t.run_id and c.app_code = t.app_code and c.kind = 'start'
    )
  order by t.run_id
  limit p_limit;
$$;

comment on function stepbase_engine.open_temporal_runs(uuid, int) is
  'The runs whose workflows are open, by id after p_after, with the position of the mirror. A bridge that starts follows them.';

create function stepbase_engine.temporal_namespaces(p_namespace text)
returns setof text
language sql
stable
set search_path = ''
as $$
  select distinct replace(p_namespace, '{app}', c.app_code)
  from stepbase.workflow_compilations c
  where c.is_active and c.temporal_workflow_type is not null;
$$;

comment on function stepbase_engine.temporal_namespaces(text) is
  'The namespaces of the applications with compiled versions. The bridge registers them, so that workers can start before the '
  'first run.';

create function stepbase_engine.report_bridge(p_bridge jsonb)
returns void
language sql
set search_path = ''
as $$
  with gone as (
    delete from stepbase_engine.temporal_bridges b
    where b.last_heartbeat_at < stepbase_engine.now() - interval '1 day' or b.bridge_id = p_bridge ->> 'stopped_id'
  )
  insert into stepbase_engine.temporal_bridges as b (bridge_id, address, version, facts, started_at, last_heartbeat_at)
  select
    p_bridge ->> 'bridge_id', p_bridge ->> 'address', p_bridge ->> 'version', coalesce(p_bridge -> 'facts', '{}'),
    stepbase_engine.now(), stepbase_engine.now()
  where p_bridge ? 'bridge_id'
  on conflict (bridge_id) do update
  set address = excluded.address, version = excluded.version, facts = excluded.facts,
    last_heartbeat_at = excluded.last_heartbeat_at;
$$;

comment on function stepbase_engine.report_bridge(jsonb) is
  'The heartbeat of a bridge: {bridge_id, address, version, facts?}, at least every 20 seconds; at its end: {stopped_id}. '
  'Forgets bridges that have been silent for a day.';
