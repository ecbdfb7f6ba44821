-- reconcile_flow: what waits for flow controls is made to agree with the runs, once a minute and a page at a time, so
-- that a large backlog costs no more in one transaction than a small one. Rows that another transaction holds are left
-- for the next round.

create function stepbase_engine.repair_flow_backlog(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_after uuid;
  v_read int;
  v_last uuid;
begin
  select p.after_id into v_after from stepbase_engine.repair_places p where p.task = 'backlog' for update skip locked;
  if not found then
    return;
  end if;
  with page as materialized (
    select b.run_id from stepbase_engine.flow_backlog b where b.run_id > v_after order by b.run_id limit p_limit
  ),
  stale as (
    select b.run_id
    from page p
    join stepbase_engine.flow_backlog b on b.run_id = p.run_id
    where not exists (select 1 from stepbase.runs r where r.id = b.run_id and r.status = 'pending')
    for update of b skip locked
  ),
  gone as (
    delete from stepbase_engine.flow_backlog b where b.run_id in (select s.run_id from stale s)
  )
  select count(*), (array_agg(p.run_id order by p.run_id desc))[1] into v_read, v_last from page p;
  update stepbase_engine.repair_places p set after_id = case when v_read < p_limit then c_none else v_last end
  where p.task = 'backlog';
end;
$$;

comment on function stepbase_engine.repair_flow_backlog(int) is
  'Looks at the next p_limit rows of the flow backlog and removes those whose run is not pending.';

create function stepbase_engine.repair_flow_holds(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_after uuid;
  v_read int;
  v_last uuid;
begin
  select p.after_id into v_after from stepbase_engine.repair_places p where p.task = 'holds' for update skip locked;
  if not found then
    return;
  end if;
  with page as materialized (
    select h.key_id from stepbase_engine.flow_holds h where h.key_id > v_after order by h.key_id limit p_limit
  ),
  stale as (
    select h.key_id
    from page p
    join stepbase_engine.flow_holds h on h.key_id = p.key_id
    -- The age excludes those that a start is writing.
    where h.opened_at < stepbase_engine.now() - interval '1 hour'
      and not exists (
        select 1 from stepbase.runs r where r.id = h.run_id and r.held_by is not null and r.status = 'pending'
      )
    for update of h skip locked
  ),
  gone as (
    delete from stepbase_engine.flow_holds h where h.key_id in (select s.key_id from stale s)
  )
  select count(*), (array_agg(p.key_id order by p.key_id desc))[1] into v_read, v_last from page p;
  update stepbase_engine.repair_places p set after_id = case when v_read < p_limit then c_none else v_last end
  where p.task = 'holds';
end;
$$;

comment on function stepbase_engine.repair_flow_holds(int) is
  'Looks at the next p_limit holds of debounces and batches and removes those whose run was released over an hour ago.';

create function stepbase_engine.repair_batch_items(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_place stepbase_engine.repair_places;
  v_read int;
  v_last uuid;
  v_last_place int;
begin
  select p.* into v_place from stepbase_engine.repair_places p where p.task = 'batches' for update skip locked;
  if not found then
    return;
  end if;
  with page as materialized (
    select i.run_id, i.place from stepbase_engine.batch_items i
    where (i.run_id, i.place) > (v_place.after_id, v_place.after_place)
    order by i.run_id, i.place
    limit p_limit
  ),
  gone as (
    delete from stepbase_engine.batch_items i
    using page p
    where i.run_id = p.run_id and i.place = p.place
      and not exists (select 1 from stepbase.runs r where r.id = i.run_id and r.completed_at is null)
  )
  select
    count(*), (array_agg(p.run_id order by p.run_id desc, p.place desc))[1],
    (array_agg(p.place order by p.run_id desc, p.place desc))[1]
  into v_read, v_last, v_last_place
  from page p;
  update stepbase_engine.repair_places p
  set
    after_id = case when v_read < p_limit then c_none else v_last end,
    after_place = case when v_read < p_limit then 0 else v_last_place end
  where p.task = 'batches';
end;
$$;

comment on function stepbase_engine.repair_batch_items(int) is
  'Looks at the next p_limit items of batches and removes those whose run has ended.';

create function stepbase_engine.repair_key_slots(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_place stepbase_engine.repair_places;
  v_control stepbase.workflow_flow_controls;
  v_left int := p_limit;
  v_app text;
  v_read int;
  v_runs uuid[];
  v_missed uuid[];
  v_last_at timestamptz;
  v_last_id uuid;
begin
  select p.* into v_place from stepbase_engine.repair_places p where p.task = 'runs' for update skip locked;
  if not found then
    return;
  end if;
  while v_left > 0 loop
    if v_place.stage = '' then
      select c.app_code into v_app from stepbase.workflow_flow_controls c
      where c.kind = 'concurrency' and c.app_code > v_place.app_code
      order by c.app_code
      limit 1;
      v_place.app_code := coalesce(v_app, '');
      exit when v_app is null;
      v_place.stage := 'running';
    end if;
    -- In the order of the index of open runs.
    with next as (
      select r.id, r.workflow_id, r.created_at from stepbase.runs r
      where r.app_code = v_place.app_code and r.status = v_place.stage
        and r.created_at >= v_place.after_at
        and (r.created_at, r.id) > (v_place.after_at, v_place.after_id)
      order by r.created_at, r.id
      limit v_left
    )
    select
      count(*), array_agg(n.id),
      (array_agg(n.created_at order by n.created_at desc, n.id desc))[1],
      (array_agg(n.id order by n.created_at desc, n.id desc))[1]
    into v_read, v_runs, v_last_at, v_last_id
    from next n;
    for v_control in
      select c.* from stepbase.workflow_flow_controls c
      where c.kind = 'concurrency'
        and c.workflow_id in (select r.workflow_id from stepbase.runs r where r.id = any(v_runs))
    loop
      v_missed := array(
        select r.id from stepbase.runs r
        where r.id = any(v_runs) and r.workflow_id = v_control.workflow_id
          and r.status in ('running', 'paused') and r.started_at is not null
          and not exists (
            select 1 from stepbase_engine.run_slots s
            where s.run_id = r.id and s.limit_id = stepbase_engine.flow_key(v_control, r.input)
          )
          and stepbase_engine.flow_key(v_control, r.input)
            <> all(array(select stepbase_engine.slots_of_ancestors(r.parent_run_id)))
        for no key update of r skip locked
      );
      if v_missed <> '{}' then
        perform stepbase_engine.count_for_key(v_control, v_missed);
      end if;
    end loop;
    if v_read < v_left then
      v_place.stage := case v_place.stage when 'running' then 'paused' else '' end;
      v_last_at := '-infinity';
      v_last_id := c_none;
    end if;
    v_place.after_at := v_last_at;
    v_place.after_id := v_last_id;
    -- An application without runs has a cost, too.
    v_left := v_left - greatest(v_read, 10);
  end loop;
  update stepbase_engine.repair_places p
  set app_code = v_place.app_code, stage = v_place.stage, after_at = v_place.after_at, after_id = v_place.after_id
  where p.task = 'runs';
end;
$$;

comment on function stepbase_engine.repair_key_slots(int) is
  'Looks at the next p_limit running and paused runs of applications with a concurrency key, and gives runs that the key does '
  'not count their slot: they started while the control was being set, and the two transactions did not see each other.';

create function stepbase_engine.repair_flow_lines(p_limit int)
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_place stepbase_engine.repair_places;
  v_read int;
  v_last uuid;
  v_last_kind text;
begin
  select p.* into v_place from stepbase_engine.repair_places p where p.task = 'lines' for update skip locked;
  if not found then
    return;
  end if;
  -- control: a loose index scan, without reading the runs that wait.
  with recursive control as (
    (
      select 1 as place, b.workflow_id, b.kind, b.app_code from stepbase_engine.flow_backlog b
      where (b.workflow_id, b.kind) > (v_place.after_id, v_place.stage)
      order by b.workflow_id, b.kind
      limit 1
    )
    union all
    select c.place + 1, n.workflow_id, n.kind, n.app_code
    from control c
    cross join lateral (
      select b.workflow_id, b.kind, b.app_code from stepbase_engine.flow_backlog b
      where (b.workflow_id, b.kind) > (c.workflow_id, c.kind)
      order by b.workflow_id, b.kind
      limit 1
    ) n
    where c.place < p_limit
  ),
  noted as (
    insert into stepbase_engine.flow_changes (workflow_id, kind, app_code, stage)
    select c.workflow_id, c.kind, c.app_code, 'lines' from control c
    on conflict (workflow_id, kind) do nothing
  )
  select
    count(*), (array_agg(c.workflow_id order by c.place desc))[1], (array_agg(c.kind order by c.place desc))[1]
  into v_read, v_last, v_last_kind
  from control c;
  update stepbase_engine.repair_places p
  set
    after_id = case when v_read < p_limit then c_none else v_last end,
    stage = case when v_read < p_limit then '' else v_last_kind end
  where p.task = 'lines';
end;
$$;

comment on function stepbase_engine.repair_flow_lines(int) is
  'Has the lines of the next p_limit flow controls with waiting runs looked at, in case an event was lost.';

create function stepbase_engine.reconcile_flow(p_limit int default 10000)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform stepbase_engine.repair_flow_backlog(p_limit);
  delete from stepbase_engine.flow_rates f
  where f.key_id in (
    select o.key_id from stepbase_engine.flow_rates o
    where o.next_at < stepbase_engine.now() and o.due_at is null
    order by o.next_at
    limit p_limit
  )
    -- Again: a start that is under way may have changed the row.
    and f.next_at < stepbase_engine.now() and f.due_at is null;
  perform stepbase_engine.repair_flow_holds(p_limit);
  perform stepbase_engine.repair_batch_items(p_limit);
  -- Each run costs the computation of its key.
  perform stepbase_engine.repair_key_slots(greatest(p_limit / 10, 1));
  perform stepbase_engine.repair_flow_lines(greatest(p_limit / 10, 1));
end;
$$;

comment on function stepbase_engine.reconcile_flow(int) is
  'Repairs the flow backlog: removes runs that are not pending, rates and holds that are over, and items of batches that '
  'were cancelled, gives runs that a concurrency key does not count yet their slot, and has every line looked at. Each call '
  'looks at the next p_limit rows of a table (a tenth of it for runs and lines) and continues there in the next one. '
  'reconcile_admission calls it.';
