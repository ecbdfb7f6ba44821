-- The secrets that calls from outside are signed with. A signature can only be checked with the secret
-- itself, so it is kept and not hashed: in Vault where there is one, else in this table, which no
-- client reaches. It is shown once, to whoever makes it.

create function stepbase_private.create_webhook(p_workflow text, p_name text, p_input jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: secrets are written by nobody else.
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_workflow_id uuid;
  v_id uuid;
begin
  if jsonb_typeof(p_input) is distinct from 'object' then
    perform stepbase_private.raise_error('invalid_request', 'input is a JSON object');
  end if;
  select w.id into v_workflow_id from stepbase.workflows w
  where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('there is no workflow %s', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  insert into stepbase.workflow_triggers (app_code, workflow_id, name, trigger_type, input, created_by)
  values (v_app_code, v_workflow_id, p_name, 'webhook', p_input, auth.uid())
  returning id into v_id;
  return jsonb_build_object(
    'id', v_id, 'path', '/hooks/' || v_id, 'secret', stepbase_private.make_webhook_secret(v_id, v_app_code)
  );
end;
$$;

comment on function stepbase_private.create_webhook(text, text, jsonb) is 'Behind stepbase.create_webhook.';
grant execute on function stepbase_private.create_webhook(text, text, jsonb) to authenticated;

create function stepbase.create_webhook(workflow text, name text default '', input jsonb default '{}')
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_webhook(
    create_webhook.workflow, coalesce(create_webhook.name, ''), coalesce(create_webhook.input, '{}')
  );
$$;

comment on function stepbase.create_webhook(text, text, jsonb) is
  'Makes a webhook trigger of a workflow (kebab_name) and returns {id, path, secret}: the path below the HTTP API that '
  'calls go to, and the secret they are signed with, shown this once. Needs schedule:write. Errors: SB400, SB401, SB403, SB404.';
grant execute on function stepbase.create_webhook(text, text, jsonb) to authenticated;

create function stepbase_private.rotate_webhook_secret(p_trigger_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: as above.
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
begin
  if p_overlap_seconds not between 0 and 604800 then
    perform stepbase_private.raise_error('invalid_request', 'an overlap is at most a week');
  end if;
  perform 1 from stepbase.workflow_triggers t
  where t.id = p_trigger_id and t.app_code = v_app_code and t.trigger_type = 'webhook'
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'there is no such webhook');
  end if;
  delete from stepbase_private.webhook_secrets s
  where s.trigger_id = p_trigger_id
    and (p_overlap_seconds = 0 or s.expires_at <= stepbase_engine.now());
  update stepbase_private.webhook_secrets s
  set expires_at = least(s.expires_at, stepbase_engine.now() + p_overlap_seconds * interval '1 second')
  where s.trigger_id = p_trigger_id;
  return jsonb_build_object(
    'id', p_trigger_id, 'path', '/hooks/' || p_trigger_id,
    'secret', stepbase_private.make_webhook_secret(p_trigger_id, v_app_code)
  );
end;
$$;

comment on function stepbase_private.rotate_webhook_secret(uuid, int) is 'Behind stepbase.rotate_webhook_secret.';
grant execute on function stepbase_private.rotate_webhook_secret(uuid, int) to authenticated;

create function stepbase.rotate_webhook_secret(trigger_id uuid, overlap_seconds int default 0)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rotate_webhook_secret(
    rotate_webhook_secret.trigger_id, coalesce(rotate_webhook_secret.overlap_seconds, 0)
  );
$$;

comment on function stepbase.rotate_webhook_secret(uuid, int) is
  'Gives a webhook a new secret and returns {id, path, secret}, this once; secrets from before are accepted for '
  'overlap_seconds (0 to a week) more. Needs schedule:write. Errors: SB400, SB401, SB403, SB404.';
grant execute on function stepbase.rotate_webhook_secret(uuid, int) to authenticated;
