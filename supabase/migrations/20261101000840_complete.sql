-- complete: handlers returned. One call serves steps of many runs. A result belongs to a step run that the
-- worker claimed, or to a step that it executed eagerly: after another result of the same call, or as the
-- first step of a pending run.

create function stepbase_engine.complete(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_fences int[],
  p_inputs jsonb[],
  p_outputs jsonb[],
  p_handles text[],
  p_details jsonb[],
  p_eager_step_ids text[],
  p_after_step_ids text[],
  p_job_ids uuid[]
)
returns setof stepbase_engine.work
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
  v_claimed record;
  v_eager_results stepbase_engine.eager_result[];
  -- The steps that this call completed, and those of them whose edges are not resolved yet.
  v_completed uuid[];
  v_unresolved uuid[];
  v_jobs uuid[];
  v_events stepbase_engine.event[];
  v_parents uuid[];
  v_item_work stepbase_engine.work[];
  v_work stepbase_engine.work[];
begin
  -- Lock order: runs (2), then jobs (5, in end_tokens).
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  select w.* into v_claimed
  from stepbase_engine.write_results(
    'running', p_run_ids, p_step_run_ids, p_fences, p_inputs, p_outputs, p_handles, p_details
  ) w;
  v_completed := v_claimed.step_ids;
  v_unresolved := v_claimed.step_ids;
  v_jobs := v_claimed.job_ids;
  v_events := v_claimed.events;

  if array_remove(p_eager_step_ids, null) <> '{}' then
    select array_agg(
      row(
        r.run_id, r.step_id, r.after_id, r.input, r.output, r.handle, r.details, r.job_id
      )::stepbase_engine.eager_result order by r.ord
    )
    into v_eager_results
    from unnest(
      p_run_ids, p_eager_step_ids, p_after_step_ids, p_inputs, p_outputs, p_handles, p_details,
      p_job_ids
    ) with ordinality as r (run_id, step_id, after_id, input, output, handle, details, job_id, ord)
    where r.step_id is not null;
    select v_completed || e.step_run_ids, v_unresolved || e.unresolved_ids, v_events || e.events, v_jobs || e.job_ids
    into v_completed, v_unresolved, v_events, v_jobs
    from stepbase_engine.complete_eagerly(v_completed, v_eager_results) e;
  end if;

  if cardinality(p_run_ids)
    > coalesce(cardinality(v_completed || v_claimed.item_ids || v_claimed.compensation_ids || v_claimed.tool_ids), 0)
  then
    return query
    select null::uuid, r.run_id, null::text, null::uuid, null::uuid, null::text, 0, 0, 0
    from unnest(p_run_ids) as r (run_id)
    group by r.run_id
    having count(*) > (
      select count(*) from stepbase.step_runs s
      where s.run_id = r.run_id
        and s.id = any(v_completed || v_claimed.item_ids || v_claimed.compensation_ids || v_claimed.tool_ids)
    );
    if v_events is null then
      return;
    end if;
  end if;

  -- A finished item starts the next one; the last one completes the for_each step.
  if v_claimed.item_ids is not null then
    select a.parents, v_events || a.events, a.work
    into v_parents, v_events, v_item_work
    from stepbase_engine.advance_items(v_claimed.item_ids, true, v_completed) a;
    v_unresolved := v_unresolved || v_parents;
  end if;
  if exists (select 1 from unnest(p_details) as d (details) where d.details ? 'emit') then
    perform stepbase_engine.emit_from_steps(v_events);
  end if;
  select array_agg(w) into v_work from stepbase_engine.resolve_edges(v_unresolved, v_events, true) w;
  v_work := coalesce(v_item_work, '{}') || coalesce(v_work, '{}');
  if v_claimed.compensated_runs is not null then
    perform stepbase_engine.continue_compensation(v_claimed.compensated_runs);
  end if;
  if v_claimed.tool_ids is not null then
    perform stepbase_engine.record_tool_results(v_claimed.tool_ids);
  end if;
  -- The token of a chain carries the next step.
  if cardinality(v_jobs) = 1 and cardinality(v_work) = 1 and v_jobs[1] = (v_work[1]).job_id then
    return next v_work[1];
    return;
  end if;
  perform stepbase_engine.end_tokens(array(
    select j.id from unnest(v_jobs) as j (id)
    except
    select w.job_id from unnest(v_work) as w
  ));
  return query select w.* from unnest(v_work) as w;
end;
$$;

comment on function stepbase_engine.complete(
  uuid[], uuid[], int[], jsonb[], jsonb[], text[], jsonb[], text[], text[], uuid[]
) is
  'Completes steps, by position: run, step run and fence, resolved config, output, chosen handle, and details for the '
  'event (an object or null). An eagerly executed step has no step run and no fence: p_eager_step_ids names it, '
  'p_after_step_ids the step that it follows ('''' for the first step of a pending run, whose token is in p_job_ids). '
  'Returns the next steps of the same tokens. Results with a stale fence and invalid eager results change nothing: a row '
  'with fence 0 names the run of each.';
