-- complete: handlers returned; one call serves steps of many runs. An answer is for a step run that
-- the worker holds, or for a step that it ran ahead of the answer it follows, or of its run's start.

create function stepbase_engine.complete(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_claims int[],
  p_inputs jsonb[],
  p_outputs jsonb[],
  p_handles text[],
  p_details jsonb[],
  p_ahead_step_ids text[],
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
  v_ahead stepbase_engine.eager_result[];
  v_done uuid[];
  -- Those of them that have edges to be followed still.
  v_open uuid[];
  v_items uuid[];
  v_parents uuid[];
  v_item_work stepbase_engine.work[];
  v_jobs uuid[];
  v_refused uuid[];
  v_undone uuid[];
  v_undone_runs uuid[];
  v_events stepbase_engine.event[];
  v_work stepbase_engine.work[];
  v_now timestamptz := stepbase_engine.now();
begin
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  select array_agg(
    row(
      a.run_id, a.step_id, a.after_id, a.input, a.output, a.handle, a.details, a.job_id
    )::stepbase_engine.eager_result order by a.ord
  )
  into v_ahead
  from unnest(
    p_run_ids, p_ahead_step_ids, p_after_step_ids, p_inputs, p_outputs, p_handles, p_details,
    p_job_ids
  ) with ordinality as a (run_id, step_id, after_id, input, output, handle, details, job_id, ord)
  where a.step_id is not null;

  with answer as (
    select a.*
    from unnest(p_step_run_ids, p_claims, p_inputs, p_outputs, p_handles, p_details)
      with ordinality as a (id, claim, input, output, handle, details, ord)
  ),
  -- An answer to an attempt that was taken over, cancelled or answered before changes nothing.
  done as (
    update stepbase.step_runs s
    set
      status = 'completed', input = a.input, output = a.output, handle = a.handle,
      completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from answer a
    where s.id = a.id and s.id = any(p_step_run_ids)
      and s.status = 'running' and s.claim = a.claim
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id, s.output, s.handle,
      a.details, a.ord
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
    join stepbase.runs r on r.id = d.run_id and r.id = any(p_run_ids)
    where d.item_index = 0
  )
  select
    array_agg(d.id order by d.ord) filter (where d.item_index = 0),
    array_agg(d.id order by d.ord) filter (where d.item_index > 0),
    array_agg(d.id) filter (where d.item_index = -1),
    array_agg(distinct d.run_id) filter (where d.item_index = -1),
    array_agg(distinct d.job_id),
    array_agg(
      row(
        d.run_id, d.app_code, 'step.completed', d.step_id, d.item_index, d.attempt, 'completed',
        -1, (d.item_index = 0)::int, (d.item_index = 0)::int, null,
        coalesce(d.details, '{}')
        || case when d.handle is null then '{}'::jsonb
          else jsonb_build_object('handle', d.handle) end
      )::stepbase_engine.event order by d.ord
    )
  into v_done, v_items, v_undone, v_undone_runs, v_jobs, v_events
  from done d;

  v_open := v_done;
  if v_ahead is not null then
    select v_done || a.ids, v_open || a.open_ids, v_events || a.events, v_jobs || a.job_ids
    into v_done, v_open, v_events, v_jobs
    from stepbase_engine.complete_eagerly(v_done, v_ahead, v_now) a;
  end if;
  if cardinality(p_run_ids)
    > coalesce(cardinality(v_done || v_items || v_undone), 0)
  then
    select array_agg(r.run_id)
    into v_refused
    from (
      select a.run_id
      from unnest(p_run_ids) as a (run_id)
      group by a.run_id
      having count(*) > (
        select count(*) from stepbase.step_runs s
        where s.id = any(v_done || v_items || v_undone) and s.run_id = a.run_id
      )
    ) r;
    return query
    select null::uuid, r.run_id, null::text, null::uuid, null::uuid, null::text, 0, 0, 0
    from unnest(v_refused) as r (run_id);
    if v_events is null then
      return;
    end if;
  end if;
  if v_items is not null then
    select a.parents, v_events || a.events, a.work
    into v_parents, v_events, v_item_work
    from stepbase_engine.advance_items(v_items, true, v_done) a;
    v_open := v_open || v_parents;
  end if;
  if exists (select 1 from unnest(p_details) as d (details) where d.details ? 'emit') then
    perform stepbase_engine.emit_from_steps(v_events);
  end if;
  select array_agg(w) into v_work from stepbase_engine.resolve_edges(v_open, v_events, true) w;
  v_work := coalesce(v_item_work, '{}') || coalesce(v_work, '{}');
  if v_undone_runs is not null then
    perform stepbase_engine.continue_compensation(v_undone_runs);
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
'Completes step runs that this worker carries: resolved config, output, chosen handle and details for the event '
'(an object or null) per step; returns the steps that their tokens go on with. A step '
'that ran ahead has no step run and no claim, but its id and that of the step it follows; they are null for others. '
'Stale claims and proposals with a flaw change nothing; a row with claim 0 names the run of each.';
