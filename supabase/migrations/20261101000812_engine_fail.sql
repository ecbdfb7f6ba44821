-- fail: handlers failed, or their time was up; one call serves steps of many runs.
-- In this order: another attempt while the node's retry policy allows it, the node's error edge,
-- on_error = continue, and otherwise the run fails.

create function engine.retry_delay(p_retry jsonb, p_attempt int)
returns interval
language sql
volatile
set search_path = ''
as $$
  select least(
    coalesce((p_retry ->> 'max_delay_ms')::numeric, 3600000),
    coalesce((p_retry ->> 'delay_ms')::numeric, 1000)
    * case coalesce(p_retry ->> 'backoff', 'exponential')
        when 'exponential' then power(2::numeric, least(p_attempt - 1, 30))
        else 1
      end
  )
  -- Jitter spreads the retries of many runs over the delay's upper half.
  * case when coalesce((p_retry ->> 'jitter')::boolean, false)
      then (0.5 + random() / 2)::numeric
      else 1
    end
  * interval '1 millisecond';
$$;

comment on function engine.retry_delay(jsonb, int) is
'The wait before the attempt after p_attempt under a retry policy '
'{max_attempts, backoff: fixed|exponential, delay_ms = 1000, max_delay_ms = 3600000, jitter = false}.';

create function engine.fail(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_claims int[],
  p_inputs jsonb[],
  p_errors jsonb[]
)
returns setof engine.work
language plpgsql
set search_path = ''
as $$
declare
  v_followed uuid[];
  v_jobs uuid[];
  v_events engine.event[];
  v_work engine.work[];
  v_fatal_run uuid;
  v_fatal_error jsonb;
  v_fatal jsonb;
  v_now timestamptz := engine.now();
begin
  perform 1 from public.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  with answer as (
    select a.*
    from unnest(p_step_run_ids, p_claims, p_inputs, p_errors)
      with ordinality as a (id, claim, input, error, ord)
  ),
  judged as (
    select
      a.*,
      n.retry,
      coalesce((a.error ->> 'retryable')::boolean, false)
        and s.attempt < coalesce((n.retry ->> 'max_attempts')::int, 1) as again,
      case
        when exists (
          select 1 from public.workflow_edges e
          where e.workflow_version_id = s.workflow_version_id
            and e.source_node_id = s.step_id
            and e.source_handle = case when a.error ->> 'code' = 'timeout' then 'timeout' else 'error' end
        ) then case when a.error ->> 'code' = 'timeout' then 'timeout' else 'error' end
        when exists (
          select 1 from public.workflow_edges e
          where e.workflow_version_id = s.workflow_version_id
            and e.source_node_id = s.step_id and e.source_handle = 'error'
        ) then 'error'
      end as handle,
      n.on_error
    from answer a
    join public.step_runs s on s.id = a.id
    join public.workflow_nodes n
      on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
  ),
  failed as (
    update public.step_runs s
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
      s.attempt, s.job_id, s.error, s.taken_in, j.again, j.retry, j.ord,
      not j.again and (j.handle is not null or j.on_error = 'continue') as goes_on
  ),
  next_attempt as (
    insert into public.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, attempt, status,
      taken_in, wait_kind, wake_at, created_at, updated_at
    )
    select
      f.run_id, f.app_code, f.workflow_version_id, f.step_id, f.step_type, f.item_index,
      f.attempt + 1, 'waiting', f.taken_in, 'retry',
      -- The other side may have said when to come back (Retry-After).
      v_now + greatest(
        engine.retry_delay(f.retry, f.attempt),
        (f.error ->> 'retry_after_ms')::numeric * interval '1 millisecond'
      ),
      v_now, v_now
    from failed f
    where f.again
    returning run_id, step_id, item_index, attempt, wake_at
  ),
  patch as (
    insert into public.run_context (
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
    join public.runs r on r.id = f.run_id
    where f.goes_on
  )
  select
    array_agg(f.id order by f.ord) filter (where f.goes_on),
    array_agg(distinct f.job_id) filter (where f.job_id is not null),
    array_agg(
      row(
        f.run_id, f.app_code, case when f.again then 'step.retrying' else 'step.failed' end,
        f.step_id, f.item_index, f.attempt, 'failed',
        -- A failure that ends the run leaves the counter to end_runs: the run must not seem complete.
        -f.goes_on::int, f.goes_on::int, f.goes_on::int, null,
        jsonb_strip_nulls(jsonb_build_object(
          'error', f.error, 'retry_at', n.wake_at
        ))
      )::engine.event order by f.ord
    ),
    jsonb_object_agg(
      f.run_id,
      f.error || jsonb_build_object('step_id', f.step_id)
    ) filter (where not f.again and not f.goes_on)
  into v_followed, v_jobs, v_events, v_fatal
  from failed f
  left join next_attempt n
    on n.run_id = f.run_id and n.step_id = f.step_id and n.item_index = f.item_index
    and n.attempt = f.attempt + 1;

  if v_events is null then
    return;
  end if;

  select array_agg(w) into v_work
  from engine.settle(coalesce(v_followed, '{}'), v_events, v_jobs is not null) w;

  for v_fatal_run, v_fatal_error in
    select f.key::uuid, f.value from jsonb_each(v_fatal) as f order by f.key
  loop
    perform engine.end_runs(array[v_fatal_run], 'failed', v_fatal_error);
  end loop;

  perform engine.end_tokens(coalesce(v_jobs, '{}'));
  return query
  select w.* from unnest(v_work) as w
  where not coalesce(v_fatal ? w.run_id::text, false);
end;
$$;

comment on function engine.fail(uuid[], uuid[], int[], jsonb[], jsonb[]) is
'Fails step runs that this worker carries ({code, message, retryable, details?} each): schedules the next attempt, '
'follows the error edge or goes on, or fails the run. Returns the steps their tokens go on with.';
