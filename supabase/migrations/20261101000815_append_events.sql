-- append_events: events get their seq, runs their counters and status, and messages are noted for subscribers; one
-- statement per batch. The caller holds the lock of every run.

-- run_output and announce_ended are in PL/pgSQL, which keeps their plans (see stepbase_private.app_code).
create function stepbase_engine.run_output(p_run_id uuid, p_workflow_version_id uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(n.node_id, s.output), '{}')
    from stepbase.workflow_nodes n
    -- Lateral: look-ups by step, however many results the run has.
    cross join lateral (
      select case o.status when 'failed' then jsonb_build_object('error', o.error) else o.output end as output
      from stepbase.step_runs o
      where o.run_id = p_run_id and o.step_id = n.node_id and o.item_index = 0
        and (o.status = 'completed' or o.context_version is not null)
      offset 0
    ) s
    where n.workflow_version_id = p_workflow_version_id and n.out_degree = 0
  );
end;
$$;

comment on function stepbase_engine.run_output(uuid, uuid) is
  'Returns the output of a run: the outputs of its end nodes, by node id.';

create function stepbase_engine.announce_ended(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  select r.app_code, 'run', r.id, 'run.ended'
  from stepbase.runs r
  where r.id = any(p_run_ids)
    and (
      exists (
        select 1 from stepbase.runs c where c.parent_run_id = r.id and c.completed_at is null
      )
      -- A run that compensates has not ended: only its children have to know.
      or (
        r.completed_at is not null
        and (
          r.parent_step_run_id is not null
          or r.canary_id is not null
          or exists (
            select 1 from stepbase.workflow_triggers t
            where t.source_workflow_id = r.workflow_id and t.app_code = r.app_code
          )
          -- Only runs that ended badly: other ends cost no look-up.
          or case when r.status in ('failed', 'timed_out') then exists (
            select 1 from stepbase.workflow_triggers t
            where t.app_code = r.app_code and t.event_name = 'run.' || r.status and t.source_workflow_id is null
          ) else false end
          or exists (
            select 1 from stepbase.work_queue_items i
            where i.taken_by_run_id = r.id and i.status = 'taken'
          )
          or exists (
            select 1 from stepbase.webhook_subscriptions s
            where s.app_code = r.app_code and s.is_enabled
              and 'run.' || r.status = any(s.event_types)
              and (s.workflow_id is null or s.workflow_id = r.workflow_id)
          )
          -- A worker exports traces and samples this one: its threshold is not above the last digits of the trace id.
          or exists (
            select 1 from stepbase.workers w
            where w.metadata ? 'traces'
              -- The workers of applications report what they like.
              and w.app_code is null
              -- Invocations are stopped most of the time.
              and (
                w.status in ('running', 'draining')
                or w.mode = 'invocation' and w.last_heartbeat_at > stepbase_engine.now() - interval '1 hour'
              )
              -- The caller of the run may have decided; the worker checks that.
              and (r.metadata ? 'traceparent' or w.metadata ->> 'traces' <= right(r.trace_id, 14) collate "C")
          )
          or case r.trigger_type
            when 'schedule' then stepbase_engine.is_awaited_by_schedule(r.metadata ->> 'schedule_id') else false
          end
        )
      )
    );
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
end;
$$;

comment on function stepbase_engine.announce_ended(uuid[]) is
  'Writes an outbox row run.ended for each run that ended, or started to compensate, if the relay has something to do: a '
  'step of a parent waits for the run, the run has open children, a trigger listens to its workflow, the run holds items '
  'of a work queue, belongs to a canary, a webhook subscription wants the event, a worker exports its trace, or a start '
  'of its schedule waits for it. A run that compensates is announced only for its children.';

create function stepbase_engine.append_events(p_events stepbase_engine.event[])
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
  c_steps constant int := 50;
  -- Events that a caller causes. Within a call, all others are consequences.
  c_called constant text[] := '{run.paused,run.resumed,run.cancelled,step.cancelled,signal.received,task.completed,'
    'task.claimed,task.released,task.delegated,task.commented,task.decided,compensation.started,'
    'run.edited,step.edited,run.continued}';
  v_machine constant jsonb := stepbase_private.machine_actor();
  v_changes jsonb;
  v_completed uuid[];
  v_runs uuid[] := array(select distinct e.run_id from unnest(p_events) as e);
  v_now timestamptz := stepbase_engine.now();
begin
  -- event: whether it enters a step, its position within the run, and whether a later event of the same step
  -- follows. Subscribers receive the state of a step at commit, not the states in between.
  with event as (
    select
      e.*,
      -- A step that starts and completes in one transaction has one event for both.
      e.event_type = 'step.started' or (e.event_type = 'step.completed' and e.payload ? 'started_at') as enters,
      row_number() over run as position_in_run,
      e.step_id is not null and e.status is not null and e.ord = max(e.ord) over (
        partition by e.run_id, e.step_id, e.item_index, e.attempt, e.status is null
      ) as is_final
    from unnest(p_events) with ordinality as e (
      run_id, app_code, event_type, step_id, item_index, attempt, status,
      open_delta, done_delta, context_delta, actor_id, payload, ord
    )
    window run as (partition by e.run_id order by e.ord)
  ),
  -- change: the sum of the deltas of each run.
  change as (
    select
      e.run_id,
      count(*) as events,
      sum(e.open_delta) as open_delta,
      sum(e.done_delta) as done_delta,
      sum(e.context_delta) as context_delta,
      -- The node most recently entered. The events are in order; sorting them again would dominate the cost.
      (array_agg(e.step_id) filter (where e.enters))[count(*) filter (where e.enters)] as current_step,
      bool_or(e.event_type = 'run.started') as starts
    from event e
    group by e.run_id
  ),
  -- outcome: whether the run completes, because its last open step was resolved. A run without open steps
  -- in which nothing was resolved was paused before it started; one that compensates ends elsewhere.
  outcome as (
    select
      c.*,
      o.open_steps + c.open_delta = 0 and (c.open_delta < 0 or c.done_delta > 0)
      and (o.status in ('running', 'paused') or c.starts) and o.pending_outcome is null as completes
    from change c
    cross join lateral (
      select r.open_steps, r.status, r.pending_outcome from stepbase.runs r where r.id = c.run_id limit 1
    ) o
  ),
  -- run: one update for everything. status is indexed, so each change of it adds an entry to every index.
  run as (
    update stepbase.runs r
    set
      open_steps = r.open_steps + c.open_delta,
      steps_completed = r.steps_completed + c.done_delta,
      context_version = r.context_version + c.context_delta,
      current_step = coalesce(c.current_step, r.current_step),
      event_seq = r.event_seq + c.events + c.completes::int,
      status = case when c.completes then 'completed' when c.starts then 'running' else r.status end,
      started_at = case when c.starts then v_now else r.started_at end,
      -- The execution timeout counts from the start, not from the creation.
      deadline_at = case
        when c.starts then r.deadline_at + (v_now - r.created_at) else r.deadline_at
      end,
      completed_at = case when c.completes then greatest(v_now, r.started_at) else r.completed_at end,
      output = case
        when c.completes then stepbase_engine.run_output(r.id, r.workflow_version_id) else r.output
      end,
      updated_at = v_now
    from outcome c
    -- The list as well: with any join order no other rows are read.
    where r.id = c.run_id and r.id = any(v_runs)
    returning
      r.id, r.app_code, r.event_seq, c.events, c.completes as is_complete
  ),
  -- sequenced: the events with their seqs; run.completed follows the events of the steps.
  sequenced as (
    select
      e.run_id, r.app_code, e.event_type, e.step_id, e.item_index, e.attempt, e.actor_id,
      case
        when v_machine is null or e.event_type <> all (c_called) then coalesce(e.payload, '{}')
        else coalesce(e.payload, '{}') || v_machine
      end as payload, e.status,
      r.event_seq - r.events - r.is_complete::int + e.position_in_run as seq,
      e.is_final, e.is_final and r.events - e.position_in_run < c_steps as is_sent
    from event e
    join run r on r.id = e.run_id
    union all
    select
      r.id, r.app_code, 'run.completed', null, null, null, null,
      '{}', 'completed', r.event_seq, false, false
    from run r
    where r.is_complete
  ),
  written as (
    insert into stepbase.run_events (
      run_id, seq, created_at, app_code, event_type, step_id, item_index, attempt, actor_id, payload
    )
    select
      s.run_id, s.seq, v_now, s.app_code, s.event_type, s.step_id, s.item_index, s.attempt,
      s.actor_id, s.payload
    from sequenced s
  ),
  -- change_of_run: its changed steps, only those of its newest events if they are too many for a message.
  change_of_run as (
    select
      s.run_id, min(s.seq) as seq_from,
      -- Lists of tasks hear of the run as well: a run that waits for a person keeps its status.
      bool_or(
        (s.step_id is null and starts_with(s.event_type, 'run.')) or starts_with(s.event_type, 'task.')
      ) as is_status,
      bool_or(s.is_final and not s.is_sent) as has_more,
      coalesce(
        jsonb_agg(
          jsonb_strip_nulls(jsonb_build_object(
            'step_id', s.step_id, 'item_index', s.item_index, 'attempt', s.attempt, 'status', s.status,
            'handle', s.payload -> 'handle', 'error', s.payload -> 'error'
          )) order by s.seq
        ) filter (where s.is_sent),
        '[]'
      ) as steps
    from sequenced s
    group by s.run_id
  )
  select
    jsonb_agg(jsonb_build_object(
      'run_id', c.run_id, 'seq_from', c.seq_from, 'is_status', c.is_status, 'steps', c.steps, 'has_more', c.has_more
    )),
    (select array_agg(r.id) from run r where r.is_complete)
  into v_changes, v_completed
  from change_of_run c;

  perform stepbase_engine.note_changes(v_changes);
  if v_completed is not null then
    perform stepbase_engine.announce_ended(v_completed);
  end if;
end;
$$;

comment on function stepbase_engine.append_events(stepbase_engine.event[]) is
  'Writes events, in the given order, with the next seqs of their runs. Applies their deltas to the runs, starts pending '
  'runs at their run.started, completes and announces runs that have no open step left, and notes the changes for '
  'messages. The caller has locked the runs.';

create function stepbase_engine.append_run_created(p_run stepbase.runs)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
begin
  insert into stepbase.run_events (run_id, seq, created_at, app_code, event_type, actor_id, payload)
  values (
    p_run.id, 1, p_run.created_at, p_run.app_code, 'run.created', p_run.created_by,
    jsonb_build_object('trigger_type', p_run.trigger_type) || coalesce(stepbase_private.machine_actor(), '{}')
    || case when p_run.start_at is null then '{}' else jsonb_build_object('start_at', p_run.start_at) end
  );
  perform stepbase_engine.note_changes(
    jsonb_build_array(jsonb_build_object(
      'run_id', p_run.id, 'seq_from', 1, 'is_status', true, 'steps', '[]'::jsonb, 'has_more', false
    ))
  );
end;
$$;

comment on function stepbase_engine.append_run_created(stepbase.runs) is
  'Writes run.created, the first event of a run that was just inserted with event_seq 1. A short form of '
  'append_events: every run needs it and it changes no counter.';
