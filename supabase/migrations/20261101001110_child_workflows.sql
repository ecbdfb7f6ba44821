-- Child workflows: a step starts a run of another workflow of its app and waits for it, or not.
-- What the end of one means for the other is in …_child_ends.sql.

create function stepbase_engine.child_link(p_step stepbase.step_runs, p_workflow text)
returns stepbase.workflow_children
language sql
stable
set search_path = ''
as $$
  select l
  from stepbase.runs r
  join stepbase.workflow_children l on l.parent_workflow_id = r.workflow_id
  join stepbase.workflows w on w.id = l.child_workflow_id
  where r.id = p_step.run_id and (l.child_workflow_name = p_workflow or w.kebab_name = p_workflow)
  order by l.child_workflow_name = p_workflow desc
  limit 1;
$$;

comment on function stepbase_engine.child_link(stepbase.step_runs, text) is
  'How the workflow of a step''s run is tied to a child, named as in workflow_children or by its kebab name; null when '
  'nothing is declared.';

create function stepbase_engine.may_start_child(p_step stepbase.step_runs, p_child text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1
    from stepbase.runs r
    join stepbase.workflow_nodes n on n.workflow_version_id = r.workflow_version_id
    cross join lateral stepbase_private.called_workflow(n.node_type, n.config) as c (name)
    where r.id = p_step.run_id
      and (
        strpos(c.name, '{{') > 0
        or stepbase_private.child_workflow_id(r.workflow_id, c.name)
          = stepbase_private.child_workflow_id(r.workflow_id, p_child)
      )
      and n.node_id not in (select stepbase_engine.downstream(r.workflow_version_id, p_step.step_id))
      and (
        select coalesce(bool_or(s.completed_at is null), true)
        from stepbase.step_runs s
        where s.run_id = r.id and s.step_id = n.node_id and s.item_index = 0
      )
  );
$$;

comment on function stepbase_engine.may_start_child(stepbase.step_runs, text) is
  'Whether another step of the run that is not resolved yet may start a child that this one waits for.';

create function stepbase_engine.child_is_blocked(p_step stepbase.step_runs, p_block_until jsonb)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run_id constant uuid := p_step.run_id;
  v_child text;
  v_failed text;
begin
  if p_block_until ? 'signal' and not exists (
    select 1 from stepbase.run_signals g
    where g.run_id = v_run_id and g.signal_name = p_block_until ->> 'signal'
  ) then
    return true;
  end if;
  for v_child in
    select c from jsonb_array_elements_text(coalesce(p_block_until -> 'children', '[]')) as c
  loop
    -- A child that ended otherwise than completed never lets this one start.
    select c.status into v_failed
    from stepbase.runs c
    join stepbase.workflows w on w.id = c.workflow_id
    join stepbase.runs r on r.id = v_run_id
    left join stepbase.workflow_children l
      on l.parent_workflow_id = r.workflow_id and l.child_workflow_id = w.id
    where c.parent_run_id = v_run_id and v_child in (l.child_workflow_name, w.kebab_name)
    order by c.status = 'completed' desc, c.completed_at is null desc
    limit 1;
    if v_failed in ('failed', 'cancelled', 'timed_out') then
      perform stepbase_private.raise_error(
        'conflict', format('it waits for child %s, which is %s', v_child, v_failed)
      );
    end if;
    if v_failed is null and not stepbase_engine.may_start_child(p_step, v_child) then
      perform stepbase_private.raise_error(
        'conflict', format('it waits for child %s, which nothing starts any more', v_child)
      );
    end if;
    if v_failed is distinct from 'completed' then
      return true;
    end if;
  end loop;
  return false;
end;
$$;

comment on function stepbase_engine.child_is_blocked(stepbase.step_runs, jsonb) is
  'Whether block_until keeps the child of a step from starting: {signal?: a signal the run has to have got, children?: '
  'names of children that have to have completed}. SB409 when one of those ended otherwise, or is never started.';

create function stepbase_engine.child_depth(p_run_id uuid)
returns int
language sql
stable
set search_path = ''
as $$
  with recursive line as (
    select r.parent_run_id, 0 as depth from stepbase.runs r where r.id = p_run_id
    union all
    select r.parent_run_id, l.depth + 1
    from line l
    join stepbase.runs r on r.id = l.parent_run_id
  )
  select max(l.depth) from line l;
$$;

comment on function stepbase_engine.child_depth(uuid) is 'How many runs are above a run: its parent, that one''s parent, and so on.';

create function stepbase_engine.start_child(p_step stepbase.step_runs, p_child jsonb)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_link stepbase.workflow_children := stepbase_engine.child_link(p_step, p_child ->> 'workflow');
  v_workflow stepbase.workflows;
  v_parent stepbase.runs;
begin
  -- Workflows that call themselves for ever are a mistake of their makers, not of the engine's.
  if stepbase_engine.child_depth(p_step.run_id) >= 16 then
    perform stepbase_private.raise_error(
      'limit_reached', 'it would be the 17th child in a row', '{"max_depth": 16}'
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
      'not_found', format('there is no workflow %s', p_child ->> 'workflow')
    );
  end if;
  perform stepbase_engine.require_runnable(v_workflow);
  if v_link.block_until is not null and stepbase_engine.child_is_blocked(p_step, v_link.block_until) then
    return null;
  end if;
  return (
    stepbase_engine.start_run(
      p_step.app_code, v_workflow.published_version_id, coalesce(nullif(p_child -> 'input', 'null'), '{}'), 'child',
      -- The same attempt never starts a second child, whatever is delivered again. (Only a policy that
      -- says retry_on: ["child_failed"] makes an attempt after a child was started.)
      format('child:%s:%s:%s', p_step.run_id, p_step.step_id, p_step.item_index)
        || case when p_step.attempt > 1 then ':' || p_step.attempt else '' end,
      v_parent.priority, v_parent.created_by, p_step.run_id, p_step.id, null, null, '{}',
      coalesce(p_child ->> 'parent_close_policy', v_link.parent_close_policy, 'terminate')
    )
  ).id;
end;
$$;

comment on function stepbase_engine.start_child(stepbase.step_runs, jsonb) is
  'Starts the child run of a child_workflow step, {workflow, input?, parent_close_policy?}, with what workflow_children '
  'declares of it; null while its block_until does not hold. SB404, SB409, SB422, SB429 too deep.';

create function stepbase_engine.start_children(p_step_run_ids uuid[], p_children jsonb[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_wanted record;
  v_step stepbase.step_runs;
  v_child_id uuid;
  v_detail text;
  v_error jsonb;
begin
  for v_wanted in
    select c.id, c.child from unnest(p_step_run_ids, p_children) as c (id, child)
  loop
    -- One before it may have ended their run, or the list that both are items of.
    select s.* into v_step from stepbase.step_runs s where s.id = v_wanted.id and s.status = 'waiting';
    continue when not found;
    begin
      v_child_id := stepbase_engine.start_child(v_step, v_wanted.child);
    exception when others then
      -- A child that cannot be started is the failure of its step alone.
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
    if not coalesce((v_wanted.child ->> 'wait')::boolean, true) then
      perform stepbase_engine.complete_waiting_steps(
        array[v_step.id], array[jsonb_build_object('run_id', v_child_id)], array[null::text]
      );
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.start_children(uuid[], jsonb[]) is
  'Starts a child run for each waiting step whose block_until holds; steps that do not wait for it complete with {run_id}.';

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
  'Looks at the children of a run that block_until kept from starting once more. The caller has locked the run.';

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
  'Trigger: a step that could have started a child will not any more; those that wait for that child must not wait for ever.';

-- Other steps pay for the comparison only.
create trigger step_runs_look_at_blocked_children
after insert or update of status on stepbase.step_runs
for each row when (
  new.step_type in ('child_workflow', 'for_each') and new.item_index = 0
  and new.status in ('completed', 'failed', 'skipped')
)
execute function stepbase_engine.check_blocked_children();
