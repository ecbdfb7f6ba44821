// What happened in a run: its events as a page or as a stream, its signals, its context, and the outputs of its steps.
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { Query } from '../../_shared/db/pool.ts';
import { JsonObject, Time } from '../components.ts';
import { found, readRow } from '../crud.ts';
import { type FilterSpec, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, operation, statement } from '../operation.ts';
import { requirePermission } from '../request-queries.ts';
import { named, row } from '../rows.ts';
import { explainRun, readContext } from '../run-queries.ts';
import { readStepOutput, withContents } from '../stored-outputs.ts';
import { streamRun } from '../stream/response.ts';

const ofRun: FilterSpec = {
  schema: z.uuid(),
  where: (value, bind) => `t.run_id = ${bind(value)}::uuid`,
};
const seqAfter: FilterSpec = {
  schema: z
    .string()
    .regex(/^\d{1,15}$/)
    .describe('Only events after this `seq`.'),
  where: (value, bind) => `t.seq > ${bind(value)}::bigint`,
};

const LEVELS = ['debug', 'info', 'warn', 'error'];
const EVENTS: ListSpec = {
  table: 'run_events',
  key: [],
  sorts: ['seq'],
  filters: { run_id: ofRun, after: seqAfter },
};
const SIGNALS: ListSpec = {
  table: 'run_signals',
  sorts: ['created_at'],
  filters: { run_id: ofRun },
};

const LOGS: ListSpec = {
  table: 'step_logs',
  key: [],
  sorts: ['seq'],
  filters: {
    run_id: ofRun,
    step: {
      schema: z.string().min(1).max(63).describe('Only lines of the node with this id.'),
      where: (value, bind) => `t.step_id = ${bind(value)}`,
    },
    level: {
      schema: z.enum(LEVELS).describe('Only lines of this level and above.'),
      where: (value, bind) => `t.level = any(${bind(LEVELS.slice(LEVELS.indexOf(value)))}::text[])`,
    },
    after: {
      schema: z
        .string()
        .regex(/^\d{1,15}$/)
        .describe('Only lines after this `seq`.'),
      where: (value, bind) => `t.seq > ${bind(value)}::bigint`,
    },
  },
};

async function requireRun(query: Query, runId: string): Promise<void> {
  found('run', await readRow(query, { table: 'runs', columns: ['id'] }, runId));
}

const reason = {
  code: z.string(),
  sentence: z.string(),
  since: Time.nullable(),
  until: Time.nullable(),
};

const Version = z.coerce.number<string | number>().int().min(0).max(2_147_483_647);

export const HISTORY: Operation[] = [
  operation(
    {
      id: 'listRunEvents',
      method: 'GET',
      path: '/v1/runs/:run_id/events',
      title: 'Read or stream the events of a run',
      permission: 'run:read',
      description:
        'With `Accept: application/json`: one page of events, ordered by `seq`. Otherwise server-sent events: one `snapshot` (`{run, steps}`), then every later event as `run` or `step`, in order and without gaps, then `end` when the run has ended. The id of an event is its `seq`. The stream ends after `STEPBASE_STREAM_SECONDS`; an EventSource reconnects by itself and resumes. A comment line every 15 seconds keeps the connection open. An `error` event means that the caller may no longer see the run. 429 means that the application has `max_streams` streams open in this process.',
      query: listQuery({ sorts: EVENTS.sorts, filters: { after: seqAfter } }),
      headers: {
        'Last-Event-ID':
          'Resumes the stream after this `seq`, without a snapshot. Clients that cannot set headers use `?after=<seq>`.',
      },
      replies: {
        200: {
          description: 'one page, or `text/event-stream`',
          schema: pageOf('RunEventPage', row('run_events', 'RunEvent')),
          types: { 'text/event-stream': 'Server-sent events.' },
        },
      },
      errors: ['not_found', 'limit_reached'],
    },
    async ({ c, deps, member, params: { run_id: runId = '' }, query: given }) => {
      if (!/\bapplication\/json\b/i.test(c.req.header('accept') ?? '')) {
        return await streamRun(c, deps, runId);
      }
      return await asCaller(deps.db, member, async (query) => {
        await requireRun(query, runId);
        return { body: await readList(query, EVENTS, { ...given, run_id: runId }) };
      });
    },
  ),
  statement(
    {
      id: 'listRunLogs',
      method: 'GET',
      path: '/v1/runs/:run_id/logs',
      title: 'List the log lines of a run',
      permission: 'run:read',
      description:
        'Lists the log lines of the steps of the run, ordered by `seq`, which counts from 1 within the run. To follow a run, repeat the request with `after`, or join the Realtime channel `stepbase:run:<run_id>`: its event `logs` has the new lines.',
      query: listQuery({
        sorts: LOGS.sorts,
        filters: Object.fromEntries(
          Object.entries(LOGS.filters ?? {}).filter(([name]) => name !== 'run_id'),
        ),
      }),
      replies: {
        200: {
          description: 'one page',
          schema: pageOf('StepLogPage', row('step_logs', 'StepLog')),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params: { run_id: runId = '' }, query: given }) => {
      await requireRun(query, runId);
      return { body: await readList(query, LOGS, { ...given, run_id: runId }) };
    },
  ),
  statement(
    {
      id: 'listRunSignals',
      method: 'GET',
      path: '/v1/runs/:run_id/signals',
      title: 'List the signals of a run',
      permission: 'run:read',
      description: 'Lists the signals that the run received, and the step that consumed each.',
      query: listQuery({ sorts: SIGNALS.sorts }),
      replies: {
        200: {
          description: 'one page',
          schema: pageOf('RunSignalPage', row('run_signals', 'RunSignal')),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params: { run_id: runId = '' }, query: given }) => {
      await requireRun(query, runId);
      return { body: await readList(query, SIGNALS, { ...given, run_id: runId }) };
    },
  ),
  statement(
    {
      id: 'getRunContext',
      method: 'GET',
      path: '/v1/runs/:run_id/context',
      title: 'Read the context of a run',
      permission: 'run:read',
      description:
        'Returns the context of the run at a version of the context; default: the newest one.',
      query: z.strictObject({ version: Version.optional() }),
      replies: {
        200: {
          description: '`{version, context}`',
          schema: named('RunContext', () =>
            z.object({ version: z.number().int(), context: JsonObject }),
          ),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params, query: { version } }) => ({
      body: found('run', await readContext(query, params.run_id ?? '', version)),
    }),
  ),
  operation(
    {
      id: 'getStepOutput',
      method: 'GET',
      path: '/v1/runs/:run_id/steps/:step_id/output',
      title: 'Read the output of a step',
      permission: 'run:read',
      description:
        'Returns the output of the newest completed attempt of a step. Outputs in Supabase Storage stand in place of their references; at most 32 MB of them are read together.',
      params: { step_id: z.string().min(1).max(63).describe('Id of the node.') },
      query: z.strictObject({
        item_index: z.coerce
          .number<string | number>()
          .int()
          .min(-2_147_483_648)
          .max(2_147_483_647)
          .optional()
          .describe(
            '0, the default: the step; from 1 on: an item of a for_each; -1: a compensation; below -1: a tool of an agent.',
          ),
      }),
      replies: {
        200: {
          description: '`{attempt, output}`',
          schema: named('StepOutput', () =>
            z.object({ attempt: z.number().int(), output: z.unknown() }),
          ),
        },
      },
      errors: ['not_found', 'conflict', 'unavailable'],
    },
    async ({ c, deps, member, params: { run_id: runId = '', step_id: stepId = '' }, query }) => {
      const step = await asCaller(deps.db, member, async (ask) => {
        await requirePermission(ask, 'run:read');
        const where = { runId, stepId, itemIndex: query.item_index ?? 0 };
        return found('output of the step', await readStepOutput(ask, where));
      });
      const output = await withContents(step, deps.storage, c.req.raw.signal);
      return { body: { attempt: step.attempt, output } };
    },
  ),
  statement(
    {
      id: 'explainRun',
      method: 'GET',
      path: '/v1/runs/:run_id/explain',
      title: 'Explain what a run waits for',
      permission: 'run:read',
      description:
        'Explains why the run does not continue: one sentence with a stable `code` for the run and for each open step (up to 100), as the RPC `explain_run` does. A reason has further facts, such as `place` and `slots_busy`.',
      replies: {
        200: {
          description: '`{run, steps, open_steps, explained_at}`',
          schema: named('RunExplanation', () =>
            z.object({
              run: z.looseObject({
                id: z.uuid(),
                status: z.string(),
                workflow: z.string(),
                version: z.number().int(),
                deadline_at: Time.nullable(),
                ...reason,
              }),
              steps: z.array(
                z.looseObject({
                  step: z.string(),
                  step_run_id: z.uuid(),
                  type: z.string(),
                  attempt: z.number().int(),
                  status: z.string(),
                  ...reason,
                }),
              ),
              open_steps: z.number().int(),
              explained_at: Time,
            }),
          ),
        },
      },
      errors: ['not_found'],
    },
    async (query, { params }) => ({
      body: found('run', await explainRun(query, params.run_id ?? '')),
    }),
  ),
];
