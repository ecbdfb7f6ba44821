-- Agents: the turns of an ai_agent_task step, and its tools. Each tool that a model asks for becomes a step run of the
-- agent's node with an item_index below -1, and so does the approval that it needs. The step of the agent waits until
-- all tools of its turn have ended; then a worker continues the same attempt. The caller has locked the run.

create function stepbase_engine.load_agent_turns(p_step_run_id uuid)
returns table (
  turn int, text text, finish_reason text, provider text, model text, usage jsonb, cost double precision, calls jsonb
)
language sql
stable
set search_path = ''
as $$
  with call as (
    select
      c.*,
      -- A worker leaves out still more (withToolOutputs); this limits what it receives.
      coalesce(
        sum(octet_length(c.output::text)) over (order by c.turn, c.position) > 67108864, false
      ) as is_left_out
    from stepbase.step_runs s
    join stepbase.agent_tool_calls c
      on c.run_id = s.run_id and c.app_code = s.app_code and c.step_id = s.step_id and c.item_index = s.item_index
    where s.id = p_step_run_id
  )
  select
    t.turn, t.text, t.finish_reason, t.provider, t.model, t.usage, t.cost,
    (
      select coalesce(jsonb_agg(
        jsonb_build_object(
          'id', c.call_id, 'tool', c.tool, 'input', c.input, 'status', c.status,
          'output', case when c.is_left_out and c.output is not null
            then '"(left out: the results of all tools are too long)"' else c.output end,
          'error', c.error
        ) order by c.position
      ), '[]')
      from call c
      where c.turn = t.turn
    )
  from stepbase.step_runs s
  join stepbase.agent_turns t
    on t.run_id = s.run_id and t.app_code = s.app_code and t.step_id = s.step_id and t.item_index = s.item_index
  where s.id = p_step_run_id
  order by t.turn;
$$;

comment on function stepbase_engine.load_agent_turns(uuid) is
  'The turns of the agent of a step run, also those of earlier attempts, with calls: [{id, tool, input, status, output, error}]. '
  'Outputs after the first 64 MiB are left out.';

create function stepbase_engine.store_agent_turn(p_step_run_id uuid, p_fence int, p_turn jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_step stepbase.step_runs;
begin
  -- The lock makes a claim of the step wait for this turn: the worker that claims it reads the turn.
  select s.* into v_step from stepbase.step_runs s
  where s.id = p_step_run_id and s.status = 'running' and s.fence = p_fence
  for no key update;
  if v_step.id is null or not stepbase_engine.is_leased(v_step.job_id) then
    perform stepbase_private.raise_error(
      'conflict', 'The attempt does not hold its lease any more', '{"reason": "lease_lost"}'
    );
  end if;
  -- A worker that holds the lease has read the turns before: this one is its own, stored by a call whose answer was
  -- lost.
  if exists (
    select 1 from stepbase.agent_turns t
    where t.run_id = v_step.run_id and t.app_code = v_step.app_code and t.step_id = v_step.step_id
      and t.item_index = v_step.item_index and t.turn = (p_turn ->> 'turn')::int
  ) then
    return;
  end if;
  insert into stepbase.agent_turns (
    run_id, app_code, step_id, item_index, turn, step_run_id, text, finish_reason, provider, model, usage, cost
  )
  values (
    v_step.run_id, v_step.app_code, v_step.step_id, v_step.item_index, (p_turn ->> 'turn')::int, v_step.id,
    coalesce(p_turn ->> 'text', ''), p_turn ->> 'finish_reason', p_turn ->> 'provider', p_turn ->> 'model',
    nullif(p_turn -> 'usage', 'null'), (p_turn ->> 'cost')::double precision
  );
  insert into stepbase.agent_tool_calls (
    run_id, app_code, step_id, item_index, turn, position, call_id, tool, step_type, target, input, config,
    component_id, approval, status, error, completed_at
  )
  select
    v_step.run_id, v_step.app_code, v_step.step_id, v_step.item_index, (p_turn ->> 'turn')::int, c.position,
    c.call ->> 'id', c.call ->> 'tool', c.call ->> 'step_type', c.call ->> 'target', coalesce(c.call -> 'input', 'null'),
    nullif(c.call -> 'config', 'null'), (c.call ->> 'component_id')::uuid, nullif(c.call -> 'approval', 'null'),
    case when e.error is null then 'pending' else 'failed' end, e.error,
    case when e.error is not null then stepbase_engine.now() end
  from jsonb_array_elements(coalesce(p_turn -> 'calls', '[]')) with ordinality c (call, position)
  cross join lateral (select nullif(c.call -> 'error', 'null') as error) e;
end;
$$;

comment on function stepbase_engine.store_agent_turn(uuid, int, jsonb) is
  'Stores a turn of a running agent: {turn, text, finish_reason, provider, model, usage, cost, calls: [{id, tool, input, '
  'step_type, target, config, component_id, approval, error}]}. A call with an error has ended. Errors: SB409 with the reason '
  'lease_lost if the step does not run under this fence, or its token is not leased.';

create function stepbase_engine.start_tools(p_agent stepbase.step_runs)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_last int;
  v_is_suspended boolean;
  v_now timestamptz := stepbase_engine.now();
  v_events stepbase_engine.event[];
  v_tokens uuid[];
begin
  select r.* into strict v_run from stepbase.runs r where r.id = p_agent.run_id;
  -- Places below -1: 0 and above are the step and its items, -1 is its compensation.
  select least(min(s.item_index), -1) into v_last
  from stepbase.step_runs s
  where s.run_id = p_agent.run_id and s.step_id = p_agent.step_id;
  v_is_suspended := case
    (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
    when 0 then false else stepbase_engine.is_suspended(v_run.id, false)
  end;

  with call as materialized (
    select
      c.turn, c.position, c.config, c.component_id, c.approval, k.asks,
      case when k.asks then 'wait_for_approval' else c.step_type end as step_type,
      (v_last - row_number() over (order by c.turn, c.position))::int as place
    from stepbase.agent_tool_calls c
    cross join lateral (select c.status = 'pending' and c.approval is not null as asks) k
    where c.run_id = p_agent.run_id and c.app_code = p_agent.app_code and c.step_id = p_agent.step_id
      and c.item_index = p_agent.item_index and c.status in ('pending', 'approved')
  ),
  step as materialized (
    select
      c.*, l.limited_by,
      case when v_run.status = 'running' and l.limited_by is null and not v_is_suspended
        then stepbase_engine.new_id() end as job_id
    from call c
    cross join lateral (select stepbase_engine.step_limit(v_run.workflow_id, c.step_type, null) as limited_by) l
  ),
  started as (
    update stepbase.agent_tool_calls c
    set
      status = case when s.asks then 'approval' else 'running' end,
      approval_item_index = case when s.asks then s.place else c.approval_item_index end,
      tool_item_index = case when s.asks then null else s.place end
    from step s
    where c.run_id = p_agent.run_id and c.app_code = p_agent.app_code and c.step_id = p_agent.step_id
      and c.item_index = p_agent.item_index and c.turn = s.turn and c.position = s.position
  ),
  inserted as (
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, item_index, status, taken_in, job_id, limited_by, item,
      created_at, updated_at
    )
    select
      p_agent.run_id, p_agent.app_code, p_agent.workflow_version_id, p_agent.step_id, s.step_type, s.place, 'ready', 1,
      s.job_id, s.limited_by,
      jsonb_strip_nulls(jsonb_build_object(
        'type', s.step_type, 'component_id', case when not s.asks then s.component_id end
      )) || jsonb_build_object('config', case when s.asks then s.approval else s.config end),
      v_now, v_now
    from step s
    returning step_id, item_index, job_id
  )
  select
    array_agg(
      stepbase_engine.step_event(
        'step.ready', p_agent.run_id, p_agent.app_code, i.step_id, i.item_index, 1, 'ready', p_open_delta => 1
      ) order by i.item_index desc
    ),
    array_agg(i.job_id order by i.item_index desc) filter (where i.job_id is not null)
  into v_events, v_tokens
  from inserted i;

  if v_events is not null then
    perform stepbase_engine.append_events(v_events);
  end if;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, array_fill(p_agent.run_id, array[cardinality(v_tokens)]));
  end if;
end;
$$;

comment on function stepbase_engine.start_tools(stepbase.step_runs) is
  'Makes the stored tool calls of an agent ready as steps of their own: the approval of a call that needs one and has none, '
  'otherwise the tool itself.';

create function stepbase_engine.continue_agents(p_step_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_agent stepbase.step_runs;
  v_now timestamptz := stepbase_engine.now();
  v_token uuid;
begin
  for v_agent in
    select s.* from stepbase.step_runs s
    where s.id = any(p_step_run_ids) and s.status = 'waiting' and s.wait_kind = 'tools'
    order by s.run_id, s.id
  loop
    perform stepbase_engine.start_tools(v_agent);
    continue when exists (
      select 1 from stepbase.agent_tool_calls c
      where c.run_id = v_agent.run_id and c.app_code = v_agent.app_code and c.step_id = v_agent.step_id
        and c.item_index = v_agent.item_index and c.completed_at is null
    );
    update stepbase.step_runs s
    set
      status = 'ready',
      job_id = case
        when r.status <> 'running' or s.limited_by is not null then null
        when (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause') > 0
          and stepbase_engine.is_suspended(r.id, false) then null
        else stepbase_engine.new_id()
      end,
      wait_kind = null, wake_at = null, deadline_at = null,
      -- The claim that follows is no sign of a crash: fence % 1000 counts those.
      fence = (s.fence / 1000 + 1) * 1000,
      updated_at = v_now
    from stepbase.runs r
    where s.id = v_agent.id and r.id = s.run_id
    returning s.job_id into v_token;
    perform stepbase_engine.append_events(array[stepbase_engine.step_event(
      'step.ready', v_agent.run_id, v_agent.app_code, v_agent.step_id, v_agent.item_index, v_agent.attempt, 'ready'
    )]);
    if v_token is not null then
      perform stepbase_engine.create_tokens(array[v_token], array[v_agent.run_id]);
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.continue_agents(uuid[]) is
  'Starts the tools of waiting agents that may start now; an agent all of whose tools have ended is ready again, as the same '
  'attempt.';

create function stepbase_engine.record_tool_results(p_step_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_agents uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  with ended as (
    select s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.status, s.handle, s.output, s.error
    from stepbase.step_runs s
    where s.id = any(p_step_run_ids) and s.completed_at is not null
  ),
  recorded as (
    update stepbase.agent_tool_calls c
    set
      status = k.status,
      output = case k.status when 'completed' then coalesce(e.output, 'null') end,
      error = case k.status
        when 'failed' then stepbase_engine.short_error(e.error) - 'retryable' - 'retry_after_ms'
        when 'rejected' then jsonb_strip_nulls(jsonb_build_object(
          'code', 'rejected', 'message', 'A person rejected the call of the tool', 'comment', e.output -> 'comment'
        ))
      end,
      completed_at = case when k.status <> 'approved' then v_now end
    from ended e
    cross join lateral (
      select case
        when e.status <> 'completed' then 'failed'
        when e.handle = 'approved' then 'approved'
        when e.handle = 'rejected' then 'rejected'
        else 'completed'
      end as status
    ) k
    where c.run_id = e.run_id and c.app_code = e.app_code and c.step_id = e.step_id
      and (
        (c.status = 'approval' and c.approval_item_index = e.item_index)
        or (c.status = 'running' and c.tool_item_index = e.item_index)
      )
    returning c.run_id, c.app_code, c.step_id, c.item_index
  )
  select array_agg(distinct s.id) into v_agents
  from recorded r
  join stepbase.step_runs s
    on s.run_id = r.run_id and s.step_id = r.step_id and s.item_index = r.item_index
    and s.status = 'waiting' and s.wait_kind = 'tools';
  if v_agents is not null then
    perform stepbase_engine.continue_agents(v_agents);
  end if;
end;
$$;

comment on function stepbase_engine.record_tool_results(uuid[]) is
  'Stores the results of tools and approvals that have ended (step runs below item_index -1) in their calls, and continues '
  'the agents that waited for them.';

create function stepbase_engine.stop_tools(p_agent_ids uuid[], p_message text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_events stepbase_engine.event[];
  v_jobs uuid[];
  v_running uuid[];
  v_parents uuid[];
  v_runs uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  with call as (
    update stepbase.agent_tool_calls c
    set
      status = 'cancelled', completed_at = v_now,
      error = jsonb_build_object('code', 'cancelled', 'message', p_message)
    from stepbase.step_runs a
    where a.id = any(p_agent_ids)
      and c.run_id = a.run_id and c.app_code = a.app_code and c.step_id = a.step_id and c.item_index = a.item_index
      and c.completed_at is null
    returning c.run_id, c.step_id, c.tool_item_index, c.approval_item_index
  ),
  open_step as (
    select s.id, s.status, s.job_id
    from call c
    join stepbase.step_runs s
      on s.run_id = c.run_id and s.step_id = c.step_id
      and s.item_index in (c.tool_item_index, c.approval_item_index)
      and s.status in ('ready', 'running', 'waiting')
  ),
  cancelled as (
    update stepbase.step_runs s
    set status = 'cancelled', completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from open_step o
    where s.id = o.id
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.wait_kind, o.status as old_status, o.job_id
  )
  select
    array_agg(
      stepbase_engine.step_event(
        'step.cancelled', c.run_id, c.app_code, c.step_id, c.item_index, c.attempt, 'cancelled', p_open_delta => -1
      ) order by c.run_id, c.item_index desc
    ),
    array_agg(distinct c.job_id) filter (where c.job_id is not null),
    array_agg(c.id) filter (where c.old_status = 'running'),
    array_agg(c.id) filter (where c.old_status = 'waiting' and c.wait_kind = 'child'),
    array_agg(distinct c.run_id)
  into v_events, v_jobs, v_running, v_parents, v_runs
  from cancelled c;
  if v_events is null then
    return;
  end if;
  perform stepbase_engine.append_events(v_events);
  -- Workers that listen stop these handlers at once.
  perform pg_notify('stepbase', 'stop:' || i.id::text) from unnest(v_running) as i (id);
  if v_parents is not null then
    perform stepbase_engine.detach_children(v_runs, v_parents);
  end if;
  perform stepbase_engine.end_tokens(coalesce(v_jobs, '{}'));
end;
$$;

comment on function stepbase_engine.stop_tools(uuid[], text) is
  'Cancels the open tools of agents that do not wait for them any more, with their tokens and child runs.';
