// Webhook subscriptions: events of runs arrive at a receiver, signed, once, and again when it has failed.

import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Received } from '../../../scripts/fakes/http.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../../scripts/fakes/webhooks.ts';
import type { Database } from '../../../types/database.ts';
import { signedIn, waitFor } from '../../support/stack.ts';
import { codeOf, failing, node, type TestApp, testApp, value } from '../support.ts';

type Delivery = Database['stepbase']['Tables']['webhook_deliveries']['Row'];

interface Subscription {
  id: string;
  secret: string;
}

interface Event {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

let b: TestApp;
let receiver: WebhookReceiver;
const made: string[] = [];
beforeAll(async () => {
  b = await testApp();
  receiver = await startWebhookReceiver();
});
afterAll(async () => {
  // The stack is shared: nothing may be sent to a receiver that has stopped.
  await b?.db.query('delete from stepbase.webhook_subscriptions where id = any($1)', [made]);
  await receiver?.stop();
});

/** Each test has its own path, so that it sees its own deliveries. */
async function subscribe(
  path: string,
  event_types: string[],
  workflow: string,
): Promise<Subscription> {
  const { data, error } = await b.developer.rpc('create_webhook_subscription', {
    url: `${receiver.url}${path}`,
    event_types,
    workflow,
  });
  if (error) throw new Error(`${error.message} ${error.details}`);
  const subscription = data as unknown as Subscription;
  made.push(subscription.id);
  return subscription;
}

const received = (path: string, type?: string): Promise<Received> =>
  receiver.deliveries.waitFor(
    (one) => one.path === path && (type === undefined || eventOf(one).type === type),
  );
const all = (path: string) => receiver.deliveries.all.filter((one) => one.path === path);
const eventOf = (one: Received) => one.body as Event;

function signature({ headers, text }: Received, secret: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

const log = (subscription: Subscription) =>
  b.developer
    .from('webhook_deliveries')
    .select()
    .eq('subscription_id', subscription.id)
    .order('created_at')
    .then(({ data }) => (data ?? []) as Delivery[]);

/** The only delivery, when it has the status. */
const logged = (subscription: Subscription, status: string) =>
  waitFor(`the delivery is ${status}`, async () => {
    const [first] = await log(subscription);
    return first?.status === status && first;
  });

/** The next attempt, without the wait for its time. */
const hurry = (subscription: Subscription) =>
  b.db.query(
    `with due as (
       update stepbase.webhook_deliveries set next_attempt_at = stepbase_engine.now()
       where subscription_id = $1 and status = 'pending'
     )
     select pg_notify('stepbase', 'due')`,
    [subscription.id],
  );

describe('the end of a run', () => {
  test('is delivered once, signed, with the output', async () => {
    const workflow = await b.publish([value('sum', '{ "total": input.n + 1 }')]);
    const subscription = await subscribe('/completed', ['run.completed', 'run.failed'], workflow);
    const run = await b.start(workflow, { n: 41 });
    const delivery = await received('/completed');
    expect(eventOf(delivery)).toMatchObject({
      type: 'run.completed',
      data: { run_id: run.id, workflow, status: 'completed', output: { sum: { total: 42 } } },
    });
    expect(delivery.headers['webhook-signature']).toBe(signature(delivery, subscription.secret));
    const entry = await logged(subscription, 'delivered');
    expect(entry).toMatchObject({
      id: delivery.headers['webhook-id'],
      run_id: run.id,
      attempts: 1,
      response_status: 200,
      response_body: '{"received":true}',
      failure: null,
    });
    expect(all('/completed')).toHaveLength(1);
  });

  test('is delivered with its error when the run fails, and when it is cancelled', async () => {
    const workflow = await b.publish([failing('bad')]);
    await subscribe('/ends', ['run.failed', 'run.cancelled'], workflow);
    const failed = await b.start(workflow);
    expect(eventOf(await received('/ends', 'run.failed')).data).toMatchObject({
      run_id: failed.id,
      error: { code: expect.any(String), message: expect.stringContaining('bad fails') },
    });
    const waiting = await b.publish([node('ask', 'wait_for_approval', { title: 'Go?' })]);
    await subscribe('/cancelled', ['run.cancelled'], waiting);
    const run = await b.start(waiting);
    await b.stepIs(run.id, 'ask', 'waiting');
    await b.developer.rpc('cancel_run', { run_id: run.id });
    expect(eventOf(await received('/cancelled')).data).toMatchObject({
      run_id: run.id,
      status: 'cancelled',
    });
  });

  test('is not delivered to other workflows, other events and disabled subscriptions', async () => {
    const [workflow, other] = await Promise.all([
      b.publish([value('one')]),
      b.publish([value('two')]),
    ]);
    await subscribe('/quiet', ['run.completed'], other);
    await subscribe('/quiet', ['run.failed'], workflow);
    const disabled = await subscribe('/quiet', ['run.completed'], workflow);
    await b.developer
      .from('webhook_subscriptions')
      .update({ is_enabled: false })
      .eq('id', disabled.id);
    await subscribe('/loud', ['run.completed'], workflow);
    await b.start(workflow);
    await received('/loud');
    expect(all('/quiet')).toEqual([]);
  });
});

describe('other events', () => {
  test('a task, a pause and a resumption are delivered', async () => {
    const workflow = await b.publish([
      node('ask', 'wait_for_approval', { title: 'Ship it?', role: 'developer' }),
    ]);
    await subscribe('/others', ['task.created', 'run.paused', 'run.resumed'], workflow);
    const run = await b.start(workflow);
    const task = eventOf(await received('/others', 'task.created'));
    const step = await b.stepIs(run.id, 'ask', 'waiting');
    expect(task.data).toMatchObject({
      run_id: run.id,
      task_id: step.id,
      step_id: 'ask',
      step_type: 'wait_for_approval',
      title: 'Ship it?',
      assigned_roles: ['developer'],
    });
    await b.developer.rpc('pause_run', { run_id: run.id });
    expect(eventOf(await received('/others', 'run.paused')).data.status).toBe('paused');
    await b.developer.rpc('resume_run', { run_id: run.id });
    expect(eventOf(await received('/others', 'run.resumed')).data.status).toBe('running');
    await b.developer.rpc('cancel_run', { run_id: run.id });
  });

  test('a test event is sent once, and can be sent again', async () => {
    const workflow = await b.publish([value('one')]);
    const subscription = await subscribe('/test', ['run.failed'], workflow);
    receiver.refuseNext(1, 404);
    const sent = await b.developer
      .rpc('send_test_event', { subscription_id: subscription.id })
      .single<Delivery>();
    expect(sent.data).toMatchObject({ event_type: 'webhook.test', status: 'pending' });
    expect(await logged(subscription, 'failed')).toMatchObject({
      attempts: 1,
      response_status: 404,
      failure: 'the receiver answered 404',
    });
    const again = await b.developer.rpc('retry_delivery', { delivery_id: sent.data?.id ?? '' });
    expect(again.error).toBeNull();
    await logged(subscription, 'delivered');
    const [first, second] = all('/test');
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.text).toBe(first?.text);
  });
});

describe('a receiver that fails', () => {
  test('gets the same delivery again', async () => {
    const workflow = await b.publish([value('one')]);
    const subscription = await subscribe('/later', ['run.completed'], workflow);
    receiver.refuseNext(1, 503);
    await b.start(workflow);
    const failed = await waitFor('the first attempt has failed', async () => {
      const [first] = await log(subscription);
      return first?.failure !== null && first;
    });
    expect(failed).toMatchObject({ status: 'pending', attempts: 1, response_status: 503 });
    await hurry(subscription);
    expect(await logged(subscription, 'delivered')).toMatchObject({ attempts: 2, failure: null });
    const [first, second] = all('/later');
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  test('and answers 410 is not called again', async () => {
    const workflow = await b.publish([value('one')]);
    const subscription = await subscribe('/gone', ['run.completed'], workflow);
    receiver.refuseNext(1, 410);
    await b.start(workflow);
    await logged(subscription, 'failed');
    const { data } = await b.developer
      .from('webhook_subscriptions')
      .select('is_enabled, disabled_reason')
      .eq('id', subscription.id)
      .single();
    expect(data).toEqual({
      is_enabled: false,
      disabled_reason: 'The receiver answered 410 (gone)',
    });
  });
});

describe('a subscription', () => {
  test('signs with the earlier secret, too, during the overlap', async () => {
    const workflow = await b.publish([value('one')]);
    const first = await subscribe('/rotated', ['run.completed'], workflow);
    const { data } = await b.developer.rpc('rotate_webhook_subscription_secret', {
      subscription_id: first.id,
      overlap_seconds: 3_600,
    });
    const second = data as unknown as Subscription;
    await b.start(workflow);
    const delivery = await received('/rotated');
    const signatures = (delivery.headers['webhook-signature'] ?? '').split(' ').sort();
    expect(signatures).toEqual(
      [first, second].map(({ secret }) => signature(delivery, secret)).sort(),
    );
  });

  test('belongs to its application, and viewers change nothing', async () => {
    const workflow = await b.publish([value('one')]);
    const { id } = await subscribe('/access', ['run.failed'], workflow);
    const [viewer, stranger] = await Promise.all([
      signedIn('viewer@acme'),
      signedIn('developer@globex'),
    ]);
    const args = { subscription_id: id };
    expect(codeOf(await viewer.rpc('send_test_event', args))).toBe('SB403 permission_denied');
    expect(codeOf(await stranger.rpc('send_test_event', args))).toBe('SB404 not_found');
    const changed = await stranger
      .from('webhook_subscriptions')
      .update({ url: 'https://evil.example' })
      .eq('id', id)
      .select();
    expect(changed.data).toEqual([]);
    const { rows } = await b.db.query<{ table_name: string; new_row: unknown }>(
      'select table_name, new_row from stepbase.audit_log where row_id = $1 order by table_name',
      [id],
    );
    expect(rows.map(({ table_name }) => table_name)).toEqual([
      'signing_secrets',
      'webhook_subscriptions',
    ]);
    expect(JSON.stringify(rows)).not.toContain('whsec_');
  });
});
