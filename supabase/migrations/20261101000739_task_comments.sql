-- Comments of persons on tasks and approvals: questions and answers before a decision.

create table stepbase.task_comments (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  run_id uuid not null,
  step_run_id uuid not null,
  user_id uuid references stepbase.users (id) on delete set null,
  body text not null constraint body_has_1_to_10000_characters check (length(body) between 1 and 10000),
  created_at timestamptz not null default stepbase_engine.now(),
  constraint comment_is_of_the_app_of_its_run
    foreign key (run_id, app_code) references stepbase.runs (id, app_code) on delete cascade
);

comment on table stepbase.task_comments is 'Comments on tasks and approvals; written by comment_task only.';
-- No foreign key: it would be checked for each step run that is deleted. The row goes with its run.
comment on column stepbase.task_comments.step_run_id is 'The task.';
comment on column stepbase.task_comments.user_id is
  'The person who wrote it: the user, or the owner of the API key. Null for machines, and after the user was deleted.';

create index idx_task_comments_step_run_id_created_at on stepbase.task_comments (step_run_id, created_at, id);
create index idx_task_comments_run_id_app_code on stepbase.task_comments (run_id, app_code);
create index idx_task_comments_user_id on stepbase.task_comments (user_id);

alter table stepbase.task_comments enable row level security;

create policy "Those who read a task read its comments" on stepbase.task_comments
  for select to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and (
      (select stepbase_private.has_permission('run:read'))
      -- The policy of step_runs decides: an assignee reads their task.
      or exists (select 1 from stepbase.step_runs s where s.id = step_run_id)
    )
  );

grant select on stepbase.task_comments to authenticated, service_role;
