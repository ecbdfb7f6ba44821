// Schedules: their rows, the outcomes of their times, runs by request, and backfills.
import { z } from 'zod';
import { ofWorkflow, Time } from '../components.ts';
import { crud, found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Operation, type Resource, statement } from '../operation.ts';
import { columnNames, named, row } from '../rows.ts';
import {
  backfillSchedule,
  cancelBackfill,
  nextScheduleTimes,
  runScheduleNow,
} from '../schedule-queries.ts';

const permissions = { read: 'schedule:read', write: 'schedule:write' };
const OVERLAP_POLICIES = ['allow', 'skip', 'queue', 'cancel_previous'] as const;
const MAX_TIMES = 10;

export const RunNowBody = z.strictObject({
  overlap_policy: z
    .enum(OVERLAP_POLICIES)
    .optional()
    .describe('Replaces the policy of the schedule for this run.'),
});
export const BackfillBody = z.strictObject({
  from_time: Time.describe('The first time of the range.'),
  to_time: Time.describe('The last time of the range; not in the future.'),
  overlap_policy: z
    .enum(['allow', 'queue'])
    .optional()
    .describe(
      '`allow` starts the runs at once, `queue` one after the other. Default: `allow` if the schedule allows overlaps, otherwise `queue`.',
    ),
});
const NextTimesQuery = z.strictObject({
  count: z.coerce.number<string | number>().int().min(1).max(MAX_TIMES).default(5),
});
const NextTimes = named('ScheduleTimes', () =>
  z.object({
    times: z
      .array(z.iso.datetime({ offset: true }))
      .describe(
        'Without jitter. Empty while the schedule is paused or finished, and after a change until a worker has computed them.',
      ),
  }),
);

const OUTCOMES: ListSpec = {
  table: 'schedule_runs',
  sorts: ['-created_at'],
  filters: {
    schedule_id: equal('schedule_runs', 'schedule_id'),
    outcome: equal('schedule_runs', 'outcome', [
      'started',
      'queued',
      'skipped',
      'missed',
      'failed',
    ]),
  },
};
const Outcome = row('schedule_runs', 'ScheduleRun');
const AS_OUTCOME = { description: 'the outcome', schema: Outcome };

const WITHOUT_TIMES = { without: ['times'] };
const BACKFILLS: ListSpec = {
  table: 'schedule_backfills',
  columns: columnNames('schedule_backfills', WITHOUT_TIMES),
  sorts: ['-created_at'],
  filters: { schedule_id: equal('schedule_backfills', 'schedule_id') },
};
const Backfill = row('schedule_backfills', 'ScheduleBackfill', WITHOUT_TIMES);
const AS_BACKFILL = { description: 'the backfill', schema: Backfill };

const ACTIONS: Operation[] = [
  statement(
    {
      id: 'runScheduleNow',
      method: 'POST',
      path: '/v1/schedules/:schedule_id/run',
      title: 'Run a schedule now',
      permission: permissions.write,
      description:
        'Starts a run of the schedule now, also if it is paused or finished. `outcome` of the answer is `started` with `run_id`, or `queued` or `skipped` by the overlap policy. The run does not count for `max_runs`.',
      body: RunNowBody,
      idempotency: 'stored',
      replies: { 200: AS_OUTCOME },
      errors: ['not_found', 'conflict', 'invalid_input', 'limit_reached'],
    },
    async (query, { params, body }) => ({
      body: await runScheduleNow(query, params.schedule_id ?? '', body.overlap_policy),
    }),
  ),
  statement(
    {
      id: 'listNextScheduleTimes',
      method: 'GET',
      path: '/v1/schedules/:schedule_id/next-times',
      title: 'List the next times of a schedule',
      permission: permissions.read,
      description: 'Returns the next times at which the schedule is due.',
      query: NextTimesQuery,
      replies: { 200: { description: '`{times}`', schema: NextTimes } },
      errors: ['not_found'],
    },
    async (query, { params, query: { count } }) => ({
      body: { times: await nextScheduleTimes(query, params.schedule_id ?? '', count) },
    }),
  ),
  statement(
    {
      id: 'listScheduleRuns',
      method: 'GET',
      path: '/v1/schedule-runs',
      title: 'List the outcomes of schedules',
      permission: permissions.read,
      description:
        'Lists what became of the times of schedules, the newest first: the run that started, or why none did.',
      query: listQuery(OUTCOMES),
      replies: { 200: { description: 'one page', schema: pageOf('ScheduleRunPage', Outcome) } },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, OUTCOMES, call.query) }),
  ),
];

const BACKFILL_OPERATIONS: Operation[] = [
  statement(
    {
      id: 'backfillSchedule',
      method: 'POST',
      path: '/v1/schedules/:schedule_id/backfills',
      title: 'Backfill a schedule',
      permission: permissions.write,
      description:
        'Starts a run for each time of the schedule in a past range, at most 1000. Times that have a run keep it. Read the backfill to follow its progress. A schedule has one open backfill at most.',
      body: BackfillBody,
      idempotency: 'stored',
      replies: { 201: { ...AS_BACKFILL, headers: { Location: 'The address of the backfill.' } } },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params, body }) => {
      const made = await backfillSchedule(query, params.schedule_id ?? '', body);
      return { body: made, headers: { location: `../../schedule-backfills/${made.id}` } };
    },
  ),
  statement(
    {
      id: 'listScheduleBackfills',
      method: 'GET',
      path: '/v1/schedule-backfills',
      title: 'List backfills',
      permission: permissions.read,
      description: 'Lists backfills with their progress, the newest first.',
      query: listQuery(BACKFILLS),
      replies: {
        200: { description: 'one page', schema: pageOf('ScheduleBackfillPage', Backfill) },
      },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, BACKFILLS, call.query) }),
  ),
  statement(
    {
      id: 'getScheduleBackfill',
      method: 'GET',
      path: '/v1/schedule-backfills/:backfill_id',
      title: 'Read a backfill',
      permission: permissions.read,
      description: 'Returns the backfill with its progress.',
      replies: { 200: AS_BACKFILL },
      errors: ['not_found'],
    },
    async (query, { params: { backfill_id: id = '' } }) => ({
      body: found('backfill', await readRow(query, BACKFILLS, id)),
    }),
  ),
  statement(
    {
      id: 'cancelScheduleBackfill',
      method: 'POST',
      path: '/v1/schedule-backfills/:backfill_id/cancel',
      title: 'Cancel a backfill',
      permission: permissions.write,
      description: 'Ends the backfill: it starts no further run. Runs that it has started go on.',
      replies: { 200: AS_BACKFILL },
      errors: ['not_found', 'conflict'],
    },
    async (query, { params }) => ({
      body: await cancelBackfill(query, params.backfill_id ?? ''),
    }),
  ),
];

export const SCHEDULE_RESOURCE: Resource = {
  name: 'Schedules',
  description: 'Starts of workflows at times of a cron expression.',
  operations: [
    ...crud({
      table: 'workflow_schedules',
      path: '/v1/schedules',
      param: 'schedule_id',
      component: 'Schedule',
      one: 'schedule',
      many: 'schedules',
      permissions,
      sorts: ['created_at'],
      filters: { workflow: ofWorkflow, is_enabled: equal('workflow_schedules', 'is_enabled') },
      overrides: {
        cron_expression: z.string().min(1).max(255),
        timezone: z.string().min(1).max(100),
        name: z.string().max(255),
        overlap_policy: z.enum(OVERLAP_POLICIES),
        catchup_window_seconds: z.number().int().min(60).max(31_622_400),
        jitter_seconds: z.number().int().min(0).max(86_400),
      },
    }),
    ...ACTIONS,
    ...BACKFILL_OPERATIONS,
  ],
};
