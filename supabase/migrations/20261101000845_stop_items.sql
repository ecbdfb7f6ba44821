-- stop_items: an item of a for_each failed for good, so the other items stop before fail fails the for_each step.

create function stepbase_engine.stop_items(
  p_failed_item_ids uuid[], out run_ids uuid[], out parent_ids uuid[], out errors jsonb[]
)
language plpgsql
set search_path = ''
as $$
declare
  v_jobs uuid[];
  v_running uuid[];
  v_left_children uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  select array_agg(f.id), array_agg(f.run_id), array_agg(f.error)
  into parent_ids, run_ids, errors
  from (
    select distinct on (p.id)
      p.id, p.run_id,
      i.error || jsonb_build_object('retryable', false, 'item_index', i.item_index) as error
    from stepbase.step_runs i
    join stepbase.step_runs p
      on p.run_id = i.run_id and p.step_id = i.step_id and p.item_index = 0 and p.status = 'waiting'
    where i.id = any(p_failed_item_ids)
    order by p.id, i.item_index
  ) f;
  if parent_ids is null then
    return;
  end if;

  with open_item as (
    select i.id, i.status, i.job_id
    from stepbase.step_runs p
    join stepbase.step_runs i
      on i.run_id = p.run_id and i.step_id = p.step_id
      -- Items, and the tools of agents among them.
      and (i.item_index > 0 or i.item_index < -1)
    where p.id = any(parent_ids) and i.status in ('pending', 'ready', 'running', 'waiting')
  ),
  cancelled as (
    update stepbase.step_runs s
    set status = 'cancelled', completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from open_item o
    where s.id = o.id
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.wait_kind, o.status as old_status,
      o.job_id
  ),
  stopped_call as (
    update stepbase.agent_tool_calls c
    set
      status = 'cancelled', completed_at = v_now,
      error = jsonb_build_object('code', 'cancelled', 'message', 'The for_each of the agent ended')
    from stepbase.step_runs p
    where p.id = any(parent_ids)
      and c.run_id = p.run_id and c.app_code = p.app_code and c.step_id = p.step_id and c.completed_at is null
  )
  select
    array_agg(
      stepbase_engine.step_event(
        'step.cancelled', c.run_id, c.app_code, c.step_id, c.item_index, c.attempt, 'cancelled',
        p_open_delta => -1
      ) order by c.run_id, c.item_index
    ) filter (where c.old_status <> 'pending'),
    array_agg(distinct c.job_id) filter (where c.job_id is not null),
    array_agg(c.id) filter (where c.old_status = 'running'),
    array_agg(c.id) filter (where c.old_status = 'waiting' and c.wait_kind = 'child')
  into v_events, v_jobs, v_running, v_left_children
  from cancelled c;

  if v_events is not null then
    perform stepbase_engine.append_events(v_events);
  end if;
  -- Workers that listen stop these handlers at once.
  perform pg_notify('stepbase', 'stop:' || i.id::text) from unnest(v_running) as i (id);
  if v_left_children is not null then
    perform stepbase_engine.detach_children(run_ids, v_left_children);
  end if;
  perform stepbase_engine.end_tokens(coalesce(v_jobs, '{}'));
end;
$$;

comment on function stepbase_engine.stop_items(uuid[]) is
  'Cancels the open items of the for_each steps that the given failed items belong to, with the tokens that carry them '
  'and the children that they wait for. Returns those for_each steps with their runs and the errors to fail them with: '
  'that of the first failed item, with its item_index, not retryable. The caller has locked the runs.';
