-- start_runs: many runs of one version, written together: one insert for the runs, one for their events, one for their
-- tokens, and one for those that wait in the backlog. start_run documents the rules that both follow.

create type stepbase_engine.new_run as (
  id uuid,
  input jsonb,
  idempotency_key text,
  priority smallint,
  tags text[],
  metadata jsonb,
  start_at timestamptz
);

comment on type stepbase_engine.new_run is 'What start_runs writes for one run; the caller chooses the id.';

create function stepbase_engine.enqueue_runs(p_app_code text, p_workflow_id uuid, p_runs stepbase_engine.new_run[])
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_limits record;
  v_is_first boolean;
  v_direct int := 0;
  v_now_queued uuid[];
begin
  -- Each run has a line of its own.
  if (select w.has_flow_controls from stepbase.workflows w where w.id = p_workflow_id) then
    perform stepbase_engine.enqueue_run(r, true)
    from unnest(p_runs) with ordinality n
    cross join lateral (select o.* from stepbase.runs o where o.id = n.id limit 1) r
    order by n.ordinality;
    return;
  end if;
  select l.workflow_limit, l.queue_limit into v_limits from stepbase_engine.limits_of(p_workflow_id) l;
  v_is_first := not exists (
    select 1 from stepbase_engine.run_backlog b
    where b.app_code = p_app_code
      and b.workflow_limit = coalesce(v_limits.workflow_limit, c_none)
      and b.queue_limit = coalesce(v_limits.queue_limit, c_none)
  );
  if v_is_first and v_limits.workflow_limit is null and v_limits.queue_limit is null then
    v_direct := stepbase_engine.queue_capacity(p_app_code);
  end if;
  v_now_queued := array(
    select r.id from unnest(p_runs) with ordinality r
    order by r.priority desc, r.ordinality
    limit v_direct
  );
  if cardinality(p_runs) > cardinality(v_now_queued) then
    perform stepbase_engine.check_waiting_runs(p_app_code, cardinality(p_runs) - cardinality(v_now_queued));
    insert into stepbase_engine.run_backlog (run_id, app_code, workflow_limit, queue_limit, priority)
    select
      r.id, p_app_code, coalesce(v_limits.workflow_limit, c_none), coalesce(v_limits.queue_limit, c_none), r.priority
    from unnest(p_runs) with ordinality r
    where r.id <> all(v_now_queued)
    order by r.ordinality;
    if v_limits.workflow_limit is not null or v_limits.queue_limit is not null then
      update stepbase.runs r set is_limited = true where r.id in (select n.id from unnest(p_runs) n);
    end if;
    if v_is_first then
      perform pg_notify('stepbase', 'admit');
    end if;
  end if;
  perform stepbase_engine.create_tokens(
    array(select stepbase_engine.new_id() from unnest(v_now_queued)), v_now_queued,
    cardinality(p_runs) > cardinality(v_now_queued)
  );
end;
$$;

comment on function stepbase_engine.enqueue_runs(text, uuid, stepbase_engine.new_run[]) is
  'What enqueue_run does, for new runs of one workflow without a parent: the most urgent ones get tokens as far as the '
  'queue has room and no limit applies, the others enter the backlog. Raises SB429 when more than max_waiting_runs of the '
  'application would wait.';

create function stepbase_engine.open_runs_left(p_app_code text)
returns int
language sql
stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  select q.max_open_runs - (
    select count(*)::int
    from (
      select 1 from stepbase.runs r
      where r.app_code = p_app_code and r.status in ('pending', 'running', 'paused')
      limit q.max_open_runs
    ) r
  )
  from stepbase.app_quotas q
  where q.app_code = p_app_code;
$$;

comment on function stepbase_engine.open_runs_left(text) is
  'How many more runs of the application may be open; null without a quota.';

create function stepbase_engine.start_runs(
  p_app_code text,
  p_workflow_version_id uuid,
  p_runs stepbase_engine.new_run[],
  p_trigger_type text,
  p_created_by uuid
)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_version record;
  v_new uuid[];
  v_queued stepbase_engine.new_run[];
begin
  select
    v.workflow_id, v.steps_total, w.execution_timeout_seconds, w.searchable_inputs,
    stepbase_engine.engine_of(w.app_code, w.execution_engine, w.task_queue_id) as execution_engine
  into strict v_version
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where v.id = p_workflow_version_id and v.app_code = p_app_code;

  with made as (
    insert into stepbase.runs (
      id, app_code, workflow_id, workflow_version_id, trigger_type, priority, input, metadata, idempotency_key,
      trace_id, created_by, execution_engine, steps_total, event_seq, deadline_at, tags, start_at, held_by, created_at,
      updated_at
    )
    select
      r.id, p_app_code, v_version.workflow_id, p_workflow_version_id, p_trigger_type, r.priority, r.input, r.metadata,
      r.idempotency_key,
      coalesce(
        case when r.metadata ? 'traceparent' then stepbase_engine.trace_of(r.metadata) end,
        replace(stepbase_engine.new_id()::text, '-', '')
      ),
      p_created_by, v_version.execution_engine, v_version.steps_total, 1,
      v_now + v_version.execution_timeout_seconds * interval '1 second', nullif(r.tags, '{}'), r.start_at,
      case when r.start_at > v_now then 'start_at' end, v_now, v_now
    from unnest(p_runs) with ordinality r
    order by r.ordinality
    on conflict (app_code, idempotency_key) where idempotency_key is not null do nothing
    returning id
  )
  select array_agg(m.id) into v_new from made m;
  if v_new is null then
    return '{}';
  end if;

  perform stepbase_engine.write_run_values(v_new, v_version.searchable_inputs);
  insert into stepbase.run_events (run_id, seq, created_at, app_code, event_type, actor_id, payload)
  select
    r.id, 1, v_now, p_app_code, 'run.created', p_created_by,
    jsonb_build_object('trigger_type', p_trigger_type) || coalesce(stepbase_private.machine_actor(), '{}')
    || case when r.start_at is null then '{}' else jsonb_build_object('start_at', r.start_at) end
  from unnest(p_runs) r
  where r.id = any(v_new);
  perform stepbase_engine.note_changes((
    select jsonb_agg(jsonb_build_object(
      'run_id', n.id, 'seq_from', 1, 'is_status', true, 'steps', '[]'::jsonb, 'has_more', false
    ))
    from unnest(v_new) n (id)
  ));

  if exists (select 1 from unnest(p_runs) r where r.start_at > v_now and r.id = any(v_new)) then
    -- They have been written, so they count.
    perform stepbase_engine.check_waiting_runs(p_app_code, 0);
    perform pg_notify('stepbase', 'due');
  end if;
  select array_agg(
    (r.id, r.input, r.idempotency_key, r.priority, r.tags, r.metadata, r.start_at)::stepbase_engine.new_run
    order by r.ordinality
  )
  into v_queued
  from unnest(p_runs) with ordinality r
  where r.id = any(v_new) and (r.start_at is null or r.start_at <= v_now);
  if v_queued is not null then
    perform stepbase_engine.enqueue_runs(p_app_code, v_version.workflow_id, v_queued);
  end if;
  if to_regproc('net.http_post') is not null then
    perform stepbase_engine.request_worker();
  end if;
  return v_new;
end;
$$;

comment on function stepbase_engine.start_runs(text, uuid, stepbase_engine.new_run[], text, uuid) is
  'Writes pending runs of a workflow version and puts them into the queue or the backlog, or holds them until their '
  'start_at. Returns the ids of the runs that it started; it starts none for an idempotency key that the app, or an earlier '
  'element, has used. The caller has checked the inputs and the quotas. Raises SB429 if too many runs would wait.';
