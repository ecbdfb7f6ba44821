// `stepbase`: starts and follows runs, acts on many, answers tasks, reads statistics, and manages schedules and secrets.
export type { WatchOptions } from './backend.ts';
export {
  createStepbase,
  type RunOptions,
  type StartedRun,
  type StartItem,
  type StartOptions,
  type StartOutcome,
  type Stepbase,
  type StepbaseOptions,
} from './client.ts';
export { ERROR_STATUS, type ErrorCode } from './errors/codes.ts';
export {
  type ClientErrorCode,
  ConflictError,
  type ErrorFacts,
  InvalidInputError,
  InvalidRequestError,
  LimitReachedError,
  NetworkError,
  NotAuthenticatedError,
  NotFoundError,
  PermissionDeniedError,
  RunError,
  type RunErrorCode,
  type RunFailure,
  StepbaseError,
  TimeoutError,
  UnavailableError,
  VersionError,
} from './errors/errors.ts';
export type { List, ListOptions } from './list.ts';
export type {
  OperationFilter,
  OperationPreview,
  OperationSelection,
  OperationStart,
  Operations,
  RunOperation,
} from './resources/operations.ts';
export type {
  BackfillRange,
  NewSchedule,
  ScheduleSettings,
  Schedules,
} from './resources/schedules.ts';
export type { Secrets } from './resources/secrets.ts';
export type { Statistics, StatisticsFilter, StatisticsItem } from './resources/statistics.ts';
export type { TaskFilter, Tasks } from './resources/tasks.ts';
export type * from './rows.ts';
export type { RunHandle } from './run.ts';
export type { RunFilter } from './run-filter.ts';
export type { SupabaseLike } from './supabase/like.ts';
export type { CallOptions } from './time.ts';
export type { UntypedWorkflow, UntypedWorkflows, Workflows, WorkflowTypes } from './workflows.ts';
