// Bills an order: the component render-invoice is code of this project, which makes the file of the invoice.
import { defineWorkflow, shape } from 'stepbase/workflow';
import { z } from 'zod';
import type { RenderedInvoice } from '../../supabase/functions/render-invoice/handler.ts';

const Line = z.object({ text: z.string(), amount: z.number() });

export const billing = defineWorkflow(
  'billing',
  { input: z.object({ order_id: z.string(), lines: z.array(Line) }) },
  (w) => {
    const render = w.serviceTask(
      'render',
      {
        component: 'render-invoice',
        input: { order_id: w.input.order_id, lines: w.input.lines },
      },
      { output: shape<RenderedInvoice>(), retry: { max_attempts: 3 } },
    );
    return w.emitEvent('billed', {
      name: 'order.billed',
      payload: { number: render.output.number, total: render.output.total },
    });
  },
);
