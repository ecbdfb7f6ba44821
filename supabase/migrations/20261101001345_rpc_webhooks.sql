-- RPCs that create webhooks and rotate their secrets. See rpc_runs for the pattern.

-- Security definer, as rotate_webhook_secret: clients cannot write secrets.
create function stepbase_private.create_webhook(
  p_workflow text,
  p_name text,
  p_input jsonb,
  p_signature_scheme text,
  p_secret text
)
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
  perform stepbase_private.check_webhook_secret(p_signature_scheme, p_secret);
  select w.id into v_workflow_id from stepbase.workflows w
  where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s does not exist', p_workflow),
      jsonb_build_object('workflow', p_workflow)
    );
  end if;
  insert into stepbase.workflow_triggers (
    app_code, workflow_id, name, trigger_type, signature_scheme, input, created_by
  )
  values (v_app_code, v_workflow_id, p_name, 'webhook', p_signature_scheme, p_input, auth.uid())
  returning id into v_id;
  return jsonb_build_object(
    'id', v_id, 'path', '/hooks/' || v_id, 'signature_scheme', p_signature_scheme,
    'secret', stepbase_private.store_signing_secret(v_app_code, 'webhook', v_id, p_secret)
  );
end;
$$;

comment on function stepbase_private.create_webhook(text, text, jsonb, text, text) is 'Implements stepbase.create_webhook.';
grant execute on function stepbase_private.create_webhook(text, text, jsonb, text, text) to authenticated;

create function stepbase.create_webhook(
  workflow text,
  name text default '',
  input jsonb default '{}',
  signature_scheme text default 'standard_webhooks',
  secret text default null
)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_webhook(
    create_webhook.workflow, coalesce(create_webhook.name, ''), coalesce(create_webhook.input, '{}'),
    coalesce(create_webhook.signature_scheme, 'standard_webhooks'), create_webhook.secret
  );
$$;

comment on function stepbase.create_webhook(text, text, jsonb, text, text) is
  'Creates a webhook trigger of a workflow (kebab_name) and returns {id, path, signature_scheme, secret}. path is relative '
  'to the HTTP API. The sender signs its calls by signature_scheme (stepbase.webhook_signature_schemes) with the secret: '
  'the given one, which is never returned, or a new one, which is returned only here. Stripe and Slack issue the secret, so '
  'it must be given. Requires schedule:write. Errors: SB400 input is no object, unknown scheme, missing or malformed '
  'secret, SB401, SB403, SB404 unknown workflow.';
grant execute on function stepbase.create_webhook(text, text, jsonb, text, text) to authenticated;

create function stepbase_private.rotate_webhook_secret(p_trigger_id uuid, p_overlap_seconds int, p_secret text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_scheme text;
begin
  perform stepbase_private.require_overlap(p_overlap_seconds);
  select t.signature_scheme into v_scheme from stepbase.workflow_triggers t
  where t.id = p_trigger_id and t.app_code = v_app_code and t.trigger_type = 'webhook'
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Webhook not found');
  end if;
  perform stepbase_private.check_webhook_secret(v_scheme, p_secret);
  return jsonb_build_object(
    'id', p_trigger_id, 'path', '/hooks/' || p_trigger_id, 'signature_scheme', v_scheme,
    'secret', stepbase_private.rotate_signing_secret(
      v_app_code, 'webhook', p_trigger_id, p_overlap_seconds, p_secret
    )
  );
end;
$$;

comment on function stepbase_private.rotate_webhook_secret(uuid, int, text) is 'Implements stepbase.rotate_webhook_secret.';
grant execute on function stepbase_private.rotate_webhook_secret(uuid, int, text) to authenticated;

create function stepbase.rotate_webhook_secret(
  trigger_id uuid,
  overlap_seconds int default 0,
  secret text default null
)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rotate_webhook_secret(
    rotate_webhook_secret.trigger_id, coalesce(rotate_webhook_secret.overlap_seconds, 0),
    rotate_webhook_secret.secret
  );
$$;

comment on function stepbase.rotate_webhook_secret(uuid, int, text) is
  'Replaces the secret of a webhook and returns {id, path, signature_scheme, secret}. The new secret is the given one, '
  'which is never returned, or a new one, which is returned only here. The replaced secret stays valid for overlap_seconds (0 to '
  '604800). Requires schedule:write. Errors: SB400 overlap_seconds out of range, missing or malformed secret, SB401, SB403, '
  'SB404 unknown webhook, SB409 an earlier overlap has not ended.';
grant execute on function stepbase.rotate_webhook_secret(uuid, int, text) to authenticated;

create function stepbase_private.replay_webhook_call(p_call_id uuid)
returns stepbase.webhook_calls
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_call stepbase.webhook_calls;
  v_replay stepbase.webhook_calls;
begin
  perform stepbase_private.require_permission('run:read');
  select c.* into v_call from stepbase.webhook_calls c where c.id = p_call_id and c.app_code = v_app_code;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Webhook call not found');
  elsif v_call.input is null then
    perform stepbase_private.raise_error(
      'conflict', 'The call cannot be replayed: it had no valid signature, or its content was too large to keep'
    );
  end if;
  -- A new id of the call, or the engine would return the first run.
  perform stepbase_engine.start_webhook(
    v_call.trigger_id, 'replay-' || gen_random_uuid(), v_call.input, null, v_call.id, stepbase_private.user_id()
  );
  perform stepbase_engine.request_worker();
  select c.* into strict v_replay from stepbase.webhook_calls c
  where c.trigger_id = v_call.trigger_id and c.app_code = v_app_code and c.replay_of = v_call.id
  order by c.created_at desc, c.id desc
  limit 1;
  return v_replay;
end;
$$;

comment on function stepbase_private.replay_webhook_call(uuid) is 'Implements stepbase.replay_webhook_call.';
grant execute on function stepbase_private.replay_webhook_call(uuid) to authenticated;

create function stepbase.replay_webhook_call(call_id uuid)
returns stepbase.webhook_calls
language sql
set search_path = ''
as $$
  select stepbase_private.replay_webhook_call(replay_webhook_call.call_id);
$$;

comment on function stepbase.replay_webhook_call(uuid) is
  'Starts a further run with the content of a webhook call, on the published version, and returns the new row of '
  'webhook_calls: verdict started with run_id, or refused with error. Requires schedule:write and run:read. Errors: SB401, '
  'SB403, SB404, SB409 the content was not kept.';
grant execute on function stepbase.replay_webhook_call(uuid) to authenticated;
