// An order is shipped at once if it is small. Otherwise a developer approves it first, within two days.
import { defineWorkflow, expr, shape } from 'stepbase/workflow';
import { z } from 'zod';

const DAY_MS = 86_400_000;

export const orderApproval = defineWorkflow(
  'order-approval',
  { input: z.object({ order_id: z.string(), shop_url: z.url() }) },
  (w) => {
    const order = w.httpRequest(
      'order',
      { url: `${w.input.shop_url}/orders/${w.input.order_id}` },
      { output: shape<{ total: number; customer: string }>(), retry: { max_attempts: 3 } },
    );
    const large = w.condition('large', {
      expression: expr<boolean>`${order.output.body.total} > 100`,
    });
    const ask = w.waitForApproval(
      'ask',
      {
        title: `Ship order ${w.input.order_id}?`,
        description: `${order.output.body.customer} ordered goods for ${order.output.body.total} EUR.`,
        role: 'developer',
        deadline_ms: 2 * DAY_MS,
      },
      { after: large.on('true') },
    );
    const ship = w.httpRequest(
      'ship',
      {
        method: 'POST',
        url: `${w.input.shop_url}/shipments`,
        body: { order_id: w.input.order_id },
      },
      {
        join: 'any',
        after: [large.on('false'), ask.on('approved')],
        output: shape<{ tracking: string }>(),
        retry: { max_attempts: 3 },
      },
    );
    const decline = w.httpRequest(
      'decline',
      {
        method: 'POST',
        url: `${w.input.shop_url}/declined`,
        body: { order_id: w.input.order_id, reason: ask.output.comment },
      },
      { join: 'any', after: [ask.on('rejected'), ask.on('timeout')] },
    );
    return [ship, decline];
  },
);
