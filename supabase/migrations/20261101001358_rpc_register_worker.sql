-- The RPC by which workers of an application's own code make themselves known. Stepbase's own workers and those of
-- compiled projects write stepbase.workers by stepbase_engine.heartbeat. See rpc_runs for the pattern.

create function stepbase_private.register_worker(p_worker stepbase.workers, p_project text)
returns stepbase.workers
language plpgsql
security definer
set search_path = ''
as $$
declare
  c_most constant int := 500;
  v_app_code constant text := stepbase_private.require_permission('run:execute');
  v_worker stepbase.workers;
  v_project_id constant uuid := stepbase_engine.project_id(v_app_code, p_project);
  v_now timestamptz := stepbase_engine.now();
begin
  if coalesce(length(btrim(p_worker.worker_id)), 0) not between 1 and 255 then
    perform stepbase_private.raise_error('invalid_request', 'worker_id must have 1 to 255 characters');
  end if;
  if not exists (select 1 from stepbase.worker_statuses s where s.name = p_worker.status) then
    perform stepbase_private.raise_error('invalid_request', format('There is no worker status %s', p_worker.status));
  end if;
  if octet_length(p_worker.metadata::text) > 16384 or jsonb_typeof(p_worker.metadata) <> 'object' then
    perform stepbase_private.raise_error('invalid_request', 'metadata must be an object of at most 16,384 bytes');
  end if;
  if (
    select count(*) from (select 1 from stepbase.workers w where w.app_code = v_app_code limit c_most) w
  ) >= c_most and not exists (
    select 1 from stepbase.workers w where w.app_code = v_app_code and w.worker_id = p_worker.worker_id
  ) then
    perform stepbase_private.raise_error('limit_reached', format('The application has %s workers already', c_most));
  end if;
  insert into stepbase.workers as w (
    app_code, project_id, worker_id, task_queue_name, status, hostname, version, executing, concurrency, metadata,
    last_heartbeat_at, started_at, stopped_at
  )
  select
    v_app_code, v_project_id, p_worker.worker_id, coalesce(p_worker.task_queue_name, 'default'), s.name,
    left(p_worker.hostname, 255), left(p_worker.version, 100), greatest(p_worker.executing, 0), p_worker.concurrency,
    p_worker.metadata, v_now, v_now, case when s.name in ('stopped', 'error') then v_now end
  from stepbase.worker_statuses s
  where s.name = p_worker.status
  on conflict (worker_id) do update
  set
    project_id = excluded.project_id, task_queue_name = excluded.task_queue_name, status = excluded.status,
    hostname = excluded.hostname, version = excluded.version, executing = excluded.executing,
    concurrency = excluded.concurrency, metadata = excluded.metadata, last_heartbeat_at = excluded.last_heartbeat_at,
    stopped_at = case when excluded.stopped_at is not null then greatest(excluded.stopped_at, w.started_at) end
  where w.app_code = v_app_code
  returning w.* into v_worker;
  if v_worker.id is null then
    perform stepbase_private.raise_error('conflict', 'Another worker has this worker_id');
  end if;
  return v_worker;
end;
$$;

comment on function stepbase_private.register_worker(stepbase.workers, text) is
  'Implements stepbase.register_worker: the columns of p_worker that a worker may report.';
grant execute on function stepbase_private.register_worker(stepbase.workers, text) to authenticated;

create function stepbase.register_worker(
  worker_id text,
  task_queue text default 'default',
  project text default null,
  status text default 'running',
  executing int default 0,
  concurrency int default null,
  version text default null,
  hostname text default null,
  metadata jsonb default '{}'
)
returns stepbase.workers
language sql
set search_path = ''
as $$
  select stepbase_private.register_worker(
    jsonb_populate_record(
      null::stepbase.workers,
      jsonb_build_object(
        'worker_id', register_worker.worker_id, 'task_queue_name', register_worker.task_queue,
        'status', register_worker.status, 'executing', coalesce(register_worker.executing, 0),
        'concurrency', register_worker.concurrency, 'version', register_worker.version,
        'hostname', register_worker.hostname, 'metadata', coalesce(register_worker.metadata, '{}')
      )
    ),
    register_worker.project
  );
$$;

comment on function stepbase.register_worker(text, text, text, text, int, int, text, text, jsonb) is
  'Registers a worker of the application''s own code and returns its row; '
  'requires run:execute. A repeated call is its heartbeat: call it at least every 60 seconds, and with the status stopped at '
  'the end. project: the name of the project that it serves. worker_id: unique in the installation. executing and concurrency: '
  'how many steps it executes and may execute at a time. Errors: SB400 invalid argument, SB401, SB403, SB404 unknown project, '
  'SB409 the worker_id belongs to another application, SB429 500 workers.';
grant execute on function stepbase.register_worker(text, text, text, text, int, int, text, text, jsonb)
  to authenticated;
