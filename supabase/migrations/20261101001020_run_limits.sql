-- Limits on concurrent runs that change: the new limit counts the runs that are in flight already. A change adds a row
-- to limit_changes and locks nothing else. admit applies it in slices, so that its cost in one call is bounded, and
-- lets the waiting runs of the application wait until then.

create table stepbase_engine.limit_changes (
  app_code text primary key,
  workflow_ids uuid[] not null,
  stage text not null default 'pending' constraint stage_is_known check (stage in ('pending', 'running', 'paused')),
  after_at timestamptz not null default '-infinity',
  after_id uuid not null default '00000000-0000-0000-0000-000000000000',
  worked_at timestamptz not null default '-infinity'
);

comment on table stepbase_engine.limit_changes is
  'Applications with limits on concurrent runs that were changed and do not apply to every open run yet. '
  'stepbase_engine.admit applies them in slices, so that an application with many open runs delays no other.';
comment on column stepbase_engine.limit_changes.workflow_ids is 'The workflows that the changed limits are for.';
comment on column stepbase_engine.limit_changes.stage is 'The status of the open runs that come next.';
comment on column stepbase_engine.limit_changes.after_at is 'The slices have passed the runs of the stage up to this time of creation.';
comment on column stepbase_engine.limit_changes.after_id is 'The last run at after_at.';
comment on column stepbase_engine.limit_changes.worked_at is 'When a slice was applied last: applications take turns.';
alter table stepbase_engine.limit_changes enable row level security;

create function stepbase_engine.apply_run_limits(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_runs uuid[];
begin
  -- Lock order: admission (1, by the caller), so that no run is admitted under the old limits meanwhile; then runs (2).
  -- A locked run is starting or ending; reconcile_admission counts it if it started.
  v_runs := array(
    select r.id from stepbase.runs r
    where r.id = any(p_run_ids)
      and r.status in ('pending', 'running', 'paused')
      -- A run that was paused before it started is not in the backlog and holds no slot.
      and (r.status <> 'paused' or r.started_at is not null)
      -- Neither does a held run.
      and r.held_by is null
      -- It requests its slots after the release of the incident switch, and waits in its group until then.
      and not exists (
        select 1 from stepbase_engine.run_backlog b
        where b.run_id = r.id and b.workflow_limit = stepbase_engine.suspended_group()
      )
    order by r.id
    for no key update skip locked
  );

  -- chain: each run with its open ancestors.
  with recursive chain as (
    select r.id, r.id as ancestor_id, r.parent_run_id from stepbase.runs r where r.id = any(v_runs)
    union all
    select c.id, a.id, a.parent_run_id
    from chain c
    join stepbase.runs a on a.id = c.parent_run_id and a.completed_at is null
  ),
  -- applicable: the limits on each run of a chain.
  applicable as (
    select c.id, c.ancestor_id, i.limit_id
    from chain c
    join stepbase.runs r on r.id = c.ancestor_id
    cross join lateral stepbase_engine.limits_of(r.workflow_id) o
    cross join lateral (values (o.workflow_limit), (o.queue_limit)) as i (limit_id)
    where i.limit_id is not null
  ),
  -- own: without the limits that an ancestor is under, whose slot the run shares.
  own as (
    select p.id, p.limit_id
    from applicable p
    where p.ancestor_id = p.id
      and not exists (
        select 1 from applicable a
        where a.id = p.id and a.limit_id = p.limit_id and a.ancestor_id <> p.id
      )
  ),
  marked as (
    update stepbase.runs r set is_limited = true
    where r.id in (select o.id from own o) and not r.is_limited
  ),
  -- moved: waiting runs change to the group of their limits; the other runs get their slots.
  moved as (
    update stepbase_engine.run_backlog b
    set
      workflow_limit = coalesce(n.workflow_limit, c_none),
      queue_limit = coalesce(n.queue_limit, c_none)
    from stepbase.runs r
    cross join lateral (
      select
        (select o.limit_id from own o where o.id = r.id and o.limit_id = l.workflow_limit)
          as workflow_limit,
        (select o.limit_id from own o where o.id = r.id and o.limit_id = l.queue_limit)
          as queue_limit
      from stepbase_engine.limits_of(r.workflow_id) l
    ) n
    where r.id = b.run_id and r.id = any(v_runs)
    returning b.run_id
  )
  insert into stepbase_engine.run_slots (run_id, limit_id)
  select o.id, o.limit_id
  from own o
  where not exists (select 1 from moved m where m.run_id = o.id)
    -- A run that waits for a flow control gets its slots afterwards. With one now it would wait for itself.
    and not exists (select 1 from stepbase_engine.flow_backlog f where f.run_id = o.id)
  on conflict do nothing;
end;
$$;

comment on function stepbase_engine.apply_run_limits(uuid[]) is
  'Applies changed limits to open runs: waiting runs move to the group of their limits, started runs get concurrency slots, '
  'and children share the slot of their parent. Locks the runs, and skips locked ones.';

create function stepbase_engine.apply_limit_change(p_app_code text, p_limit int)
returns int
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
  v_change stepbase_engine.limit_changes;
  v_left int := p_limit;
  v_read int;
  v_runs uuid[];
  v_last_at timestamptz;
  v_last_id uuid;
begin
  select h.* into v_change from stepbase_engine.limit_changes h where h.app_code = p_app_code for update skip locked;
  if not found then
    return 0;
  end if;
  while v_left > 0 loop
    -- In the order of the index of open runs; those of other workflows count for p_limit, too.
    with next as (
      select r.id, r.workflow_id, r.created_at from stepbase.runs r
      where r.app_code = p_app_code and r.status = v_change.stage
        and r.created_at >= v_change.after_at
        and (r.created_at, r.id) > (v_change.after_at, v_change.after_id)
      order by r.created_at, r.id
      limit v_left
    )
    select
      count(*), array_agg(n.id) filter (where n.workflow_id = any(v_change.workflow_ids)),
      (array_agg(n.created_at order by n.created_at desc, n.id desc))[1],
      (array_agg(n.id order by n.created_at desc, n.id desc))[1]
    into v_read, v_runs, v_last_at, v_last_id
    from next n;
    if v_runs is not null then
      perform stepbase_engine.apply_run_limits(v_runs);
    end if;
    if v_read < v_left then
      if v_change.stage = 'paused' then
        delete from stepbase_engine.limit_changes h where h.app_code = p_app_code;
        return p_limit - v_left + v_read;
      end if;
      v_change.stage := case v_change.stage when 'pending' then 'running' else 'paused' end;
      v_last_at := '-infinity';
      v_last_id := c_none;
    end if;
    v_left := v_left - v_read;
    v_change.after_at := v_last_at;
    v_change.after_id := v_last_id;
  end loop;
  update stepbase_engine.limit_changes h
  set stage = v_change.stage, after_at = v_change.after_at, after_id = v_change.after_id, worked_at = clock_timestamp()
  where h.app_code = p_app_code;
  return p_limit;
end;
$$;

comment on function stepbase_engine.apply_limit_change(text, int) is
  'Applies the changed limits of an application to its next open runs; reads at most p_limit of them and returns how many. A '
  'change that a transaction is writing is skipped.';

create function stepbase_engine.apply_limit_changes(p_limit int)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_change record;
  v_left int := p_limit;
begin
  for v_change in
    select o.app_code, row_number() over (order by o.worked_at desc) as changes_left
    from (select h.app_code, h.worked_at from stepbase_engine.limit_changes h order by h.worked_at limit 20) o
    order by o.worked_at
  loop
    v_left := v_left - stepbase_engine.apply_limit_change(
      v_change.app_code, greatest((v_left / v_change.changes_left)::int, 1)
    );
    exit when v_left <= 0;
  end loop;
end;
$$;

comment on function stepbase_engine.apply_limit_changes(int) is
  'Applies a slice of the changed limits of each application: together p_limit open runs. The caller has locked '
  'stepbase_engine.admission.';

create function stepbase_engine.note_changed_limits(p_app_code text, p_workflow_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase_engine.limit_changes as h (app_code, workflow_ids)
  select p_app_code, p_workflow_ids
  where p_workflow_ids <> '{}'
  on conflict (app_code) do update set
    workflow_ids = array(select distinct u.id from unnest(h.workflow_ids || excluded.workflow_ids) as u (id)),
    stage = excluded.stage, after_at = excluded.after_at, after_id = excluded.after_id;
  perform pg_notify('stepbase', 'admit');
end;
$$;

comment on function stepbase_engine.note_changed_limits(text, uuid[]) is
  'Notes that the limits of workflows of an application have changed, for stepbase_engine.apply_limit_changes.';

create function stepbase_engine.apply_workflow_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: members who may change a workflow have no access to the engine's tables.
begin
  if new.max_concurrent_executions is not null and old.max_concurrent_executions is not null
    and new.task_queue_id is not distinct from old.task_queue_id
  then
    -- Another number: the runs have their groups and slots already.
    perform pg_notify('stepbase', 'admit');
  else
    perform stepbase_engine.note_changed_limits(new.app_code, array[new.id]);
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_workflow_limit() is
  'Trigger: has a changed limit applied to the runs of a workflow. Another number of an existing limit changes no run.';

create trigger workflows_apply_run_limit
after update of max_concurrent_executions, task_queue_id on stepbase.workflows
for each row when (
  new.max_concurrent_executions is distinct from old.max_concurrent_executions
  or new.task_queue_id is distinct from old.task_queue_id
)
execute function stepbase_engine.apply_workflow_limit();

create function stepbase_engine.apply_queue_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: as above.
begin
  if new.max_concurrent_workflows is not null and old.max_concurrent_workflows is not null then
    perform pg_notify('stepbase', 'admit');
  else
    perform stepbase_engine.note_changed_limits(new.app_code, array(
      select w.id from stepbase.workflows w
      where w.app_code = new.app_code
        and (w.task_queue_id = new.id or (w.task_queue_id is null and new.name = 'default'))
    ));
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.apply_queue_limit() is
  'Trigger: has a changed limit applied to the runs of a task queue. Another number of an existing limit changes no run.';

create trigger task_queues_apply_run_limit
after update of max_concurrent_workflows on stepbase.task_queues
for each row when (new.max_concurrent_workflows is distinct from old.max_concurrent_workflows)
execute function stepbase_engine.apply_queue_limit();
