// Events of other systems: emits one, which starts the workflows that it triggers, and lists those of the last day.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import { listEvents } from '../insight-queries.ts';
import { MAX_LIMIT, pageOf } from '../lists.ts';
import { operation, type Resource, statement } from '../operation.ts';
import { emitEvent } from '../queries.ts';
import { named } from '../rows.ts';
import { readIdempotencyKey } from '../validation.ts';

export const EventBody = z.strictObject({
  name: z.string().min(1).max(100),
  payload: z.unknown().default({}),
  idempotency_key: z.string().min(1).max(255).optional(),
});

const Event = named('Event', () =>
  z.looseObject({
    id: z.uuid(),
    name: z.string(),
    payload: z.unknown(),
    at: z.string(),
    status: z
      .enum(['pending', 'handled', 'failed'])
      .describe('`pending`: no worker has relayed it yet.'),
    error: z.string().nullable(),
    runs: z
      .array(
        z.object({
          run_id: z.uuid(),
          status: z.string(),
          workflow: z.string().describe('The `kebab_name` of the workflow.'),
          trigger_id: z.uuid(),
        }),
      )
      .describe('What it started, by triggers that still exist.'),
  }),
);

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
    statement(
      {
        id: 'listEvents',
        method: 'GET',
        path: '/v1/events',
        title: 'List events',
        permission: 'schedule:read',
        description:
          'Lists the events of the last day with the runs that they started, the newest first. Also needs `run:read`. An event about a run has `run_id`.',
        query: z.strictObject({
          name: z.string().min(1).max(100).optional(),
          limit: z.coerce.number<string | number>().int().min(1).max(MAX_LIMIT).default(50),
          cursor: z
            .string()
            .regex(/^\d{1,18}$/)
            .optional()
            .describe('`next_cursor` of the page before.'),
        }),
        replies: { 200: { description: 'one page', schema: pageOf('EventPage', Event) } },
        errors: [],
      },
      async (query, call) => ({ body: await listEvents(query, call.query) }),
    ),
  ],
};
