-- Why an open step does not continue: its predecessors, a slot of its task queue, the queue, a lease, a pause, or its
-- wait (*_explain_waits.sql). explain_step chooses by the status; a new reason is one function and one line there.

create function stepbase_engine.missing_token(p_what text, p_since timestamptz)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'token_missing',
    format(
      'The %s has no job in the queue; maintenance gives it a new one, next at %s.', p_what,
      stepbase_engine.time_text(n.at)
    ),
    p_since, n.at
  )
  from (select date_trunc('minute', stepbase_engine.now()) + interval '1 minute' as at) n;
$$;

comment on function stepbase_engine.missing_token(text, timestamptz) is
  'Reason token_missing: a fault outside the engine removed the job. The sweep of stepbase_engine.maintain repairs it '
  'each minute.';

create function stepbase_engine.explain_token(p_app_code text, p_job_id uuid, p_since timestamptz, p_what text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_token record;
  v_silence interval;
begin
  select t.* into v_token from stepbase_engine.token_state(p_app_code, p_job_id) t;
  if v_token.state = 'missing' then
    return stepbase_engine.missing_token(p_what, p_since);
  end if;
  if v_token.state = 'queued' then
    return stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'queued',
        stepbase_engine.place_text(v_token.place, v_token.total, 1000) || ' of the jobs of the application in the queue.',
        p_since, null, jsonb_build_object('place', v_token.place, 'total', least(v_token.total, 1000))
      ),
      p_app_code
    );
  end if;
  v_silence := now() - v_token.renewed_at;
  if v_silence > stepbase_engine.longest_lease() then
    return stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'lease_expired',
        format(
          'The worker that executes the %s has been silent for %s; another one gets its job within a minute.', p_what,
          stepbase_engine.duration_text(v_silence)
        ),
        v_token.renewed_at, null,
        jsonb_build_object('leased_at', v_token.leased_at, 'renewed_at', v_token.renewed_at)
      ),
      p_app_code
    );
  end if;
  return stepbase_engine.reason(
    'executing',
    format(
      'A worker executes the %s and renewed its lease %s ago.', p_what, stepbase_engine.duration_text(v_silence)
    ),
    v_token.leased_at, null,
    jsonb_build_object('leased_at', v_token.leased_at, 'renewed_at', v_token.renewed_at)
  );
end;
$$;

comment on function stepbase_engine.explain_token(text, uuid, timestamptz, text) is
  'Reason from the state of a token: token_missing, queued (or no_worker), lease_expired, executing.';

create function stepbase_engine.explain_held_step(p_step stepbase.step_runs, p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'held_by_pause',
    case p_step.status
      when 'ready' then 'The run is paused; the step starts when the run is resumed.'
      else 'The run is paused; the timer of the step fires when the run is resumed.'
    end,
    p_run.paused_at
  )
  where p_run.status = 'paused' and (
    p_step.status = 'ready'
    or (p_step.status = 'waiting' and coalesce(p_step.wake_at <= stepbase_engine.now(), p_step.wait_kind in ('delay', 'retry')))
  );
$$;

comment on function stepbase_engine.explain_held_step(stepbase.step_runs, stepbase.runs) is
  'Reason held_by_pause: only the pause of its run keeps the step from continuing. Null if that is not so.';

create function stepbase_engine.explain_pending_step(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'predecessors',
    format('Waits for the result of %s.', coalesce(string_agg(p.step, ', ' order by p.step), 'earlier steps')),
    p_step.created_at, null, jsonb_build_object('predecessors', jsonb_agg(p.step order by p.step))
  )
  from (
    select distinct e.source_node_id as step
    from stepbase.workflow_edges e
    where e.workflow_version_id = p_step.workflow_version_id and e.target_node_id = p_step.step_id
      and not exists (
        select 1 from stepbase.step_runs s
        where s.run_id = p_step.run_id and s.step_id = e.source_node_id and s.item_index = 0
          and s.status in ('completed', 'skipped', 'failed') and (s.status <> 'failed' or s.context_version is not null)
      )
  ) p;
$$;

comment on function stepbase_engine.explain_pending_step(stepbase.step_runs) is
  'Reason predecessors: the steps before it that have no result yet.';

create function stepbase_engine.explain_step_backlog(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
set jit = off
as $$
  select stepbase_engine.needs_slot(
    'task_queue_steps',
    stepbase_engine.place_text(a.steps + 1, t.steps, 10000) || format(' for a slot of task queue %s', q.name),
    p.slots, q.max_concurrent_activities, p_step.updated_at, p_step.app_code,
    jsonb_build_object(
      'task_queue', q.name, 'place', case when a.steps <= 10000 then a.steps + 1 end, 'total', least(t.steps, 10000)
    )
  )
  from stepbase_engine.step_backlog b
  join stepbase.task_queues q on q.id = b.queue_id
  cross join lateral (
    select count(*) as steps
    from (
      (
        select 1 from stepbase_engine.step_backlog o
        where o.queue_id = b.queue_id and o.priority > b.priority
        limit 10001
      )
      union all
      (
        select 1 from stepbase_engine.step_backlog o
        where o.queue_id = b.queue_id and o.priority = b.priority and o.arrival < b.arrival
        limit 10001
      )
    ) c
  ) a
  cross join lateral (
    select count(*) as steps
    from (select 1 from stepbase_engine.step_backlog o where o.queue_id = b.queue_id limit 10001) c
  ) t
  cross join lateral (
    select count(*) as slots
    from (select 1 from stepbase_engine.step_slots s where s.queue_id = b.queue_id limit 10001) c
  ) p
  where b.step_run_id = p_step.id;
$$;

comment on function stepbase_engine.explain_step_backlog(stepbase.step_runs) is
  'Reason task_queue_steps: the place of a step in the line for a slot of its task queue, and the busy slots, each counted up '
  'to 10,000. Null if it is not in a line.';

create function stepbase_engine.explain_ready_step(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    stepbase_engine.explain_step_backlog(p_step),
    case when p_step.job_id is null then stepbase_engine.missing_token('step', p_step.updated_at) end,
    stepbase_engine.explain_token(p_step.app_code, p_step.job_id, p_step.updated_at, 'step')
  );
$$;

comment on function stepbase_engine.explain_ready_step(stepbase.step_runs) is
  'Why a ready step has not started: it needs a slot, or its token waits for a worker or is missing.';

create function stepbase_engine.explain_step(p_step stepbase.step_runs, p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'step', p_step.step_id,
    'step_run_id', p_step.id,
    'type', p_step.step_type,
    'item', case when p_step.item_index > 0 then p_step.item_index end,
    'is_compensation', case when p_step.item_index = -1 then true end,
    'tool', case when p_step.item_index < -1 then (
      select c.tool from stepbase.agent_tool_calls c
      where c.run_id = p_step.run_id and c.app_code = p_step.app_code and c.step_id = p_step.step_id
        and p_step.item_index in (c.tool_item_index, c.approval_item_index)
    ) end,
    'attempt', p_step.attempt,
    'status', p_step.status
  )) || coalesce(
    stepbase_engine.explain_held_step(p_step, p_run),
    case when p_run.execution_engine is not null then stepbase_engine.explain_temporal_step(p_step, p_run) end,
    case p_step.status
      when 'pending' then stepbase_engine.explain_pending_step(p_step)
      when 'ready' then coalesce(
        stepbase_engine.explain_switch(p_run, false), stepbase_engine.explain_ready_step(p_step)
      )
      when 'running' then stepbase_engine.explain_token(p_step.app_code, p_step.job_id, p_step.started_at, 'step')
      when 'waiting' then stepbase_engine.explain_wait(p_step)
    end
  );
$$;

comment on function stepbase_engine.explain_step(stepbase.step_runs, stepbase.runs) is
  'One open step of a run with its reason: {step, step_run_id, type, item?, is_compensation?, tool?, attempt, status, code, sentence, '
  'since, until, …facts}.';
