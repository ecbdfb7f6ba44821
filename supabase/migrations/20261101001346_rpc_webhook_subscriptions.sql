-- RPCs that create webhook subscriptions, replace their secrets and send events again. See rpc_runs for the pattern.

create function stepbase_private.require_webhook_subscription(p_subscription_id uuid)
returns stepbase.webhook_subscriptions
language plpgsql
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_subscription stepbase.webhook_subscriptions;
begin
  -- Deliveries contain outputs of runs.
  perform stepbase_private.require_permission('run:read');
  select s.* into v_subscription from stepbase.webhook_subscriptions s
  where s.id = p_subscription_id and s.app_code = v_app_code
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Webhook subscription not found');
  end if;
  return v_subscription;
end;
$$;

comment on function stepbase_private.require_webhook_subscription(uuid) is
  'Returns and locks a webhook subscription that the caller may change. Raises SB401, SB403 or SB404 otherwise.';

-- Security definer, as all of this file: clients cannot write secrets and deliveries.
create function stepbase_private.create_webhook_subscription(
  p_url text, p_event_types text[], p_workflow text, p_description text
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
  perform stepbase_private.require_permission('run:read');
  if p_workflow is not null then
    select w.id into v_workflow_id from stepbase.workflows w
    where w.app_code = v_app_code and w.kebab_name = p_workflow and w.deleted_at is null;
    if not found then
      perform stepbase_private.raise_error(
        'not_found', format('Workflow %s does not exist', p_workflow),
        jsonb_build_object('workflow', p_workflow)
      );
    end if;
  end if;
  begin
    insert into stepbase.webhook_subscriptions (app_code, workflow_id, url, event_types, description, created_by)
    values (v_app_code, v_workflow_id, p_url, p_event_types, p_description, auth.uid())
    returning id into v_id;
  exception when check_violation or not_null_violation then
    perform stepbase_private.raise_error(
      'invalid_request',
      'url must be an http or https URL without a password, of at most 2000 characters; event_types must be a list of '
      'run.completed, run.failed, run.cancelled, run.timed_out, run.paused, run.resumed and task.created; description has '
      'at most 500 characters'
    );
  end;
  return jsonb_build_object('id', v_id, 'secret', stepbase_private.store_signing_secret(v_app_code, 'subscription', v_id));
end;
$$;

comment on function stepbase_private.create_webhook_subscription(text, text[], text, text) is
  'Implements stepbase.create_webhook_subscription.';
grant execute on function stepbase_private.create_webhook_subscription(text, text[], text, text) to authenticated;

create function stepbase.create_webhook_subscription(
  url text,
  event_types text[],
  workflow text default null,
  description text default ''
)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.create_webhook_subscription(
    create_webhook_subscription.url, create_webhook_subscription.event_types, create_webhook_subscription.workflow,
    coalesce(create_webhook_subscription.description, '')
  );
$$;

comment on function stepbase.create_webhook_subscription(text, text[], text, text) is
  'Sends run events (run.completed, run.failed, run.cancelled, run.timed_out, run.paused, run.resumed, task.created) of a '
  'workflow (kebab_name), or of all, to a URL, signed as Standard Webhooks. Returns {id, secret}: the secret is returned '
  'only here. Requires schedule:write and run:read. Errors: SB400 invalid url or event_types, SB401, SB403, SB404 unknown '
  'workflow, SB429 the application has 50 subscriptions.';
grant execute on function stepbase.create_webhook_subscription(text, text[], text, text) to authenticated;

create function stepbase_private.rotate_webhook_subscription_secret(p_subscription_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_subscription constant stepbase.webhook_subscriptions :=
    stepbase_private.require_webhook_subscription(p_subscription_id);
begin
  perform stepbase_private.require_overlap(p_overlap_seconds);
  return jsonb_build_object(
    'id', v_subscription.id,
    'secret', stepbase_private.rotate_signing_secret(
      v_subscription.app_code, 'subscription', v_subscription.id, p_overlap_seconds
    )
  );
end;
$$;

comment on function stepbase_private.rotate_webhook_subscription_secret(uuid, int) is
  'Implements stepbase.rotate_webhook_subscription_secret.';
grant execute on function stepbase_private.rotate_webhook_subscription_secret(uuid, int) to authenticated;

create function stepbase.rotate_webhook_subscription_secret(subscription_id uuid, overlap_seconds int default 0)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rotate_webhook_subscription_secret(
    rotate_webhook_subscription_secret.subscription_id,
    coalesce(rotate_webhook_subscription_secret.overlap_seconds, 0)
  );
$$;

comment on function stepbase.rotate_webhook_subscription_secret(uuid, int) is
  'Creates a new secret of a webhook subscription and returns {id, secret}; the secret is returned only here. For '
  'overlap_seconds (0 to 604800) deliveries are signed with the replaced secret as well. Requires schedule:write and '
  'run:read. Errors: SB400 overlap_seconds out of range, SB401, SB403, SB404, SB409 an earlier overlap has not ended.';
grant execute on function stepbase.rotate_webhook_subscription_secret(uuid, int) to authenticated;

create function stepbase_private.send_test_event(p_subscription_id uuid)
returns stepbase.webhook_deliveries
language plpgsql
security definer
set search_path = ''
as $$
declare
  c_per_minute constant int := 10;
  v_subscription constant stepbase.webhook_subscriptions :=
    stepbase_private.require_webhook_subscription(p_subscription_id);
  v_delivery stepbase.webhook_deliveries;
begin
  if c_per_minute <= (
    select count(*) from stepbase.webhook_deliveries d
    where d.subscription_id = v_subscription.id and d.app_code = v_subscription.app_code
      and d.created_at > stepbase_engine.now() - interval '1 minute' and d.event_type = 'webhook.test'
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('At most %s test events a minute can be sent to a webhook subscription', c_per_minute)
    );
  end if;
  insert into stepbase.webhook_deliveries (app_code, subscription_id, event_type, max_attempts, payload)
  values (
    v_subscription.app_code, v_subscription.id, 'webhook.test', 1,
    stepbase_engine.webhook_event('webhook.test', jsonb_build_object('subscription_id', v_subscription.id))
  )
  returning * into v_delivery;
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.request_worker();
  return v_delivery;
end;
$$;

comment on function stepbase_private.send_test_event(uuid) is 'Implements stepbase.send_test_event.';
grant execute on function stepbase_private.send_test_event(uuid) to authenticated;

create function stepbase.send_test_event(subscription_id uuid)
returns stepbase.webhook_deliveries
language sql
set search_path = ''
as $$
  select stepbase_private.send_test_event(send_test_event.subscription_id);
$$;

comment on function stepbase.send_test_event(uuid) is
  'Sends an event of the type webhook.test to a webhook subscription, once, also to a disabled one, and returns the '
  'delivery; read it again for the result. Requires schedule:write and run:read. Errors: SB401, SB403, SB404, SB429 more '
  'than 10 in a minute.';
grant execute on function stepbase.send_test_event(uuid) to authenticated;

create function stepbase_private.retry_delivery(p_delivery_id uuid)
returns stepbase.webhook_deliveries
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('schedule:write');
  v_delivery stepbase.webhook_deliveries;
begin
  perform stepbase_private.require_permission('run:read');
  update stepbase.webhook_deliveries d
  set
    status = 'pending', completed_at = null, next_attempt_at = stepbase_engine.now(), max_attempts = d.attempts + 1
  where d.id = p_delivery_id and d.app_code = v_app_code and d.status <> 'pending'
  returning d.* into v_delivery;
  if not found then
    select d.* into v_delivery from stepbase.webhook_deliveries d
    where d.id = p_delivery_id and d.app_code = v_app_code;
    if not found then
      perform stepbase_private.raise_error('not_found', 'Webhook delivery not found');
    end if;
    perform stepbase_private.raise_error(
      'conflict', 'The delivery is pending: it is attempted at next_attempt_at',
      jsonb_build_object('next_attempt_at', v_delivery.next_attempt_at)
    );
  end if;
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.request_worker();
  return v_delivery;
end;
$$;

comment on function stepbase_private.retry_delivery(uuid) is 'Implements stepbase.retry_delivery.';
grant execute on function stepbase_private.retry_delivery(uuid) to authenticated;

create function stepbase.retry_delivery(delivery_id uuid)
returns stepbase.webhook_deliveries
language sql
set search_path = ''
as $$
  select stepbase_private.retry_delivery(retry_delivery.delivery_id);
$$;

comment on function stepbase.retry_delivery(uuid) is
  'Sends an ended webhook delivery once more, with the same webhook-id, and returns it. Requires schedule:write and '
  'run:read. Errors: SB401, SB403, SB404, SB409 the delivery is pending.';
grant execute on function stepbase.retry_delivery(uuid) to authenticated;
