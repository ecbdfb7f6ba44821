-- RPCs of the budgets and the usage of model calls. See rpc_runs for the pattern.

-- Security definer: clients cannot write budgets, and only member managers read the quotas.
create function stepbase_private.set_ai_budget(p_period text, p_max_cost numeric, p_alert_percent int, p_unpriced text)
returns stepbase.ai_budgets
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('member:manage');
  v_most numeric;
  v_budget stepbase.ai_budgets;
begin
  if coalesce(p_period not in ('day', 'month'), true)
    or coalesce(p_max_cost not between 0 and 1000000000, true)
    or p_alert_percent not between 1 and 100
    or coalesce(p_unpriced not in ('allow', 'refuse'), true)
  then
    perform stepbase_private.raise_error(
      'invalid_request',
      'period must be day or month; max_cost must be between 0 and 1000000000; alert_percent must be between 1 and 100 or '
      'null; unpriced must be allow or refuse'
    );
  end if;
  select case p_period when 'day' then q.max_ai_cost_per_day else q.max_ai_cost_per_month end into v_most
  from stepbase.app_quotas q where q.app_code = v_app_code;
  if p_max_cost > v_most and not stepbase_private.is_operator() then
    perform stepbase_private.raise_error(
      'invalid_request', format('max_cost must be at most %s; the operator sets this bound', v_most),
      jsonb_build_object('column', 'max_cost', 'most', v_most)
    );
  end if;
  insert into stepbase.ai_budgets as b (app_code, period, max_cost, alert_percent, unpriced)
  values (v_app_code, p_period, p_max_cost, p_alert_percent, p_unpriced)
  on conflict (app_code, period) do update
  set max_cost = excluded.max_cost, alert_percent = excluded.alert_percent, unpriced = excluded.unpriced
  returning b.* into v_budget;
  return v_budget;
end;
$$;

comment on function stepbase_private.set_ai_budget(text, numeric, int, text) is 'Implements stepbase.set_ai_budget.';
grant execute on function stepbase_private.set_ai_budget(text, numeric, int, text) to authenticated, service_role;

create function stepbase.set_ai_budget(
  period text, max_cost numeric, alert_percent int default null, unpriced text default 'allow'
)
returns stepbase.ai_budgets
language sql
set search_path = ''
as $$
  select stepbase_private.set_ai_budget(
    set_ai_budget.period, set_ai_budget.max_cost, set_ai_budget.alert_percent, set_ai_budget.unpriced
  );
$$;

comment on function stepbase.set_ai_budget(text, numeric, int, text) is
  'Sets what the model calls of the caller''s application may cost per day or month (UTC), in US dollars. alert_percent: the '
  'event budget.threshold_reached is emitted when this part is spent. unpriced: allow or refuse calls of models without a '
  'price. Requires member:manage. Errors: SB400 also above max_ai_cost_per_day or max_ai_cost_per_month of the quotas, SB401, '
  'SB403.';
grant execute on function stepbase.set_ai_budget(text, numeric, int, text) to authenticated, service_role;

-- Security definer: clients cannot write budgets.
create function stepbase_private.delete_ai_budget(p_period text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('member:manage');
begin
  delete from stepbase.ai_budgets b where b.app_code = v_app_code and b.period = p_period;
  if not found then
    perform stepbase_private.raise_error('not_found', 'The application has no budget for this period');
  end if;
end;
$$;

comment on function stepbase_private.delete_ai_budget(text) is 'Implements stepbase.delete_ai_budget.';
grant execute on function stepbase_private.delete_ai_budget(text) to authenticated, service_role;

create function stepbase.delete_ai_budget(period text)
returns void
language sql
set search_path = ''
as $$
  select stepbase_private.delete_ai_budget(delete_ai_budget.period);
$$;

comment on function stepbase.delete_ai_budget(text) is
  'Deletes the budget of a period (day or month). The limits of the operator stay. Requires member:manage. Errors: SB401, '
  'SB403, SB404 no such budget.';
grant execute on function stepbase.delete_ai_budget(text) to authenticated, service_role;

-- Security definer: clients cannot read app_usage and the quotas.
create function stepbase_private.read_ai_usage(p_period text, p_day date)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  c_most constant int := 100;
  v_app_code constant text := stepbase_private.require_permission('stats:read');
  v_day constant date := coalesce(p_day, (stepbase_engine.now() at time zone 'UTC')::date);
  v_state record;
begin
  if coalesce(p_period not in ('day', 'month'), true) or v_day not between '1970-01-01' and '9999-01-01' then
    perform stepbase_private.raise_error(
      'invalid_request', 'period must be day or month; day must be between 1970-01-01 and 9999-01-01'
    );
  end if;
  select s.* into strict v_state
  from stepbase_engine.ai_budget_states(v_app_code, v_day) s where s.period = p_period;
  return (
    select jsonb_build_object(
      'period', p_period,
      'starts_at', v_state.starts_on::timestamp at time zone 'UTC',
      'ends_at', v_state.ends_on::timestamp at time zone 'UTC',
      'calls', coalesce(sum(u.llm_calls), 0),
      'tokens', coalesce(sum(u.llm_tokens), 0),
      'cost', v_state.spent,
      'unpriced_calls', coalesce(sum(u.llm_unpriced_calls), 0),
      'max_cost', v_state.max_cost,
      'remaining', case when v_state.max_cost is not null then greatest(v_state.max_cost - v_state.spent, 0) end,
      'days', coalesce(
        jsonb_agg(jsonb_build_object(
          'day', u.day, 'calls', u.llm_calls, 'tokens', u.llm_tokens, 'cost', u.llm_cost,
          'unpriced_calls', u.llm_unpriced_calls
        ) order by u.day) filter (where u.llm_calls > 0 or u.llm_tokens > 0), '[]'
      ),
      'models', (
        select coalesce(jsonb_agg(to_jsonb(g) order by g.cost desc, g.tokens desc, g.model, g.provider), '[]')
        from (
          select m.provider, m.model, sum(m.calls) as calls, sum(m.tokens) as tokens, sum(m.cost) as cost,
            sum(m.unpriced_calls) as unpriced_calls
          from stepbase_engine.model_usage m
          where m.app_code = v_app_code and m.day >= v_state.starts_on and m.day < v_state.ends_on
          group by m.provider, m.model
          order by sum(m.cost) desc, sum(m.tokens) desc
          limit c_most
        ) g
      ),
      'workflows', (
        select coalesce(
          jsonb_agg(
            to_jsonb(g) || jsonb_build_object('workflow', w.kebab_name, 'workflow_name', w.name)
            order by g.cost desc, g.tokens desc, g.workflow_id
          ), '[]'
        )
        from (
          select m.workflow_id, sum(m.calls) as calls, sum(m.tokens) as tokens, sum(m.cost) as cost,
            sum(m.unpriced_calls) as unpriced_calls
          from stepbase_engine.model_usage m
          where m.app_code = v_app_code and m.day >= v_state.starts_on and m.day < v_state.ends_on
          group by m.workflow_id
          order by sum(m.cost) desc, sum(m.tokens) desc
          limit c_most
        ) g
        left join stepbase.workflows w on w.id = g.workflow_id and w.app_code = v_app_code
      )
    )
    from stepbase_engine.app_usage u
    where u.app_code = v_app_code and u.day >= v_state.starts_on and u.day < v_state.ends_on
  );
end;
$$;

comment on function stepbase_private.read_ai_usage(text, date) is 'Implements stepbase.read_ai_usage.';
grant execute on function stepbase_private.read_ai_usage(text, date) to authenticated, service_role;

create function stepbase.read_ai_usage(period text default 'month', day text default null)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.read_ai_usage(read_ai_usage.period, stepbase_private.iso_date(read_ai_usage.day, 'day'));
$$;

comment on function stepbase.read_ai_usage(text, text) is
  'What the model calls of the caller''s application used in the day or the month (UTC) of a date; default: now. {period, '
  'starts_at, ends_at, calls, tokens, cost, unpriced_calls, max_cost, remaining, days, models, workflows}: cost in US dollars; '
  'max_cost is the lower limit of budget and quota, or null. models and workflows: the 100 that cost most, by calls that had a '
  'response; {provider, model} or {workflow_id, workflow, workflow_name} with calls, tokens, cost and unpriced_calls. The days '
  'are kept for 400 days. Requires stats:read. Errors: SB400, SB401, SB403.';
grant execute on function stepbase.read_ai_usage(text, text) to authenticated, service_role;
