-- Sample data: two organizations, three applications, people of every role, components and prompts,
-- five published workflows, and ten runs in different states. Safe to apply again: rows that are there
-- stay as they are. Everybody's password is stepbase-demo.

-- 1. People. Written the way Supabase Auth writes them (bcrypt, one e-mail identity each); a trigger
-- makes their profiles.
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
    ('00000000-0000-4000-8000-0000000000a1'::uuid, 'admin@acme.example', 'Acme Admin'),
    ('00000000-0000-4000-8000-0000000000a2'::uuid, 'developer@acme.example', 'Acme Developer'),
    ('00000000-0000-4000-8000-0000000000a3'::uuid, 'viewer@acme.example', 'Acme Viewer'),
    ('00000000-0000-4000-8000-0000000000b1'::uuid, 'admin@globex.example', 'Globex Admin'),
    ('00000000-0000-4000-8000-0000000000b2'::uuid, 'developer@globex.example', 'Globex Developer')
) as u (id, email, display_name)
on conflict (id) do nothing;

-- Hosted Auth looks users up by instance, which the embedded one does not have.
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
end
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
insert into public.organizations (id, slug, name)
values
  ('00000000-0000-4000-8000-000000000001', 'acme', 'Acme Inc.'),
  ('00000000-0000-4000-8000-000000000002', 'globex', 'Globex Corporation')
on conflict (id) do nothing;

insert into public.applications (app_code, organization_id, name, description)
values
  ('acme', '00000000-0000-4000-8000-000000000001', 'Acme', 'The shop.'),
  ('acme-labs', '00000000-0000-4000-8000-000000000001', 'Acme Labs', 'Experiments of the same organization.'),
  ('globex', '00000000-0000-4000-8000-000000000002', 'Globex', 'Another customer altogether.')
on conflict (app_code) do nothing;

insert into public.app_members (app_code, user_id, role, created_at)
values
  ('acme', '00000000-0000-4000-8000-0000000000a1', 'admin', '2026-10-01T08:00:00Z'),
  ('acme', '00000000-0000-4000-8000-0000000000a2', 'developer', '2026-10-01T08:01:00Z'),
  ('acme', '00000000-0000-4000-8000-0000000000a3', 'viewer', '2026-10-01T08:02:00Z'),
  ('acme-labs', '00000000-0000-4000-8000-0000000000a1', 'admin', '2026-10-02T08:00:00Z'),
  ('acme-labs', '00000000-0000-4000-8000-0000000000a2', 'developer', '2026-10-02T08:01:00Z'),
  ('globex', '00000000-0000-4000-8000-0000000000b1', 'admin', '2026-10-01T08:00:00Z'),
  ('globex', '00000000-0000-4000-8000-0000000000b2', 'developer', '2026-10-01T08:01:00Z')
on conflict (app_code, user_id) do nothing;

insert into public.projects (id, app_code, name, description, created_by)
values (
  '00000000-0000-4000-8000-000000000301', 'acme', 'Order handling', 'What happens after a customer has ordered.',
  '00000000-0000-4000-8000-0000000000a1'
)
on conflict (id) do nothing;

-- 3. Registry.
insert into public.agent_prompts (
  id, app_code, name, display_name, description, prompt_content, prompt_variables, capabilities, tags,
  recommended_models, visibility, created_by
)
values (
  '00000000-0000-4000-8000-000000000401', 'acme', 'order-triage', 'Order triage',
  'Sorts an order by how fast somebody should look at it.',
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

insert into public.components (
  id, app_code, name, display_name, description, component_type, implementation_type, visibility, endpoint,
  input_schema, output_schema, agent_prompt_id, model_provider, model_name, ui_widget_id, ui_definitions,
  timeout_ms, retry_count, tags, capabilities, created_by
)
values
(
  '00000000-0000-4000-8000-000000000501', null, 'echo', 'Echo', 'Answers with what it was sent. Shared with everybody.',
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
  'agent', 'ai_agent_task', 'private', null, '{"type": "object"}', '{"type": "object"}',
  '00000000-0000-4000-8000-000000000401', 'openai', 'gpt-5-mini', null, '{}', 60000, 1, array['orders'],
  array['classification'], '00000000-0000-4000-8000-0000000000a1'
),
(
  '00000000-0000-4000-8000-000000000504', 'acme', 'address-form', 'Address form', 'Asks a person for an address.',
  'activity', 'user_task', 'private', null, '{"type": "object"}',
  '{"type": "object", "required": ["street", "city"], "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}',
  null, null, null, 'address-form', '{"fields": ["street", "city"]}', 30000, 0, '{}', '{}',
  '00000000-0000-4000-8000-0000000000a1'
)
on conflict (id) do nothing;

-- 4. Workflows, saved and published the way the RPCs do it. The outside world is an input: the
-- demo and the tests serve it on whatever port is free.
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
  seed_definition jsonb
)
returns void
language plpgsql
as $$
declare
  -- Version 1 of workflow …2xx is …9xx of the same series.
  seed_version uuid := overlay(seed_id::text placing '9' from 34 for 1)::uuid;
begin
  insert into public.workflows (
    id, app_code, kebab_name, name, description, tags, project_id, created_by
  )
  values (
    seed_id, seed_app, seed_kebab_name, seed_name, seed_description, seed_tags, seed_project, seed_author
  )
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.workflow_versions (
    id, app_code, workflow_id, version, definition, input_schema, created_by
  )
  values (seed_version, seed_app, seed_id, 1, seed_definition, seed_input_schema, seed_author);
  update public.workflow_versions
  set status = 'published', published_at = now(), published_by = seed_author
  where id = seed_version;
  update public.workflows
  set status = 'published', published_version_id = seed_version
  where id = seed_id;
end
$$;

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000201', 'acme', 'linear-order-report', 'Order report',
  'Fetches an order, sums it up and mails the report.',
  array['orders', 'mail'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "required": ["base_url", "order_id", "notify"], "properties": {"base_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API"}, "order_id": {"type": "string", "minLength": 1, "title": "Order"}, "notify": {"type": "string", "format": "email", "title": "Report to"}}}',
  $definition${
  "nodes": [
    {
      "id": "fetch",
      "type": "http_request",
      "position": {
        "x": 0,
        "y": 80
      },
      "data": {
        "label": "Fetch order",
        "config": {
          "method": "GET",
          "url": "{{ input.base_url }}/orders/{{ input.order_id }}"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        },
        "timeout_ms": 10000
      }
    },
    {
      "id": "summarize",
      "type": "transform",
      "position": {
        "x": 280,
        "y": 80
      },
      "data": {
        "label": "Sum up",
        "config": {
          "expression": "{\"order_id\": steps.fetch.output.body.id, \"customer\": steps.fetch.output.body.customer.name, \"lines\": $count(steps.fetch.output.body.items), \"total\": $sum(steps.fetch.output.body.items.(price * quantity))}"
        }
      }
    },
    {
      "id": "mail",
      "type": "send_email",
      "position": {
        "x": 560,
        "y": 80
      },
      "data": {
        "label": "Mail report",
        "config": {
          "to": "{{ input.notify }}",
          "subject": "Order {{ steps.summarize.output.order_id }}",
          "text": "{{ steps.summarize.output.customer }} ordered {{ steps.summarize.output.lines }} lines for {{ steps.summarize.output.total }}."
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        }
      }
    }
  ],
  "edges": [
    {
      "id": "e1",
      "source": "fetch",
      "target": "summarize"
    },
    {
      "id": "e2",
      "source": "summarize",
      "target": "mail"
    }
  ]
}$definition$
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000202', 'acme', 'parallel-triage', 'Order triage',
  'Asks a model and computes the total side by side, and reports orders that somebody should see.',
  array['orders', 'ai'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "required": ["base_url", "order_id", "notify"], "properties": {"base_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API"}, "order_id": {"type": "string", "minLength": 1, "title": "Order"}, "notify": {"type": "string", "format": "email", "title": "Report to"}, "threshold": {"type": "number", "minimum": 0, "title": "Report from this total on"}}}',
  $definition${
  "nodes": [
    {
      "id": "fetch",
      "type": "http_request",
      "position": {
        "x": 0,
        "y": 140
      },
      "data": {
        "label": "Fetch order",
        "config": {
          "method": "GET",
          "url": "{{ input.base_url }}/orders/{{ input.order_id }}"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        },
        "timeout_ms": 10000
      }
    },
    {
      "id": "classify",
      "type": "llm_call",
      "position": {
        "x": 280,
        "y": 0
      },
      "data": {
        "label": "Classify",
        "config": {
          "model": "gpt-5-mini",
          "system": "You sort incoming orders of a shop. Answer in one sentence.",
          "prompt": "Is this order urgent? {{ $string(steps.fetch.output.body) }}",
          "temperature": 0
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        },
        "timeout_ms": 60000
      }
    },
    {
      "id": "total",
      "type": "transform",
      "position": {
        "x": 280,
        "y": 280
      },
      "data": {
        "label": "Compute total",
        "config": {
          "expression": "{\"order_id\": steps.fetch.output.body.id, \"total\": $sum(steps.fetch.output.body.items.(price * quantity))}"
        }
      }
    },
    {
      "id": "decide",
      "type": "condition",
      "position": {
        "x": 560,
        "y": 140
      },
      "data": {
        "label": "Worth a look?",
        "config": {
          "expression": "$exists(steps.classify.output.text) and (steps.total.output.total ? steps.total.output.total : 0) >= (input.threshold ? input.threshold : 0)"
        }
      }
    },
    {
      "id": "notify",
      "type": "send_email",
      "position": {
        "x": 840,
        "y": 140
      },
      "data": {
        "label": "Report",
        "config": {
          "to": "{{ input.notify }}",
          "subject": "Please look at order {{ steps.total.output.order_id }}",
          "text": "{{ steps.classify.output.text }} (total {{ steps.total.output.total }})"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        }
      }
    }
  ],
  "edges": [
    {
      "id": "e1",
      "source": "fetch",
      "target": "classify"
    },
    {
      "id": "e2",
      "source": "fetch",
      "target": "total"
    },
    {
      "id": "e3",
      "source": "classify",
      "target": "decide"
    },
    {
      "id": "e4",
      "source": "total",
      "target": "decide"
    },
    {
      "id": "e5",
      "source": "decide",
      "target": "notify",
      "sourceHandle": "true"
    }
  ]
}$definition$
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000203', 'acme', 'approval-release', 'Order release',
  'Releases an order to shipping once a person has approved it.',
  array['orders', 'approval'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "required": ["base_url", "order_id"], "properties": {"base_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API"}, "order_id": {"type": "string", "minLength": 1, "title": "Order"}}}',
  $definition${
  "nodes": [
    {
      "id": "fetch",
      "type": "http_request",
      "position": {
        "x": 0,
        "y": 80
      },
      "data": {
        "label": "Fetch order",
        "config": {
          "method": "GET",
          "url": "{{ input.base_url }}/orders/{{ input.order_id }}"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        },
        "timeout_ms": 10000
      }
    },
    {
      "id": "approve",
      "type": "wait_for_approval",
      "position": {
        "x": 280,
        "y": 80
      },
      "data": {
        "label": "Approve release",
        "config": {
          "title": "Release order {{ steps.fetch.output.body.id }}?",
          "description": "{{ steps.fetch.output.body.customer.name }} waits for it.",
          "role": "developer",
          "deadline_ms": 604800000
        }
      }
    },
    {
      "id": "prepare",
      "type": "inline_code",
      "position": {
        "x": 560,
        "y": 80
      },
      "data": {
        "label": "Prepare shipment",
        "config": {
          "code": "({ input, steps }) => ({\n  order_id: input.order_id,\n  approved_by: steps.approve.output.decided_by,\n  parcels: Math.max(1, Math.ceil((steps.fetch.output.body.items ?? []).length / 10)),\n})"
        }
      }
    },
    {
      "id": "ship",
      "type": "webhook",
      "position": {
        "x": 840,
        "y": 80
      },
      "data": {
        "label": "Tell shipping",
        "config": {
          "url": "{{ input.base_url }}/hooks/shipping",
          "payload": "{{ steps.prepare.output }}"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        }
      }
    }
  ],
  "edges": [
    {
      "id": "e1",
      "source": "fetch",
      "target": "approve"
    },
    {
      "id": "e2",
      "source": "approve",
      "target": "prepare",
      "sourceHandle": "approved"
    },
    {
      "id": "e3",
      "source": "prepare",
      "target": "ship"
    }
  ]
}$definition$
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000204', 'acme', 'daily-sales-digest', 'Daily sales digest',
  'Every morning: yesterday''s orders, computed and mailed, with retries.',
  array['reports', 'schedule'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "required": ["base_url", "notify"], "properties": {"base_url": {"type": "string", "format": "uri", "title": "Address of the shop''s API"}, "notify": {"type": "string", "format": "email", "title": "Report to"}}}',
  $definition${
  "nodes": [
    {
      "id": "orders",
      "type": "http_request",
      "position": {
        "x": 0,
        "y": 80
      },
      "data": {
        "label": "Fetch orders",
        "config": {
          "method": "GET",
          "url": "{{ input.base_url }}/orders",
          "query": {
            "since": "yesterday"
          }
        },
        "retry": {
          "max_attempts": 5,
          "backoff": "exponential",
          "delay_ms": 1000,
          "max_delay_ms": 60000,
          "jitter": true
        },
        "timeout_ms": 15000
      }
    },
    {
      "id": "figures",
      "type": "inline_code",
      "position": {
        "x": 280,
        "y": 80
      },
      "data": {
        "label": "Compute figures",
        "config": {
          "code": "({ steps }) => {\n  const orders = steps.orders.output.body ?? [];\n  const totals = orders.map((order) => (order.items ?? []).reduce((sum, item) => sum + item.price * item.quantity, 0));\n  return { orders: orders.length, revenue: totals.reduce((sum, total) => sum + total, 0) };\n}"
        }
      }
    },
    {
      "id": "any",
      "type": "condition",
      "position": {
        "x": 560,
        "y": 80
      },
      "data": {
        "label": "Anything sold?",
        "config": {
          "expression": "steps.figures.output.orders > 0"
        }
      }
    },
    {
      "id": "digest",
      "type": "send_email",
      "position": {
        "x": 840,
        "y": 0
      },
      "data": {
        "label": "Mail digest",
        "config": {
          "to": "{{ input.notify }}",
          "subject": "{{ steps.figures.output.orders }} orders yesterday",
          "text": "Revenue: {{ steps.figures.output.revenue }}"
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        }
      }
    },
    {
      "id": "quiet",
      "type": "emit_event",
      "position": {
        "x": 840,
        "y": 160
      },
      "data": {
        "label": "Nothing sold",
        "config": {
          "name": "sales.quiet_day",
          "payload": "{{ steps.figures.output }}"
        }
      }
    }
  ],
  "edges": [
    {
      "id": "e1",
      "source": "orders",
      "target": "figures"
    },
    {
      "id": "e2",
      "source": "figures",
      "target": "any"
    },
    {
      "id": "e3",
      "source": "any",
      "target": "digest",
      "sourceHandle": "true"
    },
    {
      "id": "e4",
      "source": "any",
      "target": "quiet",
      "sourceHandle": "false"
    }
  ]
}$definition$
);

select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000205', 'acme', 'customer-onboarding', 'Customer onboarding',
  'Looks a customer up, asks for an address when there is none, and follows up after a day.',
  array['customers'], '00000000-0000-4000-8000-000000000301', '00000000-0000-4000-8000-0000000000a2',
  '{"type": "object", "required": ["email"], "properties": {"email": {"type": "string", "format": "email", "title": "Customer"}}}',
  $definition${
  "nodes": [
    {
      "id": "lookup",
      "type": "service_task",
      "position": {
        "x": 0,
        "y": 80
      },
      "data": {
        "label": "Look customer up",
        "config": {
          "component": "crm-lookup",
          "input": {
            "email": "{{ input.email }}"
          }
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "fixed",
          "delay_ms": 2000
        },
        "on_error": "continue"
      }
    },
    {
      "id": "known",
      "type": "condition",
      "position": {
        "x": 280,
        "y": 80
      },
      "data": {
        "label": "Address known?",
        "config": {
          "expression": "$exists(steps.lookup.output.address)"
        }
      }
    },
    {
      "id": "ask",
      "type": "user_task",
      "position": {
        "x": 560,
        "y": 160
      },
      "data": {
        "label": "Ask for address",
        "config": {
          "title": "Address of {{ input.email }}",
          "form": {
            "type": "object",
            "required": [
              "street",
              "city"
            ],
            "properties": {
              "street": {
                "type": "string"
              },
              "city": {
                "type": "string"
              }
            }
          },
          "role": "developer"
        }
      }
    },
    {
      "id": "pause",
      "type": "delay",
      "position": {
        "x": 840,
        "y": 80
      },
      "data": {
        "label": "A day later",
        "config": {
          "ms": 86400000
        },
        "join": "any"
      }
    },
    {
      "id": "follow_up",
      "type": "send_email",
      "position": {
        "x": 1120,
        "y": 80
      },
      "data": {
        "label": "Follow up",
        "config": {
          "to": "{{ input.email }}",
          "subject": "How do you like it?",
          "text": "Tell us."
        },
        "retry": {
          "max_attempts": 3,
          "backoff": "exponential",
          "delay_ms": 500,
          "max_delay_ms": 30000
        }
      }
    }
  ],
  "edges": [
    {
      "id": "e1",
      "source": "lookup",
      "target": "known"
    },
    {
      "id": "e2",
      "source": "known",
      "target": "pause",
      "sourceHandle": "true"
    },
    {
      "id": "e3",
      "source": "known",
      "target": "ask",
      "sourceHandle": "false"
    },
    {
      "id": "e4",
      "source": "ask",
      "target": "pause"
    },
    {
      "id": "e5",
      "source": "pause",
      "target": "follow_up"
    }
  ]
}$definition$
);

-- The same workflow for the other customer: same name, another application.
select pg_temp.seed_workflow(
  '00000000-0000-4000-8000-000000000211', 'globex', 'linear-order-report', 'Order report',
  'Fetches an order, sums it up and mails the report.',
  array['orders', 'mail'], null, '00000000-0000-4000-8000-0000000000b2',
  v.input_schema,
  v.definition
)
from public.workflow_versions v
where v.id = '00000000-0000-4000-8000-000000000901';

-- People and days take longer than the hour a run has by default.
update public.workflows
set execution_timeout_seconds = 1209600
where id in ('00000000-0000-4000-8000-000000000203', '00000000-0000-4000-8000-000000000205')
  and execution_timeout_seconds = 3600;

insert into public.workflow_schedules (
  id, app_code, workflow_id, name, cron_expression, timezone, input, is_enabled, created_by
)
values (
  '00000000-0000-4000-8000-000000000601', 'acme', '00000000-0000-4000-8000-000000000204', 'Every morning',
  '0 7 * * *', 'Europe/Berlin', '{"base_url": "https://shop.acme.example", "notify": "sales@acme.example"}',
  false, '00000000-0000-4000-8000-0000000000a2'
)
on conflict (id) do nothing;

-- 5. Runs that ended or wait, with the step runs, context and history the engine would have written.
create function pg_temp.seed_run(
  seed_id uuid,
  seed_workflow uuid,
  seed_status text,
  seed_age interval,
  seed_input jsonb,
  seed_error jsonb,
  -- [{step, status, ms, attempt?, handle?, output?, error?, task?, role?, input?}], in the order of events
  seed_steps jsonb
)
returns void
language plpgsql
as $$
declare
  workflow public.workflows;
  begun timestamptz := now() - seed_age;
  cursor_at timestamptz := now() - seed_age;
  step jsonb;
  step_run uuid;
  context_no integer := 0;
  events jsonb := jsonb_build_array(jsonb_build_object('type', 'run.created'), jsonb_build_object('type', 'run.started'));
  ended boolean := seed_status in ('completed', 'failed', 'cancelled', 'timed_out');
  total_ms integer;
begin
  select w.* into workflow from public.workflows w where w.id = seed_workflow;
  select coalesce(sum((s.step_row ->> 'ms')::integer), 0) into total_ms
  from jsonb_array_elements(seed_steps) s (step_row);
  insert into public.runs (
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
    (select count(*) from public.workflow_nodes n where n.workflow_version_id = workflow.published_version_id),
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
    insert into public.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, taken_in, input, output, handle,
      error, wait_kind, task, assigned_role, started_at, completed_at, created_at, updated_at
    )
    select
      seed_id, workflow.app_code, workflow.published_version_id, n.node_id, n.node_type,
      coalesce((step ->> 'attempt')::integer, 1), step ->> 'status', n.in_degree,
      step -> 'input', step -> 'output', step ->> 'handle', step -> 'error',
      case when step ->> 'status' = 'waiting' then 'task' end, step -> 'task', step ->> 'role',
      case when step ->> 'status' not in ('skipped', 'ready') then cursor_at end,
      case
        when step ->> 'status' in ('completed', 'failed', 'skipped', 'cancelled')
          then cursor_at + (step ->> 'ms')::integer * interval '1 millisecond'
      end,
      cursor_at, cursor_at
    from public.workflow_nodes n
    where n.workflow_version_id = workflow.published_version_id and n.node_id = step ->> 'step'
    returning id into strict step_run;
    if step ->> 'status' not in ('skipped', 'ready') then
      events := events || jsonb_build_object(
        'type', 'step.started', 'step', step -> 'step', 'attempt', coalesce(step -> 'attempt', '1'), 'at', cursor_at);
    end if;
    cursor_at := cursor_at + coalesce((step ->> 'ms')::integer, 0) * interval '1 millisecond';
    events := events || jsonb_build_object(
      'type', 'step.' || (step ->> 'status'), 'step', step -> 'step', 'attempt', coalesce(step -> 'attempt', '1'),
      'at', cursor_at, 'payload', jsonb_strip_nulls(jsonb_build_object('handle', step -> 'handle', 'error', step -> 'error'))
    );
    if step ->> 'status' = 'completed' then
      context_no := context_no + 1;
      insert into public.run_context (run_id, version, app_code, step_id, step_run_id, patch, created_at)
      values (
        seed_id, context_no, workflow.app_code, step ->> 'step', step_run,
        jsonb_build_object(step ->> 'step', coalesce(step -> 'output', 'null')), cursor_at
      );
    end if;
  end loop;
  if seed_status <> 'running' then
    events := events || jsonb_build_object('type', 'run.' || seed_status, 'at', cursor_at);
  end if;

  insert into public.run_events (run_id, seq, app_code, event_type, step_id, item_index, attempt, payload, created_at)
  select
    seed_id, e.place, workflow.app_code, e.event ->> 'type', e.event ->> 'step',
    case when e.event ? 'step' then 0 end, (e.event ->> 'attempt')::integer,
    coalesce(e.event -> 'payload', '{}'), coalesce((e.event ->> 'at')::timestamptz, begun)
  from jsonb_array_elements(events) with ordinality e (event, place);
  update public.runs
  set event_seq = jsonb_array_length(events), context_version = context_no
  where id = seed_id;
end
$$;

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000701', '00000000-0000-4000-8000-000000000201', 'completed', '3 days',
  '{"base_url": "https://shop.acme.example", "order_id": "1001", "notify": "sales@acme.example"}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1001"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1001", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "summarize", "status": "completed", "ms": 4, "output": {"order_id": "1001", "customer": "Kim Lee", "lines": 2, "total": 32.5}},
    {"step": "mail", "status": "completed", "ms": 90, "output": {"message_id": "<1001@mail.acme.example>"}, "input": {"to": "sales@acme.example", "subject": "Order"}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000702', '00000000-0000-4000-8000-000000000201', 'completed', '2 days',
  '{"base_url": "https://shop.acme.example", "order_id": "1002", "notify": "sales@acme.example"}',
  null,
  $steps$[
    {"step": "fetch", "status": "failed", "ms": 10000, "attempt": 1, "error": {"code": "http_unreachable", "message": "The shop's API did not answer", "retryable": true}},
    {"step": "fetch", "status": "completed", "ms": 180, "attempt": 2, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1002", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1002"}},
    {"step": "summarize", "status": "completed", "ms": 4, "output": {"order_id": "1002", "customer": "Kim Lee", "lines": 2, "total": 32.5}},
    {"step": "mail", "status": "completed", "ms": 90, "output": {"message_id": "<1001@mail.acme.example>"}, "input": {"to": "sales@acme.example", "subject": "Order"}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000703', '00000000-0000-4000-8000-000000000201', 'failed', '26 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1003", "notify": "sales@acme.example"}',
  '{"code": "http_unreachable", "message": "The shop''s API did not answer", "retryable": true, "step_id": "fetch"}',
  $steps$[
    {"step": "fetch", "status": "failed", "ms": 10000, "attempt": 1, "error": {"code": "http_unreachable", "message": "The shop's API did not answer", "retryable": true}},
    {"step": "fetch", "status": "failed", "ms": 10000, "attempt": 2, "error": {"code": "http_unreachable", "message": "The shop's API did not answer", "retryable": true}},
    {"step": "fetch", "status": "failed", "ms": 10000, "attempt": 3, "error": {"code": "http_unreachable", "message": "The shop's API did not answer", "retryable": true}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000704', '00000000-0000-4000-8000-000000000202', 'completed', '20 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1004", "notify": "sales@acme.example"}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1004"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1004", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "classify", "status": "completed", "ms": 2300, "output": {"text": "Urgent: the customer waits for a gift.", "usage": {"total_tokens": 88}}},
    {"step": "total", "status": "completed", "ms": 3, "output": {"order_id": "1004", "total": 32.5}},
    {"step": "decide", "status": "completed", "ms": 2, "output": true, "handle": "true"},
    {"step": "notify", "status": "completed", "ms": 85, "output": {"message_id": "<1004@mail.acme.example>"}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000705', '00000000-0000-4000-8000-000000000202', 'completed', '12 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1005", "notify": "sales@acme.example", "threshold": 100}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1005"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1005", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "classify", "status": "completed", "ms": 1900, "output": {"text": "Not urgent.", "usage": {"total_tokens": 71}}},
    {"step": "total", "status": "completed", "ms": 3, "output": {"order_id": "1005", "total": 32.5}},
    {"step": "decide", "status": "completed", "ms": 2, "output": false, "handle": "false"},
    {"step": "notify", "status": "skipped", "ms": 0}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000706', '00000000-0000-4000-8000-000000000202', 'timed_out', '9 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1006", "notify": "sales@acme.example"}',
  '{"code": "run_timed_out", "message": "The run took longer than an hour"}',
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1006"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1006", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "total", "status": "completed", "ms": 3, "output": {"order_id": "1006", "total": 32.5}},
    {"step": "classify", "status": "cancelled", "ms": 3599000}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000707', '00000000-0000-4000-8000-000000000203', 'completed', '30 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1007"}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1007"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1007", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "approve", "status": "completed", "ms": 5400000, "output": {"approved": true, "comment": "Fine.", "decided_by": "00000000-0000-4000-8000-0000000000a1"}, "handle": "approved"},
    {"step": "prepare", "status": "completed", "ms": 12, "output": {"order_id": "1007", "approved_by": "00000000-0000-4000-8000-0000000000a1", "parcels": 1}},
    {"step": "ship", "status": "completed", "ms": 160, "output": {"status": 202, "headers": {}, "body": {"accepted": true}}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000708', '00000000-0000-4000-8000-000000000203', 'running', '2 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1008"}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1008"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1008", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "approve", "status": "waiting", "ms": 0, "task": {"title": "Release order 1008?", "description": "Kim Lee waits for it."}, "role": "developer", "input": {"title": "Release order 1008?"}}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000709', '00000000-0000-4000-8000-000000000203', 'cancelled', '5 hours',
  '{"base_url": "https://shop.acme.example", "order_id": "1009"}',
  '{"code": "cancelled", "message": "The customer withdrew the order"}',
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1009"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1009", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "approve", "status": "cancelled", "ms": 600000}
  ]$steps$
);

select pg_temp.seed_run(
  '00000000-0000-4000-8000-000000000710', '00000000-0000-4000-8000-000000000201', 'paused', '45 minutes',
  '{"base_url": "https://shop.acme.example", "order_id": "1010", "notify": "sales@acme.example"}',
  null,
  $steps$[
    {"step": "fetch", "status": "completed", "ms": 140, "input": {"method": "GET", "url": "https://shop.acme.example/orders/1010"}, "output": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"id": "1010", "customer": {"name": "Kim Lee", "email": "kim@customers.example"}, "items": [{"sku": "mug", "price": 12, "quantity": 2}, {"sku": "tea", "price": 8.5, "quantity": 1}]}}},
    {"step": "summarize", "status": "ready", "ms": 0}
  ]$steps$
);
