-- Settling: what follows from step runs that were just resolved.
-- Their edges are resolved, counters of the targets go down, targets become ready, skipped or stay
-- pending; skipped ones resolve their own edges in turn. Cost: the edges of what was resolved.

create function stepbase_engine.resolve_edges(p_resolved uuid[], p_events stepbase_engine.event[], p_carry boolean)
returns setof stepbase_engine.work
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_nestloop = off
set jit = off
as $$
declare
  -- A token carries this many branches of a fan-out itself; the others get tokens of their own,
  -- sixteen branches each: a wide fan-out spreads over workers without a job per branch.
  c_carried constant int := 8;
  c_per_token constant int := 16;
  v_events stepbase_engine.event[] := p_events;
  v_wave uuid[] := p_resolved;
  v_more stepbase_engine.event[];
  v_running uuid[];
  v_all_running uuid[] := '{}';
  v_token_ids uuid[];
  v_token_runs uuid[];
  v_now timestamptz := stepbase_engine.now();
begin
  while cardinality(v_wave) > 0 loop
    with arrival as (
      select
        s.run_id, s.app_code, s.workflow_version_id, e.target_id as step_id,
        e.step_type, e.in_degree, e.join_mode, e.limited_by,
        -- Under a limit on steps, it waits for a place: stepbase_engine.admit gives it a token. A pending run that
        -- a token carries starts with what is recorded below.
        (r.status = 'running' or (p_carry and r.status = 'pending')) and e.limited_by is null as is_live,
        count(*)::int as edges,
        count(*) filter (
          where case s.status
            when 'completed' then e.handle is null or e.handle = s.handle
            when 'failed' then e.handle is not distinct from s.handle
            else false
          end
        )::int as taken,
        case when p_carry then (array_agg(s.job_id))[1] end as job_id,
        array_agg(s.step_id) as from_steps
      from stepbase.step_runs s
      -- Lateral: every row is looked up, whatever the planner thinks of a table that is still young.
      cross join lateral (select o.status from stepbase.runs o where o.id = s.run_id limit 1) r
      cross join lateral (
        select p.* from stepbase_engine.plan_edges p
        where p.workflow_version_id = s.workflow_version_id and p.source_id = s.step_id
        offset 0
      ) e
      where s.id = any(v_wave)
      group by
        s.run_id, s.app_code, s.workflow_version_id, e.target_id, e.step_type, e.in_degree,
        e.join_mode, e.limited_by, r.status
    ),
    -- Targets that already have their row (joins; what ran ahead): only a pending one still listens.
    counted as (
      select
        a.*,
        t.id as existing_id,
        coalesce(t.pending_in, a.in_degree) - a.edges as pending_left,
        coalesce(t.taken_in, 0) + a.taken as taken_total
      from arrival a
      left join lateral (
        select o.id, o.status, o.pending_in, o.taken_in from stepbase.step_runs o
        where o.run_id = a.run_id and o.step_id = a.step_id
          and o.item_index = 0 and o.attempt = 1
        limit 1
      ) t on true
      where t.id is null or t.status = 'pending'
    ),
    decided as (
      select
        c.*,
        case
          when c.taken_total > 0 and (c.pending_left = 0 or c.join_mode = 'any') then 'ready'
          when c.pending_left = 0 then 'skipped'
          else 'pending'
        end as decision
      from counted c
    ),
    ranked as (
      select
        d.*,
        row_number() over (
          partition by d.run_id, d.job_id, d.decision order by d.step_id
        ) as place
      from decided d
    ),
    lane as (
      select
        k.*,
        case
          when k.decision <> 'ready' or not k.is_live then null
          when k.job_id is null then (k.place - 1) / c_per_token
          when k.place > c_carried then (k.place - c_carried - 1) / c_per_token
        end as new_lane
      from ranked k
    ),
    token as materialized (
      select l.run_id, l.job_id, l.new_lane, stepbase_engine.new_id() as id
      from lane l
      where l.new_lane is not null
      group by l.run_id, l.job_id, l.new_lane
    ),
    target as (
      select
        l.*,
        case
          when l.decision = 'ready' and l.is_live and t.id is null then 'running'
          else l.decision
        end as status,
        case
          when l.decision = 'skipped' then l.job_id
          when l.decision = 'ready' and l.is_live then coalesce(t.id, l.job_id)
        end as token_id
      from lane l
      left join token t
        on t.run_id = l.run_id and t.job_id is not distinct from l.job_id
        and t.new_lane = l.new_lane
    ),
    updated as (
      update stepbase.step_runs s
      set
        pending_in = t.pending_left,
        taken_in = t.taken_total,
        status = t.status,
        job_id = t.token_id,
        limited_by = t.limited_by,
        claim = (t.status = 'running')::int,
        started_at = case when t.status = 'running' then v_now end,
        completed_at = case when t.status = 'skipped' then v_now end,
        updated_at = v_now
      from target t
      where s.id = t.existing_id
        and s.id = any((select array_agg(t.existing_id) from target t)::uuid[])
      returning s.id, s.run_id, s.step_id, s.status
    ),
    inserted as (
      insert into stepbase.step_runs (
        run_id, app_code, workflow_version_id, step_id, step_type, status, pending_in, taken_in,
        job_id, limited_by, claim, started_at, completed_at, created_at, updated_at
      )
      select
        t.run_id, t.app_code, t.workflow_version_id, t.step_id, t.step_type, t.status,
        t.pending_left, t.taken_total, t.token_id, t.limited_by, (t.status = 'running')::int,
        case when t.status = 'running' then v_now end,
        case when t.status = 'skipped' then v_now end, v_now, v_now
      from target t
      where t.existing_id is null
      returning id, run_id, step_id, status
    ),
    entered as (
      select u.* from updated u
      union all
      select i.* from inserted i
    )
    select
      (
        select array_agg(
          row(
            t.run_id, t.app_code,
            case t.status
              when 'running' then 'step.started'
              when 'ready' then 'step.ready'
              else 'step.skipped'
            end,
            t.step_id, 0, 1, t.status,
            (t.status <> 'skipped')::int, (t.status = 'skipped')::int, 0, null,
            jsonb_build_object('from', t.from_steps)
          )::stepbase_engine.event
          order by t.run_id, t.step_id
        )
        from target t
        where t.status <> 'pending'
      ),
      (select array_agg(n.id) from entered n where n.status = 'skipped'),
      (select array_agg(n.id) from entered n where n.status = 'running'),
      (select array_agg(k.id) from token k),
      (select array_agg(k.run_id) from token k)
    into v_more, v_wave, v_running, v_token_ids, v_token_runs;

    v_events := v_events || coalesce(v_more, '{}');
    v_all_running := v_all_running || coalesce(v_running, '{}');
    v_wave := coalesce(v_wave, '{}');
    if v_token_ids is not null then
      perform stepbase_engine.create_tokens(v_token_ids, v_token_runs);
    end if;
  end loop;

  perform stepbase_engine.append_events(v_events);

  return query
  select
    s.job_id, s.run_id, s.app_code, s.workflow_version_id, s.id, s.step_id, s.item_index, s.attempt,
    s.claim
  from stepbase.step_runs s
  where s.id = any(v_all_running);
end;
$$;

comment on function stepbase_engine.resolve_edges(uuid[], stepbase_engine.event[], boolean) is
'Follows the edges of resolved step runs, records the given and the resulting events, and returns the steps that '
'the callers'' tokens now carry (with carry; otherwise new tokens carry them). The caller has locked the runs.';
