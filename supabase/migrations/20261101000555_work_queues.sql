-- Work queues: lists of items that runs of a workflow push and pop.

create table stepbase.work_queues (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  queue_name text not null constraint queue_name_is_simple check (queue_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  description text not null default '',
  signal_name text not null,
  query_name text not null,
  max_size int constraint max_size_is_positive check (max_size > 0),
  ordering text not null default 'fifo' references stepbase.work_queue_orderings (name),
  deduplicate boolean not null default false,
  work_item_schema jsonb constraint work_item_schema_is_an_object check (jsonb_typeof(work_item_schema) = 'object'),
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint work_queue_is_of_app unique (id, app_code),
  constraint queue_name_is_unique_in_workflow unique (workflow_id, queue_name),
  constraint queue_signal_is_unique_in_workflow unique (workflow_id, signal_name),
  constraint queue_query_is_unique_in_workflow unique (workflow_id, query_name),
  constraint work_queue_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase.work_queues is 'Queues of items that runs of a workflow push and pop.';
comment on column stepbase.work_queues.signal_name is 'Signal that pushes an item, created with the queue; default <queue_name>_push.';
comment on column stepbase.work_queues.query_name is 'Query that returns the queue''s state, created with the queue; default <queue_name>_state.';
comment on column stepbase.work_queues.max_size is 'Limit of waiting items; null: no limit.';
comment on column stepbase.work_queues.deduplicate is 'True: an item that equals a waiting item is not added.';
comment on column stepbase.work_queues.work_item_schema is 'JSON Schema of items; null: every item is accepted.';

create index idx_work_queues_workflow_id_app_code on stepbase.work_queues (workflow_id, app_code);
create index idx_work_queues_app_code_queue_name on stepbase.work_queues (app_code, queue_name);
create index idx_work_queues_ordering on stepbase.work_queues (ordering);
create index idx_work_queues_created_by on stepbase.work_queues (created_by);

create trigger work_queues_touch_updated_at before update on stepbase.work_queues
  for each row execute function stepbase_private.touch_updated_at();
create trigger work_queues_keep_identity before update on stepbase.work_queues
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'workflow_id', 'queue_name', 'signal_name', 'query_name', 'created_at'
  );

create trigger work_queues_check_schemas
  before insert or update of work_item_schema on stepbase.work_queues
  for each row execute function stepbase_private.check_json_schemas('work_item_schema');

alter table stepbase.work_queues enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, queue_name, description, signal_name, query_name, max_size, ordering, deduplicate,
    work_item_schema),
  update (description, max_size, ordering, deduplicate, work_item_schema)
on stepbase.work_queues to authenticated;
grant select, insert, update, delete on stepbase.work_queues to service_role;

create policy "Members read their work queues" on stepbase.work_queues
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:read')));

create policy "Queue writers create work queues" on stepbase.work_queues
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')));

create policy "Queue writers change work queues" on stepbase.work_queues
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')));

create policy "Queue writers delete work queues" on stepbase.work_queues
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')));
