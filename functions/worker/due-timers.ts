// Fires what is due, beside the search for tokens: timers of runs, run deadlines and schedules. One statement
// wakes all due runs; if it takes too long, each run is woken by a statement of its own, and a run that
// takes too long alone fails.

import { isStatementTimeout } from '../_shared/db/faults.ts';
import type { Engine } from './engine/engine.ts';
import type { Signal } from './producer.ts';
import { runSchedules, type ScheduleEngine } from './schedules.ts';
import type { Timers } from './timers.ts';

const RETRY_MS = 1_000;
/** Bounds of the timer for the next due time; the poll covers longer times. */
const MIN_DUE_MS = 5;
const MAX_DUE_MS = 60_000;

export interface DueTimersOptions {
  engine: Pick<Engine, 'wake' | 'dueRuns' | 'wakeRun' | 'failUnwakeable'> & ScheduleEngine;
  timers: Timers;
  acceptsWork(): boolean;
  /** The next timer is due. */
  onDue(): void;
  /** A published version has to be checked. */
  onChecks(): void;
  /** A webhook delivery is due. */
  onDeliveries(): void;
  /** A mail of Stepbase itself waits to be sent. */
  onMails(): void;
  /** A stored output has to be deleted. */
  onOutputs(): void;
  /** A slice of an operation on many runs is due. */
  onOperations(): void;
  /** Steps or runs may have become ready. */
  onFired(...signals: Signal[]): void;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class DueTimers {
  readonly #options: DueTimersOptions;
  #work: Promise<void> | undefined;
  #isWanted = false;
  /** A timer is known to be due, or unknown: firing it may make tokens. */
  #mayMakeTokens = false;
  #hasFailed = false;
  #cancelDue = () => {};

  constructor(options: DueTimersOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#work !== undefined;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  settled(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /**
   * Fires what is due. During a call, a second call is noted: then it fires once more. `isPoll`: not just the time
   * of the next timer has changed, so tokens may be made.
   */
  start(isPoll: boolean): void {
    this.#isWanted = true;
    if (isPoll) this.#mayMakeTokens = true;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      // A call after the last round, and before this.
      if (this.#isWanted && this.#options.acceptsWork()) this.start(false);
      else this.#options.onIdle();
    });
  }

  async #run(): Promise<void> {
    const { acceptsWork, onDue, onError, timers } = this.#options;
    while (this.#isWanted && acceptsWork()) {
      this.#isWanted = false;
      try {
        await this.#fire();
        this.#hasFailed = false;
      } catch (error) {
        this.#hasFailed = true;
        this.#mayMakeTokens = true;
        onError('the timers that are due could not be fired; retrying in 1 s', error);
        timers.later(RETRY_MS, onDue);
      }
    }
  }

  async #fire(): Promise<void> {
    const { engine, onChecks, onDeliveries, onMails, onOutputs, onOperations, onFired } =
      this.#options;
    const mayMakeTokens = this.#mayMakeTokens;
    this.#mayMakeTokens = false;
    const next = await engine.wake().catch(async (error: unknown) => {
      if (!isStatementTimeout(error)) throw error;
      await this.#wakeOneByOne();
      return await engine.wake();
    });
    this.#wakeIn(next.inMs);
    if (next.checks) onChecks();
    if (next.deliveries) onDeliveries();
    if (next.mails) onMails();
    if (next.outputs) onOutputs();
    if (next.operations) onOperations();
    if (next.schedules) {
      await runSchedules(engine);
      this.#isWanted = true;
      onFired('outbox', 'backlog', 'queue');
    } else if (mayMakeTokens) {
      onFired('queue', ...(next.messages ? (['outbox'] as const) : []));
    }
  }

  async #wakeOneByOne(): Promise<void> {
    const { engine, onError } = this.#options;
    for (const runId of await engine.dueRuns()) {
      try {
        await engine.wakeRun(runId);
      } catch (error) {
        if (!isStatementTimeout(error)) throw error;
        onError(`run ${runId} could not be woken in time; it fails`, error);
        await engine.failUnwakeable(runId);
      }
    }
  }

  #wakeIn(dueInMs: number | undefined): void {
    this.#cancelDue();
    if (dueInMs === undefined) return;
    const ms = Math.min(Math.max(dueInMs, MIN_DUE_MS), MAX_DUE_MS);
    this.#cancelDue = this.#options.timers.later(ms, () => {
      this.#mayMakeTokens = true;
      this.#options.onDue();
    });
  }
}
