-- Child workflows, part 2: a step starts a run of another workflow of its application, and waits for its
-- result or continues. *_child_ends.sql handles the ends of parents and children.

create function stepbase_engine.start_child(p_step stepbase.step_runs, p_child jsonb)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_link stepbase.workflow_children := stepbase_engine.child_link(p_step, p_child ->> 'workflow');
  v_workflow stepbase.workflows;
  v_parent stepbase.runs;
  v_version_id uuid;
begin
  -- Stops workflows that start each other without end.
  if stepbase_engine.child_depth(p_step.run_id) >= 16 then
    perform stepbase_private.raise_error(
      'limit_reached', 'Child workflows may be nested at most 16 levels deep', '{"max_depth": 16}'
    );
  end if;
  select r.* into strict v_parent from stepbase.runs r where r.id = p_step.run_id;
  select w.* into v_workflow
  from stepbase.workflows w
  where w.app_code = p_step.app_code
    and case when v_link.id is null then w.kebab_name = p_child ->> 'workflow'
      else w.id = v_link.child_workflow_id end;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist in this application', p_child ->> 'workflow')
    );
  end if;
  perform stepbase_engine.require_runnable(v_workflow);
  if v_link.block_until is not null and stepbase_engine.child_is_blocked(p_step, v_link.block_until) then
    return null;
  end if;
  v_version_id := v_workflow.published_version_id;
  if v_workflow.canary_id is not null then
    v_version_id := stepbase_engine.version_to_start(
      v_workflow.canary_id, v_version_id, nullif(p_child -> 'input', 'null'), p_step.id::text
    );
  end if;
  return (
    stepbase_engine.start_run(
      p_step.app_code, v_version_id, coalesce(nullif(p_child -> 'input', 'null'), '{}'), 'child',
      -- An attempt starts one child, however often its token is delivered. A later attempt starts another
      -- one; it needs a retry policy with retry_on: ["child_failed"].
      format('child:%s:%s:%s', p_step.run_id, p_step.step_id, p_step.item_index)
        || case when p_step.attempt > 1 then ':' || p_step.attempt else '' end,
      v_parent.priority, v_parent.created_by, p_step.run_id, p_step.id, null, null, '{}',
      coalesce(p_child ->> 'parent_close_policy', v_link.parent_close_policy, 'terminate')
    )
  ).id;
end;
$$;

comment on function stepbase_engine.start_child(stepbase.step_runs, jsonb) is
  'Starts the child run of a child_workflow step, {workflow, input?, parent_close_policy?}, with the '
  'declaration in workflow_children, and returns its id; null while block_until does not hold. Errors: SB404, '
  'SB409, SB422, SB429 nested too deep, or the app has max_open_runs open runs.';

create function stepbase_engine.start_children(p_step_run_ids uuid[], p_children jsonb[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_request record;
  v_step stepbase.step_runs;
  v_child_id uuid;
  v_trace_id text;
  -- The remaining quota by trace: counted once for each root run of the batch.
  v_left jsonb := '{}';
  v_detail text;
  v_error jsonb;
begin
  for v_request in
    select c.id, c.child from unnest(p_step_run_ids, p_children) as c (id, child)
  loop
    -- A failure earlier in this loop may have ended the run or the for_each of this step.
    select s.* into v_step from stepbase.step_runs s where s.id = v_request.id and s.status = 'waiting';
    continue when not found;
    begin
      select r.trace_id into strict v_trace_id from stepbase.runs r where r.id = v_step.run_id;
      if not v_left ? v_trace_id then
        v_left := v_left
          || jsonb_build_object(v_trace_id, stepbase_engine.descendants_left(v_trace_id, v_step.app_code));
      end if;
      if (v_left ->> v_trace_id)::int <= 0 then
        perform stepbase_private.raise_error(
          'limit_reached', 'The root run has as many child runs as its quota allows', '{"quota": "max_descendants"}'
        );
      end if;
      v_child_id := stepbase_engine.start_child(v_step, v_request.child);
      v_left := v_left || jsonb_build_object(v_trace_id, (v_left ->> v_trace_id)::int - 1);
    exception when others then
      -- A refused start fails this step; the other steps of the batch continue.
      get stacked diagnostics v_detail = pg_exception_detail;
      v_error := stepbase_engine.describe_error(sqlstate, sqlerrm, v_detail);
      perform stepbase_engine.fail(
        array[v_step.run_id], array[v_step.id], array[null::int], array[null::jsonb],
        array[
          jsonb_build_object(
            'code', 'child_not_started', 'message', sqlerrm,
            'details', v_error - '{message,at}'::text[]
          )
        ]
      );
      continue;
    end;
    continue when v_child_id is null;
    perform stepbase_engine.append_events(array[
      stepbase_engine.step_event(
        'child.started', v_step.run_id, v_step.app_code, v_step.step_id, v_step.item_index, v_step.attempt,
        'waiting', p_payload => jsonb_build_object('run_id', v_child_id)
      )
    ]);
    if not coalesce((v_request.child ->> 'wait')::boolean, true) then
      perform stepbase_engine.complete_waiting_steps(
        array[v_step.id], array[jsonb_build_object('run_id', v_child_id)], array[null::text]
      );
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.start_children(uuid[], jsonb[]) is
  'Starts the child of each waiting step, unless block_until prevents it (parallel arrays: step run, child). '
  'Steps with wait: false complete with {run_id}; a step whose child is refused fails with child_not_started.';

create function stepbase_engine.start_blocked_children(p_run_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_steps uuid[];
  v_children jsonb[];
begin
  select array_agg(s.id order by s.created_at, s.id), array_agg(s.input order by s.created_at, s.id)
  into v_steps, v_children
  from stepbase.step_runs s
  join stepbase.runs r on r.id = s.run_id and r.status = 'running' and r.pending_outcome is null
  where s.run_id = p_run_id and s.status = 'waiting' and s.wait_kind = 'child'
    and not exists (
      select 1 from stepbase.runs c where c.parent_run_id = p_run_id and c.parent_step_run_id = s.id
    );
  if v_steps is not null then
    perform stepbase_engine.start_children(v_steps, v_children);
  end if;
end;
$$;

comment on function stepbase_engine.start_blocked_children(uuid) is
  'Checks block_until again for the waiting steps of a run and starts the children that may start now. The '
  'caller has locked the run.';

create function stepbase_engine.check_blocked_children()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  select r.app_code, 'run', r.id, 'children.blocked'
  from stepbase.runs r
  where r.id = new.run_id
    and exists (
      select 1 from stepbase.workflow_children l
      where l.parent_workflow_id = r.workflow_id and l.block_until ? 'children'
    );
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.check_blocked_children() is
  'Trigger: a resolved step will start no child any more. Asks the relay (outbox, children.blocked) to check '
  'the steps whose block_until may wait for that child.';

-- The condition is in the trigger, so that other steps do not call the function.
create trigger step_runs_check_blocked_children
after insert or update of status on stepbase.step_runs
for each row when (
  new.step_type in ('child_workflow', 'for_each') and new.item_index = 0
  and new.status in ('completed', 'failed', 'skipped')
)
execute function stepbase_engine.check_blocked_children();
