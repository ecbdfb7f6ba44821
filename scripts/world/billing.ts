// The sample billing system: POST /hooks/refunds takes approved refunds, POST /hooks/runs the events of runs.

import { z } from 'zod';
import type { Received, Reply } from '../fakes/http.ts';
import { refusal } from './refusal.ts';

const refund = z.object({
  type: z.literal('refund.approved'),
  refund: z.object({ order_id: z.string(), amount: z.number().positive(), currency: z.string() }),
});
const event = z.object({ type: z.string().min(1), data: z.record(z.string(), z.unknown()) });

export function answerBilling({ method, path, body }: Received): Reply {
  if (path !== '/hooks/refunds' && path !== '/hooks/runs') {
    return refusal(
      404,
      'not_found',
      `Billing has no ${path}; post to /hooks/refunds or /hooks/runs`,
    );
  }
  if (method !== 'POST') {
    return refusal(405, 'method_not_allowed', `Billing takes a POST with JSON, not ${method}`);
  }
  if (path === '/hooks/runs') {
    if (event.safeParse(body).success) return { body: { received: true } };
    return refusal(400, 'invalid_event', 'The body must be JSON with type and data');
  }
  const given = refund.safeParse(body);
  if (!given.success) {
    const [issue] = given.error.issues;
    const message = `${issue?.path.join('.') || 'The body'}: ${issue?.message ?? 'is not valid'}`;
    return refusal(400, 'invalid_refund', message);
  }
  return {
    status: 202,
    body: { accepted: true, refund_id: `refund-${given.data.refund.order_id}` },
  };
}
