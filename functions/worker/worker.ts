// The worker, wired from its roles. The producer finds tokens, the claimer turns them into steps, the
// dispatcher gives the steps to the executor and their outcomes to the completer, and continues the
// branches. The lifecycle decides whether new steps may start.

import type { Clock } from '../_shared/clock/clock.ts';
import type { Budget } from './budget.ts';
import { Claimer } from './claimer.ts';
import { createCompleter } from './completer.ts';
import { Dispatcher } from './dispatcher.ts';
import { DueTimers } from './due-timers.ts';
import type { Engine, Heartbeat } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import type { ExecutorDeps } from './executor.ts';
import { InFlightSteps } from './in-flight.ts';
import { Leases } from './leases.ts';
import { Lifecycle } from './lifecycle.ts';
import type { Wakeup } from './listener.ts';
import type { Mailer } from './mails/mailer.ts';
import { Mails } from './mails/mails.ts';
import { createMaintenance } from './maintenance.ts';
import { RunOperations } from './operations.ts';
import { OutboxPublisher } from './outbox-publisher.ts';
import { OutputRemoval, type RemovalOptions } from './outputs/removal.ts';
import { Producer } from './producer.ts';
import { Relay } from './relay.ts';
import type { RunMemory } from './run-memory.ts';
import type { NotifyRuns } from './run-notifier.ts';
import { reserveFor } from './shares.ts';
import type { StepLogWriter } from './step-logs.ts';
import type { StepTextSender } from './step-texts.ts';
import { createTimers } from './timers.ts';
import { VersionChecks } from './version-checks.ts';
import { Deliveries, type WebhookOptions } from './webhooks/deliveries.ts';

export interface WorkerOptions {
  engine: Engine;
  queue: TokenQueue;
  memory: RunMemory;
  executor: ExecutorDeps;
  clock: Clock;
  /** Steps executed at the same time. */
  concurrency: number;
  /** A token whose lease is not renewed for this long goes to another worker. */
  leaseSeconds: number;
  heartbeat(): Heartbeat;
  /** The interval of polls for work without a wake-up. */
  pollMs(): number;
  /** The interval of polls for cancelled runs of the steps in flight. */
  cancelPollMs(): number;
  notify: NotifyRuns;
  webhooks: WebhookOptions;
  /** Sends the mails of Stepbase itself. */
  mailer: Mailer;
  /** Writes the log lines of the steps. */
  stepLogs: Pick<StepLogWriter, 'isBusy' | 'settled' | 'onIdle'>;
  stepTexts?: Pick<StepTextSender, 'isBusy' | 'settled' | 'onIdle'>;
  /** Deletes the stored outputs of deleted runs. */
  removal: Pick<RemovalOptions, 'queries' | 'storage'>;
  onError(message: string, error: unknown): void;
}

export interface WorkerStats {
  executing: number;
  tokens: number;
  completed: number;
  failed: number;
}

export interface Worker {
  start(): void;
  wake(wakeup: Wakeup): void;
  /** Works until nothing is left or the budget is spent; resolves with whether work is left. */
  runWithin(budget: Budget): Promise<{ steps: number; more: boolean }>;
  /** Starts no new steps, releases the steps that do not finish within the grace time, and ends. */
  stop(graceMs: number): Promise<void>;
  readonly stats: WorkerStats;
}

export function createWorker(options: WorkerOptions): Worker {
  const { clock, engine, memory, queue, notify, stepLogs, stepTexts, onError } = options;
  const { tracer } = options.executor;
  const timers = createTimers(clock);
  const leases = new Leases();
  const lifecycle: Lifecycle = new Lifecycle({
    clock,
    isBusy: () =>
      [producer, claimer, publisher, stepLogs, ...jobs()].some(({ isBusy }) => isBusy) ||
      stepTexts?.isBusy ||
      leases.size > 0,
    continueInvocation,
    handBack,
  });
  const steps = new InFlightSteps({
    executor: options.executor,
    acceptsWork: () => lifecycle.acceptsWork,
    onError,
  });
  const completer = createCompleter({
    engine,
    clock,
    advance: (written, next) => dispatcher.advance(written, next),
    startByClaim: (branches) => claimer.startByClaim(branches),
    forgetOutputs: memory.forgetOutputs,
    exportSpans: (spans) => tracer?.export(spans),
    signal: (what) => producer.signal(what),
    onError,
  });
  const dispatcher = new Dispatcher({
    ...{ lifecycle, memory, leases, steps, completer, notify, onError },
    startByClaim: (branches) => claimer.startByClaim(branches),
    onWritten: () => producer.noteWritten(),
  });
  const claimer: Claimer = new Claimer({
    ...{ engine, lifecycle, memory, leases, dispatcher, onError },
    plans: options.executor.plans,
    onClaimed: () => producer.produce(),
  });
  const publisher = new OutboxPublisher({
    notify,
    confirm: (outboxIds) => engine.confirmPublished(outboxIds),
    relay: () => producer.wake({ kind: 'outbox' }),
    later: timers.later,
    now: clock.now,
    onIdle: () => lifecycle.checkIdle(),
    onError,
  });
  /** Tokens whose outcomes are not written yet count too: see `capacity`. */
  const used = () => Math.max(steps.size, leases.size);
  const acceptsWork = () => lifecycle.acceptsWork;
  const onIdle = () => lifecycle.checkIdle();
  stepLogs.onIdle = onIdle;
  if (stepTexts) stepTexts.onIdle = onIdle;
  const relay = new Relay({
    ...{ engine, publisher, acceptsWork, onIdle, onError },
    later: timers.later,
    onRunsEnded: tracer?.endRuns,
    onRelayed() {
      producer.noteFound('queue', 'backlog');
      deliveries.start();
    },
  });
  const checks: VersionChecks = new VersionChecks({ engine, acceptsWork, onIdle, onError });
  const deliveries: Deliveries = new Deliveries({
    ...{ ...options.webhooks, acceptsWork, onIdle, onError },
    later: timers.later,
  });
  const mails: Mails = new Mails({
    ...{ engine, acceptsWork, onIdle, onError },
    mailer: options.mailer,
  });
  const removal: OutputRemoval = new OutputRemoval({
    ...{ ...options.removal, acceptsWork, onIdle, onError },
  });
  const operations: RunOperations = new RunOperations({
    ...{ engine, acceptsWork, onIdle, onError },
    onSlice: () => producer.noteFound('queue', 'backlog', 'outbox'),
  });
  const jobs = () => [checks, deliveries, mails, removal, operations];
  const dueTimers = new DueTimers({
    ...{ engine, timers, acceptsWork, onIdle, onError },
    onMails: () => mails.start(),
    onOutputs: () => removal.start(),
    onOperations: () => operations.start(),
    onChecks: () => checks.start(),
    onDeliveries: () => deliveries.start(),
    onDue: () => producer.wake({ kind: 'due' }),
    onFired: (...signals) => producer.noteFound(...signals),
  });
  const producer: Producer = new Producer({
    ...{ engine, queue, timers, lifecycle, claimer, relay, dueTimers, onError },
    // Tokens whose outcomes are not written yet count: otherwise a busy worker would fetch the whole queue, and
    // other workers would find none of it.
    capacity: () => options.concurrency - used(),
    // One token may carry many branches, so the steps of one app may exceed the capacity. The reserve counts tokens:
    // that app's steps do not use it up.
    reserve: () => reserveFor(options.concurrency, leases.size, steps.byApp()),
    abandon: (tokens) => leases.abandon(tokens),
  });
  const maintenance = createMaintenance({
    ...options,
    timers,
    leases: () => leases.list(),
    runIds: () => steps.runIds(),
    onExpired: () => producer.wake({ kind: 'steps' }),
    onRunEnded: (runId) => steps.cancelRun(runId),
  });
  const stats: WorkerStats = {
    get executing() {
      return steps.size;
    },
    get tokens() {
      return leases.size;
    },
    get completed() {
      return completer.counts.completed;
    },
    get failed() {
      return completer.counts.failed;
    },
  };

  function wake(wakeup: Wakeup): void {
    if (wakeup.kind === 'cancel') steps.cancelRun(wakeup.runId);
    else if (wakeup.kind === 'stop') steps.cancelStep(wakeup.stepRunId);
    else producer.wake(wakeup);
  }

  function run(budget?: Budget): void {
    lifecycle.run(budget);
    timers.start();
    producer.begin();
    maintenance.begin();
  }

  function stop(graceMs: number): Promise<boolean> {
    timers.stop();
    return lifecycle.stop(graceMs);
  }

  /** The last steps of an invocation may have left messages and deliveries. */
  function continueInvocation(): boolean {
    if (!producer.relayLast()) return false;
    deliveries.start();
    return true;
  }

  async function handBack(): Promise<boolean> {
    leases.abandon(leases.list());
    steps.cancelAll();
    deliveries.cancel();
    mails.cancelAll();
    removal.cancelAll();
    await Promise.all([producer, claimer, ...jobs()].map((part) => part.settled()));
    await Promise.all([completer.drain(), stepLogs.settled(), stepTexts?.settled()]);
    const abandoned = leases.drainAbandoned();
    if (abandoned.length > 0) {
      await engine.release(abandoned).catch((error: unknown) => {
        onError(
          `${abandoned.length} tokens could not be released; their leases will expire`,
          error,
        );
      });
    }
    return abandoned.length > 0;
  }

  return {
    stats,
    wake,
    start() {
      run();
      timers.every(options.pollMs, () => wake({ kind: 'everything' }));
      wake({ kind: 'everything' });
    },
    async runWithin(budget) {
      const before = stats.completed + stats.failed;
      run(budget);
      maintenance.expireLeases();
      wake({ kind: 'everything' });
      // Rounded up, because a timer of whole milliseconds could fire a moment before the limit.
      await lifecycle.idle(Math.ceil(budget.wallLeftMs));
      const handedBack = await stop(0);
      return {
        steps: stats.completed + stats.failed - before,
        more: handedBack || budget.spent || producer.hasPending || deliveries.hasPending,
      };
    },
    async stop(graceMs) {
      await stop(graceMs);
    },
  };
}
