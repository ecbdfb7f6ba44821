-- fail: handlers failed, or their time was up; one call serves steps of many runs.
-- In this order: another attempt while the node's retry policy allows it, the node's error edge,
-- on_error = continue, and otherwise the run fails.

create function stepbase_engine.fail(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_claims int[],
  p_inputs jsonb[],
  p_errors jsonb[]
)
returns setof stepbase_engine.work
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_followed uuid[];
  v_items uuid[];
  v_failed_items uuid[];
  v_parents uuid[];
  v_undone_runs uuid[];
  v_leaving uuid[];
  v_item_work stepbase_engine.work[];
  v_jobs uuid[];
  v_events stepbase_engine.event[];
  v_work stepbase_engine.work[];
  v_fatal_run uuid;
  v_fatal_error jsonb;
  v_fatal jsonb;
  v_now timestamptz := stepbase_engine.now();
begin
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  with answer as (
    select a.*
    from unnest(p_step_run_ids, p_claims, p_inputs, p_errors)
      with ordinality as a (id, claim, input, error, ord)
  ),
  judged as (
    select
      a.*,
      w.retry_at,
      coalesce(
        stepbase_engine.may_retry(p.retry, a.error)
        and s.attempt < stepbase_engine.max_attempts(p.retry)
        -- A for_each's items are tried again by themselves.
        and s.wait_kind is distinct from 'items'
        and (
          not p.retry ? 'max_elapsed_ms'
          or w.retry_at <= (
            select f.started_at from stepbase.step_runs f
            where f.run_id = s.run_id and f.step_id = s.step_id and f.item_index = s.item_index
              and f.attempt = 1
          )
          + stepbase_engine.policy_number(p.retry, 'max_elapsed_ms', 0, 0, 31536000000) * interval '1 millisecond'
        ),
        false
      ) as again,
      case
        when s.item_index = -1 then null
        when exists (
          select 1 from stepbase.workflow_edges e
          where e.workflow_version_id = s.workflow_version_id
            and e.source_node_id = s.step_id
            and e.source_handle = case when t.is_timeout then 'timeout' else 'error' end
        ) then case when t.is_timeout then 'timeout' else 'error' end
        when exists (
          select 1 from stepbase.workflow_edges e
          where e.workflow_version_id = s.workflow_version_id
            and e.source_node_id = s.step_id and e.source_handle = 'error'
        ) then 'error'
      end as handle,
      n.on_error
    from answer a
    join stepbase.step_runs s on s.id = a.id
    join stepbase.workflow_nodes n
      on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
    -- A node that says nothing about retries does what its component says.
    cross join lateral (
      select coalesce(
        case when s.item_index = -1 then nullif(n.compensate -> 'retry', 'null') else n.retry end,
        (
          select jsonb_build_object('max_attempts', c.retry_count + 1)
          from stepbase.components c
          where c.retry_count > 0 and c.id = case
            when s.item_index = 0 then n.component_id
            -- Steps within others have no node of their own: their component is looked up by name.
            else stepbase_private.component_for(s.app_code, case s.item_index
              when -1 then n.compensate #>> '{config,component}' else n.config #>> '{step,config,component}'
            end)
          end
        )
      ) as retry
    ) p
    -- The engine's own clock ran out (timeout), or a handler's (http_timeout, code_timeout).
    cross join lateral (select a.error ->> 'code' ~ '^(http_|code_)?timeout$' as is_timeout) t
    cross join lateral (
      -- The other side may have said when to come back (Retry-After).
      select v_now + greatest(
        stepbase_engine.retry_delay(p.retry, s.attempt),
        stepbase_engine.policy_number(a.error, 'retry_after_ms', 0, 0, 31536000000) * interval '1 millisecond'
      ) as retry_at
    ) w
  ),
  failed as (
    update stepbase.step_runs s
    set
      status = 'failed', input = coalesce(j.input, s.input), error = j.error,
      handle = case when not j.again then j.handle end,
      completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from judged j
    where s.id = j.id
      and (
        (s.status = 'running' and s.claim = j.claim)
        -- A wait that is over fails without a worker: its claim is not asked for.
        or (s.status = 'waiting' and j.claim is null)
      )
    returning
      s.id, s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, s.item_index,
      s.attempt, s.job_id, s.limited_by, s.error, s.item, s.taken_in, s.wait_kind, s.task,
      s.assigned_to, s.assigned_at, s.assigned_role, j.again, j.retry_at, j.ord,
      not j.again and s.item_index = 0 and (j.handle is not null or j.on_error = 'continue')
        as goes_on,
      not j.again and s.item_index > 0 and j.on_error = 'continue' as item_goes_on,
      not j.again and s.item_index > 0 and j.on_error <> 'continue' as fails_parent,
      not j.again and s.item_index = -1 as not_undone
  ),
  next_attempt as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status,
      taken_in, limited_by, item, task, assigned_to, assigned_at, assigned_role, wait_kind, wake_at,
      created_at, updated_at
    )
    select
      f.run_id, f.app_code, f.workflow_version_id, f.step_id, f.step_type, f.item_index,
      f.attempt + 1, 'waiting', f.taken_in, f.limited_by, f.item, f.task, f.assigned_to,
      f.assigned_at, f.assigned_role, 'retry', f.retry_at, v_now, v_now
    from failed f
    where f.again
    returning run_id, step_id, item_index, attempt, wake_at
  ),
  patch as (
    insert into stepbase.run_context (
      run_id, version, app_code, step_id, step_run_id, patch, created_at
    )
    select
      f.run_id,
      r.context_version + row_number() over (partition by f.run_id order by f.ord),
      f.app_code, f.step_id, f.id,
      jsonb_build_object(
        f.step_id, jsonb_build_object('error', f.error)
      ),
      v_now
    from failed f
    join stepbase.runs r on r.id = f.run_id
    where f.goes_on
  )
  select
    array_agg(f.id order by f.ord) filter (where f.goes_on),
    array_agg(f.id order by f.ord) filter (where f.item_goes_on),
    array_agg(f.id order by f.ord) filter (where f.fails_parent),
    array_agg(distinct f.run_id) filter (where f.not_undone),
    array_agg(f.id) filter (where f.wait_kind = 'child'),
    array_agg(distinct f.job_id) filter (where f.job_id is not null),
    array_agg(
      row(
        f.run_id, f.app_code, case when f.again then 'step.retrying' else 'step.failed' end,
        f.step_id, f.item_index, f.attempt, 'failed',
        -- A failure that ends the run leaves the counter to end_runs: the run must not seem complete.
        -- (Its parent keeps a for_each's item from being the last open step.)
        -(f.goes_on or f.item_goes_on or f.fails_parent or f.not_undone)::int, f.goes_on::int, f.goes_on::int, null,
        jsonb_strip_nulls(jsonb_build_object(
          'error', f.error, 'retry_at', n.wake_at
        ))
      )::stepbase_engine.event order by f.ord
    ),
    jsonb_object_agg(
      f.run_id,
      f.error || jsonb_build_object('step_id', f.step_id)
    ) filter (where not f.again and not f.goes_on and f.item_index = 0)
  into v_followed, v_items, v_failed_items, v_undone_runs, v_leaving, v_jobs, v_events, v_fatal
  from failed f
  left join next_attempt n
    on n.run_id = f.run_id and n.step_id = f.step_id and n.item_index = f.item_index
    and n.attempt = f.attempt + 1;

  if v_events is null then
    return;
  end if;

  if v_leaving is not null then
    perform stepbase_engine.detach_children(p_run_ids, v_leaving);
  end if;
  if v_items is not null then
    select a.parents, v_events || a.events, a.work
    into v_parents, v_events, v_item_work
    from stepbase_engine.advance_items(v_items, v_jobs is not null, coalesce(v_followed, '{}')) a;
    v_followed := coalesce(v_followed, '{}') || v_parents;
  end if;
  select array_agg(w) into v_work
  from stepbase_engine.resolve_edges(coalesce(v_followed, '{}'), v_events, v_jobs is not null) w;
  v_work := coalesce(v_item_work, '{}') || coalesce(v_work, '{}');

  if v_failed_items is not null then
    perform stepbase_engine.fail_parents(v_failed_items);
  end if;

  -- A step that could not be undone does not keep the others from it.
  if v_undone_runs is not null then
    perform stepbase_engine.continue_compensation(v_undone_runs);
  end if;

  for v_fatal_run, v_fatal_error in
    select f.key::uuid, f.value from jsonb_each(v_fatal) as f order by f.key
  loop
    perform stepbase_engine.end_runs(array[v_fatal_run], 'failed', v_fatal_error);
  end loop;

  perform stepbase_engine.end_tokens(coalesce(v_jobs, '{}'));
  return query
  select w.* from unnest(v_work) as w
  -- What a failure took down with it is not executed any more.
  where exists (
    select 1 from stepbase.step_runs s where s.id = w.step_run_id and s.status = 'running'
  );
end;
$$;

comment on function stepbase_engine.fail(uuid[], uuid[], int[], jsonb[], jsonb[]) is
'Fails step runs that this worker carries ({code, message, retryable, details?} each): schedules the next attempt, '
'follows the error edge or goes on, or fails the run. Returns the steps their tokens go on with.';

create function stepbase_engine.fail_parents(p_item_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_parents uuid[];
  v_runs uuid[];
  v_errors jsonb[];
  v_jobs uuid[];
  v_stopped uuid[];
  v_leaving uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  select array_agg(f.id), array_agg(f.run_id), array_agg(f.error)
  into v_parents, v_runs, v_errors
  from (
    select distinct on (p.id)
      p.id, p.run_id,
      i.error || jsonb_build_object('retryable', false, 'item_index', i.item_index) as error
    from stepbase.step_runs i
    join stepbase.step_runs p
      on p.run_id = i.run_id and p.step_id = i.step_id and p.item_index = 0 and p.status = 'waiting'
    where i.id = any(p_item_ids)
    order by p.id, i.item_index
  ) f;
  if v_parents is null then
    return;
  end if;

  with other as (
    select i.id, i.status, i.job_id
    from stepbase.step_runs p
    join stepbase.step_runs i
      on i.run_id = p.run_id and i.step_id = p.step_id and i.item_index > 0
    where p.id = any(v_parents) and i.status in ('pending', 'ready', 'running', 'waiting')
  ),
  cancelled as (
    update stepbase.step_runs s
    set status = 'cancelled', completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from other o
    where s.id = o.id
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.wait_kind, o.status as before,
      o.job_id
  )
  select
    array_agg(
      row(
        c.run_id, c.app_code, 'step.cancelled', c.step_id, c.item_index, c.attempt, 'cancelled',
        -(c.before <> 'pending')::int, 0, 0, null, '{}'::jsonb
      )::stepbase_engine.event order by c.run_id, c.item_index
    ) filter (where c.before <> 'pending'),
    array_agg(distinct c.job_id) filter (where c.job_id is not null),
    array_agg(c.id) filter (where c.before = 'running'),
    array_agg(c.id) filter (where c.before = 'waiting' and c.wait_kind = 'child')
  into v_events, v_jobs, v_stopped, v_leaving
  from cancelled c;

  if v_events is not null then
    perform stepbase_engine.append_events(v_events);
  end if;
  -- Workers that execute such an item stop it: at once where they listen.
  perform pg_notify('stepbase', 'stop:' || i.id::text) from unnest(v_stopped) as i (id);
  if v_leaving is not null then
    perform stepbase_engine.detach_children(v_runs, v_leaving);
  end if;
  perform stepbase_engine.fail(
    v_runs, v_parents, array_fill(null::int, array[cardinality(v_parents)]),
    array_fill(null::jsonb, array[cardinality(v_parents)]), v_errors
  );
  perform stepbase_engine.end_tokens(coalesce(v_jobs, '{}'));
end;
$$;

comment on function stepbase_engine.fail_parents(uuid[]) is
'An item of a for_each failed for good: its other items are cancelled, with the children they wait for, and the for_each '
'step fails with its error.';
