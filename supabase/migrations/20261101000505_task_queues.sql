-- Task queues: limits on how many runs and steps of an application execute at the same time.

create table stepbase.task_queues (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  name text not null constraint name_is_kebab_case check (name ~ '^[a-z0-9]+([-_.][a-z0-9]+)*$'),
  display_name text not null default '',
  description text not null default '',
  max_concurrent_workflows int default 100
    constraint max_concurrent_workflows_is_positive check (max_concurrent_workflows > 0),
  max_concurrent_activities int default 1000
    constraint max_concurrent_activities_is_positive check (max_concurrent_activities > 0),
  execution_engine text not null default 'postgres' references stepbase.execution_engines (name),
  is_system_queue boolean not null default false,
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint task_queue_is_of_app unique (id, app_code),
  constraint task_queue_name_is_unique_in_app unique (app_code, name)
);

comment on table stepbase.task_queues is 'A named queue of an application''s work with concurrency limits.';
comment on column stepbase.task_queues.max_concurrent_workflows is 'Limit of runs in progress at the same time; null: no limit.';
comment on column stepbase.task_queues.max_concurrent_activities is
  'Limit of steps (of step types with is_activity) that execute at the same time; null: no limit.';
comment on column stepbase.task_queues.execution_engine is
  'What executes the runs of its workflows, unless a workflow names an engine itself. A change applies to runs that start later.';
comment on column stepbase.task_queues.is_system_queue is 'True for the queue `default`, which is created with the application and cannot be deleted.';

create index idx_task_queues_created_by on stepbase.task_queues (created_by);

create trigger task_queues_touch_updated_at before update on stepbase.task_queues
  for each row execute function stepbase_private.touch_updated_at();
create trigger task_queues_keep_identity before update on stepbase.task_queues
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'name', 'is_system_queue', 'created_at'
  );

-- Security definer: the role that creates an application may lack the privilege to write queues.
create function stepbase_private.create_default_task_queue()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase.task_queues (
    app_code, name, display_name, description, max_concurrent_workflows, max_concurrent_activities, is_system_queue
  )
  values (new.app_code, 'default', 'Default', 'Used by workflows without a task queue.', null, null, true);
  return null;
end;
$$;

comment on function stepbase_private.create_default_task_queue() is
  'Trigger: creates the system queue `default` of a new application, without limits.';

create trigger applications_create_default_task_queue after insert on stepbase.applications
  for each row execute function stepbase_private.create_default_task_queue();

alter table stepbase.task_queues enable row level security;

grant select, delete,
  insert (id, app_code, name, display_name, description, max_concurrent_workflows, max_concurrent_activities,
    execution_engine),
  update (display_name, description, max_concurrent_workflows, max_concurrent_activities, execution_engine)
on stepbase.task_queues to authenticated;
grant select, insert, update, delete on stepbase.task_queues to service_role;

create policy "Members read their task queues" on stepbase.task_queues
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:read')));

create policy "Queue writers create task queues" on stepbase.task_queues
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')));

create policy "Queue writers change task queues" on stepbase.task_queues
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:write')));

create policy "Queue writers delete task queues that are not the system's" on stepbase.task_queues
  for delete to authenticated
  using (
    app_code = (select stepbase_private.app_code())
    and not is_system_queue
    and (select stepbase_private.has_permission('queue:write'))
  );
