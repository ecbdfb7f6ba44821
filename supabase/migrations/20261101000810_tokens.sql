-- Tokens: every statement that touches the queue's tables (pg-boss, schema stepbase_queue) is in this file, the search
-- of the whole queue in *_queue_start.sql, and what explain_run, doctor and metrics read in *_explain_queue.sql.
-- A token is a job of the queue `steps` that carries branches of one run. The engine inserts and deletes
-- tokens inside the transaction of a transition. Workers fetch them with pg-boss's own call.
--
-- Where a function takes planner methods away it also sets jit = off: before PostgreSQL 18 the penalty
-- raises the cost of the plan so far that every call would be compiled, which takes seconds.

-- Fair queueing. pg-boss fetches the job of the highest priority first. The priority of a token is its
-- round, negated: an app's next token gets the round after the app's last one in the queue, but no round
-- before the one at the front. So apps alternate however many tokens each has, a new app starts at the
-- front, and the order needs no counter: two look-ups in this index and in pg-boss's own.
--
-- "group_id is not null" keeps pg-boss's fetch away from this index: on a small table the planner prefers it, and
-- then reads all of it.
create index idx_job_rounds on stepbase_queue.job (group_id, priority)
where name = 'steps' and state < 'active' and group_id is not null;

create function stepbase_engine.front_round()
returns int
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (
      select -j.priority from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and not j.blocked
        and j.priority <= -q.last_value::int
      order by j.priority desc
      limit 1
    ),
    (select e.last_value::int from stepbase_engine.queue_next e)
  )
  from stepbase_engine.queue_start q;
$$;

comment on function stepbase_engine.front_round() is
  'Returns the round at the front of the queue; the next round when it is empty.';

create function stepbase_engine.last_round(p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  select -j.priority from stepbase_queue.job j
  where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
    and j.priority <= -(select q.last_value::int from stepbase_engine.queue_start q)
  order by j.priority
  limit 1;
$$;

comment on function stepbase_engine.last_round(text) is
  'Returns the round of an app''s last token in the queue; null when it has none.';

create function stepbase_engine.eager_start(p_run stepbase.runs)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case when p_run.rerun_from_step is null and pg_column_size(p_run.input) <= 1024 then
    jsonb_build_object(
      'priority', p_run.priority,
      'start', jsonb_build_object(
        'app_code', p_run.app_code, 'workflow_version_id', p_run.workflow_version_id,
        'trace_id', p_run.trace_id, 'input', p_run.input
      ) || case
        when p_run.metadata ? 'traceparent'
          then jsonb_build_object('traceparent', p_run.metadata ->> 'traceparent')
        else '{}'
      end
    )
  else jsonb_build_object('priority', p_run.priority)
  end;
$$;

comment on function stepbase_engine.eager_start(stepbase.runs) is
  'Returns the data of a pending run''s token: {priority, start?}. start is what a worker needs to execute the first '
  'step without a claim: {app_code, workflow_version_id, trace_id, input, traceparent?}. It is left out when the input has more '
  'than 1,024 bytes and for a rerun from a step.';

create function stepbase_engine.create_tokens(
  p_job_ids uuid[], p_run_ids uuid[], p_more_wait boolean default false
)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_was_empty boolean;
  v_inserted int;
begin
  if cardinality(p_job_ids) = 0 then
    return;
  end if;
  v_was_empty := not exists (
    select 1 from stepbase_queue.job j
    where j.name = 'steps' and j.state < 'active' and not j.blocked
      and j.priority <= -(select q.last_value::int from stepbase_engine.queue_start q)
  );
  with token as (
    select
      t.job_id, t.run_id, r.app_code, r.data,
      row_number() over (partition by r.app_code order by r.priority desc, t.ord) - 1 as rounds_after_first
    from unnest(p_job_ids, p_run_ids) with ordinality as t (job_id, run_id, ord)
    cross join lateral (
      select
        o.app_code, o.priority, o.execution_engine,
        case when o.status = 'pending' then stepbase_engine.eager_start(o) else '{}' end as data
      from stepbase.runs o
      where o.id = t.run_id
      limit 1
    ) r
    where r.execution_engine is null
  ),
  app as materialized (
    select
      a.app_code,
      greatest(
        (select stepbase_engine.front_round()), stepbase_engine.last_round(a.app_code) + 1::bigint
      ) as first_round
    from (select distinct t.app_code from token t) a
  )
  insert into stepbase_queue.job (
    id, name, data, priority, group_id, expire_seconds, deletion_seconds, keep_until,
    retry_limit, retry_delay, retry_backoff, policy, heartbeat_seconds
  )
  select
    t.job_id, q.name,
    jsonb_build_object('run_id', t.run_id, 'round', t.round)
    || case when p_more_wait then '{"more_wait": true}'::jsonb else '{}' end
    || t.data,
    -t.round, t.app_code,
    q.expire_seconds, q.deletion_seconds,
    now() + q.retention_seconds * interval '1 second',
    q.retry_limit, q.retry_delay, q.retry_backoff, q.policy, q.heartbeat_seconds
  from (
    -- An app that reaches the largest number shares its last round, in order of arrival, until the queue is empty.
    select o.*, least(a.first_round + o.rounds_after_first, 2147483647)::int as round
    from token o
    join app a on a.app_code = o.app_code
  ) t
  cross join stepbase_queue.queue q
  where q.name = 'steps';
  get diagnostics v_inserted = row_count;
  -- The others do not execute here.
  if v_inserted < cardinality(p_job_ids) then
    perform stepbase_engine.request_starts(p_run_ids);
    if v_inserted = 0 then
      return;
    end if;
  end if;
  -- Wakes idle workers, only when they may have found the queue empty: transactions that notify commit one
  -- after another, which a busy queue must not do. A worker that read the queue just before this commit
  -- polls again a moment later.
  if v_was_empty then
    perform pg_notify('stepbase', 'steps');
  end if;
end;
$$;

comment on function stepbase_engine.create_tokens(uuid[], uuid[], boolean) is
  'Inserts one token per element of p_job_ids, for the run at the same position of p_run_ids, at the next rounds of '
  'its app; wakes idle workers. p_more_wait asks the worker that fetches one of the tokens to call '
  'stepbase_engine.admit. A run that another engine executes gets none: if it is pending, its start is requested there.';

create function stepbase_engine.create_first_token(p_run stepbase.runs, p_max_rounds int)
returns uuid
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_next int;
  v_front int;
  v_last int;
  v_round int;
  v_id uuid;
begin
  if p_run.execution_engine is not null then
    perform stepbase_engine.request_starts(array[p_run.id]);
    return stepbase_engine.new_id();
  end if;
  -- front_round and last_round, inlined: calling them costs more than the two look-ups.
  select
    e.last_value,
    (
      select -j.priority from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and not j.blocked
        and j.priority <= -q.last_value::int
      order by j.priority desc
      limit 1
    ),
    (
      select -j.priority from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and j.group_id = p_run.app_code
        and j.priority <= -q.last_value::int
      order by j.priority
      limit 1
    )
  into v_next, v_front, v_last
  from stepbase_engine.queue_start q, stepbase_engine.queue_next e;
  if v_last - v_front + 1 >= p_max_rounds then
    return null;
  end if;
  v_round := least(greatest(coalesce(v_front, v_next), v_last + 1::bigint), 2147483647);
  insert into stepbase_queue.job (
    id, name, data, priority, group_id, expire_seconds, deletion_seconds, keep_until,
    retry_limit, retry_delay, retry_backoff, policy, heartbeat_seconds
  )
  select
    stepbase_engine.new_id(), q.name,
    jsonb_build_object('run_id', p_run.id, 'round', v_round) || stepbase_engine.eager_start(p_run),
    -v_round, p_run.app_code,
    q.expire_seconds, q.deletion_seconds, now() + q.retention_seconds * interval '1 second',
    q.retry_limit, q.retry_delay, q.retry_backoff, q.policy, q.heartbeat_seconds
  from stepbase_queue.queue q
  where q.name = 'steps'
  returning id into v_id;
  if v_front is null then
    perform pg_notify('stepbase', 'steps');
  end if;
  return v_id;
end;
$$;

comment on function stepbase_engine.create_first_token(stepbase.runs, int) is
  'Inserts the token of a pending run, as stepbase_engine.create_tokens does, and returns its id. Returns null and '
  'inserts nothing when the app''s last token is p_max_rounds rounds or more ahead of the front.';

create function stepbase_engine.prioritize_job(p_job_id uuid, p_app_code text, p_priority int)
returns void
language sql
set search_path = ''
as $$
  with urgent as (
    select j.id, j.priority from stepbase_queue.job j where j.name = 'steps' and j.id = p_job_id
  ),
  -- The app's tokens of less urgent runs that are before it.
  less_urgent as (
    select j.id, j.priority, j.created_on
    from stepbase_queue.job j, urgent u
    where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
      and j.priority > u.priority
      and j.priority <= -(select q.last_value::int from stepbase_engine.queue_start q)
      and (j.data ->> 'priority')::int < p_priority
    order by j.priority desc
    for update of j skip locked
  ),
  -- Each of them moves back by one; the urgent token takes the first round.
  moved as (
    select
      l.id, lead(l.priority, 1, u.priority) over (order by l.priority desc, l.created_on) as priority
    from less_urgent l, urgent u
    union all
    select u.id, (select max(l.priority) from less_urgent l) from urgent u
    where exists (select 1 from less_urgent)
  )
  update stepbase_queue.job j set priority = m.priority
  from moved m
  where j.name = 'steps' and j.id = m.id;
$$;

comment on function stepbase_engine.prioritize_job(uuid, text, int) is
  'Moves the token of an urgent run (priority p_priority) to the round of its app''s first token that starts a less '
  'urgent run, and those tokens back by one. The rounds of other apps do not change. Skips locked jobs.';

create function stepbase_engine.end_tokens(p_job_ids uuid[])
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  delete from stepbase_queue.job j
  where j.name = 'steps'
    and j.id = any(p_job_ids)
    -- A count instead of "not exists": the planner would turn that into a join over all open steps.
    and (
      select count(*) from stepbase.step_runs s
      where s.job_id = j.id and s.status in ('ready', 'running')
    ) = 0;
end;
$$;

comment on function stepbase_engine.end_tokens(uuid[]) is
  'Deletes those of the given tokens that carry no ready or running step. The caller has locked their runs.';

create function stepbase_engine.delete_finished_tokens(p_limit int)
returns void
language sql
set search_path = ''
as $$
  delete from stepbase_queue.job j
  where j.name = 'steps' and j.id in (
    select d.id from stepbase_queue.job d where d.name = 'steps' and d.state > 'active' limit p_limit
  );
$$;

comment on function stepbase_engine.delete_finished_tokens(int) is
  'Deletes up to p_limit tokens that pg-boss counts as completed, cancelled or failed. The engine deletes a token to '
  'end it, so only another program (a dashboard of pg-boss, for example) leaves such jobs; none is delivered again.';

create function stepbase_engine.return_tokens(p_job_ids uuid[])
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_count int;
  v_front int := stepbase_engine.front_round();
begin
  update stepbase_queue.job j
  set
    state = 'retry', retry_count = j.retry_count + 1, start_after = now(),
    -- The next worker must claim the run before it executes a step: the step may have crashed the last one.
    data = j.data - 'start',
    -- The front, not the round it had: rounds never go back behind the front.
    priority = -v_front
  -- Skips locked jobs: their holder ends or returns them, and waiting for one while holding others can deadlock.
  where j.name = 'steps' and j.id = any(array(
    select a.id from stepbase_queue.job a
    where a.name = 'steps' and a.id = any(p_job_ids) and a.state = 'active'
    for no key update skip locked
  ));
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform pg_notify('stepbase', 'steps');
  end if;
  return v_count;
end;
$$;

comment on function stepbase_engine.return_tokens(uuid[]) is
  'Returns leased tokens to the front of the queue for immediate redelivery; returns how many. Skips tokens that '
  'another transaction has locked.';

create function stepbase_engine.current_deliveries(
  p_job_ids uuid[], p_run_ids uuid[], p_deliveries int[], out job_ids uuid[], out run_ids uuid[]
)
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  select array_agg(t.job_id order by t.ord), array_agg(t.run_id order by t.ord)
  into job_ids, run_ids
  from unnest(p_job_ids, p_run_ids, p_deliveries) with ordinality as t (job_id, run_id, delivery, ord)
  -- Lateral: look-ups by id. With the state in it, the planner would read the index of all leased jobs.
  cross join lateral (
    select a.state, a.retry_count from stepbase_queue.job a
    where a.name = 'steps' and a.id = t.job_id
    offset 0
  ) j
  where j.state = 'active' and j.retry_count = t.delivery;
end;
$$;

comment on function stepbase_engine.current_deliveries(uuid[], uuid[], int[]) is
  'Returns those tokens, with their runs, whose current delivery is the given one (pg-boss counts deliveries in '
  'retry_count); null arrays when there are none. Takes no lock: the caller has locked the runs, so that a worker '
  'that receives one of these tokens from now on must wait for it.';

create function stepbase_engine.is_leased(p_job_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select 1 from stepbase_queue.job j where j.name = 'steps' and j.id = p_job_id and j.state = 'active'
  ) or exists (
    -- Another engine has its own leases.
    select 1 from stepbase.step_runs s
    join stepbase.runs r on r.id = s.run_id
    where s.job_id = p_job_id and s.status = 'running' and r.execution_engine is not null
  );
end;
$$;

comment on function stepbase_engine.is_leased(uuid) is 'Returns whether some worker has a lease on a token. Takes no lock.';

create function stepbase_engine.leased_tokens(p_job_ids uuid[], p_deliveries int[])
returns uuid[]
language sql
set search_path = ''
as $$
  select coalesce(array_agg(l.id), '{}')
  from (
    select j.id
    from unnest(p_job_ids, p_deliveries) as d (job_id, delivery)
    join stepbase_queue.job j
      on j.name = 'steps' and j.id = d.job_id and j.state = 'active' and j.retry_count = d.delivery
    order by j.id
    for no key update of j
  ) l;
$$;

comment on function stepbase_engine.leased_tokens(uuid[], int[]) is
  'Locks and returns those tokens whose current delivery is the given one, in the order of their ids; none of them '
  'can be redelivered before the end of the transaction. The caller has locked their runs.';

create function stepbase_engine.renew_leases(p_job_ids uuid[], p_deliveries int[])
returns void
language sql
set search_path = ''
as $$
  -- Skips locked jobs, which pg-boss's own heartbeat does not: it would wait for tokens that another
  -- transaction ends, while that transaction may wait for jobs this one has locked.
  update stepbase_queue.job j set heartbeat_on = now()
  where j.name = 'steps' and j.id = any(array(
    select a.id
    from unnest(p_job_ids, p_deliveries) as d (job_id, delivery)
    join stepbase_queue.job a
      on a.name = 'steps' and a.id = d.job_id and a.state = 'active' and a.retry_count = d.delivery
    for no key update of a skip locked
  ));
$$;

comment on function stepbase_engine.renew_leases(uuid[], int[]) is
  'Renews the leases of the tokens whose current delivery is the given one. Skips locked tokens: another transaction '
  'ends or returns those.';

create function stepbase_engine.expire_leases(p_lease interval, p_limit int default 1000)
returns int
language sql
set search_path = ''
as $$
  select stepbase_engine.return_tokens(array(
    select j.id from stepbase_queue.job j
    where j.name = 'steps'
      and j.state = 'active'
      and coalesce(j.heartbeat_on, j.started_on) < now() - p_lease
    limit p_limit
  ));
$$;

comment on function stepbase_engine.expire_leases(interval, int) is
  'Returns up to p_limit tokens to the queue whose worker has not renewed the lease for p_lease (it crashed or lost its '
  'connection); returns how many. If that worker comes back, the fence refuses its results.';

create function stepbase_engine.has_queued_tokens()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select 1 from stepbase_queue.job j
    where j.name = 'steps' and j.state < 'active' and not j.blocked and j.start_after <= now()
  );
end;
$$;

comment on function stepbase_engine.has_queued_tokens() is
  'Returns whether the queue holds a token that a worker can fetch now.';

create function stepbase_engine.has_expired_leases(p_lease interval)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select 1 from stepbase_queue.job j
    where j.name = 'steps' and j.state = 'active' and j.group_id is not null
      and coalesce(j.heartbeat_on, j.started_on) < now() - p_lease
  );
end;
$$;

comment on function stepbase_engine.has_expired_leases(interval) is
  'Returns whether a worker has not renewed the lease of some token for p_lease.';

create function stepbase_engine.queued_runs()
returns setof uuid
language sql
stable
set search_path = ''
as $$
  select (j.data ->> 'run_id')::uuid from stepbase_queue.job j
  where j.name = 'steps' and j.data ->> 'run_id' is not null;
$$;

comment on function stepbase_engine.queued_runs() is
  'Returns the run of every token, fetched or not. It reads the whole queue: for maintenance only.';

create function stepbase_engine.orphaned_steps(p_limit int)
returns table (id uuid, run_id uuid)
language sql
set search_path = ''
as $$
  select s.id, s.run_id
  from stepbase.step_runs s
  join stepbase.runs r on r.id = s.run_id and r.status = 'running' and r.execution_engine is null
  where s.status in ('ready', 'running')
    and (
      (
        s.job_id is not null
        and not exists (
          select 1 from stepbase_queue.job j where j.name = 'steps' and j.id = s.job_id and j.state <= 'active'
        )
      )
      or (
        s.job_id is null and s.limited_by is null
        and s.updated_at < stepbase_engine.now() - interval '1 minute'
        and case (select count(*) from stepbase.incident_switches i where i.released_at is null and i.mode = 'pause')
          when 0 then true else not stepbase_engine.is_suspended(r.id, false)
        end
      )
    )
  limit p_limit;
$$;

comment on function stepbase_engine.orphaned_steps(int) is
  'Returns up to p_limit ready or running steps of running runs that should have a token and have none. A step without '
  'a job id counts after one minute.';

create function stepbase_engine.has_queue()
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1 from stepbase_queue.queue q, stepbase_queue.version v where q.name = 'steps'
  );
$$;

comment on function stepbase_engine.has_queue() is
  'Returns whether pg-boss''s schema is installed and has the queue that carries the tokens.';
