// webhook: the request that the receiver gets, its signature, and the responses that count as delivered.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { startWebhookReceiver } from '../../../scripts/fakes/webhooks.ts';
import { afterAll, failureOf, outputOf, testContext, testEnv } from './testing.ts';

const receiver = await startWebhookReceiver();
afterAll(() => receiver.stop());

const at = new Date('2026-11-20T12:00:00Z');
const ctx = testContext({ env: testEnv({}, { now: () => at }) });

Deno.test('the payload arrives as JSON with its idempotency key', async () => {
  const output = await outputOf(
    'webhook',
    { url: `${receiver.url}/plain`, payload: { a: 1 }, headers: { 'x-extra': 'yes' } },
    ctx,
  );
  assert.deepEqual((output as { status: number; body: unknown }).body, { received: true });
  const delivery = await receiver.deliveries.waitFor((one) => one.path === '/plain');
  assert.deepEqual(delivery.body, { a: 1 });
  assert.equal(delivery.headers['idempotency-key'], 'run-1:step:0');
  assert.equal(delivery.headers['webhook-id'], 'run-1:step:0');
  assert.equal(delivery.headers['x-extra'], 'yes');
  assert.equal(delivery.headers['webhook-signature'], undefined);
});

Deno.test('a secret signs id, time and body by the Standard Webhooks specification', async () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef');
  for (const [path, secret] of [
    ['/text', key.toString()],
    ['/base64', `whsec_${key.toString('base64')}`],
  ]) {
    const config = {
      url: `${receiver.url}${path}`,
      payload: { n: 'ü' },
      secret: '{{ secrets.hook }}',
    };
    await outputOf('webhook', config, ctx, { hook: secret ?? '' });
    const delivery = await receiver.deliveries.waitFor((one) => one.path === path);
    const timestamp = String(at.getTime() / 1_000);
    assert.equal(delivery.headers['webhook-timestamp'], timestamp);
    const expected = createHmac('sha256', key)
      .update(`run-1:step:0.${timestamp}.${delivery.text}`)
      .digest('base64');
    assert.equal(delivery.headers['webhook-signature'], `v1,${expected}`);
  }
});

Deno.test('a 5xx is retryable, a redirect is not followed', async () => {
  receiver.refuseNext(1, 500);
  const error = await failureOf('webhook', { url: `${receiver.url}/refused`, payload: {} }, ctx);
  assert.deepEqual([error.code, error.retryable], ['http_server_error', true]);
  receiver.refuseNext(1, 410);
  const gone = await failureOf('webhook', { url: `${receiver.url}/gone`, payload: {} }, ctx);
  assert.deepEqual([gone.code, gone.retryable], ['http_client_error', false]);
});

Deno.test('a whsec_ secret that is not base64 is a config error', async () => {
  const error = await failureOf('webhook', { url: receiver.url, secret: 'whsec_***' }, ctx);
  assert.equal(error.code, 'invalid_config');
});
