// The types that the engine client and the worker share: tokens, leases, steps and their results, runs.
// Names in snake_case are columns that the engine returns or JSON that it reads.

import type { CheckContext } from '../../_shared/checker/index.ts';
import type { Row } from '../../_shared/db/pool.ts';
import type { ToolFacts } from '../agents/types.ts';
import type { Component, StoredPrompt } from '../steps/types.ts';
import type { Span } from '../tracing/span.ts';

/** A step run that this worker has claimed (stepbase_engine.work). */
export interface Work {
  job_id: string;
  run_id: string;
  app_code: string;
  workflow_version_id: string;
  step_run_id: string;
  step_id: string;
  item_index: number;
  attempt: number;
  fence: number;
}

/** The span of an execution, for the exporter; the engine does not take it. */
export interface Traced {
  span?: Span;
}

export interface CompletedStep extends Traced {
  work: Work;
  input: unknown;
  output: unknown;
  handle: string | undefined;
  details: Row | undefined;
}

/** A step that was executed eagerly: it follows a completed step and has no step run yet. */
export interface EagerStep extends Omit<CompletedStep, 'work'> {
  stepId: string;
  /** The step that it follows. */
  afterId: string;
}

export interface CompletedBranch extends CompletedStep {
  /** The run is pending and starts with this step, which was executed eagerly and has no step run yet. */
  startsRun?: boolean;
  /** Eagerly executed steps; each is listed after its predecessor. */
  eager: readonly EagerStep[];
}

export interface FailedStep extends Traced {
  work: Work;
  /** The resolved config, if it was resolved. */
  input: unknown;
  error: Row;
}

export interface WaitingStep extends Traced {
  work: Work;
  input: unknown;
  wait: Row;
}

/** A worker's lease on a token. It ends with the delivery: the next delivery is another worker's lease. */
export interface Lease {
  jobId: string;
  /** Counts the deliveries of the token (pg-boss's retry_count). */
  delivery: number;
}

export interface Token extends Lease {
  runId: string;
  /** More runs are in the backlog: the worker that takes this token admits some of them. */
  hasBacklog: boolean;
  /** Present when the run is pending and this is the first delivery (stepbase_engine.eager_start). */
  start?: EagerStart | undefined;
}

export interface PlanNode {
  id: string;
  type: string;
  label: string | null;
  config: unknown;
  timeout_ms: number | null;
  /** Time limit of the step with all of its attempts. */
  max_elapsed_ms: number | null;
  in_degree: number;
  next: { id: string; handle: string | null }[];
  component: Component | null;
  /** Of an agent, or of the agent in a for_each. */
  tools?: ToolFacts[] | null;
  compensate: { type: string; config: unknown; timeout_ms?: number | null } | null;
  undo_max_elapsed_ms: number | null;
  undo_component: Component | null;
}

export interface Plan {
  workflow_version_id: string;
  workflow: string;
  version: number;
  nodes: PlanNode[];
  /** By the reference of the steps; null: none. */
  prompts?: Record<string, StoredPrompt> | null;
}

export interface RunFacts {
  run_id: string;
  input: unknown;
  trace_id: string;
  /** The header of the caller whose trace the run continues. */
  traceparent?: string | null;
}

/** What a worker needs to execute the first step of a run without claiming it. */
export interface EagerStart extends Omit<RunFacts, 'run_id'> {
  app_code: string;
  workflow_version_id: string;
}

export interface OutboxMessage {
  outbox_id: number;
  app_code: string;
  run_id: string;
  event_type: string;
  payload: unknown;
  age_ms: number;
}

export interface Outbox {
  /** Apps with messages about runs, events and queues. */
  apps: string[];
  /** Messages to publish, the oldest first; `full`: there may be more. */
  messages: OutboxMessage[];
  full: boolean;
}

/** A schedule that needs its times (stepbase_engine.due_schedules). */
export interface DueSchedule {
  schedule_id: string;
  cron_expression: string;
  timezone: string;
  /** When it is due, as PostgreSQL writes it; null when it has no time yet. */
  due_at: string | null;
  /** The time of the cron expression for which it is due; `due_at` has the jitter in addition. */
  scheduled_at: Date | null;
  /** The engine's clock: the next time is after this. */
  asked_at: Date;
  /** Times up to this one are due; those after it may wait for their jitter. */
  past_at: Date;
  /** Times before this one are not made up for; null: one run starts for all missed times. */
  catchup_from: Date | null;
}

export interface NextSchedule {
  schedule_id: string;
  cron_expression: string;
  timezone: string;
  due_at: string | null;
  /** The times that start a run now. */
  times?: Date[];
  /** Empty when there is no further time. */
  next_times?: Date[];
  missed_from?: Date;
  problem?: string;
}

/** A backfill that can go on (stepbase_engine.due_backfills). */
export interface DueBackfill {
  backfill_id: string;
  cron_expression: string;
  timezone: string;
  from_time: Date;
  to_time: Date;
  /** Its times are known. */
  is_planned: boolean;
}

/** An operation on many runs, and how many of them it has counted. */
export interface DueOperation {
  operation_id: string;
  place: number;
}

/** A worker's sign of life (stepbase.workers). */
export interface Heartbeat {
  worker_id: string;
  /** Of a worker that serves one application: its code, the name of a project, and its task queue. */
  app_code?: string;
  project?: string;
  task_queue?: string;
  mode: 'resident' | 'invocation';
  status: 'running' | 'draining' | 'stopped' | 'error';
  hostname?: string | undefined;
  version: string;
  executing: number;
  concurrency: number;
  metadata: Row;
  error_message?: string;
}

export interface NextDue {
  /** Milliseconds until the next timer is due, by the engine's clock. */
  inMs: number | undefined;
  /** A schedule is due now or has no time yet, or a queued start or a backfill can go on. */
  schedules: boolean;
  /** The outbox has messages: a timer may have ended its run. */
  messages: boolean;
  /** A published version was not checked yet. */
  checks: boolean;
  /** A webhook delivery is due now. */
  deliveries: boolean;
  /** A mail of Stepbase itself waits to be sent. */
  mails: boolean;
  /** A stored output of a deleted run is to be deleted. */
  outputs: boolean;
  /** A slice of an operation on many runs is due. */
  operations: boolean;
}

/** A mail that was taken for an attempt. `data` is what its template needs. */
export interface DueMail {
  mail_id: string;
  app_code: string;
  template: string;
  recipient: string;
  data: Row;
  attempt: number;
}

/** The outcome of an attempt to send a mail. */
export type MailOutcome = { messageId: string } | { error: string; isFinal: boolean };

/** A published version that the checker has to check. */
export interface DueCheck {
  workflow_version_id: string;
  definition: unknown;
  context: CheckContext;
}

/** A step that uses a work queue: `queue` of its own workflow, or `workflow/queue`. */
export interface QueueStep {
  runId: string;
  /** run:step:item, the same for every attempt. */
  key: string;
  queue: string;
}

/** A step that addresses another run: 'parent', or the id of a run of the same app. */
export interface ExternalRunStep {
  runId: string;
  /** run:step:item, the same for every attempt. */
  key: string;
  run: string;
}
