// The items of a for_each: counts by status and by place, and pages of them.
import { z } from 'zod';
import { StepRun } from '../components.ts';
import { countItems, listItems } from '../insight-queries.ts';
import { MAX_LIMIT, pageOf } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { named } from '../rows.ts';

const STATUSES = [
  'pending',
  'ready',
  'running',
  'waiting',
  'completed',
  'failed',
  'skipped',
  'cancelled',
] as const;
const params = { step_id: z.string().min(1).max(63).describe('Id of the node.') };
const count = () => z.number().int();
const Counts = z.record(z.string(), count());

const ItemCounts = named('ItemCounts', () =>
  z.object({
    total: count().describe('Also items that have not started.'),
    bucket_size: count(),
    counts: Counts.describe('Items by status.'),
    buckets: z
      .array(z.object({ first: count(), last: count(), counts: Counts }))
      .describe('Equal parts of the list in its order, with places from 0.'),
  }),
);

export const STEP_ITEMS: readonly Operation[] = [
  statement(
    {
      id: 'countStepItems',
      method: 'GET',
      path: '/v1/runs/:run_id/steps/:step_id/items/counts',
      title: 'Count the items of a for_each',
      permission: 'run:read',
      description: 'Counts the items by the status of their last attempt, in total and by place.',
      params,
      query: z.strictObject({
        buckets: z.coerce
          .number<string | number>()
          .int()
          .min(1)
          .max(500)
          .default(100)
          .describe('The most parts of the list to count apart.'),
      }),
      replies: {
        200: { description: '`{total, bucket_size, counts, buckets}`', schema: ItemCounts },
      },
      errors: ['not_found'],
    },
    async (
      query,
      { params: { run_id: runId = '', step_id: stepId = '' }, query: { buckets } },
    ) => ({
      body: await countItems(query, { runId, stepId, buckets }),
    }),
  ),
  statement(
    {
      id: 'listStepItems',
      method: 'GET',
      path: '/v1/runs/:run_id/steps/:step_id/items',
      title: 'List the items of a for_each',
      permission: 'run:read',
      description:
        'Lists the items in the order of the list, each as the row of its last attempt. Its `item_index` counts from 1.',
      params,
      query: z.strictObject({
        status: z.enum(STATUSES).optional(),
        limit: z.coerce.number<string | number>().int().min(1).max(MAX_LIMIT).default(50),
        cursor: z
          .string()
          .regex(/^\d{1,9}$/)
          .optional()
          .describe('`next_cursor` of the page before: the `item_index` of its last item.'),
      }),
      replies: { 200: { description: 'one page', schema: pageOf('StepItemPage', StepRun) } },
      errors: ['not_found'],
    },
    async (query, { params: { run_id: runId = '', step_id: stepId = '' }, query: given }) => {
      const { status, limit, cursor = '0' } = given;
      const rows = await listItems(query, { runId, stepId, status, after: Number(cursor), limit });
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { body: { items, next_cursor: last ? String(last.item_index) : null } };
    },
  ),
];
