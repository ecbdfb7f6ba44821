-- Ending runs early: failed, cancelled or timed out. Open steps are cancelled, tokens end, and a
-- worker that still executes a step of the run is fenced off when it answers.

create function engine.end_runs(
  p_run_ids uuid[], p_status text, p_error jsonb, p_actor_id uuid default null
)
returns setof uuid
language plpgsql
set search_path = ''
as $$
declare
  v_step_events engine.event[];
  v_run_events engine.event[];
  v_jobs uuid[];
  v_ended uuid[];
  v_now timestamptz := engine.now();
begin
  perform 1 from public.runs r
  where r.id = any(p_run_ids) order by r.id for no key update;
  perform engine.dequeue_runs(p_run_ids);

  with ended as (
    update public.runs r
    set
      status = p_status,
      error = p_error,
      started_at = coalesce(r.started_at, v_now),
      completed_at = greatest(v_now, r.started_at),
      open_steps = 0,
      updated_at = v_now
    where r.id = any(p_run_ids) and r.status in ('pending', 'running', 'paused')
    returning r.id, r.app_code
  ),
  stopped as (
    update public.step_runs s
    set status = 'cancelled', completed_at = greatest(v_now, s.started_at), updated_at = v_now
    from ended e
    where s.run_id = e.id and s.status in ('pending', 'ready', 'running', 'waiting')
    returning s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.job_id
  )
  select
    (
      select array_agg(
        row(
          s.run_id, s.app_code, 'step.cancelled', s.step_id, s.item_index, s.attempt, 'cancelled',
          0, 0, 0, p_actor_id, '{}'::jsonb
        )::engine.event order by s.run_id, s.step_id, s.item_index
      )
      from stopped s
    ),
    (
      select array_agg(
        row(
          e.id, e.app_code, 'run.' || p_status, null, null, null, p_status, 0, 0, 0, p_actor_id,
          jsonb_strip_nulls(jsonb_build_object('error', p_error))
        )::engine.event order by e.id
      )
      from ended e
    ),
    (select array_agg(e.id) from ended e),
    (select array_agg(distinct s.job_id) from stopped s where s.job_id is not null)
  into v_step_events, v_run_events, v_ended, v_jobs;

  if v_ended is not null then
    perform engine.record(coalesce(v_step_events, '{}') || v_run_events);
    perform engine.end_tokens(coalesce(v_jobs, '{}'));
    insert into public.outbox (app_code, aggregate_type, aggregate_id, event_type)
    select r.app_code, 'run', r.id, 'run.ended'
    from public.runs r
    where r.id = any(v_ended)
      and (r.parent_step_run_id is not null or engine.is_followed(r.id));
    if found then
      perform pg_notify('stepbase', 'outbox');
    end if;
    -- Workers that execute a step of these runs stop it: at once where they listen.
    perform pg_notify('stepbase', 'cancel:' || e.id::text)
    from unnest(v_ended) as e (id);
  end if;
  return query select unnest(v_ended);
end;
$$;

comment on function engine.end_runs(uuid[], text, jsonb, uuid) is
'Ends the given runs that are not terminal yet as failed, cancelled or timed_out, with the reason as error '
'({code, message, …}); returns the ids of those it ended.';
