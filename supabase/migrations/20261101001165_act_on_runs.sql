-- Cancel, pause and resume one run. The RPCs call these functions, and so do operations on many runs.

create function stepbase_engine.cancel_run(p_run stepbase.runs, p_reason text, p_force boolean, p_actor_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  if p_force then
    -- One lock for both statements: compensation must not begin between them.
    perform 1 from stepbase.runs r where r.id = p_run.id for no key update;
    perform stepbase_engine.stop_compensation(array[p_run.id], p_actor_id);
    if found then
      perform stepbase_engine.notify_run(p_run.app_code, p_run.id, 'run.cancel');
      return true;
    end if;
  end if;
  perform stepbase_engine.end_runs(
    array[p_run.id], 'cancelled',
    jsonb_build_object('code', 'cancelled', 'message', left(coalesce(p_reason, 'cancelled by a member'), 4000)),
    p_actor_id, not p_force
  );
  if not found then
    -- The run has ended in the meantime, possibly by another cancellation.
    select r.* into v_run from stepbase.runs r where r.id = p_run.id;
    if coalesce(v_run.pending_outcome ->> 'status', v_run.status) <> 'cancelled' then
      perform stepbase_private.raise_error(
        'conflict',
        case when v_run.pending_outcome is null then format('the run is already %s', v_run.status)
          else format(
            'the run is compensating and will be %s; use force to end it now', v_run.pending_outcome ->> 'status'
          ) end,
        jsonb_strip_nulls(jsonb_build_object('pending_outcome', v_run.pending_outcome -> 'status'))
      );
    end if;
    return false;
  end if;
  perform stepbase_engine.notify_run(p_run.app_code, p_run.id, 'run.cancel');
  perform stepbase_engine.request_worker();
  return true;
end;
$$;

comment on function stepbase_engine.cancel_run(stepbase.runs, text, boolean, uuid) is
  'Cancels an open run and compensates its completed steps; p_force: without compensation. False: it was cancelled already. '
  'Errors: SB409 the run has ended or will end with another status.';

create function stepbase_engine.pause_run(p_run stepbase.runs, p_actor_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  perform 1 from stepbase.runs r where r.id = p_run.id for no key update;
  if exists (select 1 from stepbase.runs r where r.id = p_run.id and r.status = 'pending') then
    perform stepbase_engine.return_starts(array[p_run.id]);
    perform stepbase_engine.remove_from_backlog(array[p_run.id]);
  end if;
  update stepbase.runs r
  set status = 'paused', paused_at = stepbase_engine.now(), updated_at = stepbase_engine.now()
  where r.id = p_run.id and r.status in ('pending', 'running') and r.pending_outcome is null;
  if not found then
    select r.* into v_run from stepbase.runs r where r.id = p_run.id;
    if v_run.status <> 'paused' then
      perform stepbase_private.raise_error(
        'conflict',
        case when v_run.pending_outcome is null then format('the run is already %s', v_run.status)
          else 'the run is compensating and cannot be paused' end
      );
    end if;
    return false;
  end if;
  perform stepbase_engine.tell_temporal(p_run.id, 'pause');
  perform stepbase_engine.append_events(array[
    stepbase_engine.run_event('run.paused', p_run.id, p_run.app_code, 'paused', p_actor_id)
  ]);
  perform stepbase_engine.notify_run(p_run.app_code, p_run.id);
  if stepbase_engine.announce_to_webhooks(array[p_run.id], array['run.paused'], array['{}'::jsonb]) > 0 then
    perform stepbase_engine.request_worker();
  end if;
  return true;
end;
$$;

comment on function stepbase_engine.pause_run(stepbase.runs, uuid) is
  'Pauses a run; false: it was paused already. Errors: SB409 the run has ended or is compensating.';

create function stepbase_engine.resume_run(p_run stepbase.runs, p_actor_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_tokens uuid[];
  v_runs uuid[];
begin
  update stepbase.runs r
  set
    status = case when r.started_at is null then 'pending' else 'running' end,
    paused_at = null,
    updated_at = stepbase_engine.now()
  where r.id = p_run.id and r.status = 'paused'
  returning r.* into v_run;
  if not found then
    select r.* into v_run from stepbase.runs r where r.id = p_run.id;
    if v_run.status not in ('pending', 'running') then
      perform stepbase_private.raise_error(
        'conflict', format('The run is already %s', v_run.status)
      );
    end if;
    return false;
  end if;

  perform stepbase_engine.tell_temporal(v_run.id, 'resume');
  perform stepbase_engine.append_events(array[
    stepbase_engine.run_event(
      'run.resumed', v_run.id, v_run.app_code, v_run.status, p_actor_id
    )
  ]);
  -- A held run continues to wait; if its start_at has come, the worker that gets the notification below releases it.
  if v_run.status = 'pending' and v_run.held_by is null then
    perform stepbase_engine.enqueue_run(v_run);
  end if;

  -- Steps that became ready during the pause have no token yet.
  with held as (
    select s.id, (row_number() over (order by s.step_id, s.item_index) - 1) / 16 as lane
    from stepbase.step_runs s
    where s.run_id = v_run.id and s.status = 'ready' and s.job_id is null
      and s.limited_by is null and v_run.status = 'running'
  ),
  token as materialized (
    select h.lane, stepbase_engine.new_id() as id from held h group by h.lane
  ),
  carried as (
    update stepbase.step_runs s
    set job_id = t.id, updated_at = stepbase_engine.now()
    from held h
    join token t on t.lane = h.lane
    where s.id = h.id
  )
  select array_agg(t.id), array_agg(v_run.id) into v_tokens, v_runs from token t;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_runs);
  end if;
  -- This update makes steps under a limit request a concurrency slot (stepbase_engine.apply_step_limit).
  update stepbase.step_runs s set job_id = null
  where s.run_id = v_run.id and s.status = 'ready' and s.job_id is null
    and s.limited_by is not null and v_run.status = 'running';
  perform stepbase_engine.start_blocked_children(v_run.id);
  perform stepbase_engine.resume_timers(v_run.id);
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.notify_run(v_run.app_code, v_run.id);
  perform stepbase_engine.announce_to_webhooks(array[v_run.id], array['run.resumed'], array['{}'::jsonb]);
  perform stepbase_engine.request_worker();
  return true;
end;
$$;

comment on function stepbase_engine.resume_run(stepbase.runs, uuid) is
  'Resumes a paused run; false: it was not paused. Errors: SB409 the run has ended.';
