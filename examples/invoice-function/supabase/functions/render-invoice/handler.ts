// The code of the step: checks its input, renders the invoice, and logs what it does. It imports nothing of Deno or Node.
import { handler, StepFailure } from 'stepbase/serve';
import { z } from 'zod';

const Input = z.object({
  order_id: z.string(),
  lines: z.array(z.object({ text: z.string(), amount: z.number() })),
});

const Output = z.object({
  number: z.string(),
  total: z.number(),
  text: z.string(),
});
export type RenderedInvoice = z.infer<typeof Output>;

export const renderInvoice = handler({
  input: Input,
  output: Output,
  // Most invoices are done at once. After 5 s the function answers 202 and sends the invoice by a callback.
  later: 5_000,
  async run({ order_id, lines }, ctx) {
    if (lines.length === 0) {
      // The step fails for good: another attempt would find the same.
      throw new StepFailure('empty_order', `Order ${order_id} has no lines`);
    }
    // Each attempt has the same key, so a retry renders the same invoice instead of another one.
    const number = `INV-${order_id}`;
    ctx.log.info('rendering', { number, attempt: ctx.attempt, key: ctx.idempotencyKey });
    const total = lines.reduce((sum, line) => sum + line.amount, 0);
    const rows = lines.map((line) => `${line.text}: ${line.amount.toFixed(2)}`);
    return { number, total, text: [number, ...rows, `Total: ${total.toFixed(2)}`].join('\n') };
  },
});
