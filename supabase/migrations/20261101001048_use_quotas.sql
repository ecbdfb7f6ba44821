-- Quotas of use: LLM calls, LLM tokens and mails of an application per day (UTC). The worker counts a use before it
-- makes it, in a transaction of its own.

create table stepbase_engine.app_usage (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  day date not null,
  llm_calls bigint not null default 0,
  llm_tokens bigint not null default 0,
  mails bigint not null default 0,
  primary key (app_code, day)
);

comment on table stepbase_engine.app_usage is 'What an application used on a day (UTC). A row is deleted after 35 days.';
comment on column stepbase_engine.app_usage.mails is 'Each recipient of a mail counts.';

alter table stepbase_engine.app_usage enable row level security;

create function stepbase_engine.count_use(p_run_id uuid, p_llm_calls int, p_mails int)
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
    delete from stepbase_engine.app_usage u where u.app_code = v_app_code and u.day < v_today - 35;
  end if;
  select l.quota, l.value, l.use into v_refused
  from stepbase.app_quotas q
  cross join lateral (
    values
      ('max_llm_calls_per_day', q.max_llm_calls_per_day, 'LLM calls', p_llm_calls > 0 and v_used.llm_calls > q.max_llm_calls_per_day),
      -- A call's tokens are known afterwards, so the call that reaches the quota still succeeds.
      ('max_llm_tokens_per_day', q.max_llm_tokens_per_day, 'LLM tokens', p_llm_calls > 0 and v_used.llm_tokens >= q.max_llm_tokens_per_day),
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
end;
$$;

comment on function stepbase_engine.count_use(uuid, int, int) is
  'Counts LLM calls and mails of a step before it makes them. Raises SB429 limit_reached with quota, limit, retry_at and '
  'retry_after_ms if the application would exceed a quota of the day, and counts nothing then.';

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
      coalesce(least((p_use ->> 'cached_input')::numeric, (p_use ->> 'input')::numeric), 0) as cached
  ) t;
$$;

comment on function stepbase_engine.model_cost(jsonb, jsonb) is
  'The cost of an LLM call in US dollars. The price is in US dollars for a million tokens: input, output, and cached_input, '
  'which is input by default. Null if a count or the price is not known.';

create function stepbase_engine.count_tokens(p_run_id uuid, p_use jsonb)
returns numeric
language sql
set search_path = ''
as $$
  insert into stepbase_engine.app_usage as u (app_code, day, llm_tokens)
  select r.app_code, (stepbase_engine.now() at time zone 'UTC')::date, ceil(coalesce((p_use ->> 'total')::numeric, 0))
  from stepbase.runs r
  where r.id = p_run_id
  on conflict (app_code, day) do update set llm_tokens = u.llm_tokens + excluded.llm_tokens;

  select stepbase_engine.model_cost(p_use, p_use -> 'price');
$$;

comment on function stepbase_engine.count_tokens(uuid, jsonb) is
  'Counts the tokens of an LLM call after its response: total, input, cached_input (a part of input) and output. Returns '
  'the cost in US dollars; null if the price is not known.';
