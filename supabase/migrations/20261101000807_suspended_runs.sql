-- Suspended runs: the effect of incident switches on a run. Callers on hot paths first count the switches that are on,
-- in the same statement, so that a run costs nothing more while there is none.

create function stepbase_engine.is_suspended(p_run_id uuid, p_is_start boolean)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select 1
    from stepbase.runs r
    join stepbase.incident_switches i
      on i.released_at is null and stepbase_engine.switch_applies(i, r.app_code, r.workflow_id)
    where r.id = p_run_id
      and case
        when i.mode = 'pause' then true
        when not p_is_start then false
        -- Open runs go on, so their children start, too.
        else not exists (
          select 1 from stepbase.runs p
          where p.id = r.parent_run_id and stepbase_engine.switch_applies(i, p.app_code, p.workflow_id)
        )
      end
  );
end;
$$;

comment on function stepbase_engine.is_suspended(uuid, boolean) is
  'Whether an incident switch suspends a run: its start (p_is_start), or its next step.';

create function stepbase_engine.suspended_group()
returns uuid
language sql
immutable
set search_path = ''
as $$ select 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid; $$;

comment on function stepbase_engine.suspended_group() is
  'The workflow_limit of suspended runs in run_backlog. These are the last groups of an application, and admit leaves them '
  'out.';

create function stepbase_engine.suspended_with(p_workflow_id uuid, p_parent_workflow_id uuid)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when p_parent_workflow_id is null then p_workflow_id
    else md5(p_workflow_id::text || p_parent_workflow_id::text)::uuid
  end;
$$;

comment on function stepbase_engine.suspended_with(uuid, uuid) is
  'The queue_limit of suspended runs in run_backlog: runs with the same workflow, and the same workflow of the parent, are '
  'suspended by the same switches. So the first run of a group tells whether all of it may continue.';

create function stepbase_engine.suspend_starts(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_suspended constant uuid[] := array(
    select r.id from stepbase.runs r
    where r.id = any(p_run_ids) and r.status = 'pending' and stepbase_engine.is_suspended(r.id, true)
      -- It waits elsewhere: it was paused and resumed after this token was created.
      and not exists (select 1 from stepbase_engine.flow_backlog f where f.run_id = r.id)
      and not exists (select 1 from stepbase_engine.run_backlog b where b.run_id = r.id)
    order by r.id
  );
begin
  if v_suspended = '{}' then
    return;
  end if;
  -- They pass their throttle again when they are released, and request their concurrency slots again.
  perform stepbase_engine.return_starts(v_suspended);
  delete from stepbase_engine.run_slots s where s.run_id = any(v_suspended);
  insert into stepbase_engine.run_backlog (run_id, app_code, workflow_limit, queue_limit, priority)
  select
    r.id, r.app_code, stepbase_engine.suspended_group(),
    stepbase_engine.suspended_with(
      r.workflow_id, (select p.workflow_id from stepbase.runs p where p.id = r.parent_run_id)
    ),
    r.priority
  from stepbase.runs r
  where r.id = any(v_suspended)
  order by r.id
  on conflict (run_id) do nothing;
  perform pg_notify('stepbase', 'admit');
end;
$$;

comment on function stepbase_engine.suspend_starts(uuid[]) is
  'Puts those of these pending runs that a switch suspends into the backlog, in a group that is not admitted. The caller has '
  'locked the runs and ends their tokens.';
