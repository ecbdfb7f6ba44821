// Starts many runs of a workflow with one request.
import { z } from 'zod';
import { type Operation, statement } from '../operation.ts';
import { startRuns } from '../queries.ts';
import { named } from '../rows.ts';
import { START_OPTIONS, TRACEPARENT_HEADER, withTraceparent } from '../start-options.ts';

/** The limit of the RPC. */
export const MAX_ITEMS = 1000;

const Item = z.strictObject({
  input: z.record(z.string(), z.unknown()).optional(),
  idempotency_key: z.string().min(1).max(255).optional(),
  priority: z.number().int().min(-100).max(100).optional(),
  ...START_OPTIONS,
});

export const StartRunsBody = z.strictObject({
  items: z.array(Item).max(MAX_ITEMS),
  version: z.number().int().positive().optional(),
});

const StartedRuns = named('StartedRuns', () =>
  z.object({
    items: z.array(
      z.object({
        index: z.number().int().describe('The place of the item, from 0.'),
        run_id: z.uuid().nullable(),
        status: z
          .enum(['started', 'existing', 'refused'])
          .describe('`existing`: its idempotency key started this run earlier.'),
        error: z
          .looseObject({ code: z.string(), message: z.string() })
          .optional()
          .describe('Why the item was refused.'),
      }),
    ),
  }),
);

export const START_RUNS: Operation = statement(
  {
    id: 'startRuns',
    method: 'POST',
    path: '/v1/workflows/:kebab_name/runs/batch',
    title: 'Start many runs',
    permission: 'run:execute',
    description:
      'Starts up to 1,000 runs in one transaction. Each item has its own outcome, in the order of the request: an item that is refused does not prevent the others. Give the items idempotency keys to repeat the request safely at any time.',
    body: StartRunsBody,
    headers: TRACEPARENT_HEADER,
    idempotency: 'stored',
    replies: { 200: { description: '`{items}`: the outcome of each item', schema: StartedRuns } },
    errors: ['not_found', 'conflict', 'limit_reached'],
  },
  async (query, { c, params: { kebab_name: workflow = '' }, body }) => {
    const traceparent = c.req.header('traceparent');
    const items = body.items.map((item) => {
      const metadata = withTraceparent(item.metadata, traceparent);
      return metadata === undefined ? item : { ...item, metadata };
    });
    return { body: { items: await startRuns(query, { workflow, items, version: body.version }) } };
  },
);
