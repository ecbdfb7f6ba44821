// Finds and counts runs by a filter: the conditions of the RPC search_runs.
import { z } from 'zod';
import { RUN_STATUSES, SUMMARY, Time } from '../components.ts';
import { countRuns } from '../insight-queries.ts';
import { MAX_LIMIT, pageOf } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { searchRuns } from '../queries.ts';
import { named, row } from '../rows.ts';

const oneOrMore = <T extends z.ZodType>(item: T, most: number) =>
  z.union([item, z.array(item).min(1).max(most)]);
const Name = z.string().min(1).max(100);
const Value = z.union([z.string().max(200), z.number(), z.boolean()]);

export const RunFilter = z
  .strictObject({
    id: oneOrMore(z.uuid(), 1000),
    operation: z
      .uuid()
      .describe('An operation on many runs: the runs that it changed, or that it started.'),
    idempotency_key: z.string().max(255),
    tag: oneOrMore(z.string().max(64), 16).describe('The run has all of them.'),
    input: z
      .record(z.string().max(100), Value)
      .describe('Values of the input, by paths of `searchable_inputs` of the workflow.'),
    status: oneOrMore(z.enum(RUN_STATUSES), 10),
    workflow: oneOrMore(Name, 50).describe('The `kebab_name` of the workflow.'),
    version: z.number().int().positive().max(999_999_999).describe('Needs one `workflow`.'),
    trigger_type: oneOrMore(Name, 10),
    created_by: z.uuid(),
    error_code: z.string().max(100),
    created_from: Time,
    created_before: Time,
    text: z.string().max(1000).describe('Words in the name or description of the workflow.'),
  })
  .partial();

export const SearchBody = z.strictObject({
  filter: RunFilter.default({}),
  sort: z.enum(['-created_at', 'created_at']).default('-created_at'),
  limit: z.number().int().min(1).max(MAX_LIMIT).default(50),
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before.'),
});

const FoundRun = row('runs', 'FoundRun', {
  without: SUMMARY,
  also: {
    workflow: z.string().describe('The `kebab_name` of its workflow.'),
    version: z.number().int().describe('The number of its version of the workflow.'),
    created_by_name: z
      .string()
      .nullable()
      .describe('Null where no person started it, or one whom the caller cannot read.'),
    input_preview: z
      .string()
      .nullable()
      .describe('The first 300 characters of the input, or null above 8 kB.'),
  },
});

export const SEARCH_RUNS: Operation = statement(
  {
    id: 'searchRuns',
    method: 'POST',
    path: '/v1/runs/search',
    title: 'Search runs',
    permission: 'run:read',
    description:
      'Finds runs that meet all conditions of `filter`. A page examines about 10,000 runs, so it may have fewer items than `limit`, or none, before the end: continue until `next_cursor` is null.',
    body: SearchBody,
    replies: { 200: { description: 'one page', schema: pageOf('FoundRunPage', FoundRun) } },
    errors: ['not_found'],
  },
  async (query, { body }) => ({ body: await searchRuns(query, body) }),
);

const RunCounts = named('RunCounts', () =>
  z.object({
    by_status: z.record(z.string(), z.number().int()).describe('Each at most 10,000.'),
    capped: z.array(z.enum(RUN_STATUSES)).describe('Statuses with more runs than that.'),
    is_complete: z.boolean().describe('False if the numbers are lower bounds.'),
  }),
);

export const COUNT_RUNS: Operation = statement(
  {
    id: 'countRuns',
    method: 'POST',
    path: '/v1/runs/count',
    title: 'Count runs by status',
    permission: 'run:read',
    description:
      'Counts the runs that meet all conditions of `filter`, by status. The condition `status` has no effect.',
    body: z.strictObject({ filter: RunFilter.default({}) }),
    replies: { 200: { description: '`{by_status, capped, is_complete}`', schema: RunCounts } },
    errors: ['not_found'],
  },
  async (query, { body }) => ({ body: await countRuns(query, body.filter) }),
);
