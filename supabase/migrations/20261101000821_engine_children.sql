-- Child workflows: a step starts a run of another workflow of its app and waits for it, or not.
-- Parent and child are locked in transactions of their own: what one's end means for the other goes
-- through the outbox, so that the two locks are never held together.

create function engine.start_child(p_step public.step_runs, p_child jsonb)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_version_id uuid;
  v_parent public.runs;
begin
  select r.* into strict v_parent from public.runs r where r.id = p_step.run_id;
  select w.published_version_id into v_version_id
  from public.workflows w
  where w.app_code = p_step.app_code
    and w.kebab_name = p_child ->> 'workflow'
    and w.status = 'published'
    and w.deleted_at is null;
  if v_version_id is null then
    perform private.fail(
      'SB404', 'not_found',
      format('there is no published workflow %s', p_child ->> 'workflow')
    );
  end if;
  return (
    engine.start_run(
      p_step.app_code, v_version_id, coalesce(p_child -> 'input', '{}'), 'child',
      -- The same attempt never starts a second child, whatever is delivered again. (Only a policy that
      -- says retry_on: ["child_failed"] makes an attempt after a child was started.)
      format('child:%s:%s:%s', p_step.run_id, p_step.step_id, p_step.item_index)
        || case when p_step.attempt > 1 then ':' || p_step.attempt else '' end,
      v_parent.priority, v_parent.created_by, p_step.run_id, p_step.id, null, null, '{}',
      coalesce(p_child ->> 'parent_close_policy', 'terminate')
    )
  ).id;
end;
$$;

comment on function engine.start_child(public.step_runs, jsonb) is
'Starts the child run of a child_workflow step: {workflow, input?, parent_close_policy = terminate}; SB404, SB422.';

create function engine.start_children(p_step_run_ids uuid[], p_children jsonb[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_wanted record;
  v_step public.step_runs;
  v_child_id uuid;
begin
  for v_wanted in
    select s as step, c.child
    from unnest(p_step_run_ids, p_children) as c (id, child)
    join public.step_runs s on s.id = c.id
  loop
    v_step := v_wanted.step;
    begin
      v_child_id := engine.start_child(v_step, v_wanted.child);
    exception when others then
      -- A child that cannot be started is the failure of its step alone.
      perform engine.fail(
        array[v_step.run_id], array[v_step.id], array[null::int], array[null::jsonb],
        array[jsonb_build_object('code', 'child_not_started', 'message', sqlerrm)]
      );
      continue;
    end;
    perform engine.record(array[
      row(
        v_step.run_id, v_step.app_code, 'child.started', v_step.step_id, v_step.item_index,
        v_step.attempt, 'waiting', 0, 0, 0, null, jsonb_build_object('run_id', v_child_id)
      )::engine.event
    ]);
    if not coalesce((v_wanted.child ->> 'wait')::boolean, true) then
      perform engine.resolve_waiting(
        array[v_step.id], array[jsonb_build_object('run_id', v_child_id)], array[null::text]
      );
    end if;
  end loop;
end;
$$;

comment on function engine.start_children(uuid[], jsonb[]) is
'Starts a child run for each waiting step; steps that do not wait for it complete with {run_id}.';

create function engine.follow_ended(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run public.runs;
  v_children uuid[];
begin
  for v_run in
    select r.* from public.runs r where r.id = any(p_run_ids) and r.completed_at is not null
    order by r.id
  loop
    if v_run.parent_step_run_id is not null then
      if v_run.status = 'completed' then
        perform engine.resolve_waiting(
          array[v_run.parent_step_run_id], array[coalesce(v_run.output, '{}')], array[null::text]
        );
      else
        perform engine.fail(
          array[v_run.parent_run_id], array[v_run.parent_step_run_id], array[null::int],
          array[null::jsonb],
          array[
            jsonb_build_object(
              'code', 'child_' || v_run.status,
              'message', format('the child run %s is %s', v_run.id, v_run.status),
              'retryable', false,
              'details', jsonb_strip_nulls(
                jsonb_build_object('run_id', v_run.id, 'error', v_run.error)
              )
            )
          ]
        );
      end if;
    end if;

    select array_agg(c.id) into v_children
    from public.runs c
    where c.parent_run_id = v_run.id
      and c.completed_at is null
      and c.parent_close_policy in ('terminate', 'request_cancel');
    if v_children is not null then
      perform engine.end_runs(
        v_children, 'cancelled',
        jsonb_build_object(
          'code', 'parent_closed', 'message', format('the parent run is %s', v_run.status)
        )
      );
    end if;
  end loop;
end;
$$;

comment on function engine.follow_ended(uuid[]) is
'What the end of runs means for others: steps that wait for them go on or fail, open children are closed by policy.';
