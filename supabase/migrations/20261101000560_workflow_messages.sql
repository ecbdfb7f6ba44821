-- How a workflow talks to the world while it runs: work queues, signals and queries; when it starts by
-- itself (schedules), and which other workflows it may start (children).

create table stepbase.work_queues (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code() references stepbase.applications (app_code) on delete cascade,
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

comment on table stepbase.work_queues is 'A queue of items that runs of a workflow push and pop.';
comment on column stepbase.work_queues.signal_name is 'Signal that pushes an item; made with the queue: <queue_name>_push.';
comment on column stepbase.work_queues.query_name is 'Query that shows the queue; made with the queue: <queue_name>_state.';
comment on column stepbase.work_queues.max_size is 'Items that may wait; null: any number.';
comment on column stepbase.work_queues.deduplicate is 'An item equal to a waiting one is not added again.';
comment on column stepbase.work_queues.work_item_schema is 'JSON Schema an item must satisfy; null: any.';

create index idx_work_queues_workflow_id_app_code on stepbase.work_queues (workflow_id, app_code);
create index idx_work_queues_app_code_queue_name on stepbase.work_queues (app_code, queue_name);
create index idx_work_queues_ordering on stepbase.work_queues (ordering);
create index idx_work_queues_created_by on stepbase.work_queues (created_by);

create table stepbase.workflow_signals (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code() references stepbase.applications (app_code) on delete cascade,
  workflow_id uuid not null,
  signal_name text not null constraint signal_name_is_simple check (signal_name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,99}$'),
  description text not null default '',
  parameters jsonb constraint parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  auto_generated boolean not null default false,
  work_queue_id uuid,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_signal_is_of_app unique (id, app_code),
  constraint signal_name_is_unique_in_workflow unique (workflow_id, signal_name),
  constraint signal_workflow_is_of_same_app
    foreign key (workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint signal_work_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references stepbase.work_queues (id, app_code) on delete cascade
);

comment on table stepbase.workflow_signals is 'Signals that runs of a workflow understand.';
comment on column stepbase.workflow_signals.parameters is 'JSON Schema of the payload; null: any.';
comment on column stepbase.workflow_signals.auto_generated is 'Made with a work queue, and gone with it.';

create index idx_workflow_signals_workflow_id_app_code on stepbase.workflow_signals (workflow_id, app_code);
create index idx_workflow_signals_work_queue_id_app_code on stepbase.workflow_signals (work_queue_id, app_code);
create index idx_workflow_signals_app_code_auto_generated on stepbase.workflow_signals (app_code, auto_generated);
create index idx_workflow_signals_created_by on stepbase.workflow_signals (created_by);

create table stepbase.workflow_queries (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code() references stepbase.applications (app_code) on delete cascade,
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

comment on table stepbase.workflow_queries is 'Questions that a run of a workflow answers without being changed.';
comment on column stepbase.workflow_queries.expression is
  'JSONata over {input, output, context, run, steps} that answers it, in SQL when it is a path such as '
  'steps.fetch.output.total; null: the whole context, or the queue''s state.';
comment on column stepbase.workflow_queries.return_type is 'JSON Schema of the answer.';
comment on column stepbase.workflow_queries.auto_generated is 'Made with a work queue, and gone with it.';

create index idx_workflow_queries_workflow_id_app_code on stepbase.workflow_queries (workflow_id, app_code);
create index idx_workflow_queries_work_queue_id_app_code on stepbase.workflow_queries (work_queue_id, app_code);
create index idx_workflow_queries_app_code_auto_generated on stepbase.workflow_queries (app_code, auto_generated);
create index idx_workflow_queries_created_by on stepbase.workflow_queries (created_by);

create function stepbase_private.name_queue_messages()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.signal_name := coalesce(new.signal_name, new.queue_name || '_push');
  new.query_name := coalesce(new.query_name, new.queue_name || '_state');
  return new;
end;
$$;

comment on function stepbase_private.name_queue_messages() is 'Trigger: names a work queue''s signal and query after the queue.';

create trigger work_queues_name_messages before insert on stepbase.work_queues
  for each row execute function stepbase_private.name_queue_messages();

-- Definer: who may make a queue need not be able to write signals and queries.
create function stepbase_private.create_queue_messages()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase.workflow_signals
    (app_code, workflow_id, signal_name, description, parameters, auto_generated, work_queue_id, created_by)
  values (
    new.app_code, new.workflow_id, new.signal_name, 'Pushes an item to ' || new.queue_name || '.',
    new.work_item_schema, true, new.id, new.created_by
  );
  insert into stepbase.workflow_queries
    (app_code, workflow_id, query_name, description, auto_generated, work_queue_id, created_by)
  values (
    new.app_code, new.workflow_id, new.query_name, 'How many items wait in ' || new.queue_name || '.',
    true, new.id, new.created_by
  );
  return null;
end;
$$;

comment on function stepbase_private.create_queue_messages() is 'Trigger: makes a work queue''s signal and query.';

create trigger work_queues_create_messages after insert on stepbase.work_queues
  for each row execute function stepbase_private.create_queue_messages();

-- Definer: as above.
create function stepbase_private.change_queue_signal()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update stepbase.workflow_signals s
  set parameters = new.work_item_schema
  where s.work_queue_id = new.id and s.app_code = new.app_code and s.auto_generated;
  return null;
end;
$$;

comment on function stepbase_private.change_queue_signal() is
  'Trigger: what a work queue takes its signal takes, too, when that changes.';

create trigger work_queues_change_signal after update of work_item_schema on stepbase.work_queues
  for each row when (new.work_item_schema is distinct from old.work_item_schema)
  execute function stepbase_private.change_queue_signal();

create trigger work_queues_touch_updated_at before update on stepbase.work_queues
  for each row execute function stepbase_private.touch_updated_at();
create trigger work_queues_keep_identity before update on stepbase.work_queues
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'workflow_id', 'queue_name', 'signal_name', 'query_name', 'created_at'
  );
create trigger workflow_signals_touch_updated_at before update on stepbase.workflow_signals
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_signals_keep_identity before update on stepbase.workflow_signals
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'auto_generated', 'created_at');
create trigger workflow_queries_touch_updated_at before update on stepbase.workflow_queries
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_queries_keep_identity before update on stepbase.workflow_queries
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'workflow_id', 'auto_generated', 'created_at');

alter table stepbase.work_queues enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, queue_name, description, signal_name, query_name, max_size, ordering, deduplicate,
    work_item_schema, created_by),
  update (description, max_size, ordering, deduplicate, work_item_schema)
on stepbase.work_queues to authenticated;
grant select, insert, update, delete on stepbase.work_queues to service_role;

create policy "Whoever reads a workflow reads its work queues" on stepbase.work_queues
  for select to authenticated
  using (
    (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:read')))
    or exists (select 1 from stepbase.workflows w where w.id = work_queues.workflow_id)
  );

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

alter table stepbase.workflow_signals enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, signal_name, description, parameters, created_by),
  update (signal_name, description, parameters)
on stepbase.workflow_signals to authenticated;
grant select, insert, update, delete on stepbase.workflow_signals to service_role;

create policy "Whoever reads a workflow reads its signals" on stepbase.workflow_signals
  for select to authenticated
  using (
    (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')))
    or exists (select 1 from stepbase.workflows w where w.id = workflow_signals.workflow_id)
  );

create policy "Workflow writers create signals" on stepbase.workflow_signals
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change signals" on stepbase.workflow_signals
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers delete signals" on stepbase.workflow_signals
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

alter table stepbase.workflow_queries enable row level security;

grant select, delete,
  insert (id, app_code, workflow_id, query_name, description, expression, return_type, created_by),
  update (query_name, description, expression, return_type)
on stepbase.workflow_queries to authenticated;
grant select, insert, update, delete on stepbase.workflow_queries to service_role;

create policy "Whoever reads a workflow reads its queries" on stepbase.workflow_queries
  for select to authenticated
  using (
    (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')))
    or exists (select 1 from stepbase.workflows w where w.id = workflow_queries.workflow_id)
  );

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
