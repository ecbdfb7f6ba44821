-- Retry policies: how often, when and after which errors a step is retried.
-- Publishing validates policies. These functions still accept any stored value without an error, because
-- an error here would stop the timers of all applications.

create function stepbase_engine.policy_number(
  p_policy jsonb, p_key text, p_default numeric, p_least numeric, p_most numeric
)
returns numeric
language sql
immutable
set search_path = ''
as $$
  select case jsonb_typeof(p_policy -> p_key)
    when 'number' then least(greatest((p_policy ->> p_key)::numeric, p_least), p_most)
    else p_default
  end;
$$;

comment on function stepbase_engine.policy_number(jsonb, text, numeric, numeric, numeric) is
  'Returns the number under a key of a policy, limited to p_least..p_most, or p_default when the value is missing or '
  'not a number. It never raises an error.';

create function stepbase_engine.max_attempts(p_retry jsonb)
returns int
language sql
immutable
set search_path = ''
as $$
  select floor(stepbase_engine.policy_number(p_retry, 'max_attempts', 1, 1, 100))::int;
$$;

comment on function stepbase_engine.max_attempts(jsonb) is
  'Returns how many attempts a retry policy allows, including the first: 1 to 100.';

create function stepbase_engine.retry_delay(p_retry jsonb, p_attempt int)
returns interval
language sql
volatile
set search_path = ''
as $$
  select least(
    stepbase_engine.policy_number(p_retry, 'max_delay_ms', 3600000, 0, 31536000000),
    stepbase_engine.policy_number(p_retry, 'delay_ms', 1000, 0, 31536000000)
    * case coalesce(p_retry ->> 'backoff', 'exponential')
        when 'fixed' then 1
        else power(2::numeric, least(p_attempt - 1, 30))
      end
  )
  -- Jitter spreads the retries of many runs over the upper part of the delay.
  * (
    1 - random() * case p_retry -> 'jitter'
      when 'true' then 0.5
      else stepbase_engine.policy_number(p_retry, 'jitter', 0, 0, 1)::float8
    end
  )::numeric
  * interval '1 millisecond';
$$;

comment on function stepbase_engine.retry_delay(jsonb, int) is
  'Returns the delay between attempt p_attempt and the next one under a retry policy '
  '{max_attempts, backoff: fixed|exponential, delay_ms = 1000, max_delay_ms = 3600000, jitter = 0, max_elapsed_ms}. '
  'jitter is the random share of the delay: 0 to 1; true means 0.5.';

create function stepbase_engine.error_matches(p_error jsonb, p_wanted jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  -- An entry is an error code, an HTTP status, or a class of HTTP statuses.
  select exists (
    select 1
    from jsonb_array_elements_text(case jsonb_typeof(p_wanted) when 'array' then p_wanted else '[]' end) as w (wanted)
    where w.wanted = p_error ->> 'code'
      or w.wanted = p_error #>> '{details,status}'
      or (
        w.wanted in ('4xx', '5xx')
        and p_error #>> '{details,status}' ~ ('^' || left(w.wanted, 1) || '[0-9][0-9]$')
      )
  );
$$;

comment on function stepbase_engine.error_matches(jsonb, jsonb) is
  'Returns whether an error matches an entry of a list of error codes, HTTP statuses and the classes 4xx and 5xx.';

create function stepbase_engine.may_retry(p_retry jsonb, p_error jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select case
    when p_retry is null then false
    when p_retry ? 'do_not_retry_on' and stepbase_engine.error_matches(p_error, p_retry -> 'do_not_retry_on') then false
    when p_error -> 'retryable' = 'true' then true
    when p_retry ? 'retry_on' then stepbase_engine.error_matches(p_error, p_retry -> 'retry_on')
    else false
  end;
$$;

comment on function stepbase_engine.may_retry(jsonb, jsonb) is
  'Returns whether a retry policy allows another attempt after an error. do_not_retry_on forbids it, then the error''s '
  'own "retryable" allows it, then retry_on allows it for further errors.';
