// Canaries: a version gets a share of the starts, until it is promoted or stopped.
import { z } from 'zod';
import { endCanary, startCanary, updateCanary } from '../canary-queries.ts';
import { found, readRow } from '../crud.ts';
import { findVersion } from '../definition-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, statement } from '../operation.ts';
import { row } from '../rows.ts';

const Percent = z.number().min(0.01).max(100);
const ErrorRate = z
  .number()
  .min(0)
  .max(0.999)
  .describe('The engine stops the canary when more than this share of its last runs failed.');
const MinRuns = z.number().int().min(1).max(1000).describe('How many ended runs decide.');

export const CanaryBody = z.strictObject({
  version: z
    .number()
    .int()
    .positive()
    .max(2_147_483_647)
    .optional()
    .describe('A published version; default: the draft.'),
  percent: Percent.default(10),
  key: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('JSON path into the input, such as `$.customer_id`.'),
  max_error_rate: ErrorRate.optional(),
  min_runs: MinRuns.default(20),
});
export const CanaryChange = z.strictObject({
  percent: Percent.optional(),
  max_error_rate: ErrorRate.optional(),
  min_runs: MinRuns.optional(),
});
export const StopCanaryBody = z.strictObject({ reason: z.string().max(1000).optional() });

const CANARIES: ListSpec = {
  table: 'workflow_canaries',
  sorts: ['-created_at'],
  filters: {
    workflow_id: equal('workflow_canaries', 'workflow_id'),
    status: equal('workflow_canaries', 'status', ['running', 'promoted', 'stopped']),
  },
};
const Canary = row('workflow_canaries', 'WorkflowCanary');
const AS_CANARY = { description: 'the canary', schema: Canary };

export const CANARY_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'listCanaries',
      method: 'GET',
      path: '/v1/canaries',
      title: 'List canaries',
      permission: 'workflow:read',
      description: 'Lists running and ended canaries, the newest first.',
      query: listQuery(CANARIES),
      replies: { 200: { description: 'one page', schema: pageOf('WorkflowCanaryPage', Canary) } },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, CANARIES, call.query) }),
  ),
  statement(
    {
      id: 'startCanary',
      method: 'POST',
      path: '/v1/workflows/:kebab_name/canaries',
      title: 'Start a canary',
      permission: 'workflow:publish',
      description:
        'Gives `percent` of the starts to `version`, or to the draft, which is published for it. The published version of the workflow stays. Starts with the same value at `key` get the same version.',
      body: CanaryBody,
      idempotency: 'stored',
      replies: {
        201: {
          ...AS_CANARY,
          headers: { Location: 'The address of the canary.' },
        },
      },
      errors: ['not_found', 'conflict', 'invalid_definition'],
    },
    async (query, { params: { kebab_name: workflow = '' }, body }) => {
      const version = found('version', await findVersion(query, workflow, body.version));
      const canary = await startCanary(query, version.id, body);
      return { body: canary, headers: { location: `../../canaries/${canary.id}` } };
    },
  ),
  statement(
    {
      id: 'getCanary',
      method: 'GET',
      path: '/v1/canaries/:canary_id',
      title: 'Read a canary',
      permission: 'workflow:read',
      description: 'Returns the canary.',
      replies: { 200: AS_CANARY },
      errors: ['not_found'],
    },
    async (query, { params }) => ({
      body: found(
        'canary',
        await readRow(query, { table: 'workflow_canaries' }, params.canary_id ?? ''),
      ),
    }),
  ),
  statement(
    {
      id: 'updateCanary',
      method: 'PATCH',
      path: '/v1/canaries/:canary_id',
      title: 'Change a canary',
      permission: 'workflow:publish',
      description:
        'Changes the given settings of a running canary. A larger `percent` keeps the keys that have its version.',
      body: CanaryChange,
      replies: { 200: AS_CANARY },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params, body }) => ({
      body: await updateCanary(query, params.canary_id ?? '', body),
    }),
  ),
  statement(
    {
      id: 'promoteCanary',
      method: 'POST',
      path: '/v1/canaries/:canary_id/promote',
      title: 'Promote a canary',
      permission: 'workflow:publish',
      description: 'Makes its version the published version of the workflow.',
      replies: { 200: AS_CANARY },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params }) => ({
      body: await endCanary(query, params.canary_id ?? '', 'promote_canary'),
    }),
  ),
  statement(
    {
      id: 'stopCanary',
      method: 'POST',
      path: '/v1/canaries/:canary_id/stop',
      title: 'Stop a canary',
      permission: 'workflow:publish',
      description: 'New starts get the published version. Open runs of the canary continue.',
      body: StopCanaryBody,
      replies: { 200: AS_CANARY },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params, body }) => ({
      body: await endCanary(query, params.canary_id ?? '', 'stop_canary', body.reason),
    }),
  ),
];
