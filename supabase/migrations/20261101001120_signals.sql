-- Signals: a signal is stored with its run until a step waits for it. The step and the signal may come in either
-- order; the second one finds the first, because both lock the run.

create function stepbase_engine.deliver_signals(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_steps uuid[];
  v_payloads jsonb[];
begin
  with
  -- The waiting steps, numbered by signal name in the order in which they started to wait.
  waiting as (
    select
      s.id, s.run_id, s.signal_name,
      row_number() over (partition by s.run_id, s.signal_name order by s.created_at, s.id) as position
    from stepbase.step_runs s
    where s.run_id = any(p_run_ids) and s.status = 'waiting' and s.wait_kind = 'signal'
  ),
  -- The unconsumed signals, numbered by name in their order of arrival.
  stored as (
    select
      g.id, g.run_id, g.signal_name, g.payload,
      row_number() over (partition by g.run_id, g.signal_name order by g.created_at, g.id) as position
    from stepbase.run_signals g
    where g.run_id = any(p_run_ids) and g.consumed_at is null
  ),
  -- The n-th waiting step of a name consumes the n-th signal of that name.
  consumed as (
    update stepbase.run_signals g
    set consumed_at = stepbase_engine.now(), step_run_id = w.id
    from stored d
    join waiting w
      on w.run_id = d.run_id and w.signal_name = d.signal_name and w.position = d.position
    where g.id = d.id
    returning w.id as step_run_id, g.payload
  )
  select array_agg(c.step_run_id), array_agg(c.payload)
  into v_steps, v_payloads
  from consumed c;

  if v_steps is not null then
    perform stepbase_engine.complete_waiting_steps(
      v_steps, v_payloads, array_fill(null::text, array[cardinality(v_steps)]), 'signal.received'
    );
  end if;
end;
$$;

comment on function stepbase_engine.deliver_signals(uuid[]) is
  'Gives stored signals to the steps that wait for them, oldest first. The caller has locked the runs.';

create function stepbase_engine.check_pending_signals(p_run stepbase.runs, p_signal_name text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_limit int;
begin
  select q.max_pending_signals into v_limit from stepbase.app_quotas q where q.app_code = p_run.app_code;
  if v_limit = (
    select count(*)
    from (
      select 1 from stepbase.run_signals g
      where g.run_id = p_run.id and g.app_code = p_run.app_code and g.consumed_at is null
      limit v_limit
    ) g
  )
  -- A step that waits consumes the signal at once.
  and not exists (
    select 1 from stepbase.step_runs s
    where s.run_id = p_run.id and s.status = 'waiting' and s.wait_kind = 'signal' and s.signal_name = p_signal_name
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('The run has %s signals that no step has consumed, the quota', v_limit),
      jsonb_build_object('quota', 'max_pending_signals', 'limit', v_limit)
    );
  end if;
end;
$$;

comment on function stepbase_engine.check_pending_signals(stepbase.runs, text) is
  'Raises SB429 limit_reached if a run has max_pending_signals signals that no step has consumed, and no step waits for '
  'this one. The caller has locked the run.';

create function stepbase_engine.accept_signal(
  p_run stepbase.runs, p_signal_name text, p_payload jsonb, p_actor_id uuid default null,
  p_sent_key text default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_errors jsonb;
  v_work_queue_id uuid;
  v_is_open boolean;
  v_owner text;
begin
  if p_signal_name !~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$' then
    perform stepbase_private.raise_error(
      'invalid_request',
      'A signal name must start with a letter and have at most 100 letters, digits, underscores, dots and hyphens'
    );
  end if;
  select
    case when d.parameters is not null then stepbase_private.json_schema_errors(d.parameters, p_payload) end,
    d.work_queue_id
  into v_errors, v_work_queue_id
  from stepbase.workflow_signals d
  where d.workflow_id = p_run.workflow_id and d.signal_name = p_signal_name;
  -- The signal of a work queue pushes an item. In a run of another workflow it would be kept and never do so.
  if not found and not exists (
    select 1 from stepbase.workflow_nodes n
    where n.workflow_version_id = p_run.workflow_version_id and n.node_type = 'wait_for_signal'
      and (n.config ->> 'signal_name' = p_signal_name or strpos(n.config ->> 'signal_name', '{{') > 0)
  ) and not exists (
    select 1 from stepbase.workflow_children c
    where c.parent_workflow_id = p_run.workflow_id and c.block_until ->> 'signal' = p_signal_name
  ) then
    select w.kebab_name into v_owner
    from stepbase.work_queues q
    join stepbase.workflows w on w.id = q.workflow_id
    where q.app_code = p_run.app_code and q.signal_name = p_signal_name
    order by w.kebab_name
    limit 1;
    if v_owner is not null then
      perform stepbase_private.raise_error(
        'not_found',
        format('Signal %s belongs to a work queue of workflow %s; send it to a run of that workflow', p_signal_name, v_owner),
        jsonb_build_object('signal_name', p_signal_name, 'workflow', v_owner)
      );
    end if;
  end if;
  if jsonb_array_length(v_errors) > 0 then
    perform stepbase_private.raise_error(
      'invalid_input',
      format('The payload does not match the parameters of signal %s', p_signal_name),
      jsonb_build_object('errors', v_errors)
    );
  end if;

  perform 1 from stepbase.runs r where r.id = p_run.id and r.completed_at is null for no key update;
  v_is_open := found;
  -- A repeated signal is not an error, even if the first one ended the run.
  if p_sent_key is not null and (
    exists (
      select 1 from stepbase.run_signals g where g.run_id = p_run.id and g.sent_key = p_sent_key
    )
    or exists (
      select 1 from stepbase.work_queue_items i
      where i.work_queue_id = v_work_queue_id and i.push_key = p_sent_key
    )
  ) then
    return;
  end if;
  if not v_is_open then
    perform stepbase_private.raise_error('conflict', 'The run has ended and accepts no signals');
  end if;
  if v_work_queue_id is not null then
    -- The signal of a work queue pushes its payload as an item.
    perform stepbase_engine.push_work_item(v_work_queue_id, p_payload, 0, p_run.id, p_sent_key);
  else
    perform stepbase_engine.check_pending_signals(p_run, p_signal_name);
    insert into stepbase.run_signals (run_id, app_code, signal_name, payload, sent_by, sent_key)
    values (p_run.id, p_run.app_code, p_signal_name, p_payload, p_actor_id, p_sent_key);
  end if;
  perform stepbase_engine.append_events(array[
    stepbase_engine.run_event(
      'signal.sent', p_run.id, p_run.app_code,
      (select r.status from stepbase.runs r where r.id = p_run.id),
      p_actor_id, jsonb_build_object('signal_name', p_signal_name)
    )
  ]);
  perform stepbase_engine.deliver_signals(array[p_run.id]);
  perform stepbase_engine.start_blocked_children(p_run.id);
  perform stepbase_engine.notify_run(p_run.app_code, p_run.id);
end;
$$;

comment on function stepbase_engine.accept_signal(stepbase.runs, text, jsonb, uuid, text) is
  'Sends a signal to a run: checks the payload against the declared parameters, then stores the signal, gives '
  'it to a waiting step, or pushes it as an item if a work queue has declared it. A repeated p_sent_key '
  'changes nothing. Locks the run. Errors: SB400 invalid name, SB404 nothing in the workflow '
  'receives the signal, SB409 the run has ended, SB422 invalid payload, SB429 the queue '
  'is full or max_pending_signals signals wait.';
