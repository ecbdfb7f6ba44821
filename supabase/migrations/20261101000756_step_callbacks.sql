-- Callbacks: a component that is called gets a token, by which it completes or fails this attempt of the step later.
-- The call has the token, the table a hash of it.

create table stepbase_private.step_callbacks (
  token_hash text primary key constraint token_hash_is_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  step_run_id uuid not null,
  component_id uuid not null,
  timeout_ms bigint not null constraint timeout_is_positive check (timeout_ms > 0),
  heartbeat_timeout_ms bigint constraint heartbeat_timeout_is_positive check (heartbeat_timeout_ms > 0),
  answer text constraint answer_is_known check (answer in ('completed', 'failed')),
  answered_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint answer_has_a_time check ((answer is null) = (answered_at is null))
);

comment on table stepbase_private.step_callbacks is
  'Tokens by which components answer a step later. Each call has one; a call that is repeated after the loss of a worker has '
  'one of its own, and both are valid.';
-- No foreign key: it would be checked for each step run that is deleted.
comment on column stepbase_private.step_callbacks.step_run_id is
  'The attempt of the step that the token answers, and no other attempt.';
comment on column stepbase_private.step_callbacks.component_id is 'The component that was called; its output_schema applies.';
comment on column stepbase_private.step_callbacks.timeout_ms is 'How long the step waits for the callback.';
comment on column stepbase_private.step_callbacks.heartbeat_timeout_ms is
  'How long the step waits for the next heartbeat; null: heartbeats are not needed.';
comment on column stepbase_private.step_callbacks.answer is
  'What the component answered by this token: completed or failed. The same answer again is accepted, another one is not.';

create index idx_step_callbacks_app_code on stepbase_private.step_callbacks (app_code);
create index idx_step_callbacks_step_run_id on stepbase_private.step_callbacks (step_run_id);
create index idx_step_callbacks_expires_at on stepbase_private.step_callbacks (expires_at);

alter table stepbase_private.step_callbacks enable row level security;
