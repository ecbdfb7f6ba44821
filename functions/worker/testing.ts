// For the tests beside this file: a worker with a fake engine and a fake queue, which record its calls.

import { type Clock, systemClock } from '../_shared/clock/clock.ts';
import type {
  CompletedBranch,
  Engine,
  FailedStep,
  Lease,
  Plan,
  PlanNode,
  Token,
  Work,
} from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import { inDatabase } from './outputs/outputs.ts';
import { createPlans, type Plans } from './plans.ts';
import { createRunMemory } from './run-memory.ts';
import type { NotifyRuns } from './run-notifier.ts';
import { StepLogWriter } from './step-logs.ts';
import { createStepServices } from './step-services.ts';
import { testEnv } from './steps/testing.ts';
import { Turns } from './turns.ts';
import { createWorker, type Worker } from './worker.ts';

/** A transform step without a condition on its edges. */
export const transform = (id: string, expression: string, next: string[] = []): PlanNode => ({
  id,
  type: 'transform',
  label: null,
  config: { expression },
  timeout_ms: null,
  max_elapsed_ms: null,
  in_degree: 1,
  next: next.map((target) => ({ id: target, handle: null })),
  component: null,
  compensate: null,
  undo_max_elapsed_ms: null,
  undo_component: null,
});

export const asFirst = (node: PlanNode): PlanNode => ({ ...node, in_degree: 0 });

export function workOf({ jobId, runId }: Token): Work {
  return {
    job_id: jobId,
    run_id: runId,
    app_code: 'acme',
    workflow_version_id: 'v',
    step_run_id: `${runId}:a`,
    step_id: 'a',
    item_index: 0,
    attempt: 1,
    fence: 1,
  };
}

export const runIdOf = ({ work }: { work: Work }) => work.run_id;

const EAGER_START = { app_code: 'acme', workflow_version_id: 'v', trace_id: 't', input: {} };

/** Tokens of the runs r0, r1, … */
function tokensOf(runs: number, isPending: boolean): Token[] {
  return Array.from({ length: runs }, (_, i) => ({
    jobId: `j${i}`,
    delivery: 0,
    runId: `r${i}`,
    hasBacklog: false,
    ...(isPending ? { start: EAGER_START } : {}),
  }));
}

export interface Calls {
  completed: CompletedBranch[];
  failed: FailedStep[];
  released: string[];
  renewed: string[];
}

/** An engine that accepts everything; calls that a test does not expect are rejected. */
function fakeEngine(plan: Plan, calls: Calls, overrides: Partial<Engine>): Engine {
  const unexpected = () => Promise.reject(new Error('the test does not expect this call'));
  return {
    claim: (tokens) => Promise.resolve(tokens.map(workOf)),
    complete(branches) {
      calls.completed.push(...branches);
      return Promise.resolve({ next: [], refused: [] });
    },
    fail(steps) {
      calls.failed.push(...steps);
      return Promise.resolve([]);
    },
    wait: unexpected,
    wake: () =>
      Promise.resolve({
        inMs: undefined,
        schedules: false,
        messages: false,
        checks: false,
        deliveries: false,
        mails: false,
        outputs: false,
        operations: false,
      }),
    dueSchedules: unexpected,
    fireSchedules: unexpected,
    startQueuedRuns: unexpected,
    dueBackfills: unexpected,
    planBackfill: unexpected,
    advanceBackfills: unexpected,
    dueOperations: unexpected,
    advanceOperation: unexpected,
    failOperationRun: unexpected,
    dueChecks: unexpected,
    recordCheck: unexpected,
    takeMails: unexpected,
    recordMail: unexpected,
    admit: () => Promise.resolve({ admitted: 0, hasBacklog: false }),
    dueRuns: unexpected,
    wakeRun: unexpected,
    failUnwakeable: unexpected,
    readOutbox: () => Promise.resolve({ apps: [], messages: [], full: false }),
    relayApp: unexpected,
    relayTraced: unexpected,
    recordRelayFailure: unexpected,
    confirmPublished: unexpected,
    release(leases) {
      calls.released.push(...leases.map(jobIdOf));
      return Promise.resolve();
    },
    expireLeases: () => Promise.resolve(0),
    heartbeat: unexpected,
    continueWorker: unexpected,
    pushItem: unexpected,
    countUse: unexpected,
    countTokens: unexpected,
    popItem: unexpected,
    sendSignal: unexpected,
    queryRun: unexpected,
    openCallback: unexpected,
    loadAgentTurns: unexpected,
    storeAgentTurn: unexpected,
    readSecret: unexpected,
    loadPlans: (ids) => Promise.resolve(ids.map(() => plan)),
    loadItems: unexpected,
    loadElapsed: unexpected,
    loadRuns: (ids) => Promise.resolve(ids.map((run_id) => ({ run_id, input: {}, trace_id: 't' }))),
    endedRuns: () => Promise.resolve([]),
    loadOutputs: () => Promise.resolve([]),
    ...overrides,
  };
}

const jobIdOf = ({ jobId }: Lease) => jobId;

function fakeQueue(tokens: Token[], calls: Calls): TokenQueue {
  return {
    fetch: (limit) => Promise.resolve(tokens.splice(0, limit)),
    renewLeases(leases) {
      calls.renewed.push(...leases.map(jobIdOf));
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
}

/** Resolves waiters when their condition holds; `check` has to be called after each change. */
function createWaiters() {
  const waiting = new Set<() => void>();
  return {
    check() {
      for (const retry of [...waiting]) retry();
    },
    until(holds: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        const attempt = () => {
          if (!holds()) return;
          waiting.delete(attempt);
          resolve();
        };
        waiting.add(attempt);
        attempt();
      });
    },
  };
}

export interface WorkerSetup extends Calls {
  worker: Worker;
  errors: string[];
  /** Resolves when `holds` is true; it is checked after each notification of the worker. */
  until(holds: () => boolean): Promise<void>;
}

export interface SetupOptions {
  engine?: Partial<Engine>;
  wrapPlans?(plans: Plans): Plans;
  notify?: NotifyRuns;
  clock?: Clock;
}

/** A worker whose queue holds the runs r0, r1, … at step `a`, or before it when it is the first step. */
export function setupWorker(
  runs: number,
  nodes: PlanNode[],
  {
    engine: overrides = {},
    wrapPlans = (plans) => plans,
    notify = () => Promise.resolve(true),
    clock = systemClock,
  }: SetupOptions = {},
): WorkerSetup {
  const calls: Calls = { completed: [], failed: [], released: [], renewed: [] };
  const errors: string[] = [];
  const waiters = createWaiters();
  const plan: Plan = { workflow_version_id: 'v', workflow: 'w', version: 1, nodes };
  const engine = fakeEngine(plan, calls, overrides);
  const isPending = nodes.some((node) => node.in_degree === 0);
  const memory = createRunMemory(engine);
  const stepLogs = new StepLogWriter({
    write: () => Promise.resolve(),
    level: 'info',
    clock,
    onError: (message) => errors.push(message),
  });
  const worker = createWorker({
    clock,
    engine,
    queue: fakeQueue(tokensOf(runs, isPending), calls),
    memory,
    executor: {
      plans: wrapPlans(createPlans(engine, clock)),
      memory,
      turns: new Turns({ clock }),
      clock,
      env: testEnv(),
      outputs: inDatabase,
      secretsOf: () => () => Promise.resolve(undefined),
      logs: stepLogs,
      servicesFor: createStepServices(
        engine,
        { call: () => Promise.reject(new Error('this worker calls no functions')) },
        () => undefined,
      ),
    },
    concurrency: 50,
    leaseSeconds: 60,
    stepLogs,
    mailer: { send: () => Promise.reject(new Error('the test does not expect a mail')) },
    removal: {
      queries: {
        takeDeletable: () => Promise.resolve([]),
        forget: () => Promise.reject(new Error('the test does not expect this call')),
      },
      storage: { url: 'http://127.0.0.1:1' },
    },
    heartbeat: () => ({
      worker_id: 'w',
      mode: 'resident',
      status: 'running',
      version: '0',
      executing: 0,
      concurrency: 50,
      metadata: {},
    }),
    pollMs: () => 60_000,
    cancelPollMs: () => 60_000,
    webhooks: {
      store: {
        claim: () => Promise.resolve([]),
        record: () => Promise.reject(new Error('the test does not expect this call')),
      },
      send: () => Promise.reject(new Error('the test does not expect this call')),
    },
    notify(notifications) {
      waiters.check();
      return notify(notifications);
    },
    onError: (message, error) => errors.push(`${message}: ${String(error)}`),
  });
  return { worker, ...calls, errors, until: waiters.until };
}
