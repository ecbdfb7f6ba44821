-- Links in mails about approvals: one for each person and decision. The mail has the token, the table a hash of it.

create table stepbase_private.task_links (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  step_run_id uuid not null,
  user_id uuid not null references stepbase.users (id) on delete cascade,
  decision text not null constraint decision_is_known check (decision in ('approve', 'reject')),
  token_hash text not null constraint task_links_token_hash_is_unique unique
    constraint token_hash_is_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz not null,
  used_at timestamptz,
  created_at timestamptz not null default stepbase_engine.now(),
  constraint person_has_one_link_for_each_decision unique (step_run_id, user_id, decision)
);

comment on table stepbase_private.task_links is
  'Links by which a person decides an approval without signing in. A later mail replaces the tokens of an earlier one.';
-- No foreign key: it would be checked for each step run that is deleted.
comment on column stepbase_private.task_links.step_run_id is 'The approval.';
comment on column stepbase_private.task_links.token_hash is 'SHA-256 of the token, in hex.';
comment on column stepbase_private.task_links.used_at is
  'When the person decided by a link of the mail; then none of its links works.';

create index idx_task_links_app_code on stepbase_private.task_links (app_code);
create index idx_task_links_user_id on stepbase_private.task_links (user_id);
create index idx_task_links_expires_at on stepbase_private.task_links (expires_at);

alter table stepbase_private.task_links enable row level security;
