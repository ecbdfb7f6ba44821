import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, handlerMock, type TestKit } from 'stepbase-test';
import { billing } from '../stepbase/workflows/billing.ts';
import { renderInvoice } from '../supabase/functions/render-invoice/handler.ts';

let kit: TestKit;
before(async () => {
  kit = await createTestKit();
});
beforeEach(async () => {
  await kit.reset();
  await kit.component('render-invoice');
});
after(() => kit.close());

test('an order is billed by the code of this project', async () => {
  const workflow = await kit.workflow(billing);
  const lines: string[] = [];
  kit.mock('render', handlerMock(renderInvoice, { onLog: ({ message }) => lines.push(message) }));
  const input = {
    order_id: 'A-1',
    lines: [
      { text: 'Tea', amount: 4.5 },
      { text: 'Pot', amount: 20 },
    ],
  };
  const run = await (await workflow.start(input)).settled();
  assert.deepEqual(run.result()?.billed.payload, { number: 'INV-A-1', total: 24.5 });
  assert.deepEqual(lines, ['rendering']);
});

test('an order without lines fails for good', async () => {
  const workflow = await kit.workflow(billing);
  kit.mock('render', handlerMock(renderInvoice));
  const run = await (await workflow.start({ order_id: 'A-2', lines: [] })).ended();
  assert.deepEqual([run.status, run.error?.code], ['failed', 'empty_order']);
  assert.equal(kit.calls('render').length, 1);
});
