-- What explain_run, doctor and metrics read of the queue: whether the token of a run or step is missing, in the queue
-- with its place, or leased; the oldest token; the numbers of tokens. The functions take no lock and change nothing.

create function stepbase_engine.find_token(p_app_code text, p_run_id uuid)
returns uuid
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  -- A pending run does not know its token. The starts of an application are within 200 rounds of the front.
  return (
    select t.id
    from (
      (
        select j.id, j.data
        from stepbase_queue.job j
        where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
          and j.priority <= -(select q.last_value::int from stepbase_engine.queue_start q)
        order by j.priority desc
        limit 1000
      )
      union all
      (
        select j.id, j.data
        from stepbase_queue.job j
        where j.name = 'steps' and j.state = 'active' and j.group_id = p_app_code
        limit 1000
      )
    ) t
    where t.data ->> 'run_id' = p_run_id::text
    limit 1
  );
end;
$$;

comment on function stepbase_engine.find_token(text, uuid) is
  'The token of a pending run among the first 1,000 tokens of its application in the queue and 1,000 leased ones; null if '
  'it is not one of them.';

create function stepbase_engine.token_state(
  p_app_code text, p_job_id uuid,
  out state text, out place int, out total int, out leased_at timestamptz, out renewed_at timestamptz
)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_priority int;
  v_created_on timestamptz;
begin
  select
    case when j.state < 'active' then 'queued' when j.state = 'active' then 'leased' else 'missing' end,
    j.started_on, coalesce(j.heartbeat_on, j.started_on), j.priority, j.created_on
  into state, leased_at, renewed_at, v_priority, v_created_on
  from stepbase_queue.job j
  where j.name = 'steps' and j.id = p_job_id;
  if not found then
    state := 'missing';
  end if;
  if state <> 'queued' then
    return;
  end if;
  -- Only the tokens of the application: a tenant must not learn how much work others have.
  select
    case when count(*) filter (where q.is_before) < 1000 then count(*) filter (where q.is_before) + 1 end,
    count(*)
  into place, total
  from (
    select j.priority > v_priority or (j.priority = v_priority and j.created_on < v_created_on) as is_before
    from stepbase_queue.job j
    where j.name = 'steps' and j.state < 'active' and j.group_id = p_app_code
      and j.priority <= -(select s.last_value::int from stepbase_engine.queue_start s)
    order by j.priority desc
    limit 1001
  ) q;
end;
$$;

comment on function stepbase_engine.token_state(text, uuid) is
  'The state of a token: queued, leased or missing (also if another program has ended its job). Queued: its place among the '
  'tokens of its application (null behind 1,000 others) and their number (at most 1,001). Leased: since when, and when the '
  'worker last renewed the lease.';

create function stepbase_engine.oldest_queued_token()
returns timestamptz
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
begin
  -- start_after: a token that was returned to the queue waits since then.
  return (
    select min(t.start_after)
    from (
      select j.start_after from stepbase_queue.job j
      where j.name = 'steps' and j.state < 'active' and not j.blocked
        and j.priority <= -(select q.last_value::int from stepbase_engine.queue_start q)
      order by j.priority desc
      limit 1000
    ) t
  );
end;
$$;

comment on function stepbase_engine.oldest_queued_token() is
  'Since when the oldest of the first 1,000 tokens in the queue waits; null if the queue is empty.';

create function stepbase_engine.token_counts(p_limit int, out queued bigint, out leased bigint)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  select count(*) into queued
  from (select 1 from stepbase_queue.job j where j.name = 'steps' and j.state < 'active' limit p_limit) j;
  select count(*) into leased
  from (select 1 from stepbase_queue.job j where j.name = 'steps' and j.state = 'active' limit p_limit) j;
end;
$$;

comment on function stepbase_engine.token_counts(int) is
  'The numbers of queued and of leased tokens, each at most p_limit.';
