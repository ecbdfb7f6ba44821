// POST /events: emits an event of another system, which starts the workflows that it triggers.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { emitEvent } from '../queries.ts';
import { readBody, readIdempotencyKey } from '../validation.ts';

export const EventBody = z.strictObject({
  name: z.string().min(1).max(100),
  payload: z.unknown().default({}),
  idempotency_key: z.string().min(1).max(255).optional(),
});

export function eventRoutes({ db }: Deps): Hono<ApiEnv> {
  return new Hono<ApiEnv>().post('/', async (c) => {
    const { name, payload, idempotency_key } = await readBody(c, EventBody);
    const key = readIdempotencyKey(c, idempotency_key);
    const eventId = await asCaller(db, c.var.member, (query) =>
      emitEvent(query, name, payload, key),
    );
    return c.json({ event_id: eventId }, 202);
  });
}
