// The state of a worker: created -> running -> draining -> stopped. A worker that serves invocations runs
// again after it has stopped, each time within the budget of that invocation.

import type { Clock } from '../_shared/clock/clock.ts';
import { type Budget, unlimited } from './budget.ts';

export type WorkerState = 'created' | 'running' | 'draining' | 'stopped';

/** The states that may follow each state. */
export const TRANSITIONS: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  created: ['running', 'stopped'],
  running: ['draining'],
  draining: ['stopped'],
  stopped: ['running'],
};

export interface LifecycleOptions {
  clock: Clock;
  /** Steps, statements or messages are in flight. */
  isBusy(): boolean;
  /** Called when an invocation becomes idle: whether it has found one more thing to do before it ends. */
  continueInvocation(): boolean;
  /** Cancels the steps in flight and returns tokens to the queue; resolves with whether there were any. */
  handBack(): Promise<boolean>;
}

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #idleWaiters = new Set<() => void>();
  #state: WorkerState = 'created';
  #budget: Budget = unlimited;
  #drained = Promise.resolve(false);

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get state(): WorkerState {
    return this.#state;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Whether new steps may start: the worker is running and its budget is not spent. */
  get acceptsWork(): boolean {
    return this.isRunning && !this.#budget.spent;
  }

  run(budget: Budget = unlimited): void {
    this.#enter('running');
    this.#budget = budget;
  }

  /**
   * Stops: waits up to `graceMs` for the steps in flight, and releases the rest. Resolves with whether tokens were
   * released. A second call joins the first.
   */
  stop(graceMs: number): Promise<boolean> {
    if (this.#state === 'running') {
      this.#enter('draining');
      this.#drained = this.#drain(graceMs);
    } else if (this.#state === 'created') {
      this.#enter('stopped');
    }
    return this.#drained;
  }

  /** Resolves with true when no step is in flight, or with false if this takes longer than `withinMs`. */
  idle(withinMs: number): Promise<boolean> {
    const { clock, isBusy } = this.#options;
    if (!isBusy()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = clock.after(Math.max(0, withinMs), () => end(false));
      const onIdle = () => end(true);
      const end = (isIdle: boolean) => {
        cancel();
        this.#idleWaiters.delete(onIdle);
        resolve(isIdle);
      };
      this.#idleWaiters.add(onIdle);
    });
  }

  /** To be called whenever something in flight has ended. */
  checkIdle(): void {
    if (this.#options.isBusy()) return;
    const isInvocation = this.#budget !== unlimited;
    if (isInvocation && this.acceptsWork && this.#options.continueInvocation()) return;
    for (const onIdle of [...this.#idleWaiters]) onIdle();
  }

  async #drain(graceMs: number): Promise<boolean> {
    if (graceMs > 0) await this.idle(graceMs);
    const handedBack = await this.#options.handBack();
    this.#budget = unlimited;
    this.#enter('stopped');
    return handedBack;
  }

  #enter(next: WorkerState): void {
    if (!TRANSITIONS[this.#state].includes(next)) {
      throw new Error(`a worker that is ${this.#state} cannot become ${next}`);
    }
    this.#state = next;
  }
}
