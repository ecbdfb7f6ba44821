-- The results of functions that steps called. A result is written in the transaction of the call, so a step that is
-- executed again returns it instead of calling the function a second time.

create table stepbase_engine.function_results (
  run_id uuid not null,
  app_code text not null,
  call_key text not null,
  result jsonb,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint function_results_pkey primary key (run_id, app_code, call_key),
  constraint function_results_run_fkey foreign key (run_id, app_code) references stepbase.runs (id, app_code)
    on delete cascade
);

comment on table stepbase_engine.function_results is
  'The results of the functions that sql_function steps called; deleted with their run.';
comment on column stepbase_engine.function_results.call_key is 'The idempotency key of the step: <run>:<step>:<item>.';

alter table stepbase_engine.function_results enable row level security;
