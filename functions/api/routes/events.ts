// POST /events: emits an event of another system, which starts the workflows that it triggers.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import { operation, type Resource } from '../operation.ts';
import { emitEvent } from '../queries.ts';
import { named } from '../rows.ts';
import { readIdempotencyKey } from '../validation.ts';

export const EventBody = z.strictObject({
  name: z.string().min(1).max(100),
  payload: z.unknown().default({}),
  idempotency_key: z.string().min(1).max(255).optional(),
});

export const EVENT_RESOURCE: Resource = {
  name: 'Events',
  description: 'Events of other systems.',
  operations: [
    operation(
      {
        id: 'emitEvent',
        method: 'POST',
        path: '/v1/events',
        title: 'Emit an event',
        permission: 'run:execute',
        description:
          'Emits an event of the application. Every enabled trigger whose name and filter match starts its workflow once.',
        body: EventBody,
        headers: { 'Idempotency-Key': 'Same as `idempotency_key` in the body.' },
        replies: {
          202: {
            description: '`{event_id}`',
            schema: named('EmittedEvent', () => z.object({ event_id: z.uuid() })),
          },
        },
        errors: ['conflict'],
      },
      async ({ c, deps, member, body: { name, payload, idempotency_key } }) => {
        const key = readIdempotencyKey(c, idempotency_key);
        const eventId = await asCaller(deps.db, member, (query) =>
          emitEvent(query, name, payload, key),
        );
        return { body: { event_id: eventId } };
      },
    ),
  ],
};
