-- for_each: each element of a list becomes a step run of its own (item_index from 1). A bounded number of
-- items runs at a time. When an item finishes, its token carries the next one; the last item completes the
-- parent (item_index 0) with the results in the order of the list. The caller has locked the run.

create function stepbase_engine.expand_items(p_parent_ids uuid[], p_items jsonb[], p_concurrency int[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_per_token constant int := 16;
  v_tokens uuid[];
  v_token_runs uuid[];
  v_events stepbase_engine.event[];
  v_empty uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  update stepbase.step_runs s
  set
    items_total = jsonb_array_length(p.items),
    pending_in = jsonb_array_length(p.items),
    next_item = least(p.concurrency, jsonb_array_length(p.items)) + 1
  from unnest(p_parent_ids, p_items, p_concurrency) as p (id, items, concurrency)
  where s.id = p.id;

  with
  -- One row per element; those that start now and have no limit get a lane of 16 items, which is one token.
  item as (
    select
      s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type,
      s.limited_by, i.value, i.ord::int as item_index, i.ord < s.next_item as is_first,
      case when i.ord < s.next_item and s.limited_by is null then (i.ord - 1) / c_per_token end as lane
    from unnest(p_parent_ids, p_items) as p (id, items)
    join stepbase.step_runs s on s.id = p.id
    cross join lateral jsonb_array_elements(p.items) with ordinality as i (value, ord)
  ),
  -- One token per lane. Materialized, so that each id is generated once.
  token as materialized (
    select i.run_id, i.step_id, i.lane, stepbase_engine.new_id() as id
    from item i
    where i.lane is not null
    group by i.run_id, i.step_id, i.lane
  ),
  -- The step runs: the first ones are ready, the others pending until advance_items starts them.
  inserted as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, status, taken_in,
      job_id, limited_by, item, created_at, updated_at
    )
    select
      i.run_id, i.app_code, i.workflow_version_id, i.step_id, i.step_type, i.item_index,
      case when i.is_first then 'ready' else 'pending' end, 1, t.id, i.limited_by, i.value,
      v_now, v_now
    from item i
    left join token t on t.run_id = i.run_id and t.step_id = i.step_id and t.lane = i.lane
    returning run_id, app_code, step_id, item_index, status
  )
  select
    (select array_agg(t.id) from token t),
    (select array_agg(t.run_id) from token t),
    (
      select array_agg(
        stepbase_engine.step_event(
          'step.ready', i.run_id, i.app_code, i.step_id, i.item_index, 1, 'ready', p_open_delta => 1
        ) order by i.run_id, i.step_id, i.item_index
      )
      from inserted i
      where i.status = 'ready'
    )
  into v_tokens, v_token_runs, v_events;

  if v_events is not null then
    perform stepbase_engine.append_events(v_events);
    perform stepbase_engine.create_tokens(coalesce(v_tokens, '{}'), v_token_runs);
  end if;

  -- An empty list completes its parent at once.
  select array_agg(s.id) into v_empty
  from stepbase.step_runs s
  where s.id = any(p_parent_ids) and s.items_total = 0;
  if v_empty is not null then
    perform stepbase_engine.complete_waiting_steps(
      v_empty, array_fill('[]'::jsonb, array[cardinality(v_empty)]),
      array_fill(null::text, array[cardinality(v_empty)])
    );
  end if;
end;
$$;

comment on function stepbase_engine.expand_items(uuid[], jsonb[], int[]) is
  'Creates the items of waiting for_each steps (parallel arrays: parent step run, list, concurrency). The '
  'first items, as many as may run at a time, become ready and get tokens; an empty list completes its parent '
  'with [].';

create function stepbase_engine.advance_items(
  p_item_ids uuid[],
  p_carry boolean,
  p_uncounted uuid[],
  out parents uuid[],
  out events stepbase_engine.event[],
  out work stepbase_engine.work[]
)
language plpgsql
set search_path = ''
as $$
declare
  v_tokens uuid[];
  v_token_runs uuid[];
  v_finished uuid[];
  v_runs uuid[];
  v_results jsonb[];
  v_jobs uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  with
  -- The resolved items. The k-th one of a parent starts the k-th item after next_item, on the same token when
  -- the caller may carry work, the run is running and the step has no limit.
  finished as (
    select
      p.id as parent_id, p.next_item, p.items_total, i.run_id, i.step_id, i.job_id,
      p_carry and r.status = 'running' and i.limited_by is null and not h.is_suspended as is_carried, h.is_suspended,
      row_number() over (partition by p.id order by i.item_index) as position
    from stepbase.step_runs i
    join stepbase.step_runs p
      on p.run_id = i.run_id and p.step_id = i.step_id and p.item_index = 0 and p.status = 'waiting'
    join stepbase.runs r on r.id = i.run_id
    cross join lateral (
      select case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
        when 0 then false else stepbase_engine.is_suspended(i.run_id, false)
      end as is_suspended
    ) h
    where i.id = any(p_item_ids)
  ),
  -- The parents count the items that are left and move next_item on.
  parent as (
    update stepbase.step_runs p
    set
      pending_in = p.pending_in - f.finished,
      next_item = least(p.next_item + f.finished, p.items_total + 1),
      updated_at = v_now
    from (
      select f.parent_id, count(*)::int as finished from finished f group by f.parent_id
    ) f
    where p.id = f.parent_id
    returning p.id, p.pending_in
  ),
  -- The items that start now.
  started as (
    update stepbase.step_runs s
    set
      status = case when f.is_carried then 'running' else 'ready' end,
      job_id = case when f.is_carried then f.job_id
        when r.status = 'running' and s.limited_by is null and not f.is_suspended then stepbase_engine.new_id() end,
      fence = f.is_carried::int,
      started_at = case when f.is_carried then v_now end,
      updated_at = v_now
    from finished f
    join stepbase.runs r on r.id = f.run_id
    where s.run_id = f.run_id and s.step_id = f.step_id and s.attempt = 1
      and s.item_index = f.next_item + f.position - 1
      and s.status = 'pending'
    returning s.*
  )
  select
    (select array_agg(p.id) from parent p where p.pending_in = 0),
    (
      select array_agg(
        stepbase_engine.step_event(
          case s.status when 'running' then 'step.started' else 'step.ready' end,
          s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.status, p_open_delta => 1
        ) order by s.run_id, s.item_index
      )
      from started s
    ),
    (
      select array_agg(
        row(
          s.job_id, s.run_id, s.app_code, s.workflow_version_id, s.id, s.step_id, s.item_index,
          s.attempt, s.fence
        )::stepbase_engine.work order by s.run_id, s.item_index
      )
      from started s
      where s.status = 'running'
    ),
    (select array_agg(s.job_id) from started s where s.status = 'ready' and s.job_id is not null),
    (select array_agg(s.run_id) from started s where s.status = 'ready' and s.job_id is not null)
  into v_finished, events, work, v_tokens, v_token_runs;

  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_token_runs);
  end if;

  -- Completes the parents whose last item was resolved, with the results in the order of the list. The token
  -- of a finished item carries the steps that follow the parent.
  select
    array_agg(p.id order by p.step_id),
    array_agg(p.run_id order by p.step_id),
    array_agg(o.results order by p.step_id),
    array_agg(
      (
        select i.job_id from stepbase.step_runs i
        where i.id = any(p_item_ids) and i.run_id = p.run_id and i.step_id = p.step_id
        limit 1
      ) order by p.step_id
    )
  into v_finished, v_runs, v_results, v_jobs
  from stepbase.step_runs p
  cross join lateral (
    select jsonb_agg(
      case l.status when 'completed' then l.output else jsonb_build_object('error', l.error) end
      order by l.item_index
    ) as results
    from (
      select distinct on (i.item_index) i.item_index, i.status, i.output, i.error
      from stepbase.step_runs i
      where i.run_id = p.run_id and i.step_id = p.step_id and i.item_index > 0
      order by i.item_index, i.attempt desc
    ) l
  ) o
  where p.id = any(v_finished);
  events := coalesce(events, '{}');
  parents := '{}';
  if v_finished is not null then
    select coalesce(w.step_ids, '{}'), advance_items.events || coalesce(w.events, '{}')
    into parents, events
    from stepbase_engine.write_results(
      'waiting', v_runs, v_finished, null, null, v_results, null,
      p_job_ids => v_jobs, p_uncounted => p_uncounted
    ) w;
  end if;
end;
$$;

comment on function stepbase_engine.advance_items(uuid[], boolean, uuid[]) is
  'Called after items of for_each steps were resolved: starts the next items (p_carry: on the same tokens '
  'where possible) and completes parents without open items. Returns the completed parents, whose edges the '
  'caller resolves, the events to append and the work that is carried. p_uncounted: steps whose versions '
  'of this transaction the runs do not count yet.';

create function stepbase_engine.load_items(p_step_run_ids uuid[])
returns table (step_run_id uuid, item jsonb)
language sql
stable
set search_path = ''
as $$
  select s.id, s.item from stepbase.step_runs s where s.id = any(p_step_run_ids);
$$;

comment on function stepbase_engine.load_items(uuid[]) is
  'The list element of each item: {step_run_id, item}; item is null for other steps.';
