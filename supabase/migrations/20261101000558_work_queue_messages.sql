-- Each work queue has a signal that pushes an item and a query that returns its state; both are created with it.

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

comment on function stepbase_private.name_queue_messages() is 'Trigger: sets signal_name and query_name of a work queue to their defaults.';

create trigger work_queues_name_messages before insert on stepbase.work_queues
  for each row execute function stepbase_private.name_queue_messages();

-- Security definer: the role that creates a queue may lack the privilege to write signals and queries.
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
    new.app_code, new.workflow_id, new.query_name, 'Number of items that wait in ' || new.queue_name || '.',
    true, new.id, new.created_by
  );
  return null;
end;
$$;

comment on function stepbase_private.create_queue_messages() is 'Trigger: creates the signal and the query of a work queue.';

create trigger work_queues_create_messages after insert on stepbase.work_queues
  for each row execute function stepbase_private.create_queue_messages();

-- Security definer for the same reason.
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
  'Trigger: copies a changed work_item_schema to the parameters of the queue''s signal.';

create trigger work_queues_change_signal after update of work_item_schema on stepbase.work_queues
  for each row when (new.work_item_schema is distinct from old.work_item_schema)
  execute function stepbase_private.change_queue_signal();
