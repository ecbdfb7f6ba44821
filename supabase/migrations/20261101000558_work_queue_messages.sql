-- How a workflow talks to the world while it runs: work queues, signals and queries; when it starts by
-- itself (schedules), and which other workflows it may start (children).

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
