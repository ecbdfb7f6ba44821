// Operations on many runs: preview, start, progress, failures, stop.
import { z } from 'zod';
import { toStorableJson } from '../../_shared/text/storable.ts';
import { found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { one } from '../queries.ts';
import { named, row } from '../rows.ts';
import { RunFilter } from './search-runs.ts';

const ACTIONS = ['cancel', 'pause', 'resume', 'redrive', 'rerun', 'signal'] as const;
const PERMISSION = 'Requires `run:cancel` for `cancel`, otherwise `run:execute`.';

const selection = {
  action: z.enum(ACTIONS),
  filter: RunFilter.describe('The filter of a search.'),
  force: z
    .boolean()
    .default(false)
    .describe(
      '`cancel` ends runs without compensation; `redrive` also starts runs that were redriven before. Not for other actions.',
    ),
};
export const PreviewBody = z.strictObject(selection);
export const StartBody = z.strictObject({
  ...selection,
  preview: z.string().min(1).max(200).describe('The `preview` of a preview with the same values.'),
  max_per_minute: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('On how many runs it acts in a minute; default: as fast as it can.'),
  reason: z.string().min(1).max(1000).optional().describe('The error message of cancelled runs.'),
  signal: z
    .strictObject({
      name: z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/),
      payload: z.unknown(),
    })
    .optional()
    .describe('What each run gets: for the action `signal` only, which needs it.'),
});

const Count = z.number().int();
const Preview = named('RunOperationPreview', () =>
  z.object({
    action: z.enum(ACTIONS),
    count: Count.describe(
      'Runs on which the operation would act, at most the quota `max_operation_runs`.',
    ),
    is_complete: z.boolean().describe('False if more runs match.'),
    by_status: z.record(z.string(), Count),
    excluded: z
      .object({
        child_runs: Count.optional(),
        continued_on_version: Count.optional(),
        redriven_before: Count.optional(),
      })
      .describe('Matching runs on which the operation would not act, by reason.'),
    sample: z.array(z.uuid()).describe('The ids of the 10 oldest runs.'),
    preview: z.string().describe('Pass it to start the operation.'),
    expires_at: z.iso.datetime({ offset: true }),
  }),
);

const SPEC: ListSpec = {
  table: 'run_operations',
  sorts: ['-created_at'],
  filters: {
    status: equal('run_operations', 'status', ['running', 'completed', 'stopped']),
    action: equal('run_operations', 'action', ACTIONS),
  },
};
const FAILURES: ListSpec = {
  table: 'run_operation_failures',
  key: ['run_id'],
  sorts: ['created_at'],
  filters: {
    operation_id: {
      schema: z.uuid(),
      where: (value, bind) => `t.operation_id = ${bind(value)}::uuid`,
    },
  },
};
const RunOperation = row('run_operations', 'RunOperation');
const AS_OPERATION = { description: 'the operation', schema: RunOperation };

const values = ({ action, filter, force }: z.output<typeof PreviewBody>) => [
  action,
  toStorableJson(filter),
  force,
];

export const RUN_OPERATION_RESOURCE: Resource = {
  name: 'Operations on many runs',
  description: 'Cancel, pause, resume, redrive, rerun or signal the runs that match a filter.',
  operations: [
    statement(
      {
        id: 'previewRunOperation',
        method: 'POST',
        path: '/v1/run-operations/preview',
        title: 'Preview an operation on many runs',
        permission: 'member',
        description: `Counts the runs on which the operation would act, and changes nothing. ${PERMISSION}`,
        body: PreviewBody,
        replies: { 200: { description: 'the count', schema: Preview } },
        errors: ['not_found'],
      },
      async (query, { body }) => ({
        body: await one(
          query,
          'select stepbase.preview_operation($1, $2::jsonb, $3) as value',
          values(body),
        ),
      }),
    ),
    statement(
      {
        id: 'startRunOperation',
        method: 'POST',
        path: '/v1/run-operations',
        title: 'Start an operation on many runs',
        permission: 'member',
        description: `Acts on the runs that a preview of the last 15 minutes counted, in slices. Runs that were created after the preview are not selected. 409 means that the preview has expired or that more runs match now. ${PERMISSION}`,
        body: StartBody,
        idempotency: 'stored',
        replies: {
          201: { ...AS_OPERATION, headers: { Location: 'The address of the operation.' } },
        },
        errors: ['not_found', 'conflict', 'limit_reached'],
      },
      async (query, { body }) => {
        const made = await one(
          query,
          'select to_jsonb(o) as value from stepbase.start_operation($1, $2::jsonb, force => $3, preview => $4, reason => $5, signal => $6::jsonb, max_per_minute => $7::int) o',
          [
            ...values(body),
            body.preview,
            body.reason ?? null,
            body.signal === undefined ? null : toStorableJson(body.signal),
            body.max_per_minute ?? null,
          ],
        );
        return { body: made, headers: { location: `run-operations/${made.id}` } };
      },
    ),
    statement(
      {
        id: 'listRunOperations',
        method: 'GET',
        path: '/v1/run-operations',
        title: 'List operations on many runs',
        permission: 'run:read',
        description: 'Lists operations with their progress, the newest first.',
        query: listQuery(SPEC),
        replies: {
          200: { description: 'one page', schema: pageOf('RunOperationPage', RunOperation) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, SPEC, call.query) }),
    ),
    statement(
      {
        id: 'getRunOperation',
        method: 'GET',
        path: '/v1/run-operations/:operation_id',
        title: 'Read an operation on many runs',
        permission: 'run:read',
        description: 'Returns the operation with its progress.',
        replies: { 200: AS_OPERATION },
        errors: ['not_found'],
      },
      async (query, { params: { operation_id: id = '' } }) => ({
        body: found('operation', await readRow(query, SPEC, id)),
      }),
    ),
    statement(
      {
        id: 'listRunOperationFailures',
        method: 'GET',
        path: '/v1/run-operations/:operation_id/failures',
        title: 'List the failures of an operation on many runs',
        permission: 'run:read',
        description: 'Lists the runs that refused the action with their errors, at most 1000.',
        query: listQuery({ sorts: FAILURES.sorts }),
        replies: {
          200: {
            description: 'one page',
            schema: pageOf(
              'RunOperationFailurePage',
              row('run_operation_failures', 'RunOperationFailure'),
            ),
          },
        },
        errors: ['not_found'],
      },
      async (query, { params: { operation_id: id = '' }, query: given }) => {
        found('operation', await readRow(query, { table: 'run_operations', columns: ['id'] }, id));
        return { body: await readList(query, FAILURES, { ...given, operation_id: id }) };
      },
    ),
    statement(
      {
        id: 'stopRunOperation',
        method: 'POST',
        path: '/v1/run-operations/:operation_id/stop',
        title: 'Stop an operation on many runs',
        permission: 'member',
        description: `Stops the operation after the slice under way. Runs on which it has acted stay as they are. Without effect on an operation that has ended. ${PERMISSION}`,
        replies: { 200: AS_OPERATION },
        errors: ['not_found'],
      },
      async (query, { params: { operation_id: id = '' } }) => ({
        body: await one(query, 'select to_jsonb(o) as value from stepbase.stop_operation($1) o', [
          id,
        ]),
      }),
    ),
  ],
};
