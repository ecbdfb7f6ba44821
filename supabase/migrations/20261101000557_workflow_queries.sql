-- Queries: the questions that a run of a workflow answers without being changed.

create table stepbase.workflow_queries (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  query_name text not null constraint query_name_is_simple check (query_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  description text not null default '',
  expression text,
  return_type jsonb constraint return_type_is_an_object check (jsonb_typeof(return_type) = 'object'),
  auto_generated boolean not null default false,
  work_queue_id uuid,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_query_is_of_app unique (id, app_code),
  constraint query_name_is_unique_in_workflow unique (workflow_id, query_name),
  constraint query_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint query_work_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references stepbase.work_queues (id, app_code) on delete cascade
);

comment on table stepbase.workflow_queries is 'Queries that runs of a workflow answer.';
comment on column stepbase.workflow_queries.expression is
  'JSONata over {input, output, context, run, steps} that computes the answer. SQL evaluates paths such as '
  'steps.fetch.output.total; the HTTP API evaluates all expressions. Null: the whole context, or the queue''s state.';
comment on column stepbase.workflow_queries.return_type is 'JSON Schema of the answer; null: every answer is accepted.';
comment on column stepbase.workflow_queries.auto_generated is 'True: created and deleted with a work queue.';

create index idx_workflow_queries_workflow_id_app_code on stepbase.workflow_queries (workflow_id, app_code);
create index idx_workflow_queries_work_queue_id_app_code on stepbase.workflow_queries (work_queue_id, app_code);
create index idx_workflow_queries_app_code_auto_generated on stepbase.workflow_queries (app_code, auto_generated);
create index idx_workflow_queries_created_by on stepbase.workflow_queries (created_by);

create trigger workflow_queries_touch_updated_at before update on stepbase.workflow_queries
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_queries_keep_identity before update on stepbase.workflow_queries
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'auto_generated', 'created_at');

create trigger workflow_queries_check_schemas
  before insert or update of return_type on stepbase.workflow_queries
  for each row execute function stepbase_private.check_json_schemas('return_type');

alter table stepbase.workflow_queries enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, query_name, description, expression, return_type),
  update (query_name, description, expression, return_type)
on stepbase.workflow_queries to authenticated;
grant select, insert, update, delete on stepbase.workflow_queries to service_role;

create policy "Members read their queries" on stepbase.workflow_queries
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow writers create queries" on stepbase.workflow_queries
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change queries" on stepbase.workflow_queries
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers delete queries" on stepbase.workflow_queries
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));
