// Automatic starts: schedules, triggers and webhooks.
import { z } from 'zod';
import { JsonObject, ofWorkflow } from '../components.ts';
import { crud } from '../crud.ts';
import { equal } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { createWebhook, rotateWebhookSecret } from '../resource-queries.ts';
import { named } from '../rows.ts';

const permissions = { read: 'schedule:read', write: 'schedule:write' };

export const WebhookBody = z.strictObject({
  workflow: z.string().min(1).max(100).describe('The `kebab_name` of the workflow.'),
  name: z.string().max(255).default(''),
  input: JsonObject.default({}),
});
export const RotateBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('How long earlier secrets stay valid.'),
});

const WebhookSecret = named('WebhookSecret', () =>
  z.object({
    id: z.uuid(),
    path: z.string().describe('The path to call, relative to the HTTP API.'),
    secret: z.string().describe('Signs calls. It is returned only here.'),
  }),
);

export const SCHEDULE_RESOURCE: Resource = {
  name: 'Schedules',
  description: 'Starts of workflows at times of a cron expression.',
  operations: crud({
    table: 'workflow_schedules',
    path: '/v1/schedules',
    param: 'schedule_id',
    component: 'Schedule',
    one: 'schedule',
    many: 'schedules',
    permissions,
    sorts: ['created_at'],
    filters: { workflow: ofWorkflow, is_enabled: equal('workflow_schedules', 'is_enabled') },
    overrides: {
      cron_expression: z.string().min(1).max(255),
      timezone: z.string().min(1).max(100),
      name: z.string().max(255),
    },
  }),
};

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
          'Creates a webhook trigger of a workflow and returns the path to call and the secret that signs calls.',
        body: WebhookBody,
        idempotency: 'secret',
        replies: { 201: { description: '`{id, path, secret}`', schema: WebhookSecret } },
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
        description: 'Creates a new secret. Earlier ones stay valid for `overlap_seconds`.',
        body: RotateBody,
        idempotency: 'secret',
        replies: { 200: { description: '`{id, path, secret}`', schema: WebhookSecret } },
        errors: ['not_found'],
      },
      async (query, { params, body }) => ({
        body: await rotateWebhookSecret(query, params.trigger_id ?? '', body.overlap_seconds),
      }),
    ),
  ],
};
