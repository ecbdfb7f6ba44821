// Starts a run, prints its events, approves it if it waits for an approval, and prints its result.
import process from 'node:process';
import { createStepbase } from 'stepbase';
import type { WorkflowsOf } from 'stepbase/workflow';
import type { orderApproval } from '../stepbase/workflows/order-approval.ts';
import { startShop } from './shop.ts';

const { STEPBASE_URL: url, STEPBASE_API_KEY: apiKey, STEPBASE_APP: app } = process.env;
if (!url || !apiKey) throw new Error('Set STEPBASE_URL and STEPBASE_API_KEY');

const stepbase = createStepbase<WorkflowsOf<typeof orderApproval>>({
  url,
  apiKey,
  ...(app ? { app } : {}),
});
const order_id = process.argv[2] ?? 'order-700';
const shop = await startShop();

// The same key starts the order once, also if this program is started again.
const run = await stepbase.start(
  'order-approval',
  { order_id, shop_url: shop.url },
  { idempotencyKey: process.argv[3] },
);
for await (const event of run.watch()) {
  console.log(event.seq, event.type, event.step_id ?? '');
  if (event.type !== 'task.created') continue;
  for await (const task of stepbase.tasks.list({ runId: run.id })) {
    await stepbase.tasks.decide(task.id, { approved: true, comment: 'fine' });
  }
}
const { ship, decline } = await run.result();
console.log(ship ? `Shipped: ${ship.body.tracking}` : `Declined: ${decline?.status}`);
shop.server.close();
