// The calls of a hosted worker. At most one invocation at a time runs in an isolate; a call meanwhile makes it look
// for work. In the background (EdgeRuntime.waitUntil) an invocation looks once more a second after the last call, because
// the database calls a worker at most once a second (stepbase_engine.request_worker). If it then leaves work, because
// its budget is used or the isolate ends, it requests the next invocation, but only after it has executed a step or was
// called meanwhile.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import type { Budget, Limit } from './budget.ts';
import type { Engine, Heartbeat } from './engine/engine.ts';
import type { Worker } from './worker.ts';

/** How often an invocation with steps in flight looks for other work: nothing calls a worker while one is running. */
const POLL_MS = 1_000;
/** stepbase_engine.is_worker_alive counts an invocation without a heartbeat for three of these as ended. */
const HEARTBEAT_MS = 5_000;
/** As long as stepbase_engine.request_worker makes no second call. */
const LAST_LOOK_MS = 1_000;

/** `spent`: the limit of the budget that ended the invocation; null when there was nothing left to do. */
export interface Invocation {
  steps: number;
  more: boolean;
  spent: Limit | null;
}

export interface InvocationsOptions {
  clock: Clock;
  worker: Pick<Worker, 'runWithin' | 'wake'>;
  startBudget(): Budget;
  onEnd?(): void;
  /** Writes the heartbeat; it never rejects. */
  beat(status: Heartbeat['status']): Promise<void>;
  /** Calls the next invocation if work is pending. */
  callAgain(): Promise<void>;
  onError(message: string, error: unknown): void;
  /** The caller does not wait for the end. */
  inBackground: boolean;
}

export interface Invocations {
  /** Starts an invocation, or joins the one that is running. */
  call(): Promise<Invocation>;
  /** The isolate ends: no further look for work starts. */
  close(): void;
}

/** Calls `action` every `ms`; the returned function ends that. */
function every(clock: Clock, ms: number, action: () => void): () => void {
  let cancel = clock.after(ms, function repeat() {
    action();
    cancel = clock.after(ms, repeat);
  });
  return () => cancel();
}

export function createInvocations(options: InvocationsOptions): Invocations {
  const { clock, worker, beat, inBackground } = options;
  const closing = new AbortController();
  let running: Promise<Invocation> | undefined;
  let resting = new AbortController();
  /** The last call, and how many have joined the invocation that is running. */
  let calledAt = Number.NEGATIVE_INFINITY;
  let joined = 0;

  async function look(budget: Budget): Promise<Invocation> {
    const stops = [
      every(clock, POLL_MS, () => worker.wake({ kind: 'everything' })),
      every(clock, HEARTBEAT_MS, () => void beat('running')),
    ];
    try {
      const done = await worker.runWithin(budget);
      return { ...done, spent: budget.spentBy ?? null };
    } finally {
      for (const stop of stops) stop();
      // Before the last look: a run that starts from here on calls a worker.
      await beat('stopped');
    }
  }

  /** Requests the next invocation, if this one leaves work. Otherwise the next check of pg_cron does. */
  async function finish(invocation: Promise<Invocation>): Promise<Invocation> {
    const done = await invocation;
    if (!inBackground || !done.more || (done.steps === 0 && joined === 0)) return done;
    // The database makes one call a second, so it would leave out one that follows the last call sooner.
    const tooEarlyBy = calledAt + LAST_LOOK_MS - clock.now();
    if (tooEarlyBy > 0 && !closing.signal.aborted) await pause(clock, tooEarlyBy, closing.signal);
    if (running) return done;
    await options.callAgain().catch((error: unknown) => {
      options.onError('the next invocation could not be requested', error);
    });
    return done;
  }

  async function run(): Promise<Invocation> {
    const budget = options.startBudget();
    let done = await look(budget);
    let { steps } = done;
    let lookedAt: number;
    do {
      if (!inBackground || done.spent || closing.signal.aborted) break;
      resting = new AbortController();
      await pause(clock, LAST_LOOK_MS, AbortSignal.any([resting.signal, closing.signal]));
      if (closing.signal.aborted) break;
      lookedAt = clock.now();
      done = await look(budget);
      steps += done.steps;
      // A call ends the pause, and starts within a second of it make no call of their own.
    } while (done.steps > 0 || lookedAt < calledAt + LAST_LOOK_MS);
    return { ...done, steps };
  }

  return {
    call() {
      calledAt = clock.now();
      if (running) {
        joined += 1;
        worker.wake({ kind: 'everything' });
        resting.abort();
        return running;
      }
      // A call after the last look starts an invocation of its own.
      joined = 0;
      running = run().finally(() => {
        running = undefined;
        options.onEnd?.();
      });
      return finish(running);
    },
    close: () => closing.abort(),
  };
}

/** The engine with its heartbeats written one after another: the last one that is sent is the one that counts. */
export function withOrderedHeartbeats(engine: Engine): Engine {
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = last.then(write);
    last = written.catch(() => undefined);
    return written;
  }
  return {
    ...engine,
    heartbeat: (heartbeat) => inTurn(() => engine.heartbeat(heartbeat)),
    expireLeases: (leaseSeconds, heartbeat) =>
      inTurn(() => engine.expireLeases(leaseSeconds, heartbeat)),
  };
}
