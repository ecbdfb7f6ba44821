// What generated requests on secrets, keys, service accounts, webhooks, subscriptions and refused starts need to succeed.
import { randomUUID } from 'node:crypto';
import { sql } from './support.ts';
import type { Preparations, World } from './world.ts';

export async function prepareMachines(world: World, workflow: string): Promise<Preparations> {
  const secret = async () => {
    const name = `s${randomUUID().replaceAll('-', '')}`;
    await world.made('PUT', `/v1/secrets/${name}`, { value: 'value' });
    return { params: { name } };
  };
  const subscribed = { url: 'https://crm.example/hooks', event_types: ['run.failed'] };
  const subscription = async () => {
    const { id } = await world.made('POST', '/v1/webhook-subscriptions', subscribed);
    return { params: { subscription_id: id } };
  };
  const account = async () => {
    const body = { name: randomUUID(), role: 'viewer' };
    return {
      params: { service_account_id: (await world.made('POST', '/v1/service-accounts', body)).id },
    };
  };
  const delivery = async () => {
    const { params } = await subscription();
    const [row] = await sql<{ id: string }>(
      `insert into stepbase.webhook_deliveries
         (app_code, subscription_id, event_type, payload, status, attempts, completed_at, next_attempt_at)
       values ($1, $2, 'webhook.test', '{"type": "webhook.test"}', 'failed', 1, now(), null)
       returning id`,
      [world.tenant.app_code, params.subscription_id],
    );
    return { params: { delivery_id: row?.id } };
  };
  world.add('url', subscribed.url);
  world.add('event_types', subscribed.event_types);
  world.add('delivery_id', (await delivery()).params.delivery_id);
  const [start] = await sql<{ id: string }>(
    `insert into stepbase.refused_starts (app_code, database_trigger, workflow, event, error)
     values ($1, 'orders', $2, 'insert', '{"code": "invalid_input", "message": "n is no number"}')
     returning id`,
    [world.tenant.app_code, workflow],
  );
  world.add('refused_start_id', start?.id);

  const budget = async () => {
    await world.made('PUT', '/v1/ai-budgets/day', { max_cost: 5 });
    return { params: { period: 'day' } };
  };
  return {
    setAiBudget: async () => ({ params: { period: 'day' }, body: { max_cost: 5 } }),
    deleteAiBudget: budget,
    setSecret: async () => ({ params: { name: 'generated' }, body: { value: 'value' } }),
    deleteSecret: secret,
    rollbackSecret: async () => ({ ...(await secret()), body: { version: 1 } }),
    createServiceAccount: async () => ({ body: { name: randomUUID(), role: 'viewer' } }),
    getServiceAccount: account,
    updateServiceAccount: async () => ({ ...(await account()), body: { role: 'developer' } }),
    createApiKey: async () => ({ body: { name: 'generated' } }),
    rotateApiKey: async () => {
      const { id } = await world.made('POST', '/v1/api-keys', { name: 'generated' });
      return { params: { api_key_id: id }, body: {} };
    },
    createWebhook: async () => ({ body: { workflow } }),
    rotateWebhookSecret: async () => {
      const { id } = await world.made('POST', '/v1/webhooks', { workflow });
      return { params: { trigger_id: id }, body: {} };
    },
    createWebhookSubscription: async () => ({ body: subscribed }),
    getWebhookSubscription: subscription,
    updateWebhookSubscription: async () => ({
      ...(await subscription()),
      body: { description: 'Changed' },
    }),
    deleteWebhookSubscription: subscription,
    rotateWebhookSubscriptionSecret: async () => ({ ...(await subscription()), body: {} }),
    sendTestEvent: async () => ({ ...(await subscription()), body: {} }),
    listWebhookDeliveries: subscription,
    retryWebhookDelivery: async () => ({ ...(await delivery()), body: {} }),
  };
}
