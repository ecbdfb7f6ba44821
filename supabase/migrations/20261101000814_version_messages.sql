-- Messages about drafts and versions: editors of the same draft see each other's saves.

create function stepbase_private.send_version_message()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: clients cannot send on the channel.
begin
  if to_regclass('realtime.messages') is not null then
    insert into realtime.messages (id, topic, extension, event, private, payload)
    values (
      stepbase_engine.new_id(), 'stepbase:app:' || new.app_code || ':workflows', 'broadcast', 'version', true,
      jsonb_build_object(
        'workflow_id', new.workflow_id, 'version_id', new.id, 'version', new.version, 'status', new.status,
        'actor_id', stepbase_private.user_id(), 'at', new.updated_at
      )
    );
  end if;
  return null;
exception
  -- There is no partition for today. Realtime creates it when the first client joins: no client listens yet.
  when check_violation then
    return null;
  -- The message is lost and the save succeeds: clients read the draft now and then.
  when others then
    raise warning 'stepbase: a broadcast failed: %', sqlerrm;
    return null;
end;
$$;

comment on function stepbase_private.send_version_message() is
  'Trigger: sends {workflow_id, version_id, version, status, actor_id, at} to stepbase:app:<app_code>:workflows, event '
  'version. A failure loses the message and raises a warning.';

create trigger workflow_versions_send_message
after insert or update of definition, input_schema, status on stepbase.workflow_versions
for each row execute function stepbase_private.send_version_message();
