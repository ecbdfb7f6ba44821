-- continue_on_version: an open or failed run continues on another version of its workflow. A new run copies the
-- results of the steps that the versions share, as a rerun does. An open run ends as cancelled, without compensation:
-- the new run compensates the copied steps if it fails. A run that has failed stays as it is.

create function stepbase_engine.continue_plan(p_run stepbase.runs, p_workflow_version_id uuid)
returns table (step_id text, ordinal int, action text, reason text)
language plpgsql
stable
set search_path = ''
-- While the tables are small, the planner estimates a nested loop as cheap, which would read all pairs of steps.
set enable_nestloop = off
set jit = off
as $$
declare
  v_node record;
  v_kept text[] := '{}';
  v_reason text;
begin
  -- In the order of the graph: whether a result is kept depends on the results before it.
  for v_node in
    with content as (
      select v.id as version_id, n.node
      from stepbase.workflow_versions v
      cross join lateral jsonb_array_elements(stepbase_private.content_of(v.definition) -> 'nodes') n (node)
      where v.id in (p_run.workflow_version_id, p_workflow_version_id)
    ),
    entries as (
      select
        e.workflow_version_id as version_id, e.target_node_id as node_id,
        array_agg(distinct e.source_node_id order by e.source_node_id) as sources,
        array_agg(concat_ws(':', e.source_node_id, e.source_handle) order by e.source_node_id, e.source_handle) as edges
      from stepbase.workflow_edges e
      where e.workflow_version_id in (p_run.workflow_version_id, p_workflow_version_id)
      group by 1, 2
    ),
    resolved as (
      select s.step_id from stepbase_engine.resolved_steps(p_run.id) s
    ),
    reached as (
      select distinct s.step_id from stepbase.step_runs s
      where s.run_id = p_run.id and s.item_index = 0 and s.status not in ('pending', 'skipped')
    )
    select
      n.node_id, n.ordinal, n.join_mode,
      coalesce(new_entries.sources, '{}') as sources,
      r.step_id is not null as is_resolved,
      x.step_id is not null as is_reached,
      case
        when o.node_id is null then 'new'
        when old_content.node is distinct from new_content.node
          or array(
            select concat_ws(' ', c.part, c.reference, c.component_id)
            from stepbase_engine.node_components(o) c
            order by 1
          ) is distinct from array(
            select concat_ws(' ', c.part, c.reference, c.component_id)
            from stepbase_engine.node_components(n) c
            order by 1
          )
          then 'changed'
        when old_entries.edges is distinct from new_entries.edges then 'edges_changed'
      end as difference
    from stepbase.workflow_nodes n
    left join stepbase.workflow_nodes o
      on o.workflow_version_id = p_run.workflow_version_id and o.node_id = n.node_id
    left join content new_content
      on new_content.version_id = n.workflow_version_id and new_content.node ->> 'id' = n.node_id
    left join content old_content
      on old_content.version_id = o.workflow_version_id and old_content.node ->> 'id' = n.node_id
    left join entries new_entries on new_entries.version_id = n.workflow_version_id and new_entries.node_id = n.node_id
    left join entries old_entries on old_entries.version_id = o.workflow_version_id and old_entries.node_id = n.node_id
    left join resolved r on r.step_id = n.node_id
    left join reached x on x.step_id = n.node_id
    where n.workflow_version_id = p_workflow_version_id
    order by n.ordinal
  loop
    v_reason := case
      when v_node.difference is not null then v_node.difference
      when not v_node.is_resolved then 'open'
      -- A join of any has a result before all of its branches have one.
      when not (
        v_node.sources <@ v_kept or (v_node.join_mode = 'any' and v_node.sources && v_kept)
      ) then 'after_changed'
    end;
    step_id := v_node.node_id;
    ordinal := v_node.ordinal;
    reason := v_reason;
    action := case
      when v_reason is null then 'copied' when v_node.is_reached then 'runs_again' else 'may_run'
    end;
    if v_reason is null then
      v_kept := v_kept || v_node.node_id;
    end if;
    return next;
  end loop;
end;
$$;

comment on function stepbase_engine.continue_plan(stepbase.runs, uuid) is
  'What happens to each step of a version when a run continues on it, in the order of the graph: copied, runs_again, or '
  'may_run (the run did not reach it), with the reason: new, changed, edges_changed, open, or after_changed. Copied are '
  'resolved steps with the same content, components and incoming edges, all of whose predecessors are copied.';

create function stepbase_engine.continue_target(p_run stepbase.runs, p_version int)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  v_workflow stepbase.workflows;
  v_version_id uuid;
begin
  if p_run.pending_outcome is not null
    or p_run.completed_at is not null and p_run.status not in ('failed', 'timed_out')
  then
    perform stepbase_private.raise_error(
      'conflict',
      case when p_run.completed_at is null then 'The run is compensating, so it cannot continue'
        else format('The run is already %s; rerun it instead', p_run.status) end
    );
  end if;
  if p_run.completed_at is not null and p_run.parent_run_id is not null then
    perform stepbase_private.raise_error(
      'conflict', 'A child of another run has failed; continue or redrive its parent',
      jsonb_build_object('parent_run_id', p_run.parent_run_id)
    );
  end if;
  if p_run.completed_at is not null and stepbase_engine.is_compensated(p_run.id) then
    perform stepbase_private.raise_error('conflict', 'The run was compensated, so it cannot continue; start a new run');
  end if;
  select w.* into strict v_workflow from stepbase.workflows w where w.id = p_run.workflow_id;
  perform stepbase_engine.require_runnable(v_workflow);
  if p_version is null then
    v_version_id := v_workflow.published_version_id;
  else
    select v.id into v_version_id
    from stepbase.workflow_versions v
    where v.workflow_id = p_run.workflow_id and v.version = p_version and v.status in ('published', 'deprecated');
    if not found then
      perform stepbase_private.raise_error(
        'not_found', format('Workflow %s has no published version %s', v_workflow.kebab_name, p_version),
        jsonb_build_object('version', p_version)
      );
    end if;
  end if;
  if v_version_id = p_run.workflow_version_id then
    perform stepbase_private.raise_error('conflict', 'The run already has this version');
  end if;
  return v_version_id;
end;
$$;

comment on function stepbase_engine.continue_target(stepbase.runs, int) is
  'The version on which an open or failed run continues: the one with the number, or the published one. SB404 if there is '
  'none, SB409 if the run has completed or was cancelled, compensates or has this version, is the failed child of a run, or '
  'if its workflow cannot be started.';

create function stepbase_engine.move_to_run(p_from uuid, p_to uuid, p_kept text[])
returns void
language sql
set search_path = ''
as $$
  -- Signals that no step has consumed.
  update stepbase.run_signals g set run_id = p_to
  where g.run_id = p_from and g.consumed_at is null;
  -- Work items that copied steps, or the schedule of the run, have taken; the end of the new run decides about them.
  update stepbase.work_queue_items i set taken_by_run_id = p_to
  where i.taken_by_run_id = p_from and i.status = 'taken'
    and (i.taken_key is null or split_part(i.taken_key, ':', 2) = any(p_kept));
$$;

comment on function stepbase_engine.move_to_run(uuid, uuid, text[]) is
  'Gives the signals and work items of a run that p_kept steps do not have to repeat to the run that continues it.';

create function stepbase_engine.move_hold(p_from stepbase.runs, p_to uuid)
returns void
language sql
set search_path = ''
as $$
  -- Further starts of a debounce or a batch join the new run, and a repeated start returns it.
  update stepbase_engine.flow_holds h set run_id = p_to
  from stepbase.workflow_flow_controls c
  where c.workflow_id = p_from.workflow_id and c.kind in ('debounce', 'batch')
    and h.key_id = stepbase_engine.flow_key(
      c, case c.kind when 'batch' then p_from.input #> '{items,0}' else p_from.input end
    )
    and h.run_id = p_from.id;
  update stepbase_engine.flow_starts s set run_id = p_to where s.run_id = p_from.id;
$$;

comment on function stepbase_engine.move_hold(stepbase.runs, uuid) is
  'Gives the flow key of a held run to the run that continues it.';

create function stepbase_engine.continue_run(
  p_run stepbase.runs, p_workflow_version_id uuid, p_reason text, p_actor_id uuid
)
returns stepbase.runs
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_kept text[];
  v_first text;
  v_new int;
  v_input jsonb := p_run.input;
  v_is_open constant boolean := p_run.completed_at is null;
begin
  select
    coalesce(array_agg(p.step_id) filter (where p.action = 'copied'), '{}'),
    (array_agg(p.step_id order by p.ordinal) filter (where p.action <> 'copied'))[1]
  into v_kept, v_first
  from stepbase_engine.continue_plan(p_run, p_workflow_version_id) p;
  select v.version into strict v_new from stepbase.workflow_versions v where v.id = p_workflow_version_id;

  if p_run.held_by is not null then
    v_input := stepbase_engine.gather_batch(p_run);
  end if;
  if v_is_open then
    -- The step of a parent waits for the new run, and a repeated start returns it.
    update stepbase.runs r set parent_step_run_id = null, idempotency_key = null
    where r.id = p_run.id and (r.parent_step_run_id is not null or r.idempotency_key is not null);
    -- Ends first: the new run takes its place in the quota of the application.
    perform stepbase_engine.end_runs(
      array[p_run.id], 'cancelled',
      jsonb_strip_nulls(jsonb_build_object(
        'code', 'continued_on_version', 'message', format('Another run continues it on version %s', v_new),
        'version', v_new, 'reason', p_reason
      )),
      p_actor_id, false
    );
  end if;
  v_run := stepbase_engine.start_run(
    p_run.app_code, p_workflow_version_id, v_input, p_run.trigger_type,
    -- A failed run keeps its key, as after a redrive.
    case when v_is_open then p_run.idempotency_key end, p_run.priority,
    p_actor_id, p_run.parent_run_id, p_run.parent_step_run_id, p_run.id,
    case when v_kept <> '{}' then v_first end, p_run.metadata, p_run.parent_close_policy,
    p_run.tags, case when v_is_open then p_run.start_at end
  );
  if v_run.held_by is not null then
    perform stepbase_engine.move_hold(p_run, v_run.id);
  end if;
  if v_kept <> '{}' then
    perform stepbase_engine.copy_results(v_run.id, p_run.id, null, v_kept, p_is_continued => true);
    if v_first is null or not exists (
      select 1 from stepbase.step_runs s where s.run_id = v_run.id and s.status in ('ready', 'running')
    ) then
      perform stepbase_private.raise_error(
        'conflict', 'No step of the version would run: cancel the run, or let it end'
      );
    end if;
  end if;
  if v_is_open then
    perform stepbase_engine.move_to_run(p_run.id, v_run.id, v_kept);
  end if;
  perform stepbase_engine.append_events(array[
    stepbase_engine.run_event(
      'run.continued', v_run.id, v_run.app_code, v_run.status, p_actor_id,
      jsonb_strip_nulls(jsonb_build_object(
        'from_run_id', p_run.id, 'version', v_new, 'copied', cardinality(v_kept), 'reason', p_reason
      ))
    )
  ]);
  return v_run;
end;
$$;

comment on function stepbase_engine.continue_run(stepbase.runs, uuid, text, uuid) is
  'Ends an open run as cancelled, without compensation, and starts a run of another version that has its results, its unread '
  'signals, its parent and its idempotency key. Of a failed run the new run has the results only. The caller has locked the '
  'run and checked the version.';
