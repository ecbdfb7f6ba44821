-- Commands to Temporal. A transition that a client or a deadline causes calls one of these functions; for a run that
-- Temporal does not execute, and before the bridge has started it there, they do nothing.

create function stepbase_engine.request_starts(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase_engine.temporal_commands (run_id, app_code, kind)
  select r.id, r.app_code, 'start'
  from stepbase.runs r
  where r.id = any(p_run_ids) and r.execution_engine = 'temporal' and r.status = 'pending'
    -- A run that was paused and resumed before the bridge took its start.
    and not exists (
      select 1 from stepbase_engine.temporal_commands c where c.run_id = r.id and c.app_code = r.app_code
    )
  order by array_position(p_run_ids, r.id);
  if found then
    perform pg_notify('stepbase', 'temporal');
  end if;
end;
$$;

comment on function stepbase_engine.request_starts(uuid[]) is
  'Requests the start of those of these runs that are pending and that Temporal executes.';

create function stepbase_engine.tell_temporal(p_run_id uuid, p_kind text, p_payload jsonb default '{}')
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase_engine.temporal_commands (run_id, app_code, kind, payload)
  select t.run_id, t.app_code, p_kind, p_payload
  from stepbase.temporal_runs t
  where t.run_id = p_run_id and t.closed_at is null;
  if found then
    perform pg_notify('stepbase', 'temporal');
  end if;
end;
$$;

comment on function stepbase_engine.tell_temporal(uuid, text, jsonb) is
  'Writes a command for the workflow of a run. The caller has locked the run.';

create function stepbase_engine.tell_results(p_run_ids uuid[], p_step_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select 1 from stepbase.temporal_runs t where t.run_id = any(p_run_ids) and t.closed_at is null
  ) then
    return;
  end if;
  insert into stepbase_engine.temporal_commands (run_id, app_code, kind, payload)
  select
    s.run_id, s.app_code, case s.status when 'failed' then 'reject' else 'resolve' end,
    jsonb_build_object('node', s.step_id, 'item', s.item_index, 'attempt', s.attempt)
    || case s.status
      when 'failed' then jsonb_strip_nulls(jsonb_build_object('error', s.error, 'retry_at', n.wake_at))
      else jsonb_build_object('output', s.output)
        || case when s.handle is null then '{}' else jsonb_build_object('handle', s.handle) end
    end
  from stepbase.step_runs s
  join stepbase.temporal_runs t on t.run_id = s.run_id and t.closed_at is null
  left join stepbase.step_runs n
    on n.run_id = s.run_id and n.step_id = s.step_id and n.item_index = s.item_index and n.attempt = s.attempt + 1
  where s.id = any(p_step_run_ids) and s.run_id = any(p_run_ids) and s.status in ('completed', 'failed')
    -- The workflow ends these waits itself.
    and s.wait_kind not in ('items', 'delay', 'retry', 'tools')
  order by s.run_id, s.context_version, s.id;
  if not found then
    return;
  end if;
  perform stepbase_engine.leave_timers_to_temporal(p_run_ids);
  perform pg_notify('stepbase', 'temporal');
end;
$$;

comment on function stepbase_engine.tell_results(uuid[], uuid[]) is
  'Writes commands about those of these step runs that waited and have completed or failed, so that their workflows go on. '
  'The caller has locked the runs.';

create function stepbase_engine.leave_timers_to_temporal(p_run_ids uuid[])
returns void
language sql
set search_path = ''
as $$
  update stepbase.step_runs s
  set deadline_at = s.wake_at, wake_at = null, updated_at = stepbase_engine.now()
  from stepbase.runs r
  where r.id = any(p_run_ids) and r.execution_engine is not null
    and s.run_id = r.id and s.status = 'waiting' and s.wait_kind in ('delay', 'retry') and s.wake_at is not null;
$$;

comment on function stepbase_engine.leave_timers_to_temporal(uuid[]) is
  'Delays and retries of runs in Temporal have no timer in the database: moves their time from wake_at to deadline_at, where '
  'clients still see it.';

create function stepbase_engine.tell_end(p_run_ids uuid[], p_status text, p_error jsonb, p_compensate boolean)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase_engine.temporal_commands (run_id, app_code, kind, payload)
  select
    t.run_id, t.app_code, 'end',
    jsonb_build_object('status', p_status, 'error', coalesce(p_error, '{}'), 'compensate', coalesce(p_compensate, false))
  from stepbase.temporal_runs t
  where t.run_id = any(p_run_ids) and t.closed_at is null
    -- The end that is being mirrored is known there.
    and t.run_id::text is distinct from current_setting('stepbase.mirrored_run', true)
  order by t.run_id;
  if found then
    perform pg_notify('stepbase', 'temporal');
  end if;
end;
$$;

comment on function stepbase_engine.tell_end(uuid[], text, jsonb, boolean) is
  'Writes the command that ends the workflows of runs with a status and an error, unless the end comes from there. '
  'p_compensate: the workflow compensates its completed steps first. The caller has locked the runs.';
