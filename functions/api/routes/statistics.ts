// How an application does: counts and durations of runs and steps, in total and over time, and what stands still.
import { z } from 'zod';
import { Time } from '../components.ts';
import { readOverview, readSeries } from '../insight-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { projectStatistics, readStatistics, workflowStatistics } from '../resource-queries.ts';
import { named, row } from '../rows.ts';

const count = () => z.number().int();
const time = () => z.string().nullable();

const WorkflowStatistics = named('WorkflowStatistics', () =>
  z.object({
    items: z.array(
      z.object({
        workflow_id: z.uuid(),
        total_runs: count(),
        completed_runs: count(),
        failed_runs: count(),
        cancelled_runs: count(),
        open_runs: count(),
        avg_duration_ms: count(),
        p95_duration_ms: count().nullable(),
        total_steps: count(),
        last_run_at: time(),
        refreshed_at: z.string(),
      }),
    ),
  }),
);
const ProjectStatistics = named('ProjectStatistics', () =>
  z.object({
    items: z.array(
      z.object({
        project_id: z.uuid(),
        workflows: count(),
        total_workflow_executions: count(),
        total_activity_executions: count(),
        avg_execution_duration_ms: count(),
        last_execution_at: time(),
        refreshed_at: z.string(),
      }),
    ),
  }),
);

const Statistics = named('Statistics', () =>
  z.object({
    since: z.string(),
    until: z.string(),
    settled_at: time().describe('The numbers before this time are final.'),
    items: z.array(
      z.object({
        app_code: z.string().optional(),
        project_id: z.uuid().nullable().optional(),
        workflow_id: z.uuid().optional(),
        step_id: z.string().optional(),
        step_type: z.string().optional(),
        component_id: z.uuid().optional(),
        total: count(),
        completed: count(),
        failed: count().describe('Also timed out runs.'),
        cancelled: count(),
        success_rate: z.number().nullable().describe('completed / (completed + failed)'),
        avg_duration_ms: count().nullable(),
        p50_duration_ms: count().nullable().describe('At most 10 % off.'),
        p95_duration_ms: count().nullable().describe('At most 10 % off.'),
      }),
    ),
  }),
);

const ACTIVITIES: ListSpec = {
  table: 'activity_statistics',
  sorts: ['-last_executed_at'],
  filters: {
    workflow_id: equal('activity_statistics', 'workflow_id'),
    step_type: equal('activity_statistics', 'step_type'),
    component_id: equal('activity_statistics', 'component_id'),
  },
};

const STATUSES = ['pending', 'running', 'paused'] as const;
const Overview = named('Overview', () =>
  z.object({
    open_runs: z.partialRecord(z.enum(STATUSES), count()),
    stuck_runs: z
      .array(
        z.object({
          workflow: z.string().describe('The `kebab_name` of the workflow.'),
          run_id: z.uuid(),
          status: z.string(),
          step: z.string().nullable(),
          since: z.string(),
          minutes: count(),
        }),
      )
      .describe(
        'Running runs that wait for nothing and did not change for long, the oldest first.',
      ),
    waiting_runs: z
      .object({ since: time(), runs: count() })
      .nullable()
      .describe('Pending runs that are not held.'),
  }),
);

const StatisticsSeries = named('StatisticsSeries', () =>
  z.object({
    since: z.string().describe('The begin of the first step.'),
    until: z.string(),
    step_minutes: count(),
    points: z.array(
      z.object({
        at: z.string().describe('The begin of the step.'),
        completed: count(),
        failed: count().describe('Also timed out runs.'),
        cancelled: count(),
        p50_duration_ms: count().nullable().describe('At most 10 % off; null without a run.'),
        p95_duration_ms: count().nullable().describe('At most 10 % off; null without a run.'),
      }),
    ),
  }),
);

export const STATISTICS_RESOURCE: Resource = {
  name: 'Statistics',
  description: 'Totals. Durations are in milliseconds.',
  operations: [
    statement(
      {
        id: 'readStatistics',
        method: 'GET',
        path: '/v1/statistics',
        title: 'Read counts and durations of a time',
        permission: 'stats:read',
        description:
          'Returns counts, the average, the median and the 95th percentile of runs, or of attempts of steps, of the runs that ended in a time. Current to the minute; by the hour for times more than a day ago.',
        query: z.strictObject({
          group_by: z
            .enum(['application', 'project', 'workflow', 'step', 'step_type', 'component'])
            .default('workflow'),
          since: Time.optional().describe('Default: a day before `until`.'),
          until: Time.optional().describe('Default: now.'),
          workflow_id: z.uuid().optional(),
        }),
        replies: { 200: { description: 'the largest 1,000 items', schema: Statistics } },
        errors: [],
      },
      async (query, call) => ({ body: await readStatistics(query, call.query) }),
    ),
    statement(
      {
        id: 'readStatisticsSeries',
        method: 'GET',
        path: '/v1/statistics/series',
        title: 'Read counts and durations over time',
        permission: 'stats:read',
        description:
          'Returns counts and durations of the runs that ended in a time, in equal steps, for charts. By the hour for times more than a day ago: use steps of full hours there.',
        query: z.strictObject({
          since: Time.optional().describe('Default: a day before `until`.'),
          until: Time.optional().describe('Default: now.'),
          step_minutes: z.coerce
            .number<string | number>()
            .int()
            .min(1)
            .max(10_080)
            .default(60)
            .describe('The time has at most 500 steps.'),
          workflow_id: z.uuid().optional(),
        }),
        replies: {
          200: { description: '`{since, until, step_minutes, points}`', schema: StatisticsSeries },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readSeries(query, call.query) }),
    ),
    statement(
      {
        id: 'readOverview',
        method: 'GET',
        path: '/v1/overview',
        title: 'Read what is open and what stands still',
        permission: 'run:read',
        description:
          'Returns the open runs by status, up to 100 stuck runs, and since when the oldest pending run waits.',
        replies: {
          200: { description: '`{open_runs, stuck_runs, waiting_runs}`', schema: Overview },
        },
        errors: [],
      },
      async (query) => ({ body: await readOverview(query) }),
    ),
    statement(
      {
        id: 'getWorkflowStatistics',
        method: 'GET',
        path: '/v1/statistics/workflows',
        title: 'Read the totals of each workflow',
        permission: 'stats:read',
        description:
          'Returns the totals of runs by workflow, as of `refreshed_at`. They are refreshed once an hour.',
        replies: { 200: { description: '`{items}`', schema: WorkflowStatistics } },
        errors: [],
      },
      async (query) => ({ body: { items: await workflowStatistics(query) } }),
    ),
    statement(
      {
        id: 'getProjectStatistics',
        method: 'GET',
        path: '/v1/statistics/projects',
        title: 'Read the totals of each project',
        permission: 'stats:read',
        description:
          'Returns the totals of runs by project, as of `refreshed_at`. They are refreshed once an hour.',
        replies: { 200: { description: '`{items}`', schema: ProjectStatistics } },
        errors: [],
      },
      async (query) => ({ body: { items: await projectStatistics(query) } }),
    ),
    statement(
      {
        id: 'listActivityStatistics',
        method: 'GET',
        path: '/v1/statistics/activities',
        title: 'List the totals of step types',
        permission: 'stats:read',
        description:
          'Lists counters of ended attempts by workflow, step type and component. `workflow_id` null: over all workflows.',
        query: listQuery(ACTIVITIES),
        replies: {
          200: {
            description: 'one page',
            schema: pageOf(
              'ActivityStatisticsPage',
              row('activity_statistics', 'ActivityStatistics'),
            ),
          },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, ACTIVITIES, call.query) }),
    ),
  ],
};
