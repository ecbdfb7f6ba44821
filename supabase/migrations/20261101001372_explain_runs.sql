-- Why a run does not continue: it has ended, is paused, waits to start, compensates, or waits for its steps
-- (*_explain_steps.sql). explain_run_state takes the first function that has an answer; a new reason is one function
-- and one line there.

create function stepbase_engine.explain_ended_run(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    p_run.status,
    case p_run.status
      when 'completed' then format('The run completed at %s.', stepbase_engine.time_text(p_run.completed_at))
      when 'cancelled' then format('The run was cancelled at %s.', stepbase_engine.time_text(p_run.completed_at))
      else format(
        'The run %s at %s%s with %s: %s. %s',
        case p_run.status when 'timed_out' then 'timed out' else 'failed' end,
        stepbase_engine.time_text(p_run.completed_at), coalesce(' in step ' || (p_run.error ->> 'step_id'), ''),
        coalesce(p_run.error ->> 'code', 'an error'), rtrim(left(coalesce(p_run.error ->> 'message', ''), 500), '.'),
        case
          when n.id is null then 'It is a dead letter; redrive continues it.'
          else format('Run %s redrove it.', n.id)
        end
      )
    end,
    p_run.completed_at, null,
    jsonb_build_object(
      'error_code', p_run.error -> 'code', 'failed_step', p_run.error -> 'step_id', 'redriven_run_id', n.id
    )
  )
  from (values (true)) as always
  left join lateral (
    select o.id from stepbase.runs o
    where o.origin_run_id = p_run.id and o.app_code = p_run.app_code
    order by o.created_at desc, o.id desc
    limit 1
  ) n on true
  where p_run.completed_at is not null;
$$;

comment on function stepbase_engine.explain_ended_run(stepbase.runs) is
  'Reasons completed, cancelled, failed and timed_out: when and why, and the newest run that redrove it. Null for an open run.';

create function stepbase_engine.explain_paused_run(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'paused',
    format(
      'The run is paused since %s and continues when a member resumes it.%s', stepbase_engine.time_text(p_run.paused_at),
      case when s.executing > 0 then format(' Steps in flight: %s.', s.executing) else '' end
    ),
    p_run.paused_at, null, jsonb_build_object('executing', s.executing)
  )
  from (
    select count(*) as executing from stepbase.step_runs r where r.run_id = p_run.id and r.status = 'running'
  ) s
  where p_run.status = 'paused';
$$;

comment on function stepbase_engine.explain_paused_run(stepbase.runs) is
  'Reason paused: since when, and how many steps still execute. Null if the run is not paused.';

create function stepbase_engine.explain_compensation(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'compensating',
    format('The run compensates its completed steps and will end as %s.%s', p_run.pending_outcome ->> 'status', case
      when p_run.open_steps = 0 and c.children > 0
        then format(' It first waits for the end of %s child %s.', c.children, case c.children when 1 then 'run' else 'runs' end)
      else ''
    end),
    p_run.updated_at, null,
    jsonb_build_object(
      'pending_status', p_run.pending_outcome -> 'status', 'error_code', p_run.pending_outcome #> '{error,code}',
      'open_children', nullif(c.children, 0)
    )
  )
  from (
    select count(*) as children from stepbase.runs o
    where o.parent_run_id = p_run.id and o.app_code = p_run.app_code
      and o.completed_at is null and o.parent_close_policy <> 'abandon'
  ) c
  where p_run.pending_outcome is not null;
$$;

comment on function stepbase_engine.explain_compensation(stepbase.runs) is
  'Reason compensating: the status that the run will end with, and the child runs that the compensation waits for. Null for '
  'other runs.';

create function stepbase_engine.explain_run_backlog(p_run stepbase.runs)
returns jsonb
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  c_most constant int := 10000;
  v_start constant bigint := (select s.last_value from stepbase_engine.backlog_start s);
  v_line stepbase_engine.run_backlog;
  v_ahead bigint;
  v_total bigint;
  v_workflow record;
  v_queue record;
  v_facts jsonb;
begin
  select b.* into v_line from stepbase_engine.run_backlog b where b.run_id = p_run.id;
  if not found then
    return null;
  end if;
  -- A line holds runs of one application only. The counts read the index and stop at c_most.
  select count(*) into v_ahead
  from (
    (
      select 1 from stepbase_engine.run_backlog b
      where b.app_code = v_line.app_code and b.workflow_limit = v_line.workflow_limit
        and b.queue_limit = v_line.queue_limit and b.priority > v_line.priority
      limit c_most + 1
    )
    union all
    (
      select 1 from stepbase_engine.run_backlog b
      where b.app_code = v_line.app_code and b.workflow_limit = v_line.workflow_limit
        and b.queue_limit = v_line.queue_limit and b.priority = v_line.priority
        and b.arrival >= v_start and b.arrival < v_line.arrival
      limit c_most + 1
    )
  ) a;
  select count(*) into v_total
  from (
    select 1 from stepbase_engine.run_backlog b
    where b.app_code = v_line.app_code and b.workflow_limit = v_line.workflow_limit
      and b.queue_limit = v_line.queue_limit
    limit c_most + 1
  ) t;
  select w.kebab_name as name, w.max_concurrent_executions::bigint as slots, (
    select count(*) from (
      select 1 from stepbase_engine.run_slots s where s.limit_id = w.id limit c_most + 1
    ) b
  ) as busy
  into v_workflow
  from stepbase.workflows w where w.id = v_line.workflow_limit;
  select q.name, q.max_concurrent_workflows::bigint as slots, (
    select count(*) from (
      select 1 from stepbase_engine.run_slots s where s.limit_id = q.id limit c_most + 1
    ) b
  ) as busy
  into v_queue
  from stepbase.task_queues q where q.id = v_line.queue_limit;
  v_facts := jsonb_build_object(
    'place', case when v_ahead <= c_most then v_ahead + 1 end, 'total', least(v_total, c_most),
    'workflow', v_workflow.name, 'task_queue', v_queue.name
  );
  if v_workflow.busy >= v_workflow.slots then
    return stepbase_engine.needs_slot(
      'workflow_limit',
      stepbase_engine.place_text(v_ahead + 1, v_total, c_most) || ' for a slot of workflow ' || v_workflow.name,
      v_workflow.busy, v_workflow.slots, p_run.created_at, p_run.app_code, v_facts
    );
  elsif v_queue.name is not null then
    return stepbase_engine.needs_slot(
      'task_queue_limit',
      stepbase_engine.place_text(v_ahead + 1, v_total, c_most) || ' in task queue ' || v_queue.name,
      v_queue.busy, v_queue.slots, p_run.created_at, p_run.app_code, v_facts
    );
  elsif v_workflow.name is null and stepbase_engine.queue_capacity(p_run.app_code) = 0 then
    return stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'application_backlog',
        stepbase_engine.place_text(v_ahead + 1, v_total, c_most)
        || format(' in the backlog; %s starts of the application are in the queue already.', stepbase_engine.max_queued_per_app()),
        p_run.created_at, null, v_facts || jsonb_build_object('max_queued', stepbase_engine.max_queued_per_app())
      ),
      p_run.app_code
    );
  end if;
  return stepbase_engine.needs_slot(
    'admission', stepbase_engine.place_text(v_ahead + 1, v_total, c_most) || ' in the backlog', 0, 1, p_run.created_at,
    p_run.app_code, v_facts
  );
end;
$$;

comment on function stepbase_engine.explain_run_backlog(stepbase.runs) is
  'Reasons workflow_limit, task_queue_limit, application_backlog and admission: the place of a run among the runs of its '
  'application that wait under the same limits, and the busy slots, each counted up to 10,000. Null if it is not in the backlog.';

create function stepbase_engine.explain_pending_run(p_run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    stepbase_engine.explain_switch(p_run, true),
    stepbase_engine.explain_hold(p_run),
    stepbase_engine.explain_flow(p_run),
    stepbase_engine.explain_run_backlog(p_run),
    stepbase_engine.explain_temporal_start(p_run),
    stepbase_engine.explain_token(
      p_run.app_code, stepbase_engine.find_token(p_run.app_code, p_run.id), p_run.created_at, 'run'
    )
  )
  where p_run.status = 'pending';
$$;

comment on function stepbase_engine.explain_pending_run(stepbase.runs) is
  'Why a pending run has not started: a switch, a hold or a flow control (*_explain_holds.sql), it is in the backlog, or its '
  'token waits for a worker or is missing. Null for other runs.';

create function stepbase_engine.explain_open_steps(p_run stepbase.runs, p_steps jsonb, p_total bigint)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- The step that most needs an operator comes first, then one that waits, then one that executes.
  with main as (
    select s.step
    from jsonb_array_elements(p_steps) with ordinality as s (step, place)
    order by
      coalesce(
        array_position(array['token_missing', 'message_quarantined', 'no_worker', 'no_bridge', 'lease_expired', 'timer_due'], s.step ->> 'code'),
        case s.step ->> 'code' when 'executing' then 7 when 'temporal_executing' then 7 when 'items' then 8 when 'predecessors' then 9 else 6 end
      ),
      s.place
    limit 1
  )
  select coalesce(
    (
      select stepbase_engine.reason(
        m.step ->> 'code',
        format(
          'Step %s: %s%s%s', m.step ->> 'step', m.step ->> 'sentence',
          case
            when p_total = 2 then ' 1 more step is open.'
            when p_total > 2 then format(' %s more steps are open.', p_total - 1)
            else ''
          end,
          coalesce(' The run times out at ' || stepbase_engine.time_text(p_run.deadline_at) || '.', '')
        ),
        (m.step ->> 'since')::timestamptz, (m.step ->> 'until')::timestamptz,
        jsonb_build_object('step', m.step -> 'step', 'waits_for', m.step -> 'waits_for')
      )
      from main m
    ),
    stepbase_engine.reason(
      'no_open_step', 'The run has no open step and has not ended: a fault outside the engine changed its rows.', p_run.updated_at
    )
  );
$$;

comment on function stepbase_engine.explain_open_steps(stepbase.runs, jsonb, bigint) is
  'The reason of a running run: that of the step that most needs attention, with the number of other open steps. no_open_step: '
  'there is none.';

create function stepbase_engine.explain_run_state(p_run stepbase.runs, p_steps jsonb, p_total bigint)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    stepbase_engine.explain_ended_run(p_run),
    stepbase_engine.explain_paused_run(p_run),
    stepbase_engine.explain_pending_run(p_run),
    stepbase_engine.explain_compensation(p_run),
    stepbase_engine.explain_open_steps(p_run, p_steps, p_total)
  );
$$;

comment on function stepbase_engine.explain_run_state(stepbase.runs, jsonb, bigint) is
  'Why a run does not continue: the first reason that applies. p_steps: its explained open steps; p_total: their number.';

create function stepbase_engine.explain_run(p_run_id uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  c_steps constant int := 100;
  v_run stepbase.runs;
  v_steps jsonb;
  v_total bigint;
begin
  select r.* into v_run from stepbase.runs r where r.id = p_run_id;
  if not found then
    return null;
  end if;
  select
    coalesce(jsonb_agg(stepbase_engine.explain_step(o.step, v_run) order by o.place), '[]'),
    coalesce(max(o.total), 0)
  into v_steps, v_total
  from (
    select s as step, count(*) over () as total, row_number() over (
      order by s.status = 'pending', s.created_at, s.step_id, s.item_index
    ) as place
    from stepbase.step_runs s
    where s.run_id = v_run.id and v_run.completed_at is null
      and s.status in ('pending', 'ready', 'running', 'waiting')
    order by place
    limit c_steps
  ) o;
  return jsonb_build_object(
    'run',
    jsonb_build_object('id', v_run.id, 'status', v_run.status)
    || (
      select jsonb_build_object('workflow', w.kebab_name, 'version', v.version)
      from stepbase.workflow_versions v
      join stepbase.workflows w on w.id = v.workflow_id
      where v.id = v_run.workflow_version_id
    )
    || jsonb_build_object('deadline_at', case when v_run.started_at is not null then v_run.deadline_at end)
    || stepbase_engine.explain_run_state(v_run, v_steps, v_total),
    'steps', v_steps,
    'open_steps', v_total,
    'explained_at', stepbase_engine.now()
  );
end;
$$;

comment on function stepbase_engine.explain_run(uuid) is
  'The result of stepbase.explain_run and `npm run explain -- --run`: {run, steps, open_steps, explained_at}, with at most 100 '
  'steps. Null if the run does not exist.';
