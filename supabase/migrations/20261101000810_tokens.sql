-- Tokens: the only functions that touch pg-boss's tables.
-- A token is a pg-boss job of the queue `steps` that carries branches of one run. It is inserted
-- and ended inside the transition's own transaction; fetching is pg-boss's own call, made by the worker.

-- Fair queueing. pg-boss takes the token of the highest priority first; ours are turns, counted down:
-- turn n has priority -n. An app's next token gets the turn after its last one in the queue, but
-- none before the turn that is at the front now. So apps alternate however many tokens each has in
-- the queue, an app that comes late is at the front, and nobody keeps a counter.
create index idx_job_turns on stepbase_queue.job (group_id, priority)
where name = 'steps' and state < 'active';

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
      order by j.priority desc
      limit 1
    ),
    0
  );
$$;

comment on function stepbase_engine.front_round() is 'The turn at the front of the queue; 0 when it is empty.';

create function stepbase_engine.last_round(p_app_code text)
returns int
language sql
stable
set search_path = ''
as $$
  select -j.priority from stepbase_queue.job j
  where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
  order by j.priority
  limit 1;
$$;

comment on function stepbase_engine.last_round(text) is 'The turn of an app''s last token in the queue; null when it has none.';

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
      )
    )
  else jsonb_build_object('priority', p_run.priority)
  end;
$$;

comment on function stepbase_engine.eager_start(stepbase.runs) is
'What a token says of a pending run: its priority, and what a worker needs to execute its first step at once. Large '
'inputs are read from the run.';

-- Here and wherever ways to plan are taken away, JIT is off: before PostgreSQL 18 what is taken away adds so much to
-- the cost of a plan that every call would be compiled, for seconds.
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
  v_is_quiet boolean;
begin
  if cardinality(p_job_ids) = 0 then
    return;
  end if;
  v_is_quiet := not exists (
    select 1 from stepbase_queue.job j
    where j.name = 'steps' and j.state < 'active' and not j.blocked
  );
  with token as (
    select
      t.job_id, t.run_id, r.app_code, r.start_facts,
      row_number() over (partition by r.app_code order by r.priority desc, t.ord) - 1 as place
    from unnest(p_job_ids, p_run_ids) with ordinality as t (job_id, run_id, ord)
    cross join lateral (
      select
        o.app_code, o.priority,
        case when o.status = 'pending' then stepbase_engine.eager_start(o) else '{}' end as start_facts
      from stepbase.runs o
      where o.id = t.run_id
      limit 1
    ) r
  ),
  app as materialized (
    select
      a.app_code,
      greatest((select stepbase_engine.front_round()), stepbase_engine.last_round(a.app_code) + 1::bigint) as next_turn
    from (select distinct t.app_code from token t) a
  )
  insert into stepbase_queue.job (
    id, name, data, priority, group_id, expire_seconds, deletion_seconds, keep_until,
    retry_limit, retry_delay, retry_backoff, policy, heartbeat_seconds
  )
  select
    t.job_id, q.name,
    jsonb_build_object('run_id', t.run_id)
    || case when p_more_wait then '{"more_wait": true}'::jsonb else '{}' end
    || t.start_facts,
    -- Turns start anew whenever the queue is empty. Should that not happen for two billion tokens
    -- of an app, the last turn is shared in order of arrival.
    -least(a.next_turn + t.place, 2147483647), t.app_code,
    q.expire_seconds, q.deletion_seconds,
    now() + q.retention_seconds * interval '1 second',
    q.retry_limit, q.retry_delay, q.retry_backoff, q.policy, q.heartbeat_seconds
  from token t
  join app a on a.app_code = t.app_code
  cross join stepbase_queue.queue q
  where q.name = 'steps';
  -- A hint for idle workers on a direct connection, when they may have found the queue empty. All
  -- transactions that notify commit one after another, so a busy queue does without. A worker that
  -- read the queue just before this commit looks again a moment later.
  if v_is_quiet then
    perform pg_notify('stepbase', 'steps');
  end if;
end;
$$;

comment on function stepbase_engine.create_tokens(uuid[], uuid[], boolean) is
'Inserts one pg-boss job per element, for the run at the same position, at the next turns of its app, and wakes '
'idle workers. p_more_wait: whoever takes one of these from the queue shall call stepbase_engine.admit.';

create function stepbase_engine.create_first_token(p_run stepbase.runs, p_ahead int)
returns uuid
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_front int;
  v_last int;
  v_id uuid;
begin
  -- stepbase_engine.front_round and stepbase_engine.last_round, without the price of calling them for each run.
  select
    (
      select -j.priority from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and not j.blocked
      order by j.priority desc
      limit 1
    ),
    (
      select -j.priority from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and j.group_id = p_run.app_code
      order by j.priority
      limit 1
    )
  into v_front, v_last;
  if v_last - v_front + 1 >= p_ahead then
    return null;
  end if;
  insert into stepbase_queue.job (
    id, name, data, priority, group_id, expire_seconds, deletion_seconds, keep_until,
    retry_limit, retry_delay, retry_backoff, policy, heartbeat_seconds
  )
  select
    stepbase_engine.new_id(), q.name,
    jsonb_build_object('run_id', p_run.id) || stepbase_engine.eager_start(p_run),
    -least(greatest(v_front, v_last + 1::bigint, 0), 2147483647), p_run.app_code,
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
'The token of a run to start, as stepbase_engine.create_tokens makes it, unless its app is p_ahead turns ahead of the front: '
'then null.';

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
    -- A count, not "not exists": the planner would turn that into a join over all open steps.
    and (
      select count(*) from stepbase.step_runs s
      where s.job_id = j.id and s.status in ('ready', 'running')
    ) = 0;
end;
$$;

comment on function stepbase_engine.end_tokens(uuid[]) is
'Ends those of the given tokens that carry no ready or running step any more.';

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
    -- Whoever gets it now claims the run before executing anything: the step may have ended its worker.
    data = j.data - 'start',
    -- At the front, not at the turn it once had: the turns of the queue must not go back.
    priority = -v_front
  -- Who holds some of them ends them, or returns them too; waiting for one while holding others could go in a circle.
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
'Puts tokens that a worker holds back into the queue, for another delivery at once; returns how many. Waits for no '
'lock: what another transaction ends or returns is left to that.';

create function stepbase_engine.leased_tokens(p_job_ids uuid[], p_deliveries int[])
returns uuid[]
language sql
set search_path = ''
as $$
  select coalesce(array_agg(h.id), '{}')
  from (
    select j.id
    from unnest(p_job_ids, p_deliveries) as d (job_id, delivery)
    join stepbase_queue.job j
      on j.name = 'steps' and j.id = d.job_id and j.state = 'active' and j.retry_count = d.delivery
    order by j.id
    for no key update of j
  ) h;
$$;

comment on function stepbase_engine.leased_tokens(uuid[], int[]) is
'Those of the tokens whose last delivery (pg-boss counts them in retry_count) is the given one; locked, so that none is '
'delivered meanwhile.';

create function stepbase_engine.renew_leases(p_job_ids uuid[], p_deliveries int[])
returns void
language sql
set search_path = ''
as $$
  -- A statement of pg-boss would wait for tokens that are being ended, while those who end them wait for others
  -- that it has touched.
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
'Renews the lease of tokens whose last delivery is the given one. Waits for no lock: what another transaction ends or '
'returns needs no lease.';

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
'Returns tokens whose worker has not touched them for the length of a lease (it died or lost its connection); '
'returns how many. A worker that comes back late is fenced off by its claim number.';
