-- Budgets of model calls: how many US dollars the model calls of an application may cost per day and per month (UTC).
-- Member managers set them; the operator's own limits are in app_quotas. The lower of the two applies.

create table stepbase.ai_budgets (
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  period text not null constraint period_is_known check (period in ('day', 'month')),
  max_cost numeric not null constraint max_cost_is_from_0_to_a_billion check (max_cost between 0 and 1000000000),
  alert_percent int constraint alert_percent_is_from_1_to_100 check (alert_percent between 1 and 100),
  unpriced text not null default 'allow' constraint unpriced_is_known check (unpriced in ('allow', 'refuse')),
  alerted_for date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ai_budgets_pkey primary key (app_code, period)
);

comment on table stepbase.ai_budgets is
  'What the model calls of an application may cost per day or month (UTC). Written by set_ai_budget and delete_ai_budget.';
comment on column stepbase.ai_budgets.max_cost is 'US dollars. When they are spent, further calls fail with budget_exceeded. 0: none.';
comment on column stepbase.ai_budgets.alert_percent is
  'The event budget.threshold_reached is emitted once per period when this part of the budget is spent; null: never.';
comment on column stepbase.ai_budgets.unpriced is
  'allow or refuse: whether steps may call a model whose price is not known. The cost of such calls is not counted.';
comment on column stepbase.ai_budgets.alerted_for is 'First day of the period whose event was emitted.';

create trigger ai_budgets_touch_updated_at before update on stepbase.ai_budgets
  for each row execute function stepbase_private.touch_updated_at();
create trigger ai_budgets_keep_identity before update on stepbase.ai_budgets
  for each row execute function stepbase_private.refuse_column_change('app_code', 'period', 'created_at');

-- Another limit is another alert.
create function stepbase_private.reset_budget_alert()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.alerted_for := null;
  return new;
end;
$$;

comment on function stepbase_private.reset_budget_alert() is
  'Trigger: a budget whose limit or threshold changes emits its event again in the same period.';

create trigger ai_budgets_reset_alert before update of max_cost, alert_percent on stepbase.ai_budgets
  for each row when (old.max_cost <> new.max_cost or old.alert_percent is distinct from new.alert_percent)
  execute function stepbase_private.reset_budget_alert();

alter table stepbase.ai_budgets enable row level security;
grant select on stepbase.ai_budgets to authenticated;
grant select, insert, update, delete on stepbase.ai_budgets to service_role;

create policy "Members read the budgets of their application" on stepbase.ai_budgets
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('stats:read')));
