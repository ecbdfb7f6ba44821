// One definition for each call: the RPC for users and the route for machines. Both take the same arguments; those that
// the path names go there, the others into the body, or into the query of a GET.

export interface Operation {
  rpc: string;
  /** Method and path below the address of the HTTP API. */
  route: `${'GET' | 'POST' | 'PUT' | 'DELETE'} /v1/${string}`;
  /** The member of the HTTP answer that the RPC returns by itself. */
  pick?: string;
  /** Whether a second call has no further effect, so that a lost answer is asked for again. */
  isRepeatable?: boolean;
}

const operations = <Names extends string>(
  all: Record<Names, Operation>,
): Readonly<Record<Names, Operation>> => all;

export const OPERATIONS = operations({
  startRun: { rpc: 'start_run', route: 'POST /v1/workflows/:workflow/runs' },
  startRuns: {
    rpc: 'start_runs',
    route: 'POST /v1/workflows/:workflow/runs/batch',
    pick: 'items',
  },
  searchRuns: { rpc: 'search_runs', route: 'POST /v1/runs/search', isRepeatable: true },
  cancelRun: { rpc: 'cancel_run', route: 'POST /v1/runs/:run_id/cancel', isRepeatable: true },
  pauseRun: { rpc: 'pause_run', route: 'POST /v1/runs/:run_id/pause', isRepeatable: true },
  resumeRun: { rpc: 'resume_run', route: 'POST /v1/runs/:run_id/resume', isRepeatable: true },
  sendSignal: { rpc: 'send_signal', route: 'POST /v1/runs/:run_id/signals/:signal_name' },
  queryRun: {
    rpc: 'query_run',
    route: 'GET /v1/runs/:run_id/queries/:query_name',
    pick: 'answer',
    isRepeatable: true,
  },
  previewOperation: {
    rpc: 'preview_operation',
    route: 'POST /v1/run-operations/preview',
    isRepeatable: true,
  },
  startOperation: { rpc: 'start_operation', route: 'POST /v1/run-operations' },
  stopOperation: {
    rpc: 'stop_operation',
    route: 'POST /v1/run-operations/:operation_id/stop',
    isRepeatable: true,
  },
  readStatistics: { rpc: 'read_statistics', route: 'GET /v1/statistics', isRepeatable: true },
  emitEvent: { rpc: 'emit_event', route: 'POST /v1/events', pick: 'event_id' },
  claimTask: { rpc: 'claim_task', route: 'POST /v1/tasks/:step_run_id/claim', isRepeatable: true },
  releaseTask: {
    rpc: 'release_task',
    route: 'POST /v1/tasks/:step_run_id/release',
    isRepeatable: true,
  },
  delegateTask: { rpc: 'delegate_task', route: 'POST /v1/tasks/:step_run_id/delegate' },
  completeTask: { rpc: 'complete_task', route: 'POST /v1/tasks/:step_run_id/complete' },
  decideApproval: { rpc: 'decide_approval', route: 'POST /v1/approvals/:step_run_id' },
  runScheduleNow: { rpc: 'run_schedule_now', route: 'POST /v1/schedules/:schedule_id/run' },
  nextScheduleTimes: {
    rpc: 'next_schedule_times',
    route: 'GET /v1/schedules/:schedule_id/next-times',
    pick: 'times',
    isRepeatable: true,
  },
  backfillSchedule: {
    rpc: 'backfill_schedule',
    route: 'POST /v1/schedules/:schedule_id/backfills',
  },
  cancelBackfill: {
    rpc: 'cancel_backfill',
    route: 'POST /v1/schedule-backfills/:backfill_id/cancel',
    isRepeatable: true,
  },
  listSecrets: {
    rpc: 'list_secrets',
    route: 'GET /v1/secrets',
    pick: 'items',
    isRepeatable: true,
  },
  setSecret: { rpc: 'set_secret', route: 'PUT /v1/secrets/:name' },
  rollbackSecret: {
    rpc: 'rollback_secret',
    route: 'POST /v1/secrets/:name/rollback',
    isRepeatable: true,
  },
  deleteSecret: { rpc: 'delete_secret', route: 'DELETE /v1/secrets/:name' },
});

/** A table that clients read and write, and its route. */
export interface Collection {
  table: string;
  route: `/v1/${string}`;
  /** The order of lists by `created_at`. */
  isNewestFirst?: boolean;
  /** Only these rows; the route has the same condition. */
  where?: Readonly<Record<string, string>>;
  /** Filters on a column that is a list: it must contain the value. */
  lists?: Readonly<Record<string, string>>;
}

const collections = <Names extends string>(
  all: Record<Names, Collection>,
): Readonly<Record<Names, Collection>> => all;

export const COLLECTIONS = collections({
  tasks: {
    table: 'step_runs',
    route: '/v1/tasks',
    where: { status: 'waiting', wait_kind: 'task' },
    lists: { assigned_role: 'assigned_roles' },
  },
  operations: { table: 'run_operations', route: '/v1/run-operations', isNewestFirst: true },
  schedules: { table: 'workflow_schedules', route: '/v1/schedules' },
  scheduleRuns: { table: 'schedule_runs', route: '/v1/schedule-runs', isNewestFirst: true },
  backfills: {
    table: 'schedule_backfills',
    route: '/v1/schedule-backfills',
    isNewestFirst: true,
  },
});

export type Args = Readonly<Record<string, unknown>>;

/** Without the arguments that are undefined: the HTTP API and RPCs have their defaults. */
export const given = (args: Args): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
