// An order: it is priced, a large one is approved by a developer, and it is packed.
import { defineWorkflow, expr } from 'stepbase/workflow';
import { z } from 'zod';

export const order = defineWorkflow(
  'order',
  { input: z.object({ product: z.string(), quantity: z.number() }) },
  (w) => {
    const price = w.transform('price', {
      expression: expr<{ total: number }>`{"total": ${w.input.quantity} * 25}`,
    });
    const large = w.condition('large', { expression: expr<boolean>`${price.output.total} > 100` });
    const ask = w.waitForApproval(
      'ask',
      {
        title: `Pack ${w.input.quantity} × ${w.input.product}?`,
        description: `The order costs ${price.output.total} EUR.`,
        role: 'developer',
      },
      { after: large.on('true') },
    );
    const pack = w.transform(
      'pack',
      { expression: expr<{ parcel: string }>`{"parcel": "P-" & ${w.input.quantity}}` },
      { join: 'any', after: [large.on('false'), ask.on('approved')] },
    );
    const refuse = w.transform(
      'refuse',
      { expression: expr<{ reason: unknown }>`{"reason": ${ask.output.comment}}` },
      { after: ask.on('rejected') },
    );
    return [pack, refuse];
  },
);
