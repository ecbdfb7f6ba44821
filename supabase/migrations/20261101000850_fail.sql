-- fail: handlers failed or ran out of time. One call serves steps of many runs. The first rule that applies
-- decides: another attempt if the retry policy allows it; the node's error (or timeout) edge;
-- on_error = continue; otherwise the run fails.

create function stepbase_engine.retry_policy(p_step stepbase.step_runs, p_node stepbase.workflow_nodes)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_retry jsonb;
  v_component_id uuid;
begin
  v_retry := case
    when p_step.item_index >= 0 then p_node.retry
    when p_step.item_index = -1 then nullif(p_node.compensate -> 'retry', 'null')
  end;
  if v_retry is not null then
    return v_retry;
  end if;
  -- A node without a policy inherits the retry_count of its component.
  v_component_id := case
    when p_step.item_index = 0 then p_node.component_id
    when p_step.item_index > 0 then p_node.item_component_id
    when p_step.item_index = -1 then p_node.compensation_component_id
    else (p_step.item ->> 'component_id')::uuid
  end;
  select jsonb_build_object('max_attempts', c.retry_count + 1) into v_retry
  from stepbase.components c
  where c.id = v_component_id and c.retry_count > 0;
  return v_retry;
end;
$$;

comment on function stepbase_engine.retry_policy(stepbase.step_runs, stepbase.workflow_nodes) is
  'Returns the retry policy of a step run: that of its node (of the node''s compensation for item_index -1, none for the tool of an agent), otherwise '
  'one with the retry_count of its component; null when there is none.';

create function stepbase_engine.failure_handle(p_workflow_version_id uuid, p_step_id text, p_error_code text)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select e.source_handle
    from stepbase.workflow_edges e
    where e.workflow_version_id = p_workflow_version_id and e.source_node_id = p_step_id
      and (
        e.source_handle = 'error'
        -- The time limit of the engine (timeout) or of a handler (http_timeout, code_timeout).
        or (e.source_handle = 'timeout' and p_error_code ~ '^(http_|code_)?timeout$')
      )
    order by e.source_handle = 'timeout' desc
    limit 1
  );
end;
$$;

comment on function stepbase_engine.failure_handle(uuid, text, text) is
  'Returns the handle by which a failed step is left: timeout for an error code of a time limit if the node has such an '
  'edge, otherwise error if it has such an edge, otherwise null.';

create function stepbase_engine.judge_failures(p_step_run_ids uuid[], p_errors jsonb[], p_now timestamptz)
returns table (ord bigint, retries boolean, retry_at timestamptz, handle text, on_error text)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  return query
  select
    f.ord,
    coalesce(
      -- Another engine has decided.
      (f.error #>> '{decided,retries}')::boolean,
      stepbase_engine.may_retry(p.retry, f.error)
      and s.attempt < stepbase_engine.max_attempts(p.retry)
      -- A for_each step is not retried: its items are, one by one.
      and s.wait_kind is distinct from 'items'
      and (
        not p.retry ? 'max_elapsed_ms'
        or w.retry_at <= (
          select a.started_at from stepbase.step_runs a
          where a.run_id = s.run_id and a.step_id = s.step_id and a.item_index = s.item_index
            and a.attempt = 1
        )
        + stepbase_engine.policy_number(p.retry, 'max_elapsed_ms', 0, 0, 31536000000) * interval '1 millisecond'
      ),
      false
    ),
    w.retry_at,
    case when s.item_index >= 0 then
      stepbase_engine.failure_handle(s.workflow_version_id, s.step_id, f.error ->> 'code')
    end,
    n.on_error
  from unnest(p_step_run_ids, p_errors) with ordinality as f (id, error, ord)
  join stepbase.step_runs s on s.id = f.id
  join stepbase.workflow_nodes n
    on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
  cross join lateral (select stepbase_engine.retry_policy(s, n) as retry) p
  cross join lateral (
    -- The error can name an earliest time (Retry-After).
    select coalesce((f.error #>> '{decided,retry_at}')::timestamptz, p_now + greatest(
      stepbase_engine.retry_delay(p.retry, s.attempt),
      stepbase_engine.policy_number(f.error, 'retry_after_ms', 0, 0, 31536000000) * interval '1 millisecond'
    )) as retry_at
  ) w;
end;
$$;

comment on function stepbase_engine.judge_failures(uuid[], jsonb[], timestamptz) is
  'Decides about failures of step runs, by position (ord counts from 1): whether another attempt follows and when, the '
  'handle by which the step is left otherwise (null: no such edge), and the node''s on_error. decided in the error: '
  '{retries, retry_at?}, what another engine has decided.';

create function stepbase_engine.fail(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_fences int[],
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
  v_continued uuid[];
  v_continued_items uuid[];
  v_fatal_items uuid[];
  v_compensating_runs uuid[];
  v_left_children uuid[];
  v_failed_tools uuid[];
  v_left_agents uuid[];
  v_parents uuid[];
  v_parent_runs uuid[];
  v_parent_errors jsonb[];
  v_item_work stepbase_engine.work[];
  v_jobs uuid[];
  v_events stepbase_engine.event[];
  v_work stepbase_engine.work[];
  v_fatal_errors jsonb;
  v_run_id uuid;
  v_error jsonb;
  v_now timestamptz := stepbase_engine.now();
begin
  -- Lock order: runs (2), then jobs (5, in end_tokens).
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  -- failure: those that count, with what follows each. The locks of the runs keep their steps as they are.
  with failure as (
    select distinct on (s.id)
      f.id, f.input, stepbase_engine.short_error(f.error - 'decided') as error, f.ord,
      j.retries, j.retry_at, j.handle, j.on_error, s.run_id,
      not j.retries and s.item_index = 0 and (j.handle is not null or j.on_error = 'continue')
        as continues
    from unnest(p_step_run_ids, p_fences, p_inputs, p_errors)
      with ordinality as f (id, fence, input, error, ord)
    join stepbase_engine.judge_failures(p_step_run_ids, p_errors, v_now) j on j.ord = f.ord
    join stepbase.step_runs s on s.id = f.id
    where (s.status = 'running' and s.fence = f.fence)
      -- A waiting step has no worker, so its failure carries no fence.
      or (s.status = 'waiting' and f.fence is null)
    order by s.id, f.ord
  ),
  -- numbered: a failed step that the run continues after makes the next version of the context.
  numbered as (
    select
      f.*,
      case when f.continues then
        r.context_version + count(*) filter (where f.continues) over (partition by f.run_id order by f.ord)
      end as context_version
    from failure f
    join stepbase.runs r on r.id = f.run_id
  ),
  -- failed: adds what follows a failure without another attempt. Exactly one of the flags is true then, or
  -- none: the failure of a step (item_index 0) ends its run.
  failed as (
    update stepbase.step_runs s
    set
      status = 'failed', input = coalesce(f.input, s.input), error = f.error,
      handle = case when not f.retries then f.handle end, context_version = f.context_version,
      completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from numbered f
    where s.id = f.id
    returning
      s.id, s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, s.item_index,
      s.attempt, s.job_id, s.limited_by, s.error, s.item, s.taken_in, s.wait_kind, s.task,
      s.assigned_to, s.assigned_at, s.assigned_roles, s.assigned_users, f.retries, f.retry_at, f.ord, f.continues,
      not f.retries and s.item_index > 0 and f.on_error = 'continue' as item_continues,
      not f.retries and s.item_index > 0 and f.on_error <> 'continue' as fails_parent,
      not f.retries and s.item_index = -1 as ends_compensation,
      not f.retries and s.item_index < -1 as ends_tool
  ),
  next_attempt as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status,
      taken_in, limited_by, item, task, assigned_to, assigned_at, assigned_roles, assigned_users, wait_kind, wake_at,
      created_at, updated_at
    )
    select
      f.run_id, f.app_code, f.workflow_version_id, f.step_id, f.step_type, f.item_index,
      f.attempt + 1, 'waiting', f.taken_in, f.limited_by, f.item, f.task, f.assigned_to,
      f.assigned_at, f.assigned_roles, f.assigned_users, 'retry', f.retry_at, v_now, v_now
    from failed f
    where f.retries
  )
  select
    array_agg(f.id order by f.ord) filter (where f.continues),
    array_agg(f.id order by f.ord) filter (where f.item_continues),
    array_agg(f.id order by f.ord) filter (where f.fails_parent),
    array_agg(distinct f.run_id) filter (where f.ends_compensation),
    array_agg(f.id) filter (where f.wait_kind = 'child'),
    array_agg(f.id order by f.ord) filter (where f.ends_tool),
    -- An attempt may end after it stored a turn and before it waited: its tools do not start any more.
    array_agg(f.id) filter (where f.wait_kind = 'tools' or (not f.retries and f.step_type = 'ai_agent_task')),
    array_agg(distinct f.job_id) filter (where f.job_id is not null),
    array_agg(
      stepbase_engine.step_event(
        case when f.retries then 'step.retrying' else 'step.failed' end,
        f.run_id, f.app_code, f.step_id, f.item_index, f.attempt, 'failed',
        -- A retry stays open. When the run fails, end_runs resets the counter: at 0 the run would complete.
        -- (For the last open item of a for_each, the parent is open still.)
        p_open_delta => -(f.continues or f.item_continues or f.fails_parent or f.ends_compensation or f.ends_tool)::int,
        p_done_delta => f.continues::int,
        p_context_delta => f.continues::int,
        p_payload => jsonb_strip_nulls(jsonb_build_object(
          'error', f.error, 'retry_at', case when f.retries then f.retry_at end
        ))
      ) order by f.ord
    ),
    jsonb_object_agg(
      f.run_id,
      f.error || jsonb_build_object('step_id', f.step_id)
    ) filter (where not f.retries and not f.continues and f.item_index = 0)
  into
    v_continued, v_continued_items, v_fatal_items, v_compensating_runs, v_left_children, v_failed_tools,
    v_left_agents, v_jobs, v_events, v_fatal_errors
  from failed f;

  if v_events is null then
    return;
  end if;

  if array_position(p_fences, null) is not null then
    perform stepbase_engine.tell_results(p_run_ids, p_step_run_ids);
  end if;
  if v_left_children is not null then
    perform stepbase_engine.detach_children(p_run_ids, v_left_children);
  end if;
  if v_left_agents is not null then
    perform stepbase_engine.stop_tools(v_left_agents, 'The agent waited for the tool no longer');
  end if;
  if v_continued_items is not null then
    select a.parents, v_events || a.events, a.work
    into v_parents, v_events, v_item_work
    from stepbase_engine.advance_items(v_continued_items, v_jobs is not null, coalesce(v_continued, '{}')) a;
    v_continued := coalesce(v_continued, '{}') || v_parents;
  end if;
  select array_agg(w) into v_work
  from stepbase_engine.resolve_edges(coalesce(v_continued, '{}'), v_events, v_jobs is not null) w;
  v_work := coalesce(v_item_work, '{}') || coalesce(v_work, '{}');

  if v_fatal_items is not null then
    select s.run_ids, s.parent_ids, s.errors into v_parent_runs, v_parents, v_parent_errors
    from stepbase_engine.stop_items(v_fatal_items) s;
    if v_parents is not null then
      perform stepbase_engine.fail(
        v_parent_runs, v_parents, array_fill(null::int, array[cardinality(v_parents)]),
        array_fill(null::jsonb, array[cardinality(v_parents)]), v_parent_errors
      );
    end if;
  end if;
  -- A compensation that failed does not keep the run from its other compensations.
  if v_compensating_runs is not null then
    perform stepbase_engine.continue_compensation(v_compensating_runs);
  end if;
  if v_failed_tools is not null then
    perform stepbase_engine.record_tool_results(v_failed_tools);
  end if;
  for v_run_id, v_error in
    select f.key::uuid, f.value from jsonb_each(v_fatal_errors) as f order by f.key
  loop
    perform stepbase_engine.end_runs(array[v_run_id], 'failed', v_error);
  end loop;

  perform stepbase_engine.end_tokens(coalesce(v_jobs, '{}'));
  return query
  select w.* from unnest(v_work) as w
  -- Without the steps that one of these failures cancelled.
  where exists (
    select 1 from stepbase.step_runs s where s.id = w.step_run_id and s.status = 'running'
  );
end;
$$;

comment on function stepbase_engine.fail(uuid[], uuid[], int[], jsonb[], jsonb[]) is
  'Fails step runs, by position: run, step run, fence (null for a waiting step), resolved config, and error {code, '
  'message, retryable, retry_after_ms?, details?}. Schedules the next attempt, or follows the error edge, or continues, or '
  'fails the run. Returns the next steps of the same tokens. A stale fence changes nothing.';
