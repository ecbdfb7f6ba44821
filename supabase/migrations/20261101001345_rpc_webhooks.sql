-- RPCs that create webhooks and rotate their secrets. See rpc_runs for the pattern.

-- Security definer, as rotate_webhook_secret: clients cannot write secrets.
create function stepbase_private.create_webhook(p_workflow text, p_name text, p_input jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_workflow_id uuid;
  v_id uuid;
begin
  if jsonb_typeof(p_input) is distinct from 'object' then
    perform stepbase_private.raise_error('invalid_request', 'input must be a JSON object');
  end if;
  select w.id into v_workflow_id from stepbase.workflows w
  where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist', p_workflow),
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

comment on function stepbase_private.create_webhook(text, text, jsonb) is 'Implements stepbase.create_webhook.';
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
  'Creates a webhook trigger of a workflow (kebab_name) and returns {id, path, secret}: the path to call, relative to the '
  'HTTP API, and the secret that signs calls, which is returned only here. Requires schedule:write. Errors: SB400 input is '
  'no object, SB401, SB403, SB404 unknown workflow.';
grant execute on function stepbase.create_webhook(text, text, jsonb) to authenticated;

create function stepbase_private.rotate_webhook_secret(p_trigger_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
begin
  if p_overlap_seconds not between 0 and 604800 then
    perform stepbase_private.raise_error('invalid_request', 'overlap_seconds must be between 0 and 604800');
  end if;
  perform 1 from stepbase.workflow_triggers t
  where t.id = p_trigger_id and t.app_code = v_app_code and t.trigger_type = 'webhook'
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Webhook not found');
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

comment on function stepbase_private.rotate_webhook_secret(uuid, int) is 'Implements stepbase.rotate_webhook_secret.';
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
  'Creates a new secret of a webhook and returns {id, path, secret}; the secret is returned only here. Earlier secrets '
  'stay valid for overlap_seconds (0 to 604800). Requires schedule:write. Errors: SB400 overlap_seconds out of range, SB401, '
  'SB403, SB404 unknown webhook.';
grant execute on function stepbase.rotate_webhook_secret(uuid, int) to authenticated;
