// Runs that failed or timed out: each of them, and their groups by workflow, version and error code.
import { z } from 'zod';
import { ofWorkflow, Time } from '../components.ts';
import { deadLetterGroups } from '../insight-queries.ts';
import { equal } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { readOnlyList } from '../read-only-list.ts';
import { named } from '../rows.ts';

const count = () => z.number().int();

const DeadLetterGroups = named('DeadLetterGroups', () =>
  z.object({
    since: Time,
    until: Time,
    is_complete: z
      .boolean()
      .describe('False if there are more groups, or if only the latest 20,000 runs are counted.'),
    items: z.array(
      z.object({
        workflow: z.string().describe('The `kebab_name` of the workflow.'),
        workflow_name: z.string(),
        version: count(),
        error_code: z.string(),
        total: count(),
        redriven: count().describe('Runs that a newer run redrove.'),
        children: count().describe('Child runs, which a redrive leaves out.'),
        first_at: Time,
        last_at: Time,
        created_from: Time.describe('When the earliest run of the group was created.'),
        created_to: Time.describe('When the latest run of the group was created.'),
        sample: z
          .object({
            run_id: z.uuid(),
            step_id: z.string().nullable(),
            message: z.string().nullable(),
          })
          .describe('The latest run.'),
        series: z.array(count()).describe('Runs in each of 24 equal parts of the time.'),
      }),
    ),
  }),
);

const LIST: Operation = readOnlyList({
  id: 'listDeadLetters',
  path: '/v1/dead-letters',
  title: 'List dead letters',
  permission: 'run:read',
  description:
    'Lists runs that failed or timed out, the latest first, each with its last error and the newest run that redrove it.',
  component: 'DeadLetter',
  list: {
    table: 'dead_letters',
    key: ['run_id'],
    sorts: ['-failed_at'],
    filters: {
      workflow: ofWorkflow,
      status: equal('dead_letters', 'status', ['failed', 'timed_out']),
      error_code: equal('dead_letters', 'error_code'),
    },
  },
});

const GROUPS: Operation = statement(
  {
    id: 'listDeadLetterGroups',
    method: 'GET',
    path: '/v1/dead-letters/groups',
    title: 'Group dead letters',
    permission: 'run:read',
    description:
      'Groups the runs that failed or timed out in a time by workflow, version and error code: the 200 largest groups.',
    query: z.strictObject({
      since: Time.optional().describe('Default: 7 days before `until`.'),
      until: Time.optional().describe('Default: now.'),
      workflow: z
        .string()
        .max(100)
        .optional()
        .describe('The `kebab_name` of a workflow. Default: all workflows.'),
    }),
    replies: {
      200: { description: '`{since, until, is_complete, items}`', schema: DeadLetterGroups },
    },
    errors: ['not_found'],
  },
  async (query, call) => ({ body: await deadLetterGroups(query, call.query) }),
);

export const DEAD_LETTERS: readonly Operation[] = [LIST, GROUPS];
