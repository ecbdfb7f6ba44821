-- Flow controls that change: they apply to the runs that wait, and concurrency keys count the runs that are in flight.
-- A change adds a row to flow_changes and locks nothing else. admit applies it in slices, so that its cost in one call
-- is bounded, and lets the lines of the control wait until then.

create function stepbase_engine.check_lines(p_change stepbase_engine.flow_changes, p_limit int)
returns table (lines int, last_key uuid)
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  -- line: a loose index scan over the keys.
  with recursive line as (
    (
      select 1 as place, b.app_code, b.key_id from stepbase_engine.flow_backlog b
      where b.workflow_id = p_change.workflow_id and b.kind = p_change.kind and b.key_id > p_change.after_id
      order by b.key_id
      limit 1
    )
    union all
    select l.place + 1, n.app_code, n.key_id
    from line l
    cross join lateral (
      select b.app_code, b.key_id from stepbase_engine.flow_backlog b
      where b.workflow_id = p_change.workflow_id and b.kind = p_change.kind and b.key_id > l.key_id
      order by b.key_id
      limit 1
    ) n
    where l.place < p_limit
  ),
  checked as (
    insert into stepbase_engine.flow_checks (app_code, workflow_id, kind, key_id)
    select l.app_code, p_change.workflow_id, p_change.kind, l.key_id from line l
  )
  select count(*), (array_agg(l.key_id order by l.place desc))[1] into lines, last_key from line l;
  return next;
end;
$$;

comment on function stepbase_engine.check_lines(stepbase_engine.flow_changes, int) is
  'Asks admit_flow to look at the next p_limit lines of a flow control; returns how many there were, and the last key.';

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

create function stepbase_engine.shares_key(
  p_control stepbase.workflow_flow_controls, p_key_id uuid, p_parent_run_id uuid
)
returns boolean
language sql
stable
set search_path = ''
as $$
  with recursive ancestor as (
    select r.id, r.parent_run_id, r.workflow_id, r.input, r.completed_at
    from stepbase.runs r
    where r.id = p_parent_run_id
    union all
    select r.id, r.parent_run_id, r.workflow_id, r.input, r.completed_at
    from ancestor a
    join stepbase.runs r on r.id = a.parent_run_id
  )
  select exists (
    select 1 from ancestor a
    where a.workflow_id = p_control.workflow_id and a.completed_at is null
      and stepbase_engine.flow_key(p_control, a.input) = p_key_id
  );
$$;

comment on function stepbase_engine.shares_key(stepbase.workflow_flow_controls, uuid, uuid) is
  'Whether an open ancestor of a child run has the same key of a flow control: the child shares its slot.';

create function stepbase_engine.apply_to_runs(p_control stepbase.workflow_flow_controls, p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_open uuid[];
  v_waiting uuid[];
begin
  -- Lock order: admission (1, by the caller), so that no run is admitted under the old control meanwhile; then runs
  -- (2). A locked run is starting or ending; reconcile_flow counts it if it started.
  v_open := array(
    select r.id from stepbase.runs r
    where r.id = any(p_run_ids)
      and r.status in ('pending', 'running', 'paused')
      and (r.status <> 'paused' or r.started_at is not null)
      and r.held_by is null
      -- It requests its slots again after the release of the incident switch.
      and not exists (
        select 1 from stepbase_engine.run_backlog b
        where b.run_id = r.id and b.workflow_limit = stepbase_engine.suspended_group()
      )
    order by r.id
    for no key update skip locked
  );
  update stepbase_engine.flow_backlog b
  set key_id = stepbase_engine.flow_key(p_control, r.input)
  from stepbase.runs r
  where b.run_id = any(v_open) and b.kind = p_control.kind
    and r.id = b.run_id and b.key_id <> stepbase_engine.flow_key(p_control, r.input);
  if p_control.kind <> 'concurrency' then
    return;
  end if;
  v_open := array(
    select r.id from stepbase.runs r
    where r.id = any(v_open)
      and not exists (select 1 from stepbase_engine.flow_backlog b where b.run_id = r.id)
      and (
        r.parent_run_id is null
        or not stepbase_engine.shares_key(p_control, stepbase_engine.flow_key(p_control, r.input), r.parent_run_id)
      )
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
    select
      m.run_id, m.app_code, p_control.workflow_id, p_control.kind, stepbase_engine.flow_key(p_control, r.input),
      m.priority
    from moved m
    join stepbase.runs r on r.id = m.run_id
    order by m.arrival
    returning run_id
  )
  select coalesce(array_agg(h.run_id), '{}') into v_waiting from held h;
  update stepbase.runs r set is_limited = true where r.id = any(v_waiting) and not r.is_limited;
  perform stepbase_engine.count_for_key(
    p_control, array(select o.id from unnest(v_open) as o (id) where o.id <> all(v_waiting))
  );
end;
$$;

comment on function stepbase_engine.apply_to_runs(stepbase.workflow_flow_controls, uuid[]) is
  'Applies a new or changed flow control to open runs of its workflow: waiting runs move to the lines of their keys, runs in '
  'flight get a slot of their concurrency key. Locks the runs, and skips locked ones.';

create function stepbase_engine.apply_flow_change(p_workflow_id uuid, p_kind text, p_limit int)
returns int
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_change stepbase_engine.flow_changes;
  v_left int := p_limit;
  v_read int;
  v_runs uuid[];
  v_last_at timestamptz;
  v_last_id uuid;
begin
  select h.* into v_change from stepbase_engine.flow_changes h
  where h.workflow_id = p_workflow_id and h.kind = p_kind
  for update skip locked;
  if not found then
    return 0;
  end if;
  select c.* into v_control from stepbase.workflow_flow_controls c
  where c.workflow_id = p_workflow_id and c.kind = p_kind;
  if not found and v_change.stage <> 'lines' then
    v_change.stage := 'lines';
    v_change.after_id := '00000000-0000-0000-0000-000000000000';
  end if;
  while v_left > 0 loop
    if v_change.stage = 'lines' then
      select l.lines, l.last_key into v_read, v_last_id from stepbase_engine.check_lines(v_change, v_left) l;
      if v_read < v_left then
        delete from stepbase_engine.flow_changes h where h.workflow_id = p_workflow_id and h.kind = p_kind;
        return p_limit - v_left + v_read;
      end if;
      v_last_at := '-infinity';
    else
      -- In the order of the index of open runs; those of other workflows count for the limit, too.
      with next as (
        select r.id, r.workflow_id, r.created_at from stepbase.runs r
        where r.app_code = v_change.app_code and r.status = v_change.stage
          and r.created_at >= v_change.after_at
          and (r.created_at, r.id) > (v_change.after_at, v_change.after_id)
        order by r.created_at, r.id
        limit v_left
      )
      select
        count(*), array_agg(n.id) filter (where n.workflow_id = p_workflow_id),
        (array_agg(n.created_at order by n.created_at desc, n.id desc))[1],
        (array_agg(n.id order by n.created_at desc, n.id desc))[1]
      into v_read, v_runs, v_last_at, v_last_id
      from next n;
      if v_runs is not null then
        perform stepbase_engine.apply_to_runs(v_control, v_runs);
      end if;
      if v_read < v_left then
        v_change.stage := case v_change.stage when 'pending' then 'running' when 'running' then 'paused' else 'lines' end;
        v_last_at := '-infinity';
        v_last_id := '00000000-0000-0000-0000-000000000000';
      end if;
    end if;
    v_left := v_left - v_read;
    v_change.after_at := v_last_at;
    v_change.after_id := v_last_id;
  end loop;
  update stepbase_engine.flow_changes h
  set stage = v_change.stage, after_at = v_change.after_at, after_id = v_change.after_id, worked_at = clock_timestamp()
  where h.workflow_id = p_workflow_id and h.kind = p_kind;
  return p_limit;
end;
$$;

comment on function stepbase_engine.apply_flow_change(uuid, text, int) is
  'Applies a changed flow control to the next open runs of its workflow and then to its lines; reads at most p_limit of them '
  'and returns how many. A change that a transaction is writing is skipped.';

create function stepbase_engine.apply_flow_changes(p_limit int)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_change record;
  v_left int := p_limit;
begin
  for v_change in
    select o.workflow_id, o.kind, row_number() over (order by o.turn desc, o.worked_at desc) as changes_left
    from (
      select h.*, row_number() over (partition by h.app_code order by h.worked_at, h.workflow_id) as turn
      from stepbase_engine.flow_changes h
      -- The first change of every application, then the second of every application.
      order by turn, h.worked_at
      limit 20
    ) o
    order by o.turn, o.worked_at
  loop
    v_left := v_left - stepbase_engine.apply_flow_change(
      v_change.workflow_id, v_change.kind, greatest((v_left / v_change.changes_left)::int, 1)
    );
    exit when v_left <= 0;
  end loop;
end;
$$;

comment on function stepbase_engine.apply_flow_changes(int) is
  'Applies a slice of each changed flow control: together p_limit open runs or lines. Applications take turns. The caller has '
  'locked stepbase_engine.admission.';

create function stepbase_engine.note_changed_flow_control()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: members who may change a workflow have no access to the engine's tables.
declare
  v_is_counted constant boolean := case tg_op
    when 'INSERT' then true
    when 'UPDATE' then new.key_path is distinct from old.key_path
    else false
  end;
begin
  insert into stepbase_engine.flow_changes as h (workflow_id, kind, app_code, stage)
  values (
    coalesce(new.workflow_id, old.workflow_id), coalesce(new.kind, old.kind), coalesce(new.app_code, old.app_code),
    case when v_is_counted then 'pending' else 'lines' end
  )
  on conflict (workflow_id, kind) do update set
    stage = excluded.stage, after_at = excluded.after_at, after_id = excluded.after_id
  -- A new number does not end a count that is under way.
  where v_is_counted or tg_op = 'DELETE' or h.stage = 'lines';
  perform pg_notify('stepbase', 'admit');
  return null;
end;
$$;

comment on function stepbase_engine.note_changed_flow_control() is
  'Trigger: notes a changed flow control for stepbase_engine.apply_flow_changes. A new key is applied to each open run, a new '
  'number or a deletion to the lines only.';

create trigger workflow_flow_controls_20_apply
after insert or update on stepbase.workflow_flow_controls
for each row when (new.kind in ('concurrency', 'throttle'))
execute function stepbase_engine.note_changed_flow_control();
create trigger workflow_flow_controls_30_apply
after delete on stepbase.workflow_flow_controls
for each row when (old.kind in ('concurrency', 'throttle'))
execute function stepbase_engine.note_changed_flow_control();
