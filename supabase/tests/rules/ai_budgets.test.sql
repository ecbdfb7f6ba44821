-- Budgets and prices of model calls: which price counts, when a budget refuses a call, its event, and the usage.

begin;
set local search_path = public, extensions;
select plan(47);
select tests.create_tasks();
delete from stepbase.ai_budgets;
delete from stepbase.outbox;

create function pg_temp.cost(p_use jsonb, p_run text default 'second_run')
returns numeric
language sql
as $$
  select stepbase_engine.count_tokens(
    tests.sample_id(p_run), '{"provider": "openai", "model": "m", "input": 1000000, "output": 0, "total": 1000000}'::jsonb || p_use
  );
$$;
-- ok, or the SQLSTATE.
create function pg_temp.call(p_model jsonb default '{}')
returns text
language sql
as $$
  select tests.attempt('owner', format(
    'select stepbase_engine.count_use(%L, 1, 0, %L)', tests.sample_id('second_run'),
    '{"provider": "openai", "model": "m"}'::jsonb || p_model
  ));
$$;
create function pg_temp.refusal(p_model jsonb default '{}')
returns jsonb
language plpgsql
as $$
declare
  v_detail text;
begin
  perform stepbase_engine.count_use(
    tests.sample_id('second_run'), 1, 0, '{"provider": "openai", "model": "m"}'::jsonb || p_model
  );
  return null;
exception when others then
  get stacked diagnostics v_detail = pg_exception_detail;
  return v_detail::jsonb;
end;
$$;
create function pg_temp.events()
returns bigint
language sql
as $$ select count(*) from stepbase.outbox o where o.payload ->> 'name' = 'budget.threshold_reached'; $$;

-- Prices.
select is(pg_temp.cost('{}'), null, 'without a price the cost is not known');
select is(
  tests.attempt('service', $$insert into stepbase.model_prices (model, provider, valid_from, input, output)
    values ('m', 'openai', now() - interval '1 day', 3, 9), ('m', 'openai', now() + interval '1 day', 5, 9)$$),
  'ok 2', 'an operator stores prices with the secret key'
);
insert into stepbase.model_prices (model, provider, valid_from, input, output, cached_input)
values
  ('m', 'openai', stepbase_engine.now() - interval '1 hour', 2, 10, 1),
  ('m', 'openai', stepbase_engine.now() - interval '2 hours', 3, 10, 1),
  ('m', 'openai', stepbase_engine.now() + interval '1 hour', 4, 10, 1);
select is(pg_temp.cost('{}'), 2.0, 'the newest price that is valid counts');
select is(pg_temp.cost('{"cached_input": 500000}'), 1.5, 'with its price for cached input');
select is(pg_temp.cost('{"provider": "anthropic"}'), null, 'a price is that of one provider');
select is(pg_temp.cost('{"price": {"input": 7, "output": 1}}'), 7.0, 'the price of the step precedes it');
select is(
  pg_temp.cost('{"price": {"input": 0, "output": 0}, "is_operators": true}'), 2.0,
  'but a step cannot lower the price of an endpoint of the operator'
);
select is(
  pg_temp.cost('{"provider": "openai-compatible", "price": {"input": 0, "output": 0}, "is_operators": true}'), 2.0,
  'nor by calling it with its other protocol'
);
select is(
  pg_temp.cost('{"provider": "openai-compatible", "price": {"input": 0, "output": 0}}'), 0.0,
  'the endpoint of an application has the price of its own protocol'
);
select is(
  pg_temp.cost('{"model": "x", "price": {"input": 7, "output": 1}, "is_operators": true}'), 7.0,
  'whose price may be that of the step if no price is stored'
);
select is(pg_temp.cost('{"input": null}'), null, 'without the tokens the cost is not known');
select throws_ok(
  format('insert into stepbase.model_prices (model, input, output) values (''x'', %L, 1)', v.price), '23514', null,
  format('%s is not a price', v.price)
)
from unnest(array['-1', 'NaN', 'Infinity']) v (price);

-- The usage.
select tests.become('viewer');
select is(
  stepbase.read_ai_usage('day') - '{starts_at,ends_at,days,models,workflows}'::text[],
  '{"period": "day", "calls": 0, "tokens": 10000000, "cost": 21.5, "unpriced_calls": 3, "max_cost": null, "remaining": null}',
  'a member reads the usage of the day'
);
select is(
  stepbase.read_ai_usage() #> '{models,0}',
  '{"provider": "openai", "model": "m", "calls": 6, "tokens": 6000000, "cost": 12.5, "unpriced_calls": 2}', 'also by model'
);
select is(
  (stepbase.read_ai_usage() #> '{workflows,0}') - '{workflow_id,workflow,workflow_name}'::text[],
  '{"calls": 10, "tokens": 10000000, "cost": 21.5, "unpriced_calls": 3}', 'and by workflow'
);
select is(jsonb_array_length(stepbase.read_ai_usage() -> 'days'), 1, 'and of the month by day');
select is(stepbase.read_ai_usage('month', '2020-02-05') ->> 'ends_at', '2020-03-01T00:00:00+00:00', 'and of another month');
select throws_ok($$select stepbase.read_ai_usage('day', '2020-02-30')$$, 'SB400', null, 'a day must exist');
select throws_ok($$select stepbase.read_ai_usage('year')$$, 'SB400', null, 'a year is not a period');
select tests.leave();

-- A budget. Its limit is the cost that the application already has.
select is(pg_temp.call(), 'ok 1', 'without a budget each call is allowed');
select tests.perform_as('admin', $$select stepbase.set_ai_budget('day', 21.6, 90)$$);
select is(pg_temp.call(), 'ok 1', 'below the budget a call is allowed');
select is(pg_temp.events(), 0::bigint, 'and no event is emitted before the next call');
select is(pg_temp.cost('{"price": {"input": 0.01, "output": 0}}'), 0.01, 'a call within the budget');
select is(
  (select o.payload - 'at' #- '{payload,starts_on}' #- '{payload,ends_on}' from stepbase.outbox o
    where o.payload ->> 'name' = 'budget.threshold_reached'),
  '{"name": "budget.threshold_reached", "depth": 1, "payload": {"period": "day", "max_cost": 21.6, "spent": 21.51, "alert_percent": 90}}',
  'the call that reaches the threshold emits an event'
);
select is(pg_temp.call(), 'ok 1', 'the next call is still allowed');
select is(pg_temp.cost('{}'), 2.0, 'the call that exceeds the budget has its cost');
select is(pg_temp.events(), 1::bigint, 'the event is emitted once per period');
select is(pg_temp.call(), 'SB430', 'then calls are refused');
select is(
  pg_temp.refusal() - 'retry_at' - 'retry_after_ms',
  '{"code": "budget_exceeded", "period": "day", "max_cost": 21.6, "spent": 23.51}', 'the error names the budget'
);
select is(
  (pg_temp.refusal() ->> 'retry_at')::timestamptz,
  ((stepbase_engine.now() at time zone 'UTC')::date + 1)::timestamp at time zone 'UTC', 'and the start of the next day'
);
select is(
  (select u.llm_calls from stepbase_engine.app_usage u where u.app_code = 'tap-one'), 0::bigint, 'a refused call is not counted'
);
select tests.perform_as('admin', $$select stepbase.set_ai_budget('day', 30, 50)$$);
select is(pg_temp.call(), 'ok 1', 'a larger budget applies at once');
select is(pg_temp.cost('{"price": {"input": 0.01, "output": 0}}'), 0.01, 'and has a threshold of its own');
select is(pg_temp.events(), 2::bigint, 'which emits another event');

-- A budget per month counts the days before.
update stepbase_engine.app_usage u set day = date_trunc('month', u.day)::date where u.app_code = 'tap-one';
update stepbase.app_quotas set max_ai_cost_per_month = 23.52 where app_code = 'tap-one';
select is(
  pg_temp.refusal() ->> 'period', 'month', 'the operator''s limit of the month is reached by the days before'
);
select is(
  tests.attempt('admin', $$select stepbase.set_ai_budget('month', 23.53)$$), 'SB400', 'an admin cannot exceed that limit'
);
select is(tests.attempt('admin', $$select stepbase.set_ai_budget('month', 23.52)$$), 'ok 1', 'but may set the same');
update stepbase.app_quotas set max_ai_cost_per_month = null where app_code = 'tap-one';
select is(pg_temp.call(), 'ok 1', 'without the limit the calls go on');

-- Models without a price.
select tests.perform_as('admin', $$select stepbase.set_ai_budget('month', 100, null, 'refuse')$$);
select is(pg_temp.refusal('{"model": "x"}') ->> 'code', 'model_unpriced', 'a budget can refuse models without a price');
select is(pg_temp.call('{"model": "x", "price": {"input": 0, "output": 0}}'), 'ok 1', 'a price of the step is enough');
select is(
  pg_temp.call('{"model": "x", "price": {"input": 0, "output": 0}, "is_operators": true}'), 'ok 1',
  'also on the endpoint of the operator'
);
update stepbase.app_quotas set unpriced_models = 'refuse' where app_code = 'tap-one';
select is(
  pg_temp.call('{"model": "x", "price": {"input": 0, "output": 0}, "is_operators": true}'), 'SB431',
  'unless the operator asks for prices: then its own count'
);
select is(pg_temp.call('{"provider": "openai-compatible", "is_operators": true}'), 'ok 1', 'which are those of the model');
select is(
  tests.attempt('owner', format('select stepbase_engine.count_use(%L, 0, 1)', tests.sample_id('second_run'))), 'ok 1',
  'mails are not affected'
);
select results_eq(
  $$select distinct a.operation, a.row_id from stepbase.audit_log a
    where a.table_name = 'ai_budgets' and a.actor_id is not null
    order by 1, 2$$,
  $$values ('insert', 'day'), ('insert', 'month'), ('update', 'day')$$, 'changes of budgets are in the audit log'
);

select * from finish();
rollback;
