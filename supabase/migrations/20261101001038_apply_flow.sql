-- Flow controls that change: they apply to the runs that wait, and concurrency keys count the runs that are in flight.

create function stepbase_engine.check_lines(p_workflow_id uuid, p_kind text)
returns void
language sql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
  -- line: a loose index scan over the keys.
  with recursive line as (
    (
      select b.app_code, b.key_id from stepbase_engine.flow_backlog b
      where b.workflow_id = p_workflow_id and b.kind = p_kind
      order by b.key_id
      limit 1
    )
    union all
    select n.app_code, n.key_id
    from line l
    cross join lateral (
      select b.app_code, b.key_id from stepbase_engine.flow_backlog b
      where b.workflow_id = p_workflow_id and b.kind = p_kind and b.key_id > l.key_id
      order by b.key_id
      limit 1
    ) n
  )
  insert into stepbase_engine.flow_checks (app_code, workflow_id, kind, key_id)
  select l.app_code, p_workflow_id, p_kind, l.key_id from line l;
$$;

comment on function stepbase_engine.check_lines(uuid, text) is
  'Asks admit_flow to look at every line of a flow control.';

create function stepbase_engine.count_for_key(p_control stepbase.workflow_flow_controls, p_run_ids uuid[])
returns void
language sql
set search_path = ''
as $$
  with counted as (
    select r.id, stepbase_engine.flow_key(p_control, r.input) as key_id
    from stepbase.runs r
    where r.id = any(p_run_ids)
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select c.id from counted c) and not r.is_limited
  ),
  gone as (
    delete from stepbase_engine.run_slots s using counted c
    where s.run_id = c.id and s.is_key and s.limit_id <> c.key_id
  )
  insert into stepbase_engine.run_slots (run_id, limit_id, is_key)
  select c.id, c.key_id, true from counted c
  on conflict do nothing;
$$;

comment on function stepbase_engine.count_for_key(stepbase.workflow_flow_controls, uuid[]) is
  'Gives runs that are in flight a slot of their concurrency key, in place of the slot of an earlier key. The caller has '
  'locked the runs.';

create function stepbase_engine.apply_flow_control(p_workflow_id uuid, p_kind text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_open uuid[];
  v_waiting uuid[];
begin
  -- Lock order: admission (1), so that no run is admitted under the old control meanwhile; then runs (2).
  perform 1 from stepbase_engine.admission a for update;
  select c.* into v_control from stepbase.workflow_flow_controls c
  where c.workflow_id = p_workflow_id and c.kind = p_kind;
  if found then
    if p_kind = 'concurrency' then
      perform 1 from stepbase.runs r
      where r.id in (select u.id from stepbase_engine.open_runs_of_workflows(array[p_workflow_id]) u)
      order by r.id for no key update;
      -- Read again: some runs may have ended while we waited for their locks.
      v_open := array(
        select u.id from stepbase_engine.open_runs_of_workflows(array[p_workflow_id]) u
        where not exists (select 1 from stepbase_engine.flow_backlog b where b.run_id = u.id)
        order by u.id
        for no key update skip locked
      );
      -- A run in the run backlog that holds no slot of a key waits for one from now on.
      with moved as (
        delete from stepbase_engine.run_backlog b
        where b.run_id = any(v_open)
          and not exists (select 1 from stepbase_engine.run_slots s where s.run_id = b.run_id and s.is_key)
        returning b.run_id, b.app_code, b.priority, b.arrival
      ),
      held as (
        insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
        select m.run_id, m.app_code, p_workflow_id, p_kind, stepbase_engine.flow_key(v_control, r.input), m.priority
        from moved m
        join stepbase.runs r on r.id = m.run_id
        order by m.arrival
        returning run_id
      )
      select array_agg(h.run_id) into v_waiting from held h;
      update stepbase.runs r set is_limited = true where r.id = any(v_waiting) and not r.is_limited;
      perform stepbase_engine.count_for_key(
        v_control, array(select o.id from unnest(v_open) as o (id) where o.id <> all(coalesce(v_waiting, '{}')))
      );
    end if;
    update stepbase_engine.flow_backlog b
    set key_id = stepbase_engine.flow_key(v_control, r.input)
    from stepbase.runs r
    where r.id = b.run_id and b.workflow_id = p_workflow_id and b.kind = p_kind
      and b.key_id <> stepbase_engine.flow_key(v_control, r.input);
  end if;
  perform stepbase_engine.check_lines(p_workflow_id, p_kind);
  perform pg_notify('stepbase', 'admit');
end;
$$;

comment on function stepbase_engine.apply_flow_control(uuid, text) is
  'Applies a new, changed or deleted flow control to the open runs of a workflow: waiting runs move to the lines of their '
  'keys, runs in flight get a slot of their concurrency key. Locks admission, then the runs.';

create function stepbase_engine.apply_changed_flow_control()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: members who may change a workflow have no access to the engine's tables.
begin
  perform stepbase_engine.apply_flow_control(
    coalesce(new.workflow_id, old.workflow_id), coalesce(new.kind, old.kind)
  );
  return null;
end;
$$;

comment on function stepbase_engine.apply_changed_flow_control() is 'Trigger: applies a changed flow control.';

create trigger workflow_flow_controls_20_apply
after insert or update on stepbase.workflow_flow_controls
for each row when (new.kind in ('concurrency', 'throttle'))
execute function stepbase_engine.apply_changed_flow_control();
create trigger workflow_flow_controls_30_apply
after delete on stepbase.workflow_flow_controls
for each row when (old.kind in ('concurrency', 'throttle'))
execute function stepbase_engine.apply_changed_flow_control();

create function stepbase_engine.reconcile_flow()
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_missed uuid[];
begin
  delete from stepbase_engine.flow_backlog b
  where not exists (select 1 from stepbase.runs r where r.id = b.run_id and r.status = 'pending');
  delete from stepbase_engine.flow_rates f
  where f.key_id in (
    select o.key_id from stepbase_engine.flow_rates o
    where o.next_at < stepbase_engine.now() and o.due_at is null
    order by o.next_at
    limit 10000
  )
    -- Again: a start that is under way may have changed the row.
    and f.next_at < stepbase_engine.now() and f.due_at is null;
  -- Holds of runs that have been released. The age excludes those that a start is writing.
  delete from stepbase_engine.flow_holds h
  where h.opened_at < stepbase_engine.now() - interval '1 hour'
    and not exists (select 1 from stepbase.runs r where r.id = h.run_id and r.held_by is not null and r.status = 'pending');
  delete from stepbase_engine.batch_items i
  where exists (select 1 from stepbase.runs r where r.id = i.run_id and r.completed_at is not null)
    or not exists (select 1 from stepbase.runs r where r.id = i.run_id);
  -- Runs that started while the control was being set: the two transactions did not see each other.
  for v_control in select c.* from stepbase.workflow_flow_controls c where c.kind = 'concurrency' loop
    v_missed := array(
      select r.id from stepbase.runs r
      where r.app_code = v_control.app_code and r.workflow_id = v_control.workflow_id
        and r.status in ('running', 'paused') and r.started_at is not null
        and not exists (select 1 from stepbase_engine.run_slots s where s.run_id = r.id and s.is_key)
        and stepbase_engine.flow_key(v_control, r.input)
          <> all(array(select stepbase_engine.slots_of_ancestors(r.parent_run_id)))
      for no key update of r skip locked
    );
    if v_missed <> '{}' then
      perform stepbase_engine.count_for_key(v_control, v_missed);
    end if;
  end loop;
  perform stepbase_engine.check_lines(l.workflow_id, l.kind)
  from (select distinct b.workflow_id, b.kind from stepbase_engine.flow_backlog b) l;
end;
$$;

comment on function stepbase_engine.reconcile_flow() is
  'Repairs the flow backlog: removes runs that are not pending, rates and holds that are over, and items of batches that '
  'were cancelled, gives runs that a concurrency key '
  'does not count yet their slot, and asks admit_flow to look at every line. reconcile_admission calls it.';
