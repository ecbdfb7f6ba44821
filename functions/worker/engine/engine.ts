// The engine's functions as a worker calls them: each takes arrays and is one statement, one
// round trip and one transaction. What they do is written in supabase/migrations/*_engine_*.sql.

import type { Db, Row } from '../../_shared/db/pool.ts';
import { untilAnswered } from '../../_shared/db/retry.ts';
import { toStorableJson } from '../../_shared/text/storable.ts';
import type { Component, QueryAnswer } from '../steps/types.ts';

const RELAY_LIMIT = 200;

/** A step run that this worker carries (stepbase_engine.work). */
export interface Work {
  job_id: string;
  run_id: string;
  app_code: string;
  workflow_version_id: string;
  step_run_id: string;
  step_id: string;
  item_index: number;
  attempt: number;
  claim: number;
}

export interface CompletedStep {
  work: Work;
  input: unknown;
  output: unknown;
  handle: string | undefined;
  details: Row | undefined;
}

/** A step that ran ahead: it follows a completed one, and has no step run yet. */
export interface EagerStep extends Omit<CompletedStep, 'work'> {
  stepId: string;
  /** The step that it follows. */
  afterId: string;
}

export interface CompletedBranch extends CompletedStep {
  /** The run is pending and starts with this step, which ran ahead of that: it has no step run yet. */
  starts?: boolean;
  /** What follows, in an order in which each step comes after the one it follows. */
  ahead: readonly EagerStep[];
}

export interface FailedStep {
  work: Work;
  /** The resolved config, as far as it was resolved. */
  input: unknown;
  error: Row;
}

export interface WaitingStep {
  work: Work;
  input: unknown;
  wait: Row;
}

/** A token as one of its deliveries knows it: to the next one it is another's. */
export interface Lease {
  jobId: string;
  /** Counts the deliveries of the token (pg-boss's retry_count). */
  delivery: number;
}

export interface Token extends Lease {
  runId: string;
  /** More runs wait for room in the queue: whoever took this shall admit. */
  hasBacklog: boolean;
  /** Of a pending run that nobody took before (stepbase_engine.eager_start). */
  start?: EagerStart | undefined;
}

export interface PlanNode {
  id: string;
  type: string;
  label: string | null;
  config: unknown;
  timeout_ms: number | null;
  /** How long the step may take with all of its attempts. */
  max_elapsed_ms: number | null;
  in_degree: number;
  next: { id: string; handle: string | null }[];
  component: Component | null;
  compensate: { type: string; config: unknown; timeout_ms?: number | null } | null;
  undo_max_elapsed_ms: number | null;
  undo_component: Component | null;
}

export interface Plan {
  workflow_version_id: string;
  workflow: string;
  version: number;
  nodes: PlanNode[];
}

export interface RunFacts {
  run_id: string;
  input: unknown;
  trace_id: string;
}

/** What a worker needs to execute the first step of a run at once. */
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

/** A schedule that needs its next time (stepbase_engine.due_schedules). */
export interface DueSchedule {
  schedule_id: string;
  cron_expression: string;
  timezone: string;
  /** The time it is due for, in PostgreSQL's own words; null when it has none yet. */
  due_at: string | null;
  /** The engine's clock: the next time is after this. */
  asked_at: Date;
}

export interface ScheduleAnswer extends Omit<DueSchedule, 'asked_at'> {
  /** Absent: there is no further time, or a problem. */
  next_at?: string;
  problem?: string;
}

/** What a worker says of itself (stepbase.workers). */
export interface Heartbeat {
  worker_id: string;
  mode: 'resident' | 'invocation';
  status: 'running' | 'draining' | 'stopped' | 'error';
  hostname?: string | undefined;
  version: string;
  executing: number;
  concurrency: number;
  metadata: Row;
  error_message?: string;
}

export interface Due {
  /** Milliseconds until the next thing is due, by the engine's clock. */
  inMs: number | undefined;
  /** A schedule is due now, or has no time yet. */
  schedules: boolean;
}

/** A step that uses a work queue: `queue` of its own workflow, or `workflow/queue`. */
export interface QueueStep {
  runId: string;
  /** run:step:item, the same for every attempt. */
  key: string;
  queue: string;
}

/** A step that addresses another run: 'parent', or the id of a run of its app. */
export interface ExternalRunStep {
  runId: string;
  /** run:step:item, the same for every attempt. */
  key: string;
  run: string;
}

export interface Engine {
  claim(tokens: readonly Token[]): Promise<Work[]>;
  /** The steps that follow; `refused`: runs that did not take every answer. */
  complete(branches: readonly CompletedBranch[]): Promise<{ next: Work[]; refused: string[] }>;
  fail(steps: readonly FailedStep[]): Promise<Work[]>;
  wait(steps: readonly WaitingStep[]): Promise<void>;
  /** Wakes what is due; says when the next thing is. */
  wake(): Promise<Due>;
  dueSchedules(): Promise<DueSchedule[]>;
  fireSchedules(answers: readonly ScheduleAnswer[]): Promise<void>;
  /** Lets waiting runs into the queue; `moreWait` when others wait for room in it. */
  admit(): Promise<{ admitted: number; hasBacklog: boolean }>;
  /** Follows the outbox; `more`: that may have written others; `full`: there may be more messages. */
  relay(): Promise<{ messages: OutboxMessage[]; more: boolean; full: boolean }>;
  confirmPublished(outboxIds: readonly number[]): Promise<void>;
  /** Hands back those of the tokens that have not gone to another worker meanwhile. */
  release(tokens: readonly Lease[]): Promise<void>;
  /** Returns silent tokens to the queue; the same statement says that this worker is there. */
  expireLeases(leaseSeconds: number, presence: Heartbeat): Promise<number>;
  /** Says that this worker is there, or that it ends. */
  beat(presence: Heartbeat): Promise<void>;
  /** Adds an item to a work queue for a step; a repeated call with the same key adds nothing. */
  pushItem(step: QueueStep, item: unknown, priority: number): Promise<{ item_id: string }>;
  /** Takes the next item of a work queue for a step; a repeated call with the same key takes the same. */
  popItem(step: QueueStep): Promise<{ work_queue_id: string; found: boolean; item: unknown }>;
  /** Sends a signal for a step; a repeated call with the same key sends nothing. */
  sendSignal(
    step: ExternalRunStep,
    signalName: string,
    payload: unknown,
  ): Promise<{ run_id: string }>;
  queryRun(step: ExternalRunStep, queryName: string): Promise<QueryAnswer>;
  loadPlans(versionIds: readonly string[]): Promise<Plan[]>;
  loadItems(stepRunIds: readonly string[]): Promise<{ step_run_id: string; item: unknown }[]>;
  /** How long ago the first attempts of these steps began. */
  loadElapsed(
    stepRunIds: readonly string[],
  ): Promise<{ step_run_id: string; elapsed_ms: number }[]>;
  loadRuns(runIds: readonly string[]): Promise<RunFacts[]>;
  /** Which of these runs need no step any more that is under way. */
  endedRuns(runIds: readonly string[]): Promise<string[]>;
  /** Outputs by (run, step) pairs; a null step asks for all outputs of the run. */
  loadOutputs(
    pairs: readonly { runId: string; stepId: string | null }[],
  ): Promise<{ run_id: string; step_id: string; output: unknown }[]>;
}

const optionalJson = (value: unknown): string | null =>
  value === undefined ? null : toStorableJson(value);

function only<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}

export function createEngine(db: Db): Engine {
  /** A step does not fail because the database restarts while it reads. */
  const asked = <R extends object>(text: string, values?: readonly unknown[]): Promise<R[]> =>
    untilAnswered(() => db.query<R>(text, values));
  return {
    claim: (tokens) =>
      db.query('select * from stepbase_engine.claim($1::uuid[], $2::uuid[], $3::int[])', [
        tokens.map((t) => t.jobId),
        tokens.map((t) => t.runId),
        tokens.map((t) => t.delivery),
      ]),
    async complete(branches) {
      const steps = branches.flatMap(({ work, starts, ahead, ...first }) => [
        starts
          ? { ...first, work, held: null, stepId: work.step_id, afterId: '' }
          : { ...first, work, held: work, stepId: null, afterId: null },
        ...ahead.map((step) => ({ ...step, work, held: null })),
      ]);
      const rows = await db.query<Work>(
        'select * from stepbase_engine.complete($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[], $6::text[], $7::jsonb[], $8::text[], $9::text[], $10::uuid[])',
        [
          steps.map((s) => s.work.run_id),
          steps.map((s) => s.held?.step_run_id ?? null),
          steps.map((s) => s.held?.claim ?? null),
          steps.map((s) => optionalJson(s.input)),
          steps.map((s) => toStorableJson(s.output)),
          steps.map((s) => s.handle ?? null),
          steps.map((s) => optionalJson(s.details)),
          steps.map((s) => s.stepId),
          steps.map((s) => s.afterId),
          steps.map((s) => (s.afterId === '' ? s.work.job_id : null)),
        ],
      );
      return {
        next: rows.filter((row) => row.claim > 0),
        refused: rows.filter((row) => row.claim === 0).map((row) => row.run_id),
      };
    },
    fail: (steps) =>
      db.query(
        'select * from stepbase_engine.fail($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[])',
        [
          steps.map((s) => s.work.run_id),
          steps.map((s) => s.work.step_run_id),
          steps.map((s) => s.work.claim),
          steps.map((s) => optionalJson(s.input)),
          steps.map((s) => toStorableJson(s.error)),
        ],
      ),
    async wait(steps) {
      await db.query(
        'select stepbase_engine.wait($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[])',
        [
          steps.map((s) => s.work.run_id),
          steps.map((s) => s.work.step_run_id),
          steps.map((s) => s.work.claim),
          steps.map((s) => optionalJson(s.input)),
          steps.map((s) => toStorableJson(s.wait)),
        ],
      );
    },
    async wake() {
      const [row] = await db.query<{ due_in_ms: number | null; schedules: boolean }>(
        `select (extract(epoch from stepbase_engine.wake() - stepbase_engine.now()) * 1000)::float8 as due_in_ms,
           stepbase_engine.has_due_schedules() as schedules`,
      );
      return { inMs: row?.due_in_ms ?? undefined, schedules: row?.schedules ?? false };
    },
    dueSchedules: () => db.query('select * from stepbase_engine.due_schedules()'),
    async fireSchedules(answers) {
      await db.query('select stepbase_engine.fire_schedules($1::jsonb)', [toStorableJson(answers)]);
    },
    async admit() {
      const [row] = await db.query<{ admitted: number; more_wait: boolean }>(
        'select * from stepbase_engine.admit()',
      );
      return { admitted: row?.admitted ?? 0, hasBacklog: row?.more_wait ?? false };
    },
    async relay() {
      const [row] = await db.query<{ followed: number; messages: OutboxMessage[] }>(
        'select * from stepbase_engine.relay($1)',
        [RELAY_LIMIT],
      );
      const { followed, messages } = row ?? { followed: 0, messages: [] };
      return { messages, more: followed > 0, full: messages.length === RELAY_LIMIT };
    },
    async confirmPublished(outboxIds) {
      await db.query('select stepbase_engine.confirm_published($1::bigint[])', [outboxIds]);
    },
    async release(tokens) {
      await db.query('select stepbase_engine.release($1::uuid[], $2::int[])', [
        tokens.map((t) => t.jobId),
        tokens.map((t) => t.delivery),
      ]);
    },
    async expireLeases(leaseSeconds, presence) {
      const [row] = await db.query<{ count: number }>(
        "select stepbase_engine.expire_leases($1 * interval '1 second') as count, stepbase_engine.heartbeat($2::jsonb)",
        [leaseSeconds, toStorableJson(presence)],
      );
      return row?.count ?? 0;
    },
    async beat(presence) {
      await db.query('select stepbase_engine.heartbeat($1::jsonb)', [toStorableJson(presence)]);
    },
    async pushItem({ runId, key, queue }, item, priority) {
      const [row] = await asked<{ pushed: { item_id: string } }>(
        'select stepbase_engine.push_from_step($1, $2, $3, $4::jsonb, $5) as pushed',
        [runId, key, queue, toStorableJson(item), priority],
      );
      return only(row).pushed;
    },
    async popItem({ runId, key, queue }) {
      const [row] = await asked<{
        popped: { work_queue_id: string; found: boolean; item: unknown };
      }>('select stepbase_engine.pop_from_step($1, $2, $3) as popped', [runId, key, queue]);
      return only(row).popped;
    },
    async sendSignal({ runId, key, run }, signalName, payload) {
      const [row] = await asked<{ sent: { run_id: string } }>(
        'select stepbase_engine.signal_from_step($1, $2, $3, $4, $5::jsonb) as sent',
        [runId, key, run, signalName, toStorableJson(payload)],
      );
      return only(row).sent;
    },
    async queryRun({ runId, run }, queryName) {
      const [row] = await asked<{ found: QueryAnswer }>(
        'select stepbase_engine.query_from_step($1, $2, $3) as found',
        [runId, run, queryName],
      );
      return only(row).found;
    },
    loadPlans: (versionIds) =>
      asked('select * from stepbase_engine.load_plans($1::uuid[])', [versionIds]),
    loadItems: (ids) => asked('select * from stepbase_engine.load_items($1::uuid[])', [ids]),
    loadElapsed: (ids) => asked('select * from stepbase_engine.load_elapsed($1::uuid[])', [ids]),
    async endedRuns(runIds) {
      const rows = await db.query<{ id: string }>(
        'select id from stepbase_engine.ended_runs($1::uuid[]) id',
        [runIds],
      );
      return rows.map(({ id }) => id);
    },
    loadRuns: (runIds) => asked('select * from stepbase_engine.load_runs($1::uuid[])', [runIds]),
    loadOutputs: (pairs) =>
      asked('select * from stepbase_engine.load_outputs($1::uuid[], $2::text[])', [
        pairs.map((p) => p.runId),
        pairs.map((p) => p.stepId),
      ]),
  };
}
