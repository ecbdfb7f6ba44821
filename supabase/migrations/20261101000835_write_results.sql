-- write_results: completes steps; no other function does. The step run gets its output, which is the
-- next version of the run's context, and an event is built. complete, complete_waiting_steps and advance_items call
-- this and then follow the edges. (Eager steps have no step run yet: see complete_eagerly.)

create function stepbase_engine.write_results(
  p_from_status text,
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_fences int[],
  p_inputs jsonb[],
  p_outputs jsonb[],
  p_handles text[],
  p_details jsonb[] default null,
  p_job_ids uuid[] default null,
  p_event_type text default 'step.completed',
  p_actor_id uuid default null,
  p_uncounted uuid[] default null,
  out step_ids uuid[],
  out item_ids uuid[],
  out compensation_ids uuid[],
  out compensated_runs uuid[],
  out tool_ids uuid[],
  out job_ids uuid[],
  out events stepbase_engine.event[]
)
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
  v_now timestamptz := stepbase_engine.now();
  v_done record;
begin
  if array_remove(p_step_run_ids, null) = '{}' then
    return;
  end if;

  -- A single result, as of a run that is alone: the same as below. Starting the statement for many costs more than
  -- its work for one.
  if cardinality(p_step_run_ids) = 1 then
    update stepbase.step_runs s
    set
      status = 'completed',
      input = coalesce(p_inputs[1], s.input),
      output = p_outputs[1],
      handle = p_handles[1],
      context_version = case when s.item_index = 0 then
        (select r.context_version from stepbase.runs r where r.id = s.run_id)
        + case when p_uncounted is null then 0
            else (
              select count(*) from stepbase.step_runs u where u.id = any(p_uncounted) and u.run_id = s.run_id
            )
          end
        + 1
      end,
      job_id = coalesce(p_job_ids[1], s.job_id),
      completed_by = p_actor_id,
      completed_at = greatest(v_now, s.started_at),
      updated_at = v_now
    where s.id = p_step_run_ids[1]
      and s.run_id = any(p_run_ids)
      and s.status = p_from_status
      and (p_from_status = 'waiting' or s.fence = p_fences[1])
    returning s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id, s.handle
    into v_done;
    if v_done.id is null then
      return;
    end if;
    if v_done.item_index = 0 then
      step_ids := array[v_done.id];
    elsif v_done.item_index > 0 then
      item_ids := array[v_done.id];
    elsif v_done.item_index = -1 then
      compensation_ids := array[v_done.id];
      compensated_runs := array[v_done.run_id];
    else
      tool_ids := array[v_done.id];
    end if;
    job_ids := array[v_done.job_id];
    events := array[stepbase_engine.step_event(
      p_event_type, v_done.run_id, v_done.app_code, v_done.step_id, v_done.item_index, v_done.attempt, 'completed',
      p_open_delta => -1,
      p_done_delta => (v_done.item_index = 0)::int,
      p_context_delta => (v_done.item_index = 0)::int,
      p_actor_id => p_actor_id,
      p_payload => coalesce(p_details[1], '{}')
        || case when v_done.handle is null then '{}' else jsonb_build_object('handle', v_done.handle) end
    )];
    return;
  end if;

  with result as (
    select r.*
    from unnest(p_step_run_ids, p_fences, p_inputs, p_outputs, p_handles, p_details, p_job_ids)
      with ordinality as r (id, fence, input, output, handle, details, job_id, ord)
  ),
  -- matched: a result of an attempt that was taken over, cancelled or completed before changes nothing. The caller's
  -- locks of the runs keep the others as they are.
  matched as (
    select distinct on (s.id) r.*, s.run_id, s.item_index
    from result r
    join stepbase.step_runs s on s.id = r.id and s.id = any(p_step_run_ids)
    where s.status = p_from_status
      -- A waiting step has no worker, so its results carry no fence.
      and (p_from_status = 'waiting' or s.fence = r.fence)
    order by s.id, r.ord
  ),
  -- numbered: the next versions of the context, for the outputs of steps, but not those of items and compensations.
  numbered as (
    select
      m.*,
      case when m.item_index = 0 then
        r.context_version
        + case when p_uncounted is null then 0
            else (
              select count(*) from stepbase.step_runs u where u.id = any(p_uncounted) and u.run_id = m.run_id
            )
          end
        + count(*) filter (where m.item_index = 0) over (partition by m.run_id order by m.ord)
      end as context_version
    from matched m
    join stepbase.runs r on r.id = m.run_id and r.id = any(p_run_ids)
  ),
  done as (
    update stepbase.step_runs s
    set
      status = 'completed',
      input = coalesce(r.input, s.input),
      output = r.output,
      handle = r.handle,
      context_version = r.context_version,
      job_id = coalesce(r.job_id, s.job_id),
      completed_by = p_actor_id,
      completed_at = greatest(v_now, s.started_at),
      updated_at = v_now
    from numbered r
    where s.id = r.id and s.id = any(p_step_run_ids)
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id, s.handle, r.details, r.ord
  )
  select
    array_agg(d.id order by d.ord) filter (where d.item_index = 0),
    array_agg(d.id order by d.ord) filter (where d.item_index > 0),
    array_agg(d.id) filter (where d.item_index = -1),
    array_agg(distinct d.run_id) filter (where d.item_index = -1),
    array_agg(d.id order by d.ord) filter (where d.item_index < -1),
    array_agg(distinct d.job_id),
    array_agg(
      stepbase_engine.step_event(
        p_event_type, d.run_id, d.app_code, d.step_id, d.item_index, d.attempt, 'completed',
        p_open_delta => -1,
        p_done_delta => (d.item_index = 0)::int,
        p_context_delta => (d.item_index = 0)::int,
        p_actor_id => p_actor_id,
        p_payload => case when d.handle is null then coalesce(d.details, '{}')
          else coalesce(d.details, '{}') || jsonb_build_object('handle', d.handle) end
      ) order by d.ord
    )
  into step_ids, item_ids, compensation_ids, compensated_runs, tool_ids, job_ids, events
  from done d;
end;
$$;

comment on function stepbase_engine.write_results(
  text, uuid[], uuid[], int[], jsonb[], jsonb[], text[], jsonb[], uuid[], text, uuid, uuid[]
) is
  'Completes step runs: fence (for running steps), resolved config, output, handle, event details and token, by '
  'position; null keeps the config and the token. p_from_status is running or waiting; a step run with another status or '
  'another fence is left alone. p_run_ids names at least the runs of all of them. p_uncounted: step runs whose versions of '
  'this transaction runs.context_version does not count yet. Returns null arrays or the completed steps, items and '
  'compensations, the runs of the compensations, the tools of agents, the tokens of all, and their events, which the caller must append. The '
  'caller has locked the runs.';
