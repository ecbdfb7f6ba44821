import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, type TestKit } from 'stepbase-test';
import { order } from '../stepbase/workflows/order.ts';

let kit: TestKit;
before(async () => {
  kit = await createTestKit();
});
beforeEach(() => kit.reset());
after(() => kit.close());

test('a small order is packed at once', async () => {
  const run = await (
    await (await kit.workflow(order)).start({ product: 'Tea', quantity: 2 })
  ).settled();
  assert.deepEqual(run.result(), { pack: { parcel: 'P-2' } });
});

test('a large order is packed after its approval, and refused otherwise', async () => {
  const workflow = await kit.workflow(order);
  const first = await (await workflow.start({ product: 'Tea', quantity: 10 })).settled();
  assert.equal(first.task('ask').details.title, 'Pack 10 × Tea?');
  await first.task('ask').approve({ as: 'developer' });
  assert.deepEqual(first.result(), { pack: { parcel: 'P-10' } });
  const second = await (await workflow.start({ product: 'Tea', quantity: 10 })).settled();
  await second.task('ask').reject({ as: 'developer', comment: 'no tea' });
  assert.deepEqual(second.result(), { refuse: { reason: 'no tea' } });
});
