// Queues: work queues with their items, and task queues.
import { z } from 'zod';
import { ofWorkflow } from '../components.ts';
import { crud, found, readRow } from '../crud.ts';
import { listWaitingRuns, readQueues } from '../insight-queries.ts';
import { equal, type ListSpec, listQuery, MAX_LIMIT, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { named, row } from '../rows.ts';

const permissions = { read: 'queue:read', write: 'queue:write' };

const ITEM_STATUSES = ['queued', 'taken', 'done', 'failed'] as const;
const ITEMS: ListSpec = {
  table: 'work_queue_items',
  sorts: ['created_at'],
  filters: {
    work_queue_id: equal('work_queue_items', 'work_queue_id'),
    status: equal('work_queue_items', 'status', ITEM_STATUSES),
  },
};

export const WORK_QUEUE_RESOURCE: Resource = {
  name: 'Work queues',
  description: 'Queues of items that workflows push and pop.',
  operations: [
    ...crud({
      table: 'work_queues',
      path: '/v1/work-queues',
      param: 'work_queue_id',
      component: 'WorkQueue',
      one: 'work queue',
      many: 'work queues',
      permissions,
      sorts: ['created_at', 'queue_name'],
      filters: { workflow: ofWorkflow, queue_name: equal('work_queues', 'queue_name') },
      overrides: {
        ordering: z.enum(['fifo', 'lifo', 'priority']),
        signal_name: z.string().max(100).optional(),
        query_name: z.string().max(100).optional(),
      },
      notes: {
        create:
          'Creates a work queue of a workflow, with the signal that pushes an item and the query that returns its state.',
        delete: 'Deletes the work queue with its items, its signal and its query.',
      },
    }),
    statement(
      {
        id: 'listWorkQueueItems',
        method: 'GET',
        path: '/v1/work-queues/:work_queue_id/items',
        title: 'List the items of a work queue',
        permission: 'queue:read',
        description: 'Lists the items of the queue, the oldest first.',
        query: listQuery({
          sorts: ITEMS.sorts,
          filters: { status: equal('work_queue_items', 'status', ITEM_STATUSES) },
        }),
        replies: {
          200: {
            description: 'one page',
            schema: pageOf('WorkQueueItemPage', row('work_queue_items', 'WorkQueueItem')),
          },
        },
        errors: ['not_found'],
      },
      async (query, { params: { work_queue_id: queueId = '' }, query: given }) => {
        found(
          'work queue',
          await readRow(query, { table: 'work_queues', columns: ['id'] }, queueId),
        );
        return { body: await readList(query, ITEMS, { ...given, work_queue_id: queueId }) };
      },
    ),
  ],
};

const count = () => z.number().int();
const slots = (what: string) =>
  count().nullable().describe(`${what}; at most 10,000, null without the limit.`);
const QueueLoads = named('QueueLoads', () =>
  z.object({
    items: z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        display_name: z.string(),
        description: z.string(),
        is_system_queue: z.boolean(),
        max_runs: count().nullable(),
        max_steps: count().nullable(),
        workflows: count().describe('How many use the queue.'),
        busy_runs: slots('Runs that hold a slot'),
        waiting_runs: slots('Runs that wait for one'),
        busy_steps: slots('Steps that hold a slot'),
        waiting_steps: slots('Steps that wait for one'),
        oldest_waiting_since: z.string().nullable(),
        switch: z
          .object({
            id: z.uuid(),
            mode: z.enum(['drain', 'pause']),
            reason: z.string(),
            created_at: z.string(),
          })
          .nullable()
          .describe('The incident switch that holds the queue.'),
      }),
    ),
  }),
);

const WaitingRuns = named('WaitingRuns', () =>
  z.object({
    items: z.array(
      z.object({
        place: count().describe('From 1.'),
        run_id: z.uuid(),
        workflow: z.string().describe('The `kebab_name` of the workflow.'),
        workflow_name: z.string(),
        priority: count(),
        has_workflow_limit: z
          .boolean()
          .describe('It also needs a slot of its workflow, so a later run can start before it.'),
        created_at: z.string(),
      }),
    ),
  }),
);

export const TASK_QUEUE_RESOURCE: Resource = {
  name: 'Task queues',
  description: 'Limits of runs and steps that are in progress together.',
  operations: [
    // Before the route of one queue, whose path has a parameter in this place.
    statement(
      {
        id: 'readQueueLoads',
        method: 'GET',
        path: '/v1/task-queues/load',
        title: 'Read how full task queues are',
        permission: 'queue:read',
        description:
          'Returns what holds a slot of each task queue, what waits for one, and the incident switch that holds the queue.',
        replies: { 200: { description: '`{items}`', schema: QueueLoads } },
        errors: [],
      },
      async (query) => ({ body: { items: await readQueues(query) } }),
    ),
    statement(
      {
        id: 'listWaitingRuns',
        method: 'GET',
        path: '/v1/task-queues/:task_queue_id/waiting-runs',
        title: 'List the runs that wait for a task queue',
        permission: 'queue:read',
        description:
          'Lists the runs that wait for a slot of the queue with their place, in the order in which they start. Also needs `run:read`.',
        query: z.strictObject({
          limit: z.coerce.number<string | number>().int().min(1).max(MAX_LIMIT).default(50),
        }),
        replies: { 200: { description: '`{items}`', schema: WaitingRuns } },
        errors: ['not_found'],
      },
      async (query, { params: { task_queue_id: id = '' }, query: { limit } }) => {
        const spec = { table: 'task_queues', columns: ['name'] } as const;
        const { name } = found('task queue', await readRow(query, spec, id));
        return { body: { items: await listWaitingRuns(query, String(name), limit) } };
      },
    ),
    ...crud({
      table: 'task_queues',
      path: '/v1/task-queues',
      param: 'task_queue_id',
      component: 'TaskQueue',
      one: 'task queue',
      many: 'task queues',
      permissions,
      sorts: ['created_at', 'name'],
      filters: { name: equal('task_queues', 'name') },
    }),
  ],
};
