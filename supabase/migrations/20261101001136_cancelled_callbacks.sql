-- A component that has answered 202 with notify_cancel gets a signed message when its step is cancelled. It is
-- delivered like an event to a webhook subscription.

create function stepbase_engine.announce_cancelled_callback()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.webhook_deliveries (app_code, component_id, event_type, run_id, payload, max_attempts)
  select
    new.app_code, c.id, 'step.cancelled', new.run_id,
    jsonb_build_object(
      'type', 'step.cancelled', 'timestamp', stepbase_engine.now(),
      'data', jsonb_build_object(
        'run_id', new.run_id, 'step_id', new.step_id, 'step_run_id', new.id, 'attempt', new.attempt,
        'idempotency_key', format('%s:%s:%s', new.run_id, new.step_id, new.item_index)
      )
    ),
    4
  from stepbase.components c
  where c.id = (
    select b.component_id from stepbase_private.step_callbacks b where b.step_run_id = new.id limit 1
  )
    and c.notify_cancel and c.endpoint is not null;
  if found then
    perform pg_notify('stepbase', 'due');
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.announce_cancelled_callback() is
  'Trigger: a component with notify_cancel gets a message step.cancelled when a step is cancelled that waits for its callback.';

create trigger step_runs_announce_cancelled_callback after update of status on stepbase.step_runs
  for each row when (old.wait_kind = 'callback' and old.status = 'waiting' and new.status = 'cancelled')
  execute function stepbase_engine.announce_cancelled_callback();
