// The worker: takes tokens, executes the steps they carry, commits the answers in groups, and goes
// on with the next steps of the same branches, until it is stopped or its budget is spent.

import type { Clock } from '../_shared/clock/clock.ts';
import { type Budget, unlimited } from './budget.ts';
import { createCompleter } from './completer.ts';
import { eagerStartOf, executeEagerly } from './eager-execution.ts';
import type { EagerStart, EagerStep, Engine, Heartbeat, Token, Work } from './engine/engine.ts';
import type { TokenQueue } from './engine/queue.ts';
import { type AttemptOutcome, type ExecutorDeps, execute } from './executor.ts';
import { createLeases } from './leases.ts';
import type { Wakeup } from './listener.ts';
import { createMaintenance } from './maintenance.ts';
import { createOutboxPublisher } from './outbox-publisher.ts';
import type { RunMemory } from './run-memory.ts';
import type { NotifyRuns } from './run-notifier.ts';
import { runSchedules } from './schedules.ts';
import { StepError } from './steps/index.ts';
import { createTimers } from './timers.ts';

export interface WorkerOptions {
  engine: Engine;
  queue: TokenQueue;
  memory: RunMemory;
  execute: ExecutorDeps;
  clock: Clock;
  /** Steps executed at the same time. */
  concurrency: number;
  /** A token that its worker has not touched for this long goes to another worker. */
  leaseSeconds: number;
  /** What the worker says of itself to whoever looks. */
  presence(): Heartbeat;
  /** How often to look for work without a hint. */
  pollMs(): number;
  /** How often to look whether the runs of steps under way have ended. */
  cancelPollMs(): number;
  /** Tells watchers outside the database that runs moved, and relays outbox messages. */
  publish: NotifyRuns;
  onError(what: string, error: unknown): void;
}

export interface Worker {
  start(): void;
  wake(wakeup: Wakeup): void;
  /** Works until nothing is left or the budget is spent; resolves with whether work is left. */
  runWithin(budget: Budget): Promise<{ steps: number; more: boolean }>;
  /** Takes nothing new, hands back what is not finished within the grace time, and ends. */
  stop(graceMs: number): Promise<void>;
  readonly stats: { executing: number; tokens: number; completed: number; failed: number };
}

interface Executing {
  work: Work;
  abort: AbortController;
}

const FETCH_AT_MOST = 100;
/** After tokens were found, the queue is read again so much later (create_tokens tells a quiet queue only). */
const LOOK_AGAIN_MS = [30, 300, 3_000];

export function createWorker(options: WorkerOptions): Worker {
  const { engine, queue, memory, clock } = options;
  const executing = new Map<string, Executing>();
  const held = createLeases();
  const stats = {
    get executing() {
      return executing.size;
    },
    get tokens() {
      return held.size;
    },
    get completed() {
      return answers.counts.completed;
    },
    get failed() {
      return answers.counts.failed;
    },
  };
  const due = { wake: true, relay: true, admit: true, fetch: true };
  const timers = createTimers(clock);
  const idleListeners = new Set<() => void>();
  let budget: Budget = unlimited;
  /** Runs wait for room in the queue: they are let in whenever tokens were taken from it. */
  let hasBacklog = false;
  /** Something was written that may have left messages: an invocation looks once more before it ends. */
  let unrelayed = false;
  let pumping = false;
  /** Claims under way outside of a turn. */
  const claiming = new Set<Promise<void>>();
  let turning: Promise<void> = Promise.resolve();
  let taking = false;
  let callOffWake = () => {};
  let trail: (() => void)[] = [];

  const handover = createOutboxPublisher({
    publish: options.publish,
    confirm: (outboxIds) => engine.confirmPublished(outboxIds),
    relay: () => wake({ kind: 'outbox' }),
    later: timers.later,
    now: clock.now,
    idle: settleIdle,
    onError: options.onError,
  });
  const upkeep = createMaintenance({
    ...options,
    timers,
    held: () => held.list(),
    runs: () => [...new Set([...executing.values()].map(({ work }) => work.run_id))],
    found: () => wake({ kind: 'steps' }),
    ended: (runId) => wake({ kind: 'cancel', runId }),
  });
  const answers = createCompleter({
    engine,
    clock,
    follow,
    beginInTurn,
    forget: memory.forgetOutputs,
    due(what) {
      due[what] = true;
    },
    onError: options.onError,
  });

  function enter(works: readonly Work[]): void {
    for (const work of works) {
      memory.enter(work.run_id);
      held.enter(work.job_id);
      perform(work, work.step_run_id, (result, ahead) => answers.add(result, ahead));
    }
  }

  /** Executes a step, and what surely follows it; `key` is what it is known by meanwhile. */
  function perform(
    work: Work,
    key: string,
    done: (result: AttemptOutcome, ahead: EagerStep[]) => void,
  ): void {
    const abort = new AbortController();
    executing.set(key, { work, abort });
    void execute(work, abort.signal, options.execute).then(async (result) => {
      const ahead = await runOn(result, abort.signal);
      executing.delete(key);
      done(result, ahead);
    });
  }

  /** What surely follows an answer, executed before it is written. */
  async function runOn(result: AttemptOutcome, signal: AbortSignal): Promise<EagerStep[]> {
    if (result.kind !== 'completed' || !taking || budget.spent) return [];
    return await executeEagerly(result, signal, options.execute).catch((error: unknown) => {
      options.onError('run ahead', error);
      return [];
    });
  }

  /** Executes the first step of a run that nobody has to know of before it is done, and what follows. */
  function begin(token: Token, start: EagerStart, stepId: string): void {
    const { jobId, runId } = token;
    const { app_code, workflow_version_id, input, trace_id } = start;
    const work: Work = {
      ...{ job_id: jobId, run_id: runId, app_code, workflow_version_id, step_id: stepId },
      ...{ step_run_id: '', item_index: 0, attempt: 1, claim: 1 },
    };
    memory.enter(runId);
    memory.keepFacts({ run_id: runId, input, trace_id });
    held.take(token);
    held.enter(jobId);
    perform(work, jobId, (result, ahead) => {
      if (result.kind === 'completed') answers.add(result, ahead, true);
      else beginInTurn([{ work }]);
    });
  }

  /** Runs that cannot begin with what their first step answered start as others do, and it is executed again. */
  function beginInTurn(branches: readonly { work: Work }[]): void {
    if (branches.length === 0) return;
    const again = branches.flatMap(({ work }) =>
      held
        .list([work.job_id])
        .map((token) => ({ ...token, runId: work.run_id, hasBacklog: false })),
    );
    // Once these are left, which forgets what is held of their tokens.
    const claimed = Promise.resolve()
      .then(() => claim(again))
      .catch((error: unknown) => options.onError('claim; their tokens expire', error))
      .finally(() => {
        claiming.delete(claimed);
        pump();
      });
    claiming.add(claimed);
    follow(branches, []);
  }

  function leave(work: Work): void {
    held.leave(work.job_id);
    memory.leave(work.run_id);
  }

  /** The steps are written; their branches go on with `next`. */
  function follow(steps: readonly { work: Work }[], next: readonly Work[]): void {
    unrelayed = true;
    if (taking && !budget.spent) enter(next);
    else held.abandon(held.list(next.map((work) => work.job_id)));
    const runs = new Set<string>();
    for (const { work } of steps) {
      leave(work);
      runs.add(work.run_id);
    }
    tell([...runs].map((runId) => ({ runId, event: 'run.changed' })));
    pump();
  }

  function tell(messages: readonly { runId: string; event: string }[]): void {
    if (messages.length === 0) return;
    options.publish(messages).catch((error: unknown) => options.onError('publish', error));
  }

  function pump(): void {
    if (pumping || !taking) {
      if (!pumping) settleIdle();
      return;
    }
    pumping = true;
    turning = turn().finally(() => {
      pumping = false;
      if (taking && !budget.spent && hasRoom() && Object.values(due).includes(true)) pump();
      else settleIdle();
    });
  }

  /**
   * How many more tokens may be taken. Those whose answers wait to be written count too: what comes
   * to the front of the queue must not find a worker that has taken all of it.
   */
  function room(): number {
    return Math.min(options.concurrency - Math.max(executing.size, held.size), FETCH_AT_MOST);
  }

  function hasRoom(): boolean {
    return room() > 0;
  }

  async function turn(): Promise<void> {
    try {
      if (budget.spent) return;
      if (due.wake) {
        due.wake = false;
        const next = await engine.wake();
        armWake(next.inMs);
        if (next.schedules) {
          await runSchedules(engine);
          due.wake = due.relay = due.admit = true;
        }
      }
      if (due.relay) {
        due.relay = false;
        unrelayed = false;
        const { messages, more, full } = await engine.relay();
        if (more) due.relay = due.admit = true;
        handover.take(messages, full);
        due.fetch = true;
      }
      if (due.admit) await admit();
      while (due.fetch && taking && hasRoom() && !budget.spent) {
        const asked = room();
        due.fetch = false;
        const fetched = await queue.fetch(asked);
        if (fetched.length === 0) break;
        if (!taking) {
          held.abandon(fetched);
          break;
        }
        // A hint that came while the queue was read stays.
        if (fetched.length === asked) due.fetch = true;
        lookAgain();
        await take(fetched);
        if (hasBacklog || fetched.some((token) => token.hasBacklog)) await admit();
      }
    } catch (error) {
      options.onError('take work', error);
      due.wake = due.relay = due.admit = due.fetch = false;
      timers.later(1_000, () => wake({ kind: 'everything' }));
    }
  }

  /** While the queue was read somebody may have made a token, or got in line, and thought it busy. */
  function lookAgain(): void {
    for (const callOff of trail) callOff();
    trail = LOOK_AGAIN_MS.map((ms) =>
      timers.later(ms, () => {
        due.admit = true;
        wake({ kind: 'steps' });
      }),
    );
  }

  /** Runs whose first step may run ahead of their start begin at once; the others are claimed. */
  async function take(fetched: readonly Token[]): Promise<void> {
    const others = await Promise.all(
      fetched.map(async (token) => {
        if (!token.start) return token;
        const plan = await options.execute.plans
          .get(token.start.workflow_version_id)
          .catch(() => undefined);
        const first = plan && eagerStartOf(plan);
        if (!first) return token;
        begin(token, token.start, first.id);
        return undefined;
      }),
    );
    await claim(others.filter((token) => token !== undefined));
  }

  /** What the steps will read of their runs is read while the tokens are claimed. */
  async function claim(fetched: readonly Token[]): Promise<void> {
    if (fetched.length === 0) return;
    if (!taking) {
      held.abandon(fetched);
      return;
    }
    for (const token of fetched) {
      held.take(token);
      memory.enter(token.runId);
      memory.facts(token.runId).catch(() => undefined);
    }
    try {
      const works = await engine.claim(fetched);
      // An invocation may have come to its end meanwhile: it answers for nothing that it starts now.
      if (taking) enter(works);
      else held.abandon(held.list(works.map((work) => work.job_id)));
    } finally {
      for (const { runId, jobId } of fetched) {
        memory.leave(runId);
        held.settle(jobId);
      }
    }
  }

  async function admit(): Promise<number> {
    due.admit = false;
    const { admitted, hasBacklog: more } = await engine.admit();
    hasBacklog = more;
    if (admitted > 0) due.fetch = true;
    return admitted;
  }

  function armWake(dueInMs: number | undefined): void {
    callOffWake();
    if (dueInMs === undefined) return;
    // Longer waits than a timer can hold are looked at again by the poll.
    const ms = Math.min(Math.max(dueInMs, 5), 60_000);
    callOffWake = timers.later(ms, () => wake({ kind: 'due' }));
  }

  function wake(wakeup: Wakeup): void {
    if (wakeup.kind === 'cancel') {
      for (const { work, abort } of executing.values()) {
        // What undoes the run goes on: that is how it ends.
        if (work.run_id === wakeup.runId && work.item_index >= 0) {
          abort.abort(new StepError('cancelled', 'the run ended'));
        }
      }
      return;
    }
    if (wakeup.kind === 'stop') {
      executing.get(wakeup.stepRunId)?.abort.abort(new StepError('cancelled', 'the step ended'));
      return;
    }
    if (wakeup.kind === 'steps' || wakeup.kind === 'everything') due.fetch = true;
    if (wakeup.kind === 'outbox' || wakeup.kind === 'everything') due.relay = true;
    if (wakeup.kind === 'admit' || wakeup.kind === 'everything') due.admit = true;
    // A place that is being freed shows when that is committed, and whoever frees it may have seen nobody wait.
    if (wakeup.kind === 'admit') lookAgain();
    if (wakeup.kind === 'due' || wakeup.kind === 'everything') due.wake = true;
    pump();
  }

  function busy(): boolean {
    return held.size > 0 || pumping || claiming.size > 0 || handover.busy;
  }

  function settleIdle(): void {
    if (busy()) return;
    if (unrelayed && taking && budget !== unlimited && !budget.spent) {
      unrelayed = false;
      due.relay = due.admit = true;
      pump();
      return;
    }
    for (const listener of [...idleListeners]) listener();
  }

  function idle(withinMs: number): Promise<boolean> {
    if (!busy()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const callOff = clock.after(Math.max(0, withinMs), () => done(false));
      const listener = () => done(true);
      function done(value: boolean): void {
        callOff();
        idleListeners.delete(listener);
        resolve(value);
      }
      idleListeners.add(listener);
    });
  }

  async function handBack(): Promise<boolean> {
    held.abandon(held.list());
    for (const { abort } of executing.values()) {
      abort.abort(new StepError('cancelled', 'the worker stops'));
    }
    await Promise.all([turning, ...claiming]);
    await answers.drain();
    const left = held.drainAbandoned();
    if (left.length > 0) {
      await engine.release(left).catch((error: unknown) => options.onError('release', error));
    }
    return left.length > 0;
  }

  function startTaking(): void {
    taking = true;
    timers.start();
    upkeep.begin();
  }

  function stopTaking(): void {
    taking = false;
    timers.stop();
  }

  return {
    stats,
    wake,
    start() {
      startTaking();
      timers.every(options.pollMs, () => wake({ kind: 'everything' }));
      wake({ kind: 'everything' });
    },
    async runWithin(limit) {
      const before = stats.completed + stats.failed;
      budget = limit;
      startTaking();
      upkeep.expireLeases();
      wake({ kind: 'everything' });
      // A timer of whole milliseconds would fire a moment before the limit.
      await idle(Math.ceil(limit.wallLeftMs));
      stopTaking();
      const handedBack = await handBack();
      budget = unlimited;
      return {
        steps: stats.completed + stats.failed - before,
        more: handedBack || limit.spent || due.fetch || due.relay || due.admit,
      };
    },
    async stop(graceMs) {
      stopTaking();
      await idle(graceMs);
      await handBack();
    },
  };
}
