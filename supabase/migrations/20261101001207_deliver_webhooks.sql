-- The worker's part of webhook deliveries: it claims what is due, a few of each application, and records each attempt.
-- A claim is a lease: an attempt without a result is repeated when the lease has expired.

create function stepbase_engine.webhook_backoff(p_attempts int)
returns interval
language sql
volatile
set search_path = ''
as $$
  -- Eight attempts in a day, with up to a tenth more, so that the deliveries of an outage are spread.
  select (array[10, 60, 300, 1800, 7200, 21600, 50400])[least(greatest(p_attempts, 1), 7)]
    * (1 + 0.1 * random()) * interval '1 second';
$$;

comment on function stepbase_engine.webhook_backoff(int) is
  'The time until the next attempt after so many attempts: from 10 seconds to 14 hours.';

create function stepbase_engine.claim_webhook_deliveries(p_busy text[], p_limit int)
returns table (
  id uuid, app_code text, url text, attempt int, payload text, secrets text[], run_id uuid, trace_id text,
  traceparent text
)
language plpgsql
set search_path = ''
-- JIT would cost more than the query: the planner overestimates the rows of the recursion.
set jit = off
as $$
#variable_conflict use_column
declare
  c_per_app constant int := 5;
  c_lease constant interval := interval '2 minutes';
  v_now constant timestamptz := stepbase_engine.now();
begin
  if not stepbase_engine.has_due_webhook_deliveries() then
    return;
  end if;
  return query
    with recursive
    -- A loose index scan: the apps with pending deliveries.
    app as (
      (select d.app_code from stepbase.webhook_deliveries d where d.status = 'pending' order by d.app_code limit 1)
      union all
      select n.app_code
      from app a
      cross join lateral (
        select d.app_code from stepbase.webhook_deliveries d
        where d.status = 'pending' and d.app_code > a.app_code
        order by d.app_code
        limit 1
      ) n
    ),
    due as (
      select d.id, row_number() over (partition by a.app_code order by d.next_attempt_at) as place
      from app a
      cross join lateral (
        select o.id, o.next_attempt_at from stepbase.webhook_deliveries o
        where o.app_code = a.app_code and o.status = 'pending' and o.next_attempt_at <= v_now
        order by o.next_attempt_at
        limit greatest(0, c_per_app - (select count(*) from unnest(p_busy) as b (app) where b.app = a.app_code))
        for no key update skip locked
      ) d
    ),
    -- One of each app, then a second one of each, and so on.
    taken as (
      select u.id from due u order by u.place, random() limit p_limit
    ),
    claimed as (
      update stepbase.webhook_deliveries d
      set attempts = d.attempts + 1, last_attempt_at = v_now, next_attempt_at = v_now + c_lease
      from taken t
      where d.id = t.id and d.status = 'pending'
      returning d.id, d.app_code, d.subscription_id, d.component_id, d.attempts, d.payload, d.run_id
    )
    select
      c.id, c.app_code, coalesce(s.url, o.endpoint, ''), c.attempts, c.payload::text,
      stepbase_private.signing_secrets_of(coalesce(c.component_id, s.id)),
      c.run_id, r.trace_id, r.traceparent
    from claimed c
    left join stepbase.webhook_subscriptions s on s.id = c.subscription_id
    left join stepbase.components o on o.id = c.component_id
    left join lateral (
      select x.trace_id, x.metadata ->> 'traceparent' as traceparent from stepbase.runs x where x.id = c.run_id limit 1
    ) r on true;
end;
$$;

comment on function stepbase_engine.claim_webhook_deliveries(text[], int) is
  'Claims at most p_limit due deliveries for two minutes, in turn for the applications, and returns what to send, with '
  'the trace of the run. p_busy: the application of each delivery that the worker makes now; with these, an application '
  'has at most five.';

create function stepbase_engine.record_webhook_attempt(
  p_id uuid, p_attempt int, p_response_status int, p_response_body text, p_failure text, p_duration_ms int
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_patience constant interval := interval '3 days';
  v_now constant timestamptz := stepbase_engine.now();
  -- The receiver asks for no further deliveries.
  v_is_gone constant boolean := coalesce(p_response_status = 410, false);
  v_subscription stepbase.webhook_subscriptions;
  v_delivery stepbase.webhook_deliveries;
begin
  -- Subscriptions are locked before their deliveries, as when one is disabled.
  select s.* into v_subscription
  from stepbase.webhook_subscriptions s
  where s.id = (select d.subscription_id from stepbase.webhook_deliveries d where d.id = p_id)
  for no key update;
  update stepbase.webhook_deliveries d
  set
    status = e.status,
    next_attempt_at = case e.status when 'pending' then v_now + stepbase_engine.webhook_backoff(d.attempts) end,
    completed_at = case when e.status <> 'pending' then v_now end,
    duration_ms = p_duration_ms,
    response_status = p_response_status,
    response_body = left(p_response_body, 1000),
    failure = p_failure
  from (
    select
      o.id,
      case
        when p_failure is null then 'delivered'
        when v_is_gone or o.attempts >= o.max_attempts then 'failed'
        else 'pending'
      end as status
    from stepbase.webhook_deliveries o
    where o.id = p_id
  ) e
  where d.id = e.id and d.status = 'pending' and d.attempts = p_attempt
  returning d.* into v_delivery;
  -- A test tells nothing about the events.
  if v_delivery.id is null or v_delivery.event_type = 'webhook.test' then
    return;
  end if;
  if p_failure is null then
    update stepbase.webhook_subscriptions s set failing_since = null
    where s.id = v_subscription.id and s.failing_since is not null;
  elsif v_subscription.is_enabled and (v_is_gone or v_subscription.failing_since < v_now - c_patience) then
    update stepbase.webhook_subscriptions s
    set
      is_enabled = false,
      failing_since = coalesce(s.failing_since, v_now),
      disabled_reason = case
        when v_is_gone then 'The receiver answered 410 (gone)'
        else format('Every delivery has failed for three days; the last failure: %s', p_failure)
      end
    where s.id = v_subscription.id;
  elsif v_subscription.failing_since is null then
    update stepbase.webhook_subscriptions s set failing_since = v_now where s.id = v_subscription.id;
  end if;
end;
$$;

comment on function stepbase_engine.record_webhook_attempt(uuid, int, int, text, text, int) is
  'Records the result of a claimed attempt (p_failure null: success). A failure is repeated up to max_attempts; after three '
  'days of failures, or after 410, the subscription is disabled. A result of an earlier attempt changes nothing.';
