-- Model prices of the installation: what model calls cost, unless the step names a price. Stepbase
-- comes without prices, because providers change them; the operator stores those of the models in use.

create table stepbase.model_prices (
  model text not null constraint model_has_1_to_200_characters check (length(model) between 1 and 200),
  provider text not null default 'openai-compatible'
    constraint provider_is_known check (provider in ('openai-compatible', 'openai', 'anthropic')),
  valid_from timestamptz not null default now() constraint valid_from_is_finite check (isfinite(valid_from)),
  -- The upper bounds exclude NaN and infinity.
  input numeric not null constraint input_is_from_0_to_1000000 check (input between 0 and 1000000),
  output numeric not null constraint output_is_from_0_to_1000000 check (output between 0 and 1000000),
  cached_input numeric constraint cached_input_is_from_0_to_1000000 check (cached_input between 0 and 1000000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint model_prices_pkey primary key (model, provider, valid_from)
);

comment on table stepbase.model_prices is
  'Prices of models in US dollars for a million tokens. Only operators write them: by SQL or with the secret key.';
comment on column stepbase.model_prices.model is 'The name that steps give as model.';
comment on column stepbase.model_prices.provider is 'openai-compatible, openai or anthropic, as in the config of a step.';
comment on column stepbase.model_prices.valid_from is
  'Calls from this time on have the price, until the next row of the model.';
comment on column stepbase.model_prices.cached_input is 'For input that the provider had in its cache; null: as input.';

create trigger model_prices_touch_updated_at before update on stepbase.model_prices
  for each row execute function stepbase_private.touch_updated_at();

alter table stepbase.model_prices enable row level security;
grant select on stepbase.model_prices to authenticated;
grant select, insert, update, delete on stepbase.model_prices to service_role;

create policy "Signed-in users read model prices" on stepbase.model_prices
  for select to authenticated using (true);

create function stepbase_engine.model_price(p_use jsonb, p_at timestamptz)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with stored as (
    select (
      select jsonb_build_object('input', p.input, 'output', p.output, 'cached_input', p.cached_input)
      from stepbase.model_prices p
      where p.model = p_use ->> 'model' and p.valid_from <= p_at
        and (
          p.provider = p_use ->> 'provider'
          -- Both protocols of OpenAI reach the endpoint of the operator: the other one is no way around the price.
          or (p_use -> 'is_operators' = 'true' and p.provider in ('openai', 'openai-compatible'))
        )
      order by p.provider = p_use ->> 'provider' desc, p.valid_from desc
      limit 1
    ) as price
  )
  select case
    when p_use -> 'is_operators' = 'true' then coalesce(s.price, nullif(p_use -> 'price', 'null'))
    else coalesce(nullif(p_use -> 'price', 'null'), s.price)
  end
  from stored s;
$$;

comment on function stepbase_engine.model_price(jsonb, timestamptz) is
  'The price of a model call {provider, model, price?, is_operators?}: that of the step, otherwise that of the table; null if '
  'neither exists. For an endpoint of the operator (is_operators) the table is first, so that a step cannot lower the cost, and '
  'the price of the model with the other protocol of OpenAI counts, too.';
