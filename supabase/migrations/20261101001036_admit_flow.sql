-- admit_flow: runs leave the flow backlog, as far as their key has free slots and their throttle allows.

create function stepbase_engine.next_flow_at()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select f.due_at from stepbase_engine.flow_rates f where f.due_at is not null order by f.due_at limit 1;
$$;

comment on function stepbase_engine.next_flow_at() is
  'When the next throttled run may start; null when none waits.';

create function stepbase_engine.has_flow_work()
returns boolean
language sql
stable
set search_path = ''
as $$
  select
    exists (select 1 from stepbase_engine.flow_checks)
    or exists (select 1 from stepbase_engine.flow_changes)
    or coalesce(stepbase_engine.next_flow_at() <= stepbase_engine.now(), false);
$$;

comment on function stepbase_engine.has_flow_work() is
  'Whether a line of the flow backlog has to be looked at, or a changed flow control to be applied. Costs three look-ups.';

create function stepbase_engine.take_flow_checks(p_limit int)
returns table (app_code text, workflow_id uuid, kind text, key_id uuid, first_check bigint)
language sql
set search_path = ''
set jit = off
as $$
  -- app: a loose index scan. Each app gets its share, so that the many checks of one do not delay the others.
  with recursive app as (
    (select c.app_code from stepbase_engine.flow_checks c order by c.app_code limit 1)
    union all
    select n.app_code
    from app a
    cross join lateral (
      select c.app_code from stepbase_engine.flow_checks c
      where c.app_code > a.app_code
      order by c.app_code
      limit 1
    ) n
  ),
  taken as (
    delete from stepbase_engine.flow_checks d
    where d.id in (
      select c.id
      from (select a.app_code, greatest(p_limit / count(*) over (), 1) as quota from app a) s
      cross join lateral (
        select f.id from stepbase_engine.flow_checks f
        where f.app_code = s.app_code
        order by f.id
        limit s.quota
      ) c
    )
    returning d.app_code, d.workflow_id, d.kind, d.key_id, d.id
  ),
  due as (
    update stepbase_engine.flow_rates r
    set due_at = null
    where r.key_id in (
      select f.key_id from stepbase_engine.flow_rates f
      where f.due_at <= stepbase_engine.now()
      order by f.due_at
      limit p_limit
    )
    returning r.app_code, r.workflow_id, r.kind, r.key_id
  )
  select l.app_code, l.workflow_id, l.kind, l.key_id, min(l.id)
  from (
    select t.app_code, t.workflow_id, t.kind, t.key_id, t.id from taken t
    union all
    select d.app_code, d.workflow_id, d.kind, d.key_id, 0 from due d
  ) l
  group by l.app_code, l.workflow_id, l.kind, l.key_id;
$$;

comment on function stepbase_engine.take_flow_checks(int) is
  'Takes up to p_limit checks, one of each app per round, and up to p_limit throttles that are due; returns their lines, and '
  'the first check of each. The caller has locked stepbase_engine.admission.';

-- The generic cell rate algorithm: one start each period / max_count, and burst - 1 starts ahead of that.
create function stepbase_engine.rate_of(p_control stepbase.workflow_flow_controls)
returns table (spacing interval, tolerance interval)
language sql
immutable
set search_path = ''
as $$
  select
    s.spacing,
    s.spacing * (coalesce(p_control.burst, case p_control.kind when 'rate_limit' then p_control.max_count else 1 end) - 1)
  from (
    -- Rounded up to microseconds, so that a period never contains a start too many.
    select make_interval(secs => ceil(p_control.period_seconds * 1e6 / p_control.max_count) / 1e6) as spacing
  ) s;
$$;

comment on function stepbase_engine.rate_of(stepbase.workflow_flow_controls) is
  'The time between two starts of a key, and how much earlier than on time a start may be.';

create function stepbase_engine.free_in_flow(p_control stepbase.workflow_flow_controls, p_key_id uuid)
returns int
language plpgsql
stable
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_spacing interval;
  v_tolerance interval;
  v_next_at timestamptz;
begin
  if p_control.kind = 'concurrency' then
    return p_control.max_count - (
      select count(*) from stepbase_engine.run_slots s where s.limit_id = p_key_id
    );
  end if;
  select r.spacing, r.tolerance into v_spacing, v_tolerance from stepbase_engine.rate_of(p_control) r;
  select greatest(f.next_at, v_now) into v_next_at from stepbase_engine.flow_rates f where f.key_id = p_key_id;
  v_next_at := coalesce(v_next_at, v_now);
  if v_next_at > v_now + v_tolerance then
    return 0;
  end if;
  return 1 + floor(
    extract(epoch from v_now + v_tolerance - v_next_at) / extract(epoch from v_spacing)
  );
end;
$$;

comment on function stepbase_engine.free_in_flow(stepbase.workflow_flow_controls, uuid) is
  'How many runs of a key may pass its flow control now.';

create function stepbase_engine.note_passed(
  p_control stepbase.workflow_flow_controls, p_key_id uuid, p_passed int, p_last_run_id uuid, p_waits boolean
)
returns void
language sql
set search_path = ''
as $$
  insert into stepbase_engine.flow_rates as f (
    key_id, app_code, workflow_id, kind, next_at, due_at, last_run_id, passed_at
  )
  select
    p_key_id, p_control.app_code, p_control.workflow_id, p_control.kind, n.next_at,
    case when p_waits then n.next_at - r.tolerance end,
    p_last_run_id, case when p_passed > 0 then stepbase_engine.now() end
  from stepbase_engine.rate_of(p_control) r
  cross join lateral (
    select coalesce(
      greatest(
        (select o.next_at from stepbase_engine.flow_rates o where o.key_id = p_key_id), stepbase_engine.now()
      ),
      stepbase_engine.now()
    ) + p_passed * r.spacing as next_at
  ) n
  on conflict (key_id) do update set
    next_at = excluded.next_at, due_at = excluded.due_at,
    last_run_id = coalesce(excluded.last_run_id, f.last_run_id), passed_at = coalesce(excluded.passed_at, f.passed_at);
$$;

comment on function stepbase_engine.note_passed(stepbase.workflow_flow_controls, uuid, int, uuid, boolean) is
  'Stores that runs of a key have passed a throttle, and when to look at the line again if further runs wait (p_waits).';

create function stepbase_engine.return_starts(p_run_ids uuid[])
returns void
language sql
set search_path = ''
as $$
  -- Each run whose start a throttle counted: one that has passed its line.
  with passed as (
    select stepbase_engine.flow_key(c, r.input) as key_id, c, array_agg(r.id) as run_ids
    from stepbase.runs r
    join stepbase.workflow_flow_controls c on c.workflow_id = r.workflow_id and c.kind = 'throttle'
    where r.id = any(p_run_ids) and r.held_by is null and r.started_at is null
      and not exists (select 1 from stepbase_engine.flow_backlog b where b.run_id = r.id)
      -- Its start was taken back when an incident switch suspended it.
      and not exists (
        select 1 from stepbase_engine.run_backlog b
        where b.run_id = r.id and b.workflow_limit = stepbase_engine.suspended_group()
      )
    group by 1, c
  ),
  -- In the order of the keys: two claims may lock the same ones.
  locked as (
    select f.key_id from stepbase_engine.flow_rates f
    where f.key_id in (select p.key_id from passed p)
    order by f.key_id for update
  )
  update stepbase_engine.flow_rates f
  set
    -- The rate without these starts. A run that passed after them keeps its distance to the next one.
    next_at = greatest(
      f.next_at - cardinality(p.run_ids) * r.spacing,
      case when f.last_run_id <> all(p.run_ids) then f.passed_at + r.spacing end
    ),
    last_run_id = case when f.last_run_id <> all(p.run_ids) then f.last_run_id end,
    passed_at = case when f.last_run_id <> all(p.run_ids) then f.passed_at end
  from passed p
  cross join lateral stepbase_engine.rate_of(p.c) r
  where f.key_id = p.key_id and f.key_id in (select l.key_id from locked l);
$$;

comment on function stepbase_engine.return_starts(uuid[]) is
  'Takes starts back that a throttle counted and that do not happen: the runs pass it again when they are released or '
  'resumed. The caller has locked the runs.';

create function stepbase_engine.pass_line(
  p_control stepbase.workflow_flow_controls, p_workflow_id uuid, p_kind text, p_key_id uuid, p_limit int,
  out passed int, out last_run_id uuid
)
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_run stepbase.runs;
begin
  passed := 0;
  for v_run in
    -- Lock order: the backlogs (3), skipping locked rows: those runs are being cancelled or paused.
    with taken as (
      select b.run_id, b.priority, b.arrival from stepbase_engine.flow_backlog b
      where b.workflow_id = p_workflow_id and b.kind = p_kind and b.key_id = p_key_id
      order by b.priority desc, b.arrival
      limit p_limit
      for update skip locked
    ),
    gone as (
      delete from stepbase_engine.flow_backlog b where b.run_id = any(array(select t.run_id from taken t))
    )
    select r.*
    from taken t
    cross join lateral (select o.* from stepbase.runs o where o.id = t.run_id limit 1) r
    where r.status = 'pending'
    order by t.priority desc, t.arrival
  loop
    passed := passed + 1;
    last_run_id := v_run.id;
    if p_kind = 'concurrency' and p_control.id is not null then
      insert into stepbase_engine.run_slots (run_id, limit_id, is_key)
      values (v_run.id, p_key_id, true)
      on conflict do nothing;
    end if;
    perform stepbase_engine.enqueue_run(v_run, false, p_kind);
  end loop;
end;
$$;

comment on function stepbase_engine.pass_line(stepbase.workflow_flow_controls, uuid, text, uuid, int) is
  'Passes the first p_limit runs of a line on, by priority and then by age; returns how many, and the last one.';

create function stepbase_engine.admit_flow(p_limit int)
returns table (admitted int, more_wait boolean)
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_line record;
  v_lines int;
  v_control stepbase.workflow_flow_controls;
  v_free int;
  v_may int;
  v_passed int;
  v_last_run_id uuid;
  v_waits boolean;
begin
  admitted := 0;
  more_wait := false;
  for v_line in
    select t.*, count(*) over () as lines
    from stepbase_engine.take_flow_checks(5 * p_limit) t
    -- The concurrency keys first: the runs that they let pass join the lines of throttles, oldest first.
    order by t.kind, t.first_check, t.key_id
  loop
    v_lines := coalesce(v_lines, v_line.lines);
    -- The keys and slots of its runs are not complete yet. The last slice of the change has the line looked at again.
    if exists (
      select 1 from stepbase_engine.flow_changes h
      where h.workflow_id = v_line.workflow_id and h.kind = v_line.kind and h.stage <> 'lines'
    ) then
      v_lines := v_lines - 1;
      continue;
    end if;
    select c.* into v_control from stepbase.workflow_flow_controls c
    where c.workflow_id = v_line.workflow_id and c.kind = v_line.kind;
    -- A deleted control delays no run.
    v_free := case when found then stepbase_engine.free_in_flow(v_control, v_line.key_id) else p_limit end;
    -- A share for each line, so that a long line does not delay those of other applications.
    v_may := least(v_free, greatest((p_limit - admitted) / v_lines, 1), p_limit - admitted);
    v_lines := v_lines - 1;
    v_passed := 0;
    v_last_run_id := null;
    if v_may > 0 then
      select p.passed, p.last_run_id into v_passed, v_last_run_id
      from stepbase_engine.pass_line(v_control, v_line.workflow_id, v_line.kind, v_line.key_id, v_may) p;
    end if;
    admitted := admitted + v_passed;
    v_waits := (v_may <= 0 or v_passed = v_may) and exists (
      select 1 from stepbase_engine.flow_backlog b
      where b.workflow_id = v_line.workflow_id and b.kind = v_line.kind and b.key_id = v_line.key_id
    );
    if v_waits and (v_free > v_passed or v_control.id is null) then
      -- This call has passed on enough runs; the next one continues with this line.
      insert into stepbase_engine.flow_checks (app_code, workflow_id, kind, key_id)
      values (v_line.app_code, v_line.workflow_id, v_line.kind, v_line.key_id);
    end if;
    if v_control.kind = 'throttle' and (v_passed > 0 or v_waits) then
      perform stepbase_engine.note_passed(v_control, v_line.key_id, v_passed, v_last_run_id, v_waits);
      -- The first timer of the queue may have changed.
      if v_waits then
        perform pg_notify('stepbase', 'due');
      end if;
    end if;
  end loop;
  more_wait := stepbase_engine.has_flow_work();
  if more_wait then
    perform pg_notify('stepbase', 'admit');
  end if;
  return next;
end;
$$;

comment on function stepbase_engine.admit_flow(int) is
  'Examines the lines of the flow backlog that changed or are due, and passes on the runs that may start; returns how many, '
  'and whether more lines have to be examined now. The cost depends on those lines and runs, not on the runs that wait. '
  'The caller has locked stepbase_engine.admission.';

create function stepbase_engine.admit_due_flow()
returns void
language plpgsql
set search_path = ''
as $$
begin
  if stepbase_engine.next_flow_at() <= stepbase_engine.now() then
    -- Lock order: admission (1).
    perform 1 from stepbase_engine.admission a for update;
    perform stepbase_engine.admit_flow(200);
  end if;
end;
$$;

comment on function stepbase_engine.admit_due_flow() is
  'Passes on throttled runs whose time has come. stepbase_engine.wake calls it first; it costs one index look-up otherwise.';
