-- Child workflows, part 1: whether a step may start its child now, later or never. workflow_children declares
-- the children of a workflow; its block_until names a signal or other children that have to come first.

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
  'The declaration in workflow_children that applies to a child of a step, by its declared name or by '
  'kebab_name; null if there is none.';

create function stepbase_engine.may_start_child(p_step stepbase.step_runs, p_child text)
returns boolean
language sql
stable
set search_path = ''
as $$
  -- Searches for a node that names the child (or computes the name), is not behind this step and is not resolved.
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
  'Whether an unresolved step of the run, other than this one and the steps after it, may still start a child '
  'of this name.';

create function stepbase_engine.child_is_blocked(p_step stepbase.step_runs, p_block_until jsonb)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run_id constant uuid := p_step.run_id;
  v_child text;
  v_status text;
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
    -- Of several runs of the child, a completed one counts first, then an open one.
    select c.status into v_status
    from stepbase.runs c
    join stepbase.workflows w on w.id = c.workflow_id
    join stepbase.runs r on r.id = v_run_id
    left join stepbase.workflow_children l
      on l.parent_workflow_id = r.workflow_id and l.child_workflow_id = w.id
    where c.parent_run_id = v_run_id and v_child in (l.child_workflow_name, w.kebab_name)
    order by c.status = 'completed' desc, c.completed_at is null desc
    limit 1;
    if v_status in ('failed', 'cancelled', 'timed_out') then
      perform stepbase_private.raise_error(
        'conflict', format('The child waits for %s (block_until), which ended with status %s', v_child, v_status)
      );
    end if;
    if v_status is null and not stepbase_engine.may_start_child(p_step, v_child) then
      perform stepbase_private.raise_error(
        'conflict', format('The child waits for %s (block_until), but no open step of this run starts it', v_child)
      );
    end if;
    if v_status is distinct from 'completed' then
      return true;
    end if;
  end loop;
  return false;
end;
$$;

comment on function stepbase_engine.child_is_blocked(stepbase.step_runs, jsonb) is
  'Whether block_until prevents the child of a step from starting now: {signal?: name of a signal the run '
  'must have received, children?: names of children that must have completed}. SB409 if such a child ended in '
  'another way or no step can start it.';

create function stepbase_engine.child_depth(p_run_id uuid)
returns int
language sql
stable
set search_path = ''
as $$
  with recursive ancestor as (
    select r.parent_run_id, 0 as depth from stepbase.runs r where r.id = p_run_id
    union all
    select r.parent_run_id, a.depth + 1
    from ancestor a
    join stepbase.runs r on r.id = a.parent_run_id
  )
  select max(a.depth) from ancestor a;
$$;

comment on function stepbase_engine.child_depth(uuid) is
  'The number of ancestors of a run: 0 for a run without a parent.';
