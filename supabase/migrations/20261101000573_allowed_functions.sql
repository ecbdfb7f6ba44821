-- Functions of the project that steps may call: an operator allows each one, for one application or for all.

create table stepbase_private.allowed_functions (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  signature text not null,
  app_code text references stepbase.applications (app_code) on delete cascade,
  created_at timestamptz not null default now(),
  constraint allowed_functions_name_app_code_key unique nulls not distinct (name, app_code)
);

comment on table stepbase_private.allowed_functions is
  'The functions that sql_function steps may call; written by allow_function. The view stepbase.allowed_functions lists them.';
comment on column stepbase_private.allowed_functions.name is 'Schema and name, as steps write them: public.refund.';
comment on column stepbase_private.allowed_functions.signature is 'The function with the types of its arguments: public.refund(bigint).';
comment on column stepbase_private.allowed_functions.app_code is 'The application that may call it; null: every application.';

create index idx_allowed_functions_app_code on stepbase_private.allowed_functions (app_code);

alter table stepbase_private.allowed_functions enable row level security;
