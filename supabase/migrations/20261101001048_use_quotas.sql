-- Quotas of use: model calls, their tokens and mails of an application per day (UTC), and budgets of model calls. The
-- worker counts a use before it makes it, in a transaction of its own; tokens and costs are counted after a call.

create table stepbase_engine.app_usage (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  day date not null,
  llm_calls bigint not null default 0,
  llm_tokens bigint not null default 0,
  llm_cost numeric not null default 0,
  llm_unpriced_calls bigint not null default 0,
  mails bigint not null default 0,
  primary key (app_code, day)
);

comment on table stepbase_engine.app_usage is 'What an application used on a day (UTC). A row is deleted after 400 days.';
comment on column stepbase_engine.app_usage.llm_cost is 'US dollars, of calls whose price is known.';
comment on column stepbase_engine.app_usage.llm_unpriced_calls is 'Calls that had a response and whose cost is not known.';
comment on column stepbase_engine.app_usage.mails is 'Each recipient of a mail counts.';

alter table stepbase_engine.app_usage enable row level security;

create table stepbase_engine.model_usage (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  day date not null,
  workflow_id uuid not null,
  provider text not null,
  model text not null,
  calls bigint not null default 0,
  tokens bigint not null default 0,
  cost numeric not null default 0,
  unpriced_calls bigint not null default 0,
  constraint model_usage_pkey primary key (app_code, day, workflow_id, provider, model)
);

comment on table stepbase_engine.model_usage is
  'What the model calls of a workflow used on a day (UTC), by model; counted after the response. Deleted after 400 days.';
comment on column stepbase_engine.model_usage.workflow_id is 'No foreign key, so that a cost outlives its workflow.';
comment on column stepbase_engine.model_usage.calls is 'Calls that had a response.';
comment on column stepbase_engine.model_usage.cost is 'US dollars, of calls whose price is known.';

alter table stepbase_engine.model_usage enable row level security;

create function stepbase_engine.ai_budget_states(p_app_code text, p_day date)
returns table (
  period text, starts_on date, ends_on date, max_cost numeric, spent numeric, alert_percent int, alerted_for date,
  refuses_unpriced boolean, quota_refuses_unpriced boolean
)
language sql
stable
set search_path = ''
as $$
  select
    x.period, x.starts_on, x.ends_on, least(b.max_cost, x.quota),
    -- At most 31 rows, by the primary key.
    (
      select coalesce(sum(u.llm_cost), 0) from stepbase_engine.app_usage u
      where u.app_code = p_app_code and u.day >= x.starts_on and u.day < x.ends_on
    ),
    b.alert_percent, b.alerted_for, 'refuse' in (q.unpriced_models, b.unpriced), q.unpriced_models = 'refuse'
  from stepbase.app_quotas q
  cross join lateral (
    values
      ('day', p_day, p_day + 1, q.max_ai_cost_per_day),
      (
        'month', date_trunc('month', p_day::timestamp)::date,
        (date_trunc('month', p_day::timestamp) + interval '1 month')::date, q.max_ai_cost_per_month
      )
  ) x (period, starts_on, ends_on, quota)
  left join stepbase.ai_budgets b on b.app_code = q.app_code and b.period = x.period
  where q.app_code = p_app_code;
$$;

comment on function stepbase_engine.ai_budget_states(text, date) is
  'The day and the month of a date with the lower limit of budget and quota (null: none) and what model calls have cost.';

create function stepbase_engine.check_ai_budgets(p_app_code text, p_model jsonb)
returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_state record;
  v_retry_at timestamptz;
begin
  -- Of two budgets that are spent, the one that is renewed later.
  for v_state in
    select s.*, coalesce(s.spent >= s.max_cost, false) as is_spent
    from stepbase_engine.ai_budget_states(p_app_code, (v_now at time zone 'UTC')::date) s
    order by s.ends_on desc
  loop
    if v_state.is_spent then
      v_retry_at := v_state.ends_on::timestamp at time zone 'UTC';
      perform stepbase_private.raise_error(
        'budget_exceeded',
        format(
          'The application spent its budget of %s US dollars per %s for model calls. Retry after %s UTC, or raise the budget',
          v_state.max_cost, v_state.period, v_state.ends_on
        ),
        jsonb_build_object(
          'period', v_state.period,
          'max_cost', v_state.max_cost,
          'spent', v_state.spent,
          'retry_at', v_retry_at,
          'retry_after_ms', ceil(extract(epoch from v_retry_at - v_now) * 1000)::bigint
        )
      );
    end if;
    if v_state.refuses_unpriced and stepbase_engine.model_price(
      -- The operator pays for its endpoint, so it names the prices that its quota asks for.
      case when v_state.quota_refuses_unpriced and p_model -> 'is_operators' = 'true' then p_model - 'price' else p_model end,
      v_now
    ) is null then
      perform stepbase_private.raise_error(
        'model_unpriced',
        format(
          'The budget per %s refuses models without a price: give the step a price, or store the price of %s (%s)',
          v_state.period, p_model ->> 'model', p_model ->> 'provider'
        ),
        jsonb_build_object('period', v_state.period, 'model', p_model -> 'model', 'provider', p_model -> 'provider')
      );
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.check_ai_budgets(text, jsonb) is
  'Raises SB430 budget_exceeded with period, max_cost, spent, retry_at and retry_after_ms if an application has spent a '
  'budget, and SB431 model_unpriced if a budget refuses models without a price and the model has none.';

create function stepbase_engine.count_use(p_run_id uuid, p_llm_calls int, p_mails int, p_model jsonb default '{}')
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_today constant date := (v_now at time zone 'UTC')::date;
  v_retry_at constant timestamptz := (v_today + 1)::timestamp at time zone 'UTC';
  v_app_code text;
  v_used stepbase_engine.app_usage;
  v_refused record;
begin
  select r.app_code into v_app_code from stepbase.runs r where r.id = p_run_id;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Run not found', jsonb_build_object('run_id', p_run_id));
  end if;
  insert into stepbase_engine.app_usage as u (app_code, day, llm_calls, mails)
  values (v_app_code, v_today, p_llm_calls, p_mails)
  on conflict (app_code, day) do update
  set llm_calls = u.llm_calls + excluded.llm_calls, mails = u.mails + excluded.mails
  returning u.* into v_used;
  if v_used.llm_calls = p_llm_calls and v_used.mails = p_mails then
    delete from stepbase_engine.app_usage u where u.app_code = v_app_code and u.day < v_today - 400;
    delete from stepbase_engine.model_usage u where u.app_code = v_app_code and u.day < v_today - 400;
  end if;
  select l.quota, l.value, l.use into v_refused
  from stepbase.app_quotas q
  cross join lateral (
    values
      ('max_llm_calls_per_day', q.max_llm_calls_per_day, 'model calls', p_llm_calls > 0 and v_used.llm_calls > q.max_llm_calls_per_day),
      -- A call's tokens are known afterwards, so the call that reaches the quota still succeeds.
      ('max_llm_tokens_per_day', q.max_llm_tokens_per_day, 'tokens of models', p_llm_calls > 0 and v_used.llm_tokens >= q.max_llm_tokens_per_day),
      ('max_mails_per_day', q.max_mails_per_day, 'mails', p_mails > 0 and v_used.mails > q.max_mails_per_day)
  ) l (quota, value, use, is_exceeded)
  where q.app_code = v_app_code and l.is_exceeded
  limit 1;
  if found then
    -- The error also undoes the count.
    perform stepbase_private.raise_error(
      'limit_reached',
      format('The application reached its quota of %s %s per day. Retry after midnight UTC', v_refused.value, v_refused.use),
      jsonb_build_object(
        'quota', v_refused.quota,
        'limit', v_refused.value,
        'retry_at', v_retry_at,
        'retry_after_ms', ceil(extract(epoch from v_retry_at - v_now) * 1000)::bigint
      )
    );
  end if;
  if p_llm_calls > 0 then
    perform stepbase_engine.check_ai_budgets(v_app_code, p_model);
  end if;
end;
$$;

comment on function stepbase_engine.count_use(uuid, int, int, jsonb) is
  'Counts model calls and mails of a step before it makes them. p_model: as of count_tokens, without the tokens. Raises SB429 '
  'limit_reached with quota, limit, retry_at and retry_after_ms if the application would exceed a quota of the day, and the '
  'errors of check_ai_budgets. It counts nothing then.';

create function stepbase_engine.model_cost(p_use jsonb, p_price jsonb)
returns numeric
language sql
immutable
set search_path = ''
as $$
  select round(
    (
      (t.input - t.cached) * (p_price ->> 'input')::numeric
      + t.cached * coalesce((p_price ->> 'cached_input')::numeric, (p_price ->> 'input')::numeric)
      + t.output * (p_price ->> 'output')::numeric
    ) / 1000000, 9
  )
  from (
    select
      (p_use ->> 'input')::numeric as input,
      (p_use ->> 'output')::numeric as output,
      least(coalesce((p_use ->> 'cached_input')::numeric, 0), (p_use ->> 'input')::numeric) as cached
  ) t;
$$;

comment on function stepbase_engine.model_cost(jsonb, jsonb) is
  'The cost of a model call in US dollars. The price is in US dollars for a million tokens: input, output, and cached_input, '
  'which is input by default. Null if a count or the price is not known.';

create function stepbase_engine.emit_budget_alerts(p_app_code text, p_day date)
returns void
language plpgsql
set search_path = ''
as $$
begin
  with reached as (
    -- The row lock of the update lets one of two concurrent calls emit the event.
    update stepbase.ai_budgets b
    set alerted_for = s.starts_on
    from stepbase_engine.ai_budget_states(p_app_code, p_day) s
    where b.app_code = p_app_code and b.period = s.period
      and s.alert_percent is not null and s.spent >= s.max_cost * s.alert_percent / 100
      and b.alerted_for is distinct from s.starts_on
    returning s.*
  )
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, payload)
  select
    p_app_code, 'event', stepbase_engine.new_id(), 'event.emitted',
    jsonb_build_object(
      'name', 'budget.threshold_reached', 'depth', 1, 'at', stepbase_engine.now(),
      'payload', jsonb_build_object(
        'period', r.period, 'starts_on', r.starts_on, 'ends_on', r.ends_on, 'max_cost', r.max_cost, 'spent', r.spent,
        'alert_percent', r.alert_percent
      )
    )
  from reached r;
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
end;
$$;

comment on function stepbase_engine.emit_budget_alerts(text, date) is
  'Emits budget.threshold_reached for each budget of an application whose threshold is spent, once per period.';

create function stepbase_engine.count_tokens(p_run_id uuid, p_use jsonb)
returns numeric
language plpgsql
set search_path = ''
as $$
declare
  v_now constant timestamptz := stepbase_engine.now();
  v_today constant date := (v_now at time zone 'UTC')::date;
  v_cost constant numeric := stepbase_engine.model_cost(p_use, stepbase_engine.model_price(p_use, v_now));
  v_app_code text;
begin
  insert into stepbase_engine.app_usage as u (app_code, day, llm_tokens, llm_cost, llm_unpriced_calls)
  select
    r.app_code, v_today, ceil(coalesce((p_use ->> 'total')::numeric, 0)), coalesce(v_cost, 0), (v_cost is null)::int
  from stepbase.runs r
  where r.id = p_run_id
  on conflict (app_code, day) do update
  set
    llm_tokens = u.llm_tokens + excluded.llm_tokens,
    llm_cost = u.llm_cost + excluded.llm_cost,
    llm_unpriced_calls = u.llm_unpriced_calls + excluded.llm_unpriced_calls
  returning u.app_code into v_app_code;
  insert into stepbase_engine.model_usage as u (
    app_code, day, workflow_id, provider, model, calls, tokens, cost, unpriced_calls
  )
  select
    r.app_code, v_today, r.workflow_id, coalesce(left(p_use ->> 'provider', 100), ''),
    coalesce(left(p_use ->> 'model', 200), ''), 1,
    ceil(coalesce((p_use ->> 'total')::numeric, 0)), coalesce(v_cost, 0), (v_cost is null)::int
  from stepbase.runs r
  where r.id = p_run_id
  on conflict (app_code, day, workflow_id, provider, model) do update
  set
    calls = u.calls + 1,
    tokens = u.tokens + excluded.tokens,
    cost = u.cost + excluded.cost,
    unpriced_calls = u.unpriced_calls + excluded.unpriced_calls;
  if v_cost > 0 then
    perform stepbase_engine.emit_budget_alerts(v_app_code, v_today);
  end if;
  return v_cost;
end;
$$;

comment on function stepbase_engine.count_tokens(uuid, jsonb) is
  'Counts the tokens and the cost of a model call after its response. p_use: provider, model, price and is_operators as of '
  'model_price; total, input, cached_input (a part of input) and output, null if the response does not tell. Returns the cost '
  'in US dollars; null if it is not known.';
