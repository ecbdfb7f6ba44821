// One delivery: what the receiver gets, which responses count, and the addresses that are refused.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { startWebhookReceiver } from '../../../scripts/fakes/webhooks.ts';
import { systemClock } from '../../_shared/clock/clock.ts';
import { handClock, settled } from '../../_shared/clock/testing.ts';
import { StepError } from '../steps/errors.ts';
import { afterAll, testEnv } from '../steps/testing.ts';
import { runSpanId } from '../tracing/tracer.ts';
import type { Delivery } from './queries.ts';
import { createSend, TIMEOUT_MS } from './send.ts';

const receiver = await startWebhookReceiver();
afterAll(() => receiver.stop());

const KEYS = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
const secretOf = (key: Buffer) => `whsec_${key.toString('base64')}`;
const running = new AbortController().signal;

const delivery = (overrides: Partial<Delivery> = {}): Delivery => ({
  id: 'd-1',
  app_code: 'acme',
  url: `${receiver.url}/events`,
  attempt: 1,
  payload: '{"type": "run.completed", "n": 12345678901234567890}',
  secrets: [secretOf(KEYS[0])],
  ...overrides,
});

Deno.test('a delivery is signed as Standard Webhooks, with each secret that is valid', async () => {
  const send = createSend({ env: testEnv(), clock: systemClock });
  const result = await send(delivery({ secrets: KEYS.map(secretOf) }), running);
  assert.deepEqual([result.status, result.failure], [200, undefined]);
  assert.equal(result.body, '{"received":true}');
  const { headers, text } = await receiver.deliveries.waitFor(({ path }) => path === '/events');
  assert.equal(text, delivery().payload);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['webhook-id'], 'd-1');
  const at = Number(headers['webhook-timestamp']);
  assert.ok(Math.abs(at - Date.now() / 1000) < 60);
  const signatures = KEYS.map(
    (key) => `v1,${createHmac('sha256', key).update(`d-1.${at}.${text}`).digest('base64')}`,
  );
  assert.equal(headers['webhook-signature'], signatures.join(' '));
});

Deno.test('a delivery continues the trace of its run', async () => {
  const run = { run_id: 'r-1', trace_id: '019a0000000070008000000000000001' };
  const caller = `00-${run.trace_id}-00f067aa0ba902b7-01`;
  const sent = async (path: string, given: Partial<Delivery>, isSampled?: boolean) => {
    const tracer = isSampled === undefined ? undefined : { isSampled: () => isSampled };
    const send = createSend({ env: testEnv(), clock: systemClock, tracer });
    await send(delivery({ ...given, url: `${receiver.url}${path}` }), running);
    const { headers } = await receiver.deliveries.waitFor((found) => found.path === path);
    return headers.traceparent;
  };
  assert.equal(await sent('/none', run), undefined);
  assert.equal(await sent('/caller', { ...run, traceparent: caller }), caller);
  assert.equal(await sent('/invalid', { ...run, traceparent: 'x' }), undefined);
  assert.equal(await sent('/run', run, true), `00-${run.trace_id}-${runSpanId('r-1')}-01`);
  assert.equal(await sent('/quiet', run, false), `00-${run.trace_id}-${runSpanId('r-1')}-00`);
  assert.equal(await sent('/test-event', {}, true), undefined);
});

Deno.test('a response other than 2xx is a failure, with the beginning of its body', async () => {
  const send = createSend({ env: testEnv(), clock: systemClock });
  for (const status of [302, 404, 410, 500]) {
    receiver.refuseNext(1, status);
    const result = await send(delivery(), running);
    assert.equal(result.status, status);
    assert.match(result.failure ?? '', new RegExp(`answered ${status}`));
    assert.equal(result.body, '{"error":"refused"}');
  }
});

Deno.test('private addresses, other protocols and invalid URLs are refused without a connection', async () => {
  const env = testEnv({ STEPBASE_ALLOW_PRIVATE_NETWORK: 'false' });
  const send = createSend({
    env: { ...env, connect: () => Promise.reject(new Error('the test allows no connection')) },
    clock: systemClock,
  });
  for (const url of [receiver.url, 'http://[::1]/', 'http://169.254.169.254/latest']) {
    assert.match((await send(delivery({ url }), running)).failure ?? '', /private address/);
  }
  assert.match(
    (await send(delivery({ url: 'ftp://a.example' }), running)).failure ?? '',
    /only http/,
  );
  assert.match((await send(delivery({ url: 'http://[' }), running)).failure ?? '', /not valid/);
});

Deno.test('the failure of a connection does not contain addresses', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), {
    code: 'ECONNREFUSED',
  });
  for (const [error, failure] of [
    [refused, 'the connection failed (ECONNREFUSED)'],
    [new Error('secret 10.0.0.1'), 'the connection failed'],
    [
      new StepError('network_error', 'the host x could not be resolved'),
      'the host x could not be resolved',
    ],
  ] as const) {
    const env = { ...testEnv(), connect: () => Promise.reject(error) };
    const result = await createSend({ env, clock: systemClock })(delivery(), running);
    assert.equal(result.failure, failure);
  }
});

Deno.test('a receiver that does not answer in time has failed, also while its name is resolved', async () => {
  const silent = () => new Promise<never>(() => undefined);
  const base = testEnv({ STEPBASE_ALLOW_PRIVATE_NETWORK: 'false' });
  for (const env of [
    { ...testEnv(), connect: silent },
    { ...base, egress: { ...base.egress, resolve: silent } },
  ]) {
    const clock = handClock();
    const result = createSend({ env, clock })(delivery({ url: 'https://a.example/' }), running);
    await clock.advance(TIMEOUT_MS);
    assert.deepEqual(await result, {
      failure: `no response within ${TIMEOUT_MS} ms`,
      durationMs: TIMEOUT_MS,
    });
    assert.deepEqual(clock.due, []);
  }
});

Deno.test('an attempt ends when the worker stops', async () => {
  const clock = handClock();
  const stop = new AbortController();
  const env = { ...testEnv(), connect: () => new Promise<never>(() => undefined) };
  const result = createSend({ env, clock })(delivery(), stop.signal);
  await settled();
  stop.abort();
  assert.equal((await result).failure, 'the worker stopped');
});
