// Finds workflows with their last results, open runs and next start.
import { z } from 'zod';
import { WORKFLOW_STATUSES } from '../components.ts';
import { listWorkflows } from '../insight-queries.ts';
import { MAX_LIMIT } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { named } from '../rows.ts';

const Tag = z.string().min(1).max(255);
const oneOrMore = <T extends z.ZodType>(item: T, most: number) =>
  z.union([item, z.array(item).min(1).max(most)]);
const count = () => z.number().int();
const ofRuns = 'Only with `run:read`.';

export const SearchWorkflowsBody = z.strictObject({
  filter: z
    .strictObject({
      text: z.string().max(1000).describe('Words in the name or description.'),
      status: oneOrMore(z.enum(WORKFLOW_STATUSES), 10).describe('Default: all but `archived`.'),
      tag: oneOrMore(Tag, 16).describe('The workflow has all of them.'),
      project: z.uuid(),
    })
    .partial()
    .default({}),
  sort: z
    .enum(['name', '-updated_at', '-last_run_at', '-open_runs', '-failed_runs'])
    .default('name'),
  limit: z.number().int().min(1).max(MAX_LIMIT).default(50),
  cursor: z.string().max(2000).optional().describe('`next_cursor` of the page before.'),
});

const WorkflowResults = named('WorkflowResults', () =>
  z.object({
    items: z.array(
      z.object({
        id: z.uuid(),
        kebab_name: z.string(),
        name: z.string(),
        description: z.string(),
        status: z.enum(WORKFLOW_STATUSES),
        tags: z.array(z.string()),
        updated_at: z.string(),
        owner: z.string().nullable().describe('The name of the person who created it.'),
        project: z.object({ id: z.uuid(), name: z.string() }).nullable(),
        published_version: count().nullable(),
        latest_version: count().nullable(),
        has_draft: z.boolean(),
        canary_percent: count().nullable(),
        next_start_at: z
          .string()
          .nullable()
          .describe('By a schedule; null without `schedule:read`.'),
        last_run_at: z.string().nullable().optional().describe(ofRuns),
        results: z
          .array(
            z.object({
              id: z.uuid(),
              status: z.string(),
              created_at: z.string(),
              duration_ms: count().nullable(),
            }),
          )
          .optional()
          .describe(`The last 20 runs. ${ofRuns}`),
        counted_runs: count()
          .optional()
          .describe(`Ended runs among the last 100, which are counted. ${ofRuns}`),
        success_rate: z.number().nullable().optional().describe(ofRuns),
        p95_duration_ms: count().nullable().optional().describe(ofRuns),
        open_runs: count().optional().describe(ofRuns),
        failed_runs: count().optional().describe(`Of the last day. ${ofRuns}`),
      }),
    ),
    next_cursor: z.string().nullable().describe('Pass it as `cursor`; null on the last page.'),
    total: count().describe('Workflows that meet the filter.'),
    tags: z.array(z.string()).describe('The 50 most frequent tags of the application.'),
    statuses: z.partialRecord(z.enum(WORKFLOW_STATUSES), count()).describe('Workflows by status.'),
  }),
);

export const SEARCH_WORKFLOWS: Operation = statement(
  {
    id: 'searchWorkflows',
    method: 'POST',
    path: '/v1/workflows/search',
    title: 'Search workflows with their results',
    permission: 'workflow:read',
    description:
      'Finds workflows that meet all conditions of `filter`, each with the results of its last runs, its open runs and its next start.',
    body: SearchWorkflowsBody,
    replies: {
      200: {
        description: '`{items, next_cursor, total, tags, statuses}`',
        schema: WorkflowResults,
      },
    },
    errors: [],
  },
  async (query, { body }) => ({ body: await listWorkflows(query, body) }),
);
