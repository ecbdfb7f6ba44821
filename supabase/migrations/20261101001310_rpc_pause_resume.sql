-- RPCs that pause and resume runs. See rpc_runs for the pattern.

create function stepbase_private.pause_run(p_run_id uuid)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
begin
  perform 1 from stepbase.runs r where r.id = v_run.id for no key update;
  perform stepbase_engine.remove_from_backlog(array(
    select r.id from stepbase.runs r where r.id = v_run.id and r.status = 'pending'
  ));
  update stepbase.runs r
  set status = 'paused', paused_at = stepbase_engine.now(), updated_at = stepbase_engine.now()
  where r.id = v_run.id and r.status in ('pending', 'running') and r.pending_outcome is null;
  if not found then
    select r.* into v_run from stepbase.runs r where r.id = v_run.id;
    if v_run.status <> 'paused' then
      perform stepbase_private.raise_error(
        'conflict',
        case when v_run.pending_outcome is null then format('the run is already %s', v_run.status)
          else 'the run is compensating and cannot be paused' end
      );
    end if;
  else
    perform stepbase_engine.append_events(array[
      stepbase_engine.run_event(
        'run.paused', v_run.id, v_run.app_code, 'paused', stepbase_private.user_id()
      )
    ]);
    perform stepbase_engine.notify_run(v_run.app_code, v_run.id);
    if stepbase_engine.announce_to_webhooks(array[v_run.id], array['run.paused'], array['{}'::jsonb]) > 0 then
      perform stepbase_engine.request_worker();
    end if;
  end if;
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.pause_run(uuid) is 'Implements stepbase.pause_run.';
grant execute on function stepbase_private.pause_run(uuid) to authenticated;

create function stepbase.pause_run(run_id uuid)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.pause_run(pause_run.run_id);
$$;

comment on function stepbase.pause_run(uuid) is
  'Pauses a run: steps in flight finish and no new step starts; requires run:execute. Repeated calls have no further '
  'effect. Errors: SB401, SB403, SB404, SB409 the run has ended or is compensating.';
grant execute on function stepbase.pause_run(uuid) to authenticated;

create function stepbase_private.resume_run(p_run_id uuid)
returns stepbase.runs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:execute')
  );
  v_tokens uuid[];
  v_runs uuid[];
begin
  update stepbase.runs r
  set
    status = case when r.started_at is null then 'pending' else 'running' end,
    paused_at = null,
    updated_at = stepbase_engine.now()
  where r.id = v_run.id and r.status = 'paused'
  returning r.* into v_run;
  if not found then
    v_run := stepbase_private.require_run(p_run_id, stepbase_private.app_code());
    if v_run.status not in ('pending', 'running') then
      perform stepbase_private.raise_error(
        'conflict', format('The run is already %s', v_run.status)
      );
    end if;
    return v_run;
  end if;

  perform stepbase_engine.append_events(array[
    stepbase_engine.run_event(
      'run.resumed', v_run.id, v_run.app_code, v_run.status, stepbase_private.user_id()
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
  return stepbase_private.require_run(v_run.id, v_run.app_code);
end;
$$;

comment on function stepbase_private.resume_run(uuid) is 'Implements stepbase.resume_run.';
grant execute on function stepbase_private.resume_run(uuid) to authenticated;

create function stepbase.resume_run(run_id uuid)
returns stepbase.runs
language sql
set search_path = ''
as $$
  select stepbase_private.resume_run(resume_run.run_id);
$$;

comment on function stepbase.resume_run(uuid) is
  'Resumes a paused run; timers that became due during the pause fire now; requires run:execute. Errors: SB401, SB403, '
  'SB404, SB409 the run has ended.';
grant execute on function stepbase.resume_run(uuid) to authenticated;
