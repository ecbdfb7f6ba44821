// Webhook subscriptions: URLs of other systems that receive events of runs, and the deliveries to them.
import { z } from 'zod';
import type { Query } from '../../_shared/db/pool.ts';
import { deleteRow, found, readRow, updateRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, type Resource, statement } from '../operation.ts';
import { requirePermission } from '../request-queries.ts';
import { columnNames, named, row, updateBody } from '../rows.ts';
import {
  createSubscription,
  retryDelivery,
  rotateSubscriptionSecret,
  sendTestEvent,
} from '../webhook-queries.ts';

const EVENT_TYPES = [
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.timed_out',
  'run.paused',
  'run.resumed',
  'task.created',
] as const;

const Url = z
  .string()
  .max(2000)
  .regex(/^https?:\/\/[^\s/?#@]+([/?#]\S*)?$/)
  .describe('An http or https URL without a password.');
const EventTypes = z.array(z.enum(EVENT_TYPES)).min(1).max(20);
const Description = z.string().max(500);

export const SubscriptionBody = z.strictObject({
  url: Url,
  event_types: EventTypes,
  workflow: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('The `kebab_name` of the workflow whose runs are followed; default: every workflow.'),
  description: Description.default(''),
});
export const SubscriptionChange = updateBody('webhook_subscriptions', {
  url: Url,
  event_types: EventTypes,
  description: Description,
});
export const SubscriptionRotateBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('How long deliveries are signed with the earlier secrets, too.'),
});

const SUBSCRIPTIONS: ListSpec = {
  table: 'webhook_subscriptions',
  sorts: ['created_at'],
  filters: {
    workflow_id: equal('webhook_subscriptions', 'workflow_id'),
    is_enabled: equal('webhook_subscriptions', 'is_enabled'),
  },
};
const Subscription = row('webhook_subscriptions', 'WebhookSubscription');
const AS_SUBSCRIPTION = { description: 'the subscription', schema: Subscription };
const SubscriptionSecret = named('WebhookSubscriptionSecret', () =>
  z.object({
    id: z.uuid(),
    secret: z.string().describe('Signs deliveries. It is returned only here.'),
  }),
);
const AS_SECRET = { description: '`{id, secret}`', schema: SubscriptionSecret };

const SUMMARY = { without: ['payload'] };
const ofStatus = equal('webhook_deliveries', 'status', ['pending', 'delivered', 'failed']);
// An index orders the deliveries of a subscription by time.
const DELIVERIES: ListSpec = {
  table: 'webhook_deliveries',
  columns: columnNames('webhook_deliveries', SUMMARY),
  sorts: ['-created_at'],
  filters: { subscription_id: equal('webhook_deliveries', 'subscription_id'), status: ofStatus },
};
const Delivery = row('webhook_deliveries', 'WebhookDelivery');
const AS_DELIVERY = { description: 'the delivery', schema: Delivery };

/** Subscriptions send outputs of runs, and deliveries hold them. */
const requireRunRead = (query: Query) => requirePermission(query, 'run:read');

const SUBSCRIPTION_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'listWebhookSubscriptions',
      method: 'GET',
      path: '/v1/webhook-subscriptions',
      title: 'List webhook subscriptions',
      permission: 'schedule:read',
      description: 'Lists the webhook subscriptions of the application, without their secrets.',
      query: listQuery(SUBSCRIPTIONS),
      replies: {
        200: { description: 'one page', schema: pageOf('WebhookSubscriptionPage', Subscription) },
      },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, SUBSCRIPTIONS, call.query) }),
  ),
  statement(
    {
      id: 'createWebhookSubscription',
      method: 'POST',
      path: '/v1/webhook-subscriptions',
      title: 'Create a webhook subscription',
      permission: 'schedule:write',
      description:
        'Sends the events of runs to a URL, and returns the secret that signs them. The caller also needs `run:read`. An application has at most 50 subscriptions.',
      body: SubscriptionBody,
      idempotency: 'secret',
      replies: {
        201: { ...AS_SECRET, headers: { Location: 'The address of the subscription.' } },
      },
      errors: ['not_found'],
    },
    async (query, { body }) => {
      const made = await createSubscription(query, body);
      return { body: made, headers: { location: `webhook-subscriptions/${made.id}` } };
    },
  ),
  statement(
    {
      id: 'getWebhookSubscription',
      method: 'GET',
      path: '/v1/webhook-subscriptions/:subscription_id',
      title: 'Read a webhook subscription',
      permission: 'schedule:read',
      description: 'Returns the subscription without its secret.',
      replies: { 200: AS_SUBSCRIPTION },
      errors: ['not_found'],
    },
    async (query, { params: { subscription_id: id = '' } }) => ({
      body: found('webhook subscription', await readRow(query, SUBSCRIPTIONS, id)),
    }),
  ),
  statement(
    {
      id: 'updateWebhookSubscription',
      method: 'PATCH',
      path: '/v1/webhook-subscriptions/:subscription_id',
      title: 'Change a webhook subscription',
      permission: 'schedule:write',
      description:
        'Changes the given columns. The caller also needs `run:read`. `{"is_enabled": true}` switches on a subscription that Stepbase has disabled.',
      body: SubscriptionChange,
      replies: { 200: AS_SUBSCRIPTION },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params: { subscription_id: id = '' }, body }) => {
      await requireRunRead(query);
      return {
        body: found('webhook subscription', await updateRow(query, SUBSCRIPTIONS, id, body)),
      };
    },
  ),
  statement(
    {
      id: 'deleteWebhookSubscription',
      method: 'DELETE',
      path: '/v1/webhook-subscriptions/:subscription_id',
      title: 'Delete a webhook subscription',
      permission: 'schedule:write',
      description: 'Deletes the subscription with its secrets and deliveries.',
      replies: { 204: { description: 'no content' } },
      errors: ['not_found'],
    },
    async (query, { params: { subscription_id: id = '' } }) => {
      found('webhook subscription', await deleteRow(query, SUBSCRIPTIONS, id, false));
      return {};
    },
  ),
  statement(
    {
      id: 'rotateWebhookSubscriptionSecret',
      method: 'POST',
      path: '/v1/webhook-subscriptions/:subscription_id/rotate',
      title: 'Rotate the secret of a webhook subscription',
      permission: 'schedule:write',
      description:
        'Creates a new secret and returns it. The caller also needs `run:read`. For `overlap_seconds` deliveries have a signature by both secrets. Until the overlap of the last rotation ends, another one with an overlap is a `conflict`.',
      body: SubscriptionRotateBody,
      idempotency: 'secret',
      replies: { 200: AS_SECRET },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params: { subscription_id: id = '' }, body }) => ({
      body: await rotateSubscriptionSecret(query, id, body.overlap_seconds),
    }),
  ),
  statement(
    {
      id: 'sendTestEvent',
      method: 'POST',
      path: '/v1/webhook-subscriptions/:subscription_id/test',
      title: 'Send a test event',
      permission: 'schedule:write',
      description:
        'Sends an event of the type `webhook.test`, once, also to a disabled subscription. The caller also needs `run:read`. Read the delivery again for its result. At most 10 test events a minute.',
      idempotency: 'stored',
      replies: { 201: { ...AS_DELIVERY, headers: { Location: 'The address of the delivery.' } } },
      errors: ['not_found'],
    },
    async (query, { params: { subscription_id: id = '' } }) => {
      const delivery = await sendTestEvent(query, id);
      return { body: delivery, headers: { location: `../../webhook-deliveries/${delivery.id}` } };
    },
  ),
];

const DELIVERY_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'listWebhookDeliveries',
      method: 'GET',
      path: '/v1/webhook-subscriptions/:subscription_id/deliveries',
      title: 'List the deliveries of a webhook subscription',
      permission: 'schedule:read',
      description:
        'Lists the deliveries, the newest first, without their payloads. The caller also needs `run:read`.',
      query: listQuery({ sorts: DELIVERIES.sorts, filters: { status: ofStatus } }),
      replies: {
        200: {
          description: 'one page',
          schema: pageOf(
            'WebhookDeliveryPage',
            row('webhook_deliveries', 'WebhookDeliverySummary', SUMMARY),
          ),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params: { subscription_id: id = '' }, query: given }) => {
      await requireRunRead(query);
      found('webhook subscription', await readRow(query, SUBSCRIPTIONS, id));
      return { body: await readList(query, DELIVERIES, { ...given, subscription_id: id }) };
    },
  ),
  statement(
    {
      id: 'getWebhookDelivery',
      method: 'GET',
      path: '/v1/webhook-deliveries/:delivery_id',
      title: 'Read a webhook delivery',
      permission: 'schedule:read',
      description:
        'Returns the delivery with its payload and the result of the last attempt. The caller also needs `run:read`.',
      replies: { 200: AS_DELIVERY },
      errors: ['not_found'],
    },
    async (query, { params: { delivery_id: id = '' } }) => {
      await requireRunRead(query);
      const delivery = await readRow(query, { table: 'webhook_deliveries' }, id);
      return { body: found('webhook delivery', delivery) };
    },
  ),
  statement(
    {
      id: 'retryWebhookDelivery',
      method: 'POST',
      path: '/v1/webhook-deliveries/:delivery_id/retry',
      title: 'Retry a webhook delivery',
      permission: 'schedule:write',
      description:
        'Sends an ended delivery once more, with the same `webhook-id`. The caller also needs `run:read`. A pending delivery is a `conflict`.',
      replies: { 200: AS_DELIVERY },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params: { delivery_id: id = '' } }) => ({
      body: await retryDelivery(query, id),
    }),
  ),
];

export const SUBSCRIPTION_RESOURCE: Resource = {
  name: 'Webhook subscriptions',
  description: 'URLs of other systems that receive events of runs, and the deliveries to them.',
  operations: [...SUBSCRIPTION_OPERATIONS, ...DELIVERY_OPERATIONS],
};
