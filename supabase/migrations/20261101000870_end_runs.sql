-- Ending runs early: failed, cancelled or timed out. Open steps are cancelled, tokens end, and a
-- worker that still executes a step of the run is fenced off when it answers. A run with completed
-- steps that can be undone ends after that (…_compensation.sql).

create function stepbase_engine.stop_steps(p_run_ids uuid[], p_actor_id uuid)
returns table (events stepbase_engine.event[], job_ids uuid[])
language sql
set search_path = ''
as $$
  with stopped as (
    update stepbase.step_runs s
    set
      status = 'cancelled', completed_at = greatest(stepbase_engine.now(), s.started_at),
      updated_at = stepbase_engine.now()
    where s.run_id = any(p_run_ids) and s.status in ('pending', 'ready', 'running', 'waiting')
    returning s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id
  )
  select
    coalesce(
      array_agg(
        row(
          s.run_id, s.app_code, 'step.cancelled', s.step_id, s.item_index, s.attempt, 'cancelled',
          0, 0, 0, p_actor_id, '{}'::jsonb
        )::stepbase_engine.event order by s.run_id, s.step_id, s.item_index
      ),
      '{}'
    ),
    coalesce(array_agg(distinct s.job_id) filter (where s.job_id is not null), '{}')
  from stopped s;
$$;

comment on function stepbase_engine.stop_steps(uuid[], uuid) is
'Cancels the open steps of runs; returns their events, not recorded yet, and the tokens that carried them.';

create function stepbase_engine.close_runs(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid, p_step_events stepbase_engine.event[]
)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_events stepbase_engine.event[];
  v_ended uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  with ended as (
    update stepbase.runs r
    set
      status = p_status,
      error = p_error,
      started_at = coalesce(r.started_at, v_now),
      completed_at = greatest(v_now, r.started_at),
      open_steps = 0,
      updated_at = v_now
    where r.id = any(p_run_ids) and r.status in ('pending', 'running', 'paused')
    returning r.id, r.app_code
  )
  select
    array_agg(
      row(
        e.id, e.app_code, 'run.' || p_status, null, null, null, p_status, 0, 0, 0, p_actor_id,
        jsonb_strip_nulls(jsonb_build_object('error', p_error))
      )::stepbase_engine.event order by e.id
    ),
    array_agg(e.id)
  into v_events, v_ended
  from ended e;

  perform stepbase_engine.append_events(p_step_events || v_events);
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  select r.app_code, 'run', r.id, 'run.ended'
  from stepbase.runs r
  where r.id = any(v_ended)
    and (r.parent_step_run_id is not null or stepbase_engine.has_followers(r.id));
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
  return v_ended;
end;
$$;

comment on function stepbase_engine.close_runs(uuid[], text, jsonb, uuid, stepbase_engine.event[]) is
'Gives runs their last status, records the given events of their steps and the end, and tells who follows them; '
'returns their ids. The caller has locked the runs and stopped their steps.';

create function stepbase_engine.end_runs(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid default null,
  p_undo boolean default true
)
returns setof uuid
language plpgsql
set search_path = ''
as $$
declare
  v_open uuid[];
  v_undoing uuid[];
  v_events stepbase_engine.event[];
  v_jobs uuid[];
begin
  perform 1 from stepbase.runs r
  where r.id = any(p_run_ids) order by r.id for no key update;
  -- Should one be admitted right now, this waits for it. Places are left when a run has really ended:
  -- see stepbase_engine.release_run_slots.
  delete from stepbase_engine.run_backlog w where w.run_id = any(p_run_ids);

  select
    array_agg(r.id order by r.id),
    array_agg(r.id order by r.id)
      filter (
        where p_undo and r.status <> 'pending' and stepbase_engine.next_compensation(r.id) is not null
      )
  into v_open, v_undoing
  from stepbase.runs r
  where r.id = any(p_run_ids) and r.status in ('pending', 'running', 'paused') and r.pending_outcome is null;
  if v_open is null then
    return;
  end if;

  select s.events, s.job_ids into v_events, v_jobs from stepbase_engine.stop_steps(v_open, p_actor_id) s;
  if v_undoing is not null then
    v_events := v_events || stepbase_engine.begin_compensation(v_undoing, p_status, p_error, p_actor_id);
  end if;
  perform stepbase_engine.close_runs(
    array(select o from unnest(v_open) as o where o <> all(coalesce(v_undoing, '{}'))),
    p_status, p_error, p_actor_id, v_events
  );
  perform stepbase_engine.end_tokens(v_jobs);
  -- Workers that execute a step of these runs stop it: at once where they listen.
  perform pg_notify('stepbase', 'cancel:' || e.id::text)
  from unnest(v_open) as e (id);
  if v_undoing is not null then
    -- Children do not go on with what their parent is taking back.
    insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
    select r.app_code, 'run', r.id, 'run.ended'
    from stepbase.runs r
    where r.id = any(v_undoing)
      and exists (
        select 1 from stepbase.runs c where c.parent_run_id = r.id and c.completed_at is null
      );
    if found then
      perform pg_notify('stepbase', 'outbox');
    end if;
    perform stepbase_engine.continue_compensation(v_undoing);
  end if;
  return query select unnest(v_open);
end;
$$;

comment on function stepbase_engine.end_runs(uuid[], text, jsonb, uuid, boolean) is
'Ends the given runs that are not terminal yet as failed, cancelled or timed_out, with the reason as error '
'({code, message, …}), once what can be undone of them is undone; returns the ids of those that it ended or that '
'will end so. Without p_undo nothing is undone. Runs that are being undone already are left to that.';
