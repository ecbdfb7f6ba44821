import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, failure, httpOutput, type TestKit } from 'stepbase-test';
import { orderApproval } from '../stepbase/workflows/order-approval.ts';

const shop_url = 'https://shop.example';

let kit: TestKit;
before(async () => {
  kit = await createTestKit();
});
beforeEach(() => kit.reset());
after(() => kit.close());

/** Starts a run of an order with this total. */
async function start(total: number) {
  const workflow = await kit.workflow(orderApproval, { execution_timeout_seconds: 7 * 86_400 });
  kit.mock('order', () => httpOutput({ total, customer: 'Kim' }));
  kit.mock('ship', () => httpOutput({ tracking: 'T-1' }));
  kit.mock('decline', () => httpOutput({}));
  return await workflow.start({ order_id: 'A-1', shop_url });
}

test('a small order is shipped at once', async () => {
  const run = await (await start(7)).settled();
  assert.deepEqual(run.path(), ['order', 'large', 'ship']);
  assert.equal(run.result()?.ship?.body.tracking, 'T-1');
});

test('a large order waits for the approval of a developer', async () => {
  const run = await (await start(700)).settled();
  assert.deepEqual(run.waitsFor(), ['task ask']);
  await assert.rejects(run.task('ask').approve({ as: 'viewer' }));
  await run.task('ask').approve({ as: 'developer' });
  assert.deepEqual(run.path(), ['order', 'large', 'ask', 'ship']);
});

test('a rejected order is declined with the reason', async () => {
  const run = await (await start(700)).settled();
  await run.task('ask').reject({ as: 'developer', comment: 'no stock' });
  assert.deepEqual(kit.calls('decline')[0]?.config.body, { order_id: 'A-1', reason: 'no stock' });
});

test('an order that no one approves within two days is declined', async () => {
  const run = await (await start(700)).ended();
  assert.deepEqual(run.path(), ['order', 'large', 'ask!', 'decline']);
});

test('a shop that is closed is asked again', async () => {
  const run = await start(7);
  kit.mock('order', ({ attempt }) =>
    attempt === 1
      ? failure('http_server_error', 'closed', { retryable: true })
      : httpOutput({ total: 7, customer: 'Kim' }),
  );
  await run.ended();
  assert.equal(run.status, 'completed');
  assert.equal(kit.calls('order').length, 2);
});
