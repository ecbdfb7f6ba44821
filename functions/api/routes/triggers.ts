// Automatic starts: triggers and webhooks.
import { z } from 'zod';
import { JsonObject, ofWorkflow } from '../components.ts';
import { crud } from '../crud.ts';
import { equal } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { named } from '../rows.ts';
import { createWebhook, rotateWebhookSecret } from '../webhook-queries.ts';
import { DATABASE_TRIGGERS } from './database-triggers.ts';
import { WEBHOOK_CALLS } from './webhook-calls.ts';

const permissions = { read: 'schedule:read', write: 'schedule:write' };

export const SIGNATURE_SCHEMES = ['standard_webhooks', 'stripe', 'github', 'slack'] as const;
const Secret = z
  .string()
  .min(1)
  .max(1000)
  .optional()
  .describe(
    'The secret that the sender uses. Without one Stepbase creates it, except for `stripe` and `slack`, which issue it themselves.',
  );

export const WebhookBody = z.strictObject({
  workflow: z.string().min(1).max(100).describe('The `kebab_name` of the workflow.'),
  name: z.string().max(255).default(''),
  input: JsonObject.default({}),
  signature_scheme: z
    .enum(SIGNATURE_SCHEMES)
    .default('standard_webhooks')
    .describe('How the sender signs its calls. It cannot change.'),
  secret: Secret,
});
export const RotateBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('How long earlier secrets stay valid.'),
  secret: Secret,
});

const WebhookSecret = named('WebhookSecret', () =>
  z.object({
    id: z.uuid(),
    path: z.string().describe('The path to call, relative to the HTTP API.'),
    signature_scheme: z.enum(SIGNATURE_SCHEMES),
    secret: z
      .string()
      .nullable()
      .describe('Signs calls. It is returned only here; null if the request named it.'),
  }),
);

export const TRIGGER_RESOURCE: Resource = {
  name: 'Triggers and webhooks',
  description: 'Starts of workflows by events and by calls of other systems.',
  operations: [
    ...crud({
      table: 'workflow_triggers',
      path: '/v1/triggers',
      param: 'trigger_id',
      component: 'Trigger',
      one: 'trigger',
      many: 'triggers',
      permissions,
      sorts: ['created_at'],
      filters: {
        workflow: ofWorkflow,
        trigger_type: equal('workflow_triggers', 'trigger_type', ['event', 'webhook']),
        event_name: equal('workflow_triggers', 'event_name'),
        is_enabled: equal('workflow_triggers', 'is_enabled'),
      },
      overrides: { trigger_type: z.enum(['event']), name: z.string().max(255) },
      notes: {
        list: 'Lists the triggers of the application, webhooks included.',
        create:
          'Creates a trigger that starts a workflow for an event. [Create a webhook](#create-a-webhook) creates those for calls.',
        delete: 'Deletes the trigger, or the webhook with its secrets.',
      },
    }),
    statement(
      {
        id: 'createWebhook',
        method: 'POST',
        path: '/v1/webhooks',
        title: 'Create a webhook',
        permission: 'schedule:write',
        description:
          'Creates a webhook trigger of a workflow and returns the path to call and the secret that signs calls, if Stepbase created it.',
        body: WebhookBody,
        idempotency: 'secret',
        replies: {
          201: { description: '`{id, path, signature_scheme, secret}`', schema: WebhookSecret },
        },
        errors: ['not_found'],
      },
      async (query, { body }) => ({ body: await createWebhook(query, body) }),
    ),
    statement(
      {
        id: 'rotateWebhookSecret',
        method: 'POST',
        path: '/v1/webhooks/:trigger_id/rotate',
        title: 'Rotate the secret of a webhook',
        permission: 'schedule:write',
        description:
          'Stores the given secret, or creates one. The replaced one stays valid for `overlap_seconds`. Until the overlap of the last rotation ends, another one with an overlap is a `conflict`.',
        body: RotateBody,
        idempotency: 'secret',
        replies: {
          200: { description: '`{id, path, signature_scheme, secret}`', schema: WebhookSecret },
        },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await rotateWebhookSecret(query, params.trigger_id ?? '', body),
      }),
    ),
    ...WEBHOOK_CALLS,
    DATABASE_TRIGGERS,
  ],
};
