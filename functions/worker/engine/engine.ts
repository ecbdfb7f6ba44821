// The engine client: the database functions that a worker calls. Each call is one statement, one round trip
// and one transaction, and most take arrays. supabase/migrations/*_engine_*.sql defines the functions.

import type { Fault } from '../../_shared/checker/index.ts';
import { CHECKER_VERSION } from '../../_shared/checker/version.ts';
import type { Clock } from '../../_shared/clock/clock.ts';
import type { Db } from '../../_shared/db/pool.ts';
import { retry } from '../../_shared/db/retry.ts';
import type { Secret } from '../../_shared/expressions/index.ts';
import { toStorableJson } from '../../_shared/text/storable.ts';
import type { NewTurn, StoredTurn } from '../agents/types.ts';
import type {
  CallbackRequest,
  CalledModel,
  ModelUse,
  OpenCallback,
  QueryAnswer,
} from '../steps/types.ts';
import type { EndedRun } from '../tracing/tracer.ts';
import type {
  CompletedBranch,
  DueBackfill,
  DueCheck,
  DueMail,
  DueOperation,
  DueSchedule,
  ExternalRunStep,
  FailedStep,
  Heartbeat,
  Lease,
  MailOutcome,
  NextDue,
  NextSchedule,
  Outbox,
  OutboxMessage,
  Plan,
  QueueStep,
  RunFacts,
  Token,
  WaitingStep,
  Work,
} from './types.ts';

export type * from './types.ts';

const PUBLISH_LIMIT = 200;
const DUE_LIMIT = 200;

export interface Engine {
  claim(tokens: readonly Token[]): Promise<Work[]>;
  /** `next`: the steps that follow; `refused`: runs of which the engine did not accept every result. */
  complete(branches: readonly CompletedBranch[]): Promise<{ next: Work[]; refused: string[] }>;
  fail(steps: readonly FailedStep[]): Promise<Work[]>;
  wait(steps: readonly WaitingStep[]): Promise<void>;
  /** Fires the timers that are due and returns when the next one is. */
  wake(): Promise<NextDue>;
  dueSchedules(): Promise<DueSchedule[]>;
  fireSchedules(schedules: readonly NextSchedule[]): Promise<void>;
  /** Starts runs that waited for the end of the open runs of their schedule. */
  startQueuedRuns(): Promise<void>;
  dueBackfills(): Promise<DueBackfill[]>;
  planBackfill(
    backfillId: string,
    planned: { times: readonly Date[] } | { problem: string },
  ): Promise<void>;
  /** Starts a slice of the runs of each backfill. */
  advanceBackfills(): Promise<void>;
  /** The oldest operation of each application. */
  dueOperations(): Promise<DueOperation[]>;
  /** Acts on the next runs of an operation and returns how many; 0: it waits, has ended, or another worker acts on it. */
  advanceOperation(operation: DueOperation, limit: number): Promise<number>;
  /** Counts the next run as failed, unless another worker has acted on it. */
  failOperationRun(operation: DueOperation, message: string): Promise<void>;
  /** Published versions that this worker's checker has to check; a few at a time. */
  dueChecks(): Promise<DueCheck[]>;
  recordCheck(workflowVersionId: string, findings: readonly Fault[]): Promise<void>;
  /** Takes mails of Stepbase itself for an attempt; a few at a time. */
  takeMails(): Promise<DueMail[]>;
  /** An outcome of an attempt that was taken again meanwhile has no effect. */
  recordMail(mail: Pick<DueMail, 'mail_id' | 'attempt'>, outcome: MailOutcome): Promise<void>;
  /** Moves runs from the backlog into the queue; `hasBacklog` when others still wait for room in it. */
  admit(): Promise<{ admitted: number; hasBacklog: boolean }>;
  /** The due runs, one by one: when wake takes too long. */
  dueRuns(): Promise<string[]>;
  wakeRun(runId: string): Promise<void>;
  /**
   * Fails a run that the engine cannot continue: for `error`, or because the statement takes too long. If the
   * failure cannot be written either, the timers of the run are postponed.
   */
  failUnwakeable(runId: string, error?: unknown): Promise<void>;
  /** The apps whose messages wait for relayApp, those after `after` first, and the messages to publish. */
  readOutbox(after: string): Promise<Outbox>;
  /** Handles up to `limit` messages of one app and returns how many there were. */
  relayApp(appCode: string, limit: number): Promise<number>;
  /** The same, and the runs among them that ended. */
  relayTraced(appCode: string, limit: number): Promise<{ count: number; runs: EndedRun[] }>;
  /** Counts a failure of relayApp(appCode, 1); returns the id of the message if it is now quarantined. */
  recordRelayFailure(appCode: string, error: string): Promise<string | undefined>;
  confirmPublished(outboxIds: readonly number[]): Promise<void>;
  /** Returns tokens to the queue, except those that another worker has leased meanwhile. */
  release(leases: readonly Lease[]): Promise<void>;
  /** Returns tokens with an expired lease to the queue; the same statement writes the heartbeat. */
  expireLeases(leaseSeconds: number, heartbeat: Heartbeat): Promise<number>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  /** Calls the worker function, if work is pending and no worker is alive. */
  continueWorker(): Promise<void>;
  /** Adds an item to a work queue for a step; a repeated call with the same key adds nothing. */
  pushItem(step: QueueStep, item: unknown, priority: number): Promise<{ item_id: string }>;
  /** Takes the next item of a work queue for a step; a repeated call with the same key returns the same item. */
  popItem(step: QueueStep): Promise<{ work_queue_id: string; found: boolean; item: unknown }>;
  /**
   * Counts model calls and mails before a step makes them; the database refuses what exceeds a quota (SB429) or a budget
   * (SB430), and a model without a price if a budget demands one (SB431).
   */
  countUse(
    runId: string,
    use: { llmCalls?: number; mails?: number; model?: CalledModel },
  ): Promise<void>;
  /** Returns the cost of the call in US dollars; null if the price of the model is not known. */
  countTokens(runId: string, use: ModelUse): Promise<number | null>;
  /** Sends a signal for a step; a repeated call with the same key sends nothing. */
  sendSignal(
    step: ExternalRunStep,
    signalName: string,
    payload: unknown,
  ): Promise<{ run_id: string }>;
  queryRun(step: ExternalRunStep, queryName: string): Promise<QueryAnswer>;
  /** Makes the token of a call of a component. Rejects with SQLSTATE SB409 if the lease is lost. */
  openCallback(stepRunId: string, fence: number, request: CallbackRequest): Promise<OpenCallback>;
  /** A secret of the step's app; undefined when it is not stored. Rejects with SB409 if the lease is lost. */
  readSecret(stepRunId: string, fence: number, name: string): Promise<Secret | undefined>;
  loadAgentTurns(stepRunId: string): Promise<StoredTurn[]>;
  /** Stores a turn of an agent once. Rejects with SQLSTATE SB409 if the lease is lost. */
  storeAgentTurn(stepRunId: string, fence: number, turn: NewTurn): Promise<void>;
  loadPlans(versionIds: readonly string[]): Promise<Plan[]>;
  loadItems(stepRunIds: readonly string[]): Promise<{ step_run_id: string; item: unknown }[]>;
  /** How long ago the first attempts of these steps started. */
  loadElapsed(
    stepRunIds: readonly string[],
  ): Promise<{ step_run_id: string; elapsed_ms: number }[]>;
  loadRuns(runIds: readonly string[]): Promise<RunFacts[]>;
  /** Returns the runs that have ended, or that will end for any result of their steps in flight. */
  endedRuns(runIds: readonly string[]): Promise<string[]>;
  /** Outputs by (run, step) pairs; a null step returns all outputs of the run. */
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

export function createEngine(db: Db, clock: Clock): Engine {
  /** For reads and for writes under a key: a step must not fail because the database restarts meanwhile. */
  const persistently = <R extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<R[]> => retry(() => db.query<R>(text, values), { clock });

  return {
    claim: (tokens) =>
      db.query('select * from stepbase_engine.claim($1::uuid[], $2::uuid[], $3::int[])', [
        tokens.map((t) => t.jobId),
        tokens.map((t) => t.runId),
        tokens.map((t) => t.delivery),
      ]),
    async complete(branches) {
      const steps = branches.flatMap(({ work, startsRun, eager, ...first }) => [
        startsRun
          ? { ...first, work, claimed: null, stepId: work.step_id, afterId: '' }
          : { ...first, work, claimed: work, stepId: null, afterId: null },
        ...eager.map((step) => ({ ...step, work, claimed: null })),
      ]);
      const rows = await db.query<Work>(
        'select * from stepbase_engine.complete($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[], $6::text[], $7::jsonb[], $8::text[], $9::text[], $10::uuid[])',
        [
          steps.map((s) => s.work.run_id),
          steps.map((s) => s.claimed?.step_run_id ?? null),
          steps.map((s) => s.claimed?.fence ?? null),
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
        next: rows.filter((row) => row.fence > 0),
        refused: rows.filter((row) => row.fence === 0).map((row) => row.run_id),
      };
    },
    fail: (steps) =>
      db.query(
        'select * from stepbase_engine.fail($1::uuid[], $2::uuid[], $3::int[], $4::jsonb[], $5::jsonb[])',
        [
          steps.map((s) => s.work.run_id),
          steps.map((s) => s.work.step_run_id),
          steps.map((s) => s.work.fence),
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
          steps.map((s) => s.work.fence),
          steps.map((s) => optionalJson(s.input)),
          steps.map((s) => toStorableJson(s.wait)),
        ],
      );
    },
    async wake() {
      const [row] = await db.query<{
        due_in_ms: number | null;
        schedules: boolean;
        messages: boolean;
        checks: boolean;
        deliveries: boolean;
        mails: boolean;
        outputs: boolean;
        operations: boolean;
      }>(
        `select (extract(epoch from stepbase_engine.wake() - stepbase_engine.now()) * 1000)::float8 as due_in_ms,
           stepbase_engine.has_due_schedules() as schedules, stepbase_engine.has_messages() as messages,
           stepbase_engine.has_due_version_checks($1) as checks,
           stepbase_engine.has_due_webhook_deliveries() as deliveries, stepbase_engine.has_due_mails() as mails,
           stepbase_engine.has_deletable_outputs() as outputs,
           stepbase_engine.has_due_operations() as operations`,
        [CHECKER_VERSION],
      );
      const { due_in_ms: inMs, ...due } = only(row);
      return { inMs: inMs ?? undefined, ...due };
    },
    dueSchedules: () => db.query('select * from stepbase_engine.due_schedules()'),
    async fireSchedules(schedules) {
      await db.query('select stepbase_engine.fire_schedules($1::jsonb)', [
        toStorableJson(schedules),
      ]);
    },
    async startQueuedRuns() {
      await db.query('select stepbase_engine.start_queued_runs()');
    },
    dueBackfills: () => db.query('select * from stepbase_engine.due_backfills()'),
    async planBackfill(backfillId, planned) {
      await db.query('select stepbase_engine.plan_backfill($1, $2::timestamptz[], $3)', [
        backfillId,
        'times' in planned ? planned.times.map((time) => time.toISOString()) : null,
        'problem' in planned ? planned.problem : null,
      ]);
    },
    async advanceBackfills() {
      await db.query('select stepbase_engine.advance_backfills()');
    },
    dueOperations: () => db.query('select * from stepbase_engine.due_operations()'),
    async advanceOperation({ operation_id }, limit) {
      const [row] = await db.query<{ runs: number }>(
        'select stepbase_engine.advance_operation($1, $2) as runs',
        [operation_id, limit],
      );
      return only(row).runs;
    },
    async failOperationRun({ operation_id, place }, message) {
      await db.query('select stepbase_engine.fail_operation_run($1, $2, $3)', [
        operation_id,
        place,
        message,
      ]);
    },
    dueChecks: () =>
      db.query('select * from stepbase_engine.due_version_checks($1)', [CHECKER_VERSION]),
    async recordCheck(workflowVersionId, findings) {
      await db.query('select stepbase_engine.record_version_check($1, $2, $3::jsonb)', [
        workflowVersionId,
        CHECKER_VERSION,
        toStorableJson(findings),
      ]);
    },
    takeMails: () => db.query('select * from stepbase_engine.take_mails()'),
    async recordMail({ mail_id, attempt }, outcome) {
      const [messageId, error, isFinal] =
        'error' in outcome
          ? [null, outcome.error, outcome.isFinal]
          : [outcome.messageId, null, false];
      await db.query('select stepbase_engine.record_mail($1, $2, $3, $4, $5)', [
        mail_id,
        attempt,
        messageId,
        error,
        isFinal,
      ]);
    },
    async admit() {
      const [row] = await db.query<{ admitted: number; more_wait: boolean }>(
        'select * from stepbase_engine.admit()',
      );
      return { admitted: row?.admitted ?? 0, hasBacklog: row?.more_wait ?? false };
    },
    async dueRuns() {
      const [row] = await db.query<{ ids: string[] | null }>(
        'select stepbase_engine.suspend_timers($1) as ids',
        [DUE_LIMIT],
      );
      return row?.ids ?? [];
    },
    async wakeRun(runId) {
      await db.query('select stepbase_engine.wake_run_isolated($1)', [runId]);
    },
    async failUnwakeable(runId, error) {
      const [code, message] =
        error === undefined
          ? ['engine_timeout', 'the statement took too long']
          : ['engine_error', String(error)];
      await db
        .query('select stepbase_engine.fail_unwakeable_run($1, $2, $3)', [runId, message, code])
        .catch(() =>
          db.query("select stepbase_engine.postpone_timers($1, interval '5 minutes')", [runId]),
        );
    },
    async readOutbox(after) {
      const [row] = await db.query<{ apps: string[]; messages: OutboxMessage[] }>(
        `select stepbase_engine.outbox_apps($1) as apps, stepbase_engine.relay_messages($2) as messages`,
        [after, PUBLISH_LIMIT],
      );
      const { apps, messages } = only(row);
      return { apps, messages, full: messages.length === PUBLISH_LIMIT };
    },
    async relayApp(appCode, limit) {
      const [row] = await db.query<{ count: number }>(
        'select stepbase_engine.relay_app($1, $2) as count',
        [appCode, limit],
      );
      return row?.count ?? 0;
    },
    async relayTraced(appCode, limit) {
      const [row] = await db.query<{ count: number; runs: EndedRun[] }>(
        'select handled as count, runs from stepbase_engine.relay_app_traced($1, $2)',
        [appCode, limit],
      );
      return only(row);
    },
    async recordRelayFailure(appCode, error) {
      const [row] = await db.query<{ id: string | null }>(
        'select stepbase_engine.record_relay_failure($1, $2) as id',
        [appCode, error],
      );
      return row?.id ?? undefined;
    },
    async confirmPublished(outboxIds) {
      await db.query('select stepbase_engine.confirm_published($1::bigint[])', [outboxIds]);
    },
    async release(leases) {
      await db.query('select stepbase_engine.release($1::uuid[], $2::int[])', [
        leases.map((lease) => lease.jobId),
        leases.map((lease) => lease.delivery),
      ]);
    },
    async expireLeases(leaseSeconds, heartbeat) {
      const [row] = await db.query<{ count: number }>(
        "select stepbase_engine.expire_leases($1 * interval '1 second') as count, stepbase_engine.heartbeat($2::jsonb)",
        [leaseSeconds, toStorableJson(heartbeat)],
      );
      return row?.count ?? 0;
    },
    async heartbeat(heartbeat) {
      await db.query('select stepbase_engine.heartbeat($1::jsonb)', [toStorableJson(heartbeat)]);
    },
    async continueWorker() {
      await db.query('select stepbase_engine.continue_worker()');
    },
    async pushItem({ runId, key, queue }, item, priority) {
      const [row] = await persistently<{ pushed: { item_id: string } }>(
        'select stepbase_engine.push_from_step($1, $2, $3, $4::jsonb, $5) as pushed',
        [runId, key, queue, toStorableJson(item), priority],
      );
      return only(row).pushed;
    },
    async popItem({ runId, key, queue }) {
      const [row] = await persistently<{
        popped: { work_queue_id: string; found: boolean; item: unknown };
      }>('select stepbase_engine.pop_from_step($1, $2, $3) as popped', [runId, key, queue]);
      return only(row).popped;
    },
    async countUse(runId, { llmCalls = 0, mails = 0, model = {} }) {
      await persistently('select stepbase_engine.count_use($1, $2, $3, $4::jsonb)', [
        runId,
        llmCalls,
        mails,
        toStorableJson(model),
      ]);
    },
    async countTokens(runId, use) {
      const [row] = await persistently<{ cost: number | null }>(
        'select stepbase_engine.count_tokens($1, $2::jsonb)::float8 as cost',
        [runId, toStorableJson(use)],
      );
      return only(row).cost;
    },
    async sendSignal({ runId, key, run }, signalName, payload) {
      const [row] = await persistently<{ sent: { run_id: string } }>(
        'select stepbase_engine.signal_from_step($1, $2, $3, $4, $5::jsonb) as sent',
        [runId, key, run, signalName, toStorableJson(payload)],
      );
      return only(row).sent;
    },
    async queryRun({ runId, run }, queryName) {
      const [row] = await persistently<{ found: QueryAnswer }>(
        'select stepbase_engine.query_from_step($1, $2, $3) as found',
        [runId, run, queryName],
      );
      return only(row).found;
    },
    async readSecret(stepRunId, fence, name) {
      const [row] = await persistently<{ value: string; hosts: string[] | null }>(
        'select value, hosts from stepbase_engine.read_secret($1, $2, $3)',
        [stepRunId, fence, name],
      );
      if (row === undefined) return undefined;
      return row.hosts === null ? { value: row.value } : { value: row.value, hosts: row.hosts };
    },
    async openCallback(stepRunId, fence, { component, input, callMs }) {
      const [row] = await persistently<OpenCallback>(
        'select * from stepbase_engine.open_callback($1, $2, $3, $4::jsonb, $5, $6, $7)',
        [
          stepRunId,
          fence,
          component.id,
          optionalJson(input),
          Math.ceil(callMs),
          component.callback_timeout_ms,
          component.heartbeat_timeout_ms,
        ],
      );
      return only(row);
    },
    loadAgentTurns: (stepRunId) =>
      persistently('select * from stepbase_engine.load_agent_turns($1)', [stepRunId]),
    async storeAgentTurn(stepRunId, fence, turn) {
      await persistently('select stepbase_engine.store_agent_turn($1, $2, $3::jsonb)', [
        stepRunId,
        fence,
        toStorableJson(turn),
      ]);
    },
    loadPlans: (ids) => persistently('select * from stepbase_engine.load_plans($1::uuid[])', [ids]),
    loadItems: (ids) => persistently('select * from stepbase_engine.load_items($1::uuid[])', [ids]),
    loadElapsed: (ids) =>
      persistently('select * from stepbase_engine.load_elapsed($1::uuid[])', [ids]),
    async endedRuns(runIds) {
      const rows = await db.query<{ id: string }>(
        'select id from stepbase_engine.ended_runs($1::uuid[]) id',
        [runIds],
      );
      return rows.map(({ id }) => id);
    },
    loadRuns: (ids) => persistently('select * from stepbase_engine.load_runs($1::uuid[])', [ids]),
    loadOutputs: (pairs) =>
      persistently('select * from stepbase_engine.load_outputs($1::uuid[], $2::text[])', [
        pairs.map((p) => p.runId),
        pairs.map((p) => p.stepId),
      ]),
  };
}
