-- end_runs: runs end early, as failed, cancelled or timed_out. Their open steps are cancelled, their tokens
-- end, and the results of workers that still execute one of the steps are refused. A run with completed
-- steps that have a compensation ends after its compensations (*_compensation.sql).

create function stepbase_engine.stop_steps(p_run_ids uuid[], p_actor_id uuid)
returns table (events stepbase_engine.event[], job_ids uuid[])
language sql
set search_path = ''
as $$
  with stopped as (
    update stepbase.step_runs s
    set
      status = 'cancelled', completed_at = greatest(stepbase_engine.now(), s.started_at),
      updated_at = stepbase_engine.now()
    where s.run_id = any(p_run_ids) and s.status in ('pending', 'ready', 'running', 'waiting')
    returning s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id
  ),
  stopped_call as (
    update stepbase.agent_tool_calls c
    set
      status = 'cancelled', completed_at = stepbase_engine.now(),
      error = jsonb_build_object('code', 'cancelled', 'message', 'The run of the agent ended')
    where c.run_id = any(p_run_ids) and c.completed_at is null
  )
  select
    coalesce(
      array_agg(
        stepbase_engine.step_event(
          'step.cancelled', s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, 'cancelled',
          p_actor_id => p_actor_id
        ) order by s.run_id, s.step_id, s.item_index
      ),
      '{}'
    ),
    coalesce(array_agg(distinct s.job_id) filter (where s.job_id is not null), '{}')
  from stopped s;
$$;

comment on function stepbase_engine.stop_steps(uuid[], uuid) is
  'Cancels the open and pending steps of runs. Returns their events, which the caller must append and which leave '
  'open_steps to it, and the tokens that carried them, which it must end. The caller has locked the runs.';

create function stepbase_engine.close_runs(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid, p_step_events stepbase_engine.event[]
)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_events stepbase_engine.event[];
  v_ended uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  with ended as (
    update stepbase.runs r
    set
      status = p_status,
      error = p_error,
      started_at = coalesce(r.started_at, v_now),
      completed_at = greatest(v_now, r.started_at),
      open_steps = 0,
      updated_at = v_now
    where r.id = any(p_run_ids) and r.status in ('pending', 'running', 'paused')
    returning r.id, r.app_code
  )
  select
    array_agg(
      stepbase_engine.run_event(
        'run.' || p_status, e.id, e.app_code, p_status, p_actor_id,
        jsonb_strip_nulls(jsonb_build_object('error', p_error))
      ) order by e.id
    ),
    array_agg(e.id)
  into v_events, v_ended
  from ended e;

  perform stepbase_engine.append_events(p_step_events || v_events);
  perform stepbase_engine.announce_ended(v_ended);
  return v_ended;
end;
$$;

comment on function stepbase_engine.close_runs(uuid[], text, jsonb, uuid, stepbase_engine.event[]) is
  'Gives open runs their final status and error, appends the given events of their steps and the end, and announces it; '
  'returns the ids of those that were open. The caller has locked the runs and stopped their steps.';

create function stepbase_engine.end_runs(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid default null,
  p_compensate boolean default true
)
returns setof uuid
language plpgsql
set search_path = ''
as $$
declare
  v_open uuid[];
  v_compensating uuid[];
  v_events stepbase_engine.event[];
  v_jobs uuid[];
begin
  -- Lock order: runs (2), the backlog (3), then jobs (5, in end_tokens).
  perform 1 from stepbase.runs r
  where r.id = any(p_run_ids) order by r.id for no key update;
  -- Waits for an admission of one of them that is in progress. The runs keep their concurrency slots until
  -- they have ended: see release_run_slots.
  delete from stepbase_engine.run_backlog b where b.run_id = any(p_run_ids);

  select
    array_agg(r.id order by r.id),
    array_agg(r.id order by r.id)
      filter (
        where p_compensate and r.status <> 'pending' and stepbase_engine.next_compensation(r.id) is not null
      )
  into v_open, v_compensating
  from stepbase.runs r
  where r.id = any(p_run_ids) and r.status in ('pending', 'running', 'paused') and r.pending_outcome is null;
  if v_open is null then
    return;
  end if;

  select s.events, s.job_ids into v_events, v_jobs from stepbase_engine.stop_steps(v_open, p_actor_id) s;
  if v_compensating is not null then
    v_events := v_events || stepbase_engine.begin_compensation(v_compensating, p_status, p_error, p_actor_id);
  end if;
  perform stepbase_engine.close_runs(
    array(select o from unnest(v_open) as o where o <> all(coalesce(v_compensating, '{}'))),
    p_status, p_error, p_actor_id, v_events
  );
  perform stepbase_engine.end_tokens(v_jobs);
  perform stepbase_engine.tell_end(v_open, p_status, p_error, p_compensate);
  -- Workers that listen stop the handlers of these runs at once.
  perform pg_notify('stepbase', 'cancel:' || e.id::text)
  from unnest(v_open) as e (id);
  if v_compensating is not null then
    -- Children must not continue work that their parent compensates.
    perform stepbase_engine.announce_ended(v_compensating);
    perform stepbase_engine.continue_compensation(v_compensating);
  end if;
  return query select unnest(v_open);
end;
$$;

comment on function stepbase_engine.end_runs(uuid[], text, jsonb, uuid, boolean) is
  'Ends those of the given runs that are open as failed, cancelled or timed_out, with error {code, message, …} and the '
  'user who caused it (null for the engine). A run with steps to compensate first compensates them, unless p_compensate is '
  'false. Returns the ids of the runs that ended or will end; runs that compensate already are left alone.';
