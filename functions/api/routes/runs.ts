// Runs: lists, one run with its steps, and the actions on it.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { Query } from '../../_shared/db/pool.ts';
import {
  AS_RUN,
  ofWorkflow,
  RUN_STATUSES,
  Run,
  RunPage,
  StepRun,
  SUMMARY,
  Time,
} from '../components.ts';
import { found } from '../crud.ts';
import { equal, type FilterSpec, type ListSpec, listQuery, readList } from '../lists.ts';
import { type Operation, operation, type Resource, statement } from '../operation.ts';
import {
  cancelRun,
  type Json,
  pauseRun,
  queryRun,
  readRun,
  resumeRun,
  sendSignal,
} from '../queries.ts';
import { answerQuery } from '../query.ts';
import { columnNames, named } from '../rows.ts';
import { redrive } from '../run-queries.ts';
import { PREFER_HEADER, PREFER_REPLY, readWait, waitForEnd } from '../wait.ts';
import { AGENT_TURNS } from './agent-turns.ts';
import { DEAD_LETTERS } from './dead-letters.ts';
import { RERUNS } from './reruns.ts';
import { HISTORY } from './run-history.ts';
import { COUNT_RUNS, SEARCH_RUNS } from './search-runs.ts';
import { STEP_ITEMS } from './step-items.ts';

export const CancelBody = z.strictObject({
  reason: z.string().max(1000).optional(),
  force: z.boolean().optional(),
});
export const SignalBody = z.strictObject({ payload: z.unknown().default({}) });
export const RedriveBody = z.strictObject({
  run_ids: z.array(z.uuid()).max(1000).optional(),
  workflow: z.string().max(100).optional().describe('Runs of the workflow with this `kebab_name`.'),
  error_code: z.string().max(100).optional(),
  failed_after: Time.optional(),
  max_runs: z.number().int().min(1).max(1000).default(100),
  force: z.boolean().optional().describe('Also runs that were redriven before.'),
});

const statuses = RUN_STATUSES.join('|');
const STATUS: FilterSpec = {
  schema: z
    .string()
    .regex(new RegExp(`^(${statuses})(,(${statuses}))*$`))
    .describe(
      `One or several of ${RUN_STATUSES.map((name) => `\`${name}\``).join(', ')}, separated by commas.`,
    ),
  where: (value, bind) =>
    value.includes(',')
      ? `t.status = any(${bind(value.split(','))}::text[])`
      : `t.status = ${bind(value)}`,
};

export const RUNS: ListSpec = {
  table: 'runs',
  columns: columnNames('runs', { without: SUMMARY }),
  also: { workflow: '(select w.kebab_name from stepbase.workflows w where w.id = t.workflow_id)' },
  sorts: ['-created_at', 'completed_at'],
  filters: {
    status: STATUS,
    workflow: ofWorkflow,
    q: {
      schema: z.string().max(1000).describe('Words in the name or description of the workflow.'),
      where: (value, bind) =>
        `t.workflow_id in (select stepbase_private.matching_workflows(${bind(value)}))`,
    },
    created_from: {
      schema: Time,
      where: (value, bind) => `t.created_at >= ${bind(value)}::timestamptz`,
    },
    created_before: {
      schema: Time,
      where: (value, bind) => `t.created_at < ${bind(value)}::timestamptz`,
    },
    trigger_type: equal('runs', 'trigger_type'),
    parent_run_id: equal('runs', 'parent_run_id'),
    origin_run_id: equal('runs', 'origin_run_id'),
    created_by: equal('runs', 'created_by'),
    idempotency_key: equal('runs', 'idempotency_key'),
    trace_id: equal('runs', 'trace_id'),
  },
};

const RunWithSteps = named('RunWithSteps', () =>
  z.object({ run: Run(), steps: z.array(StepRun()) }),
);

/** Pause and resume: an action without a body. */
function plain(
  name: 'pause' | 'resume',
  description: string,
  act: (query: Query, runId: string) => Promise<Json>,
): Operation {
  return statement(
    {
      id: `${name}Run`,
      method: 'POST',
      path: `/v1/runs/:run_id/${name}`,
      title: name === 'pause' ? 'Pause a run' : 'Resume a run',
      permission: 'run:execute',
      description,
      replies: { 200: AS_RUN },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params }) => ({ body: await act(query, params.run_id ?? '') }),
  );
}

export const RUN_RESOURCE: Resource = {
  name: 'Runs',
  description: 'Executions of workflows.',
  operations: [
    statement(
      {
        id: 'listRuns',
        method: 'GET',
        path: '/v1/runs',
        title: 'List runs',
        permission: 'run:read',
        description:
          'Lists runs, the newest first. The items have no `input` and `output`; read the run to get them. `sort=completed_at` lists only runs that have ended.',
        query: listQuery(RUNS),
        replies: { 200: { description: 'one page', schema: RunPage } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, RUNS, call.query) }),
    ),
    SEARCH_RUNS,
    COUNT_RUNS,
    ...DEAD_LETTERS,
    statement(
      {
        id: 'redriveRuns',
        method: 'POST',
        path: '/v1/runs/redrive',
        title: 'Redrive dead letters',
        permission: 'run:execute',
        description:
          'Starts a new run for each failed or timed-out run of the selection, which copies the completed steps and continues at the failed step. Select by `run_ids`, or by at least one of `workflow`, `error_code` and `failed_after`; the oldest come first.',
        body: RedriveBody,
        idempotency: 'stored',
        replies: {
          200: {
            description: '`{runs}`: the new runs',
            schema: named('RedrivenRuns', () => z.object({ runs: z.array(Run()) })),
          },
        },
        errors: ['not_found', 'conflict', 'limit_reached'],
      },
      async (query, { body }) => ({ body: { runs: await redrive(query, body) } }),
    ),
    operation(
      {
        id: 'getRun',
        method: 'GET',
        path: '/v1/runs/:run_id',
        title: 'Read a run',
        permission: 'run:read',
        description: 'Returns the run and its step runs, both from one snapshot of the database.',
        headers: PREFER_HEADER,
        replies: {
          200: { description: '`{run, steps}`', schema: RunWithSteps, headers: PREFER_REPLY },
        },
        errors: ['not_found', 'limit_reached'],
      },
      async ({ c, deps, member, params }) => {
        const runId = params.run_id ?? '';
        const wait = readWait(c);
        if (wait !== undefined) await waitForEnd(c, deps, runId, wait);
        const run = await asCaller(deps.db, member, (query) => readRun(query, runId));
        return {
          body: found('run', run),
          ...(wait === undefined ? {} : { headers: { 'preference-applied': `wait=${wait}` } }),
        };
      },
    ),
    ...HISTORY,
    AGENT_TURNS,
    ...STEP_ITEMS,
    statement(
      {
        id: 'cancelRun',
        method: 'POST',
        path: '/v1/runs/:run_id/cancel',
        title: 'Cancel a run',
        permission: 'run:cancel',
        description:
          'Cancels the run and its open steps, then compensates completed steps. With `force` the run ends at once, without compensation.',
        body: CancelBody,
        replies: { 200: AS_RUN },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await cancelRun(query, params.run_id ?? '', body),
      }),
    ),
    plain('pause', 'Steps in flight finish; no further step starts.', pauseRun),
    plain(
      'resume',
      'Continues a paused run. Timers that became due during the pause fire now.',
      resumeRun,
    ),
    ...RERUNS,
    statement(
      {
        id: 'sendSignal',
        method: 'POST',
        path: '/v1/runs/:run_id/signals/:name',
        title: 'Send a signal',
        permission: 'run:execute',
        description:
          'Sends a signal to a run that has not ended. The run keeps a signal that arrives early.',
        body: SignalBody,
        idempotency: 'stored',
        replies: { 202: { description: 'no content' } },
        errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex', 'limit_reached'],
      },
      async (query, { params, body }) => {
        await sendSignal(query, params.run_id ?? '', params.name ?? '', body.payload);
        return {};
      },
    ),
    operation(
      {
        id: 'queryRun',
        method: 'GET',
        path: '/v1/runs/:run_id/queries/:name',
        title: 'Query a run',
        permission: 'run:read',
        description:
          'Answers `status`, `context`, `steps` or a query of the workflow without changing the run. This route evaluates JSONata; the RPC `query_run` evaluates paths only.',
        replies: {
          200: {
            description: '`{answer}`',
            schema: named('QueryAnswer', () => z.object({ answer: z.unknown() })),
          },
        },
        errors: ['not_found', 'conflict', 'schema_too_complex'],
      },
      async ({ deps, member, params: { run_id: runId = '', name = '' } }) => {
        const answer = await asCaller(deps.db, member, (query) => queryRun(query, runId, name));
        return {
          body: {
            answer: 'answer' in answer ? answer.answer : await answerQuery(name, answer),
          },
        };
      },
    ),
  ],
};
