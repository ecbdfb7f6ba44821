// Statements about webhooks: those that start workflows, and the subscriptions that Stepbase calls. All run as the
// caller.
import type { Query } from '../_shared/db/pool.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import { one } from './queries.ts';

export const createWebhook = (
  query: Query,
  webhook: {
    workflow: string;
    name: string;
    input: object;
    signature_scheme: string;
    secret?: string | undefined;
  },
) =>
  one(query, 'select stepbase.create_webhook($1, $2, $3::jsonb, $4, $5) as value', [
    webhook.workflow,
    webhook.name,
    toStorableJson(webhook.input),
    webhook.signature_scheme,
    webhook.secret ?? null,
  ]);

export const rotateWebhookSecret = (
  query: Query,
  id: string,
  { overlap_seconds: seconds, secret }: { overlap_seconds: number; secret?: string | undefined },
) =>
  one(query, 'select stepbase.rotate_webhook_secret($1, $2::int, $3) as value', [
    id,
    seconds,
    secret ?? null,
  ]);

export const createSubscription = (
  query: Query,
  subscription: {
    url: string;
    event_types: string[];
    workflow?: string | undefined;
    description: string;
  },
) =>
  one(query, 'select stepbase.create_webhook_subscription($1, $2::text[], $3, $4) as value', [
    subscription.url,
    subscription.event_types,
    subscription.workflow ?? null,
    subscription.description,
  ]);

export const rotateSubscriptionSecret = (query: Query, id: string, overlapSeconds: number) =>
  one(query, 'select stepbase.rotate_webhook_subscription_secret($1, $2::int) as value', [
    id,
    overlapSeconds,
  ]);

export const sendTestEvent = (query: Query, id: string) =>
  one(query, 'select to_jsonb(d) as value from stepbase.send_test_event($1) d', [id]);

export const retryDelivery = (query: Query, id: string) =>
  one(query, 'select to_jsonb(d) as value from stepbase.retry_delivery($1) d', [id]);
