-- admit_steps: ready steps of the backlog get a concurrency slot and a token.

create function stepbase_engine.select_backlog_steps(p_limit int)
returns table (step_run_ids uuid[], run_ids uuid[])
language sql
stable
set search_path = ''
-- The planner overestimates the rows of a recursive query so far that it would compile it.
set jit = off
as $$
  -- queue: a loose index scan over the queues, without reading the steps that wait in them.
  with recursive queue as (
    (select w.queue_id from stepbase_engine.step_backlog w order by w.queue_id limit 1)
    union all
    select n.queue_id
    from queue q
    cross join lateral (
      select w.queue_id from stepbase_engine.step_backlog w
      where w.queue_id > q.queue_id
      order by w.queue_id
      limit 1
    ) n
  ),
  -- free: adds the number of free slots.
  free as materialized (
    select
      q.queue_id,
      least(
        (
          select
            t.max_concurrent_activities
            - (select count(*) from stepbase_engine.step_slots s where s.queue_id = t.id)
          from stepbase.task_queues t
          where t.id = q.queue_id
        ),
        p_limit
      ) as slots
    from queue q
  ),
  candidate as (
    select
      w.step_run_id, w.run_id, w.arrival,
      row_number() over (partition by f.queue_id order by w.priority desc, w.arrival) as rank
    from free f
    cross join lateral (
      select w.* from stepbase_engine.step_backlog w
      where w.queue_id = f.queue_id
        and case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
          when 0 then true else not stepbase_engine.is_suspended(w.run_id, false)
        end
      order by w.priority desc, w.arrival
      limit greatest(f.slots, 0)
    ) w
  ),
  -- chosen: the first step of every queue, then the second of every queue, and so on.
  chosen as (
    select c.* from candidate c order by c.rank, c.arrival limit p_limit
  )
  select array_agg(c.step_run_id order by c.rank, c.arrival), array_agg(distinct c.run_id)
  from chosen c;
$$;

comment on function stepbase_engine.select_backlog_steps(int) is
  'Returns up to p_limit waiting steps that their task queues have free slots for, taking one of each queue per round, '
  'and the runs of these steps.';

create function stepbase_engine.admit_steps(p_limit int)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_chosen uuid[];
  v_chosen_runs uuid[];
  v_tokens uuid[];
  v_runs uuid[];
begin
  select c.step_run_ids, c.run_ids into v_chosen, v_chosen_runs from stepbase_engine.select_backlog_steps(p_limit) c;
  if v_chosen is null then
    return 0;
  end if;
  -- Lock order: admission (1, by the caller), then runs (2).
  perform 1 from stepbase.runs r where r.id = any(v_chosen_runs) order by r.id for no key update;

  -- A step whose run was paused meanwhile leaves the backlog; resuming the run puts it back.
  with taken as (
    delete from stepbase_engine.step_backlog w where w.step_run_id = any(v_chosen)
    returning w.step_run_id, w.queue_id
  ),
  admitted as (
    update stepbase.step_runs s
    set job_id = stepbase_engine.new_id(), updated_at = stepbase_engine.now()
    from taken t, stepbase.runs r
    where s.id = t.step_run_id and s.status = 'ready' and s.job_id is null
      and r.id = s.run_id and r.status = 'running'
    returning s.id, s.run_id, s.job_id, t.queue_id
  ),
  slot as (
    insert into stepbase_engine.step_slots (step_run_id, queue_id)
    select a.id, a.queue_id from admitted a
    on conflict do nothing
  )
  select
    array_agg(a.job_id order by array_position(v_chosen, a.id)),
    array_agg(a.run_id order by array_position(v_chosen, a.id))
  into v_tokens, v_runs
  from admitted a;
  if v_tokens is not null then
    perform stepbase_engine.create_tokens(v_tokens, v_runs);
  end if;
  return cardinality(v_chosen);
end;
$$;

comment on function stepbase_engine.admit_steps(int) is
  'Gives concurrency slots and tokens to up to p_limit waiting steps; returns how many it selected. The caller has locked '
  'stepbase_engine.admission.';
