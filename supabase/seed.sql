-- Sample data: two organizations, three applications, users with each role, components, prompts, five published
-- workflows, and ten runs with different statuses. Can be applied repeatedly: existing rows are kept. The password of
-- every user is stepbase-demo.

-- 1. Users, as Supabase Auth writes them (bcrypt, one e-mail identity each). A trigger creates their profiles.
insert into auth.users (
  id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
  confirmation_token, recovery_token, email_change, email_change_token_new, created_at, updated_at
)
select
  u.id, 'authenticated', 'authenticated', u.email,
  '$2b$10$kFbwzEOTyblSefoAaaYdz.3f269ssrfP9e5RGl8QgeGbrNZfZ3.CW', now(),
  '{"provider": "email", "providers": ["email"]}',
  jsonb_build_object('display_name', u.display_name, 'email', u.email, 'email_verified', true, 'sub', u.id),
  '', '', '', '', now(), now()
from (
  values
    ('00000000-0000-4000-8000-0000000000a1'::uuid, 'admin@acme.example', 'Ada Acme'),
    ('00000000-0000-4000-8000-0000000000a2'::uuid, 'developer@acme.example', 'Dev Acme'),
    ('00000000-0000-4000-8000-0000000000a3'::uuid, 'viewer@acme.example', 'Vera Acme'),
    ('00000000-0000-4000-8000-0000000000b1'::uuid, 'admin@globex.example', 'Gus Globex'),
    ('00000000-0000-4000-8000-0000000000b2'::uuid, 'developer@globex.example', 'Gina Globex')
) as u (id, email, display_name)
on conflict (id) do nothing;

-- Hosted Auth finds users by instance_id; the embedded Auth has no such column.
do $$
begin
  if exists (
    select 1
    from information_schema.columns c
    where c.table_schema = 'auth' and c.table_name = 'users' and c.column_name = 'instance_id'
  ) then
    update auth.users
    set instance_id = '00000000-0000-0000-0000-000000000000'
    where instance_id is null and email like '%.example';
  end if;
end;
$$;

insert into auth.identities (
  id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at
)
select
  u.id, 'email', u.id::text, u.id,
  jsonb_build_object('sub', u.id, 'email', u.email, 'email_verified', true, 'phone_verified', false),
  now(), now(), now()
from auth.users u
where u.email like '%@acme.example' or u.email like '%@globex.example'
on conflict (provider, provider_id) do nothing;

-- 2. Tenancy.
insert into stepbase.organizations (id, slug, name)
values
  ('00000000-0000-4000-8000-000000000001', 'acme', 'Acme Inc.'),
  ('00000000-0000-4000-8000-000000000002', 'globex', 'Globex Corporation')
on conflict (id) do nothing;

insert into stepbase.applications (app_code, organization_id, name, description)
values
  ('acme', '00000000-0000-4000-8000-000000000001', 'Acme', 'The shop.'),
  ('acme-labs', '00000000-0000-4000-8000-000000000001', 'Acme Labs', 'Experiments of the same organization.'),
  ('globex', '00000000-0000-4000-8000-000000000002', 'Globex', 'Another customer.')
on conflict (app_code) do nothing;

insert into stepbase.app_members (app_code, user_id, role, created_at)
values
  ('acme', '00000000-0000-4000-8000-0000000000a1', 'admin', '2026-10-01T08:00:00Z'),
  ('acme', '00000000-0000-4000-8000-0000000000a2', 'developer', '2026-10-01T08:01:00Z'),
  ('acme', '00000000-0000-4000-8000-0000000000a3', 'viewer', '2026-10-01T08:02:00Z'),
  ('acme-labs', '00000000-0000-4000-8000-0000000000a1', 'admin', '2026-10-02T08:00:00Z'),
  ('acme-labs', '00000000-0000-4000-8000-0000000000a2', 'developer', '2026-10-02T08:01:00Z'),
  ('globex', '00000000-0000-4000-8000-0000000000b1', 'admin', '2026-10-01T08:00:00Z'),
  ('globex', '00000000-0000-4000-8000-0000000000b2', 'developer', '2026-10-01T08:01:00Z')
on conflict (app_code, user_id) do nothing;

insert into stepbase.projects (id, app_code, name, description, created_by)
values (
  '00000000-0000-4000-8000-000000000301', 'acme', 'Order handling', 'Workflows that follow an order.',
  '00000000-0000-4000-8000-0000000000a1'
)
on conflict (id) do nothing;

-- 3. Registry.
insert into stepbase.agent_prompts (
  id, app_code, name, display_name, description, prompt_content, prompt_variables, capabilities, tags,
  recommended_models, visibility, created_by
)
values (
  '00000000-0000-4000-8000-000000000401', 'acme', 'order-triage', 'Order triage',
  'Sorts an order by its urgency.',
  E'You sort incoming orders of a shop.\n\nAnswer with one sentence that says whether the order is **urgent** and why.',
  '{"order": {"type": "object"}}', array['classification'], array['orders'], '["gpt-5-mini"]', 'organization',
  '00000000-0000-4000-8000-0000000000a1'
),
(
  '00000000-0000-4000-8000-000000000402', 'globex', 'welcome-note', 'Welcome note',
  'Writes a short welcome to a new customer.', 'Write two friendly sentences to {{ name }}.',
  '{"name": {"type": "string"}}', array['writing'], array['customers'], '[]', 'private',
  '00000000-0000-4000-8000-0000000000b1'
)
on conflict (id) do nothing;

insert into stepbase.components (
  id, app_code, name, display_name, description, component_type, implementation_type, visibility, endpoint,
  input_schema, output_schema, agent_prompt_id, model_provider, model_name, ui_widget_id, ui_definitions,
  timeout_ms, retry_count, tags, capabilities, created_by
)
values
(
  '00000000-0000-4000-8000-000000000501', null, 'echo', 'Echo', 'Responds with its input. Shared with every application.',
  'activity', 'service_task', 'public', 'https://echo.example/echo', '{"type": "object"}', '{"type": "object"}',
  null, null, null, null, '{}', 10000, 1, array['example'], '{}', null
),
(
  '00000000-0000-4000-8000-000000000502', 'acme', 'crm-lookup', 'CRM look-up', 'Finds a customer by address.',
  'activity', 'service_task', 'organization', 'https://crm.acme.example/customers',
  '{"type": "object", "required": ["email"], "properties": {"email": {"type": "string", "format": "email"}}}',
  '{"type": "object"}', null, null, null, null, '{}', 5000, 2, array['crm'], array['lookup'],
  '00000000-0000-4000-8000-0000000000a1'
),
(
  '00000000-0000-4000-8000-000000000503', 'acme', 'triage-agent', 'Triage agent', 'Sorts orders with a model.',
  'agent', 'ai_agent_task', 'private', null, '{"type": "object"}',
  '{"type": "object", "required": ["urgent", "reason"], "properties": {"urgent": {"type": "boolean", "title": "Urgent"}, "reason": {"type": "string", "title": "Reason"}}}',
  '00000000-0000-4000-8000-000000000401', 'openai', 'gpt-5-mini', null, '{}', 60000, 1, array['orders'],
  array['classification'], '00000000-0000-4000-8000-0000000000a1'
),
(
  '00000000-0000-4000-8000-000000000504', 'acme', 'address-form', 'Address form', 'Asks a person for an address.',
  'activity', 'user_task', 'private', null, '{"type": "object"}',
  '{"type": "object", "required": ["street", "city"], "properties": {"street": {"type": "string", "title": "Street and number", "examples": ["12 St James Square"]}, "city": {"type": "string", "title": "City", "examples": ["London"]}}}',
  null, null, null, 'address-form', '{"fields": ["street", "city"]}', 30000, 0, '{}', '{}',
  '00000000-0000-4000-8000-0000000000a1'
)
on conflict (id) do nothing;

-- 4. Workflows, saved and published as the RPCs do. URLs of other systems are inputs, because the demo and the tests
-- serve them on any free port. `npm start` serves them, too: it replaces the addresses below *.acme.example
-- (scripts/world/addresses.ts). The examples of a schema fill in the form that starts a run.
create function pg_temp.seed_workflow(
  seed_id uuid,
  seed_app text,
  seed_kebab_name text,
  seed_name text,
  seed_description text,
  seed_tags text[],
  seed_project uuid,
  seed_author uuid,
  seed_input_schema jsonb,
  seed_nodes jsonb[],
  seed_edges jsonb[]
)
returns void
language plpgsql
as $$
declare
  -- The id of version 1 is that of its workflow with …9xx in place of …2xx.
  seed_version uuid := overlay(seed_id::text placing '9' from 34 for 1)::uuid;
begin
  insert into stepbase.workflows (
    id, app_code, kebab_name, name, description, tags, project_id, created_by
  )
  values (
    seed_id, seed_app, seed_kebab_name, seed_name, seed_description, seed_tags, seed_project, seed_author
  )
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into stepbase.workflow_versions (
    id, app_code, workflow_id, version, definition, input_schema, created_by
  )
  values (
    seed_version, seed_app, seed_id, 1,
    jsonb_build_object('nodes', to_jsonb(seed_nodes), 'edges', to_jsonb(seed_edges)), seed_input_schema, seed_author
  );
  update stepbase.workflow_versions
  set status = 'published', published_at = now(), published_by = seed_author
  where id = seed_version;
  update stepbase.workflows
  set status = 'published', published_version_id = seed_version
  where id = seed_id;
end;
$$;

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000201', 'acme', 'order-confirmation', 'Order confirmation',
  'Fetches an order, sums it up and mails a confirmation.',
  array['orders', 'mail'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "title": "Order to confirm", "required": ["shop_url", "order_id", "email"], "properties": {"shop_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API", "description": "npm start serves a sample shop and fills in its address.", "default": "https://shop.acme.example", "examples": ["https://shop.acme.example"]}, "order_id": {"type": "string", "minLength": 1, "title": "Order", "description": "The number of an order. The sample shop has 1001 to 1999.", "examples": ["1003"]}, "email": {"type": "string", "format": "email", "title": "Send to", "description": "Who gets the confirmation.", "examples": ["alan@customer.example"]}}, "examples": [{"shop_url": "https://shop.acme.example", "order_id": "1003", "email": "alan@customer.example"}, {"shop_url": "https://shop.acme.example", "order_id": "1004", "email": "ada@customer.example"}]}',
  array[
    '{"id": "fetch_order", "type": "http_request", "position": {"x": 0, "y": 120}, "data": {"label": "Fetch order", "config": {"method": "GET", "url": "{{ input.shop_url }}/orders/{{ input.order_id }}"}, "retry": {"max_attempts": 3, "backoff": "exponential", "delay_ms": 500, "max_delay_ms": 30000}, "timeout_ms": 30000}}',
    '{"id": "summarize", "type": "transform", "position": {"x": 300, "y": 120}, "data": {"label": "Summarise", "config": {"expression": "steps.fetch_order.output.body.{ \"order_id\": id, \"customer\": customer.name, \"items\": $count(items), \"total\": $round($sum(items.(quantity * unit_price)), 2), \"currency\": currency }"}}}',
    '{"id": "send_confirmation", "type": "send_email", "position": {"x": 600, "y": 120}, "data": {"label": "Send confirmation", "config": {"to": "{{ input.email }}", "subject": "Order {{ steps.summarize.output.order_id }} confirmed", "text": "Dear {{ steps.summarize.output.customer }},\n\nthank you for your order of {{ steps.summarize.output.items }} item(s), {{ steps.summarize.output.total }} {{ steps.summarize.output.currency }} in total."}}}'
  ]::jsonb[],
  array[
    '{"id": "e1", "source": "fetch_order", "target": "summarize"}',
    '{"id": "e2", "source": "summarize", "target": "send_confirmation"}'
  ]::jsonb[]
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000202', 'acme', 'order-triage', 'Order triage',
  'A model classifies the customer''s note while the total is computed; the team is notified of urgent orders.',
  array['orders', 'ai'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "title": "Order to sort", "required": ["shop_url", "order_id", "email"], "properties": {"shop_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API", "description": "npm start serves a sample shop and fills in its address.", "default": "https://shop.acme.example", "examples": ["https://shop.acme.example"]}, "order_id": {"type": "string", "minLength": 1, "title": "Order", "description": "The number of an order. The sample shop has 1001 to 1999.", "examples": ["1001"]}, "email": {"type": "string", "format": "email", "title": "Tell", "description": "The team that hears of urgent orders.", "examples": ["team@acme.example"]}}, "examples": [{"shop_url": "https://shop.acme.example", "order_id": "1001", "email": "team@acme.example"}, {"shop_url": "https://shop.acme.example", "order_id": "1008", "email": "team@acme.example"}]}',
  array[
    '{"id": "fetch_order", "type": "http_request", "position": {"x": 0, "y": 160}, "data": {"label": "Fetch order", "config": {"method": "GET", "url": "{{ input.shop_url }}/orders/{{ input.order_id }}"}, "retry": {"max_attempts": 3, "backoff": "exponential", "delay_ms": 500, "max_delay_ms": 30000}}}',
    '{"id": "classify", "type": "llm_call", "position": {"x": 300, "y": 40}, "data": {"label": "Classify note", "config": {"model": "gpt-4o-mini", "system": "You sort the notes customers leave with their orders.", "prompt": "Classify this note: {{ steps.fetch_order.output.body.note }}", "temperature": 0, "response_schema": {"type": "object", "properties": {"category": {"type": "string", "enum": ["praise", "question", "complaint"]}, "urgent": {"type": "boolean"}}, "required": ["category", "urgent"], "additionalProperties": false}}}}',
    '{"id": "total", "type": "transform", "position": {"x": 300, "y": 280}, "data": {"label": "Total", "config": {"expression": "$round($sum(steps.fetch_order.output.body.items.(quantity * unit_price)), 2)"}}}',
    '{"id": "needs_attention", "type": "condition", "position": {"x": 600, "y": 160}, "data": {"label": "Needs attention?", "config": {"expression": "steps.classify.output.object.urgent or steps.total.output > 100"}}}',
    '{"id": "notify_team", "type": "send_email", "position": {"x": 900, "y": 160}, "data": {"label": "Notify team", "config": {"to": "{{ input.email }}", "subject": "Order {{ input.order_id }}: {{ steps.classify.output.object.category }}", "text": "Total {{ steps.total.output }}. The customer wrote: {{ steps.fetch_order.output.body.note }}"}}}'
  ]::jsonb[],
  array[
    '{"id": "e1", "source": "fetch_order", "target": "classify"}',
    '{"id": "e2", "source": "fetch_order", "target": "total"}',
    '{"id": "e3", "source": "classify", "target": "needs_attention"}',
    '{"id": "e4", "source": "total", "target": "needs_attention"}',
    '{"id": "e5", "source": "needs_attention", "target": "notify_team", "sourceHandle": "true"}'
  ]::jsonb[]
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000203', 'acme', 'refund-approval', 'Refund approval',
  'Refunds an order once a person has approved it.',
  array['orders', 'approval'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "title": "Order to refund", "required": ["shop_url", "order_id", "webhook_url"], "properties": {"shop_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API", "description": "npm start serves a sample shop and fills in its address.", "default": "https://shop.acme.example", "examples": ["https://shop.acme.example"]}, "order_id": {"type": "string", "minLength": 1, "title": "Order", "description": "The number of an order. The sample shop has 1001 to 1999.", "examples": ["1002"]}, "email": {"type": "string", "format": "email", "title": "Customer", "description": "Who asked for the refund.", "examples": ["ada@customer.example"]}, "webhook_url": {"type": "string", "format": "uri", "title": "Where billing listens", "description": "npm start serves a sample billing system and fills in its address.", "default": "https://billing.acme.example/hooks/refunds", "examples": ["https://billing.acme.example/hooks/refunds"]}}, "examples": [{"shop_url": "https://shop.acme.example", "order_id": "1002", "email": "ada@customer.example", "webhook_url": "https://billing.acme.example/hooks/refunds"}]}',
  array[
    '{"id": "fetch_order", "type": "http_request", "position": {"x": 0, "y": 120}, "data": {"label": "Fetch order", "config": {"method": "GET", "url": "{{ input.shop_url }}/orders/{{ input.order_id }}"}}}',
    '{"id": "approve_refund", "type": "wait_for_approval", "position": {"x": 300, "y": 120}, "data": {"label": "Approve refund", "config": {"title": "Refund order {{ steps.fetch_order.output.body.id }}?", "description": "{{ steps.fetch_order.output.body.customer.name }} wrote: {{ steps.fetch_order.output.body.note }}", "role": "developer", "deadline_ms": 604800000}}}',
    '{"id": "compute_refund", "type": "inline_code", "position": {"x": 600, "y": 120}, "data": {"label": "Compute refund", "config": {"code": "({ steps }) => {\n  const order = steps.fetch_order.output.body;\n  const cents = order.items.reduce((sum, item) => sum + Math.round(item.unit_price * 100) * item.quantity, 0);\n  return { order_id: order.id, amount: cents / 100, currency: order.currency };\n}"}}}',
    '{"id": "notify_billing", "type": "webhook", "position": {"x": 900, "y": 120}, "data": {"label": "Notify billing", "config": {"url": "{{ input.webhook_url }}", "payload": {"type": "refund.approved", "refund": "{{ steps.compute_refund.output }}", "approved_by": "{{ steps.approve_refund.output.decided_by }}"}}}}'
  ]::jsonb[],
  array[
    '{"id": "e1", "source": "fetch_order", "target": "approve_refund"}',
    '{"id": "e2", "source": "approve_refund", "target": "compute_refund", "sourceHandle": "approved"}',
    '{"id": "e3", "source": "compute_refund", "target": "notify_billing"}'
  ]::jsonb[]
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000204', 'acme', 'daily-sales-digest', 'Daily sales digest',
  'Every morning: yesterday''s orders, computed and mailed, with retries.',
  array['reports', 'schedule'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "title": "Report", "required": ["shop_url", "email"], "properties": {"shop_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API", "description": "npm start serves a sample shop and fills in its address.", "default": "https://shop.acme.example", "examples": ["https://shop.acme.example"]}, "email": {"type": "string", "format": "email", "title": "Report to", "description": "Who gets the figures of yesterday.", "examples": ["sales@acme.example"]}}, "examples": [{"shop_url": "https://shop.acme.example", "email": "sales@acme.example"}]}',
  array[
    '{"id": "fetch_orders", "type": "http_request", "position": {"x": 0, "y": 80}, "data": {"label": "Fetch orders", "config": {"method": "GET", "url": "{{ input.shop_url }}/orders", "query": {"since": "yesterday"}}, "retry": {"max_attempts": 5, "backoff": "exponential", "delay_ms": 1000, "max_delay_ms": 60000, "jitter": true}, "timeout_ms": 15000}}',
    '{"id": "figures", "type": "inline_code", "position": {"x": 300, "y": 80}, "data": {"label": "Compute figures", "config": {"code": "({ steps }) => {\n  const orders = steps.fetch_orders.output.body ?? [];\n  const cents = orders.flatMap((order) => order.items).reduce((sum, item) => sum + Math.round(item.unit_price * 100) * item.quantity, 0);\n  return { orders: orders.length, revenue: cents / 100 };\n}"}}}',
    '{"id": "any_sold", "type": "condition", "position": {"x": 600, "y": 80}, "data": {"label": "Anything sold?", "config": {"expression": "steps.figures.output.orders > 0"}}}',
    '{"id": "mail_digest", "type": "send_email", "position": {"x": 900, "y": 0}, "data": {"label": "Mail digest", "config": {"to": "{{ input.email }}", "subject": "{{ steps.figures.output.orders }} orders yesterday", "text": "Revenue: {{ steps.figures.output.revenue }}"}, "retry": {"max_attempts": 3, "backoff": "exponential", "delay_ms": 500, "max_delay_ms": 30000}}}',
    '{"id": "quiet_day", "type": "emit_event", "position": {"x": 900, "y": 160}, "data": {"label": "Nothing sold", "config": {"name": "sales.quiet_day", "payload": "{{ steps.figures.output }}"}}}'
  ]::jsonb[],
  array[
    '{"id": "e1", "source": "fetch_orders", "target": "figures"}',
    '{"id": "e2", "source": "figures", "target": "any_sold"}',
    '{"id": "e3", "source": "any_sold", "target": "mail_digest", "sourceHandle": "true"}',
    '{"id": "e4", "source": "any_sold", "target": "quiet_day", "sourceHandle": "false"}'
  ]::jsonb[]
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000205', 'acme', 'customer-onboarding', 'Customer onboarding',
  'Finds a customer in the CRM, asks a person for a missing address, and follows up by mail after some time.',
  array['customers'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "title": "New customer", "required": ["email"], "properties": {"email": {"type": "string", "format": "email", "title": "Customer", "description": "The CRM does not know every customer, and not every address.", "examples": ["kim@customers.example"]}, "follow_up_after_seconds": {"type": "integer", "minimum": 0, "maximum": 2592000, "title": "Follow up after", "description": "Seconds until the follow-up mail. A day is 86400.", "default": 86400, "examples": [5]}}, "examples": [{"email": "kim@customers.example", "follow_up_after_seconds": 5}, {"email": "ada@customer.example", "follow_up_after_seconds": 5}]}',
  array[
    '{"id": "look_up", "type": "service_task", "position": {"x": 0, "y": 80}, "data": {"label": "Look customer up", "config": {"component": "crm-lookup", "input": {"email": "{{ input.email }}"}}, "retry": {"max_attempts": 3, "backoff": "fixed", "delay_ms": 2000}, "on_error": "continue"}}',
    '{"id": "address_known", "type": "condition", "position": {"x": 300, "y": 80}, "data": {"label": "Address known?", "config": {"expression": "$exists(steps.look_up.output.address)"}}}',
    '{"id": "ask_address", "type": "user_task", "position": {"x": 600, "y": 160}, "data": {"label": "Ask for address", "config": {"title": "Address of {{ input.email }}", "description": "The CRM has no address of this customer. Where do we send the welcome parcel?", "form": {"type": "object", "required": ["street", "city"], "properties": {"street": {"type": "string", "minLength": 1, "title": "Street and number", "examples": ["12 St James Square"]}, "city": {"type": "string", "minLength": 1, "title": "City", "examples": ["London"]}}, "examples": [{"street": "12 St James Square", "city": "London"}]}, "role": "developer"}}}',
    '{"id": "wait_a_day", "type": "delay", "position": {"x": 900, "y": 80}, "data": {"label": "Wait", "config": {"ms": "{{ $exists(input.follow_up_after_seconds) ? input.follow_up_after_seconds * 1000 : 86400000 }}"}, "join": "any"}}',
    '{"id": "follow_up", "type": "send_email", "position": {"x": 1200, "y": 80}, "data": {"label": "Follow up", "config": {"to": "{{ input.email }}", "subject": "How do you like it?", "text": "Thank you for your trust. Reply to this mail to say what we can do better."}, "retry": {"max_attempts": 3, "backoff": "exponential", "delay_ms": 500, "max_delay_ms": 30000}}}'
  ]::jsonb[],
  array[
    '{"id": "e1", "source": "look_up", "target": "address_known"}',
    '{"id": "e2", "source": "address_known", "target": "wait_a_day", "sourceHandle": "true"}',
    '{"id": "e3", "source": "address_known", "target": "ask_address", "sourceHandle": "false"}',
    '{"id": "e4", "source": "ask_address", "target": "wait_a_day"}',
    '{"id": "e5", "source": "wait_a_day", "target": "follow_up"}'
  ]::jsonb[]
);

-- The same workflow for the other customer: the same name in another application.
select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000211', 'globex', 'order-confirmation', 'Order confirmation',
  'Fetches an order, sums it up and mails a confirmation.',
  array['orders', 'mail'], null, '00000000-0000-4000-8000-0000000000b2',
  v.input_schema,
  array(select jsonb_array_elements(v.definition -> 'nodes')),
  array(select jsonb_array_elements(v.definition -> 'edges'))
)
from stepbase.workflow_versions v
where v.id = '00000000-0000-4000-8000-000000000901';

-- These workflows wait for users and for days, which exceeds the default timeout of one hour.
update stepbase.workflows
set execution_timeout_seconds = 1209600
where id in ('00000000-0000-4000-8000-000000000203', '00000000-0000-4000-8000-000000000205')
  and execution_timeout_seconds = 3600;

insert into stepbase.workflow_schedules (
  id, app_code, workflow_id, name, cron_expression, timezone, input, is_enabled, created_by
)
values (
  '00000000-0000-4000-8000-000000000601', 'acme', '00000000-0000-4000-8000-000000000204', 'Every morning',
  '0 7 * * *', 'Europe/Berlin', '{"shop_url": "https://shop.acme.example", "email": "sales@acme.example"}',
  false, '00000000-0000-4000-8000-0000000000a2'
)
on conflict (id) do nothing;

-- 5. Runs that have ended or wait, with the step runs, context and history that the engine would have written.
create function pg_temp.seed_run(
  seed_id uuid,
  seed_workflow uuid,
  seed_status text,
  seed_age interval,
  seed_input jsonb,
  seed_error jsonb,
  -- {step, status, ms, attempt?, handle?, output?, error?, task?, role?, input?}, in the order of events
  seed_step_rows jsonb[]
)
returns void
language plpgsql
as $$
declare
  seed_steps jsonb := to_jsonb(seed_step_rows);
  workflow stepbase.workflows;
  begun timestamptz := now() - seed_age;
  cursor_at timestamptz := now() - seed_age;
  step jsonb;
  context_no int := 0;
  events jsonb := jsonb_build_array(jsonb_build_object('type', 'run.created'), jsonb_build_object('type', 'run.started'));
  ended boolean := seed_status in ('completed', 'failed', 'cancelled', 'timed_out');
  total_ms int;
begin
  select w.* into workflow from stepbase.workflows w where w.id = seed_workflow;
  select coalesce(sum((s.step_row ->> 'ms')::int), 0) into total_ms
  from jsonb_array_elements(seed_steps) s (step_row);
  insert into stepbase.runs (
    id, app_code, workflow_id, workflow_version_id, status, trigger_type, input, output, error, created_by,
    created_at, started_at, completed_at, updated_at, paused_at,
    steps_total, steps_completed, open_steps, current_step
  )
  select
    seed_id, workflow.app_code, workflow.id, workflow.published_version_id, seed_status, 'manual', seed_input,
    case
      when seed_status = 'completed' and seed_steps -> -1 ->> 'status' = 'skipped' then '{}'
      when seed_status = 'completed'
        then jsonb_build_object(seed_steps -> -1 ->> 'step', seed_steps -> -1 -> 'output')
    end,
    seed_error, workflow.created_by,
    begun, begun, case when ended then begun + total_ms * interval '1 millisecond' end,
    begun + total_ms * interval '1 millisecond', case when seed_status = 'paused' then begun end,
    (select count(*) from stepbase.workflow_nodes n where n.workflow_version_id = workflow.published_version_id),
    (
      select count(distinct s.step_row ->> 'step') from jsonb_array_elements(seed_steps) s (step_row)
      where s.step_row ->> 'status' in ('completed', 'skipped')
    ),
    (
      select count(*) from jsonb_array_elements(seed_steps) s (step_row)
      where s.step_row ->> 'status' in ('ready', 'waiting')
    ),
    seed_steps -> -1 ->> 'step'
  on conflict (id) do nothing;
  if not found then
    return;
  end if;

  for step in select s.step_row from jsonb_array_elements(seed_steps) s (step_row) loop
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, input, output, handle,
      error, context_version, wait_kind, task, assigned_roles, started_at, completed_at, created_at, updated_at
    )
    select
      seed_id, workflow.app_code, workflow.published_version_id, n.node_id, n.node_type,
      coalesce((step ->> 'attempt')::int, 1), step ->> 'status', n.in_degree,
      step -> 'input', step -> 'output', step ->> 'handle', step -> 'error',
      case when step ->> 'status' = 'completed' then context_no + 1 end,
      case when step ->> 'status' = 'waiting' then 'task' end, step -> 'task',
      case when step ? 'role' then array[step ->> 'role'] end,
      case when step ->> 'status' not in ('skipped', 'ready') then cursor_at end,
      case
        when step ->> 'status' in ('completed', 'failed', 'skipped', 'cancelled')
          then cursor_at + (step ->> 'ms')::int * interval '1 millisecond'
      end,
      cursor_at, cursor_at
    from stepbase.workflow_nodes n
    where n.workflow_version_id = workflow.published_version_id and n.node_id = step ->> 'step';
    if step ->> 'status' not in ('skipped', 'ready') then
      events := events || jsonb_build_object(
        'type', 'step.started', 'step', step -> 'step', 'attempt', coalesce(step -> 'attempt', '1'), 'at', cursor_at);
    end if;
    cursor_at := cursor_at + coalesce((step ->> 'ms')::int, 0) * interval '1 millisecond';
    events := events || jsonb_build_object(
      'type', 'step.' || (step ->> 'status'), 'step', step -> 'step', 'attempt', coalesce(step -> 'attempt', '1'),
      'at', cursor_at, 'payload', jsonb_strip_nulls(jsonb_build_object('handle', step -> 'handle', 'error', step -> 'error'))
    );
    if step ->> 'status' = 'completed' then
      context_no := context_no + 1;
    end if;
  end loop;
  if seed_status <> 'running' then
    events := events || jsonb_build_object('type', 'run.' || seed_status, 'at', cursor_at);
  end if;

  insert into stepbase.run_events (run_id, seq, app_code, event_type, step_id, item_index, attempt, payload, created_at)
  select
    seed_id, e.place, workflow.app_code, e.event ->> 'type', e.event ->> 'step',
    case when e.event ? 'step' then 0 end, (e.event ->> 'attempt')::int,
    coalesce(e.event -> 'payload', '{}'), coalesce((e.event ->> 'at')::timestamptz, begun)
  from jsonb_array_elements(events) with ordinality e (event, place);
  update stepbase.runs
  set event_seq = jsonb_array_length(events), context_version = context_no
  where id = seed_id;
end;
$$;

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000701', '00000000-0000-4000-8000-000000000201', 'completed', '3 days',
  '{"shop_url": "https://shop.acme.example", "order_id": "1001", "email": "kim@customers.example"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1001"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1001", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "summarize", "status": "completed", "ms": 4, "output": {"order_id": "1001", "customer": "Kim Lee", "items": 2, "total": 32.5, "currency": "EUR"}}',
    '{"step": "send_confirmation", "status": "completed", "ms": 90, "output": {"message_id": "<1001@mail.acme.example>"}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000702', '00000000-0000-4000-8000-000000000201', 'completed', '2 days',
  '{"shop_url": "https://shop.acme.example", "order_id": "1002", "email": "kim@customers.example"}',
  null,
  array[
    '{"step": "fetch_order", "status": "failed", "ms": 10000, "attempt": 1, "error": {"code": "network_error", "message": "The shop''s API did not answer", "retryable": true}}',
    '{"step": "fetch_order", "status": "completed", "ms": 180, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1002"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1002", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}, "attempt": 2}',
    '{"step": "summarize", "status": "completed", "ms": 4, "output": {"order_id": "1002", "customer": "Kim Lee", "items": 2, "total": 32.5, "currency": "EUR"}}',
    '{"step": "send_confirmation", "status": "completed", "ms": 90, "output": {"message_id": "<1002@mail.acme.example>"}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000703', '00000000-0000-4000-8000-000000000201', 'failed', '26 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1003", "email": "kim@customers.example"}',
  '{"code": "network_error", "message": "The shop''s API did not answer", "retryable": true, "step_id": "fetch_order"}',
  array[
    '{"step": "fetch_order", "status": "failed", "ms": 10000, "attempt": 1, "error": {"code": "network_error", "message": "The shop''s API did not answer", "retryable": true}}',
    '{"step": "fetch_order", "status": "failed", "ms": 10000, "attempt": 2, "error": {"code": "network_error", "message": "The shop''s API did not answer", "retryable": true}}',
    '{"step": "fetch_order", "status": "failed", "ms": 10000, "attempt": 3, "error": {"code": "network_error", "message": "The shop''s API did not answer", "retryable": true}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000704', '00000000-0000-4000-8000-000000000202', 'completed', '20 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1004", "email": "kim@customers.example"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1004"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1004", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "classify", "status": "completed", "ms": 2300, "output": {"text": "{\"category\": \"complaint\", \"urgent\": true}", "object": {"category": "complaint", "urgent": true}, "usage": {"prompt_tokens": 71, "completion_tokens": 9, "total_tokens": 80}}}',
    '{"step": "total", "status": "completed", "ms": 3, "output": 32.5}',
    '{"step": "needs_attention", "status": "completed", "ms": 2, "output": true, "handle": "true"}',
    '{"step": "notify_team", "status": "completed", "ms": 85, "output": {"message_id": "<1004@mail.acme.example>"}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000705', '00000000-0000-4000-8000-000000000202', 'completed', '12 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1005", "email": "kim@customers.example"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1005"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1005", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "classify", "status": "completed", "ms": 1900, "output": {"text": "{\"category\": \"praise\", \"urgent\": false}", "object": {"category": "praise", "urgent": false}, "usage": {"prompt_tokens": 71, "completion_tokens": 9, "total_tokens": 80}}}',
    '{"step": "total", "status": "completed", "ms": 3, "output": 32.5}',
    '{"step": "needs_attention", "status": "completed", "ms": 2, "output": false, "handle": "false"}',
    '{"step": "notify_team", "status": "skipped", "ms": 0}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000706', '00000000-0000-4000-8000-000000000202', 'timed_out', '9 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1006", "email": "kim@customers.example"}',
  '{"code": "timeout", "message": "The run exceeded the execution timeout of its workflow"}',
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1006"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1006", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "total", "status": "completed", "ms": 3, "output": 32.5}',
    '{"step": "classify", "status": "cancelled", "ms": 3599000}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000707', '00000000-0000-4000-8000-000000000203', 'completed', '30 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1007", "email": "kim@customers.example", "webhook_url": "https://billing.acme.example/hooks/refunds"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1007"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1007", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "approve_refund", "status": "completed", "ms": 5400000, "output": {"approved": true, "comment": "Fine.", "decided_by": "00000000-0000-4000-8000-0000000000a1"}, "handle": "approved"}',
    '{"step": "compute_refund", "status": "completed", "ms": 12, "output": {"order_id": "1007", "amount": 32.5, "currency": "EUR"}}',
    '{"step": "notify_billing", "status": "completed", "ms": 160, "output": {"status": 202, "headers": {}, "body": {"accepted": true}}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000708', '00000000-0000-4000-8000-000000000203', 'running', '2 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1008", "email": "kim@customers.example", "webhook_url": "https://billing.acme.example/hooks/refunds"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1008"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1008", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "approve_refund", "status": "waiting", "ms": 0, "task": {"title": "Refund order 1008?", "description": "Kim Lee wrote: When does it come?"}, "role": "developer", "input": {"title": "Refund order 1008?"}}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000709', '00000000-0000-4000-8000-000000000203', 'cancelled', '5 hours',
  '{"shop_url": "https://shop.acme.example", "order_id": "1009", "email": "kim@customers.example", "webhook_url": "https://billing.acme.example/hooks/refunds"}',
  '{"code": "cancelled", "message": "The customer took the wish back"}',
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1009"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1009", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "approve_refund", "status": "cancelled", "ms": 600000}'
  ]::jsonb[]
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000710', '00000000-0000-4000-8000-000000000201', 'paused', '45 minutes',
  '{"shop_url": "https://shop.acme.example", "order_id": "1010", "email": "kim@customers.example"}',
  null,
  array[
    '{"step": "fetch_order", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1010"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1010", "status": "paid", "currency": "EUR", "customer": {"name": "Kim Lee", "email": "kim@customers.example", "tier": "gold"}, "items": [{"sku": "mug", "name": "Mug", "quantity": 2, "unit_price": 12}, {"sku": "tea", "name": "Tea", "quantity": 1, "unit_price": 8.5}], "note": "When does it come?"}}}',
    '{"step": "summarize", "status": "ready", "ms": 0}'
  ]::jsonb[]
);
