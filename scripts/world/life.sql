-- Adds what a first look should find and a workflow alone does not show: an agent with a conversation, a failed run,
-- a task that waits, an enabled schedule, and a webhook subscription whose deliveries arrive. Everything happens as
-- the seeded developer, by the RPCs that clients call; the engine executes the runs. Runs once, after the seed.

select set_config(
  'request.jwt.claims',
  '{"sub": "00000000-0000-4000-8000-0000000000a2", "role": "authenticated", "app_code": "acme"}',
  true
);
set local role authenticated;

do $$
declare
  v_draft stepbase.workflow_versions;
  c_shop constant text := 'https://shop.acme.example';
begin
  -- A member may have deleted or renamed the workflows of the seed, or another stack has added all of this.
  if (
    select count(*) <> 5 or bool_or(w.status <> 'published') from stepbase.workflows w
    where w.kebab_name in (
      'order-confirmation', 'order-triage', 'refund-approval', 'daily-sales-digest', 'customer-onboarding'
    )
  ) or exists (select from stepbase.workflows w where w.kebab_name = 'order-assistant') then
    return;
  end if;

  perform stepbase.create_webhook_subscription(
    url => 'https://billing.acme.example/hooks/runs',
    event_types => array['run.completed', 'run.failed'],
    description => 'Billing follows the runs of the shop.'
  );

  update stepbase.workflow_schedules s
  set is_enabled = true
  where s.id = '00000000-0000-4000-8000-000000000601';

  v_draft := stepbase.save_workflow(
    kebab_name => 'order-assistant',
    name => 'Order assistant',
    description => 'An agent reads the note of an order, looks the customer up, and mails its advice to the team.',
    input_schema => jsonb_build_object(
      'type', 'object', 'title', 'Order to look at', 'required', array['shop_url', 'order_id', 'email'],
      'properties', jsonb_build_object(
        'shop_url', jsonb_build_object(
          'type', 'string', 'format', 'uri', 'title', 'Address of the shop''s API', 'default', c_shop,
          'examples', array[c_shop]
        ),
        'order_id', jsonb_build_object(
          'type', 'string', 'minLength', 1, 'title', 'Order',
          'description', 'The number of an order. The sample shop has 1001 to 1999.', 'examples', array['1005']
        ),
        'email', jsonb_build_object(
          'type', 'string', 'format', 'email', 'title', 'Advise', 'description', 'Who gets the advice.',
          'examples', array['team@acme.example']
        )
      ),
      'examples', jsonb_build_array(
        jsonb_build_object('shop_url', c_shop, 'order_id', '1005', 'email', 'team@acme.example')
      )
    ),
    definition => '{
      "nodes": [
        {"id": "fetch_order", "type": "http_request", "position": {"x": 0, "y": 80}, "data": {
          "label": "Fetch order",
          "config": {"method": "GET", "url": "{{ input.shop_url }}/orders/{{ input.order_id }}"}}},
        {"id": "advise", "type": "ai_agent_task", "position": {"x": 300, "y": 80}, "data": {
          "label": "Advise", "retry": {"max_attempts": 3},
          "config": {
            "component": "triage-agent", "stream": true, "max_turns": 4, "max_cost": 0.5,
            "price": {"input": 0.25, "output": 2},
            "input": {"order": "{{ steps.fetch_order.output.body }}"},
            "tools": [{"component": "crm-lookup", "description": "Finds a customer by e-mail address."}]}}},
        {"id": "mail_advice", "type": "send_email", "position": {"x": 600, "y": 80}, "data": {
          "label": "Mail advice",
          "config": {
            "to": "{{ input.email }}", "subject": "Advice for order {{ input.order_id }}",
            "text": "{{ steps.advise.output.reason }}"}}}
      ],
      "edges": [
        {"id": "e1", "source": "fetch_order", "target": "advise"},
        {"id": "e2", "source": "advise", "target": "mail_advice"}
      ]
    }'
  );
  perform stepbase.publish_workflow(v_draft.id);

  perform stepbase.start_run(
    'order-assistant', jsonb_build_object('shop_url', c_shop, 'order_id', '1005', 'email', 'team@acme.example')
  );
  -- The shop does not have this order: the run fails, and a member can rerun it with another number.
  perform stepbase.start_run(
    'order-confirmation',
    jsonb_build_object('shop_url', c_shop, 'order_id', '999', 'email', 'alan@customer.example')
  );
  perform stepbase.start_run(
    'order-triage', jsonb_build_object('shop_url', c_shop, 'order_id', '1001', 'email', 'team@acme.example')
  );
  perform stepbase.start_run(
    'customer-onboarding',
    jsonb_build_object('email', 'grace@customer.example', 'follow_up_after_seconds', 5)
  );
end;
$$;
