-- complete_waiting_steps: the event that a step waits for has happened. New tokens carry the next steps.

create function stepbase_engine.complete_waiting_steps(
  p_step_run_ids uuid[],
  p_outputs jsonb[],
  p_handles text[],
  p_event_type text default 'step.completed',
  p_actor_id uuid default null
)
returns setof uuid
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_runs uuid[];
  v_results record;
  v_resolved uuid[];
  v_parents uuid[];
  v_events stepbase_engine.event[];
  v_completed uuid[];
begin
  -- Lock order: runs (2).
  select array_agg(l.id) into v_runs
  from (
    select r.id from stepbase.runs r
    where r.id in (select s.run_id from stepbase.step_runs s where s.id = any(p_step_run_ids))
    order by r.id for no key update
  ) l;

  select w.* into v_results
  from stepbase_engine.write_results(
    'waiting', v_runs, p_step_run_ids, null, null, p_outputs, p_handles,
    p_event_type => p_event_type, p_actor_id => p_actor_id
  ) w;
  if v_results.events is null then
    return;
  end if;
  v_resolved := coalesce(v_results.step_ids, '{}');
  v_events := v_results.events;
  v_completed := v_results.step_ids || v_results.item_ids || v_results.compensation_ids || v_results.tool_ids;
  perform stepbase_engine.tell_results(v_runs, v_completed);

  -- A finished item starts the next one; the last one completes the for_each step.
  if v_results.item_ids is not null then
    select a.parents, v_events || a.events
    into v_parents, v_events
    from stepbase_engine.advance_items(v_results.item_ids, false, v_resolved) a;
    v_resolved := v_resolved || v_parents;
  end if;
  perform stepbase_engine.resolve_edges(v_resolved, v_events, false);
  if v_results.compensated_runs is not null then
    perform stepbase_engine.continue_compensation(v_results.compensated_runs);
  end if;
  if v_results.tool_ids is not null then
    perform stepbase_engine.record_tool_results(v_results.tool_ids);
  end if;

  -- No worker publishes this change to Redis, so the relay does.
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  select distinct s.app_code, 'run', s.run_id, 'run.changed'
  from stepbase.step_runs s
  where s.id = any(v_completed);
  perform pg_notify('stepbase', 'outbox');
  return query select unnest(v_completed);
end;
$$;

comment on function stepbase_engine.complete_waiting_steps(uuid[], jsonb[], text[], text, uuid) is
  'Completes waiting step runs, by position: step run, output and handle (or null). p_event_type is the type of their '
  'events, p_actor_id the user who caused it (null for the engine). Returns the ids of those that were still waiting. '
  'Locks the runs.';
