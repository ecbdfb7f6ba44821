-- resolve_edges: step runs were resolved (completed, skipped, or failed and continued); which steps follow?
-- Each outgoing edge counts down the target's pending_in, and counts up its taken_in if it is taken. A target
-- becomes ready, is skipped, or stays pending; a skipped one resolves its own edges in the next round.
-- The cost is proportional to the number of edges of the resolved steps.

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
  -- At a fan-out the token keeps this many branches. Further branches get new tokens with this many each,
  -- so that a wide fan-out spreads over workers without one job per branch.
  c_kept_branches constant int := 8;
  c_branches_per_token constant int := 16;
  v_resolved uuid[] := p_resolved;
  v_events stepbase_engine.event[] := p_events;
  v_round_events stepbase_engine.event[];
  v_work stepbase_engine.work[] := '{}';
  v_round_work stepbase_engine.work[];
  v_token_ids uuid[];
  v_token_runs uuid[];
  v_step record;
  v_edge record;
  v_id uuid;
  v_now timestamptz := stepbase_engine.now();
begin
  -- A single step whose token goes on along its only edge, as in a chain, or ends with it: the same as below. Starting
  -- the statement for many costs more than its work for one.
  if p_carry and cardinality(v_resolved) = 1 then
    select
      s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.handle, s.job_id,
      s.status = 'completed' and s.job_id is not null
      and (
        select
          r.status in ('running', 'pending')
          and case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
            when 0 then true else not stepbase_engine.is_suspended(r.id, false)
          end
        from stepbase.runs r
        where r.id = s.run_id
      ) as goes_on
    into v_step
    from stepbase.step_runs s
    where s.id = v_resolved[1];
    if v_step.goes_on then
      select
        p.target_id, p.step_type,
        p.in_degree = 1 and p.limited_by is null and (p.handle is null or p.handle = v_step.handle)
        and (
          select count(*) from stepbase_engine.plan_edges o
          where o.workflow_version_id = p.workflow_version_id and o.source_id = p.source_id
        ) = 1
        and (
          select count(*) from stepbase.step_runs t
          where t.run_id = v_step.run_id and t.step_id = p.target_id and t.item_index = 0 and t.attempt = 1
        ) = 0 as is_plain
      into v_edge
      from stepbase_engine.plan_edges p
      where p.workflow_version_id = v_step.workflow_version_id and p.source_id = v_step.step_id;
      if not found then
        v_resolved := '{}';
      elsif v_edge.is_plain then
        insert into stepbase.step_runs (
          run_id, app_code, workflow_version_id, step_id, step_type, status, taken_in, job_id, fence, started_at,
          created_at, updated_at
        )
        values (
          v_step.run_id, v_step.app_code, v_step.workflow_version_id, v_edge.target_id, v_edge.step_type, 'running', 1,
          v_step.job_id, 1, v_now, v_now, v_now
        )
        returning id into v_id;
        v_events := v_events || stepbase_engine.step_event(
          'step.started', v_step.run_id, v_step.app_code, v_edge.target_id, 0, 1, 'running',
          p_open_delta => 1,
          p_payload => jsonb_build_object('from', array[v_step.step_id])
        );
        v_work := array[row(
          v_step.job_id, v_step.run_id, v_step.app_code, v_step.workflow_version_id, v_id, v_edge.target_id, 0, 1, 1
        )::stepbase_engine.work];
        v_resolved := '{}';
      end if;
    end if;
  end if;

  while cardinality(v_resolved) > 0 loop
    -- edge: the targets of the resolved steps, with how many edges reach them and how many are taken.
    with edge as (
      select
        s.run_id, s.app_code, s.workflow_version_id, e.target_id as step_id,
        e.step_type, e.in_degree, e.join_mode, e.limited_by,
        -- Whether a ready target gets a token now. Steps under a limit wait for a slot: admit gives them
        -- their tokens. A pending run whose token the caller holds starts with the events written below.
        (r.status = 'running' or (p_carry and r.status = 'pending')) and e.limited_by is null
        and case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
          when 0 then true else not stepbase_engine.is_suspended(s.run_id, false)
        end as gets_token,
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
      -- Lateral: look-ups by key, independent of the planner's estimate of the size of a new table.
      cross join lateral (select o.status from stepbase.runs o where o.id = s.run_id limit 1) r
      cross join lateral (
        select p.* from stepbase_engine.plan_edges p
        where p.workflow_version_id = s.workflow_version_id and p.source_id = s.step_id
        offset 0
      ) e
      where s.id = any(v_resolved)
      group by
        s.run_id, s.app_code, s.workflow_version_id, e.target_id, e.step_type, e.in_degree,
        e.join_mode, e.limited_by, r.status
    ),
    -- counted: adds the target's own row, if it has one (joins, eager steps), and its new counters. A row
    -- that is not pending any more is left alone.
    counted as (
      select
        e.*,
        t.id as existing_id,
        coalesce(t.pending_in, e.in_degree) - e.edges as pending_left,
        coalesce(t.taken_in, 0) + e.taken as taken_total
      from edge e
      left join lateral (
        select o.id, o.status, o.pending_in, o.taken_in from stepbase.step_runs o
        where o.run_id = e.run_id and o.step_id = e.step_id
          and o.item_index = 0 and o.attempt = 1
        limit 1
      ) t on true
      where t.id is null or t.status = 'pending'
    ),
    -- decided: adds ready, skipped or pending.
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
    -- branch: numbers the ready targets of a token.
    branch as (
      select
        d.*,
        row_number() over (
          partition by d.run_id, d.job_id, d.decision order by d.step_id
        ) as number
      from decided d
    ),
    -- grouped: adds which new token carries the target; null when the caller's token keeps it.
    grouped as (
      select
        b.*,
        case
          when b.decision <> 'ready' or not b.gets_token then null
          when b.job_id is null then (b.number - 1) / c_branches_per_token
          when b.number > c_kept_branches then (b.number - c_kept_branches - 1) / c_branches_per_token
        end as new_token
      from branch b
    ),
    token as materialized (
      select g.run_id, g.job_id, g.new_token, stepbase_engine.new_id() as id
      from grouped g
      where g.new_token is not null
      group by g.run_id, g.job_id, g.new_token
    ),
    -- target: adds the final status and the token. Steps that stay on the token of the caller are running at once.
    target as (
      select
        g.*,
        case
          when g.decision = 'ready' and g.gets_token and t.id is null then 'running'
          else g.decision
        end as status,
        case
          when g.decision = 'skipped' then g.job_id
          when g.decision = 'ready' and g.gets_token then coalesce(t.id, g.job_id)
        end as token_id
      from grouped g
      left join token t
        on t.run_id = g.run_id and t.job_id is not distinct from g.job_id
        and t.new_token = g.new_token
    ),
    updated as (
      update stepbase.step_runs s
      set
        pending_in = t.pending_left,
        taken_in = t.taken_total,
        status = t.status,
        job_id = t.token_id,
        limited_by = t.limited_by,
        fence = (t.status = 'running')::int,
        started_at = case when t.status = 'running' then v_now end,
        completed_at = case when t.status = 'skipped' then v_now end,
        updated_at = v_now
      from target t
      where s.id = t.existing_id
        and s.id = any((select array_agg(t.existing_id) from target t)::uuid[])
      returning s.id, s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.status, s.job_id, s.fence
    ),
    inserted as (
      insert into stepbase.step_runs (
        run_id, app_code, workflow_version_id, step_id, step_type, status, pending_in, taken_in,
        job_id, limited_by, fence, started_at, completed_at, created_at, updated_at
      )
      select
        t.run_id, t.app_code, t.workflow_version_id, t.step_id, t.step_type, t.status,
        t.pending_left, t.taken_total, t.token_id, t.limited_by, (t.status = 'running')::int,
        case when t.status = 'running' then v_now end,
        case when t.status = 'skipped' then v_now end, v_now, v_now
      from target t
      where t.existing_id is null
      returning id, run_id, app_code, workflow_version_id, step_id, status, job_id, fence
    ),
    written as (
      select u.* from updated u
      union all
      select i.* from inserted i
    )
    select
      (
        select array_agg(
          stepbase_engine.step_event(
            case t.status
              when 'running' then 'step.started'
              when 'ready' then 'step.ready'
              else 'step.skipped'
            end,
            t.run_id, t.app_code, t.step_id, 0, 1, t.status,
            p_open_delta => (t.status <> 'skipped')::int,
            p_done_delta => (t.status = 'skipped')::int,
            p_payload => jsonb_build_object('from', t.from_steps)
          )
          order by t.run_id, t.step_id
        )
        from target t
        where t.status <> 'pending'
      ),
      (select array_agg(w.id) from written w where w.status = 'skipped'),
      (
        select array_agg(
          row(
            w.job_id, w.run_id, w.app_code, w.workflow_version_id, w.id, w.step_id, 0, 1, w.fence
          )::stepbase_engine.work
        )
        from written w
        where w.status = 'running'
      ),
      (select array_agg(t.id) from token t),
      (select array_agg(t.run_id) from token t)
    into v_round_events, v_resolved, v_round_work, v_token_ids, v_token_runs;

    v_events := v_events || coalesce(v_round_events, '{}');
    v_work := v_work || coalesce(v_round_work, '{}');
    v_resolved := coalesce(v_resolved, '{}');
    if v_token_ids is not null then
      perform stepbase_engine.create_tokens(v_token_ids, v_token_runs);
    end if;
  end loop;

  perform stepbase_engine.append_events(v_events);
  return query select w.* from unnest(v_work) as w;
end;
$$;

comment on function stepbase_engine.resolve_edges(uuid[], stepbase_engine.event[], boolean) is
  'Follows the edges of resolved step runs and appends the given events and the resulting ones. With p_carry the tokens '
  'of the resolved steps carry the next steps, which are running and returned; otherwise the next steps are ready and '
  'get new tokens. The caller has locked the runs.';
