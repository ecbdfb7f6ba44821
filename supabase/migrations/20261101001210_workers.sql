-- Worker registry: workers send heartbeats, and maintenance marks the silent ones as lost. Operators read it; the
-- engine does not depend on it, because expired leases return the steps of a crashed worker to the queue. The workers
-- of compiled projects, which execute one application in Temporal, report here too.

create function stepbase_engine.project_id(p_app_code text, p_project text)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  v_id uuid;
begin
  if p_project is null then
    return null;
  end if;
  select p.id into v_id from stepbase.projects p where p.app_code = p_app_code and p.name = p_project;
  if not found then
    perform stepbase_private.raise_error('not_found', format('Project %s does not exist', p_project));
  end if;
  return v_id;
end;
$$;

comment on function stepbase_engine.project_id(text, text) is
  'The id of a project of an application by its name; null without a name. Errors: SB404 unknown project.';

create function stepbase_engine.heartbeat(p_worker jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into stepbase.workers as w (
    app_code, project_id, worker_id, mode, task_queue_name, status, hostname, version, executing, concurrency, metadata,
    error_message, last_heartbeat_at, started_at, stopped_at, created_at, updated_at
  )
  select
    p.app_code, stepbase_engine.project_id(p.app_code, p.project), p.worker_id, p.mode, coalesce(p.task_queue, '*'),
    p.status, p.hostname, p.version, coalesce(p.executing, 0), p.concurrency,
    coalesce(p.metadata, '{}'), p.error_message, stepbase_engine.now(), stepbase_engine.now(),
    case when not s.is_alive then stepbase_engine.now() end, stepbase_engine.now(), stepbase_engine.now()
  from jsonb_to_record(p_worker) as p (
    app_code text, project text, worker_id text, mode text, task_queue text, status text, hostname text, version text,
    executing int, concurrency int, metadata jsonb, error_message text
  )
  join stepbase.worker_statuses s on s.name = p.status
  on conflict (worker_id) do update
  set
    app_code = excluded.app_code,
    project_id = excluded.project_id,
    mode = excluded.mode,
    task_queue_name = excluded.task_queue_name,
    status = excluded.status,
    version = excluded.version,
    executing = excluded.executing,
    concurrency = excluded.concurrency,
    metadata = excluded.metadata,
    error_message = excluded.error_message,
    last_heartbeat_at = excluded.last_heartbeat_at,
    stopped_at = case when excluded.stopped_at is not null then greatest(excluded.stopped_at, w.started_at) end
  -- An application can register any name: a worker of Stepbase takes its own name back.
  where (excluded.app_code is null or w.app_code = excluded.app_code)
    -- Invocations share a row. A heartbeat with an unchanged status writes at most every 4 seconds.
    and (
      w.mode <> 'invocation'
      or w.app_code is not null
      or w.status <> excluded.status
      or w.last_heartbeat_at < stepbase_engine.now() - interval '4 seconds'
    );
$$;

comment on function stepbase_engine.heartbeat(jsonb) is
  'Stores the state of a worker: {worker_id, mode: resident|invocation, status, hostname?, version?, '
  'executing?, concurrency?, metadata?, error_message?}. A worker calls it at start, with each maintenance '
  'round, and at shutdown. A worker of one application adds {app_code, project?, task_queue?}; project: its name. Errors: '
  'SB404 unknown project.';

create function stepbase_engine.expire_workers(
  p_silence interval default '90 seconds', p_keep interval default '7 days', p_keep_at_most int default 1000
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_lost int;
  v_pruned int;
begin
  -- A resident worker sends a heartbeat at least every 40 seconds. Invocations run on demand; after ten times
  -- p_silence they count as stopped, not as lost.
  update stepbase.workers w
  set
    status = case w.mode when 'invocation' then 'stopped' else 'lost' end,
    stopped_at = case w.mode when 'invocation' then greatest(w.last_heartbeat_at, w.started_at) end,
    executing = 0
  from stepbase.worker_statuses s
  where s.name = w.status
    and s.is_alive
    and w.last_heartbeat_at < stepbase_engine.now() - case w.mode when 'invocation' then 10 * p_silence else p_silence end;
  get diagnostics v_lost = row_count;

  -- Deletes workers that stopped long ago, and the oldest of more than p_keep_at_most.
  with deleted as (
    delete from stepbase.workers w
    where w.id in (
      select d.id
      from (
        select
          x.id, x.last_heartbeat_at, row_number() over (order by x.last_heartbeat_at desc) as position
        from stepbase.workers x
        join stepbase.worker_statuses s on s.name = x.status
        where not s.is_alive
      ) d
      where d.last_heartbeat_at < stepbase_engine.now() - p_keep or d.position > p_keep_at_most
    )
    returning 1
  )
  select count(*) into v_pruned from deleted;
  return jsonb_build_object('lost', v_lost, 'pruned', v_pruned);
end;
$$;

comment on function stepbase_engine.expire_workers(interval, interval, int) is
  'Marks workers without a heartbeat for p_silence as lost (invocations: for ten times p_silence, as '
  'stopped). Deletes ended workers after p_keep and all but the newest p_keep_at_most. Returns {lost, '
  'pruned}.';

create function stepbase_engine.longest_lease()
returns interval
language sql
stable
set search_path = ''
as $$
  select greatest(
    interval '1 minute',
    (
      select max((w.metadata ->> 'lease_seconds')::int) * interval '1 second'
      from stepbase.workers w
      -- The workers of applications have no leases, and report what they like.
      where w.app_code is null and w.last_heartbeat_at > stepbase_engine.now() - interval '1 day'
    )
  );
$$;

comment on function stepbase_engine.longest_lease() is
  'The longest lease of the workers of Stepbase that sent a heartbeat within a day; at least the default of one minute.';
