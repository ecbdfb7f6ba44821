-- The mirror of Temporal: what the history of a workflow says becomes transitions of the engine's own functions, so
-- that rows, events, counters, messages and the following steps are those of every other run.
--
-- The bridge translates history events into entries {kind, node, item, attempt, …}, the records of temporal/records.ts
-- and three kinds of its own: entered (an activity was scheduled), closed (the workflow closed) and continued (it
-- continued as new). A batch of entries and the id of its last event commit together: each event counts once.

create function stepbase_engine.enter_step(
  p_run_id uuid, p_step_id text, p_item_index int, p_attempt int, out step stepbase.step_runs, out is_entered boolean
)
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := stepbase_engine.now();
begin
  -- After a retry or a wait, the row is ready again first, as the transitions demand.
  update stepbase.step_runs s
  set status = 'ready', wait_kind = null, wake_at = null, deadline_at = null, updated_at = v_now
  where s.run_id = p_run_id and s.step_id = p_step_id and s.item_index = p_item_index and s.attempt = p_attempt
    and s.status = 'waiting' and s.wait_kind = 'retry';
  update stepbase.step_runs s
  set
    status = 'running', job_id = coalesce(s.job_id, stepbase_engine.new_id()), fence = s.fence + 1,
    started_at = coalesce(s.started_at, v_now), updated_at = v_now
  where s.run_id = p_run_id and s.step_id = p_step_id and s.item_index = p_item_index and s.attempt = p_attempt
    and s.status = 'ready'
  returning s.* into step;
  is_entered := found;
  if not is_entered then
    select s.* into step from stepbase.step_runs s
    where s.run_id = p_run_id and s.step_id = p_step_id and s.item_index = p_item_index and s.attempt = p_attempt;
  end if;
end;
$$;

comment on function stepbase_engine.enter_step(uuid, text, int, int) is
  'Sets a ready attempt of a step, or one that waits for its retry, to running without an event. Returns the row, null if the '
  'engine has not created it, and whether it changed. The caller has locked the run.';

create function stepbase_engine.append_entered(p_step stepbase.step_runs)
returns void
language sql
set search_path = ''
as $$
  select stepbase_engine.append_events(array[
    stepbase_engine.step_event(
      'step.started', p_step.run_id, p_step.app_code, p_step.step_id, p_step.item_index, p_step.attempt, 'running',
      p_payload => jsonb_build_object('fence', p_step.fence)
    )
  ]);
$$;

comment on function stepbase_engine.append_entered(stepbase.step_runs) is 'Writes step.started for a step that was entered.';

create function stepbase_engine.complete_mirrored(p_step stepbase.step_runs, p_entry jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_done record;
  v_unresolved uuid[];
  v_parents uuid[];
  v_events stepbase_engine.event[];
begin
  select w.* into v_done
  from stepbase_engine.write_results(
    p_step.status, array[p_step.run_id], array[p_step.id], array[p_step.fence], array[p_entry -> 'input'],
    array[coalesce(p_entry -> 'output', 'null')], array[p_entry ->> 'handle'], array[p_entry -> 'details']
  ) w;
  if v_done.events is null then
    return;
  end if;
  v_unresolved := coalesce(v_done.step_ids, '{}');
  v_events := v_done.events;
  if v_done.item_ids is not null then
    select a.parents, v_events || a.events into v_parents, v_events
    from stepbase_engine.advance_items(v_done.item_ids, false, v_unresolved) a;
    v_unresolved := v_unresolved || v_parents;
  end if;
  if p_entry -> 'details' ? 'emit' then
    perform stepbase_engine.emit_from_steps(v_events);
  end if;
  perform stepbase_engine.resolve_edges(v_unresolved, v_events, false);
  if v_done.compensated_runs is not null then
    perform stepbase_engine.continue_compensation(v_done.compensated_runs);
  end if;
  if v_done.tool_ids is not null then
    perform stepbase_engine.record_tool_results(v_done.tool_ids);
  end if;
end;
$$;

comment on function stepbase_engine.complete_mirrored(stepbase.step_runs, jsonb) is
  'Completes a running step, or one whose delay is over, with {output, handle?, input?, details?}. The next steps are ready '
  'and wait for Temporal. The caller has locked the run.';

create function stepbase_engine.mirror_step(p_run_id uuid, p_entry jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_entered record;
  v_step stepbase.step_runs;
  v_error jsonb;
begin
  select e.* into v_entered
  from stepbase_engine.enter_step(
    p_run_id, p_entry ->> 'node', (p_entry ->> 'item')::int, (p_entry ->> 'attempt')::int
  ) e;
  v_step := v_entered.step;
  if v_step.id is null then
    return false;
  end if;

  if p_entry ->> 'kind' = 'completed' then
    if v_step.status = 'running' or (v_step.status = 'waiting' and v_step.wait_kind in ('delay', 'tools')) then
      if v_entered.is_entered then
        -- A step that starts and completes in one transaction has one event for both.
        p_entry := jsonb_set(
          p_entry, '{details}',
          coalesce(p_entry -> 'details', '{}') || jsonb_build_object('started_at', stepbase_engine.now())
        );
      end if;
      perform stepbase_engine.complete_mirrored(v_step, p_entry);
    end if;
    return true;
  end if;

  if v_entered.is_entered then
    perform stepbase_engine.append_entered(v_step);
  end if;
  if v_step.status <> 'running' then
    return true;
  end if;
  if p_entry ->> 'kind' = 'waiting' then
    perform stepbase_engine.wait(
      array[p_run_id], array[v_step.id], array[v_step.fence], array[p_entry -> 'input'], array[p_entry -> 'wait']
    );
    perform stepbase_engine.leave_timers_to_temporal(array[p_run_id]);
  elsif p_entry ->> 'kind' = 'failed' then
    v_error := p_entry -> 'error';
    perform stepbase_engine.fail(
      array[p_run_id], array[v_step.id], array[v_step.fence], array[p_entry -> 'input'],
      array[v_error || jsonb_build_object('decided', jsonb_strip_nulls(jsonb_build_object(
        'retries', p_entry ? 'retry_at', 'retry_at', p_entry -> 'retry_at'
      )))]
    );
    perform stepbase_engine.leave_timers_to_temporal(array[p_run_id]);
  end if;
  return true;
end;
$$;

comment on function stepbase_engine.mirror_step(uuid, jsonb) is
  'Applies an entry about a step: entered, completed, waiting or failed. An attempt that was cancelled or has ended is left '
  'alone; false: the engine has no such attempt. The caller has locked the run.';

create function stepbase_engine.close_mirror(p_run_id uuid, p_entry jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  update stepbase.temporal_runs t set closed_at = stepbase_engine.now() where t.run_id = p_run_id;
  delete from stepbase_engine.temporal_commands c where c.run_id = p_run_id;
  select r.* into strict v_run from stepbase.runs r where r.id = p_run_id;
  -- Nothing executes its steps any more, so it compensates nothing.
  if v_run.pending_outcome is not null then
    perform stepbase_engine.stop_compensation(array[p_run_id]);
  elsif v_run.completed_at is null then
    perform stepbase_engine.end_runs(
      array[p_run_id], 'failed',
      jsonb_build_object('code', p_entry ->> 'code', 'message', p_entry ->> 'message'), p_compensate => false
    );
  end if;
  update stepbase.workflow_compilations c
  set
    execution_count = c.execution_count + 1,
    avg_execution_duration_ms = (
      (c.avg_execution_duration_ms::numeric * c.execution_count + coalesce(r.duration_ms, 0)) / (c.execution_count + 1)
    )::int,
    last_executed_at = r.completed_at,
    temporal_workflow_id = r.id::text
  from stepbase.temporal_runs t
  join stepbase.runs r on r.id = t.run_id
  where t.run_id = p_run_id and c.id = t.compilation_id;
end;
$$;

comment on function stepbase_engine.close_mirror(uuid, jsonb) is
  'The workflow of a run has closed: a run that is open fails with {code, message} of the entry, without compensation. Counts '
  'the execution in workflow_compilations. The caller has locked the run.';

create function stepbase_engine.mirror_temporal(
  p_run_id uuid, p_temporal_run_id text, p_after bigint, p_upto bigint, p_entries jsonb, p_problem text default null
)
returns table (is_applied boolean, temporal_run_id text, last_event_id bigint, unmatched int)
language plpgsql
set search_path = ''
set jit = off
as $$
#variable_conflict use_column
declare
  v_position stepbase.temporal_runs;
  v_entry jsonb;
  v_unmatched jsonb[] := '{}';
  v_next_run_id text;
begin
  -- Lock order: runs (2).
  perform 1 from stepbase.runs r where r.id = p_run_id for no key update;
  select t.* into v_position from stepbase.temporal_runs t where t.run_id = p_run_id for update;
  if not found or v_position.closed_at is not null
    or coalesce(v_position.temporal_run_id, p_temporal_run_id) <> p_temporal_run_id
    or v_position.last_event_id <> p_after
  then
    return query select false, v_position.temporal_run_id, v_position.last_event_id, 0;
    return;
  end if;
  perform set_config('stepbase.mirrored_run', p_run_id::text, true);

  for v_entry in select e from jsonb_array_elements(p_entries) as e loop
    case v_entry ->> 'kind'
      when 'closed' then perform stepbase_engine.close_mirror(p_run_id, v_entry);
      when 'continued' then v_next_run_id := v_entry ->> 'temporal_run_id';
      when 'ended' then
        perform stepbase_engine.end_runs(array[p_run_id], v_entry ->> 'status', v_entry -> 'error');
      else
        if not stepbase_engine.mirror_step(p_run_id, v_entry) then
          v_unmatched := v_unmatched || v_entry;
        end if;
    end case;
  end loop;
  -- An activity may be scheduled before the record that makes its step ready: once more, after all of them.
  foreach v_entry in array v_unmatched loop
    if stepbase_engine.mirror_step(p_run_id, v_entry) then
      v_unmatched := array_remove(v_unmatched, v_entry);
    end if;
  end loop;

  update stepbase.temporal_runs t
  set
    temporal_run_id = coalesce(v_next_run_id, p_temporal_run_id),
    last_event_id = case when v_next_run_id is null then p_upto else 0 end,
    mirrored_at = stepbase_engine.now(),
    problem = case when v_unmatched = '{}' then left(p_problem, 1000) else format(
      'Temporal executed a step that the run does not have: %s', v_unmatched[1] ->> 'node'
    ) end
  where t.run_id = p_run_id;
  perform set_config('stepbase.mirrored_run', '', true);
  if p_entries <> '[]' then
    -- No worker publishes the change to Redis.
    perform stepbase_engine.notify_run(v_position.app_code, p_run_id);
  end if;
  return query
  select true, t.temporal_run_id, t.last_event_id, cardinality(v_unmatched)
  from stepbase.temporal_runs t where t.run_id = p_run_id;
end;
$$;

comment on function stepbase_engine.mirror_temporal(uuid, text, bigint, bigint, jsonb, text) is
  'Applies the entries of the history events after p_after up to p_upto of an execution, and stores the position with them. '
  'Nothing is applied if the mirror is at another position: the answer names it. p_problem: what keeps the workflow from '
  'its next step, for explain_run. unmatched: entries about attempts that the '
  'engine does not have. Locks the run.';

create function stepbase_engine.fail_temporal_run(p_run_id uuid, p_code text, p_message text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform 1 from stepbase.runs r where r.id = p_run_id for no key update;
  perform set_config('stepbase.mirrored_run', p_run_id::text, true);
  perform stepbase_engine.close_mirror(
    p_run_id, jsonb_build_object('code', p_code, 'message', left(p_message, 4000))
  );
  perform set_config('stepbase.mirrored_run', '', true);
end;
$$;

comment on function stepbase_engine.fail_temporal_run(uuid, text, text) is
  'Fails a run that the bridge cannot start or mirror, and ends its mirror. The bridge terminates the workflow.';

create function stepbase_engine.enter_activity(p_run_id uuid, p_step_id text, p_item_index int, p_attempt int)
returns setof stepbase_engine.work
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_entered record;
  v_step stepbase.step_runs;
begin
  -- A locked run is asked for again: activities ask for several runs in one statement, in any order.
  select r.* into v_run from stepbase.runs r where r.id = p_run_id for no key update skip locked;
  if v_run.id is null then
    return;
  end if;
  if v_run.completed_at is null then
    select e.* into v_entered from stepbase_engine.enter_step(p_run_id, p_step_id, p_item_index, p_attempt) e;
    v_step := v_entered.step;
    if v_entered.is_entered then
      perform stepbase_engine.append_entered(v_step);
    end if;
  end if;
  if v_run.completed_at is not null or v_step.status in ('cancelled', 'completed', 'failed', 'skipped') then
    return next row(
      null::uuid, p_run_id, v_run.app_code, v_run.workflow_version_id, null::uuid, p_step_id, p_item_index, p_attempt, 0
    )::stepbase_engine.work;
    return;
  end if;
  if v_step.status = 'running' then
    return next row(
      v_step.job_id, v_step.run_id, v_step.app_code, v_step.workflow_version_id, v_step.id, v_step.step_id,
      v_step.item_index, v_step.attempt, v_step.fence
    )::stepbase_engine.work;
  end if;
end;
$$;

comment on function stepbase_engine.enter_activity(uuid, text, int, int) is
  'For an activity that needs the row of its attempt: enters it and returns it. Fence 0: the run or the attempt has ended. No '
  'row: the bridge has not mirrored what comes before it, or another transaction holds the run; ask again.';
