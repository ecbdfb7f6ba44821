-- resolve_waiting: what a step waited for has come. New tokens carry on from it.

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
  v_done uuid[];
  v_items uuid[];
  v_parents uuid[];
  v_undone uuid[];
  v_undone_runs uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  perform 1 from stepbase.runs r
  where r.id in (select s.run_id from stepbase.step_runs s where s.id = any(p_step_run_ids))
  order by r.id for no key update;

  with answer as (
    select a.*
    from unnest(p_step_run_ids, p_outputs, p_handles)
      with ordinality as a (id, output, handle, ord)
  ),
  done as (
    update stepbase.step_runs s
    set
      status = 'completed', output = a.output, handle = a.handle, completed_by = p_actor_id,
      completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from answer a
    where s.id = a.id and s.status = 'waiting'
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.output, s.handle, a.ord
  ),
  patch as (
    insert into stepbase.run_context (
      run_id, version, app_code, step_id, step_run_id, patch, created_at
    )
    select
      d.run_id,
      r.context_version + row_number() over (partition by d.run_id order by d.ord),
      d.app_code, d.step_id, d.id, jsonb_build_object(d.step_id, d.output), v_now
    from done d
    join stepbase.runs r on r.id = d.run_id
    where d.item_index = 0
  )
  select
    array_agg(d.id order by d.ord) filter (where d.item_index = 0),
    array_agg(d.id order by d.ord) filter (where d.item_index > 0),
    array_agg(d.id) filter (where d.item_index = -1),
    array_agg(distinct d.run_id) filter (where d.item_index = -1),
    array_agg(
      row(
        d.run_id, d.app_code, p_event_type, d.step_id, d.item_index, d.attempt, 'completed',
        -1, (d.item_index = 0)::int, (d.item_index = 0)::int, p_actor_id,
        case when d.handle is null then '{}'::jsonb
          else jsonb_build_object('handle', d.handle) end
      )::stepbase_engine.event order by d.ord
    )
  into v_done, v_items, v_undone, v_undone_runs, v_events
  from done d;

  if v_events is not null then
    -- An item of a for_each makes room for the next one; the last one completes its parent.
    if v_items is not null then
      select a.parents, v_events || a.events
      into v_parents, v_events
      from stepbase_engine.advance_items(v_items, false, coalesce(v_done, '{}')) a;
    end if;
    perform stepbase_engine.resolve_edges(
      coalesce(v_done, '{}') || coalesce(v_parents, '{}'), v_events, false
    );
    if v_undone_runs is not null then
      perform stepbase_engine.continue_compensation(v_undone_runs);
    end if;
    -- The decision came from outside a worker: watchers beyond Realtime hear of it by the relay.
    insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
    select distinct s.app_code, 'run', s.run_id, 'run.changed'
    from stepbase.step_runs s
    where s.id = any(v_done || v_items || v_undone);
    perform pg_notify('stepbase', 'outbox');
  end if;
  return query select unnest(v_done || v_items || v_undone);
end;
$$;

comment on function stepbase_engine.complete_waiting_steps(uuid[], jsonb[], text[], text, uuid) is
'Completes waiting step runs with an output and a handle; returns the ids of those that were still waiting.';
