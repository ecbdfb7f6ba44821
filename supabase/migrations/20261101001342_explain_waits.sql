-- Why a waiting step waits: one function for each wait kind. explain_wait chooses among them; a new wait kind is one
-- function and one line there.

create function stepbase_engine.explain_task(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'task',
    format(
      'Waits until %s %s.%s',
      case
        when p_step.assigned_to is not null then coalesce(u.name, 'the user ' || p_step.assigned_to)
        when p_step.assigned_at is not null
          then 'a member with the permission member:manage (the assignee was deleted)'
        when cardinality(p_step.assigned_roles) = 1 then 'a member with the role ' || p_step.assigned_roles[1]
        when p_step.assigned_roles is not null
          then 'a member with one of the roles ' || array_to_string(p_step.assigned_roles, ', ')
        else 'a member with the permission task:complete'
      end,
      case p_step.step_type when 'wait_for_approval' then 'decides' else 'completes' end
        || coalesce(' "' || left(p_step.task ->> 'title', 200) || '"', ' the task'),
      stepbase_engine.deadline_text(p_step.deadline_at)
    ),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object(
      'title', p_step.task -> 'title', 'assigned_to', p_step.assigned_to, 'assigned_roles', to_jsonb(p_step.assigned_roles)
    )
  )
  from (values (true)) as always
  -- Names are for callers who may read the members.
  left join lateral (
    select coalesce(nullif(o.display_name, ''), o.email) as name
    from stepbase.users o
    where o.id = p_step.assigned_to and stepbase_private.has_permission('member:read')
  ) u on true;
$$;

comment on function stepbase_engine.explain_task(stepbase.step_runs) is
  'Reason task: who may complete it, title and deadline. The name of the assignee needs member:read.';

create function stepbase_engine.explain_delay(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'delay', format('Waits until %s.', stepbase_engine.time_text(t.wake_at)),
    coalesce(p_step.started_at, p_step.created_at), t.wake_at
  )
  -- In Temporal the database has no timer for it.
  from (select coalesce(p_step.wake_at, p_step.deadline_at) as wake_at) t;
$$;

comment on function stepbase_engine.explain_delay(stepbase.step_runs) is 'Reason delay: until when.';

create function stepbase_engine.explain_retry(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'retry',
    format(
      'Retries at %s after %s (attempt %s of %s).',
      stepbase_engine.time_text(coalesce(p_step.wake_at, p_step.deadline_at)),
      coalesce(f.error ->> 'code', 'a failure'), p_step.attempt,
      greatest(stepbase_engine.max_attempts(stepbase_engine.retry_policy(p_step, n)), p_step.attempt)
    ),
    p_step.created_at, coalesce(p_step.wake_at, p_step.deadline_at),
    jsonb_build_object('error', jsonb_build_object(
      'code', f.error -> 'code', 'message', left(f.error ->> 'message', 500)
    ))
  )
  from stepbase.workflow_nodes n
  left join stepbase.step_runs f
    on f.run_id = p_step.run_id and f.step_id = p_step.step_id and f.item_index = p_step.item_index
    and f.attempt = p_step.attempt - 1
  where n.workflow_version_id = p_step.workflow_version_id and n.node_id = p_step.step_id;
$$;

comment on function stepbase_engine.explain_retry(stepbase.step_runs) is
  'Reason retry: when, after which error, and which attempt of how many.';

create function stepbase_engine.explain_signal(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'signal',
    format('Waits for the signal %s.%s', p_step.signal_name, stepbase_engine.deadline_text(p_step.deadline_at)),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object('signal_name', p_step.signal_name)
  );
$$;

comment on function stepbase_engine.explain_signal(stepbase.step_runs) is 'Reason signal: its name and the deadline.';

create function stepbase_engine.explain_ended_child(p_step stepbase.step_runs, p_child stepbase.runs, p_workflow text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when o.is_quarantined then stepbase_engine.reason(
      'message_quarantined',
      format(
        'The child run %s of %s is %s, but the message about its end is quarantined; an operator has to release it.',
        p_child.id, p_workflow, p_child.status
      ),
      p_child.completed_at, p_step.deadline_at, f.facts
    )
    else stepbase_engine.needs_worker(
      stepbase_engine.reason(
        'child_ended',
        format('The child run %s of %s is %s; a worker continues the step.', p_child.id, p_workflow, p_child.status),
        p_child.completed_at, p_step.deadline_at, f.facts
      ),
      p_step.app_code
    )
  end
  from (
    -- Among the oldest messages: a quarantined one becomes one of them.
    select exists (
      select 1
      from (
        select m.aggregate_id, m.event_type, m.quarantined_at
        from stepbase.outbox m
        where m.published_at is null
        order by m.id
        limit 1000
      ) m
      where m.aggregate_id = p_child.id and m.event_type = 'run.ended' and m.quarantined_at is not null
    ) as is_quarantined
  ) o
  cross join (
    select jsonb_build_object(
      'child_run_id', p_child.id, 'child_workflow', p_workflow, 'child_status', p_child.status
    ) as facts
  ) f;
$$;

comment on function stepbase_engine.explain_ended_child(stepbase.step_runs, stepbase.runs, text) is
  'Reasons of a step whose child has ended: child_ended, until the relay continues it; message_quarantined if the relay has '
  'given up its message.';

create function stepbase_engine.explain_child(p_step stepbase.step_runs)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_child stepbase.runs;
  v_name text;
  v_workflow constant text := p_step.input ->> 'workflow';
  v_since constant timestamptz := coalesce(p_step.started_at, p_step.created_at);
  v_until jsonb;
  v_conditions text;
begin
  select r.* into v_child from stepbase.runs r
  where r.parent_run_id = p_step.run_id and r.app_code = p_step.app_code and r.parent_step_run_id = p_step.id
  order by r.created_at desc
  limit 1;
  if found then
    v_name := (select w.kebab_name from stepbase.workflows w where w.id = v_child.workflow_id);
    if v_child.completed_at is not null then
      return stepbase_engine.explain_ended_child(p_step, v_child, v_name);
    end if;
    return stepbase_engine.reason(
      'child',
      format(
        'Waits for the child run %s of %s, which is %s.%s', v_child.id, v_name, v_child.status,
        stepbase_engine.deadline_text(p_step.deadline_at)
      ),
      v_since, p_step.deadline_at,
      jsonb_build_object('child_run_id', v_child.id, 'child_workflow', v_name, 'child_status', v_child.status)
    );
  end if;
  v_until := (stepbase_engine.child_link(p_step, v_workflow)).block_until;
  v_conditions := concat_ws(
    ' and ', 'the signal ' || (v_until ->> 'signal'),
    'the children ' || (select string_agg(c.name, ', ') from jsonb_array_elements_text(v_until -> 'children') c (name))
  );
  return stepbase_engine.reason(
    'child_blocked',
    format('The child %s starts after %s.', v_workflow, coalesce(nullif(v_conditions, ''), 'other steps')), v_since,
    p_step.deadline_at, jsonb_build_object('child_workflow', v_workflow, 'block_until', v_until)
  );
end;
$$;

comment on function stepbase_engine.explain_child(stepbase.step_runs) is
  'Reason child: the run that the step waits for, and its status. child_blocked: the child may not start yet, and block_until.';

create function stepbase_engine.explain_items(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'items', format('%s of %s items are finished; %s are open.', i.finished, p_step.items_total, i.open),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object('items_total', p_step.items_total, 'items_finished', i.finished, 'items_open', i.open)
  )
  from (
    select
      p_step.items_total - p_step.pending_in as finished,
      p_step.next_item - 1 - (p_step.items_total - p_step.pending_in) as open
  ) i;
$$;

comment on function stepbase_engine.explain_items(stepbase.step_runs) is
  'Reason items: how many items of a for_each are finished and open.';

create function stepbase_engine.explain_work_queue(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'work_queue',
    format(
      'Waits for an item of the work queue %s: place %s among the waiting steps.%s', q.queue_name,
      case when a.steps > 1000 then 'above 1000' else (a.steps + 1)::text end,
      stepbase_engine.deadline_text(p_step.deadline_at)
    ),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object('work_queue', q.queue_name, 'place', case when a.steps <= 1000 then a.steps + 1 end)
  )
  from stepbase.work_queues q
  cross join lateral (
    select count(*) as steps
    from (
      select 1 from stepbase.step_runs s
      where s.work_queue_id = q.id and s.status = 'waiting' and s.wait_kind = 'queue'
        and (s.created_at, s.id) < (p_step.created_at, p_step.id)
      limit 1001
    ) b
  ) a
  where q.id = p_step.work_queue_id;
$$;

comment on function stepbase_engine.explain_work_queue(stepbase.step_runs) is
  'Reason work_queue: the queue and the place among the steps that wait for its items, up to 1,000.';

create function stepbase_engine.explain_due_timer(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.needs_worker(
    stepbase_engine.reason(
      'timer_due', format('The timer was due at %s; a worker continues the step.', stepbase_engine.time_text(p_step.wake_at)),
      p_step.wake_at
    ),
    p_step.app_code
  )
  where p_step.wake_at <= stepbase_engine.now();
$$;

comment on function stepbase_engine.explain_due_timer(stepbase.step_runs) is
  'Reason timer_due: the time of a delay, retry or deadline has come and no worker has handled it yet. Null before.';

create function stepbase_engine.explain_callback(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'callback',
    format(
      'Waits for the callback of the component %s.%s', p_step.input ->> 'component',
      stepbase_engine.deadline_text(p_step.deadline_at)
    ),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object('component', p_step.input ->> 'component', 'heartbeat_until', nullif(p_step.wake_at, p_step.deadline_at))
  );
$$;

comment on function stepbase_engine.explain_callback(stepbase.step_runs) is
  'Reason callback: the component, the deadline, and when the next heartbeat must have come.';

create function stepbase_engine.explain_tools(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_engine.reason(
    'tools',
    format(
      'Waits for %s: %s.%s',
      case count(*) when 1 then '1 tool' else count(*) || ' tools' end,
      coalesce(
        string_agg(
          left(c.tool, 64) || case c.status when 'approval' then ' (a person has to approve it)' else '' end, ', '
          order by c.position
        ),
        'a worker records their results'
      ),
      stepbase_engine.deadline_text(p_step.deadline_at)
    ),
    coalesce(p_step.started_at, p_step.created_at), p_step.deadline_at,
    jsonb_build_object(
      'turn', max(c.turn),
      'tools', jsonb_agg(jsonb_build_object('tool', c.tool, 'status', c.status) order by c.position)
    )
  )
  from stepbase.agent_tool_calls c
  where c.run_id = p_step.run_id and c.app_code = p_step.app_code and c.step_id = p_step.step_id
    and c.item_index = p_step.item_index and c.completed_at is null;
$$;

comment on function stepbase_engine.explain_tools(stepbase.step_runs) is
  'Reason tools: the turn of the agent and its open tools; approval: a person has to approve the tool first.';

create function stepbase_engine.explain_wait(p_step stepbase.step_runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    stepbase_engine.explain_due_timer(p_step),
    case p_step.wait_kind
      when 'task' then stepbase_engine.explain_task(p_step)
      when 'delay' then stepbase_engine.explain_delay(p_step)
      when 'retry' then stepbase_engine.explain_retry(p_step)
      when 'signal' then stepbase_engine.explain_signal(p_step)
      when 'child' then stepbase_engine.explain_child(p_step)
      when 'items' then stepbase_engine.explain_items(p_step)
      when 'queue' then stepbase_engine.explain_work_queue(p_step)
      when 'callback' then stepbase_engine.explain_callback(p_step)
      when 'tools' then stepbase_engine.explain_tools(p_step)
    end,
    stepbase_engine.reason(
      p_step.wait_kind,
      format('Waits for an event of kind %s.%s', p_step.wait_kind, stepbase_engine.deadline_text(p_step.deadline_at)),
      coalesce(p_step.started_at, p_step.created_at), coalesce(p_step.deadline_at, p_step.wake_at)
    )
  );
$$;

comment on function stepbase_engine.explain_wait(stepbase.step_runs) is
  'Why a waiting step waits. A wait kind without a function of its own gets a general sentence.';
